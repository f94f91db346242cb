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
		Use:   "study NAME|FILE.yaml...",
		Short: "Run a grid of runs, and go on with it",
		Long: `The study command trains every cell of a study: each combination of the values in its
grid, as docs/studies.md describes. A study is one of those in the program (pgsrm study
list) or a file of your own; --print shows the file of a study, to begin one's own with.

Every cell is a run directory below OUT/cells. The same command goes on with a study
that was interrupted or killed, to the same bytes; a cell that fails is reported and does
not stop the others. With --shard I/N a process takes its share of the cells, so that N of
them, on one machine or several with one file system, share the work. At the end, and
by pgsrm report OUT at any time, the tables are written:

  OUT/study.svg        the means with their intervals, drawn
  OUT/study.md         means with 95% intervals, and which cells are missing
  OUT/cells.csv        every number of every cell
  OUT/groups.csv       every number over the seeds
  OUT/differences.csv  differences paired by seed, where the study compares

Several studies are run one after the other, each into OUT/NAME. With --tables DIR the
numbers that a study has under "table" are written to DIR/NAME-cells.csv, -groups.csv,
-differences.csv and -matched.csv as well, and the figure to DIR/NAME.svg: small enough to be
kept beside a text that quotes them.

EXAMPLES
  pgsrm study list
  pgsrm study baserate --dry-run
  pgsrm study baserate --small --out runs/baserate
  pgsrm study baserate --print > own.yaml
  pgsrm study own.yaml --out runs/own --shard 1/4
  pgsrm study embedders --given minilm=./all-MiniLM-L6-v2
  pgsrm study docs/findings/*.yaml --out runs/findings --tables docs/findings
  pgsrm study baserate --out runs/baserate --on slurm --shards 16 --time 8h --submit
  pgsrm study baserate --out baserate --on kubernetes --shards 16 --image pgsrm:1 --claim runs --print
` + exitStatusHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return inputErrorf("study: must be given a study, a name (%s) or a file", strings.Join(study.Names(), ", "))
			}
			return runStudies(cmd.Context(), &opts, g, args, g.madeBy())
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
	Tables   string
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
	f.StringVar(&o.Out, "out", "", "folder of the study (default runs/study-NAME), of several the folder of theirs (default runs/studies)")
	f.StringVar(&o.Tables, "tables", "", "write the numbers of the study's table to this folder too, as NAME-cells.csv, NAME-groups.csv, NAME-differences.csv and NAME-matched.csv, and the figure as NAME.svg")
	f.StringVar(&o.Shard, "shard", "", "run the cells of one process of several alone: I/N, with I from 1 to N, or index/N in an Indexed Job of Kubernetes")
	f.StringArrayVar(&o.Given, "given", nil, "give the study something that it asks for, NAME=VALUE; may be given again")
	f.BoolVar(&o.Small, "small", false, "run the small version of the study, which takes seconds to minutes and says nothing")
	f.BoolVar(&o.Print, "print", false, "print the file of the study and do nothing")
	f.BoolVar(&o.DryRun, "dry-run", false, "check everything, print the cells and what they will take, and train and write nothing")
	f.IntVar(&o.Parallel, "parallel", 0, "cells at a time (0 = one for each thread; one after the other for a child that is not built in)")
	o.Cluster.AddFlags(f)
}

// job is a study that is about to run.
type job struct {
	plan  *study.Plan
	cells []study.Cell
	name  string // without folder and ending
}

// runStudies runs one study, or several one after the other, each into a folder of its own:
// a mistake in any is found before the first begins.
func runStudies(ctx context.Context, o *studyOptions, g *globalOptions, whats []string, deps run.Deps) error {
	away, err := o.Cluster.check(o)
	if err != nil {
		return err
	}
	given, err := givenValues(o.Given)
	if err != nil {
		return err
	}
	var files []config.File
	for _, what := range whats {
		file, err := studyText(g, what)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	if len(whats) == 1 {
		out := cmp.Or(o.Out, filepath.Join("runs", "study-"+studyName(whats[0])))
		if o.Print && !away {
			_, err := g.Stdout.Write(files[0].Text)
			return err
		}
		s, err := study.Read(files[0], study.Options{Given: given, Small: o.Small})
		if err != nil {
			return err
		}
		if away {
			return o.Cluster.onCluster(ctx, g, o, whats[0], out, files[0], s)
		}
		j, err := o.plan(g, s, out, studyName(whats[0]))
		if err != nil {
			return err
		}
		return o.run(ctx, g, j, deps)
	}
	if away || o.Print {
		return inputErrorf("study: --on and --print must be used with one study (got %d)", len(whats))
	}
	jobs, err := o.planAll(g, whats, files, given)
	if err != nil {
		return err
	}
	var first error
	for _, j := range jobs {
		err := o.run(ctx, g, j, deps)
		if ctx.Err() != nil {
			return err
		}
		first = cmp.Or(first, err)
	}
	return first
}

// studyName is a study without the folder and the ending of its file.
func studyName(what string) string {
	return strings.TrimSuffix(filepath.Base(what), filepath.Ext(what))
}

// planAll plans several studies; what is given goes to those that ask for it.
func (o *studyOptions) planAll(g *globalOptions, whats []string, files []config.File, given map[string]string) ([]job, error) {
	owns, err := share(given, files)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for i, file := range files {
		name := studyName(whats[i])
		if slices.ContainsFunc(jobs, func(j job) bool { return j.name == name }) {
			return nil, inputErrorf("study: studies must have names of their own (got %q twice)", name)
		}
		s, err := study.Read(file, study.Options{Given: owns[i], Small: o.Small})
		if err != nil {
			return nil, err
		}
		j, err := o.plan(g, s, filepath.Join(cmp.Or(o.Out, filepath.Join("runs", "studies")), name), name)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// share is what was given, for each file that which it asks for; each must be asked for.
func share(given map[string]string, files []config.File) ([]map[string]string, error) {
	var owns []map[string]string
	asked := map[string]bool{}
	for _, file := range files {
		names, err := study.Asks(file)
		if err != nil {
			return nil, err
		}
		own := map[string]string{}
		for _, name := range names {
			if v, ok := given[name]; ok {
				own[name], asked[name] = v, true
			}
		}
		owns = append(owns, own)
	}
	for name := range given {
		if !asked[name] {
			return nil, &config.Error{Flag: "--given", Must: "must be something that one of the studies asks for", Value: name}
		}
	}
	return owns, nil
}

// plan is the cells of this process.
func (o *studyOptions) plan(g *globalOptions, s *study.Study, out, name string) (job, error) {
	plan, err := s.Plan(out, armOf)
	if err != nil {
		return job{}, err
	}
	text, err := indexShard(o.Shard)
	if err != nil {
		return job{}, err
	}
	shard, err := study.ParseShard(text)
	if err != nil {
		return job{}, err
	}
	for _, text := range s.Left {
		g.Log.Info("left out", "level", text)
	}
	return job{plan, plan.Select(shard), name}, nil
}

// run runs the cells and writes the tables.
func (o *studyOptions) run(ctx context.Context, g *globalOptions, j job, deps run.Deps) error {
	terminal := run.NewTerminal(g.Stderr, false, widthOf(g.Stderr))
	r := &study.Runner{
		Plan: j.plan, Threads: g.Threads, Parallel: o.Parallel, Deps: deps,
		Pretrain: g.pretrainFor, Say: func(line string) { terminal.Println("%s", line) },
	}
	if o.DryRun {
		return dryStudy(ctx, r, g, j.cells)
	}
	if err := checkFolderOut(j.plan.Dir); err != nil {
		return err
	}
	var err error
	if r.Deps.Cache, err = g.openCache(terminal.Warn); err != nil {
		return err
	}
	cost, err := r.Estimate(ctx, j.cells)
	if err != nil {
		return err
	}
	r.Say(cost.String())
	warnDisk(terminal, j.plan.Dir, cost)
	failed := r.Run(ctx, j.cells)
	if err := writeStudy(g, j.plan, o.Tables, j.name, failed != nil); err != nil {
		return cmp.Or(failed, err)
	}
	return failed
}

// warnDisk says where cells will take more than is free.
func warnDisk(t *run.Terminal, dir string, cost study.Cost) {
	free, err := freeSpace(existing(dir))
	if err != nil || cost.Disk <= free {
		return
	}
	t.Warn(fmt.Sprintf("the cells will take about %s on disk, %s are free at %s", showSize(cost.Disk), showSize(free), dir))
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

// writeStudy merges the cells, writes the tables, those of --tables too, and tells what is
// missing.
func writeStudy(g *globalOptions, plan *study.Plan, tables, name string, quiet bool) error {
	out := plan.Dir
	m, err := plan.Merge()
	if err != nil {
		return err
	}
	names, err := m.Write()
	if err != nil {
		return err
	}
	if tables != "" {
		if err := m.WriteTables(tables, name); err != nil {
			return err
		}
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
	return writeStudy(g, plan, "", "", false)
}
