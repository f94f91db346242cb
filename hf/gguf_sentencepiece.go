package hf

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// mark is how SentencePiece writes a blank.
const mark = "▁"

// maxMergeWork bounds the bytes compared to find the merges behind scores, far above
// what the vocabularies in use need.
const maxMergeWork = 1 << 26

// byteLevelParts are the parts of the tokenizer.json of byte-level BPE.
func (v *ggufVocab) byteLevelParts() object {
	normalizer, pre := v.split.json()
	return object{"normalizer": normalizer, "pre_tokenizer": pre,
		"decoder": object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model": object{"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": v.split.ignoreMerges,
			"vocab": vocabulary(v.tokens), "merges": v.merges}}
}

// sentencePieceParts are those of SentencePiece's BPE, as transformers writes them for
// Llama: the text is one word, characters without a token become their bytes.
func (v *ggufVocab) sentencePieceParts() object {
	replace := func(from, to string) object {
		return object{"type": "Replace", "pattern": object{"String": from}, "content": to}
	}
	normalizers := []object{replace(" ", mark)}
	decoders := []object{replace(mark, " "), {"type": "ByteFallback"}, {"type": "Fuse"}}
	if v.addSpace {
		normalizers = append([]object{{"type": "Prepend", "prepend": mark}}, normalizers...)
		decoders = append(decoders, object{"type": "Strip", "content": " ", "start": 1, "stop": 0})
	}
	var unk any
	if v.unk >= 0 && v.tokens[v.unk] != "" {
		unk = v.tokens[v.unk]
	}
	return object{"normalizer": object{"type": "Sequence", "normalizers": normalizers}, "pre_tokenizer": nil,
		"decoder": object{"type": "Sequence", "decoders": decoders},
		"model": object{"type": "BPE", "dropout": nil, "unk_token": unk, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
			"vocab": vocabulary(v.tokens), "merges": v.merges}}
}

// plain says whether pieces of text make up a token.
func (v *ggufVocab) plain(id int32) bool {
	return v.tokens[id] != "" && !v.special(id) && (v.types[id] == typeNormal || v.types[id] == typeUndefined)
}

// mergesByScore are the merges that scores stand for: every cut of a token into two
// tokens, those of the best token first, and of one token those with the longest
// left part first, as transformers converts them.
func (v *ggufVocab) mergesByScore(f *ggufFields) [][2]string {
	if v.mergeWork() > maxMergeWork {
		f.fail("%s must be shorter: to find the merges of these would take long", keyTokens)
		return nil
	}
	type merge struct {
		left, right, token int32
		runes              int // of the left part
	}
	var all []merge
	for id, token := range v.tokens {
		if !v.plain(int32(id)) {
			continue
		}
		runes := 0
		for cut := range token {
			left, ok1 := v.ids[token[:cut]]
			right, ok2 := v.ids[token[cut:]]
			if ok1 && ok2 && v.plain(left) && v.plain(right) {
				all = append(all, merge{left, right, int32(id), runes})
			}
			runes++
		}
	}
	score := v.scoring()
	length := func(id int32) int { return utf8.RuneCountInString(v.tokens[id]) }
	slices.SortStableFunc(all, func(a, b merge) int {
		return cmp.Or(cmp.Compare(score(b.token), score(a.token)), cmp.Compare(b.runes, a.runes),
			cmp.Compare(length(b.right), length(a.right)), cmp.Compare(a.token, b.token), cmp.Compare(a.left, b.left))
	})
	merges := make([][2]string, len(all))
	for i, m := range all {
		merges[i] = [2]string{v.tokens[m.left], v.tokens[m.right]}
	}
	return merges
}

// mergeWork estimates the bytes that mergesByScore compares and writes.
func (v *ggufVocab) mergeWork() int {
	n := 0
	for id, token := range v.tokens {
		if v.plain(int32(id)) {
			n += len(token) * len(token)
		}
	}
	return n
}

// scoring are the scores by id. Where all are the same, as programs write them that do
// not know any, the order of the ids tells, as in every vocabulary of SentencePiece.
func (v *ggufVocab) scoring() func(id int32) float64 {
	first := slices.IndexFunc(v.types, func(t int32) bool { return t == typeNormal })
	for id, s := range v.scores {
		if v.types[id] == typeNormal && s != v.scores[first] {
			return func(id int32) float64 { return float64(v.scores[id]) }
		}
	}
	return func(id int32) float64 { return -float64(id) }
}

// scoresOfMerges are scores that order the tokens as merges do: minus the place of a
// token among those that are made, and below them the tokens that no merge makes.
func scoresOfMerges(tokens []string, ids map[string]int32, merges [][2]string) []float32 {
	place := map[int32]int{}
	for _, m := range merges {
		id := ids[m[0]+m[1]]
		if _, ok := place[id]; !ok {
			place[id] = len(place)
		}
	}
	scores, rest := make([]float32, len(tokens)), len(place)
	for id := range tokens {
		at, ok := place[int32(id)]
		if !ok {
			at = rest
			rest++
		}
		scores[id] = -float32(at)
	}
	return scores
}
