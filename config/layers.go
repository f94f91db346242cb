package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Origin says where a value came from.
type Origin struct {
	Layer string // one of the constants below
	Name  string // of the preset or the file, the flag as the user wrote it, or what it was derived from
	Line  int    // in the file
}

// The layers, each laid over the one before.
const (
	Default  = "default"
	Preset   = "preset"
	FromFile = "file"
	Flag     = "flag"
	Derived  = "derived" // from other values
)

// String is "default", "preset sentence", "run.yaml:3" or "--task".
func (o Origin) String() string {
	switch {
	case o.Layer == Preset:
		return "preset " + o.Name
	case o.Layer == Derived:
		return "by " + o.Name
	case o.Layer == FromFile && o.Line > 0:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	case o.Name != "":
		return o.Name
	}
	return Default
}

// Setting is one value given beside the file, by a flag or by --set.
type Setting struct {
	From  string // how the user wrote it: "--task", "--set rollout.top_k"
	Key   string // dotted: "rollout.top_k"
	Value string
}

// ParseSetting reads the KEY=VALUE of a --set flag.
func ParseSetting(text string) (Setting, error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return Setting{}, &Error{Flag: "--set", Must: "must be KEY=VALUE", Value: fmt.Sprintf("%q", text)}
	}
	return Setting{From: "--set " + key, Key: key, Value: value}, nil
}

// Layers lays values over a struct and remembers where each came from.
type Layers struct {
	// Aliases are names that users of other programs know a key by; an unknown key
	// among them is answered with the key that it stands for.
	Aliases map[string]string

	root reflect.Value
	from map[string]Origin
	file string // the last file laid over
}

// Over begins with the struct that v points to, which holds the defaults.
func Over(v any) *Layers {
	return &Layers{root: reflect.ValueOf(v).Elem(), from: map[string]Origin{}}
}

// Preset lets change set values of the struct; those that differ afterwards came
// from the preset of that name.
func (l *Layers) Preset(name string, change func()) {
	before := reflect.New(l.root.Type()).Elem()
	before.Set(l.root)
	was := appendKeys(nil, "", before)
	change()
	for i, k := range appendKeys(nil, "", l.root) {
		if !k.Section && !reflect.DeepEqual(k.Value.Interface(), was[i].Value.Interface()) {
			l.from[k.Name] = Origin{Layer: Preset, Name: name}
		}
	}
}

// File lays a file over what is there.
func (l *Layers) File(f File) error {
	l.file = f.Name
	return l.decoder(f.Name, Origin{Layer: FromFile, Name: f.Name}).decode(f.Text)
}

// decoder is one that notes where the values come from.
func (l *Layers) decoder(file string, from Origin) decoder {
	return decoder{file: file, root: l.root, also: l.Aliases, set: func(key string, line int) {
		for old := range l.from { // a section that was replaced as a whole
			if strings.HasPrefix(old, key+".") {
				delete(l.from, old)
			}
		}
		from.Line = line
		l.from[key] = from
	}}
}

// Set lays one setting over what is there.
func (l *Layers) Set(s Setting) error {
	v, tag := l.root, reflect.StructTag("")
	for part := range strings.SplitSeq(s.Key, ".") {
		field, t, ok := reflect.Value{}, tag, false
		if v.Kind() == reflect.Struct {
			field, t, ok = fieldOf(v, part)
		}
		if !ok {
			e := UnknownKey(v.Addr().Interface(), s.Key)
			e.Flag, e.Hint = s.From, l.Nearest(s.Key)
			return e
		}
		v, tag = field, t
	}
	d := l.decoder("", Origin{Layer: Flag, Name: s.From})
	node, err := s.node(v, tag)
	if err == nil {
		err = d.value(node, s.Key, v, tag)
	}
	var e *Error
	if errors.As(err, &e) {
		e.Flag = s.From
	}
	return err
}

// node is the value as YAML: a text as it is, anything else as it would stand in
// a file.
func (s Setting) node(v reflect.Value, tag reflect.StructTag) (*yaml.Node, error) {
	if _, short := v.Addr().Interface().(oneText); short || v.Kind() == reflect.String {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s.Value}, nil
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(s.Value), &doc); err != nil || len(doc.Content) == 0 {
		return nil, &Error{Key: s.Key, Must: "must be " + kindName(v, tag), Value: fmt.Sprintf("%q", s.Value)}
	}
	return doc.Content[0], nil
}

// Derive notes that the value of a key follows from others.
func (l *Layers) Derive(key, from string) { l.from[key] = Origin{Layer: Derived, Name: from} }

// Nearest is the key that an unknown one may stand for, "" where none is like it.
func (l *Layers) Nearest(key string) string { return nearestKey(key, l.root, l.Aliases) }

// Origin says where the value of a key came from; of a key within a text such as
// a reward, where that text came from.
func (l *Layers) Origin(key string) Origin {
	o, _ := l.origin(key)
	return o
}

// origin is Origin, and the part of the key that was not given by itself.
func (l *Layers) origin(key string) (o Origin, within string) {
	for given := key; given != ""; {
		if o, ok := l.from[given]; ok {
			return o, strings.TrimPrefix(key[len(given):], ".")
		}
		given = given[:max(0, strings.LastIndexAny(given, ".["))]
	}
	return Origin{Layer: Default}, ""
}

// Place completes an Error that names a key by the place where its value came
// from; where nobody gave the value, by the file that was read.
func (l *Layers) Place(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.File != "" || e.Flag != "" {
		return err
	}
	at := *e
	switch o, within := l.origin(e.Key); o.Layer {
	case Flag:
		at.Flag, at.within = o.Name, within
	case FromFile:
		at.File, at.Line = o.Name, o.Line
	default:
		at.File = l.file
	}
	return &at
}
