package config

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ruled is a section with rules that its tags cannot say, such as values that
// exclude each other. Check calls Rules once the fields by themselves are right.
// The keys of its errors are those within the section.
type ruled interface{ Rules() error }

// Check reports the first value of a struct (or of a pointer to one) that its
// tags or rules refuse, as an *Error.
func Check(section any) error {
	v := reflect.ValueOf(section)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return checkStruct("", v)
}

func checkStruct(path string, v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		at := path
		if !isInline(f) {
			key := keyOf(f)
			if key == "" {
				continue
			}
			at = join(path, key)
		}
		if err := checkValue(at, v.Field(i), f.Tag); err != nil {
			return err
		}
	}
	if r, ok := v.Interface().(ruled); ok {
		return At(path, r.Rules())
	}
	return nil
}

func checkValue(key string, v reflect.Value, tag reflect.StructTag) error {
	if text, ok := tag.Lookup("range"); ok {
		return inInterval(key, v, ParseInterval(text))
	}
	switch v.Kind() {
	case reflect.Struct:
		return checkStruct(key, v)
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkValue(fmt.Sprintf("%s[%d]", key, i), v.Index(i), ""); err != nil {
				return err
			}
		}
	case reflect.String:
		if words, ok := tag.Lookup("oneof"); ok {
			return OneOf(key, v.String(), strings.Split(words, ", ")...)
		}
		if tag.Get("empty") == "no" && v.String() == "" {
			return &Error{Key: key, Must: "must not be empty"}
		}
		if longest, ok := tag.Lookup("longest"); ok {
			return notLonger(key, v.String(), longest)
		}
	}
	return nil
}

func inInterval(key string, v reflect.Value, i Interval) error {
	if x, ok := number(v); !ok || !i.Contains(x) {
		return &Error{Key: key, Must: "must be " + i.String(), Value: fmt.Sprint(v.Interface())}
	}
	return nil
}

// InRange demands that a number lies in an interval such as "(0, 1]".
func InRange[N ~int | ~int64 | ~uint64 | ~float32 | ~float64](key string, v N, interval string) error {
	return inInterval(key, reflect.ValueOf(v), ParseInterval(interval))
}

// Between demands a number between two others, which may be values themselves.
func Between(key string, v, low, high float64) error {
	if v >= low && v <= high {
		return nil
	}
	return &Error{Key: key, Must: fmt.Sprintf("must be between %g and %g", low, high), Value: fmt.Sprint(v)}
}

// OneOf demands one of the words.
func OneOf(key, v string, words ...string) error {
	if slices.Contains(words, v) {
		return nil
	}
	return &Error{Key: key, Must: "must be one of " + strings.Join(words, ", "), Value: fmt.Sprintf("%q", v), Hint: Nearest(v, words)}
}

// notLonger demands a text of at most so many characters.
func notLonger(key, v, longest string) error {
	n, err := strconv.Atoi(longest)
	if err != nil {
		panic(fmt.Sprintf("config: longest must be a number of characters (got %q)", longest))
	}
	if got := utf8.RuneCountInString(v); got > n {
		return &Error{Key: key, Must: "must have at most " + longest + " characters", Value: fmt.Sprint(got)}
	}
	return nil
}
