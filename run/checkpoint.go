package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/internal/durable"
	"pgsrm/lm"
	"pgsrm/safetensors"
)

// Names in a checkpoint; docs/format/checkpoint.md describes them.
const (
	stateFile   = "state.json"
	trainerFile = "trainer.safetensors"
	memoryFile  = "memory.jsonl" // of a reward that has one
	replayFile  = "replay.jsonl" // of a run that replays
)

// checkpoints is a folder of checkpoints: one folder for each step that was
// saved, its name the step with at least eight digits.
type checkpoints struct{ path string }

// folder is the path of the checkpoint of a step.
func (c checkpoints) folder(step int) string {
	return filepath.Join(c.path, checkpointName(step))
}

func checkpointName(step int) string { return fmt.Sprintf("%08d", step) }

// steps lists the steps that have a checkpoint, ascending.
func (c checkpoints) steps() ([]int, error) {
	entries, err := os.ReadDir(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var steps []int
	for _, e := range entries {
		step, err := strconv.Atoi(e.Name())
		if e.IsDir() && err == nil && step >= 0 && checkpointName(step) == e.Name() {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// newest is the step of the newest checkpoint; ok is false without one. One that
// verify finds damaged is an error, which names the newest of the others that is good.
func (c checkpoints) newest(verify func(step int) error) (step int, ok bool, err error) {
	steps, err := c.steps()
	if err != nil || len(steps) == 0 {
		return 0, false, err
	}
	step = steps[len(steps)-1]
	damage := verify(step)
	if damage == nil {
		return step, true, nil
	}
	hint := "no other checkpoint is good: start anew in another folder"
	if older := lastGood(steps[:len(steps)-1], verify); older >= 0 {
		hint = fmt.Sprintf("%s is good: to resume from it, remove %s and resume again", c.folder(older), c.folder(step))
	}
	return 0, false, config.Errorf("checkpoint: %w; %s", damage, hint)
}

// good names the newest checkpoint that verify finds good, for an error.
func (c checkpoints) good(verify func(step int) error) string {
	steps, err := c.steps()
	if step := lastGood(steps, verify); err == nil && step >= 0 {
		return "last good checkpoint: " + c.folder(step)
	}
	return "last good checkpoint: none"
}

// lastGood is the last of steps, ascending, that verify finds good; -1 without one.
func lastGood(steps []int, verify func(step int) error) int {
	for _, step := range slices.Backward(steps) {
		if verify(step) == nil {
			return step
		}
	}
	return -1
}

// maxState bounds the size of state.json and of the memory, which have a line for each prompt at most.
const maxState = 256 << 20

// readState reads state.json into s strictly: one object of a version up to the
// given one, every key known.
func readState(path string, version int, s any) error {
	if st, err := os.Stat(path); err != nil {
		return err
	} else if st.Size() > maxState {
		return fmt.Errorf("%s: must have at most %d bytes (got %d)", path, maxState, st.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if head.Version < 1 || head.Version > version {
		return fmt.Errorf("%s: version must be 1 to %d (got %d)", path, version, head.Version)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// write writes the checkpoint of a step in one move. fill writes everything but
// state and checksums. A checkpoint of the step that is already there has the same
// weights, at most without the last evaluation, which a resumed run repeats: it stays.
func (c checkpoints) write(step int, state any, fill func(dir string) error) error {
	path := c.folder(step)
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(c.path, 0o755); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	err = durable.WriteDir(path, func(tmp string) error {
		if err := fill(tmp); err != nil {
			return err
		}
		if err := durable.WriteBytes(filepath.Join(tmp, stateFile), append(text, '\n')); err != nil {
			return err
		}
		return writeSums(tmp)
	})
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// drop deletes all checkpoints but the newest keep, where 0 keeps all, and that of
// the step best.
func (c checkpoints) drop(keep, best int) error {
	steps, err := c.steps()
	if err != nil || keep == 0 {
		return err
	}
	return c.remove(steps[:max(0, len(steps)-keep)], best)
}

// remove deletes the checkpoints of some steps, but that of the step best.
func (c checkpoints) remove(steps []int, best int) error {
	for _, step := range steps {
		if step == best {
			continue
		}
		if err := durable.RemoveDir(c.folder(step)); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	return nil
}

// trainerTensors are what a checkpoint holds beside the child, in the engine's own
// layout: the moments of the optimiser, and the value head where there is one.
func trainerTensors(m *lm.Model, opt *lm.AdamW) []safetensors.Tensor {
	m1, m2, valueM1, valueM2 := opt.Moments(m)
	var out []safetensors.Tensor
	for _, s := range []struct {
		name string
		data []float32
	}{
		{"value.weight", m.ValueWeights()}, // [D+1]
		{"adam.m", m1}, {"adam.v", m2},     // [weights]
		{"adam.value.m", valueM1}, {"adam.value.v", valueM2}, // [D+1]
	} {
		if s.data != nil {
			out = append(out, safetensors.Tensor{Name: s.name, Shape: []int{len(s.data)}, Data: s.data})
		}
	}
	return out
}

// saveTrained writes the child and what trains it into the folder of a checkpoint.
func saveTrained(dir string, m *hf.Model, opt *lm.AdamW) error {
	if err := SaveChild(m, filepath.Join(dir, childDir), ""); err != nil {
		return err
	}
	return safetensors.Write(filepath.Join(dir, trainerFile), safetensors.F32, nil, trainerTensors(m.Model, opt))
}

// loadTrainer fills the moments and the value head from the folder of a checkpoint,
// which must hold those of this model.
func loadTrainer(dir string, m *lm.Model, opt *lm.AdamW) error {
	f, err := safetensors.Open(os.DirFS(dir), trainerFile)
	if err != nil {
		return err
	}
	defer f.Close()
	parts := trainerTensors(m, opt)
	if len(f.Tensors()) != len(parts) {
		return fmt.Errorf("%s: must hold %d tensors (got %d)", filepath.Join(dir, trainerFile), len(parts), len(f.Tensors()))
	}
	for _, p := range parts {
		if err := f.ReadFloats(p.Name, p.Data); err != nil {
			return err
		}
	}
	return nil
}
