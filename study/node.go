package study

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"

	"pgsrm/config"
)

// reader reads the nodes of one study file.
type reader struct {
	file  string
	given map[string]string // values of --given
}

// root is the mapping that a study file is.
func (r *reader) root(text []byte) (*yaml.Node, error) {
	var doc, more yaml.Node
	docs := yaml.NewDecoder(bytes.NewReader(text))
	switch err := docs.Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return nil, &config.Error{File: r.file, Must: "must be a study, with base and grid (got an empty file)"}
	case err != nil:
		return nil, &config.Error{File: r.file, Must: "not YAML: " + strings.Join(strings.Fields(err.Error()), " "), Err: err}
	}
	if err := docs.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, &config.Error{File: r.file, Must: "must be one document"}
	}
	return doc.Content[0], r.plain(doc.Content[0])
}

// plain refuses anchors and aliases, with which a small file can grow without bounds.
func (r *reader) plain(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return r.errorAt(n, "", "must have no anchors and aliases", "")
	}
	for _, c := range n.Content {
		if err := r.plain(c); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) errorAt(n *yaml.Node, key, must, value string) error {
	return &config.Error{File: r.file, Line: n.Line, Key: key, Must: must, Value: value}
}

// pair is a key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs are the keys of a mapping in their order, each once; "null" has none.
func (r *reader) pairs(n *yaml.Node, key string) ([]pair, error) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, r.errorAt(n, key, "must be a section of keys", config.NodeText(n))
	}
	var out []pair
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			return nil, r.errorAt(k, key, "a key must be a text", config.NodeText(k))
		}
		if seen[k.Value] {
			return nil, r.errorAt(k, key, fmt.Sprintf("key %q stands twice", k.Value), "")
		}
		seen[k.Value] = true
		out = append(out, pair{k, n.Content[i+1]})
	}
	return out, nil
}

// field is a key that a section may have, and what reads its value.
type field struct {
	name string
	read func(n *yaml.Node, key string) error
}

// section reads a mapping that may have the fields and nothing else.
func (r *reader) section(n *yaml.Node, key string, fields []field) error {
	pairs, err := r.pairs(n, key)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
next:
	for _, p := range pairs {
		for _, f := range fields {
			if f.name == p.key.Value {
				if err := f.read(p.value, join(key, f.name)); err != nil {
					return err
				}
				continue next
			}
		}
		return &config.Error{
			File: r.file, Line: p.key.Line, Key: key, Hint: config.Nearest(p.key.Value, names),
			Must: fmt.Sprintf("unknown key %q, must be one of %s", p.key.Value, strings.Join(names, ", ")),
		}
	}
	return nil
}

// list is the elements of a sequence of texts.
func (r *reader) list(n *yaml.Node, key string) ([]string, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return nil, r.errorAt(n, key, "must be a list", config.NodeText(n))
	}
	var out []string
	for i, c := range n.Content {
		text, err := r.text(c, fmt.Sprintf("%s[%d]", key, i))
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// text is a scalar as it is written, with what was given in place of ${name}.
func (r *reader) text(n *yaml.Node, key string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", r.errorAt(n, key, "must be a single value", config.NodeText(n))
	}
	out, missing := r.fill(n.Value)
	if missing != "" {
		return "", r.errorAt(n, key, fmt.Sprintf("must be given: --given %s=...", missing), "")
	}
	return out, nil
}

// fill puts what was given in place of ${name}; missing is the first name that was not.
func (r *reader) fill(text string) (out, missing string) {
	for {
		before, rest, found := strings.Cut(text, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return out + text, missing
		}
		value, ok := r.given[name]
		if !ok && missing == "" {
			missing = name
		}
		out, text = out+before+value, after
	}
}

// missing is the first name in a node that was not given, "" where all were.
func (r *reader) missing(n *yaml.Node) string {
	if _, name := r.fill(n.Value); name != "" {
		return name
	}
	for _, c := range n.Content {
		if name := r.missing(c); name != "" {
			return name
		}
	}
	return ""
}

// settings are the values of a part of a configuration: nested keys are joined by dots,
// lists stand in one text.
func (r *reader) settings(n *yaml.Node, place, section string) ([]config.Setting, error) {
	pairs, err := r.pairs(n, join(place, section))
	if err != nil {
		return nil, err
	}
	var out []config.Setting
	for _, p := range pairs {
		key := join(section, p.key.Value)
		if p.value.Kind == yaml.MappingNode {
			more, err := r.settings(p.value, place, key)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		s, err := r.setting(p.value, join(place, key), key)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// setting is the value of one key of the configuration; place is where it stands in the file.
func (r *reader) setting(n *yaml.Node, place, key string) (config.Setting, error) {
	s := config.Setting{From: fmt.Sprintf("%s:%d: %s", r.file, n.Line, place), Key: key}
	var err error
	if n.Kind == yaml.SequenceNode {
		s.Value, err = r.flow(n, place)
	} else {
		s.Value, err = r.text(n, place)
	}
	return s, err
}

// flow is a list in one text, which YAML reads.
func (r *reader) flow(n *yaml.Node, key string) (string, error) {
	var v any
	if err := n.Decode(&v); err != nil {
		return "", r.errorAt(n, key, "must be a list: "+err.Error(), "")
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "", r.errorAt(n, key, "must be a list of texts, numbers and sections", "")
	}
	out, missing := r.fill(string(text))
	if missing != "" {
		return "", r.errorAt(n, key, fmt.Sprintf("must be given: --given %s=...", missing), "")
	}
	return out, nil
}

// join is the dotted name of a key in a section.
func join(section, key string) string {
	if section == "" || key == "" {
		return section + key
	}
	return section + "." + key
}
