package main

import (
	"errors"

	"github.com/spf13/pflag"
)

// flagValues says in words what a flag of a type takes.
var flagValues = map[string]string{
	"int": "a whole number", "uint64": "a whole number of at least 0", "float32": "a number", "float64": "a number", "bool": "true or false",
}

// flagError is an error of the flags in the words of all other mistakes.
func flagError(err error) error {
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		if values, ok := flagValues[bad.GetFlag().Value.Type()]; ok {
			return inputErrorf("--%s: must be %s (got %q)", bad.GetFlag().Name, values, bad.GetValue())
		}
	}
	return inputError(err)
}
