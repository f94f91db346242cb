package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
)

// sequenceA stands for the ids of the text in a post-processor's list.
const sequenceA = int32(-1)

// parsePost reads a post-processor as what it makes of one text: a list of ids
// with sequenceA for the text's own. nil means the text's ids alone.
func parsePost(where string, raw json.RawMessage, n *nest) ([]int32, error) {
	p, err := readPart(where, raw, n)
	if err != nil || p.absent {
		return nil, err
	}
	switch p.kind {
	case "ByteLevel":
		_, err := parseByteLevel(p) // moves offsets only
		return nil, err
	case "TemplateProcessing":
		return parseTemplate(p)
	case "BertProcessing", "RobertaProcessing":
		return parseClsSep(p)
	case "Sequence":
		return parsePostSequence(p)
	}
	return nil, p.unknown("BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing")
}

// templatePiece is {"Sequence": {...}} or {"SpecialToken": {...}}.
type templatePiece struct {
	Sequence *struct {
		ID   string `json:"id"`
		Type int    `json:"type_id"`
	} `json:"Sequence"`
	SpecialToken *struct {
		ID   string `json:"id"`
		Type int    `json:"type_id"`
	} `json:"SpecialToken"`
}

func parseTemplate(p part) ([]int32, error) {
	var j struct {
		Type   string          `json:"type"`
		Single []templatePiece `json:"single"`
		Pair   json.RawMessage `json:"pair"` // pairs of texts are not encoded here
		Tokens map[string]struct {
			ID     string   `json:"id"`
			IDs    []int64  `json:"ids"`
			Tokens []string `json:"tokens"`
		} `json:"special_tokens"`
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	list := []int32{}
	for i, piece := range j.Single {
		where := fmt.Sprintf("%s: single[%d]", p.where, i)
		switch {
		case piece.Sequence != nil && piece.Sequence.ID == "A":
			list = append(list, sequenceA)
		case piece.SpecialToken != nil:
			token, ok := j.Tokens[piece.SpecialToken.ID]
			if !ok {
				return nil, fmt.Errorf("%s: token %q must be in special_tokens", where, piece.SpecialToken.ID)
			}
			for _, id := range token.IDs {
				if id < 0 || id > math.MaxInt32 {
					return nil, fmt.Errorf("%s: id must lie in [0, %d] (got %d)", where, math.MaxInt32, id)
				}
				list = append(list, int32(id))
			}
		default:
			return nil, fmt.Errorf("%s: must be a SpecialToken or the Sequence A", where)
		}
	}
	return list, checkLength(p.where, list)
}

// parseClsSep reads BertProcessing and RobertaProcessing: cls text sep.
func parseClsSep(p part) ([]int32, error) {
	var j struct {
		Type        string            `json:"type"`
		Sep         []json.RawMessage `json:"sep"`
		Cls         []json.RawMessage `json:"cls"`
		TrimOffsets *bool             `json:"trim_offsets"`
		AddSpace    *bool             `json:"add_prefix_space"` // both move offsets only
	}
	if err := p.read(&j); err != nil {
		return nil, err
	}
	cls, err := parseTokenID(p.where+": cls", j.Cls)
	if err != nil {
		return nil, err
	}
	sep, err := parseTokenID(p.where+": sep", j.Sep)
	return []int32{cls, sequenceA, sep}, err
}

// parseTokenID reads [token, id].
func parseTokenID(where string, pair []json.RawMessage) (int32, error) {
	var token string
	var id uint32
	if len(pair) != 2 || json.Unmarshal(pair[0], &token) != nil || json.Unmarshal(pair[1], &id) != nil || id > math.MaxInt32 {
		return 0, fmt.Errorf("%s: must be a token and its id", where)
	}
	return int32(id), nil
}

// parsePostSequence puts each list into the next one's place for the text.
func parsePostSequence(p part) ([]int32, error) {
	lists, err := sequence(p, "processors", parsePost)
	if err != nil {
		return nil, err
	}
	all := []int32{sequenceA}
	for _, list := range lists {
		if list == nil {
			continue
		}
		all = substitute(list, all)
		if err := checkLength(p.where, all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// checkLength bounds what a post-processor makes.
func checkLength(where string, list []int32) error {
	texts := 0
	for _, id := range list {
		if id == sequenceA {
			texts++
		}
	}
	if len(list) > maxPost || texts > maxTexts {
		return fmt.Errorf("%s: must make at most %d ids, with the text at most %d times among them", where, maxPost, maxTexts)
	}
	return nil
}

// substitute returns list with inner in each place of sequenceA.
func substitute(list, inner []int32) []int32 {
	var out []int32
	for _, id := range list {
		if id == sequenceA {
			out = append(out, inner...)
		} else {
			out = append(out, id)
		}
	}
	return out
}

// checkPost checks that the post-processor's ids exist.
func (t *Tokenizer) checkPost() error {
	for _, id := range t.post {
		if id == sequenceA {
			continue
		}
		if _, ok := t.Token(id); !ok {
			return fmt.Errorf("post_processor: id must be in the vocabulary (got %d)", id)
		}
	}
	return nil
}
