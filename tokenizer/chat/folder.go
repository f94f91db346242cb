package chat

import (
	"encoding/json"
	"fmt"
	"slices"

	"pgsrm/jinja"
)

// Names of the files of a folder that say how it chats.
const (
	templateFile = "chat_template.jinja"
	configFile   = "tokenizer_config.json"
	specialFile  = "special_tokens_map.json"
)

// specialNames are the tokens that a template may name.
var specialNames = []string{"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}

// FromFiles reads the chat template of a Hugging Face folder, given its files by
// name, as transformers does: chat_template.jinja, else chat_template in
// tokenizer_config.json, a text or a list of named ones, of which the one named
// default counts. It returns nil where the folder has none.
func FromFiles(files map[string][]byte) (*Template, error) {
	source, ok, err := Source(files)
	if !ok || err != nil {
		return nil, err
	}
	t, err := parse(source)
	if err != nil {
		return nil, err
	}
	t.tokens, err = specialTokens(files)
	return t, err
}

// Source is the text of the template that FromFiles reads; ok is false where the
// folder has none.
func Source(files map[string][]byte) (source string, ok bool, err error) {
	var config struct {
		Template json.RawMessage `json:"chat_template"`
	}
	if text := files[configFile]; text != nil {
		if err := json.Unmarshal(text, &config); err != nil {
			return "", false, fmt.Errorf("%s: must be a JSON object (got %w)", configFile, err)
		}
	}
	if text := files[templateFile]; text != nil {
		return string(text), true, nil
	}
	return defaultTemplate(config.Template)
}

// defaultTemplate reads the member chat_template; ok is false where it is absent.
func defaultTemplate(raw json.RawMessage) (source string, ok bool, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", false, nil
	}
	if json.Unmarshal(raw, &source) == nil {
		return source, true, nil
	}
	var named []struct{ Name, Template string }
	if json.Unmarshal(raw, &named) != nil {
		return "", false, fmt.Errorf("%s: chat_template must be a text or a list of objects with name and template", configFile)
	}
	var names []string
	for _, one := range named {
		if one.Name == "default" {
			source, ok = one.Template, true // of several the last, as in a dict
		}
		names = append(names, one.Name)
	}
	if !ok {
		return "", false, fmt.Errorf("%s: chat_template must have one named default (got %q)", configFile, names)
	}
	return source, true, nil
}

// specialTokens are the values of the tokens that a template may name. One that
// no file tells, and that transformers may know from the class of the tokenizer,
// must not be read.
func specialTokens(files map[string][]byte) (jinja.Vars, error) {
	config, err := members(files, configFile)
	if err != nil {
		return nil, err
	}
	if _, ok := config["added_tokens_decoder"]; !ok { // only then the older file counts
		older, err := members(files, specialFile)
		if err != nil {
			return nil, err
		}
		for name, raw := range older {
			config[name] = raw
		}
	}
	var class string
	if raw := config["tokenizer_class"]; raw != nil && json.Unmarshal(raw, &class) != nil {
		return nil, fmt.Errorf("%s: tokenizer_class must be a text", configFile)
	}
	out := jinja.Vars{}
	for _, name := range specialNames {
		raw, ok := config[name]
		switch {
		case string(raw) == "null":
		case ok:
			if out[name], err = tokenText(name, raw); err != nil {
				return nil, err
			}
		case !slices.Contains([]string{"PreTrainedTokenizerFast", "TokenizersBackend", "PreTrainedTokenizer"}, class):
			out[name] = jinja.Refuse(fmt.Errorf("%s must stand in %s, as text or null: the chat template asks for it", name, configFile))
		}
	}
	return out, nil
}

// members reads a file as a JSON object; an absent one has no members.
func members(files map[string][]byte, name string) (map[string]json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	if text := files[name]; text != nil {
		if err := json.Unmarshal(text, &out); err != nil {
			return nil, fmt.Errorf("%s: must be a JSON object (got %w)", name, err)
		}
	}
	return out, nil
}

// tokenText reads a token: a text, or an object with its content.
func tokenText(name string, raw json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	var object struct{ Content *string }
	if json.Unmarshal(raw, &object) != nil || object.Content == nil {
		return "", fmt.Errorf("%s must be a text or an object with content (got %s)", name, raw)
	}
	return *object.Content, nil
}
