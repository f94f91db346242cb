package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"pgsrm/config"
	"pgsrm/kernel"
)

// The life of a run, from top to bottom: Start or Resume lock the run directory;
// prepare opens everything that a run needs; lookFirst looks at the child and begin
// writes down what the run starts with, or restore loads the newest checkpoint; loop evaluates, saves and steps to
// the end, or until the arbiter says that it is enough; stop says how it ended.

// Result is what a run came to.
type Result struct {
	Dir      string `json:"dir"`
	Steps    int    `json:"steps"`
	Episodes int    `json:"episodes"`
	Complete bool   `json:"complete"`
	Earlier  bool   `json:"earlier"` // it was complete before this call
	Dropped  int    `json:"dropped"` // samples without a reward
	// Stopped says why the run ended before its last step, "" where it did not.
	Stopped string `json:"stopped_early,omitempty"`
	// ChildStep is the step whose weights the child has: the last, or the best.
	ChildStep int        `json:"child_step"`
	Best      *BestChild `json:"best,omitempty"`
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
// what no result depends on (see sameConfig) and, with Extend, the number of episodes.
// Where no run has begun, it starts one; a run that is complete and not extended is left
// as it is.
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
		if complete && cfg.Episodes == began.Episodes {
			return earlier(cfg, d)
		}
		return resume(ctx, cfg, began, d, deps)
	})
}

// earlier is the result of a run that was complete before.
func earlier(cfg Config, d *directory) (Result, error) {
	all, err := readExtensions(d.path)
	if err != nil {
		return Result{}, err
	}
	r := &run{cfg: cfg, steps: cfg.Steps(), dir: d, arbiter: newArbiter(cfg, wentOn(all))}
	_, err = ReadMetrics(d.path, func(m Metrics) error {
		r.done = m.Step
		r.arbiter.see(m)
		return nil
	})
	res := r.result(true)
	res.Earlier = true
	return res, err
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
	defer r.scorers.Close()
	r.openPolicy()
	if err := r.learnPreference(ctx); err != nil {
		return Result{}, err
	}
	if err := r.lookFirst(ctx, deps.shared); err != nil {
		return Result{}, err
	}
	if err := r.begin(); err != nil {
		return Result{}, err
	}
	return r.finish(ctx, deps.Events, nil)
}

// resume trains a run that has begun, with the configuration was, to its end.
func resume(ctx context.Context, cfg, was Config, d *directory, deps Deps) (Result, error) {
	began, err := ReadEnvironment(d.path)
	if err != nil {
		return Result{}, config.Bad(err)
	}
	extensions, err := readExtensions(d.path)
	if err != nil {
		return Result{}, err
	}
	if err := began.checkFiles(d, extensions); err != nil {
		return Result{}, err
	}
	defer ownPool(cfg, &deps)()
	r, err := prepare(ctx, cfg, d, deps)
	if err != nil {
		return Result{}, err
	}
	defer r.scorers.Close()
	if err := began.check(r.environment()); err != nil {
		return Result{}, err
	}
	r.command, r.program, r.extensions = began.Command, began.Program, extensions
	if cfg.Episodes != was.Episodes {
		r.before = &was
	}
	s, ok, err := r.newestState()
	switch {
	case err != nil:
		return Result{}, err
	case !ok: // killed before its first checkpoint
		r.openPolicy()
		if err := r.learnPreference(ctx); err != nil {
			return Result{}, err
		}
	default:
		if err := r.restore(s); err != nil {
			return Result{}, fmt.Errorf("checkpoint: %w", err)
		}
	}
	r.tellExtended()
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
		env.Files[name] = sumOf(text)
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
	files, err := r.dir.openJournals(sizes, r.clock, Differences(Config{}, r.cfg))
	if err != nil {
		return Result{}, err
	}
	if r.cosines, err = logsCosines(r.dir.path); err != nil {
		return Result{}, err
	}
	r.watch, r.arbiter = newWatch(r.cfg), newArbiter(r.cfg, wentOn(r.extensions))
	if err := config.First(r.forgetEnd(), r.rewatch(), r.point(), r.extend()); err != nil {
		return Result{}, err
	}
	r.events = append(files, subscribers...)
	err = r.events.emit(Started{
		Step: r.done, Steps: r.steps, Episode: r.episode(), Episodes: r.steps * r.cfg.EpisodesPerStep(), Resumed: sizes != nil, Notes: r.notes,
	})
	if err == nil {
		err = r.tellWarnings()
	}
	if err == nil && r.asked.Of > 0 {
		err = r.events.emit(Timing{Step: r.done, Episode: r.episode(), Values: r.asked.values()})
	}
	if err != nil {
		return Result{}, err
	}
	err = r.stop(r.loop(ctx))
	return r.result(err == nil), err
}

// logsCosines says whether the greedy answers of a run have their cosines: all or none, as
// an older version began it without.
func logsCosines(dir string) (bool, error) {
	greedy, with := false, false
	_, err := ReadCompletions(dir, func(c Completion) error {
		greedy, with = greedy || c.Greedy, with || c.Semantic != nil
		return nil
	})
	return with || !greedy, err
}

// result is what the run has come to.
func (r *run) result(complete bool) Result {
	return Result{
		Dir: r.dir.path, Steps: r.done, Episodes: r.episode(), Complete: complete, Dropped: r.dropped, Stopped: r.stopped(),
		ChildStep: r.childStep(), Best: r.arbiter.bestChild(), LastEval: r.lastEval,
	}
}
