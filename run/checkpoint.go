package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"pgsrm/lm"
	"pgsrm/rl"
)

// Names within a checkpoint; docs/format/checkpoint.md describes them.
const (
	stateFile   = "state.json"
	trainerFile = "trainer.safetensors"
)

// checkpointVersion is the version of the format; others are refused.
const checkpointVersion = 1

// checkpointState is state.json: all of a run's state that is not weights.
// Random numbers need none, see stream.
type checkpointState struct {
	Version        int              `json:"version"`
	Step           int              `json:"step"`
	Evaluated      bool             `json:"evaluated"`       // the evaluation due at Step is in the files
	Dropped        int              `json:"dropped"`         // samples without a reward so far
	OptimizerSteps int              `json:"optimizer_steps"` // updates that AdamW made
	Algorithm      rl.State         `json:"algorithm"`
	Bytes          map[string]int64 `json:"bytes"` // size of each append-only file
}

// trainer is what a checkpoint needs besides the child: the value head and the
// moments of the optimiser, in the engine's own layout.
type trainer struct {
	value            []float32 // [D+1] nil without value head
	m1, m2           []float32 // [weights] first and second moments
	valueM1, valueM2 []float32 // [D+1]
}

// slices names the parts of the trainer.
func (t trainer) slices() []lm.Tensor {
	var out []lm.Tensor
	for _, s := range []struct {
		name string
		data []float32
	}{{"value.weight", t.value}, {"adam.m", t.m1}, {"adam.v", t.m2}, {"adam.value.m", t.valueM1}, {"adam.value.v", t.valueM2}} {
		if s.data != nil {
			out = append(out, lm.Tensor{Name: s.name, Shape: []int{len(s.data)}, Data: s.data})
		}
	}
	return out
}

// load fills the parts, which must have the sizes of the file.
func (t trainer) load(path string) error {
	f, err := lm.OpenTensors(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return err
	}
	defer f.Close()
	parts := t.slices()
	if len(f.Tensors()) != len(parts) {
		return fmt.Errorf("%s: must hold %d tensors (got %d)", path, len(parts), len(f.Tensors()))
	}
	for _, p := range parts {
		if err := f.ReadFloats(p.Name, p.Data); err != nil {
			return err
		}
	}
	return nil
}

// checkpointName is the folder of the checkpoint of a step.
func checkpointName(step int) string { return fmt.Sprintf("%08d", step) }

var checkpointPattern = regexp.MustCompile(`^[0-9]{8,}$`)

// checkpoints lists the steps that have a checkpoint, ascending.
func (d *directory) checkpoints() ([]int, error) {
	entries, err := os.ReadDir(d.file(checkpointsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("run directory: %w", err)
	}
	var steps []int
	for _, e := range entries {
		step, err := strconv.Atoi(e.Name())
		if e.IsDir() && err == nil && checkpointPattern.MatchString(e.Name()) {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// lastCheckpoint is the path of the newest checkpoint, "" without one.
func (d *directory) lastCheckpoint() (string, error) {
	steps, err := d.checkpoints()
	if err != nil || len(steps) == 0 {
		return "", err
	}
	return d.checkpointPath(steps[len(steps)-1]), nil
}

func (d *directory) checkpointPath(step int) string {
	return filepath.Join(d.file(checkpointsDir), checkpointName(step))
}

// readState reads state.json of a checkpoint.
func readState(checkpoint string) (checkpointState, error) {
	path := filepath.Join(checkpoint, stateFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return checkpointState{}, fmt.Errorf("checkpoint: %w", err)
	}
	var s checkpointState
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	if s.Version != checkpointVersion {
		return s, fmt.Errorf("checkpoint: %s: version must be %d (got %d)", path, checkpointVersion, s.Version)
	}
	return s, nil
}

// writeCheckpoint writes the checkpoint of a step in one move, then deletes all
// but the newest keep (0 = none). A checkpoint of the step that is already
// there is of the same weights, at most without the last evaluation, which a
// resumed run repeats: it stays.
func (d *directory) writeCheckpoint(s checkpointState, keep int, save func(dir string) error) error {
	path := d.checkpointPath(s.Step)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(d.file(checkpointsDir), 0o755); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	err = lm.AtomicDir(path, func(tmp string) error {
		if err := save(tmp); err != nil {
			return err
		}
		return writeFile(filepath.Join(tmp, stateFile), append(text, '\n'))
	})
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return d.dropCheckpoints(keep)
}

// dropCheckpoints deletes all checkpoints but the newest keep.
func (d *directory) dropCheckpoints(keep int) error {
	steps, err := d.checkpoints()
	if err != nil || keep == 0 {
		return err
	}
	for len(steps) > keep {
		if err := removeDir(d.checkpointPath(steps[0])); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		steps = steps[1:]
	}
	return nil
}
