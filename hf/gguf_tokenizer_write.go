package hf

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"pgsrm/gguf"
	"pgsrm/tokenizer"
)

// ggufTokenizerMetadata are the pairs of a GGUF file for the tokenizer of a folder, as
// llama.cpp's convert_hf_to_gguf.py writes them: a token for each of the vocabSize ids
// of the model. ggufTokenizerFiles makes a tokenizer with the same ids of them; what
// they cannot hold is an error, but for two things that docs/format/gguf.md names.
func ggufTokenizerMetadata(files fs.FS, vocabSize int) (gguf.Metadata, error) {
	md, err := ggufTokenizerPairs(files, vocabSize)
	if err != nil {
		return nil, fmt.Errorf("tokenizer for GGUF: %w", err)
	}
	return md, nil
}

func ggufTokenizerPairs(files fs.FS, vocabSize int) (gguf.Metadata, error) {
	tok, err := tokenizer.LoadFS(files)
	if err != nil {
		return nil, err
	}
	kept, err := readKept(files, []string{configFile, generationFile, tokenizerConfigFile, templateFile})
	if err != nil {
		return nil, err
	}
	var j tokenizerJSON
	if err := json.Unmarshal(tok.JSON(), &j); err != nil {
		return nil, fmt.Errorf("%s: %w", tokenizerFile, err)
	}
	v := &ggufVocab{}
	for _, step := range []func() error{
		func() error { return v.takeModel(j) },
		func() error { return v.takeTokens(j, tok.Size(), vocabSize) },
		func() error { return v.takeSpecial(kept, tok, j.Model.Unk) },
		func() error { return v.takeAround(tok) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return v.metadata(), nil
}

// tokenizerJSON is what a GGUF file can hold of a tokenizer.json.
type tokenizerJSON struct {
	AddedTokens []struct {
		ID         int32
		Content    string
		SingleWord bool `json:"single_word"`
		LStrip     bool
		RStrip     bool
		Special    bool
	} `json:"added_tokens"`
	Normalizer   any
	PreTokenizer any `json:"pre_tokenizer"`
	Model        struct {
		Type         string
		Unk          *string `json:"unk_token"`
		Prefix       string  `json:"continuing_subword_prefix"`
		Suffix       string  `json:"end_of_word_suffix"`
		ByteFallback bool    `json:"byte_fallback"`
		IgnoreMerges bool    `json:"ignore_merges"`
		Vocab        map[string]int32
		Merges       []mergeJSON
	}
}

// mergeJSON is a merge in either spelling, ["a", "b"] or "a b".
type mergeJSON [2]string

// UnmarshalJSON implements json.Unmarshaler.
func (m *mergeJSON) UnmarshalJSON(text []byte) error {
	var line string
	if json.Unmarshal(text, &line) != nil {
		return json.Unmarshal(text, (*[2]string)(m))
	}
	m[0], m[1], _ = strings.Cut(line, " ")
	return nil
}

// metadata writes the pairs.
func (v *ggufVocab) metadata() gguf.Metadata {
	pre := "default"
	if v.kind == kindGPT2 {
		pre = v.split.names[0]
	}
	tokens := slices.Clone(v.tokens)
	for id, token := range tokens {
		if token == "" {
			tokens[id] = placeholder(id)
		}
	}
	md := gguf.Metadata{{Key: keyModel, Value: v.kind}, {Key: keyPre, Value: pre}, {Key: keyTokens, Value: tokens}}
	merges := v.merges
	if v.kind == kindLlama {
		v.scores = scoresOfMerges(v.tokens, v.ids, v.merges)
		md = append(md, gguf.Pair{Key: keyScores, Value: v.scores})
		if slices.Equal(v.mergesByScore(&ggufFields{}), merges) {
			merges = nil // the scores tell
		}
	}
	md = append(md, gguf.Pair{Key: keyTypes, Value: v.types})
	if lines := make([]string, len(merges)); v.kind == kindGPT2 || len(lines) > 0 {
		for i, m := range merges {
			lines[i] = m[0] + " " + m[1]
		}
		md = append(md, gguf.Pair{Key: keyMerges, Value: lines})
	}
	md = append(md, v.specialPairs()...)
	if v.template != "" {
		md = append(md, gguf.Pair{Key: keyTemplate, Value: v.template})
	}
	return md
}

// specialPairs writes the tokens with a part of their own.
func (v *ggufVocab) specialPairs() (md gguf.Metadata) {
	put := func(key string, id int32) {
		if id >= 0 {
			md = append(md, gguf.Pair{Key: key, Value: uint32(id)})
		}
	}
	put(keyBOS, v.bos)
	for i, end := range v.ends {
		put([]string{keyEOS, keyEOT, keyEOM}[i], end)
	}
	put(keyUnknown, v.unk)
	put(keyPadding, v.pad)
	md = append(md, gguf.Pair{Key: keyAddBOS, Value: v.addBOS})
	if v.addEOS {
		md = append(md, gguf.Pair{Key: keyAddEOS, Value: true})
	}
	return append(md, gguf.Pair{Key: keyAddSpace, Value: v.addSpace})
}
