package hf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pgsrm/internal/jsonobject"
	"pgsrm/tokenizer"
	"pgsrm/tokenizer/chat"
)

// takeModel finds the kind, how text is cut into words, and the merges.
func (v *ggufVocab) takeModel(j tokenizerJSON) error {
	m := j.Model
	if m.Type != "BPE" && m.Type != "" || m.Prefix != "" || m.Suffix != "" {
		return fmt.Errorf("%s: model must be BPE without prefix and suffix of its tokens (got %q)", tokenizerFile, m.Type)
	}
	for i, one := range m.Merges {
		if one[0] == "" || one[1] == "" || strings.Contains(one[0]+one[1], " ") {
			return fmt.Errorf("%s: merges[%d] must be two tokens without blanks (got %.60q)", tokenizerFile, i, one)
		}
		v.merges = append(v.merges, one)
	}
	if v.kind = kindGPT2; m.ByteFallback {
		v.kind = kindLlama
		return v.takeSentencePiece(j)
	}
	stages, ok := stagesOf(j.PreTokenizer)
	nfc := sameValue(j.Normalizer, object{"type": "NFC"})
	if ok && (nfc || j.Normalizer == nil || sameValue(j.Normalizer, object{"type": "Sequence", "normalizers": []any{}})) {
		for _, s := range splittings {
			if s.nfc == nfc && s.ignoreMerges == m.IgnoreMerges && slices.Equal(s.stages, stages) {
				v.split = s
				return nil
			}
		}
	}
	return fmt.Errorf("%s: normalizer, pre_tokenizer and ignore_merges must be those of a name known for GGUF, as in gpt-2, smollm, llama-bpe, qwen2 (got %s, %s, %v)",
		tokenizerFile, brief(j.Normalizer), brief(j.PreTokenizer), m.IgnoreMerges)
}

// takeSentencePiece finds whether a blank is put before a text. GGUF does not tell
// where exactly: llama.cpp puts it before each text and after each special token.
func (v *ggufVocab) takeSentencePiece(j tokenizerJSON) error {
	if j.Model.IgnoreMerges {
		return fmt.Errorf("%s: ignore_merges must be false with byte_fallback", tokenizerFile)
	}
	replace := object{"type": "Replace", "pattern": object{"String": " "}, "content": mark}
	whole := j.PreTokenizer == nil || sameValue(j.PreTokenizer, object{"type": "Split", "pattern": object{"String": " "}, "behavior": "MergedWithPrevious", "invert": false})
	sequence := func(parts ...any) object { return object{"type": "Sequence", "normalizers": parts} }
	switch n := j.Normalizer; {
	case whole && sameValue(n, sequence(object{"type": "Prepend", "prepend": mark}, replace)):
		v.addSpace = true
		return nil
	case whole && (sameValue(n, replace) || sameValue(n, sequence(replace))):
		return nil
	case n == nil:
		for scheme, space := range map[string]bool{"first": true, "always": true, "never": false} {
			if sameValue(j.PreTokenizer, object{"type": "Metaspace", "replacement": mark, "prepend_scheme": scheme, "split": false}) {
				v.addSpace = space
				return nil
			}
		}
	}
	return fmt.Errorf("%s: normalizer and pre_tokenizer with byte_fallback must be those of Llama (got %s, %s)", tokenizerFile, brief(j.Normalizer), brief(j.PreTokenizer))
}

// brief is the start of a JSON value, for messages.
func brief(v any) string { return shorten(jsonobject.Text(v)) }

// sameValue says whether two values are the same JSON.
func sameValue(a, b any) bool { return sameJSON(jsonobject.Text(a), jsonobject.Text(b)) }

// takeTokens fills the tokens with their types.
func (v *ggufVocab) takeTokens(j tokenizerJSON, size, vocabSize int) error {
	if size > vocabSize {
		return fmt.Errorf("%s: ids must lie below the %d of the model (got %d ids)", tokenizerFile, vocabSize, size)
	}
	v.tokens, v.types, v.ids = make([]string, vocabSize), slices.Repeat([]int32{typeNormal}, vocabSize), map[string]int32{}
	for token, id := range j.Model.Vocab {
		v.tokens[id] = token
	}
	for i, a := range j.AddedTokens {
		switch {
		case a.Content == "":
			continue
		case a.SingleWord || a.LStrip || a.RStrip:
			return fmt.Errorf("%s: added_tokens[%d] must be found everywhere and alone: single_word, lstrip and rstrip of %q have no place in GGUF", tokenizerFile, i, a.Content)
		}
		v.tokens[a.ID], v.types[a.ID] = a.Content, typeUserDefined
		if a.Special {
			v.types[a.ID] = typeControl
		}
	}
	for id, token := range v.tokens {
		switch {
		case token == "":
			v.types[id] = typeUnused
		case v.kind == kindLlama && v.types[id] == typeNormal && isByte(token):
			v.types[id] = typeByte
		}
		if token != "" {
			v.ids[token] = int32(id)
		}
	}
	for id, token := range v.tokens {
		if _, taken := v.ids[placeholder(id)]; token == "" && taken {
			return fmt.Errorf("%s: %q must not be a token: in GGUF it stands for id %d, which has none", tokenizerFile, placeholder(id), id)
		}
	}
	return nil
}

// isByte says whether a token stands for a byte: <0x0A>.
func isByte(token string) bool {
	hex, ok := strings.CutPrefix(token, "<0x")
	hex, end := strings.CutSuffix(hex, ">")
	_, err := strconv.ParseUint(hex, 16, 8)
	return ok && end && len(hex) == 2 && err == nil && hex == strings.ToUpper(hex)
}

// takeSpecial finds the tokens with a part of their own, and the chat template. unknown
// is the model's unk_token.
func (v *ggufVocab) takeSpecial(files map[string][]byte, tok *tokenizer.Tokenizer, unknown *string) (err error) {
	if v.template, _, err = chat.Source(files); err != nil {
		return err
	}
	if !utf8.ValidString(v.template) {
		return fmt.Errorf("chat template: must be UTF-8")
	}
	for name, id := range map[string]*int32{"bos_token": &v.bos, "eos_token": &v.eos, "unk_token": &v.unk, "pad_token": &v.pad} {
		if *id, err = namedToken(files[tokenizerConfigFile], name, tok); err != nil {
			return err
		}
	}
	if unknown != nil && v.kind == kindLlama {
		v.unk = v.ids[*unknown]
	}
	for _, file := range []string{configFile, generationFile} {
		if err := v.takeIDs(file, files[file]); err != nil {
			return err
		}
	}
	if i := slices.Index(v.ends, v.eos); i > 0 {
		v.ends[0], v.ends[i] = v.ends[i], v.ends[0]
	}
	switch {
	case len(v.ends) == 0 && v.eos >= 0:
		v.ends = []int32{v.eos}
	case len(v.ends) > 3:
		return fmt.Errorf("%s: eos_token_id must have at most 3 ids, more have no place in GGUF (got %d)", generationFile, len(v.ends))
	case len(v.ends) > 0:
		v.eos = v.ends[0]
	}
	if v.kind == kindLlama && min(v.bos, v.eos, v.unk) < 0 {
		return fmt.Errorf("%s: bos_token, eos_token and unk_token must be tokens, as in every tokenizer of SentencePiece", tokenizerConfigFile)
	}
	if v.kind == kindLlama && v.types[v.unk] == typeControl {
		v.types[v.unk] = typeUnknown
	}
	return nil
}

// takeIDs takes the ids in a configuration file: the end tokens, and what
// tokenizer_config.json does not name.
func (v *ggufVocab) takeIDs(file string, text []byte) error {
	if text == nil {
		return nil
	}
	f, err := parseFields(file, text)
	if err != nil {
		return err
	}
	for name, id := range map[string]*int32{"bos_token_id": &v.bos, "pad_token_id": &v.pad} {
		if given := f.tokens(name, nil, len(v.tokens)); *id < 0 && len(given) > 0 && v.tokens[given[0]] != "" {
			*id = given[0]
		}
	}
	if given := f.tokens("eos_token_id", nil, len(v.tokens)); given != nil {
		v.ends = slices.DeleteFunc(given, func(id int32) bool { return v.tokens[id] == "" })
	}
	return f.err
}

// takeAround finds the tokens that are put around a text.
func (v *ggufVocab) takeAround(tok *tokenizer.Tokenizer) error {
	const text = "a"
	inner, all := tok.Encode(text), tok.EncodeSpecial(text)
	if len(all) > len(inner) && !slices.Equal(all[:len(inner)], inner) {
		v.addBOS, v.bos, all = true, all[0], all[1:]
	}
	if len(all) == len(inner)+1 && all[len(inner)] == v.eos {
		v.addEOS, all = true, all[:len(inner)]
	}
	if !slices.Equal(all, inner) {
		return fmt.Errorf("%s: post_processor must put at most one token before a text and the end token after it (of %q it makes %v, which is %v)",
			tokenizerFile, text, tok.EncodeSpecial(text), inner)
	}
	return nil
}
