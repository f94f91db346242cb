package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrBad is what every Error is, for errors.Is.
var ErrBad = errors.New("bad configuration")

// Error is a value that cannot be used.
type Error struct {
	File  string // that holds the value; "" = none does
	Line  int    // in File; 0 = not known
	Flag  string // that gave the value, as the user wrote it, in the place of File
	Key   string // dotted: "rollout.top_k"; "" = the whole
	Value string // as it is shown; "" = not shown
	Must  string // what is allowed: "must be between 0 and 1"
	Hint  string // what the user may have meant; "" = no idea
	Err   error  // the cause; nil = Must says all

	within string // the part of Key that Flag does not name
}

// maxShown is the length in characters up to which a value is shown.
const maxShown = 200

// Error is one line: "FILE:LINE: KEY: MUST (got VALUE, did you mean HINT?)".
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Flag != "":
		b.WriteString(e.Flag + ": ")
	case e.File != "" && e.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", e.File, e.Line)
	case e.File != "":
		b.WriteString(e.File + ": ")
	}
	key := e.Key
	if e.Flag != "" {
		key = e.within
	}
	if key != "" {
		b.WriteString(key + ": ")
	}
	b.WriteString(e.Must)
	var more []string
	if e.Value != "" {
		more = append(more, "got "+shorten(e.Value))
	}
	if e.Hint != "" {
		more = append(more, "did you mean "+e.Hint+"?")
	}
	if len(more) > 0 {
		b.WriteString(" (" + strings.Join(more, ", ") + ")")
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// Is reports that every Error is ErrBad.
func (e *Error) Is(target error) bool { return target == ErrBad }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// shorten cuts a text that is too long for a line.
func shorten(text string) string {
	if utf8.RuneCountInString(text) <= maxShown {
		return text
	}
	return string([]rune(text)[:maxShown]) + "..."
}

// Bad makes an error of the user's input ErrBad without changing its text; nil
// stays nil.
func Bad(err error) error {
	if err == nil || errors.Is(err, ErrBad) {
		return err
	}
	return &Error{Must: err.Error(), Err: err}
}

// Errorf is a formatted Error of no key.
func Errorf(format string, args ...any) error { return Bad(fmt.Errorf(format, args...)) }

// At places an error at a key: the key of an Error becomes one in the section
// key, any other error the Error of key. Nil stays nil.
func At(key string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := err.(*Error)
	if !ok {
		return &Error{Key: key, Must: err.Error(), Err: err}
	}
	at := *e
	at.Key = join(key, e.Key)
	return &at
}

// join is the dotted name of a key in a section.
func join(section, key string) string {
	if section == "" || key == "" {
		return section + key
	}
	return section + "." + key
}

// First is the first error that is not nil.
func First(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
