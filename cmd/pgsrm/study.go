package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/run"
	"pgsrm/study"
)

// newStudyCommand runs grids of runs.
func newStudyCommand(g *globalOptions) *cobra.Command {
	var opts studyOptions
	cmd := &cobra.Command{
		Use:   "study NAME|FILE.yaml",
		Short: "Run a grid of runs, and go on with it",
		Long: `The study command trains every cell of a study: each combination of the values in its
grid, as docs/studies.md describes. A study is one of those in the program (pgsrm study
list) or a file of your own; --print shows the file of a study, to begin one's own with.

Every cell is a run directory below OUT/cells. The same command goes on with a study
that was interrupted or killed, to the same bytes; a cell that fails is reported and does
not stop the others. With --shard I/N a process takes every N-th cell, so that N of
them, on one machine or several with one file system, share the work. At the end, and
by pgsrm report OUT at any time, the tables are written:

  OUT/study.md         means with 95% intervals, and which cells are missing
  OUT/cells.csv        every number of every cell
  OUT/groups.csv       every number over the seeds
  OUT/differences.csv  differences paired by seed, where the study compares

EXAMPLES
  pgsrm study list
  pgsrm study baserate --dry-run
  pgsrm study baserate --small --out runs/baserate
  pgsrm study baserate --print > own.yaml
  pgsrm study own.yaml --out runs/own --shard 1/4
  pgsrm study embedders --given minilm=./all-MiniLM-L6-v2
  pgsrm study baserate --out runs/baserate --on slurm --shards 16 --time 8h --submit
  pgsrm study baserate --out baserate --on kubernetes --shards 16 --image pgsrm:1 --claim runs --print
` + exitStatusHelp,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return inputErrorf("study: must be given one study, a name (%s) or a file", strings.Join(study.Names(), ", "))
			}
			return runStudy(cmd.Context(), &opts, g, args[0], g.madeBy())
		},
		ValidArgsFunction: func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return beginning(typed, study.Names()), cobra.ShellCompDirectiveDefault
		},
	}
	opts.AddFlags(cmd.Flags())
	cmd.AddCommand(newStudyListCommand(g))
	return cmd
}

// newStudyListCommand lists the studies in the program.
func newStudyListCommand(g *globalOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the studies in the program",
		Long: `The list command lists the studies in the program, and what each asks; with --json as
one object.

EXAMPLES
  pgsrm study list
` + exitStatusHelp,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			about := map[string]string{}
			for _, name := range study.Names() {
				s, err := openStudy(g, name, study.Options{})
				if err != nil {
					return err
				}
				about[name] = strings.Join(strings.Fields(s.About), " ")
			}
			if g.JSON {
				return g.printJSON(about)
			}
			for _, name := range study.Names() {
				if _, err := fmt.Fprintf(g.Stdout, "%-12s %s\n", name, about[name]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// studyOptions are the flags of study.
type studyOptions struct {
	Out      string
	Shard    string
	Given    []string
	Small    bool
	Print    bool
	DryRun   bool
	Parallel int
	Cluster  clusterOptions
}

// AddFlags adds the flags of study.
func (o *studyOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Out, "out", "", "folder of the study (default runs/study-NAME)")
	f.StringVar(&o.Shard, "shard", "", "run the cells of one process of several alone: I/N, with I from 1 to N, or index/N in an Indexed Job of Kubernetes")
	f.StringArrayVar(&o.Given, "given", nil, "give the study something that it asks for, NAME=VALUE; may be given again")
	f.BoolVar(&o.Small, "small", false, "run the small version of the study, which takes seconds to minutes and says nothing")
	f.BoolVar(&o.Print, "print", false, "print the file of the study and do nothing")
	f.BoolVar(&o.DryRun, "dry-run", false, "check everything, print the cells and what they will take, and train and write nothing")
	f.IntVar(&o.Parallel, "parallel", 0, "cells at a time (0 = one for each thread; one after the other for a child that is not built in)")
	o.Cluster.AddFlags(f)
}

// runStudy runs the cells and writes the tables.
func runStudy(ctx context.Context, o *studyOptions, g *globalOptions, what string, deps run.Deps) error {
	file, err := studyText(g, what)
	if err != nil {
		return err
	}
	away, err := o.Cluster.check(o)
	if err != nil {
		return err
	}
	if o.Print && !away {
		_, err := g.Stdout.Write(file.Text)
		return err
	}
	given, err := givenValues(o.Given)
	if err != nil {
		return err
	}
	s, err := study.Read(file, study.Options{Given: given, Small: o.Small})
	if err != nil {
		return err
	}
	out := cmp.Or(o.Out, filepath.Join("runs", "study-"+strings.TrimSuffix(filepath.Base(what), filepath.Ext(what))))
	if away {
		return o.Cluster.onCluster(ctx, g, o, what, out, file, s)
	}
	plan, err := s.Plan(out, armOf)
	if err != nil {
		return err
	}
	text, err := indexShard(o.Shard)
	if err != nil {
		return err
	}
	shard, err := study.ParseShard(text)
	if err != nil {
		return err
	}
	for _, text := range s.Left {
		g.Log.Info("left out", "level", text)
	}
	cells := plan.Select(shard)
	terminal := run.NewTerminal(g.Stderr, false, widthOf(g.Stderr))
	r := &study.Runner{
		Plan: plan, Threads: g.Threads, Parallel: o.Parallel, Deps: deps,
		Pretrain: g.pretrainFor, Say: func(line string) { terminal.Println("%s", line) },
	}
	if o.DryRun {
		return dryStudy(ctx, r, g, cells)
	}
	if err := checkFolderOut(out); err != nil {
		return err
	}
	if r.Deps.Cache, err = g.openCache(terminal.Warn); err != nil {
		return err
	}
	cost, err := r.Estimate(ctx, cells)
	if err != nil {
		return err
	}
	r.Say(cost.String())
	failed := r.Run(ctx, cells)
	if err := writeStudy(g, plan, out, failed != nil); err != nil {
		return cmp.Or(failed, err)
	}
	return failed
}

// dryStudy prints the cells and what they will take.
func dryStudy(ctx context.Context, r *study.Runner, g *globalOptions, cells []study.Cell) error {
	cost, err := r.Estimate(ctx, cells)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range cells {
		names = append(names, c.Name)
	}
	if g.JSON {
		return g.printJSON(map[string]any{"cells": names, "cost": cost})
	}
	_, err = fmt.Fprintf(g.Stdout, "%s\n%s\n", strings.Join(names, "\n"), cost)
	return err
}

// openStudy reads a study.
func openStudy(g *globalOptions, what string, o study.Options) (*study.Study, error) {
	file, err := studyText(g, what)
	if err != nil {
		return nil, err
	}
	return study.Read(file, o)
}

// studyText is the file of a study: one in the program, or the user's own.
func studyText(g *globalOptions, what string) (config.File, error) {
	names := study.Names()
	if slices.Contains(names, what) {
		return study.Named(what), nil
	}
	if what != "-" && filepath.Ext(what) != ".yaml" && filepath.Ext(what) != ".yml" {
		if _, err := os.Stat(what); err != nil {
			return config.File{}, &config.Error{Must: fmt.Sprintf("study must be one of %s, or a file", strings.Join(names, ", ")), Value: fmt.Sprintf("%q", what), Hint: config.Nearest(what, names)}
		}
	}
	file, err := g.readConfig(what)
	return file, err
}

// givenValues reads the NAME=VALUE of --given.
func givenValues(texts []string) (map[string]string, error) {
	given := map[string]string{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := given[name]; !ok || name == "" || value == "" || twice {
			return nil, &config.Error{Flag: "--given", Must: "must be NAME=VALUE, each name once", Value: fmt.Sprintf("%q", text)}
		}
		given[name] = value
	}
	return given, nil
}

// armOf takes a reward apart as compare does: the name of an arm, settings in brackets.
func armOf(text string) (reward string, settings []config.Setting, err error) {
	base, inner, err := cutSettings(text)
	if err != nil {
		return "", nil, err
	}
	arm, named := run.FindArm(base)
	if !named && inner == nil {
		return base, nil, nil
	}
	if settings, err = armSettings(inner); err != nil {
		return "", nil, err
	}
	if named {
		base, settings = arm.Reward, append(arm.Given(arm.Name), settings...)
	}
	return base, settings, nil
}

// pretrainFor makes a child of a study, as the pretrain command does with the flags of its recipe.
func (g *globalOptions) pretrainFor(ctx context.Context, c study.Child, dir string) error {
	o := defaultPretrainOptions()
	set := func(v *int, to int) { *v = cmp.Or(to, *v) }
	set(&o.Layers, c.Layers)
	set(&o.Width, c.Width)
	set(&o.Heads, c.Heads)
	set(&o.Vocab, c.Vocab)
	set(&o.Positions, c.Positions)
	set(&o.Train.Steps, c.Steps)
	set(&o.Train.Batch, c.Batch)
	o.Train.Schedule.LR = cmp.Or(c.LR, o.Train.Schedule.LR)
	o.Init, o.Corpus.Seed, o.Out, o.Resume = c.Init, c.Seed, dir, true
	if c.BaseRate != nil {
		o.BaseRate = *c.BaseRate
	}
	quiet := *g
	quiet.Stdout, quiet.JSON = nowhere{}, true
	return runPretrain(ctx, o, &quiet)
}

// nowhere takes what nobody reads.
type nowhere struct{}

func (nowhere) Write(b []byte) (int, error) { return len(b), nil }

// writeStudy merges the cells, writes the tables and tells what is missing.
func writeStudy(g *globalOptions, plan *study.Plan, out string, quiet bool) error {
	m, err := plan.Merge()
	if err != nil {
		return err
	}
	names, err := m.Write()
	if err != nil {
		return err
	}
	missing := m.Missing()
	if g.JSON {
		cells := map[string]string{}
		for _, r := range missing {
			cells[r.Name] = r.State
		}
		return g.printJSON(map[string]any{"out": out, "cells": len(m.Results), "complete": len(m.Results) - len(missing), "missing": cells, "not_of_the_study": m.Foreign, "files": names})
	}
	if !quiet {
		text, err := os.ReadFile(filepath.Join(out, "study.md"))
		if err != nil {
			return err
		}
		if _, err := g.Stdout.Write(text); err != nil {
			return err
		}
	}
	for _, name := range m.Foreign {
		g.Log.Warn("not a cell of the study: left out", "run", name)
	}
	_, err = fmt.Fprintf(g.Stdout, "\n%s: %d of %d cells complete; %s\n", out, len(m.Results)-len(missing), len(m.Results), strings.Join(names, ", "))
	return err
}

// reportStudy merges the study in a folder.
func reportStudy(g *globalOptions, dir string) error {
	plan, err := study.Open(dir, armOf)
	if err != nil {
		return err
	}
	return writeStudy(g, plan, dir, false)
}
