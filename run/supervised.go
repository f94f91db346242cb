package run

import (
	"context"
	"fmt"
	"math"

	"pgsrm/lm"
	"pgsrm/rl"
)

// SupervisedConfig are the settings of a supervised training: pretraining on
// text or tuning on answers.
type SupervisedConfig struct {
	Steps       int         // updates
	Batch       int         // sequences per update
	Schedule    rl.Schedule // learning rate
	MaxGradNorm float64     // 0 = no clipping
	WeightDecay float64
}

// SupervisedEvent reports one update.
type SupervisedEvent struct {
	Step     int     // updates made
	Loss     float64 // mean cross-entropy of the batch's counted tokens, nats
	GradNorm float64 // before clipping
	Tokens   int     // counted tokens of the batch
}

// Supervised trains the model on sequences by AdamW. next gives sequence number
// i, from 0 up to Steps*Batch-1; it is called in order. A context that ends
// stops the training between two updates and its error is returned.
func Supervised(ctx context.Context, m *lm.Model, cfg SupervisedConfig, next func(i int) (lm.Sequence, error), report func(SupervisedEvent)) error {
	if cfg.Steps < 1 || cfg.Batch < 1 {
		return fmt.Errorf("supervised training: steps and batch must be positive (got %d and %d)", cfg.Steps, cfg.Batch)
	}
	opt := lm.NewAdamW()
	opt.WeightDecay = cfg.WeightDecay
	state := m.NewState(true)
	batch := make([]lm.Sequence, cfg.Batch)
	for step := range cfg.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range batch {
			q, err := next(step*cfg.Batch + i)
			if err != nil {
				return err
			}
			batch[i] = q
		}
		loss, tokens, err := m.Supervised(state, batch)
		if err != nil {
			return fmt.Errorf("update %d: %w", step+1, err)
		}
		norm := opt.Step(m, cfg.Schedule.At(step, cfg.Steps), cfg.MaxGradNorm)
		if math.IsNaN(norm) || math.IsInf(norm, 0) {
			return fmt.Errorf("update %d: %w: gradient norm is %v", step+1, ErrNonFinite, norm)
		}
		report(SupervisedEvent{Step: step + 1, Loss: loss, GradNorm: norm, Tokens: tokens})
	}
	return nil
}
