package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/run"
)

// newTrainCommand trains one child.
func newTrainCommand(g *globalOptions) *cobra.Command {
	var opts trainOptions
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train a child with one reward",
		Long: `The train command trains a child with one reward and writes a run directory:
metrics, sampled answers, checkpoints and the trained child as a Hugging Face
folder; with --lora-rank the child is a PEFT adapter folder. DIR must be new or
empty. Interrupted (Ctrl-C once) the run writes a checkpoint and stops; interrupted
or killed at any instant it is resumed with --resume, to the very bits of a run that
was left alone. Ctrl-C twice stops at once. --resume with --episodes N makes a run longer,
also one that is complete or stopped early.

What the run computes is decided by, each over the one before: the defaults, the
preset, --config, the flags, --set. DIR/config.yaml holds the result.

EXAMPLES
  pgsrm train --out runs/colors
  pgsrm train --task opposites --reward binary --seed 7 --out runs/opposites
  pgsrm train --reward 'exact + 0.3*centered(no_clip)' --set schedule.lr=1e-4 --out runs/a
  pgsrm train --child ./SmolLM2-135M-Instruct --task opposites --chat-system 'Answer with one word.' --out runs/smol
  pgsrm train --child ./gpt2 --lora-rank 8 --lora-targets c_attn,c_proj --out runs/adapter
  pgsrm train --resume --out runs/a
  pgsrm train --resume --episodes 200000 --out runs/a
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runTrain(cmd.Context(), &opts, g, g.madeBy()) },
	}
	opts.AddFlags(cmd.Flags())
	return cmd
}

// trainOptions are the flags of train.
type trainOptions struct {
	configOptions
	Resume bool
	DryRun bool
}

// AddFlags adds the flags of train.
func (o *trainOptions) AddFlags(f *pflag.FlagSet) {
	o.configOptions.AddFlags(f)
	f.BoolVar(&o.Resume, "resume", false, "resume the run in --out; other flags may be left out")
	f.BoolVar(&o.DryRun, "dry-run", false, "open and check everything, print what would be run, and train and write nothing")
}

// runTrain trains; deps replaces parts of the run in tests.
func runTrain(ctx context.Context, o *trainOptions, g *globalOptions, deps run.Deps) error {
	r, err := o.config(g)
	if err != nil {
		return err
	}
	if r.Out == "" {
		r.DeriveOut(defaultOut(r.Config))
	}
	cfg := r.Config
	cfg.Extend = o.Resume && r.Origin("episodes").Layer == config.Flag
	if o.DryRun {
		plan, err := run.DryRun(ctx, cfg, o.Resume, deps)
		if err != nil {
			return err
		}
		return printPlans(g, r, plan)
	}
	if err := checkFolderOut(cfg.Out); err != nil {
		return err
	}
	if !o.Resume {
		g.sayTask(r)
	}
	terminal := newProgress(g)
	deps.Events = append(deps.Events, terminal.Run(""))
	if deps.Cache, err = g.openCache(terminal.Warn); err != nil {
		return err
	}
	begin := run.Start
	if o.Resume {
		begin = run.Resume
	}
	res, err := begin(ctx, cfg, deps)
	terminal.Wait()
	if err != nil {
		if o, look := run.ReadOverview(cfg.Out); look == nil && errors.Is(err, run.ErrInterrupted) {
			g.sayResume(o.ResumeCommand())
		}
		return err
	}
	if g.JSON {
		return g.printJSON(res)
	}
	return printResult(g, res)
}

// config is the configuration of the flags; to resume they are laid over that of
// the run directory, and what differs from it is refused later, by its key, unless it
// is the number of episodes of a flag.
func (o *trainOptions) config(g *globalOptions) (*run.Resolved, error) {
	r, err := o.resolve(g)
	if err != nil || !o.Resume || r.Out == "" {
		return r, err
	}
	began, begun, err := run.ReadConfig(r.Out)
	switch {
	case err != nil:
		return nil, err
	case begun && o.File == "" && len(began.Reward.Commands()) > 0 && !o.namesReward():
		return nil, inputErrorf("--reward: must be given again to resume a run whose reward starts a process, as a run directory may come from others (got %q in %s)", began.Reward.Formula, r.Out)
	case begun && o.File == "":
		o.File = filepath.Join(r.Out, "config.yaml")
		o.Set = slices.Insert(o.Set, 0, "answer.normalize="+began.Answer.Normalize) // the file may be older than this key
		return o.resolve(g)
	case !begun && o.only("out", "episodes"):
		return nil, inputErrorf("--resume: no run has begun in %s", r.Out)
	}
	return r, nil
}

// defaultOut is the run directory of a configuration that names none.
func defaultOut(c run.Config) string {
	return filepath.Join("runs", fmt.Sprintf("%s-%s-%s-seed-%d", c.Task, run.FolderName(c.ArmName()), c.Algorithm, c.Seed))
}

// printResult says in words how a run ended.
func printResult(g *globalOptions, res run.Result) error {
	early := ""
	if res.Stopped != "" {
		early = fmt.Sprintf(", stopped early at step %d", res.Steps)
	}
	if res.Earlier {
		_, err := fmt.Fprintf(g.Stdout, "%s: complete already, %d episodes%s\n", res.Dir, res.Episodes, early)
		return err
	}
	fmt.Fprintf(g.Stdout, "%s: %d episodes%s\n", res.Dir, res.Episodes, early)
	for _, split := range []string{"train", "held_out"} {
		if exact, ok := res.LastEval["eval/"+split+"/exact_match"]; ok {
			normalized := ""
			if n, ok := res.LastEval["eval/"+split+"/exact_match_normalized"]; ok {
				normalized = fmt.Sprintf(", normalised %5.1f%%", 100*n)
			}
			fmt.Fprintf(g.Stdout, "  %-9s exact match %5.1f%%%s, semantic %.3f\n", split, 100*exact, normalized, res.LastEval["eval/"+split+"/semantic"])
		}
	}
	if res.Dropped > 0 {
		fmt.Fprintf(g.Stdout, "  %d samples had no reward and were dropped\n", res.Dropped)
	}
	which := ""
	if b := res.Best; b != nil {
		if which = fmt.Sprintf(" (of step %d, the best)", b.Step); res.ChildStep != b.Step {
			which = " (the last)"
		}
		fmt.Fprintf(g.Stdout, "  best: %s %.4g at step %d, %s\n", b.Metric, b.Value, b.Step, filepath.Join(res.Dir, filepath.FromSlash(b.Checkpoint)))
	}
	_, err := fmt.Fprintf(g.Stdout, "  child: %s%s\n", filepath.Join(res.Dir, "child"), which)
	return err
}
