package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/reward"
	"pgsrm/run"
)

// newCompareCommand trains with several rewards and compares them.
func newCompareCommand(g *globalOptions) *cobra.Command {
	var opts compareOptions
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Train with several rewards and compare them",
		Long: `The compare command trains a child with each reward, all with the same seeds and
the same configuration, and prints how the children ended: means over the seeds
with 95% confidence intervals and what the comparison found. It writes what the
report command writes: OUT/summary.json, OUT/report.html and figures. The run of a
reward and a seed stands in OUT/<reward>/seed-<n>.

Several runs train at a time, one thread each; the numbers do not depend on it.
The same command on the same --out resumes the runs that were interrupted and
leaves complete ones as they are.

EXAMPLES
  pgsrm compare --out runs/colors
  pgsrm compare --task opposites --rewards pgsrm,binary --seeds 5 --out runs/opposites
  pgsrm compare --child ./SmolLM2-135M-Instruct --task opposites --seeds 1 --out runs/smol
  pgsrm compare --rewards 'exact + 0.3*centered(no_clip),contrastive(tau=0.1)' --episodes 6400 --out runs/own
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCompare(cmd.Context(), &opts, g, g.madeBy()) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// compareOptions are the flags of compare.
type compareOptions struct {
	configOptions
	Rewards  string
	Seeds    int
	Parallel int
	DryRun   bool
}

// AddFlags adds the flags of compare.
func (o *compareOptions) AddFlags(f *pflag.FlagSet) {
	o.configOptions.AddFlags(f, "reward")
	f.StringVar(&o.Rewards, "rewards", "pgsrm,pgsrm-paper,binary", "rewards to compare, separated by commas")
	f.IntVar(&o.Seeds, "seeds", 3, "runs of each reward, with the seeds --seed, --seed+1, ...")
	f.IntVar(&o.Parallel, "parallel", 0, "runs at a time (0 = one for each thread; one after the other for a child that is not built in)")
	f.BoolVar(&o.DryRun, "dry-run", false, "open and check everything, print what would be run, and train and write nothing")
}

// runCompare trains all runs; deps replaces parts of the runs in tests.
func runCompare(ctx context.Context, o *compareOptions, g *globalOptions, deps run.Deps) error {
	r, arms, err := o.arms(g)
	if err != nil {
		return err
	}
	if o.DryRun {
		plans, err := run.DryCompare(ctx, arms, deps)
		if err != nil {
			return err
		}
		return printPlans(g, r, plans...)
	}
	if err := checkFolderOut(r.Out); err != nil {
		return err
	}
	terminal := run.NewTerminal(g.Stderr, showsColors(g.Stderr))
	if deps.Cache, err = g.openCache(terminal.Warn); err != nil {
		return err
	}
	results, err := run.Compare(ctx, arms, run.Slots{Threads: cmp.Or(r.Threads, g.Threads), Runs: o.Parallel}, deps, func(a run.Arm) run.Subscriber {
		return terminal.Run(a.Name)
	})
	terminal.Wait()
	for i, res := range results {
		if res.Earlier {
			g.Log.Info("complete already", "run", arms[i].Name)
		}
	}
	if err != nil {
		return err
	}
	return runReport(ctx, reportOptions{}, g, []string{r.Out})
}

// arms are the runs that the flags ask for, and what they have in common.
func (o *compareOptions) arms(g *globalOptions) (*run.Resolved, []run.Arm, error) {
	r, err := o.resolve(g)
	if err != nil {
		return nil, nil, err
	}
	if r.Out == "" {
		r.DeriveOut(filepath.Join("runs", r.Task))
	}
	var rewards []reward.Spec
	for _, text := range splitRewards(o.Rewards) {
		spec, err := reward.ParseSpec(text)
		if err != nil {
			return nil, nil, inputError(fmt.Errorf("--rewards: %w", err))
		}
		rewards = append(rewards, spec)
	}
	arms, err := run.Arms(r.Config, rewards, o.Seeds)
	return r, arms, err
}

// splitRewards cuts a list at the commas outside parentheses.
func splitRewards(list string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range list {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			out, start = append(out, strings.TrimSpace(list[start:i])), i+1
		}
	}
	return append(out, strings.TrimSpace(list[start:]))
}
