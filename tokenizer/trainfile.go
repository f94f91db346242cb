package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// json writes the file. The first special tokens of the vocabulary are its added
// tokens.
func (tr *trainer) json(special int) ([]byte, error) {
	type m = map[string]any
	level := m{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	added := []m{}
	for id, s := range tr.tokens[:special] {
		added = append(added, m{"id": id, "content": s, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})
	}
	merges := [][2]string{}
	for _, p := range tr.merges {
		merges = append(merges, [2]string{tr.tokens[p[0]], tr.tokens[p[1]]})
	}
	vocab, err := orderedVocab(tr.tokens)
	if err != nil {
		return nil, err
	}
	return indented(m{"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added, "normalizer": nil,
		"pre_tokenizer": level, "post_processor": nil, "decoder": level,
		"model": m{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocab, "merges": merges}})
}

// orderedVocab writes {token: id} in the order of the ids.
func orderedVocab(tokens []string) (json.RawMessage, error) {
	b := []byte{'{'}
	for id, token := range tokens {
		key, err := compact(token)
		if err != nil {
			return nil, err
		}
		if id > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%s:%d", key, id)
	}
	return append(b, '}'), nil
}

// compact writes one value without escaping HTML.
func compact(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// indented writes the whole file.
func indented(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
