package hf

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"pgsrm/gguf"
)

// Keys of the tokenizer in a GGUF file.
const (
	keyModel    = "tokenizer.ggml.model"
	keyPre      = "tokenizer.ggml.pre"
	keyTokens   = "tokenizer.ggml.tokens"
	keyTypes    = "tokenizer.ggml.token_type"
	keyScores   = "tokenizer.ggml.scores"
	keyMerges   = "tokenizer.ggml.merges"
	keyBOS      = "tokenizer.ggml.bos_token_id"
	keyEOS      = "tokenizer.ggml.eos_token_id"
	keyEOT      = "tokenizer.ggml.eot_token_id"
	keyEOM      = "tokenizer.ggml.eom_token_id"
	keyUnknown  = "tokenizer.ggml.unknown_token_id"
	keyPadding  = "tokenizer.ggml.padding_token_id"
	keyAddBOS   = "tokenizer.ggml.add_bos_token"
	keyAddEOS   = "tokenizer.ggml.add_eos_token"
	keyAddSpace = "tokenizer.ggml.add_space_prefix"
	keyTemplate = "tokenizer.chat_template"
)

// Types of tokens.
const (
	typeUndefined   = 0
	typeNormal      = 1
	typeUnknown     = 2
	typeControl     = 3
	typeUserDefined = 4
	typeUnused      = 5
	typeByte        = 6
)

// Kinds of tokenizers, the values of tokenizer.ggml.model.
const (
	kindGPT2  = "gpt2"  // byte-level BPE
	kindLlama = "llama" // SentencePiece's BPE
)

// maxTokenBytes bounds a token, as in package tokenizer.
const maxTokenBytes = 2048

// ggufVocab is the tokenizer of a GGUF file, checked. Ids are -1 where there is none.
type ggufVocab struct {
	kind     string
	split    splitting        // of kindGPT2
	tokens   []string         // [V]; "" is an id without a token
	types    []int32          // [V]
	scores   []float32        // [V], of kindLlama; nil: the order of the ids counts
	merges   [][2]string      // the first is made first
	ids      map[string]int32 // of tokens
	bos, eos int32
	unk, pad int32
	ends     []int32 // that end a text, eos first
	addBOS   bool
	addEOS   bool
	addSpace bool   // before a text and after special tokens, of kindLlama
	template string // "" = none
}

// readGGUFVocab reads and checks the metadata of a tokenizer.
func readGGUFVocab(md gguf.Metadata) (*ggufVocab, error) {
	f := newGGUFFields(md)
	v := &ggufVocab{kind: ggufValue(f, keyModel, ""), tokens: ggufValue(f, keyTokens, []string(nil)), template: ggufValue(f, keyTemplate, "")}
	switch {
	case f.err != nil:
	case !f.has(keyModel):
		f.fail("%s must be there: the file has no tokenizer", keyModel)
	case v.kind != kindGPT2 && v.kind != kindLlama:
		f.fail("%s must be one of %s, %s (got %.100q)", keyModel, kindGPT2, kindLlama, v.kind)
	case len(v.tokens) == 0:
		f.fail("%s must not be empty", keyTokens)
	}
	if f.err != nil {
		return nil, f.err
	}
	v.readTypes(f)
	v.index(f)
	v.readKind(f)
	v.readSpecial(f)
	v.readMerges(f)
	if !utf8.ValidString(v.template) {
		f.fail("%s must be UTF-8", keyTemplate)
	}
	return v, f.err
}

// readKind reads what the kinds do differently, and their defaults, llama.cpp's.
func (v *ggufVocab) readKind(f *ggufFields) {
	v.bos, v.eos, v.unk = -1, -1, -1
	if v.kind == kindGPT2 {
		var err error
		if v.split, err = findSplitting(ggufValue(f, keyPre, "default")); err != nil {
			f.fail("%w", err)
		}
		v.addBOS = v.split.addBOS
		return
	}
	for i, id := range []*int32{&v.unk, &v.bos, &v.eos} {
		if i < len(v.tokens) && v.tokens[i] != "" {
			*id = int32(i)
		}
	}
	v.addBOS = true
	v.addSpace = ggufValue(f, keyAddSpace, true)
	v.scores = ggufValue(f, keyScores, []float32(nil))
	if f.has(keyScores) && len(v.scores) != len(v.tokens) {
		f.fail("%s must have one score for each of the %d tokens (got %d)", keyScores, len(v.tokens), len(v.scores))
	}
	if i := slices.IndexFunc(v.scores, func(s float32) bool { return s != s }); i >= 0 {
		f.fail("%s[%d] must be a number (got NaN)", keyScores, i)
	}
}

// readTypes reads the types of the tokens; without them all are normal.
func (v *ggufVocab) readTypes(f *ggufFields) {
	v.types = ggufValue(f, keyTypes, []int32(nil))
	if !f.has(keyTypes) {
		v.types = slices.Repeat([]int32{typeNormal}, len(v.tokens))
	}
	if len(v.types) != len(v.tokens) {
		f.fail("%s must have one type for each of the %d tokens (got %d)", keyTypes, len(v.tokens), len(v.types))
	}
	for id, t := range v.types {
		if t < typeUndefined || t > typeByte {
			f.fail("%s[%d] must be %d to %d (got %d)", keyTypes, id, typeUndefined, typeByte, t)
		}
	}
}

// placeholder is the unused token that stands for an id without one.
func placeholder(id int) string { return fmt.Sprintf("[PAD%d]", id) }

// index checks the tokens and finds their ids. Ids that have no token are left out.
func (v *ggufVocab) index(f *ggufFields) {
	if f.err != nil {
		return
	}
	v.ids, v.tokens = make(map[string]int32, len(v.tokens)), slices.Clone(v.tokens)
	for id, token := range v.tokens {
		if !utf8.ValidString(token) || len(token) > maxTokenBytes {
			f.fail("%s[%d] must be UTF-8 of at most %d bytes (got %.40q)", keyTokens, id, maxTokenBytes, token)
		}
		if token == "" || v.types[id] == typeUnused && token == placeholder(id) {
			v.tokens[id] = ""
			continue
		}
		if first, ok := v.ids[token]; ok {
			f.fail("%s: each must be there once (got %.40q at %d and %d)", keyTokens, token, first, id)
		}
		v.ids[token] = int32(id)
	}
}

// readMerges reads the merges, "left right" each: two tokens that make a third.
func (v *ggufVocab) readMerges(f *ggufFields) {
	lines := ggufValue(f, keyMerges, []string(nil))
	if v.kind == kindGPT2 && !f.has(keyMerges) {
		f.fail("%s must be there", keyMerges)
	}
	if f.err != nil {
		return
	}
	if !f.has(keyMerges) {
		v.merges = v.mergesByScore(f)
		return
	}
	v.merges = make([][2]string, len(lines))
	for rank, line := range lines {
		cut := strings.IndexByte(line[min(1, len(line)):], ' ') + 1
		if cut == 0 {
			f.fail("%s[%d] must be two tokens with one space between (got %.60q)", keyMerges, rank, line)
			return
		}
		left, right := line[:cut], line[cut+1:]
		for _, token := range []string{left, right, left + right} {
			if _, ok := v.ids[token]; !ok {
				f.fail("%s[%d]: %.60q must be one of the tokens (got %.60q)", keyMerges, rank, token, line)
				return
			}
		}
		v.merges[rank] = [2]string{left, right}
	}
}

// readSpecial reads which tokens have a part of their own.
func (v *ggufVocab) readSpecial(f *ggufFields) {
	id := func(key string, absent int32) int32 {
		id := f.id(key, len(v.tokens), absent)
		if f.has(key) && f.err == nil && v.tokens[id] == "" {
			f.fail("%s must be the id of a token (got %d, which has none)", key, id)
		}
		return id
	}
	v.bos, v.eos, v.unk, v.pad = id(keyBOS, v.bos), id(keyEOS, v.eos), id(keyUnknown, v.unk), id(keyPadding, -1)
	for _, end := range append([]int32{v.eos, id(keyEOT, -1), id(keyEOM, -1)}, v.turnEnds(f)...) {
		if end >= 0 && !slices.Contains(v.ends, end) {
			v.ends = append(v.ends, end)
		}
	}
	v.addBOS, v.addEOS = ggufValue(f, keyAddBOS, v.addBOS), ggufValue(f, keyAddEOS, false)
	switch {
	case v.addBOS && v.bos < 0:
		f.fail("%s must be there: %s is true", keyBOS, keyAddBOS)
	case v.addEOS && v.eos < 0:
		f.fail("%s must be there: %s is true", keyEOS, keyAddEOS)
	}
}

// turnEnds are the tokens that end an answer in the chat template, for files that leave
// eot_token_id out; llama.cpp knows such tokens by name too.
func (v *ggufVocab) turnEnds(f *ggufFields) (ids []int32) {
	if f.has(keyEOT) || f.err != nil {
		return nil
	}
	for _, name := range []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>"} {
		if id, ok := v.ids[name]; ok && v.types[id] == typeControl && strings.Contains(v.template, name) {
			ids = append(ids, id)
		}
	}
	return ids
}

// special says whether a token is one that no plain text contains: transformers makes
// those that begin and end texts special whatever their type.
func (v *ggufVocab) special(id int32) bool {
	t := v.types[id]
	return t == typeControl || t == typeUnknown || id == v.bos || slices.Contains(v.ends, id)
}
