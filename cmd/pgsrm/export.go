package main

import (
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/internal/durable"
	"pgsrm/internal/table"
	"pgsrm/run"
)

// tracker copies runs into a tracker of experiments by its own Python API.
//
//go:embed tracker.py
var tracker []byte

// exportFormats are what export writes; the last two are the script.
var exportFormats = []string{"csv", "parquet", "trackio", "wandb"}

func newExportCommand(g *globalOptions) *cobra.Command {
	var opts exportOptions
	cmd := &cobra.Command{
		Use:   "export csv|parquet|trackio|wandb [DIR...]",
		Short: "Export runs as tables, or into Trackio and Weights & Biases",
		Long: `The export command writes what the runs at or below the folders have recorded (default:
runs), also while they go on, for other programs. csv and parquet write three tables:

  OUT/runs.csv         a row for each run: task, arm, seed, state, its last evaluation
  OUT/metrics.csv      dir,task,arm,seed,step,episode,metric,value
  OUT/completions.csv  every recorded answer

trackio and wandb write OUT/tracker.py, a Python script of some thirty lines that copies
runs by the API of the one or the other, as both may change how they store them.
Tables of end values and of differences over seeds: pgsrm report --formats csv.

EXAMPLES
  pgsrm export parquet --out tables runs
  pgsrm export trackio --out . && python tracker.py trackio colors runs/colors
  pgsrm export wandb --out . && WANDB_MODE=offline python tracker.py wandb colors runs/colors
` + exitStatusHelp,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || !slices.Contains(exportFormats, args[0]) {
				return inputErrorf("export: must be given one of %s (got %q)", strings.Join(exportFormats, ", "), strings.Join(args[:min(1, len(args))], ""))
			}
			return nil
		},
		ValidArgs: exportFormats,
		RunE:      func(_ *cobra.Command, args []string) error { return runExport(opts, g, args[0], args[1:]) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// exportOptions are the flags of export.
type exportOptions struct{ Out string }

// AddFlags adds the flags of export.
func (o *exportOptions) AddFlags(f *pflag.FlagSet) {
	f.StringVar(&o.Out, "out", "export", "folder to write into")
}

// runExport writes the tables, or the script.
func runExport(o exportOptions, g *globalOptions, format string, dirs []string) error {
	if err := checkFolderOut(o.Out); err != nil {
		return err
	}
	var runs []*run.Overview
	script := format == "trackio" || format == "wandb"
	if !script {
		if len(dirs) == 0 {
			dirs = []string{"runs"}
		}
		var err error
		if runs, err = overviews(dirs); err != nil {
			return err
		}
		if len(runs) == 0 {
			return inputErrorf("export: there must be a run at or below %s", strings.Join(dirs, ", "))
		}
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return err
	}
	names := []string{"tracker.py"}
	if script {
		if err := durable.WriteBytes(filepath.Join(o.Out, names[0]), tracker); err != nil {
			return err
		}
	} else {
		names = []string{"runs." + format, "metrics." + format, "completions." + format}
		if err := exportTables(o.Out, names, format, runs); err != nil {
			return err
		}
	}
	if g.JSON {
		return g.printJSON(struct {
			Out   string   `json:"out"`
			Files []string `json:"files"`
			Runs  int      `json:"runs"`
		}{o.Out, names, len(runs)})
	}
	_, err := fmt.Fprintf(g.Stdout, "%s: %s\n", cell(o.Out), strings.Join(names, ", "))
	return err
}

// exportedRun is a row of runs.csv.
type exportedRun struct {
	Dir       string   `parquet:"dir"`
	Task      string   `parquet:"task"`
	Arm       string   `parquet:"arm"`
	Reward    string   `parquet:"reward"`
	Algorithm string   `parquet:"algorithm"`
	Seed      int64    `parquet:"seed"`
	State     string   `parquet:"state"`
	Step      int64    `parquet:"step"`
	Episode   int64    `parquet:"episode"`
	Episodes  int64    `parquet:"episodes"`
	Started   string   `parquet:"started"`
	Seconds   float64  `parquet:"seconds"`
	Train     *float64 `parquet:"exact_match_train,optional"`
	HeldOut   *float64 `parquet:"exact_match_held_out,optional"`
	Likeness  *float64 `parquet:"semantic_held_out,optional"`
}

// exportedMetric is a row of metrics.csv.
type exportedMetric struct {
	Dir     string  `parquet:"dir,dict"`
	Task    string  `parquet:"task,dict"`
	Arm     string  `parquet:"arm,dict"`
	Seed    int64   `parquet:"seed"`
	Step    int64   `parquet:"step"`
	Episode int64   `parquet:"episode"`
	Metric  string  `parquet:"metric,dict"`
	Value   float64 `parquet:"value"`
}

// exportedAnswer is a row of completions.csv.
type exportedAnswer struct {
	Dir        string   `parquet:"dir,dict"`
	Task       string   `parquet:"task,dict"`
	Arm        string   `parquet:"arm,dict"`
	Seed       int64    `parquet:"seed"`
	Step       int64    `parquet:"step"`
	Episode    int64    `parquet:"episode"`
	PromptID   string   `parquet:"prompt_id"`
	Prompt     string   `parquet:"prompt"`
	Reference  string   `parquet:"reference"`
	Response   string   `parquet:"response"`
	Reward     *float64 `parquet:"reward,optional"`
	Semantic   *float64 `parquet:"semantic,optional"`
	ExactMatch *bool    `parquet:"exact_match,optional"`
	Normalized *bool    `parquet:"exact_match_normalized,optional"`
	Greedy     bool     `parquet:"greedy"`
	Split      string   `parquet:"split"`
	Finish     string   `parquet:"finish"`
	Error      string   `parquet:"error"`
}

// exportTables writes the three tables.
func exportTables(out string, names []string, format string, runs []*run.Overview) error {
	path := func(i int) string { return filepath.Join(out, names[i]) }
	err := exportTable(path(0), format, runs, func(r *run.Overview, add func(exportedRun) error) error {
		return add(exportedRun{
			Dir: r.Dir, Task: r.Task, Arm: r.Arm, Reward: r.Reward, Algorithm: r.Algorithm, Seed: int64(r.Seed), State: r.State, Step: int64(r.Step),
			Episode: int64(r.Episode), Episodes: int64(r.Episodes), Started: r.Started, Seconds: r.Seconds,
			Train: known(exactOf(r, "train")), HeldOut: known(exactOf(r, "held_out")), Likeness: known(likenessOf(r, "held_out")),
		})
	})
	if err != nil {
		return err
	}
	err = exportTable(path(1), format, runs, func(r *run.Overview, add func(exportedMetric) error) error {
		_, err := run.ReadMetrics(r.Dir, func(m run.Metrics) error { return exportStep(r, m, add) })
		return err
	})
	if err != nil {
		return err
	}
	return exportTable(path(2), format, runs, func(r *run.Overview, add func(exportedAnswer) error) error {
		_, err := run.ReadCompletions(r.Dir, func(c run.Completion) error {
			return add(exportedAnswer{
				Dir: r.Dir, Task: r.Task, Arm: r.Arm, Seed: int64(r.Seed), Step: int64(c.Step), Episode: int64(c.Episode), PromptID: c.PromptID, Prompt: c.Prompt, Reference: c.Reference,
				Response: c.Response, Reward: c.Reward, Semantic: c.Semantic, ExactMatch: c.ExactMatch, Normalized: c.Normalized, Greedy: c.Greedy, Split: c.Split, Finish: c.Finish, Error: c.Error,
			})
		})
		return err
	})
}

// exportStep adds the numbers of one line, by name.
func exportStep(r *run.Overview, m run.Metrics, add func(exportedMetric) error) error {
	for _, name := range slices.Sorted(maps.Keys(m.Values)) {
		row := exportedMetric{r.Dir, r.Task, r.Arm, int64(r.Seed), int64(m.Step), int64(m.Episode), name, m.Values[name]}
		if err := add(row); err != nil {
			return err
		}
	}
	return nil
}

// known is a value, nil where there is none.
func known(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &v
}

// exportTable writes one table with the rows of each run.
func exportTable[T any](path, format string, runs []*run.Overview, rows func(r *run.Overview, add func(T) error) error) error {
	return table.WriteFile(path, format, func(add func(T) error) error {
		for _, r := range runs {
			if err := rows(r, add); err != nil {
				return err
			}
		}
		return nil
	})
}
