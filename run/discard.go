package run

import (
	"errors"
	"io/fs"
	"time"

	"pgsrm/config"
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
	if err := readSmall(d.file(bestFile), &best); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return config.Bad(err)
	}
	saved := d.checkpoints()
	steps, err := saved.steps()
	if err != nil {
		return err
	}
	return saved.remove(steps, best.Step)
}
