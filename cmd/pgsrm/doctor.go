package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pgsrm/cache"
	"pgsrm/config"
	"pgsrm/embed"
	"pgsrm/hf"
	"pgsrm/parent"
	"pgsrm/remote"
	"pgsrm/run"
	"pgsrm/task"
)

// newDoctorCommand checks everything that a run needs.
func newDoctorCommand(g *globalOptions) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check what a run needs, and what its child answers before training",
		Long: `The doctor command takes the flags and the configuration of a run and checks, without
training, all that the run needs: configuration, kernel, task, child, parent, embedder,
cache, run directory and disk. For each it says what it found or, where something is
wrong, what to do. A server is asked about one prompt and two texts, past the cache.

Last it looks at the child, unless --look off is given: some 64 answers, sampled as
training would, say how often it is right, how near in meaning, how many answers are cut
or earn the same, how long the run will take and what to change. docs/look.md describes it.

With --json it prints {"ok","checks":[{"name","status","text","advice"}],"look"}; a status
is ok, warning, bad (exit code 3) or unavailable (exit code 5).

EXAMPLES
  pgsrm doctor
  pgsrm doctor --config run.yaml --out runs/a
  pgsrm doctor --child ./smollm2 --task opposites
  pgsrm doctor --parent openai:qwen3:4b@http://localhost:11434 --embedder tei:http://localhost:8080
` + exitStatusHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd.Context(), &o, g, remote.Deps{}) },
	}
	o.AddFlags(cmd.Flags())
	return cmd
}

// doctorOptions are the flags of doctor: those of a run.
type doctorOptions struct{ configOptions }

// The states of a check.
const (
	checkOK          = "ok"
	checkWarning     = "warning"
	checkBad         = "bad"
	checkUnavailable = "unavailable"
)

// check is what the doctor found about one thing.
type check struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Text   string `json:"text"`             // what was found
	Advice string `json:"advice,omitempty"` // what to do
}

// doctor goes through the checks; later ones use what earlier ones opened.
type doctor struct {
	g      *globalOptions
	cfg    run.Config
	deps   remote.Deps
	task   *task.Task
	child  *hf.Model
	cache  *cache.Cache
	checks []check
	look   *run.Look

	parent   parent.Parent
	embedder embed.Embedder
}

// runDoctor makes all checks and prints them; deps replaces the network in tests.
func runDoctor(ctx context.Context, o *doctorOptions, g *globalOptions, deps remote.Deps) error {
	d := &doctor{g: g, deps: deps}
	if r, err := o.resolve(g); err != nil {
		d.add("configuration", checkBad, err.Error(), "correct it; docs/configuration.md describes every key")
	} else {
		d.cfg = r.Config
		d.checkConfiguration(r)
		d.all(ctx)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.print(); err != nil {
		return err
	}
	return d.verdict()
}

// all makes the checks in the order in which a run needs the things.
func (d *doctor) all(ctx context.Context) {
	d.kernel()
	for _, one := range []func(context.Context){d.checkTask, d.checkChild, d.checkParent, d.checkEmbedder, d.checkCache, d.checkDirectory, d.checkDisk, d.checkLook} {
		if ctx.Err() == nil {
			one(ctx)
		}
	}
}

// checkConfiguration says what was decided, and by what.
func (d *doctor) checkConfiguration(r *run.Resolved) {
	preset, episodes := "preset "+r.Preset, fmt.Sprintf("%d episodes in %d steps", r.Episodes, r.Steps())
	if o := r.Origin("preset"); o.Layer == config.Derived {
		preset = strings.TrimSpace(preset) + " " + o.String()
	}
	if o := r.Origin("episodes"); o.Layer == config.Derived {
		episodes = "episodes " + o.String()
	}
	d.add("configuration", checkOK, preset+", "+episodes, "")
}

// add files a check.
func (d *doctor) add(name, status, text, advice string) {
	d.checks = append(d.checks, check{name, status, strings.Join(strings.Fields(text), " "), advice})
}

// print shows the checks.
func (d *doctor) print() error {
	if d.g.JSON {
		return d.g.printJSON(struct {
			OK     bool      `json:"ok"`
			Checks []check   `json:"checks"`
			Look   *run.Look `json:"look,omitempty"`
		}{d.verdict() == nil, d.checks, d.look})
	}
	for _, c := range d.checks {
		if _, err := fmt.Fprintf(d.g.Stdout, "%-12s %-14s %s\n", c.Status, c.Name, c.Text); err != nil {
			return err
		}
		if c.Advice != "" {
			if _, err := fmt.Fprintf(d.g.Stdout, "%-12s %-14s do: %s\n", "", "", c.Advice); err != nil {
				return err
			}
		}
	}
	if d.look != nil {
		return printLook(d.g.Stdout, d.look.Lines()[1:], strings.Repeat(" ", 28))
	}
	return nil
}

// verdict is the error of the command: bad input before what is unavailable.
func (d *doctor) verdict() error {
	var bad, unavailable []string
	for _, c := range d.checks {
		switch c.Status {
		case checkBad:
			bad = append(bad, c.Name)
		case checkUnavailable:
			unavailable = append(unavailable, c.Name)
		}
	}
	switch names := append(bad, unavailable...); {
	case len(bad) > 0:
		return inputErrorf("doctor: something is wrong with: %s", strings.Join(names, ", "))
	case len(unavailable) > 0:
		return fmt.Errorf("%w: doctor: something is wrong with: %s", run.ErrUnavailable, strings.Join(names, ", "))
	}
	return nil
}

// patience bounds what the doctor waits for a server: it is to say soon what is wrong.
func patience(o remote.Options) remote.Options {
	o.Attempts = min(o.Attempts, 2)
	o.TimeoutS = min(o.TimeoutS, 60)
	o.GiveUpS = 90
	return o
}

// showTime is a duration for readers.
func showTime(d time.Duration) string { return d.Round(time.Millisecond).String() }

// AddFlags adds the flags of doctor.
func (o *doctorOptions) AddFlags(f *pflag.FlagSet) { o.configOptions.AddFlags(f) }
