package run

import (
	"errors"

	"pgsrm/config"
	"pgsrm/lm"
)

// The kinds of failure that a caller treats differently. The command line maps
// each to an exit code (cmd/pgsrm); test with errors.Is.
var (
	// ErrConfig is a configuration or input that cannot be used.
	ErrConfig = config.ErrBad
	// ErrLocked is a run directory that another process is using.
	ErrLocked = errors.New("run directory in use")
	// ErrUnavailable is a parent, an embedder or a function of the user's own that failed
	// for too many samples.
	ErrUnavailable = errors.New("parent, embedder or reward unavailable")
	// ErrNonFinite is a NaN or an infinity in a reward, a loss, a gradient or a weight.
	ErrNonFinite = lm.ErrNonFinite
	// ErrInterrupted is a run that was asked to stop and wrote a checkpoint.
	ErrInterrupted = errors.New("interrupted")
)
