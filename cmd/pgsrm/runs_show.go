package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"pgsrm/internal/printable"
	"pgsrm/run"
)

func newRunsShowCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "show DIR",
		Short: "Show what a run is, how it stands and how to go on with it",
		Long: `The show command tells of one run: what is trained on what, in which settings it
differs from the defaults of its preset, how far it is, its last evaluation and its best
child, what it warned of, and the command that resumes or extends it.

EXAMPLES
  pgsrm runs show runs/colors
  pgsrm runs show --json runs/colors/pgsrm/seed-1
` + exitStatusHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runRunsShow(g, args[0]) },
	}
}

// shownRun is what runs show --json prints.
type shownRun struct {
	Run         run.Overview    `json:"run"`
	Environment run.Environment `json:"environment"`
	Changed     []shownChange   `json:"changed"` // keys other than the defaults of the preset
	Warnings    []run.Warning   `json:"warnings"`
	Resume      string          `json:"resume,omitempty"` // the command
}

// shownChange is a key of the configuration with its value.
type shownChange struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default string `json:"default"`
}

// runRunsShow shows one run.
func runRunsShow(g *globalOptions, dir string) error {
	o, err := run.ReadOverview(dir)
	if err != nil {
		return err
	}
	s := shownRun{Run: o, Environment: o.Environment, Changed: []shownChange{}, Warnings: []run.Warning{}, Resume: o.ResumeCommand()}
	if o.Task != "" {
		for _, d := range o.Config.Changes() {
			s.Changed = append(s.Changed, shownChange{d.Key, d.B, d.A})
		}
	}
	_, err = run.ReadWarnings(dir, func(w run.Warning) error {
		s.Warnings = append(s.Warnings, w)
		return nil
	})
	if err != nil {
		g.Log.Warn(err.Error())
	}
	if g.JSON {
		return g.printJSON(s)
	}
	return s.print(g)
}

// longest is how many characters of a text from a run are shown.
const longest = 300

// print shows a run to a reader.
func (s *shownRun) print(g *globalOptions) error {
	o, c := &s.Run, s.Run.Config
	w := bufio.NewWriter(g.Stdout)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-10s  %s\n", name, printable.Shorten(cell(fmt.Sprintf(format, args...)), longest))
	}
	fmt.Fprintln(w, cell(o.Dir))
	if o.Problem != "" {
		row("damaged", "%s", o.Problem)
	}
	if o.Task != "" {
		row("task", "%s", o.Task)
		row("child", "%s, %d weights", o.Child, s.Environment.Weights)
		row("reward", "%s", o.Reward)
		if c.Reward.Formula != o.Reward {
			row("", "%s", c.Reward.Formula)
		}
		if o.Arm != o.Reward {
			row("arm", "%s", o.Arm)
		}
		row("algorithm", "%s, preset %s, seed %d, answers of at most %d tokens", o.Algorithm, c.Preset, o.Seed, c.Rollout.MaxNewTokens)
		row("parent", "%s", c.Parent)
		row("embedder", "%s", c.Embedder)
		row("state", "%s", progressText(o))
	}
	if o.Reason != "" {
		row("", "%s", o.Reason)
	}
	row("started", "%s, %s", startedText(o.Started), trainedText(o))
	row("program", "%s", cmp.Or(s.Environment.Program, "revision "+s.Environment.Revision+", kernel "+s.Environment.Kernel))
	for _, e := range o.Extended {
		row("extended", "from %d to %d episodes at step %d", e.Before, e.Episodes, e.Step)
	}
	if err := s.printTables(w, g.width); err != nil {
		return err
	}
	s.printRest(w)
	return w.Flush()
}

// printTables prints what differs from the defaults, and the last evaluation.
func (s *shownRun) printTables(w io.Writer, width int) error {
	if len(s.Changed) > 0 {
		fmt.Fprintln(w)
		keys := []column{{title: "changed"}, {title: "value", cut: true}, {title: "default", cut: true}}
		for _, c := range s.Changed {
			addCells(keys, printable.Shorten(cell(c.Key), longest), printable.Shorten(cell(c.Value), longest), printable.Shorten(cell(c.Default), longest))
		}
		if err := printTable(w, keys, width); err != nil {
			return err
		}
	}
	if s.Run.Eval == nil {
		return nil
	}
	fmt.Fprintln(w)
	figures := []column{{title: fmt.Sprintf("evaluation, step %d", s.Run.EvalStep)}, {title: "train", right: true}, {title: "held-out", right: true}}
	for _, m := range evalFigures {
		train, held := m.of(&s.Run, "train"), m.of(&s.Run, "held_out")
		if train != "" || held != "" {
			addCells(figures, m.label, train, held)
		}
	}
	return printTable(w, figures, width)
}

// addCells adds a row.
func addCells(columns []column, cells ...string) {
	for i := range columns {
		columns[i].cells = append(columns[i].cells, cells[i])
	}
}

// evalFigure is a number of an evaluation as tables show it.
type evalFigure struct {
	label, name, format string
	factor              float64
}

var evalFigures = []evalFigure{
	{"exact match", "exact_match", "%.1f%%", 100}, {"normalised", "exact_match_normalized", "%.1f%%", 100}, {"likeness", "semantic", "%.3f", 1},
	{"chrF", "chrf", "%.3f", 1}, {"reward", "reward", "%.3f", 1}, {"prompts", "n", "%.0f", 1},
}

// of is the number of a split in the last evaluation, "" where there is none.
func (f evalFigure) of(o *run.Overview, split string) string {
	v, ok := o.Eval["eval/"+split+"/"+f.name]
	if !ok {
		return ""
	}
	return fmt.Sprintf(f.format, f.factor*v)
}

// shownWarnings is how many different warnings are shown, the last ones.
const shownWarnings = 5

// printRest prints the best child, where the trained one is, warnings, and how to go on.
func (s *shownRun) printRest(w io.Writer) {
	o := &s.Run
	fmt.Fprintln(w)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-7s  %s\n", name, printable.Shorten(cell(fmt.Sprintf(format, args...)), longest))
	}
	if b := o.Best; b != nil {
		row("best", "%s %.4g at step %d: %s", b.Metric, b.Value, b.Step, filepath.Join(o.Dir, filepath.FromSlash(b.Checkpoint)))
	}
	if o.State == run.Finished || o.State == run.StoppedEarly {
		step := o.Step
		if o.Best != nil && o.Config.Best.Child == "best" {
			step = o.Best.Step
		}
		row("child", "%s, of step %d", filepath.Join(o.Dir, "child"), step)
	}
	texts, last := map[string]int{}, []run.Warning{}
	for _, one := range s.Warnings {
		if texts[one.Text]++; texts[one.Text] == 1 {
			last = append(last, one)
		}
	}
	if n := len(last); n > shownWarnings {
		row("warning", "%d older ones stand in %s", n-shownWarnings, filepath.Join(o.Dir, run.WarningsFile))
		last = last[n-shownWarnings:]
	}
	for _, one := range last {
		times := ""
		if n := texts[one.Text]; n > 1 {
			times = fmt.Sprintf(" (%d times)", n)
		}
		row("warning", "step %d%s: %s", one.Step, times, one.Text)
	}
	switch {
	case s.Resume == "":
	case o.State == run.Finished || o.State == run.StoppedEarly:
		fmt.Fprintf(w, "extend   %s\n", cell(s.Resume))
	default:
		fmt.Fprintf(w, "resume   %s\n", cell(s.Resume))
	}
}

// progressText is how a run stands and how far it is.
func progressText(o *run.Overview) string {
	return fmt.Sprintf("%s, step %d of %d, episode %d of %d (%.0f%%)", o.State, o.Step, o.Steps, o.Episode, o.Episodes, 100*float64(o.Episode)/float64(max(1, o.Episodes)))
}

// trainedText is how long and how fast a run has trained.
func trainedText(o *run.Overview) string {
	if o.Seconds <= 0 {
		return "not trained yet"
	}
	return fmt.Sprintf("%s of training, %.0f episodes/s", secondsText(o.Seconds), float64(o.Episode)/o.Seconds)
}
