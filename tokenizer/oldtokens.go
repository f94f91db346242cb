package tokenizer

import (
	"encoding/json"
	"slices"
	"strconv"
)

// oldToken is a token, written as a string or as an object.
type oldToken struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// UnmarshalJSON reads either spelling; the string is a special token.
func (o *oldToken) UnmarshalJSON(raw []byte) error {
	if raw[0] == '"' {
		o.Special = true
		return json.Unmarshal(raw, &o.Content)
	}
	type plain oldToken
	return json.Unmarshal(raw, (*plain)(o))
}

func orToken(t, standard *oldToken) *oldToken {
	if t == nil {
		return standard
	}
	return t
}

// template is the post-processor: before, text, after.
func template(vocab map[string]int32, before, after *oldToken) (object, error) {
	single, tokens := []object{}, object{}
	for _, t := range []*oldToken{before, nil, after} {
		if t == nil {
			if len(single) < 2 {
				single = append(single, object{"Sequence": object{"id": "A", "type_id": 0}})
			}
			continue
		}
		id, err := find(vocab, "special token", t.Content)
		if err != nil {
			return nil, err
		}
		single = append(single, object{"SpecialToken": object{"id": t.Content, "type_id": 0}})
		tokens[t.Content] = object{"id": t.Content, "ids": []int32{id}, "tokens": []string{t.Content}}
	}
	pair := append(slices.Clone(single), object{"Sequence": object{"id": "B", "type_id": 1}})
	return object{"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}, nil
}

// gather collects the added tokens: those with ids, then the special ones named.
func (c *oldConfig) gather(named ...*oldToken) {
	c.byContent = map[string]*oldToken{}
	byID := make([]string, 0, len(c.Added))
	for id := range c.Added {
		byID = append(byID, id)
	}
	slices.SortFunc(byID, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	for _, id := range byID {
		t := c.Added[id]
		c.add(&t)
	}
	for _, t := range named {
		c.add(t)
	}
	for i := range c.More {
		c.add(&c.More[i])
	}
}

// add collects one token, once.
func (c *oldConfig) add(t *oldToken) {
	if t == nil || t.Content == "" || c.byContent[t.Content] != nil {
		return
	}
	c.byContent[t.Content] = t
	c.list = append(c.list, t)
}

// write adds the added tokens and writes the file.
func (c *oldConfig) write(file object, vocab map[string]int32) ([]byte, error) {
	added, next := []object{}, int32(len(vocab))
	for _, t := range c.list {
		id, ok := vocab[t.Content]
		if !ok {
			id = next
			next++
		}
		added = append(added, object{"id": id, "content": t.Content, "single_word": t.SingleWord, "lstrip": t.LStrip,
			"rstrip": t.RStrip, "normalized": t.Normalized, "special": t.Special})
	}
	slices.SortFunc(added, func(a, b object) int { return int(a["id"].(int32)) - int(b["id"].(int32)) })
	file["version"], file["added_tokens"] = "1.0", added
	return indented(file)
}
