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
	if len(m.prefix) > maxToken || len(m.suffix) > maxToken {
		return nil, nil, fmt.Errorf("%s: continuing_subword_prefix and end_of_word_suffix must have at most %d bytes", p.where, maxToken)
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
		if len(pair[1]) < len(m.prefix) {
			return fmt.Errorf("merges[%d]: right part must begin with %q (got %q)", rank, m.prefix, pair[1])
		}
		var ids [3]int32
		for i, token := range [3]string{pair[0], pair[1], pair[0] + pair[1][len(m.prefix):]} {
			id, ok := m.vocab[token]
			if !ok {
				return fmt.Errorf("merges[%d]: %q must be in the vocabulary", rank, token)
			}
			ids[i] = id
		}
		m.merges.set(ids[0], ids[1], rank, ids[2])
	}
	return nil
}

// parseMerges reads merges in either spelling, ["a", "b"] or "a b".
func parseMerges(raw json.RawMessage) ([][2]string, error) {
	c := &cursor{text: raw}
	if !c.take('[') {
		return nil, fmt.Errorf("merges: must be a list (got %.60s)", orNull(raw))
	}
	pairs := make([][2]string, 0, min(len(raw)/16, 1<<19))
	for i := 0; !c.take(']'); i++ {
		c.take(',')
		pair, skip, err := c.merge()
		if err != nil {
			return nil, fmt.Errorf("merges[%d]: %w", i, err)
		}
		if !skip {
			pairs = append(pairs, pair)
		}
	}
	return pairs, nil
}

// merge reads one merge; skip is set for a line of the old text format that only
// states its version.
func (c *cursor) merge() (pair [2]string, skip bool, err error) {
	start := *c
	if line, ok := c.string(); ok {
		return splitMerge(line)
	}
	list := c.take('[')
	left, ok1 := c.string()
	comma := c.take(',')
	right, ok2 := c.string()
	if !list || !ok1 || !comma || !ok2 || !c.take(']') {
		return pair, false, fmt.Errorf("must be two tokens (got %.60s)", start.value())
	}
	return [2]string{left, right}, false, nil
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
