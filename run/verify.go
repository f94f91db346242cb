package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// newestState finds the newest checkpoint of the run; ok is false without one. A
// damaged one is an error that names the newest of the others that is good.
func (r *run) newestState() (s runState, ok bool, err error) {
	steps, err := r.dir.checkpoints().steps()
	if err != nil || len(steps) == 0 {
		return s, false, err
	}
	last := len(steps) - 1
	if s, err = r.verify(steps[last]); err == nil {
		return s, true, nil
	}
	if older := r.lastGood(steps[:last]); older != "" {
		return s, false, configErrorf("checkpoint: %w; %s is good: to resume from it, remove %s and resume again", err, older, r.dir.checkpoints().folder(steps[last]))
	}
	return s, false, configErrorf("checkpoint: %w; no other checkpoint is good: start a new run in another folder", err)
}

// lastGood is the path of the newest good checkpoint of those of steps, which are
// ascending; "" where none is.
func (r *run) lastGood(steps []int) string {
	for _, step := range slices.Backward(steps) {
		if _, err := r.verify(step); err == nil {
			return r.dir.checkpoints().folder(step)
		}
	}
	return ""
}

// verify reads the state of a checkpoint and holds it, and all that it stands on,
// against the run and the checksums.
func (r *run) verify(step int) (runState, error) {
	path := r.dir.checkpoints().folder(step)
	s, err := readState(filepath.Join(path, stateFile))
	if err == nil && s.Version > 1 {
		err = checkSums(path)
	}
	if err != nil {
		return s, err
	}
	if err := s.check(step, r.steps, r.cfg.EpisodesPerStep()); err != nil {
		return s, fmt.Errorf("%s: %w", filepath.Join(path, stateFile), err)
	}
	for name, size := range s.Bytes {
		sum, err := prefixSHA(r.dir.file(name), size)
		if err == nil && s.Version > 1 && sum != s.Run[name] {
			err = fmt.Errorf("%s: its first %d bytes are not what was written", r.dir.file(name), size)
		}
		if err != nil {
			return s, err
		}
	}
	return s, s.checkStart(r.dir)
}

// checkStart holds the files that the run began with against their checksums.
func (s runState) checkStart(d *directory) error {
	if s.Version == 1 {
		return nil
	}
	now, err := d.startSums()
	if err != nil {
		return err
	}
	for _, name := range startFiles {
		if s.Run[name] != now[name] {
			return fmt.Errorf("%s: is not what the checkpoint was written with", d.file(name))
		}
	}
	return nil
}

// maxState bounds the size of state.json, which has a line for each prompt at most.
const maxState = 256 << 20

// readState reads state.json strictly: one object, every key known.
func readState(path string) (s runState, err error) {
	if st, err := os.Stat(path); err != nil {
		return s, err
	} else if st.Size() > maxState {
		return s, fmt.Errorf("%s: must have at most %d bytes (got %d)", path, maxState, st.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if v := version.Version; v < 1 || v > stateVersion {
		return s, fmt.Errorf("%s: version must be 1 to %d (got %d)", path, stateVersion, v)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return s, fmt.Errorf("%s: must be one object", path)
	}
	return s, nil
}

var eventsPattern = regexp.MustCompile(`^events\.out\.tfevents\.[0-9]{1,19}\.pgsrm$`)

// check holds the state of the checkpoint of a step against the run: of so many
// steps, with so many samples each.
func (s runState) check(step, steps, perStep int) error {
	switch {
	case s.Step != step:
		return fmt.Errorf("step must be that of its folder, %d (got %d)", step, s.Step)
	case step > steps:
		return fmt.Errorf("step must be at most the %d of the run (got %d)", steps, step)
	case s.Dropped < 0 || s.Dropped > step*perStep:
		return fmt.Errorf("dropped must be in 0..%d (got %d)", step*perStep, s.Dropped)
	case s.OptimizerSteps < 0:
		return fmt.Errorf("optimizer_steps must be at least 0 (got %d)", s.OptimizerSteps)
	case len(s.Bytes) != len(journalNames)+1:
		return fmt.Errorf("bytes must name %d files (got %d)", len(journalNames)+1, len(s.Bytes))
	}
	events := 0
	for name, size := range s.Bytes {
		switch {
		case eventsPattern.MatchString(name):
			events++
		case !slices.Contains(journalNames, name):
			return fmt.Errorf("bytes: unknown file %q", name)
		}
		if size < 0 {
			return fmt.Errorf("bytes: %s must be at least 0 (got %d)", name, size)
		}
	}
	if events != 1 {
		return fmt.Errorf("bytes must name one file %s<seconds>.pgsrm (got %d)", eventsPrefix, events)
	}
	return nil
}
