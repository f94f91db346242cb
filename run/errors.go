package run

import (
	"errors"
	"fmt"

	"pgsrm/lm"
)

// The kinds of failure that a caller treats differently. The command line maps
// each to an exit code (cmd/pgsrm); test with errors.Is.
var (
	// ErrConfig is a configuration or input that cannot be used.
	ErrConfig = errors.New("bad configuration")
	// ErrLocked is a run directory that another process is using.
	ErrLocked = errors.New("run directory in use")
	// ErrUnavailable is a parent or an embedder that failed for too many samples.
	ErrUnavailable = errors.New("parent or embedder unavailable")
	// ErrNonFinite is a NaN or an infinity in a reward, a loss, a gradient or a weight.
	ErrNonFinite = lm.ErrNonFinite
	// ErrInterrupted is a run that was asked to stop and wrote a checkpoint.
	ErrInterrupted = errors.New("interrupted")
)

// configError marks an error as ErrConfig without a word more in its text.
type configError struct{ error }

func (e configError) Unwrap() []error { return []error{e.error, ErrConfig} }

// inConfig marks an error as one of the configuration.
func inConfig(err error) error { return configError{err} }

// configErrorf is a formatted error of the configuration.
func configErrorf(format string, args ...any) error { return inConfig(fmt.Errorf(format, args...)) }
