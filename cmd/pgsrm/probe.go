package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/internal/printable"
	"pgsrm/report"
	"pgsrm/reward"
	"pgsrm/run"
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
unchanged, or the right answer with something around it that means little? What do
negated, truncated, quoted and echoed answers earn, what wrong numbers, and what the
best wrong answers that a search over the child's tokens finds? What earns much of what
correct answers earn and is easily found is what training finds first. It ends with a
verdict and with what to change. docs/probe.md defines the numbers.

EXAMPLES
  pgsrm probe --task colors
  pgsrm probe --task opposites --reward pgsrm-paper --json
  pgsrm probe --task gsm8k.jsonl --reward numeric --html probe.html
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
	Child  string
	Search int
	Seed   uint64
	HTML   string
	search *pflag.Flag // nil where the options do not come from a command line
}

// AddFlags adds the flags of probe.
func (o *probeOptions) AddFlags(f *pflag.FlagSet) {
	o.scoreOptions.AddFlags(f)
	f.StringVar(&o.Child, "child", "builtin:tiny", "model whose tokens the search for wrong answers is made of; only its tokenizer is read")
	f.IntVar(&o.Search, "search", searchTokens, fmt.Sprintf("tokens tried at each extension of a wrong answer, 0 = no search (%d with an embedder that is a model or a server, unless given)", searchTokensSlow))
	f.Uint64Var(&o.Seed, "seed", 1, "chooses these tokens")
	f.StringVar(&o.HTML, "html", "", "write a page with all numbers and the similarity matrix into this file")
	o.search = f.Lookup("search")
}

// Tokens that are tried at each extension, by what the embedder takes for a text.
const (
	searchTokens     = 1000
	searchTokensSlow = 50
)

// validate refuses what cannot be done, before any work.
func (o *probeOptions) validate() error {
	if o.HTML == "" {
		return nil
	}
	return checkFile("--html", o.HTML)
}

// adversary is how wrong answers are searched for.
func (o *probeOptions) adversary() (reward.Search, error) {
	s := reward.Search{Tokens: o.Search, Seed: o.Seed}
	fast := o.Embedder == "builtin" || strings.HasPrefix(o.Embedder, "file:") || strings.HasPrefix(o.Embedder, "random")
	if !fast && (o.search == nil || !o.search.Changed) {
		s.Tokens = min(s.Tokens, searchTokensSlow)
	}
	if s.Tokens == 0 {
		return s, nil
	}
	tok, err := run.OpenTokenizer(o.Child)
	if err != nil {
		return s, inputError(err)
	}
	for id := range int32(tok.Size()) {
		if text := tok.Decode([]int32{id}, true); !tok.IsSpecial(id) && strings.TrimSpace(text) != "" && !strings.ContainsFunc(text, unreadable) {
			s.Vocabulary = append(s.Vocabulary, text)
		}
	}
	return s, nil
}

// unreadable is a character of which no answer is made: a control character, or what stands
// for bytes that are no text by themselves.
func unreadable(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) && r != '\n' }

func runProbe(ctx context.Context, o probeOptions, g *globalOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	spec, err := reward.ParseSpec(o.Reward)
	if err != nil {
		return inputError(err)
	}
	t, err := o.openTask(ctx, g)
	if err != nil {
		return err
	}
	search, err := o.adversary()
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
	res, err := reward.Probe(ctx, t, answers, e, spec, match, search, scorers...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return rewardError(err)
	}
	res.Embedder = o.Embedder
	if o.HTML != "" {
		if err := report.WriteProbe(o.HTML, res); err != nil {
			return err
		}
		g.Log.Info("page written", "file", o.HTML)
	}
	if g.JSON {
		return g.printJSON(res)
	}
	return printProbe(g, res)
}

// printProbe prints the findings as a table.
func printProbe(g *globalOptions, r reward.ProbeResult) error {
	w := tabwriter.NewWriter(g.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "task %s, embedder %s, reward %s\n\n", r.Task, r.Embedder, r.Reward)
	c := r.Counts
	fmt.Fprintf(w, "related against unrelated\tAUC %.3f\t95%% CI %.3f to %.3f, %d pairs against %d\n", r.AUC, r.AUCCI95[0], r.AUCCI95[1], c.Related, c.Unrelated)
	fmt.Fprintf(w, "right against wrong of the task\tAUC %.3f\t95%% CI %.3f to %.3f, %d pairs against %d\n", r.AUCWrong, r.AUCWrongCI95[0], r.AUCWrongCI95[1], c.Related, c.Wrong)
	fmt.Fprintf(w, "the same by length alone\tAUC %.3f\t95%% CI %.3f to %.3f\n", r.LengthAUC, r.LengthAUCCI95[0], r.LengthAUCCI95[1])
	if h := r.Hubness; h != nil {
		fmt.Fprintf(w, "hubs among the answers\tskew %.2f\t%sof %d answers; %q is among the %d nearest of %d\n", h.Skew, interval("95%% CI %.2f to %.2f, ", h.CI95), h.Answers, h.Hub, h.Nearest, h.Occurrences)
	}
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
	if n := r.Numbers; n != nil {
		fmt.Fprintf(w, "wrong numbers near right ones\tat %d prompts\tearn %.3f, %.0f%%%s; cosine %.2f%s, any two answers %.2f\n", n.Prompts, n.Reward, 100*n.ShareOfCorrect,
			percents(n.CI95), n.Cosine, interval(" (%.2f to %.2f)", n.CosineCI95), n.Between)
	}
	fmt.Fprintf(w, "rewards\t%.4g to %.4g\n", r.Range[0], r.Range[1])
	for _, note := range r.Notes {
		fmt.Fprintf(w, "note\t%s\n", note)
	}
	printAnswers(w, r)
	if len(r.Confusions) > 0 {
		fmt.Fprintf(w, "\nmost similar pairs of different answers, by cosine\n")
		for _, c := range r.Confusions {
			fmt.Fprintf(w, "  %.3f\t%s\t%s\n", c.Cosine, c.A, c.B)
		}
	}
	for _, f := range r.Failed {
		fmt.Fprintf(w, "\nno vector for %q: %s\n", f.Answer, f.Error)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return printVerdict(g.Stdout, r)
}

// printAnswers prints what answers earn that are not right, with intervals.
func printAnswers(w io.Writer, r reward.ProbeResult) {
	if len(r.Answers) == 0 {
		return
	}
	fmt.Fprintf(w, "\nanswers that are not right\tshare of a right one\t95%% CI\tprompts\tas in\n")
	answers := r.Answers
	if r.BestWrong != nil {
		answers = append(slices.Clone(answers), r.BestWrong.Tried)
	}
	for _, a := range answers {
		switch {
		case a.Prompts > 0:
			fmt.Fprintf(w, "  %s\t%.0f%%\t%s\t%d\t%s\n", a.Name(), 100*a.ShareOfCorrect, strings.Trim(percents(a.CI95), " ()"), a.Prompts, oneLine(a.Example))
		case a.Right > 0:
			fmt.Fprintf(w, "  %s\tright at all %d prompts\n", a.Name(), a.Right)
		}
	}
	if b := r.BestWrong; b != nil {
		for _, x := range b.Examples {
			fmt.Fprintf(w, "    found\t%.3f\t%s\tfor %s\n", x.Reward, oneLine(x.Answer), oneLine(x.Reference))
		}
	}
}

// printVerdict prints what was found and what to change.
func printVerdict(w io.Writer, r reward.ProbeResult) error {
	level, _, _ := strings.Cut(r.Verdict, ":")
	fmt.Fprintf(w, "\nverdict: %s\n", level)
	var advice []string
	for _, f := range r.Findings {
		fmt.Fprintf(w, "  %-8s  %s\n", f.Level, f.Text)
		if f.Advice != "" && !slices.Contains(advice, f.Advice) {
			advice = append(advice, f.Advice)
		}
	}
	if len(advice) > 0 {
		fmt.Fprintf(w, "what to change\n")
	}
	for _, text := range advice {
		if _, err := fmt.Fprintf(w, "  - %s\n", text); err != nil {
			return err
		}
	}
	return nil
}

// interval writes the ends of an interval, nothing where there is none.
func interval(format string, ci *[2]float64) string {
	if ci == nil {
		return ""
	}
	return fmt.Sprintf(format, ci[0], ci[1])
}

// percents is interval of a share, in percent.
func percents(ci *[2]float64) string {
	if ci == nil {
		return ""
	}
	return fmt.Sprintf(" (%.0f%% to %.0f%%)", 100*ci[0], 100*ci[1])
}

// oneLine is the beginning of a text, as it may stand in a table.
func oneLine(text string) string {
	text = printable.Text(strings.Join(strings.Fields(text), " "))
	if r := []rune(text); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return text
}
