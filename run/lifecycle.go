package run

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"pgsrm/config"
	"pgsrm/kernel"
	"pgsrm/rl"
)

// The life of a run, from top to bottom: Start or Resume lock the run directory;
// prepare opens everything that a run needs; lookFirst looks at the child and begin
// writes down what the run starts with, or restore loads the newest checkpoint; loop evaluates, saves and steps to
// the end; stop says how it ended.

// Result is what a run came to.
type Result struct {
	Dir      string `json:"dir"`
	Steps    int    `json:"steps"`
	Episodes int    `json:"episodes"`
	Complete bool   `json:"complete"`
	Earlier  bool   `json:"earlier"` // it was complete before this call
	Dropped  int    `json:"dropped"` // samples without a reward
	// LastEval are the numbers of the last evaluation of this call.
	LastEval map[string]float64 `json:"last_eval,omitempty"`
}

// Start begins a run in the new directory cfg.Out and trains to its end. An error
// that is ErrInterrupted or ErrUnavailable leaves a checkpoint to Resume from.
func Start(ctx context.Context, cfg Config, deps Deps) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	return inDirectory(cfg.Out, deps, func(d *directory, deps Deps) (Result, error) {
		if d.begun {
			return Result{}, config.Errorf("out: %s holds a run already, resume it with --resume or choose another folder", d.path)
		}
		return start(ctx, cfg, d, deps)
	})
}

// Resume continues the run in cfg.Out, whose configuration must be cfg but for
// what no result depends on (see sameConfig). Where no run has begun, it starts
// one; a run that is complete is left as it is.
func Resume(ctx context.Context, cfg Config, deps Deps) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	return inDirectory(cfg.Out, deps, func(d *directory, deps Deps) (Result, error) {
		began, ok, err := ReadConfig(d.path)
		switch {
		case err != nil:
			return Result{}, err
		case !ok:
			return start(ctx, cfg, d, deps)
		}
		if err := cfg.continues(began, d.path); err != nil {
			return Result{}, err
		}
		complete, err := hasChild(d.path)
		if err != nil {
			return Result{}, err
		}
		if complete {
			steps := cfg.Steps()
			return Result{Dir: d.path, Steps: steps, Episodes: steps * cfg.EpisodesPerStep(), Complete: true, Earlier: true}, nil
		}
		return resume(ctx, cfg, d, deps)
	})
}

// inDirectory calls f with the locked run directory, and with a clock and a pool
// where deps has none.
func inDirectory(path string, deps Deps, f func(*directory, Deps) (Result, error)) (Result, error) {
	if deps.Clock == nil {
		deps.Clock = time.Now
	}
	d, err := openDirectory(path, deps.Clock())
	if err != nil {
		return Result{}, err
	}
	res, err := f(d, deps)
	return res, errors.Join(err, d.close())
}

// start trains a new run to its end.
func start(ctx context.Context, cfg Config, d *directory, deps Deps) (Result, error) {
	defer ownPool(cfg, &deps)()
	r, err := prepare(ctx, cfg, d, deps)
	if err != nil {
		return Result{}, err
	}
	r.openPolicy()
	if err := r.lookFirst(ctx, deps.shared); err != nil {
		return Result{}, err
	}
	if err := r.begin(); err != nil {
		return Result{}, err
	}
	return r.finish(ctx, deps.Events, nil)
}

// resume trains a run that has begun to its end.
func resume(ctx context.Context, cfg Config, d *directory, deps Deps) (Result, error) {
	began, err := ReadEnvironment(d.path)
	if err != nil {
		return Result{}, config.Bad(err)
	}
	if err := began.checkFiles(d); err != nil {
		return Result{}, err
	}
	defer ownPool(cfg, &deps)()
	r, err := prepare(ctx, cfg, d, deps)
	if err != nil {
		return Result{}, err
	}
	if err := began.check(r.environment()); err != nil {
		return Result{}, err
	}
	r.command, r.program = began.Command, began.Program
	s, ok, err := r.newestState()
	switch {
	case err != nil:
		return Result{}, err
	case !ok: // killed before its first checkpoint
		r.openPolicy()
	default:
		if err := r.restore(s); err != nil {
			return Result{}, fmt.Errorf("checkpoint: %w", err)
		}
	}
	return r.finish(ctx, deps.Events, s.Bytes)
}

// ownPool makes a pool for a run that was given none, and returns what closes it.
func ownPool(cfg Config, deps *Deps) (free func()) {
	if deps.Pool != nil {
		return func() {}
	}
	threads := cfg.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	deps.Pool = kernel.NewPool(threads)
	return deps.Pool.Close
}

// begin writes down what the run starts with.
func (r *run) begin() error {
	config, err := r.cfg.marshal()
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	r.start[ConfigFile] = config
	env := r.environment()
	env.Files = map[string]string{}
	for name, text := range r.start {
		env.Files[name] = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	text, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return fmt.Errorf("environment: %w", err)
	}
	r.start[EnvironmentFile] = append(text, '\n')
	if err := r.dir.begin(r.start); err != nil || r.seen == nil {
		return err
	}
	return r.dir.write(lookFile, r.seen)
}

// finish trains from the current step to the end. sizes are those of the
// append-only files at the checkpoint; nil = there is none.
func (r *run) finish(ctx context.Context, subscribers []Subscriber, sizes map[string]int64) (Result, error) {
	files, err := r.dir.openJournals(sizes, r.clock)
	if err != nil {
		return Result{}, err
	}
	r.watch = newWatch(r.cfg)
	if err := r.rewatch(); err != nil {
		return Result{}, err
	}
	r.events = append(files, subscribers...)
	err = r.events.emit(Started{
		Step: r.done, Steps: r.steps, Episode: r.episode(), Episodes: r.steps * r.cfg.EpisodesPerStep(), Resumed: sizes != nil, Notes: r.notes,
	})
	if err == nil && r.asked.Of > 0 {
		err = r.events.emit(Timing{Step: r.done, Episode: r.episode(), Values: r.asked.values()})
	}
	if err != nil {
		return Result{}, err
	}
	err = r.stop(r.loop(ctx))
	return Result{
		Dir: r.dir.path, Steps: r.done, Episodes: r.episode(), Complete: err == nil, Dropped: r.dropped, LastEval: r.lastEval,
	}, err
}

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
		if r.done == r.steps {
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

// checkpointDue says whether they are to be saved: the last and every
// checkpoint_every.
func (r *run) checkpointDue() bool {
	return r.done == r.steps || r.done > 0 && due(r.done, r.cfg.CheckpointEvery)
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

// saveChild writes the trained child; a run directory that has it is complete.
func (r *run) saveChild() error {
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
	if told := r.events.emit(Ended{Step: r.done, Episode: r.episode(), Err: err}); err == nil {
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

// continues demands the configuration of the run that began in a directory, and
// takes over what that run decided.
func (c *Config) continues(began Config, dir string) error {
	if err := c.adopt(began); err != nil {
		return err
	}
	return sameConfig(began, *c, dir)
}

// sameConfig demands that a run is resumed under the configuration that it began
// with. Threads, Recompute, Out, Look, Arm, the limits of a server and its prices may
// differ: the result does not depend on them.
func sameConfig(began, now Config, dir string) error {
	now.Look, now.Arm = began.Look, began.Arm
	if now.Reward.Formula == began.Reward.Formula {
		now.Reward.Name = began.Reward.Name // pgsrm of an older version is another formula, and has another name now
	}
	now.Threads, now.Recompute, now.Out = began.Threads, began.Recompute, began.Out
	now.Chat.Server, now.Chat.PriceInput, now.Chat.PriceOutput = began.Chat.Server, began.Chat.PriceInput, began.Chat.PriceOutput
	e, b := &now.Embedding, began.Embedding
	e.Server, e.BatchItems, e.BatchTokens = b.Server, b.BatchItems, b.BatchTokens
	if key, a, b := config.Difference(began, now); key != "" {
		return config.Errorf("%s: must be as in %s to resume the run there (began with %s, got %s)", key, dir, a, b)
	}
	return nil
}
