package run

import (
	"context"
	"errors"
	"fmt"

	"pgsrm/rl"
)

// loop is the recipe: evaluate, save, step, and again. The context is looked at
// between steps and while rewards are computed; the step in which it ends leaves
// no trace.
func (r *run) loop(ctx context.Context) error {
	for {
		if r.evalDue() && !r.evaluated {
			if err := r.checkFinite(); err != nil {
				return err
			}
			if err := r.evaluate(ctx); err != nil {
				return err
			}
			r.evaluated = true
		}
		if r.checkpointDue() {
			if err := r.timedSave(); err != nil {
				return err
			}
		}
		if r.done == r.steps || r.stopsEarly() {
			return r.saveChild()
		}
		if ctx.Err() != nil {
			return fmt.Errorf("step %d: %w", r.done, ErrInterrupted)
		}
		if err := r.step(ctx); err != nil {
			return err
		}
	}
}

// evalDue says whether the weights as they are now are to be evaluated: the first,
// the last, and every eval_every in between.
func (r *run) evalDue() bool { return r.done == r.steps || due(r.done, r.cfg.EvalEvery) || r.done == 0 }

// checkpointDue says whether they are to be saved: the last, every checkpoint_every,
// and the best so far.
func (r *run) checkpointDue() bool {
	return r.done == r.steps || r.done > 0 && due(r.done, r.cfg.CheckpointEvery) || r.arbiter.bestStep() == r.done || r.stopsEarly()
}

func due(step, every int) bool { return every > 0 && step%every == 0 }

// timedSave is save with a line in the timings.
func (r *run) timedSave() error {
	begin := r.clock()
	if err := r.save(); err != nil {
		return err
	}
	return r.finishStep(Timing{Step: r.done, Episode: r.episode(), Values: map[string]float64{
		"checkpoint": r.clock().Sub(begin).Seconds(),
	}})
}

// saveChild writes the trained child, the last or the best; a run directory that has
// it is complete.
func (r *run) saveChild() error {
	if err := r.takeBest(); err != nil {
		return err
	}
	err := r.describe()
	if err == nil {
		err = SaveChild(r.model, r.dir.file(childDir), "")
	}
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return nil
}

// stop ends the run: with a checkpoint where it can be resumed later, with the
// name of the last good one where numbers are not finite.
func (r *run) stop(err error) error {
	if told := r.tellWarnings(); err == nil { // of a step that failed
		err = told
	}
	if errors.Is(err, ErrInterrupted) || errors.Is(err, ErrUnavailable) {
		if failed := r.save(); failed != nil {
			err = fmt.Errorf("%v; no checkpoint: %w", err, failed)
		} else {
			err = fmt.Errorf("%w; checkpoint: %s", err, r.dir.checkpoints().folder(r.done))
		}
	}
	if errors.Is(err, ErrNonFinite) {
		err = r.nonFinite(err)
	}
	if noted := r.noteEnd(err); err == nil {
		err = noted
	}
	if told := r.events.emit(Ended{Step: r.done, Episode: r.episode(), Stopped: r.stopped(), Judged: r.scorers.Judged(r.cfg.Reward), Err: err}); err == nil {
		err = told
	}
	return err
}

// nonFinite adds the last good checkpoint to an error of numbers that are not finite.
func (r *run) nonFinite(err error) error {
	var bad *rl.NonFiniteError
	if errors.As(err, &bad) {
		err = fmt.Errorf("step %d: %w: %s is %v", r.done+1, ErrNonFinite, bad.What, bad.Value)
	}
	return fmt.Errorf("%w; %s", err, r.dir.checkpoints().good(func(step int) error {
		_, err := r.verify(step)
		return err
	}))
}

// episode is the number of samples drawn so far.
func (r *run) episode() int { return r.done * r.cfg.EpisodesPerStep() }
