package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
)

// superviseOptions are the flags of supervised trainings.
type superviseOptions struct {
	Train  run.SupervisedConfig
	Resume bool
}

// AddFlags adds the flags that are about checkpoints.
func (o *superviseOptions) AddFlags(f *pflag.FlagSet) {
	f.IntVar(&o.Train.CheckpointEvery, "checkpoint-every", o.Train.CheckpointEvery, "updates between checkpoints (0 = only when interrupted)")
	f.BoolVar(&o.Resume, "resume", false, "resume the training that was to make --out; the other flags must be as they were")
}

// supervise trains and logs about every five seconds; it returns the trained child
// and the mean loss of the last hundred updates.
func supervise(ctx context.Context, training *run.Supervised, m *hf.Model, cfg run.SupervisedConfig, next func(int) (lm.Sequence, error), g *globalOptions) (*hf.Model, float64, error) {
	start, last, first := time.Now(), time.Now(), 0
	res, err := training.Train(ctx, m, cfg, next, func(e run.SupervisedEvent) {
		if first == 0 {
			first = e.Step
		}
		if time.Since(last) > 5*time.Second || e.Step == cfg.Steps {
			last = time.Now()
			left := time.Since(start) / time.Duration(e.Step-first+1) * time.Duration(cfg.Steps-e.Step)
			g.Log.Info("training", "update", e.Step, "of", cfg.Steps, "loss", fmt.Sprintf("%.3f", e.MeanLoss), "left", left.Round(time.Second))
		}
	})
	return res.Model, res.MeanLoss, err
}

// digestOf identifies training data that is made from some texts.
func digestOf(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
