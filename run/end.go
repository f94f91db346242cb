package run

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// EndFile says how the process that trained a run last left it. A killed one leaves none.
const EndFile = "end.json"

// How a run stands.
const (
	Running      = "running"       // a process trains it
	Finished     = "finished"      // at its last step
	StoppedEarly = "stopped early" // by early stopping
	Interrupted  = "interrupted"   // stopped or killed, to be resumed
	Failed       = "failed"        // ended by an error, perhaps to be resumed
	Damaged      = "damaged"       // its files cannot be read
)

// end is end.json.
type end struct {
	State   string `json:"state"`
	Step    int    `json:"step"`
	Episode int    `json:"episode"`
	At      string `json:"at"` // RFC 3339
	// Reason is the error, or why it stopped early.
	Reason string `json:"reason,omitempty"`
}

// end describes how the run ends.
func (r *run) end(err error) end {
	e := end{State: Finished, Step: r.done, Episode: r.episode(), At: r.clock().UTC().Format(time.RFC3339)}
	switch {
	case errors.Is(err, ErrInterrupted):
		e.State = Interrupted
	case err != nil:
		e.State, e.Reason = Failed, err.Error()
	case r.stopsEarly():
		e.State, e.Reason = StoppedEarly, r.arbiter.reason()
	}
	return e
}

// noteEnd writes end.json.
func (r *run) noteEnd(err error) error {
	text, failed := json.Marshal(r.end(err))
	if failed != nil {
		return failed
	}
	return r.dir.write(EndFile, append(text, '\n'))
}

// forgetEnd removes end.json, as the run goes on.
func (r *run) forgetEnd() error {
	if err := os.Remove(r.dir.file(EndFile)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readEnd reads end.json of a run directory; the zero value stands for none.
func readEnd(dir string) (e end, err error) {
	err = readSmall(filepath.Join(dir, EndFile), &e)
	if errors.Is(err, fs.ErrNotExist) {
		return end{}, nil
	}
	return e, err
}
