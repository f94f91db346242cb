package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"pgsrm/config"
	"pgsrm/internal/printable"
	"pgsrm/run"
)

// Exit codes. Code 2 is left alone: a Go panic uses it.
const (
	exitDone        = 0
	exitFailure     = 1
	exitInput       = 3
	exitLocked      = 4
	exitUnavailable = 5
	exitNonFinite   = 6
	exitInterrupted = 130
)

// exitStatusHelp ends the help text of every command.
const exitStatusHelp = `
EXIT STATUS
  0    done
  1    failure
  3    bad configuration or input
  4    run directory in use
  5    parent, embedder or reward unavailable
  6    non-finite numbers
  130  interrupted after a checkpoint`

// inputError is err as a mistake in flags, arguments or input files, exit code 3;
// nil stays nil.
func inputError(err error) error { return config.Bad(err) }

// inputErrorf is a formatted inputError.
func inputErrorf(format string, args ...any) error { return config.Errorf(format, args...) }

// exitCode maps the kinds of errors to exit codes; this is the only such place.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, config.ErrBad):
		return exitInput
	case errors.Is(err, run.ErrLocked):
		return exitLocked
	case errors.Is(err, run.ErrUnavailable):
		return exitUnavailable
	case errors.Is(err, run.ErrNonFinite):
		return exitNonFinite
	case errors.Is(err, run.ErrInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailure
}

// printError writes the error as one line that is safe for a terminal.
func printError(w io.Writer, err error) {
	text := strings.ReplaceAll(err.Error(), context.Canceled.Error(), run.ErrInterrupted.Error())
	text = strings.Join(strings.Fields(text), " ")
	fmt.Fprintf(w, "pgsrm: %s\n", printable.Text(text))
}
