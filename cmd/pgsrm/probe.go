package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/reward"
)

// newProbeCommand judges a reward before training.
func newProbeCommand(g *globalOptions) *cobra.Command {
	var o probeOptions
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "Judge an embedder and a reward for a task before training",
		Long: `The probe command asks, before any training: does the embedder find related answers
more similar than unrelated ones (AUC, 0.5 is chance), does it tell right answers from
wrong ones of the same task, and which answers does the embedder confuse most? What
would a child earn that gives one and the same answer to every prompt, its input
unchanged, or the right answer with something around it that means little? What earns
much of what correct answers earn and is easily found is what training finds first.
docs/rewards.md defines the numbers.

EXAMPLES
  pgsrm probe --task colors
  pgsrm probe --task opposites --reward pgsrm-paper --json
  pgsrm probe --task prompts.jsonl --parent file:answers.csv --embedder file:glove.txt.gz
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runProbe(cmd.Context(), o, g) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// probeOptions are the flags of probe.
type probeOptions struct {
	scoreOptions
}

// AddFlags adds the flags of probe.
func (o *probeOptions) AddFlags(f *pflag.FlagSet) { o.scoreOptions.AddFlags(f) }

func runProbe(ctx context.Context, o probeOptions, g *globalOptions) error {
	spec, err := reward.ParseSpec(o.Reward)
	if err != nil {
		return inputError(err)
	}
	t, err := o.openTask(ctx, g)
	if err != nil {
		return err
	}
	e, err := o.openEmbedder(g)
	if err != nil {
		return err
	}
	match, err := o.matcher("", g)
	if err != nil {
		return err
	}
	scorers, err := o.openScorers(spec, g)
	if err != nil {
		return err
	}
	defer scorers.Close()
	defer tellJudged(scorers, spec, g)
	answers, err := o.parentAnswers(ctx, t, t.Items, g)
	if err != nil {
		return err
	}
	if len(scorers) > 0 {
		g.Log.Info("the probe asks functions of your own or judges for rewards, which takes its time where they are slow", "answers", reward.OwnAnswers)
	}
	res, err := reward.Probe(ctx, t, answers, e, spec, match, scorers...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return rewardError(err)
	}
	res.Embedder = o.Embedder
	if g.JSON {
		return g.printJSON(res)
	}
	return printProbe(g, res)
}

// printProbe prints the findings as a table.
func printProbe(g *globalOptions, r reward.ProbeResult) error {
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "task %s, embedder %s, reward %s\n\n", r.Task, r.Embedder, r.Reward)
	fmt.Fprintf(w, "related against unrelated\tAUC %.3f\t95%% CI %.3f to %.3f\n", r.AUC, r.AUCCI95[0], r.AUCCI95[1])
	fmt.Fprintf(w, "right against wrong of the task\tAUC %.3f\t95%% CI %.3f to %.3f\n", r.AUCWrong, r.AUCWrongCI95[0], r.AUCWrongCI95[1])
	fmt.Fprintf(w, "best constant answer\t%q\tearns %.3f, %.0f%% of what correct answers earn\n",
		r.BestConstant.Answer, r.BestConstant.Reward, 100*r.BestConstant.ShareOfCorrect)
	if u := r.Unchanged; u != nil {
		fmt.Fprintf(w, "the input unchanged\tat %d prompts\tearns %.3f, %.0f%%, and half or more at %.0f%% of these prompts\n",
			u.Prompts, u.Reward, 100*u.ShareOfCorrect, 100*u.HalfPaid)
	} else {
		fmt.Fprintf(w, "the input unchanged\tnone\tno prompt has an input that is no right answer\n")
	}
	if p := r.BestPadded; p != nil {
		fmt.Fprintf(w, "best padded answer\t%s\tearns %.3f, %.0f%%, X being the right answer, cut by the limit\n", p.Template, p.Reward, 100*p.ShareOfCorrect)
	} else {
		fmt.Fprintf(w, "best padded answer\tnone\tevery padding leaves the answers right\n")
	}
	fmt.Fprintf(w, "rewards\t%.4g to %.4g\n", r.Range[0], r.Range[1])
	for _, note := range r.Notes {
		fmt.Fprintf(w, "note\t%s\n", note)
	}
	if len(r.Confusions) > 0 {
		fmt.Fprintf(w, "\nmost similar pairs of different answers, by cosine\n")
		for _, c := range r.Confusions {
			fmt.Fprintf(w, "  %.3f\t%s\t%s\n", c.Cosine, c.A, c.B)
		}
	}
	for _, f := range r.Failed {
		fmt.Fprintf(w, "\nno vector for %q: %s\n", f.Answer, f.Error)
	}
	fmt.Fprintf(w, "\n%s\n", r.Verdict)
	return w.Flush()
}
