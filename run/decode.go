package run

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"pgsrm/reward"
)

// decoder decodes YAML strictly over a value that holds the defaults. Keys that
// are not there keep their default, also those of a section that is open but
// empty; what does not fit is an error with file, line, key and value.
type decoder struct{ file string }

// errorf is an error at a place of the file.
func (d decoder) errorf(n *yaml.Node, path, format string, args ...any) error {
	where := d.file
	if n != nil && n.Line > 0 {
		where = fmt.Sprintf("%s:%d", d.file, n.Line)
	}
	if path != "" {
		where += ": " + path
	}
	return fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...))
}

// decode reads text over the struct that v points to.
func (d decoder) decode(text []byte, v any) error {
	var doc, more yaml.Node
	docs := yaml.NewDecoder(bytes.NewReader(text))
	if err := docs.Decode(&doc); err == io.EOF {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: not YAML: %s", d.file, oneLine(err))
	}
	if err := docs.Decode(&more); err != io.EOF {
		return d.errorf(&more, "", "must be one document (got a second one)")
	}
	if len(doc.Content) == 0 {
		return nil
	}
	return d.value(doc.Content[0], "", reflect.ValueOf(v).Elem())
}

// oneLine is the error's text without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// value decodes one node into v, which is settable.
func (d decoder) value(n *yaml.Node, path string, v reflect.Value) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if spec, ok := v.Addr().Interface().(*reward.Spec); ok && n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return d.reward(n, path, spec)
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.section(n, path, v)
	case reflect.Slice:
		return d.list(n, path, v)
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Decode(v.Addr().Interface()) != nil {
		return d.errorf(n, path, "must be %s (got %s)", kindName(v), nodeText(n))
	}
	return nil
}

// reward decodes the short form of a reward: its name, or a sum of terms.
func (d decoder) reward(n *yaml.Node, path string, spec *reward.Spec) error {
	parsed, err := reward.ParseSpec(n.Value)
	if err != nil {
		return d.errorf(n, path, "%s", strings.TrimPrefix(err.Error(), "reward: "))
	}
	*spec = parsed
	return nil
}

// section decodes a mapping over a struct.
func (d decoder) section(n *yaml.Node, path string, v reflect.Value) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return d.errorf(n, path, "must be a section of keys (got %s)", nodeText(n))
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		field, ok := fieldOf(v, key.Value)
		if !ok {
			return d.errorf(key, path, "unknown key %q, must be one of %s", key.Value, strings.Join(keysOf(v.Type()), ", "))
		}
		if seen[key.Value] {
			return d.errorf(key, path, "key %q stands twice", key.Value)
		}
		seen[key.Value] = true
		if err := d.value(n.Content[i+1], joinPath(path, key.Value), field); err != nil {
			return err
		}
	}
	return nil
}

// list decodes a sequence; its elements start from their zero value. A list of
// texts can stand in one text, with commas.
func (d decoder) list(n *yaml.Node, path string, v reflect.Value) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	if n.Kind == yaml.ScalarNode && v.Type().Elem().Kind() == reflect.String {
		v.Set(reflect.ValueOf(strings.FieldsFunc(n.Value, func(r rune) bool { return r == ',' || r == ' ' })))
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return d.errorf(n, path, "must be a list (got %s)", nodeText(n))
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		if err := d.value(item, fmt.Sprintf("%s[%d]", path, i), out.Index(i)); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

// joinPath is the dotted name of a key in a section.
func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keysOf lists the YAML keys of a struct, in the order of its fields.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		f := t.Field(i)
		if isInline(f) {
			keys = append(keys, keysOf(f.Type)...)
		} else if key := keyOf(f); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// isInline says that the keys of the field's struct stand beside its own.
func isInline(f reflect.StructField) bool { return f.Tag.Get("yaml") == ",inline" }

// keyOf is the YAML key of a field, "" for one that is not configured.
func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if key == "-" || !f.IsExported() {
		return ""
	}
	if key == "" {
		return strings.ToLower(f.Name)
	}
	return key
}

// fieldOf finds the field with that key.
func fieldOf(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if isInline(f) {
			if inner, ok := fieldOf(v.Field(i), key); ok {
				return inner, true
			}
		} else if keyOf(f) == key && key != "" {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// kindName says in an error what a value must be.
func kindName(v reflect.Value) string {
	switch {
	case v.CanInt():
		return "a whole number"
	case v.CanUint():
		return "a whole number of at least 0"
	case v.CanFloat():
		return "a number"
	case v.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a text"
}

// nodeText shows a node in an error.
func nodeText(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a section"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Value == "":
		return "nothing"
	}
	return fmt.Sprintf("%q", n.Value)
}
