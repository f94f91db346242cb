package config

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// decoder decodes YAML strictly over a struct that holds the defaults. Keys that
// are not there keep their value, also those of a section that is open but empty;
// what does not fit is an *Error. It notes the line of every key that it sets.
type decoder struct {
	file string            // "" = a setting
	root reflect.Value     // the whole struct, for hints
	also map[string]string // see Layers.Aliases
	set  func(key string, line int)
}

// errorAt is an error at a place of the file.
func (d decoder) errorAt(n *yaml.Node, key, must, got string) *Error {
	return &Error{File: d.file, Line: n.Line, Key: key, Must: must, Value: got}
}

// decode reads text over the struct.
func (d decoder) decode(text []byte) error {
	var doc, more yaml.Node
	docs := yaml.NewDecoder(bytes.NewReader(text))
	if err := docs.Decode(&doc); err == io.EOF {
		return nil
	} else if err != nil {
		return &Error{File: d.file, Must: "not YAML: " + err.Error(), Err: err}
	}
	if err := docs.Decode(&more); err != io.EOF {
		return d.errorAt(&more, "", "must be one document", "a second one")
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return d.value(doc.Content[0], "", d.root, "")
}

// value decodes one node into v, which is settable.
func (d decoder) value(n *yaml.Node, key string, v reflect.Value, tag reflect.StructTag) error {
	line := n.Line
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if short, ok := v.Addr().Interface().(oneText); ok && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return d.short(n, key, v, short)
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.section(n, key, v)
	case reflect.Slice:
		return d.list(n, key, v)
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Decode(v.Addr().Interface()) != nil {
		return d.errorAt(n, key, "must be "+kindName(v, tag), NodeText(n))
	}
	d.set(key, line)
	return nil
}

// oneText is a section that can also stand in one text. The keys of the errors of
// SetText are those within the section.
type oneText interface{ SetText(text string) error }

// short decodes a section that stands in one text.
func (d decoder) short(n *yaml.Node, key string, v reflect.Value, short oneText) error {
	if err := short.SetText(n.Value); err != nil {
		e, ok := err.(*Error)
		if !ok {
			e = &Error{Must: err.Error(), Err: err}
		}
		at := *e
		at.File, at.Line, at.Key, at.within = d.file, n.Line, join(key, e.Key), e.Key
		return &at
	}
	d.set(key, n.Line)
	return nil
}

// section decodes a mapping over a struct.
func (d decoder) section(n *yaml.Node, path string, v reflect.Value) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return d.errorAt(n, path, "must be a section of keys", NodeText(n))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		field, tag, ok := fieldOf(v, key.Value)
		if !ok {
			e := UnknownKey(v.Addr().Interface(), key.Value)
			e.File, e.Line, e.Key = d.file, key.Line, path
			e.Hint = nearestKey(join(path, key.Value), d.root, d.also)
			return e
		}
		if seen[key.Value] {
			return d.errorAt(key, path, fmt.Sprintf("key %q stands twice", key.Value), "")
		}
		seen[key.Value] = true
		if err := d.value(n.Content[i+1], join(path, key.Value), field, tag); err != nil {
			return err
		}
	}
	return nil
}

// UnknownKey is the error for a key that the section (a pointer to a struct) does
// not have; a pointer to anything else has none.
func UnknownKey(section any, key string) *Error {
	e := &Error{Key: key, Must: fmt.Sprintf("unknown key %q", shorten(key))}
	if t := reflect.TypeOf(section).Elem(); t.Kind() == reflect.Struct {
		e.Must += ", must be one of " + strings.Join(keysOf(t), ", ")
	}
	return e
}

// list decodes a sequence; its elements start from their zero value. A list of
// texts can stand in one text, with commas.
func (d decoder) list(n *yaml.Node, key string, v reflect.Value) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind == yaml.ScalarNode && v.Type().Elem().Kind() == reflect.String {
		v.Set(reflect.ValueOf(strings.FieldsFunc(n.Value, func(r rune) bool { return r == ',' || r == ' ' })))
		d.set(key, n.Line)
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return d.errorAt(n, key, "must be a list", NodeText(n))
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		if err := d.value(item, fmt.Sprintf("%s[%d]", key, i), out.Index(i), ""); err != nil {
			return err
		}
	}
	if len(n.Content) == 0 {
		out = reflect.Zero(v.Type()) // a list without elements has one form
	}
	v.Set(out)
	d.set(key, n.Line)
	return nil
}

// kindName says in an error what a value must be.
func kindName(v reflect.Value, tag reflect.StructTag) string {
	within := ""
	if text, ok := tag.Lookup("range"); ok {
		within = " " + ParseInterval(text).String()
	}
	switch {
	case v.CanInt(), v.CanUint():
		return "a whole number" + within
	case v.CanFloat():
		return "a number" + within
	case v.Kind() == reflect.Bool:
		return "true or false"
	case tag.Get("oneof") != "":
		return "one of " + tag.Get("oneof")
	}
	return "a text"
}

// NodeText shows a node in an error.
func NodeText(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a section"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Value == "":
		return "nothing"
	}
	return fmt.Sprintf("%q", shorten(n.Value))
}
