package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/rl"
)

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

// Start begins a run in the new directory cfg.Out and trains to its end. An
// error that is ErrInterrupted or ErrUnavailable leaves a checkpoint, from which
// Resume goes on.
func Start(ctx context.Context, cfg Config, deps Deps) (Result, error) {
	return train(ctx, cfg, false, deps)
}

// Resume goes on with the run in cfg.Out, whose configuration must be cfg but
// for what no result depends on (sameConfig); where no run has begun there, it begins one. A run that is
// complete is left as it is.
func Resume(ctx context.Context, cfg Config, deps Deps) (Result, error) {
	return train(ctx, cfg, true, deps)
}

// ReadConfig reads the resolved configuration of a run directory. ok is false
// where no run has begun.
func ReadConfig(dir string) (cfg Config, ok bool, err error) {
	path := filepath.Join(dir, configFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return Config{}, false, nil
	}
	cfg, err = Load(path, []Setting{{From: "--out", Key: "out", Value: dir}})
	return cfg, err == nil, err
}

func train(ctx context.Context, cfg Config, resume bool, deps Deps) (Result, error) {
	if deps.Clock == nil {
		deps.Clock = time.Now
	}
	if deps.Pool == nil {
		threads := cfg.Threads
		if threads == 0 {
			threads = runtime.GOMAXPROCS(0)
		}
		deps.Pool = kernel.NewPool(threads)
		defer deps.Pool.Close()
	}
	d, err := openDirectory(cfg.Out, deps.Clock())
	if err != nil {
		return Result{}, err
	}
	res, err := trainIn(ctx, d, cfg, resume, deps)
	return res, errors.Join(err, d.close())
}

// trainIn trains in a locked directory.
func trainIn(ctx context.Context, d *directory, cfg Config, resume bool, deps Deps) (Result, error) {
	began, err := d.begin(cfg, resume)
	if err != nil {
		return Result{}, err
	}
	if began && d.has(childDir) {
		return Result{Dir: d.path, Steps: cfg.Steps(), Episodes: cfg.Steps() * cfg.EpisodesPerStep(), Complete: true, Earlier: true}, nil
	}
	r, err := open(ctx, cfg, d, deps)
	if err != nil {
		return Result{}, err
	}
	if err := r.enter(deps.Events); err != nil {
		return Result{}, err
	}
	err = r.loop(ctx)
	err = r.leave(err)
	return r.result(err == nil), err
}

// begin compares the configuration with that of the run in the directory and
// reports whether a run had begun. Where none has, what an attempt that never
// began left is deleted: config.yaml is written last.
func (d *directory) begin(cfg Config, resume bool) (began bool, err error) {
	old, began, err := ReadConfig(d.path)
	switch {
	case err != nil:
		return false, err
	case began && !resume:
		return true, configErrorf("out: %s holds a run already, go on with it by --resume or choose another folder", d.path)
	case began:
		return true, sameConfig(old, cfg, d.path)
	}
	for _, name := range []string{environmentFile, answersFile, calibrationFile} {
		if err := os.Remove(d.file(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, fmt.Errorf("run directory: %w", err)
		}
	}
	return false, nil
}

// enter puts the run at its place in time: the newest checkpoint, or the start.
func (r *run) enter(subscribers []Subscriber) error {
	if err := r.identify(); err != nil {
		return err
	}
	path, err := r.dir.lastCheckpoint()
	if err != nil {
		return err
	}
	var sizes map[string]int64
	if path == "" {
		r.train()
	} else if sizes, err = r.restore(path); err != nil {
		return err
	}
	files, err := r.dir.openJournals(sizes, r.clock)
	if err != nil {
		return err
	}
	r.events = append(files, subscribers...)
	err = r.events.emit(Started{
		Step: r.step, Steps: r.steps, Episode: r.episode(), Episodes: r.steps * r.cfg.EpisodesPerStep(), Resumed: path != "",
	})
	if err != nil || r.asked.Of == 0 {
		return err
	}
	return r.events.emit(Timing{Step: r.step, Episode: r.episode(), Values: r.asked.values()})
}

// identify checks that the run goes on from what it began with, or writes down
// what it begins with.
func (r *run) identify() error {
	if r.dir.has(configFile) {
		return r.checkEnvironment()
	}
	if err := r.writeEnvironment(); err != nil {
		return err
	}
	text, err := r.cfg.marshal()
	if err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return r.dir.write(configFile, text)
}

// restore loads a checkpoint and returns the sizes of the append-only files.
func (r *run) restore(path string) (map[string]int64, error) {
	s, err := readState(path)
	if err != nil {
		return nil, err
	}
	if err := r.reload(filepath.Join(path, childDir)); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	r.train()
	if err := r.trainer().load(filepath.Join(path, trainerFile)); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	r.adam.Steps = s.OptimizerSteps
	r.algo.Restore(s.Algorithm)
	r.step, r.evaluated, r.dropped = s.Step, s.Evaluated, s.Dropped
	return s.Bytes, nil
}

// reload puts the child of a checkpoint in the place of the start child: all of
// it, or its adapter on the same base.
func (r *run) reload(dir string) error {
	if r.cfg.LoRA.On() {
		r.model.DropLoRA()
		return r.model.LoadAdapter(dir, false) // the base is the start child's: checkEnvironment
	}
	m, _, err := lm.Load(dir)
	if err != nil {
		return err
	}
	m.Pool = r.model.Pool
	r.model = m
	return nil
}

// trainer is the state of training that is no part of the child.
func (r *run) trainer() trainer {
	t := trainer{value: r.model.ValueWeights()}
	t.m1, t.m2, t.valueM1, t.valueM2 = r.adam.Moments(r.model)
	return t
}

// checkpoint saves the run as it is now.
func (r *run) checkpoint() error {
	sizes, err := r.dir.sync()
	if err != nil {
		return err
	}
	s := checkpointState{
		Version: checkpointVersion, Step: r.step, Evaluated: r.evaluated, Dropped: r.dropped,
		OptimizerSteps: r.adam.Steps, Algorithm: r.algo.State(), Bytes: sizes,
	}
	err = r.dir.writeCheckpoint(s, r.cfg.KeepCheckpoints, func(dir string) error {
		if err := SaveChild(r.model, filepath.Join(dir, childDir), r.tok, ""); err != nil {
			return err
		}
		return lm.WriteTensors(filepath.Join(dir, trainerFile), lm.F32, nil, r.trainer().slices())
	})
	if err != nil {
		return err
	}
	return r.events.emit(Checkpointed{Step: r.step, Path: r.dir.checkpointPath(r.step)})
}

// saveFinal writes the trained child; a run directory that has it is complete.
func (r *run) saveFinal() error {
	if err := SaveChild(r.model, r.dir.file(childDir), r.tok, ""); err != nil {
		return fmt.Errorf("run directory: %w", err)
	}
	return nil
}

// sameConfig demands that a run goes on as it began. Threads, Recompute, Out, the
// limits of a server and its prices may differ: the result does not depend on them.
func sameConfig(began, now Config, dir string) error {
	now.Threads, now.Recompute, now.Out = began.Threads, began.Recompute, began.Out
	now.Chat.Server, now.Chat.PriceInput, now.Chat.PriceOutput = began.Chat.Server, began.Chat.PriceInput, began.Chat.PriceOutput
	e, b := &now.Embedding, began.Embedding
	e.Server, e.BatchItems, e.BatchTokens = b.Server, b.BatchItems, b.BatchTokens
	if key, a, b := difference(began, now); key != "" {
		return configErrorf("%s: must be as in %s to go on with the run there (began with %s, got %s)", key, dir, a, b)
	}
	return nil
}

// leave ends the run: a checkpoint where it can go on later, and a name for
// the last good one where it cannot.
func (r *run) leave(err error) error {
	var bad *rl.NonFiniteError
	switch {
	case errors.Is(err, ErrInterrupted), errors.Is(err, ErrUnavailable):
		if saved := r.checkpoint(); saved != nil {
			err = fmt.Errorf("%w; no checkpoint: %v", err, saved)
		} else {
			err = fmt.Errorf("%w; checkpoint: %s", err, r.dir.checkpointPath(r.step))
		}
	case errors.Is(err, ErrNonFinite):
		path, found := r.dir.lastCheckpoint()
		if path == "" || found != nil {
			path = "none"
		}
		if errors.As(err, &bad) {
			err = fmt.Errorf("%w: %s is %v", ErrNonFinite, bad.What, bad.Value)
		}
		err = fmt.Errorf("step %d: %w; last good checkpoint: %s", r.step+1, err, path)
	}
	if told := r.events.emit(Ended{Step: r.step, Episode: r.episode(), Err: err}); err == nil {
		err = told
	}
	return err
}

// episode is the number of samples drawn so far.
func (r *run) episode() int { return r.step * r.cfg.EpisodesPerStep() }

func (r *run) result(complete bool) Result {
	return Result{Dir: r.dir.path, Steps: r.step, Episodes: r.episode(), Complete: complete, Dropped: r.dropped, LastEval: r.lastEval}
}
