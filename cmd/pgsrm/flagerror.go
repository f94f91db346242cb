package main

import (
	"errors"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
)

// flagValues says in words what a flag of a type takes.
var flagValues = map[string]string{
	"int": "a whole number", "uint64": "a whole number", "float32": "a number", "float64": "a number", "bool": "true or false",
}

// flagError is an error of the flags of a command in the words of all other
// mistakes, with the flag that the user may have meant.
func flagError(cmd *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &bad):
		f := bad.GetFlag()
		e := &config.Error{Flag: "--" + f.Name, Value: strconv.Quote(bad.GetValue()), Err: err}
		if values, ok := flagValues[f.Value.Type()]; ok {
			e.Must = "must be " + values
			if b := boundsOf(cmd, f); b != "" && isNumber(f) {
				e.Must += " " + config.ParseInterval(b).String()
			}
			return e
		}
	case errors.As(err, &unknown):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		e := &config.Error{Must: err.Error(), Err: err}
		if near := config.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			e.Hint = "--" + near
		}
		return e
	}
	return inputError(err)
}
