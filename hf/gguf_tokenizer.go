package hf

import (
	"fmt"
	"maps"

	"pgsrm/gguf"
	"pgsrm/internal/jsonobject"
)

// ggufTokenizerFiles are the files of a Hugging Face folder that hold the tokenizer of
// a GGUF file, by name: tokenizer.json, tokenizer_config.json, generation_config.json
// and, where there is a template, chat_template.jinja. They give the ids of the
// tokenizer that the file was made from.
func ggufTokenizerFiles(md gguf.Metadata) (map[string][]byte, error) {
	v, err := readGGUFVocab(md)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	files := map[string][]byte{
		tokenizerFile:       jsonobject.Text(v.json()),
		tokenizerConfigFile: indented(v.config()),
		generationFile:      indented(v.generation()),
	}
	if v.template != "" {
		files[templateFile] = []byte(v.template)
	}
	return files, nil
}

// json is the tokenizer.json.
func (v *ggufVocab) json() any {
	parts := v.byteLevelParts
	if v.kind == kindLlama {
		parts = v.sentencePieceParts
	}
	file := object{"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": v.added(), "post_processor": v.post()}
	maps.Copy(file, parts())
	return file
}

// added are the tokens that are found in a text before it is cut into words.
func (v *ggufVocab) added() []object {
	list := []object{}
	for id, token := range v.tokens {
		special := v.special(int32(id))
		if token == "" || !special && v.types[id] != typeUserDefined {
			continue
		}
		list = append(list, object{"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
			"normalized": false, "special": special})
	}
	return list
}

// post is the post-processor: which tokens are put around a text.
func (v *ggufVocab) post() any {
	if !v.addBOS && !v.addEOS {
		return nil
	}
	tokens := object{}
	around := func(sequence string, kind int) []object {
		list := []object{{"Sequence": object{"id": sequence, "type_id": kind}}}
		put := func(id int32) object {
			token := v.tokens[id]
			tokens[token] = object{"id": token, "ids": []int32{id}, "tokens": []string{token}}
			return object{"SpecialToken": object{"id": token, "type_id": kind}}
		}
		if v.addBOS {
			list = append([]object{put(v.bos)}, list...)
		}
		if v.addEOS {
			list = append(list, put(v.eos))
		}
		return list
	}
	return object{"type": "TemplateProcessing", "single": around("A", 0), "pair": append(around("A", 0), around("B", 1)...),
		"special_tokens": tokens}
}

// config is the tokenizer_config.json.
func (v *ggufVocab) config() any {
	c := object{"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false}
	for name, id := range map[string]int32{"bos_token": v.bos, "eos_token": v.eos, "unk_token": v.unk, "pad_token": v.pad} {
		if id >= 0 && v.special(id) { // naming any other would make it special
			c[name] = v.tokens[id]
		}
	}
	return c
}

// generation is the generation_config.json.
func (v *ggufVocab) generation() any {
	c := object{"bos_token_id": tokenOrNull(v.bos), "eos_token_id": nil}
	switch len(v.ends) {
	case 0:
	case 1:
		c["eos_token_id"] = v.ends[0]
	default:
		c["eos_token_id"] = v.ends
	}
	if v.pad >= 0 {
		c["pad_token_id"] = v.pad
	}
	return c
}

// vocabulary are tokens at their ids, as JSON {token: id} in that order.
type vocabulary []string

// MarshalJSON implements json.Marshaler.
func (v vocabulary) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for id, token := range v {
		if token == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = fmt.Appendf(append(b, jsonobject.Text(token)...), ":%d", id)
	}
	return append(b, '}'), nil
}
