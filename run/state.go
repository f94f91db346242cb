package run

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"pgsrm/hf"
	"pgsrm/internal/durable"
	"pgsrm/rl"
)

// stateVersion is the version of state.json that is written. Version 1, without
// checksums, is read too.
const stateVersion = 2

// runState is state.json of a run: all of its state that is not weights. Random
// numbers need none, see stream.
type runState struct {
	Version        int              `json:"version"`
	Step           int              `json:"step"`
	Evaluated      bool             `json:"evaluated"`            // the evaluation due at Step is in the files
	Dropped        int              `json:"dropped"`              // samples without a reward so far
	OptimizerSteps int              `json:"optimizer_steps"`      // updates that AdamW made
	HeadSteps      int              `json:"head_steps,omitempty"` // likewise, of the preference head
	Algorithm      rl.State         `json:"algorithm"`
	Bytes          map[string]int64 `json:"bytes"` // size of each append-only file
	// Run are the hex SHA-256 of the files of the run directory that the checkpoint
	// depends on, those of append-only files over their first Bytes.
	Run map[string]string `json:"run_sha256,omitempty"`
}

// save writes a checkpoint of the run as it is now; weights that are not finite
// are an error.
func (r *run) save() error {
	if err := r.checkFinite(); err != nil {
		return err
	}
	sizes, sums, err := r.dir.sync()
	if err != nil {
		return err
	}
	start, err := r.dir.startSums()
	if err != nil {
		return err
	}
	maps.Copy(sums, start)
	state := runState{
		Version: stateVersion, Step: r.done, Evaluated: r.evaluated, Dropped: r.dropped,
		OptimizerSteps: r.adam.Steps, Algorithm: r.algo.State(), Bytes: sizes, Run: sums,
	}
	if r.preference != nil {
		state.HeadSteps = r.preference.head.Optimizer.Steps
	}
	saved := r.dir.checkpoints()
	err = saved.write(r.done, state, func(dir string) error {
		err := saveTrained(dir, r.model, r.adam)
		if err == nil && r.cfg.Reward.Memory() {
			err = durable.WriteFile(filepath.Join(dir, memoryFile), r.scorer.WriteMemory)
		}
		if err == nil && r.cfg.Replay.On() {
			err = r.saveReplay(dir)
		}
		if err == nil {
			err = r.savePreference(dir)
		}
		return err
	})
	if err == nil {
		err = r.point()
	}
	if err == nil {
		err = saved.drop(r.cfg.KeepCheckpoints, r.arbiter.bestStep())
	}
	if err != nil {
		return err
	}
	return r.events.emit(Checkpointed{Step: r.done, Path: saved.folder(r.done)})
}

// checkFinite returns an error if the last update left a weight or a moment of the
// optimiser that is not finite.
func (r *run) checkFinite() error {
	err := r.model.CheckWeights()
	if err == nil {
		err = r.adam.CheckMoments()
	}
	if err != nil {
		return fmt.Errorf("step %d: %w", r.done, err)
	}
	return nil
}

// restore puts the run at a checkpoint that verify found good.
func (r *run) restore(s runState) error {
	path := r.dir.checkpoints().folder(s.Step)
	if s.Version == 1 {
		r.warnings.add(path + " is of version 1, which has no checksums: it is taken as it is")
	}
	var err error
	if r.model, err = reloadChild(r.model, filepath.Join(path, childDir)); err != nil {
		return err
	}
	if err := r.remember(); err != nil {
		return err
	}
	r.openPolicy()
	if err := loadTrainer(path, r.model.Model, r.adam); err != nil {
		return err
	}
	if r.cfg.Reward.Memory() {
		if err := r.readMemory(filepath.Join(path, memoryFile)); err != nil {
			return err
		}
	}
	if r.cfg.Replay.On() {
		if err := r.loadReplay(path); err != nil {
			return err
		}
	}
	if err := r.loadPreference(path, s.HeadSteps); err != nil {
		return err
	}
	r.adam.Steps = s.OptimizerSteps
	r.algo.Restore(s.Algorithm)
	r.done, r.evaluated, r.dropped = s.Step, s.Evaluated, s.Dropped
	return r.checkFinite()
}

// readMemory puts back what the reward has seen.
func (r *run) readMemory(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := r.scorer.ReadMemory(bufio.NewReader(io.LimitReader(f, maxState))); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// reloadChild replaces a start child by that of a checkpoint: all of it, or its
// adapter on the same base.
func reloadChild(start *hf.Model, dir string) (*hf.Model, error) {
	if _, adapted := start.LoRA(); adapted {
		start.DropLoRA()
		return start, start.LoadAdapter(dir, false) // the base is the start child's, as was checked
	}
	m, err := hf.Load(dir)
	if err != nil {
		return nil, err
	}
	m.Pool, m.Tokenizer = start.Pool, start.Tokenizer
	return m, nil
}
