package tokenizer

import "encoding/json"

// wordLevel looks words up; one that is not there is the unknown token.
type wordLevel struct {
	vocab map[string]int32
	unk   int32
}

func parseWordLevel(p part) (model, map[string]int32, error) {
	var j struct {
		Type  string          `json:"type"`
		Unk   *string         `json:"unk_token"`
		Vocab json.RawMessage `json:"vocab"`
	}
	if err := p.read(&j); err != nil {
		return nil, nil, err
	}
	if err := required(p.where, map[string]bool{"unk_token": j.Unk == nil}); err != nil {
		return nil, nil, err
	}
	vocab, err := parseVocab(j.Vocab)
	if err != nil {
		return nil, nil, err
	}
	unk, err := find(vocab, p.where+": unk_token", *j.Unk)
	return wordLevel{vocab, unk}, vocab, err
}

// encode implements model.
func (m wordLevel) encode(dst []int32, word string, _ *scratch) []int32 {
	if id, ok := m.vocab[word]; ok {
		return append(dst, id)
	}
	return append(dst, m.unk)
}
