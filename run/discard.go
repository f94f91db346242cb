package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"pgsrm/config"
	"pgsrm/internal/durable"
)

// DiskBytes estimates what a run whose child has so many weights leaves on disk: the child, and
// the checkpoints that are kept, each of the weights and the two moments of the optimiser. With
// LoRA both are less.
func (c *Config) DiskBytes(weights int) (child, checkpoints int64) {
	kept := c.KeepCheckpoints
	all := 1
	if c.CheckpointEvery > 0 {
		all += c.Steps() / c.CheckpointEvery
	}
	if kept == 0 || kept > all {
		kept = all
	}
	if c.Best.Metric != "" {
		kept++
	}
	child = 4 * int64(weights)
	return child, int64(kept) * 3 * child
}

// Discard deletes the checkpoints of a complete run but that of its best child. It can then not
// be given more episodes. A run that is not complete is left as it is; one in which a process
// trains is refused (ErrLocked).
func Discard(dir string) (err error) {
	d, err := openDirectory(dir, time.Now())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if complete, err := hasChild(dir); err != nil || !complete {
		return err
	}
	best := BestChild{Step: -1}
	text, err := os.ReadFile(d.file(bestFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(text, &best); err != nil {
			return config.Errorf("%s: must be JSON that names the best child: %v", d.file(bestFile), err)
		}
	}
	saved := d.checkpoints()
	steps, err := saved.steps()
	if err != nil {
		return err
	}
	for _, step := range steps {
		if step == best.Step {
			continue
		}
		if err := durable.RemoveDir(saved.folder(step)); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	return nil
}
