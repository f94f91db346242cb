package study

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pgsrm/kernel"
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
	for _, c := range some {
		s, err := r.time(ctx, c)
		if ctx.Err() != nil {
			return cost, run.ErrInterrupted
		}
		if err != nil {
			return cost, fmt.Errorf("%s: %w", c.Name, err)
		}
		if s > 0 {
			seconds, episodes = seconds+s, episodes+float64(c.Config.Steps()*c.Config.EpisodesPerStep())
			cost.Looked++
		}
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

// time estimates the seconds of one cell, on its share of the threads; 0 where its child is
// still to be pretrained. A child that keeps the size of another is timed as that one.
func (r *Runner) time(ctx context.Context, c Cell) (float64, error) {
	cfg := c.Config
	if c.child != "" && !r.childThere(c.child) {
		recipe := r.Plan.children[c.child]
		switch {
		case recipe.Right != 0 && recipe.Init == "":
			cfg.Child = "builtin:tiny"
		case recipe.Init != "":
			cfg.Child = recipe.Init
		default:
			return 0, nil
		}
	}
	if c.parent != "" {
		cfg.Parent = "builtin"
	}
	cfg.Look, cfg.Out = "on", ""
	deps := r.Deps
	deps.Pool = kernel.NewPool(max(1, r.Threads/r.parallel(r.Plan.Cells)))
	defer deps.Pool.Close()
	m, err := run.OpenChild(cfg.Child)
	if err != nil {
		return 0, err
	}
	m.Pool = deps.Pool
	look, err := run.LookAt(ctx, cfg, m, deps)
	if err != nil {
		return 0, err
	}
	return look.Cost.Hours * 3600, nil
}

// String is the estimate in words.
func (c Cost) String() string {
	text := fmt.Sprintf("%d cells", c.Cells)
	if c.Complete > 0 {
		text += fmt.Sprintf(", %d of them complete", c.Complete)
	}
	if c.Cells == c.Complete {
		return text
	}
	text += fmt.Sprintf("; %d episodes", c.Episodes)
	if c.Seconds > 0 {
		text += fmt.Sprintf(", about %s of training (%d of the cells timed)", clockText(c.Seconds), c.Looked)
	} else {
		text += ", of a duration that only shows once their children are made"
	}
	if c.Children > 0 {
		text += fmt.Sprintf("; before that %d to make: children", c.Children)
	}
	return text
}
