package study

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pgsrm/config"
	"pgsrm/hf"
	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/run"
)

// Cost is what cells will take.
type Cost struct {
	Cells    int     `json:"cells"`
	Complete int     `json:"complete"` // of these, already
	Episodes int     `json:"episodes"` // of those that are not
	Seconds  float64 `json:"seconds"`  // of those, without what is made and measured; good to a factor of two
	Children int     `json:"children"` // to be made before
	Looked   int     `json:"looked"`   // cells of which the beginning was timed
	Disk     int64   `json:"disk"`     // bytes that they will take at the most, from those that were timed
}

// looks bounds how many cells are timed.
const looks = 4

// Estimate says what the cells will take, from a short measurement of some that differ in
// child or task: what their children answer and what an update takes, without training.
func (r *Runner) Estimate(ctx context.Context, cells []Cell) (Cost, error) {
	cost := Cost{Cells: len(cells)}
	var open []Cell
	made := map[string]bool{}
	for _, c := range cells {
		state, err := run.Inspect(c.Config.Out)
		if err == nil && state == run.DirComplete {
			cost.Complete++
			continue
		}
		open = append(open, c)
		cost.Episodes += c.Config.Steps() * c.Config.EpisodesPerStep()
		if c.child != "" && !made[c.child] && !r.childThere(c.child) {
			made[c.child] = true
			cost.Children++
		}
	}
	some := r.timed(open)
	var seconds, episodes float64
	var children, running int64 // bytes of what cells leave, and beside it where they are trained
	for _, c := range some {
		s, child, checkpoints, err := r.time(ctx, c)
		if ctx.Err() != nil {
			return cost, run.ErrInterrupted
		}
		if err != nil {
			return cost, fmt.Errorf("%s: %w", c.Name, err)
		}
		seconds, episodes = seconds+s, episodes+float64(c.Config.Steps()*c.Config.EpisodesPerStep())
		children, running = children+child, max(running, checkpoints+3*child) // one more while it is written
		cost.Looked++
	}
	if n := int64(cost.Looked); n > 0 {
		cost.Disk = children*int64(len(open))/n + running*int64(r.parallel(open))
	}
	if episodes > 0 && len(open) > 0 {
		cost.Seconds = seconds / episodes * float64(cost.Episodes) / float64(r.parallel(open))
	}
	return cost, nil
}

func (r *Runner) childThere(name string) bool {
	_, err := os.Stat(filepath.Join(r.Plan.childDir(name), "config.json"))
	return err == nil
}

// timed picks cells that differ in child or task, spread evenly.
func (r *Runner) timed(cells []Cell) []Cell {
	var kinds []Cell
	for _, c := range cells {
		if !slices.ContainsFunc(kinds, func(k Cell) bool { return k.Config.Child == c.Config.Child && k.Config.Task == c.Config.Task }) {
			kinds = append(kinds, c)
		}
	}
	return spread(kinds, looks)
}

// time estimates the seconds of one cell, on its share of the threads, and the bytes of its child
// and of its checkpoints.
func (r *Runner) time(ctx context.Context, c Cell) (seconds float64, child, checkpoints int64, err error) {
	cfg := c.Config
	m, err := r.standIn(c)
	if err != nil {
		return 0, 0, 0, config.Bad(err)
	}
	child, checkpoints = cfg.DiskBytes(m.NumParams())
	if c.parent != "" {
		cfg.Parent = "builtin"
	}
	cfg.Look, cfg.Out = "on", ""
	deps := r.Deps
	deps.Pool = kernel.NewPool(max(1, r.Threads/r.parallel(r.Plan.Cells)))
	defer deps.Pool.Close()
	m.Pool = deps.Pool
	look, err := run.LookAt(ctx, cfg, m, deps)
	if err != nil {
		return 0, 0, 0, err
	}
	return look.Cost.Hours * 3600, child, checkpoints, nil
}

// standIn is the child of a cell or, where that is still to be made, one of its size: the
// child that it begins from, else a random one.
func (r *Runner) standIn(c Cell) (*hf.Model, error) {
	if c.child == "" || r.childThere(c.child) {
		return run.OpenChild(c.Config.Child)
	}
	recipe := r.Plan.children[c.child]
	if recipe.Init != "" || recipe.Right != 0 {
		return run.OpenChild(cmp.Or(recipe.Init, startChild))
	}
	m, err := run.OpenChild(startChild)
	if err != nil {
		return nil, err
	}
	like := m.Config
	cfg := lm.GPT2(cmp.Or(recipe.Layers, like.Layers), cmp.Or(recipe.Width, like.Width), cmp.Or(recipe.Heads, like.Heads), like.Vocab, cmp.Or(recipe.Positions, like.Positions))
	cfg.EOS, cfg.BOS = like.EOS, like.BOS
	m.Model, err = lm.NewRandom(cfg, 1)
	return m, err
}

// String is the estimate in words.
func (c Cost) String() string {
	text := plural(c.Cells, "cell", "cells")
	if c.Complete > 0 {
		text += fmt.Sprintf(", %d of them complete", c.Complete)
	}
	if c.Cells == c.Complete {
		return text
	}
	text += fmt.Sprintf("; %d episodes", c.Episodes)
	if c.Seconds > 0 {
		text += fmt.Sprintf(", about %s of training (%d of the cells timed)", clockText(c.Seconds), c.Looked)
	}
	if c.Disk >= 1e9 {
		text += fmt.Sprintf(", %.0f GB on disk", float64(c.Disk)/1e9)
	}
	if c.Children > 0 {
		text += fmt.Sprintf("; before it %s to make", plural(c.Children, "child", "children"))
	}
	return text
}

// plural is a number of things in words.
func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
