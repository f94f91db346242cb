package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"pgsrm/run"
)

// stopAt interrupts a run at a step.
type stopAt struct {
	step int
	stop context.CancelFunc
}

func (s stopAt) Event(e run.Event) error {
	if m, ok := e.(run.Metrics); ok && m.Step >= s.step {
		s.stop()
	}
	return nil
}

// An interrupted training and an interrupted comparison say how they go on.
func TestInterruptedSaysHowToGoOn(t *testing.T) {
	out := filepath.Join(t.TempDir(), "my runs")
	for name, want := range map[string]string{
		"train":   "to go on: pgsrm train --resume --out '" + out + "/train'\n",
		"compare": "to go on: pgsrm compare --seeds 1 --out '" + out + "/compare'\n",
	} {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		var errs bytes.Buffer
		g := quiet(&bytes.Buffer{})
		g.Stderr = &errs
		g.args = []string{"compare", "--seeds", "1"}
		deps := g.madeBy()
		deps.Events = append(deps.Events, stopAt{1, stop})
		flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
		args := []string{"--out", filepath.Join(out, name), "--episodes", "256", "--look", "off"}
		var err error
		if name == "train" {
			var o trainOptions
			o.AddFlags(flags)
			if err = flags.Parse(args); err == nil {
				err = runTrain(ctx, &o, g, deps)
			}
		} else {
			var o compareOptions
			o.AddFlags(flags)
			if err = flags.Parse(append(args, "--seeds", "1")); err == nil {
				err = runCompare(ctx, &o, g, deps)
			}
		}
		if exitCode(err) != exitInterrupted || !strings.HasSuffix(errs.String(), want) {
			t.Errorf("%s: error %v, said %q", name, err, errs.String())
		}
	}
}
