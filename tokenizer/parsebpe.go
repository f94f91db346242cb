package tokenizer

import (
	"encoding/json"
	"fmt"
	"strings"
)

// jsonBPE has the fields of a BPE model.
type jsonBPE struct {
	Type         string          `json:"type"`
	Dropout      *float64        `json:"dropout"`
	Unk          *string         `json:"unk_token"`
	Prefix       *string         `json:"continuing_subword_prefix"`
	Suffix       *string         `json:"end_of_word_suffix"`
	FuseUnk      *bool           `json:"fuse_unk"`
	ByteFallback *bool           `json:"byte_fallback"`
	IgnoreMerges *bool           `json:"ignore_merges"`
	Vocab        json.RawMessage `json:"vocab"`
	Merges       json.RawMessage `json:"merges"`
}

func parseBPE(p part) (model, map[string]int32, error) {
	var j jsonBPE
	if err := p.read(&j); err != nil {
		return nil, nil, err
	}
	if j.Dropout != nil && *j.Dropout != 0 {
		return nil, nil, fmt.Errorf("%s: dropout must be 0, it makes ids random (got %v)", p.where, *j.Dropout)
	}
	vocab, err := parseVocab(j.Vocab)
	if err != nil {
		return nil, nil, err
	}
	m := &bpe{vocab: vocab, unk: -1, prefix: text(j.Prefix), suffix: text(j.Suffix),
		fuseUnk: isTrue(j.FuseUnk), ignoreMerges: isTrue(j.IgnoreMerges), cache: newWordCache()}
	if j.Unk != nil {
		if m.unk, err = find(vocab, p.where+": unk_token", *j.Unk); err != nil {
			return nil, nil, err
		}
	}
	if isTrue(j.ByteFallback) {
		m.byteFallback = fallbackIDs(vocab)
	}
	pairs, err := parseMerges(j.Merges)
	if err != nil {
		return nil, nil, err
	}
	return m, vocab, m.setMerges(pairs)
}

// setMerges fills the table of merges; the rank is the position in the list.
func (m *bpe) setMerges(pairs [][2]string) error {
	m.merges = newPairTable(len(pairs))
	for rank, pair := range pairs {
		where := fmt.Sprintf("merges[%d]", rank)
		left, err := find(m.vocab, where, pair[0])
		if err != nil {
			return err
		}
		right, err := find(m.vocab, where, pair[1])
		if err != nil {
			return err
		}
		if len(pair[1]) < len(m.prefix) {
			return fmt.Errorf("%s: right part must begin with %q (got %q)", where, m.prefix, pair[1])
		}
		id, err := find(m.vocab, where, pair[0]+pair[1][len(m.prefix):])
		if err != nil {
			return err
		}
		m.merges.set(left, right, rank, id)
	}
	return nil
}

// parseMerges reads merges in either spelling, ["a", "b"] or "a b".
func parseMerges(raw json.RawMessage) ([][2]string, error) {
	var list []json.RawMessage
	if err := strict(orNull(raw), &list); err != nil {
		return nil, fmt.Errorf("merges: %w", err)
	}
	if list == nil {
		return nil, fmt.Errorf("merges: must be a list")
	}
	pairs := make([][2]string, 0, len(list))
	for i, raw := range list {
		pair, skip, err := parseMerge(raw)
		if err != nil {
			return nil, fmt.Errorf("merges[%d]: %w", i, err)
		}
		if !skip {
			pairs = append(pairs, pair)
		}
	}
	return pairs, nil
}

// parseMerge reads one merge; skip is set for a line of the old text format that
// only states its version.
func parseMerge(raw json.RawMessage) (pair [2]string, skip bool, err error) {
	if raw[0] != '"' {
		var parts []string
		if err := strict(raw, &parts); err != nil || len(parts) != 2 {
			return pair, false, fmt.Errorf("must be two tokens (got %.60s)", raw)
		}
		return [2]string(parts), false, nil
	}
	var line string
	if err := strict(raw, &line); err != nil {
		return pair, false, err
	}
	return splitMerge(line)
}

// splitMerge reads "left right".
func splitMerge(line string) (pair [2]string, skip bool, err error) {
	if strings.HasPrefix(line, "#version") {
		return pair, true, nil
	}
	parts := strings.Split(line, " ")
	if len(parts) != 2 {
		return pair, false, fmt.Errorf("must be two tokens with one space between (got %.60q)", line)
	}
	return [2]string(parts), false, nil
}
