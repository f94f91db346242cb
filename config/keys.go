package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Key is one key of a configuration with its value, or a section of keys.
type Key struct {
	Name    string // dotted
	Value   reflect.Value
	Section bool
	tag     reflect.StructTag
}

// Keys lists the keys of a struct (or of a pointer to one) in the order of its
// fields, each section before its keys.
func Keys(config any) []Key {
	v := reflect.ValueOf(config)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return appendKeys(nil, "", v)
}

func appendKeys(keys []Key, path string, v reflect.Value) []Key {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if isInline(f) {
			keys = appendKeys(keys, path, v.Field(i))
			continue
		}
		key := keyOf(f)
		if key == "" {
			continue
		}
		k := Key{Name: join(path, key), Value: v.Field(i), Section: f.Type.Kind() == reflect.Struct, tag: f.Tag}
		keys = append(keys, k)
		if k.Section {
			keys = appendKeys(keys, k.Name, v.Field(i))
		}
	}
	return keys
}

// Interval is the range of a number; ok is false where none is stated.
func (k Key) Interval() (i Interval, ok bool) {
	text, ok := k.tag.Lookup("range")
	if !ok {
		return Interval{}, false
	}
	return ParseInterval(text), true
}

// Words are the words that a text may be; nil = any text.
func (k Key) Words() []string {
	if words, ok := k.tag.Lookup("oneof"); ok {
		return strings.Split(words, ", ")
	}
	return nil
}

// Type says what a value may be, as the description of the key puts it:
// "<int, 1 to 65536>", "auto | on | off", "<text>".
func (k Key) Type() string {
	if words := k.Words(); words != nil {
		return strings.Join(words, " | ")
	}
	name := map[bool]string{true: "number", false: "int"}[k.Value.CanFloat()]
	if i, ok := k.Interval(); ok {
		return "<" + name + ", " + i.short() + ">"
	}
	switch k.Value.Kind() {
	case reflect.Bool:
		return "<bool>"
	case reflect.Slice:
		return "<list>"
	case reflect.Struct:
		return "<section>"
	}
	if longest, ok := k.tag.Lookup("longest"); ok {
		return "<text, at most " + longest + " characters>"
	}
	return "<text>"
}

// Text is the value in YAML, on one line.
func (k Key) Text() string {
	var n yaml.Node
	if err := n.Encode(k.Value.Interface()); err != nil {
		return fmt.Sprint(k.Value.Interface())
	}
	flow(&n)
	text, err := yaml.Marshal(&n)
	if err != nil {
		return fmt.Sprint(k.Value.Interface())
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// flow puts a node and those in it on one line.
func flow(n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode, yaml.SequenceNode:
		n.Style = yaml.FlowStyle
	default:
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			n.Style = yaml.DoubleQuotedStyle
		}
	}
	for _, c := range n.Content {
		flow(c)
	}
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

// keysOf lists the keys of a struct itself, not of the sections in it.
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

// fieldOf finds the field with that key.
func fieldOf(v reflect.Value, key string) (reflect.Value, reflect.StructTag, bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if isInline(f) {
			if inner, tag, ok := fieldOf(v.Field(i), key); ok {
				return inner, tag, true
			}
		} else if keyOf(f) == key && key != "" {
			return v.Field(i), f.Tag, true
		}
	}
	return reflect.Value{}, "", false
}

// Difference finds the first key in which two configurations of one type differ,
// with both values; key is "" where they are equal.
func Difference(a, b any) (key, inA, inB string) {
	of := Keys(b)
	for i, k := range Keys(a) {
		if !k.Section && !reflect.DeepEqual(k.Value.Interface(), of[i].Value.Interface()) {
			return k.Name, fmt.Sprint(k.Value.Interface()), fmt.Sprint(of[i].Value.Interface())
		}
	}
	return "", "", ""
}
