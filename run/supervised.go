package run

import (
	"context"
	"fmt"
	"math"

	"pgsrm/config"
	"pgsrm/hf"
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

	Child           string // name of the start child; "" = one without a name
	CheckpointEvery int    // updates between checkpoints; 0 = only when interrupted
	Data            string // identifies the sequences (DataDigest): another is not resumed with
}

// SupervisedEvent reports one update.
type SupervisedEvent struct {
	Step     int     // updates made
	Loss     float64 // mean cross-entropy of the batch's counted tokens, nats
	MeanLoss float64 // running mean over the last hundred updates
	GradNorm float64 // before clipping
	Tokens   int     // counted tokens of the batch
}

// SupervisedResult is what a supervised training came to.
type SupervisedResult struct {
	Model    *hf.Model // with the weights that were learned
	Step     int       // updates made
	MeanLoss float64   // as in SupervisedEvent
}

// Train trains the model on sequences by AdamW, from the newest checkpoint where
// there is one. next gives sequence number i, of 0 to Steps*Batch-1; it is called
// in order, from wherever the training starts. A context that ends stops it
// between two updates with a checkpoint and ErrInterrupted.
func (s *Supervised) Train(ctx context.Context, m *hf.Model, cfg SupervisedConfig, next func(i int) (lm.Sequence, error), report func(SupervisedEvent)) (SupervisedResult, error) {
	if cfg.Steps < 1 || cfg.Batch < 1 {
		return SupervisedResult{}, config.Errorf("supervised training: steps and batch must be positive (got %d and %d)", cfg.Steps, cfg.Batch)
	}
	from, err := cfg.from(m)
	if err != nil {
		return SupervisedResult{}, err
	}
	t := &supervision{saved: s.checkpoints(), cfg: cfg, model: m, adam: lm.NewAdamW(), from: from}
	t.adam.WeightDecay = cfg.WeightDecay
	if err := t.restore(); err != nil {
		return SupervisedResult{}, err
	}
	t.state, t.batch = t.model.NewState(true), make([]lm.Sequence, cfg.Batch)
	err = t.loop(ctx, next, report)
	return SupervisedResult{Model: t.model, Step: t.step, MeanLoss: t.meanLoss}, err
}

// supervision is one supervised training on its way.
type supervision struct {
	saved checkpoints
	cfg   SupervisedConfig
	from  map[string]string // what its results depend on, by name

	model *hf.Model
	adam  *lm.AdamW
	state *lm.State
	batch []lm.Sequence

	step     int // updates made
	meanLoss float64
}

// loop updates and saves to the end.
func (t *supervision) loop(ctx context.Context, next func(i int) (lm.Sequence, error), report func(SupervisedEvent)) error {
	for t.step < t.cfg.Steps {
		if ctx.Err() != nil {
			if err := t.save(); err != nil {
				return err
			}
			return fmt.Errorf("update %d of %d: %w; checkpoint: %s", t.step, t.cfg.Steps, ErrInterrupted, t.saved.folder(t.step))
		}
		e, err := t.update(next)
		if err != nil {
			return err
		}
		report(e)
		if due(t.step, t.cfg.CheckpointEvery) && t.step < t.cfg.Steps {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	return t.checkFinite()
}

// update learns one batch.
func (t *supervision) update(next func(i int) (lm.Sequence, error)) (SupervisedEvent, error) {
	var err error
	for i := range t.batch {
		if t.batch[i], err = next(t.step*t.cfg.Batch + i); err != nil {
			return SupervisedEvent{}, err
		}
	}
	loss, tokens, err := t.model.Supervised(t.state, t.batch)
	if err != nil {
		return SupervisedEvent{}, t.nonFinite(fmt.Errorf("update %d: %w", t.step+1, err))
	}
	norm := t.adam.Step(t.model.Model, t.cfg.Schedule.At(t.step, t.cfg.Steps), t.cfg.MaxGradNorm)
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return SupervisedEvent{}, t.nonFinite(fmt.Errorf("update %d: %w: gradient norm is %v", t.step+1, ErrNonFinite, norm))
	}
	t.step++
	if t.step == 1 {
		t.meanLoss = loss
	}
	t.meanLoss += (loss - t.meanLoss) / min(100, float64(t.step))
	return SupervisedEvent{Step: t.step, Loss: loss, MeanLoss: t.meanLoss, GradNorm: norm, Tokens: tokens}, nil
}

// checkFinite returns an error if the last update left a weight or a moment of the
// optimiser that is not finite.
func (t *supervision) checkFinite() error {
	err := t.model.CheckWeights()
	if err == nil {
		err = t.adam.CheckMoments()
	}
	if err != nil {
		return t.nonFinite(fmt.Errorf("update %d: %w", t.step, err))
	}
	return nil
}
