package hf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"pgsrm/internal/jsonobject"
	"pgsrm/lm"
	"pgsrm/safetensors"
	"pgsrm/tokenizer"
)

// tokenizerFiles are the files of a tokenizer beside tokenizer.json.
var tokenizerFiles = []string{
	tokenizerConfigFile, "special_tokens_map.json", "added_tokens.json",
	"chat_template.jinja", "chat_template.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model",
}

// keptFiles are the files of a model folder, beside weights and tokenizer.json,
// that are read with a model and written back with it.
var keptFiles = slices.Concat([]string{configFile, generationFile}, tokenizerFiles, []string{memoryFile})

// maxKept bounds such a file, as the tokenizer bounds its own.
const maxKept = 64 << 20

// readKept reads those of the named files that a folder has.
func readKept(fsys fs.FS, names []string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range names {
		limit := maxKept
		if name == memoryFile {
			limit = maxMemory
		}
		text, err := readBounded(fsys, name, limit)
		switch {
		case err == nil:
			files[name] = text
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
	}
	return files, nil
}

// folderConfig is the configuration that the files of a folder describe. As in
// transformers' generate, the end tokens of generation_config.json come before
// those of config.json; of several, the tokenizer's eos_token is Config.EOS.
func folderConfig(files map[string][]byte, tok *tokenizer.Tokenizer) (lm.Config, error) {
	cfg, err := ParseConfig(files[configFile])
	if err != nil || cfg.NoHead {
		return cfg, err
	}
	ends := endsOf(cfg)
	if text := files[generationFile]; text != nil {
		f, err := parseFields(generationFile, text)
		if err != nil {
			return cfg, err
		}
		if given := f.tokens("eos_token_id", nil, cfg.Vocab); given != nil {
			ends = given
		}
		if f.err != nil {
			return cfg, f.err
		}
	}
	first, err := namedToken(files[tokenizerConfigFile], "eos_token", tok)
	setEnds(&cfg, ends, first)
	return cfg, err
}

// namedToken is the id of a token that tokenizer_config.json names, such as eos_token,
// -1 if it names none, or there is no tokenizer.
func namedToken(text []byte, member string, tok *tokenizer.Tokenizer) (int32, error) {
	if text == nil || tok == nil {
		return -1, nil
	}
	f, err := parseFields(tokenizerConfigFile, text)
	if err != nil {
		return -1, err
	}
	raw := f.raw[member]
	var name string
	var object struct{ Content string }
	if json.Unmarshal(raw, &object) == nil {
		name = object.Content
	} else if len(raw) > 0 && json.Unmarshal(raw, &name) != nil {
		f.fail(member, "a text or an object with content")
	}
	if id, ok := tok.ID(name); ok {
		return id, f.err
	}
	return -1, f.err
}

// endsOf are all end tokens.
func endsOf(c lm.Config) []int32 {
	switch {
	case c.EndTokens != nil:
		return c.EndTokens
	case c.EOS >= 0:
		return []int32{c.EOS}
	}
	return nil
}

// setEnds makes ids the end tokens and EOS the first of them, or the preferred
// one if it is among them.
func setEnds(c *lm.Config, ids []int32, preferred int32) {
	c.EOS, c.EndTokens = -1, nil
	if len(ids) > 0 {
		c.EOS = ids[0]
	}
	if len(ids) > 1 {
		c.EndTokens = ids
	}
	if slices.Contains(ids, preferred) {
		c.EOS = preferred
	}
}

// folderFiles returns what a folder of the model holds beside its weights, by name:
// what the folder that it was loaded from held, and what that lacked. dtype names
// the type of the weights ("" = of several types, or as before).
func (m *Model) folderFiles(dtype safetensors.DType) map[string][]byte {
	files := map[string][]byte{
		configFile: configJSON(m.Config, dtype), generationFile: generationJSON(m.Config),
		tokenizerConfigFile: tokenizerConfigJSON(m.Config, m.Tokenizer),
	}
	kept := maps.Clone(m.files)
	// a configuration that has changed since is written anew
	if c, err := folderConfig(kept, m.Tokenizer); err != nil || !reflect.DeepEqual(c.WithDefaults(), m.Config) {
		delete(kept, configFile)
		delete(kept, generationFile)
	} else {
		kept[configFile] = retyped(kept[configFile], m.Config, dtype)
		delete(files, generationFile) // where it is absent, config.json says all of it
	}
	maps.Copy(files, kept)
	m.addMemory(files)
	files[tokenizerFile] = m.Tokenizer.JSON()
	m.addCard(files)
	return files
}

// retyped is a config.json with the type of the weights as it is now, and with
// the architecture, which other programs need; everything else as it was.
func retyped(text []byte, c lm.Config, dtype safetensors.DType) []byte {
	f, err := parseFields(configFile, text)
	if err != nil {
		return text // not reached: it has been parsed before
	}
	set := map[string]any{}
	if dtype != "" {
		name := "torch_dtype"
		if f.raw["dtype"] != nil {
			name = "dtype"
		}
		set[name] = torchTypes[dtype]
	}
	if f.raw["architectures"] == nil {
		set["architectures"] = []string{classes[c.Family]}
	}
	if len(set) == 0 {
		return text
	}
	return withMembers(text, set)
}

// withMembers is the JSON object in text with some members set: in their places,
// new ones at the end.
func withMembers(text []byte, set map[string]any) []byte {
	var b bytes.Buffer
	put := func(name string, value []byte) { fmt.Fprintf(&b, "%s:%s,", jsonobject.Text(name), value) }
	b.WriteByte('{')
	err := jsonobject.Each(text, func(name string, value json.RawMessage) error {
		if v, ok := set[name]; ok {
			value = jsonobject.Text(v)
			delete(set, name)
		}
		put(name, value)
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(set)) {
		put(name, jsonobject.Text(set[name]))
	}
	var out bytes.Buffer
	if err := errors.Join(err, json.Indent(&out, append(bytes.TrimSuffix(b.Bytes(), []byte(",")), '}'), "", "  ")); err != nil {
		return text // not reached: the object has been parsed before
	}
	return append(out.Bytes(), '\n')
}
