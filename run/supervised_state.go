package run

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/internal/durable"
	"pgsrm/kernel"
	"pgsrm/lm"
)

// Supervised holds the checkpoints of a supervised training: the folder
// OUT.checkpoints beside the child that it makes, locked, and there until the child
// is saved.
type Supervised struct {
	*claim
}

// OpenSupervised opens the checkpoints of the training whose child is to be saved
// at out. Those of an earlier process are ErrConfig unless it is to be resumed.
func OpenSupervised(out string, resume bool) (*Supervised, error) {
	path := filepath.Clean(out) + ".checkpoints"
	if err := refuseNoCheckpoints(path); err != nil {
		return nil, err
	}
	c, err := claimFolder(path, time.Now())
	if err != nil {
		return nil, fmt.Errorf("checkpoints: %w", err)
	}
	s := &Supervised{c}
	err = errors.Join(durable.RemoveUnfinished(path), durable.RemoveUnfinishedAt(out)) // killed in a checkpoint, or while the child was saved
	if err == nil && !resume {
		var steps []int
		if steps, err = s.checkpoints().steps(); err == nil && len(steps) > 0 {
			err = config.Errorf("%s holds a training that did not get to its end: resume it with --resume, or remove that folder", path)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// refuseNoCheckpoints refuses a folder that holds something else.
func refuseNoCheckpoints(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return config.Bad(fmt.Errorf("checkpoints: %w", err))
	}
	for _, e := range entries {
		step, err := strconv.Atoi(e.Name())
		saved := e.IsDir() && err == nil && step >= 0 && checkpointName(step) == e.Name()
		if !saved && e.Name()[0] != '.' && !(e.Name() == LockFile && signedLock(filepath.Join(path, LockFile))) {
			return config.Errorf("%s: must hold checkpoints of a training alone, or not exist (it has %s)", path, e.Name())
		}
	}
	return nil
}

func (s *Supervised) checkpoints() checkpoints { return checkpoints{s.path} }

// Finish removes the checkpoints, once the child is saved.
func (s *Supervised) Finish() error {
	steps, err := s.checkpoints().steps()
	for _, step := range steps {
		err = errors.Join(err, durable.RemoveDir(s.checkpoints().folder(step)))
	}
	return err
}

// Close gives the folder back, and removes it where it holds no checkpoint.
func (s *Supervised) Close() error {
	if steps, err := s.checkpoints().steps(); err != nil || len(steps) > 0 {
		return errors.Join(err, s.release())
	}
	err := s.lock.Discard()
	os.Remove(s.path) // unless somebody put a file into it
	s.removeMade()
	return err
}

// supervisedVersion is the version of state.json of a supervised training.
const supervisedVersion = 1

// supervisedState is state.json of a supervised training.
type supervisedState struct {
	Version  int     `json:"version"`
	Step     int     `json:"step"`      // updates made, those of AdamW too
	MeanLoss float64 `json:"mean_loss"` // as in SupervisedEvent
	// From is what the results depend on, by name: only the same training is resumed.
	From map[string]string `json:"from"`
}

// from names what decides what a training of the model computes.
func (c SupervisedConfig) from(m *hf.Model) (map[string]string, error) {
	files := ""
	if c.Child != "" {
		var err error
		if files, err = childFolderSHA(c.Child); err != nil {
			return nil, config.Bad(err)
		}
	}
	return map[string]string{
		"updates": strconv.Itoa(c.Steps), "batch": strconv.Itoa(c.Batch), "learning rate": fmt.Sprintf("%+v", c.Schedule),
		"clipping": fmt.Sprint(c.MaxGradNorm), "weight decay": fmt.Sprint(c.WeightDecay),
		"start child": digest(m.Model), "configuration, tokenizer and template of the start child": files,
		"data": c.Data, "kernel": kernel.Name(), "architecture": runtime.GOARCH,
	}, nil
}

// DataDigest identifies sequences in their order: the hex SHA-256 over their tokens.
func DataDigest(seqs []lm.Sequence) string {
	h := sha256.New()
	var buf []byte
	for _, q := range seqs {
		buf = binary.LittleEndian.AppendUint64(buf[:0], uint64(len(q.Tokens)))
		buf = binary.LittleEndian.AppendUint64(buf, uint64(q.From))
		for _, id := range q.Tokens {
			buf = binary.LittleEndian.AppendUint32(buf, uint32(id))
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// save writes a checkpoint of the training as it is now.
func (t *supervision) save() error {
	if err := t.checkFinite(); err != nil {
		return err
	}
	state := supervisedState{Version: supervisedVersion, Step: t.step, MeanLoss: t.meanLoss, From: t.from}
	err := t.saved.write(t.step, state, func(dir string) error {
		return saveTrained(dir, t.model, t.adam)
	})
	if err != nil {
		return err
	}
	return t.saved.drop(2, -1)
}

// restore puts the training at its newest checkpoint, where it has one.
func (t *supervision) restore() error {
	var s supervisedState
	step, ok, err := t.saved.newest(func(step int) (err error) {
		s, err = t.verify(step)
		return err
	})
	if err != nil || !ok {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(t.from)) {
		if s.From[name] != t.from[name] {
			return config.Errorf("%s: must be as the training in %s began with it (%s, got %s)", name, t.saved.path, s.From[name], t.from[name])
		}
	}
	path := t.saved.folder(step)
	if t.model, err = reloadChild(t.model, filepath.Join(path, childDir)); err == nil {
		err = loadTrainer(path, t.model.Model, t.adam)
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	t.step, t.adam.Steps, t.meanLoss = s.Step, s.Step, s.MeanLoss
	return t.checkFinite()
}

// verify reads the state of a checkpoint and holds it against its checksums.
func (t *supervision) verify(step int) (supervisedState, error) {
	var s supervisedState
	path := t.saved.folder(step)
	err := readState(filepath.Join(path, stateFile), supervisedVersion, &s)
	if err == nil {
		err = checkSums(path)
	}
	if err == nil && (s.Step != step || step > t.cfg.Steps && s.From["updates"] == t.from["updates"]) {
		err = fmt.Errorf("%s: step must be that of its folder, %d, and at most %d (got %d)", filepath.Join(path, stateFile), step, t.cfg.Steps, s.Step)
	}
	return s, err
}

// nonFinite adds the last good checkpoint to an error of numbers that are not finite.
func (t *supervision) nonFinite(err error) error {
	return fmt.Errorf("%w; %s", err, t.saved.good(func(step int) error {
		_, err := t.verify(step)
		return err
	}))
}
