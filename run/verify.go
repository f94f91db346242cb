package run

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
)

// newestState finds the newest checkpoint of the run; ok is false without one.
func (r *run) newestState() (s runState, ok bool, err error) {
	_, ok, err = r.dir.checkpoints().newest(func(step int) error {
		s, err = r.verify(step)
		return err
	})
	return s, ok, err
}

// verify reads the state of a checkpoint and checks it, and all that it depends on,
// against the run and the checksums.
func (r *run) verify(step int) (runState, error) {
	path := r.dir.checkpoints().folder(step)
	var s runState
	err := readState(filepath.Join(path, stateFile), stateVersion, &s)
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
	return s, s.checkStart(r.dir, r.configSums())
}

// checkStart holds the files that the run began with against their checksums; the
// configuration of a run that was extended has had several.
func (s runState) checkStart(d *directory, configs []string) error {
	if s.Version == 1 {
		return nil
	}
	now, err := d.startSums()
	if err != nil {
		return err
	}
	for _, name := range startFiles {
		if s.Run[name] != now[name] && !(name == ConfigFile && slices.Contains(configs, s.Run[name])) {
			return fmt.Errorf("%s: is not what the checkpoint was written with", d.file(name))
		}
	}
	return nil
}

var eventsPattern = regexp.MustCompile(`^events\.out\.tfevents\.[0-9]{1,19}\.pgsrm$`)

// check holds the state of the checkpoint of a step against the run: of so many
// steps, with so many samples each.
func (s runState) check(step, steps, perStep int) error {
	files := len(journalNames) + 1
	if _, ok := s.Bytes[WarningsFile]; !ok && len(s.Bytes) > 0 {
		files--
	}
	switch {
	case s.Step != step:
		return fmt.Errorf("step must be that of its folder, %d (got %d)", step, s.Step)
	case step > steps:
		return fmt.Errorf("step must be at most the %d of the run (got %d)", steps, step)
	case s.Dropped < 0 || s.Dropped > step*perStep:
		return fmt.Errorf("dropped must be in 0..%d (got %d)", step*perStep, s.Dropped)
	case s.OptimizerSteps < 0:
		return fmt.Errorf("optimizer_steps must be at least 0 (got %d)", s.OptimizerSteps)
	case len(s.Bytes) != files:
		return fmt.Errorf("bytes must name %d files (got %d)", files, len(s.Bytes))
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
