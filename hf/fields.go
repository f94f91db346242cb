package hf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"pgsrm/internal/jsonobject"
)

// fields reads the members of a JSON configuration file one by one, remembers
// which were read, and keeps the first error. A member that is null counts as
// absent where null is not given a meaning of its own.
type fields struct {
	file string
	raw  map[string]json.RawMessage
	null map[string]bool // members given as null
	read map[string]bool
	err  error

	ignored []string // unknown members of objects within
}

// parseFields splits the JSON object in text into its members.
func parseFields(file string, text []byte) (*fields, error) {
	f := &fields{file: file, raw: map[string]json.RawMessage{}, null: map[string]bool{}, read: map[string]bool{}}
	err := jsonobject.Each(text, func(name string, value json.RawMessage) error {
		if bytes.Equal(value, []byte("null")) {
			f.null[name] = true
		} else {
			f.raw[name] = value
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return f, nil
}

// fail keeps the first error.
func (f *fields) fail(name, must string) {
	if f.err == nil && f.raw[name] == nil {
		f.err = fmt.Errorf("%s: %s must be %s (it is absent)", f.file, name, must)
	} else if f.err == nil {
		f.err = fmt.Errorf("%s: %s must be %s (got %s)", f.file, name, must, shorten(f.raw[name]))
	}
}

// shorten is the compact start of a JSON value, for messages.
func shorten(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil || b.Len() <= 80 {
		return b.String()
	}
	return b.String()[:77] + "..."
}

// take decodes the first of the names that is present into dst, and demands
// that further ones say the same.
func (f *fields) take(dst any, must string, names ...string) bool {
	found := ""
	for _, name := range names {
		f.read[name] = true
		raw, ok := f.raw[name]
		switch {
		case !ok:
		case found != "" && shorten(raw) != shorten(f.raw[found]):
			f.fail(name, "the same as "+found)
		case found == "":
			found = name
			if json.Unmarshal(raw, dst) != nil {
				f.fail(name, must)
			}
		}
	}
	return found != ""
}

// int, float, text and flag return a member, or def if it is absent. Further
// names are other spellings of the same member.
func (f *fields) int(def int, names ...string) int {
	f.take(&def, "a whole number", names...)
	return def
}

func (f *fields) float(def float64, names ...string) float64 {
	f.take(&def, "a number", names...)
	return def
}

// given is a number that has no default.
func (f *fields) given(name string) float64 {
	if f.raw[name] == nil {
		f.fail(name, "given")
	}
	return f.float(0, name)
}

func (f *fields) text(def string, names ...string) string {
	f.take(&def, "a text", names...)
	return def
}

func (f *fields) flag(def bool, names ...string) bool {
	f.take(&def, "true or false", names...)
	return def
}

// token returns the first of tokens, -1 if there is none.
func (f *fields) token(name string, def int32, vocab int) int32 {
	if ids := f.tokens(name, []int32{def}, vocab); len(ids) > 0 {
		return ids[0]
	}
	return -1
}

// tokens returns a token id or a list of them; nil for null. Ids outside the
// vocabulary, which no text can contain, and repeated ones are left out.
func (f *fields) tokens(name string, def []int32, vocab int) []int32 {
	f.read[name] = true
	if f.null[name] {
		return nil
	}
	list := def
	if raw, given := f.raw[name]; given {
		var one int32
		if list = nil; json.Unmarshal(raw, &one) == nil {
			list = []int32{one}
		} else if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
			f.fail(name, "a token id or a list of them")
			return nil
		}
	}
	var ids []int32
	for _, id := range list {
		if id >= 0 && int(id) < vocab && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// only demands that a member is absent or one of the values, given as JSON.
func (f *fields) only(name string, values ...string) {
	f.read[name] = true
	same := func(value string) bool { return sameJSON(f.raw[name], []byte(value)) }
	if f.raw[name] == nil || slices.ContainsFunc(values, same) {
		return
	}
	must := strings.Join(values, " or ")
	if must == "" {
		must = "absent or null"
	}
	f.fail(name, must)
}

// sameJSON says whether two texts are the same JSON value: 1 and 1.0 are.
func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// skip marks members that have no effect on the numbers.
func (f *fields) skip(names ...string) {
	for _, name := range names {
		f.read[name] = true
	}
}

// unknown are the members that nothing has read, null ones left out.
func (f *fields) unknown() []string {
	names := slices.Clone(f.ignored)
	for name := range f.raw {
		if !f.read[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// finish returns the first error; an unknown member is one, since its effect on
// the numbers is not known.
func (f *fields) finish() error {
	for _, name := range f.unknown() {
		if f.err == nil {
			f.err = fmt.Errorf("%s: %s is unknown (got %s): its effect on the numbers is not known; remove it if it has none", f.file, name, shorten(f.raw[name]))
		}
	}
	return f.err
}
