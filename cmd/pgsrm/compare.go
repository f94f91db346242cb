package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/config"
	"pgsrm/internal/printable"
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

A reward may have settings of its own in brackets, as --set takes them: they are laid
over the configuration, and the arm is called as it is written. Arms that others have
published have names, such as maxrl: "pgsrm config show --reward maxrl" shows what one
stands for, docs/algorithms/arms.md lists them.

Several runs train at a time, one thread each; the numbers do not depend on it.
The same command on the same --out resumes the runs that were interrupted and
leaves complete ones as they are.

EXAMPLES
  pgsrm compare --out runs/colors
  pgsrm compare --task opposites --rewards pgsrm,binary --seeds 5 --out runs/opposites
  pgsrm compare --child ./SmolLM2-135M-Instruct --task opposites --seeds 1 --out runs/smol
  pgsrm compare --rewards 'pgsrm,binary,binary[schedule.lr=1e-4]' --out runs/rates
  pgsrm compare --rewards pgsrm,maxrl,binary-grpo,random,binary --out runs/rivals
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
	f.StringVar(&o.Rewards, "rewards", "pgsrm,pgsrm-paper,binary", "rewards to compare, separated by commas, each perhaps with settings: 'pgsrm,binary[schedule.lr=1e-4]'")
	f.IntVar(&o.Seeds, "seeds", 5, "runs of each arm, with the seeds --seed, --seed+1, ...")
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
	g.sayTask(r)
	terminal := newProgress(g)
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
		if errors.Is(err, run.ErrInterrupted) && deps.Command != "" {
			g.sayResume(deps.Command + " --out " + printable.ShellWord(r.Out))
		}
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
	var configs []run.Config
	for _, text := range splitOutside(o.Rewards, ",") {
		c, err := o.arm(g, r, text)
		if err != nil {
			return nil, nil, inputError(err)
		}
		configs = append(configs, c)
	}
	arms, err := run.Arms(configs, o.Seeds)
	return r, arms, err
}

// arm is the configuration of one element of --rewards: a reward with the
// configuration of all, or with settings of its own laid over it, those of a named arm
// below those in its brackets.
func (o *compareOptions) arm(g *globalOptions, all *run.Resolved, text string) (run.Config, error) {
	base, inner, err := cutSettings(text)
	if err != nil {
		return run.Config{}, err
	}
	arm, named := run.FindArm(base)
	if named {
		base = arm.Reward
	}
	spec, err := reward.ParseSpec(base)
	if err != nil {
		return run.Config{}, fmt.Errorf("--rewards: %w", run.NearArm(err, base))
	}
	c := all.Config
	c.Reward, c.Arm = spec, ""
	if inner == nil && !named {
		return c, nil
	}
	name := strings.Join(strings.Fields(text), "")
	settings, err := armSettings(inner)
	if err == nil {
		var own *run.Resolved
		if own, err = o.resolve(g, append(arm.Given("--rewards "+arm.Name), settings...)...); err == nil {
			c = own.Config
			c.Reward, c.Arm, c.Out = spec, name, all.Out
			err = c.Validate()
		}
	}
	if err != nil {
		return run.Config{}, fmt.Errorf("--rewards %s: %w", name, err)
	}
	return c, nil
}

// armSettings reads the KEY=VALUE in the brackets of an arm.
func armSettings(texts []string) ([]config.Setting, error) {
	var settings []config.Setting
	for _, text := range texts {
		s, err := config.ParseSetting(text)
		if err != nil {
			return nil, &config.Error{Must: "setting must be KEY=VALUE", Value: fmt.Sprintf("%q", text)}
		}
		s.From, s.Key, s.Value = strings.TrimSpace(s.Key), strings.TrimSpace(s.Key), strings.TrimSpace(s.Value)
		if err := run.CheckArmKey(s.Key); err != nil {
			return nil, err
		}
		settings = append(settings, s)
	}
	return settings, nil
}

// cutSettings cuts an element of --rewards, REWARD[KEY=VALUE,...], into the reward and
// its settings, nil where it has no brackets.
func cutSettings(text string) (base string, settings []string, err error) {
	at := bracket(text)
	if at < 0 {
		return text, nil, nil
	}
	base = text[:at]
	inner, closed := strings.CutSuffix(text[at+1:], "]")
	if !closed || !balanced(inner) {
		return "", nil, &config.Error{Flag: "--rewards", Must: "settings of an arm must end with its bracket", Value: fmt.Sprintf("%q", text)}
	}
	return strings.TrimSpace(base), splitOutside(inner, ",;"), nil
}

// bracket is where the settings of an arm begin; -1 where it has none.
func bracket(text string) int {
	depth := 0
	for i, r := range withoutTexts(text) {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == '[' && depth <= 0:
			return i
		}
	}
	return -1
}

// balanced says whether each bracket of a text closes one that it opened.
func balanced(text string) bool {
	depth := 0
	for _, r := range withoutTexts(text) {
		if strings.ContainsRune(opening, r) {
			depth++
		}
		if strings.ContainsRune(closing, r) {
			depth--
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}

// The brackets in which a list is not cut.
const opening, closing = "([{", ")]}"

// splitOutside cuts a list at the separators that stand outside all brackets.
func splitOutside(list, separators string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range withoutTexts(list) {
		switch {
		case strings.ContainsRune(opening, r):
			depth++
		case strings.ContainsRune(closing, r):
			depth--
		case depth == 0 && strings.ContainsRune(separators, r):
			out, start = append(out, strings.TrimSpace(list[start:i])), i+1
		}
	}
	return append(out, strings.TrimSpace(list[start:]))
}

// withoutTexts puts as many dots in place of each text in quotes that stands first in
// parentheses, as a term of a reward has it: what is in it separates nothing.
func withoutTexts(list string) string {
	out := []byte(list)
	for i := range out {
		if c := out[i]; c != '"' && c != '\'' || !strings.HasSuffix(strings.TrimRight(string(out[:i]), " \t\r\n"), "(") {
			continue
		}
		end := i + 1
		for end < len(list) && list[end] != list[i] {
			if list[i] == '"' && list[end] == '\\' {
				end++
			}
			end++
		}
		for ; i <= end && end < len(list); end-- {
			out[end] = '.'
		}
	}
	return string(out)
}
