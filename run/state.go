package run

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"pgsrm/lm"
	"pgsrm/rl"
)

// checkpointVersion is the version of the format; others are refused.
const checkpointVersion = 1

// runState is state.json of a run: all of its state that is not weights. Random
// numbers need none, see stream.
type runState struct {
	Version        int              `json:"version"`
	Step           int              `json:"step"`
	Evaluated      bool             `json:"evaluated"`       // the evaluation due at Step is in the files
	Dropped        int              `json:"dropped"`         // samples without a reward so far
	OptimizerSteps int              `json:"optimizer_steps"` // updates that AdamW made
	Algorithm      rl.State         `json:"algorithm"`
	Bytes          map[string]int64 `json:"bytes"` // size of each append-only file
}

// save writes a checkpoint of the run as it is now.
func (r *run) save() error {
	sizes, err := r.dir.sync()
	if err != nil {
		return err
	}
	state := runState{
		Version: checkpointVersion, Step: r.done, Evaluated: r.evaluated, Dropped: r.dropped,
		OptimizerSteps: r.adam.Steps, Algorithm: r.algo.State(), Bytes: sizes,
	}
	saved := r.dir.checkpoints()
	err = saved.write(r.done, r.cfg.KeepCheckpoints, state, func(dir string) error {
		return saveTrained(dir, r.model, r.tok, r.adam)
	})
	if err != nil {
		return err
	}
	return r.events.emit(Checkpointed{Step: r.done, Path: saved.folder(r.done)})
}

// restore loads a checkpoint and returns the sizes of the append-only files.
func (r *run) restore(path string) (map[string]int64, error) {
	s, err := readState(path)
	if err != nil {
		return nil, err
	}
	if err := r.reload(filepath.Join(path, childDir)); err != nil {
		return nil, err
	}
	r.openPolicy()
	if err := loadTrainer(path, r.model, r.adam); err != nil {
		return nil, err
	}
	r.adam.Steps = s.OptimizerSteps
	r.algo.Restore(s.Algorithm)
	r.done, r.evaluated, r.dropped = s.Step, s.Evaluated, s.Dropped
	return s.Bytes, nil
}

// reload replaces the start child by that of a checkpoint: all of it, or its
// adapter on the same base.
func (r *run) reload(dir string) error {
	if r.cfg.LoRA.On() {
		r.model.DropLoRA()
		return r.model.LoadAdapter(dir, false) // the base is the start child's: checkEnvironment
	}
	m, _, err := lm.Load(dir)
	if err != nil {
		return err
	}
	m.Pool = r.model.Pool
	r.model = m
	return nil
}

// readState reads state.json of a checkpoint.
func readState(checkpoint string) (runState, error) {
	path := filepath.Join(checkpoint, stateFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return runState{}, err
	}
	var s runState
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if s.Version != checkpointVersion {
		return s, fmt.Errorf("%s: version must be %d (got %d)", path, checkpointVersion, s.Version)
	}
	return s, nil
}
