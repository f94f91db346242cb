package study

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v4"

	"pgsrm/config"
	"pgsrm/internal/durable"
	"pgsrm/kernel"
	"pgsrm/run"
	"pgsrm/safetensors"
)

// Child is how a child is made that the cells start from. What is zero is as the pretrain
// command has it.
type Child struct {
	Init      string  `json:"init,omitempty"` // start from this child
	Layers    int     `json:"layers,omitempty"`
	Width     int     `json:"width,omitempty"`
	Heads     int     `json:"heads,omitempty"`
	Vocab     int     `json:"vocab,omitempty"`
	Positions int     `json:"positions,omitempty"`
	Steps     int     `json:"steps,omitempty"` // updates
	Batch     int     `json:"batch,omitempty"`
	LR        float64 `json:"lr,omitempty"`
	Seed      uint64  `json:"seed,omitempty"`
	// BaseRate is the share of right answers in the text that it learns from; nil = the recipe's.
	BaseRate *float64 `json:"base_rate,omitempty"`
	// Right, where it is not 0, makes no pretraining of it: Move does.
	Right float64 `json:"right,omitempty"`
}

// startChild is what Right starts from where a recipe names no other child.
const startChild = "builtin:tiny"

// readChild reads an element of the section children.
func readChild(r *reader, n *yaml.Node, key string) (c Child, err error) {
	whole := func(v *int, low, high float64) func(n *yaml.Node, key string) error {
		return func(n *yaml.Node, key string) (err error) { *v, err = r.whole(n, key, low, high); return err }
	}
	err = r.section(n, key, []field{
		{"init", func(n *yaml.Node, key string) (err error) { c.Init, err = r.text(n, key); return err }},
		{"layers", whole(&c.Layers, 1, 1024)},
		{"width", whole(&c.Width, 1, 65536)},
		{"heads", whole(&c.Heads, 1, 1024)},
		{"vocab", whole(&c.Vocab, 257, 1<<20)},
		{"positions", whole(&c.Positions, 1, 1<<20)},
		{"steps", whole(&c.Steps, 1, 1<<30)},
		{"batch", whole(&c.Batch, 1, 65536)},
		{"lr", func(n *yaml.Node, key string) (err error) { c.LR, err = r.number(n, key, 1e-9, 1e6); return err }},
		{"seed", func(n *yaml.Node, key string) error {
			seed, err := r.whole(n, key, 0, 1<<53)
			c.Seed = uint64(seed)
			return err
		}},
		{"base_rate", func(n *yaml.Node, key string) error {
			rate, err := r.number(n, key, 0, 1)
			c.BaseRate = &rate
			return err
		}},
		{"right", func(n *yaml.Node, key string) (err error) { c.Right, err = r.number(n, key, 1e-6, 0.5); return err }},
	})
	if err == nil && c.Right != 0 && (c.Layers|c.Width|c.Heads|c.Vocab|c.Positions|c.Batch != 0 || c.BaseRate != nil) {
		err = r.errorAt(n, key, "must have right with init, steps, lr and seed alone: a child that is made so keeps its size", "")
	}
	return c, err
}

// make makes the children and parents of the cells that are not there yet. What another
// process is making it leaves to that and makes the rest meanwhile. broken says of a cell why
// what it needs could not be made.
func (r *Runner) make(ctx context.Context, cells []Cell) (broken func(Cell) error, err error) {
	failed := map[string]error{}
	parents := map[string]error{}
	var elsewhere []string
	for _, c := range cells {
		if _, tried := failed[c.child]; c.child != "" && !tried {
			err := r.makeChild(ctx, c.child, tryLock)
			if errors.Is(err, durable.ErrHeld) {
				elsewhere = append(elsewhere, c.child)
			}
			failed[c.child] = err
		}
		if c.parent != "" {
			file := r.Plan.parentFile(c.parent, c.Config)
			if _, tried := parents[file]; !tried {
				parents[file] = r.Plan.makeParent(c)
			}
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("study: %w; the same command goes on", run.ErrInterrupted)
		}
	}
	for _, name := range elsewhere {
		if failed[name] = r.makeChild(ctx, name, waitLock); ctx.Err() != nil {
			return nil, fmt.Errorf("study: %w; the same command goes on", run.ErrInterrupted)
		}
	}
	return func(c Cell) error {
		var missing error
		if c.parent != "" {
			missing = parents[r.Plan.parentFile(c.parent, c.Config)]
		}
		return config.First(failed[c.child], missing)
	}, nil
}

// lockEvery is how often a child that another process makes is looked after.
const lockEvery = 200 * time.Millisecond

// makeChild makes one child, unless it is there. Where another process makes it, take waits for
// that or fails.
func (r *Runner) makeChild(ctx context.Context, name string, take func(ctx context.Context, path string) (*durable.Lock, error)) error {
	dir, recipe := r.Plan.childDir(name), r.Plan.children[name]
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	lock, err := take(ctx, filepath.Join(filepath.Dir(dir), "."+name+".lock"))
	if err != nil {
		return err
	}
	defer lock.Release()
	text, err := json.Marshal(recipe)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if old, err := os.ReadFile(dir + ".json"); err == nil && string(old) != string(text) {
		return config.Errorf("children.%s: must be as it was made in %s (%s there): give it another name", name, dir, old)
	}
	if r.childThere(name) {
		return nil
	}
	if err := writeOnce(dir+".json", text); err != nil {
		return err
	}
	r.Say("child " + name + ": is made")
	if recipe.Right == 0 {
		err = r.Pretrain(ctx, recipe, dir)
	} else {
		err = recipe.Move(ctx, r.Threads, dir)
	}
	if err != nil {
		return fmt.Errorf("child %s: %w", name, err)
	}
	return nil
}

// Move makes the child of a recipe that has Right, by atBaseRate, in a folder.
func (c Child) Move(ctx context.Context, threads int, dir string) error {
	m, err := run.OpenChild(cmp.Or(c.Init, startChild))
	if err != nil {
		return err
	}
	m.Merge()
	m.Pool = kernel.NewPool(threads)
	defer m.Pool.Close()
	if err := atBaseRate(ctx, m, c); err != nil {
		return err
	}
	return run.SaveChild(m, dir, safetensors.BF16)
}

// tryLock takes a lock that is free.
func tryLock(_ context.Context, path string) (*durable.Lock, error) {
	return durable.TryLock(path, 0o666)
}

// waitLock takes a lock, and waits while another process has it.
func waitLock(ctx context.Context, path string) (*durable.Lock, error) {
	for {
		lock, err := durable.TryLock(path, 0o666)
		if !errors.Is(err, durable.ErrHeld) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, run.ErrInterrupted
		case <-time.After(lockEvery):
		}
	}
}

// writeOnce writes a file unless it holds the text already.
func writeOnce(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return durable.WriteBytes(path, text)
}
