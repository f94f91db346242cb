package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/internal/printable"
	"pgsrm/run"
)

// newRunsCommand groups the commands about run directories.
func newRunsCommand(g *globalOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "List, show, compare and remove run directories",
		Long: `The runs commands read the directories that train and compare have written, while
they are written, too: which runs there are and how far they are, what one of them is
and how to go on with it, in what two differ. rm removes them.

EXAMPLES
  pgsrm runs list
  pgsrm runs show runs/colors
  pgsrm runs diff runs/colors runs/colors-slow
  pgsrm runs rm runs/colors-slow
` + exitStatusHelp,
	}
	cmd.AddCommand(newRunsListCommand(g), newRunsShowCommand(g), newRunsDiffCommand(g), newRunsRmCommand(g))
	return cmd
}

// runsListOptions are the flags of runs list.
type runsListOptions struct{ Sort string }

// AddFlags adds the flags of runs list.
func (o *runsListOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Sort, "sort", "name", "order: "+strings.Join(runOrders(), ", "))
}

func newRunsListCommand(g *globalOptions) *cobra.Command {
	var opts runsListOptions
	cmd := &cobra.Command{
		Use:   "list [DIR...]",
		Short: "List the runs in folders",
		Long: `The list command finds the run directories at or below the folders (default: runs),
eight levels deep, and prints a line for each: task, reward or arm, seed, how it stands,
episodes done, exact match of the last evaluation on train and held-out prompts
(normalised where the run has that), likeness on held-out prompts, when it began, and
how long it has trained. On a terminal the table is made to fit. A run is running,
finished, stopped early, interrupted (to be resumed), failed, or damaged, which stderr
explains.

With --sort exact, likeness, episodes and time the largest come first, with started the
newest.

EXAMPLES
  pgsrm runs list
  pgsrm runs list --sort exact runs/colors
  pgsrm runs list --json runs | jq -r '.runs[] | select(.state == "interrupted") | .dir'
` + exitStatusHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return runRunsList(opts, g, args) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// runOrder compares two runs by a key of --sort.
type runOrder struct {
	key     string
	compare func(a, b *run.Overview) int
}

var runsOrders = []runOrder{
	{"name", func(a, b *run.Overview) int { return cmp.Compare(byNumber(a.Dir), byNumber(b.Dir)) }},
	{"task", func(a, b *run.Overview) int { return cmp.Compare(a.Task, b.Task) }},
	{"reward", func(a, b *run.Overview) int { return cmp.Compare(a.Arm, b.Arm) }},
	{"seed", func(a, b *run.Overview) int { return cmp.Compare(a.Seed, b.Seed) }},
	{"state", func(a, b *run.Overview) int { return cmp.Compare(a.State, b.State) }},
	{"episodes", func(a, b *run.Overview) int { return cmp.Compare(b.Episode, a.Episode) }},
	{"exact", func(a, b *run.Overview) int { return cmp.Compare(headline(b, exactOf), headline(a, exactOf)) }},
	{"likeness", func(a, b *run.Overview) int { return cmp.Compare(headline(b, likenessOf), headline(a, likenessOf)) }},
	{"started", func(a, b *run.Overview) int { return cmp.Compare(b.Started, a.Started) }},
	{"time", func(a, b *run.Overview) int { return cmp.Compare(b.Seconds, a.Seconds) }},
}

var digits = regexp.MustCompile(`[0-9]+`)

// byNumber is a name that sorts by the numbers in it: seed-2 before seed-10.
func byNumber(name string) string {
	return digits.ReplaceAllStringFunc(name, func(n string) string { return strings.Repeat("0", max(0, 20-len(n))) + n })
}

func runOrders() []string {
	var keys []string
	for _, o := range runsOrders {
		keys = append(keys, o.key)
	}
	return keys
}

// exactOf is the exact match of a split in the last evaluation, normalised where the run
// has that.
func exactOf(o *run.Overview, split string) (float64, bool) {
	if v, ok := o.Eval["eval/"+split+"/exact_match_normalized"]; ok {
		return v, true
	}
	v, ok := o.Eval["eval/"+split+"/exact_match"]
	return v, ok
}

func likenessOf(o *run.Overview, split string) (float64, bool) {
	v, ok := o.Eval["eval/"+split+"/semantic"]
	return v, ok
}

// headline is the value of held-out prompts, or of train prompts where none are held
// out; -2, which is less than any, without an evaluation.
func headline(o *run.Overview, of func(o *run.Overview, split string) (float64, bool)) float64 {
	for _, split := range []string{"held_out", "train"} {
		if v, ok := of(o, split); ok {
			return v
		}
	}
	return -2
}

// runRunsList lists the runs.
func runRunsList(o runsListOptions, g *globalOptions, dirs []string) error {
	order := slices.IndexFunc(runsOrders, func(r runOrder) bool { return r.key == o.Sort })
	if order < 0 {
		err := config.OneOf("", o.Sort, runOrders()...)
		var e *config.Error
		if errors.As(err, &e) {
			e.Flag = "--sort"
		}
		return err
	}
	if len(dirs) == 0 {
		dirs = []string{"runs"}
	}
	runs, err := overviews(dirs)
	if err != nil {
		return err
	}
	slices.SortStableFunc(runs, func(a, b *run.Overview) int { return runsOrders[order].compare(a, b) })
	if g.JSON {
		return g.printJSON(struct {
			Runs []*run.Overview `json:"runs"`
		}{runs})
	}
	if len(runs) == 0 {
		g.Log.Info("no runs in " + strings.Join(dirs, ", "))
		return nil
	}
	if err := printTable(g.Stdout, runColumns(runs), g.width); err != nil {
		return err
	}
	for _, r := range runs {
		if r.Problem != "" {
			g.Log.Warn("damaged: " + r.Problem)
		}
	}
	return nil
}

// overviews reads the runs at or below the folders, each once.
func overviews(dirs []string) ([]*run.Overview, error) {
	runs := []*run.Overview{}
	seen := map[string]bool{}
	for _, dir := range dirs {
		found, err := run.Find(dir)
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			absolute, err := filepath.Abs(path)
			if err != nil {
				return nil, err
			}
			if seen[absolute] {
				continue
			}
			seen[absolute] = true
			o, err := run.ReadOverview(path)
			if err != nil {
				return nil, err
			}
			runs = append(runs, &o)
		}
	}
	return runs, nil
}

// runColumns are the columns of the list.
func runColumns(runs []*run.Overview) []column {
	columns := []column{
		{title: "run", cut: true}, {title: "task", cut: true, rank: 7}, {title: "reward", cut: true, rank: 2}, {title: "seed", right: true, rank: 5},
		{title: "state"}, {title: "episodes", right: true}, {title: "train", right: true, rank: 4}, {title: "held-out", right: true, rank: 3},
		{title: "likeness", right: true, rank: 6}, {title: "started", rank: 8}, {title: "time", right: true, rank: 9},
	}
	for _, r := range runs {
		cells := []string{cell(r.Dir), cell(filepath.Base(r.Task)), cell(r.Arm), strconv.FormatUint(r.Seed, 10), r.State, fmt.Sprintf("%d/%d", r.Episode, r.Episodes),
			shareOf(r, "train"), shareOf(r, "held_out"), "", startedText(r.Started), ""}
		if r.Task == "" {
			cells[1], cells[3], cells[5] = "", "", "" // its configuration cannot be read
		}
		if v := headline(r, likenessOf); v >= -1 {
			cells[8] = fmt.Sprintf("%.3f", v)
		}
		if r.Seconds > 0 {
			cells[10] = secondsText(r.Seconds)
		}
		for i := range columns {
			columns[i].cells = append(columns[i].cells, cells[i])
		}
	}
	return columns
}

// shareOf is the exact match of a split for a table.
func shareOf(r *run.Overview, split string) string {
	if v, ok := exactOf(r, split); ok {
		return shareCell(&v)
	}
	return ""
}

// startedText is an RFC 3339 time here and for readers; another text as it is.
func startedText(text string) string {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return printable.Shorten(cell(text), 16)
	}
	return t.Local().Format("2006-01-02 15:04")
}

func secondsText(s float64) string {
	switch {
	case s < 10:
		return fmt.Sprintf("%.1fs", s)
	case s >= 1e9:
		return "–"
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
