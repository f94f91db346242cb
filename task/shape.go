package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pgsrm/config"
)

// Fields that mean something; what else a row has is kept for rewards (Item.Columns).
const (
	fPrompt = iota
	fInput
	fReference
	fAccepted
	fSplit
	fID
	fMessages
	fCompletion
	fResponse
	fQuestion
	fAnswer
	fChosen
	fRejected
	numFields
)

// fieldNames are ours, then those of TRL, OpenAI and common data sets.
var fieldNames = [numFields]string{
	"prompt", "input", "reference", "accepted", "split", "id",
	"messages", "completion", "response", "question", "answer", "chosen", "rejected",
}

// values are the fields of one row; nil = missing or null.
type values [numFields]json.RawMessage

// first is the first of some fields that is there, -1 where none is.
func (v *values) first(fields ...int) int {
	for _, f := range fields {
		if v[f] != nil {
			return f
		}
	}
	return -1
}

// Fields that may be the prompt, and those that may be the reference, by precedence.
var (
	prompts    = []int{fPrompt, fMessages, fQuestion}
	references = []int{fReference, fCompletion, fResponse, fChosen, fAnswer}
)

// shaper makes items of rows.
type shaper struct {
	mapping mapping
	known   map[string]bool // columns that are no slip, with the fields that are missing
}

// item makes an item of a row.
func (s *shaper) item(r row) (Item, error) {
	v, err := s.values(&r)
	if err != nil {
		return Item{}, err
	}
	var it Item
	last, err := it.takePrompt(&r, &v)
	if err != nil {
		return it, err
	}
	if err := it.takeReference(&r, &v, last); err != nil {
		return it, err
	}
	for _, t := range []struct {
		field int
		into  *string
	}{{fInput, &it.Input}, {fID, &it.ID}, {fSplit, (*string)(&it.Split)}} {
		if v[t.field] == nil {
			continue
		}
		if *t.into, err = textOf(v[t.field]); err != nil {
			return it, r.errorf(fieldNames[t.field], "%v", err)
		}
	}
	if it.Accepted, err = acceptedOf(v[fAccepted], r.table); err != nil {
		return it, r.errorf("accepted", "%v", err)
	}
	it.Columns = columnsOf(r.fields)
	return it, nil
}

// values sorts the fields of a row by their meaning and applies the mapping.
func (s *shaper) values(r *row) (v values, err error) {
	for _, f := range r.fields {
		if at := slices.Index(fieldNames[:], f.name); at >= 0 && string(f.value) != "null" {
			v[at] = f.value
		}
	}
	if err := s.mapping.apply(r, &v); err != nil {
		return v, err
	}
	return v, s.slip(r, &v)
}

// slip reports a column whose name is nearly that of a field that is missing.
func (s *shaper) slip(r *row, v *values) error {
	var missing uint
	add := func(fields ...int) {
		for _, f := range fields {
			if !s.mapping.sets(f) {
				missing |= 1 << f
			}
		}
	}
	if v.first(prompts...) < 0 && v.first(fChosen) < 0 {
		add(prompts...)
	}
	if v.first(references...) < 0 {
		add(references...)
	}
	for _, f := range []int{fInput, fAccepted, fSplit} {
		if v[f] == nil {
			add(f)
		}
	}
	for _, f := range r.fields {
		key := string(rune(missing)) + f.name
		if s.known[key] || slices.Contains(fieldNames[:], f.name) || s.mapping.uses(f.name) {
			continue
		}
		var names []string
		for i, name := range fieldNames {
			if missing&(1<<i) != 0 {
				names = append(names, name)
			}
		}
		if near := config.Nearest(f.name, names); near != "" {
			return r.errorf(f.name, "is not known (did you mean %q? --map %s=%s says so, --map %s= that there is none)", near, near, f.name, near)
		}
		if len(s.known) < maxKnown {
			s.known[key] = true
		}
	}
	return nil
}

// maxKnown bounds the columns that are remembered.
const maxKnown = 10_000

// takePrompt fills in the prompt, and returns the answer of the conversation that it ends
// with, if any.
func (it *Item) takePrompt(r *row, v *values) (last string, err error) {
	at := v.first(prompts...)
	switch {
	case at < 0 && v[fChosen] != nil && v[fRejected] != nil:
		return "", it.takePreference(r, v)
	case at < 0:
		var names []string
		for _, f := range r.fields {
			if string(f.value) == "null" && slices.Contains(prompts, slices.Index(fieldNames[:], f.name)) {
				return "", r.errorf(f.name, "must not be null")
			}
			names = append(names, f.name)
		}
		return "", r.failed("must have a prompt: a field prompt, question or messages, or one that --map prompt=COLUMN names (got %s)", listed(names))
	case v[at][0] != '[' && at != fMessages:
		if it.Prompt, err = stringOf(v[at]); err != nil {
			err = r.errorf(fieldNames[at], "%v", err)
		}
		return "", err
	}
	all, err := messagesOf(v[at])
	if err != nil {
		return "", r.errorf(fieldNames[at], "%v", err)
	}
	if n := len(all) - 1; at == fMessages && all[n].Role == "assistant" {
		last, all = all[n].Content, all[:n]
	}
	if err := it.converse(all); err != nil {
		return "", r.errorf(fieldNames[at], "%v", err)
	}
	return last, nil
}

// takePreference finds the prompt that two answers begin with.
func (it *Item) takePreference(r *row, v *values) error {
	chosen, rejected := v[fChosen], v[fRejected]
	if chosen[0] == '[' {
		all, err := messagesOf(chosen)
		if err == nil {
			err = it.converse(all[:len(all)-1])
		}
		if err != nil {
			return r.errorf("chosen", "%v", err)
		}
		return nil
	}
	a, err := stringOf(chosen)
	if err != nil {
		return r.errorf("chosen", "%v", err)
	}
	b, err := stringOf(rejected)
	if err != nil {
		return r.errorf("rejected", "%v", err)
	}
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	for n > 0 && (n == len(a) || !utf8.RuneStart(a[n]) || !unicode.IsSpace(rune(a[n-1]))) {
		n--
	}
	it.Prompt = strings.TrimRightFunc(a[:n], unicode.IsSpace)
	if it.Prompt == "" {
		return r.failed("must have a prompt: chosen and rejected do not begin alike")
	}
	it.Reference, it.Rejected = strings.TrimSpace(a[n:]), strings.TrimSpace(b[n:])
	return nil
}

// takeReference fills in the reference and the rejected answer. last is what the
// conversation of the prompt ends with.
func (it *Item) takeReference(r *row, v *values, last string) (err error) {
	at := v.first(references...)
	if last != "" && (at < 0 || at == fAnswer) {
		it.Reference, at = last, -1
	}
	if at >= 0 && it.Reference == "" {
		if it.Reference, err = answerOf(v[at]); err != nil {
			return r.errorf(fieldNames[at], "%v", err)
		}
	}
	if v[fRejected] != nil && it.Rejected == "" {
		if it.Rejected, err = answerOf(v[fRejected]); err != nil {
			return r.errorf("rejected", "%v", err)
		}
	}
	return nil
}

// answerOf is a text, a number, or what the assistant says last in a conversation.
func answerOf(raw json.RawMessage) (string, error) {
	if raw[0] != '[' {
		return textOf(raw)
	}
	all, err := messagesOf(raw)
	if err != nil {
		return "", err
	}
	if m := all[len(all)-1]; m.Role != "assistant" {
		return "", fmt.Errorf("must end with a message of the assistant (got one of %s)", m.Role)
	} else {
		return m.Content, nil
	}
}

// acceptedOf is a list of answers; in a table they are separated by |.
func acceptedOf(raw json.RawMessage, table bool) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	if table {
		text, err := textOf(raw)
		if err != nil || text == "" {
			return nil, err
		}
		return strings.Split(text, "|"), nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("must be a list of strings (got %s)", excerpt(raw))
	}
	out := make([]string, len(list))
	for i, a := range list {
		var err error
		if out[i], err = textOf(a); err != nil {
			return nil, fmt.Errorf("must be a list of strings (got %s)", excerpt(raw))
		}
	}
	return out, nil
}

// stringOf is the text of a JSON string.
func stringOf(raw json.RawMessage) (string, error) {
	var text string
	switch {
	case raw[0] != '"':
		return "", fmt.Errorf("must be a string (got %s)", excerpt(raw))
	case !utf8.Valid(raw):
		return "", fmt.Errorf("must be valid UTF-8")
	}
	if inside := raw[1 : len(raw)-1]; bytes.IndexByte(inside, '\\') < 0 {
		return string(inside), nil
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("must be a string (got %s)", excerpt(raw))
	}
	return text, nil
}

// textOf is the text of a JSON string, or a number or truth value as it is written.
func textOf(raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '{', '[', 'n':
		return "", fmt.Errorf("must be a string (got %s)", excerpt(raw))
	case '"':
		return stringOf(raw)
	}
	return string(raw), nil
}

// quoted is the JSON of a text.
func quoted(text string) json.RawMessage {
	if plainText(text) {
		return append(append(append(make([]byte, 0, len(text)+2), '"'), text...), '"')
	}
	out, err := json.Marshal(text)
	if err != nil {
		return json.RawMessage(`""`) // a string always has a JSON form
	}
	return out
}

// plainText says that a text stands in JSON as it is.
func plainText(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// columnsOf is what rewards are given of a row: all but the fields that an item has.
func columnsOf(fields []field) json.RawMessage {
	size := 0
	for _, f := range fields {
		if !ownField(f.name) {
			size += len(f.name) + len(f.value) + 4
		}
	}
	if size == 0 {
		return nil
	}
	out := make([]byte, 0, size+1)
	for _, f := range fields {
		if ownField(f.name) {
			continue
		}
		out = append(append(append(out, ','), quoted(f.name)...), ':')
		out = append(out, f.value...)
	}
	out[0] = '{'
	return append(out, '}')
}

// ownField says whether a field is one of an item, which rewards are given by itself.
func ownField(name string) bool {
	switch name {
	case "prompt", "input", "reference", "accepted", "split", "id", "messages", "completion", "question":
		return true
	}
	return false
}

// listed are names for an error text.
func listed(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// check demands what every row must hold, whatever its format.
func (it *Item) check(r row) error {
	if strings.TrimSpace(it.Prompt) == "" {
		return r.errorf("prompt", "must not be empty")
	}
	for _, a := range it.Accepted {
		if strings.TrimSpace(a) == "" {
			return r.errorf("accepted", "must not hold an empty answer")
		}
	}
	if s := it.Split; s != "" && s != Train && s != HeldOut {
		return r.errorf("split", "must be %s or %s (got %q)", Train, HeldOut, s)
	}
	return nil
}
