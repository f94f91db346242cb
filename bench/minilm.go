package bench

import (
	"encoding/json"
	"fmt"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/tokenizer"
)

// encoderShape is a BERT with random weights; its vocabulary holds the words of
// the texts.
type encoderShape struct{ layers, width, heads, vocab int }

// miniLM is the shape of all-MiniLM-L6-v2.
func miniLM() encoderShape { return encoderShape{layers: 6, width: 384, heads: 12, vocab: 30522} }

// save writes the encoder as a folder.
func (s encoderShape) save(dir string) error {
	m, err := lm.NewRandom(lm.Config{
		Family: "bert", Layers: s.layers, Width: s.width, Heads: s.heads, Vocab: s.vocab, Positions: 512, Types: 2,
		Norm: lm.LayerNorm, NormEps: 1e-12, PostNorm: true, Act: lm.GELUErf, NoHead: true,
		QKVBias: true, OutBias: true, MLPBias: true, BOS: -1, EOS: -1,
	}, 1)
	if err != nil {
		return err
	}
	text, err := s.tokenizer()
	if err != nil {
		return err
	}
	tok, err := tokenizer.Parse(text)
	if err != nil {
		return err
	}
	return (&hf.Model{Model: m, Tokenizer: tok}).Save(dir)
}

// tokenizer is a tokenizer.json: WordPiece with [CLS] and [SEP] around a text.
func (s encoderShape) tokenizer() ([]byte, error) {
	type object = map[string]any
	vocab, added := object{}, []object{}
	special := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]"}
	for id, t := range special {
		vocab[t] = id
		added = append(added, object{"id": id, "content": t, "special": true,
			"single_word": false, "lstrip": false, "rstrip": false, "normalized": false})
	}
	for _, w := range words {
		vocab[w] = len(vocab)
	}
	for len(vocab) < s.vocab {
		vocab[fmt.Sprintf("[unused%d]", len(vocab))] = len(vocab)
	}
	piece := func(t string) object { return object{"SpecialToken": object{"id": t, "type_id": 0}} }
	ids := func(id int) object {
		return object{"id": special[id], "ids": []int{id}, "tokens": []string{special[id]}}
	}
	text := object{"Sequence": object{"id": "A", "type_id": 0}}
	return json.Marshal(object{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": added,
		"normalizer": object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
			"strip_accents": nil, "lowercase": true},
		"pre_tokenizer": object{"type": "BertPreTokenizer"},
		"post_processor": object{"type": "TemplateProcessing", "single": []object{piece("[CLS]"), text, piece("[SEP]")},
			"pair":           []object{piece("[CLS]"), text, piece("[SEP]")},
			"special_tokens": object{"[CLS]": ids(2), "[SEP]": ids(3)}},
		"decoder": object{"type": "WordPiece", "prefix": "##", "cleanup": true},
		"model": object{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
			"max_input_chars_per_word": 100, "vocab": vocab},
	})
}
