package study

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"pgsrm/config"
	"pgsrm/kernel"
	"pgsrm/run"
)

// Runner trains cells.
type Runner struct {
	Plan     *Plan
	Threads  int      // all together
	Parallel int      // cells at a time; 0 = one for each thread, and one after the other where a child is not ours
	Deps     run.Deps // of the runs
	// Pretrain makes a child by the recipe in a folder; it resumes what was interrupted.
	Pretrain func(ctx context.Context, recipe Child, dir string) error
	// Say is told what becomes of the cells, a line each; it may be called from several
	// goroutines.
	Say func(line string)
	// Clock is that of the progress; nil = time.Now.
	Clock func() time.Time

	starts starts
}

// errCells is a study of which some cells failed.
var errCells = errors.New("cells failed")

// Run trains the cells: those that are complete are left as they are, those that have
// begun are resumed. A cell that fails does not stop the others; the error is then of
// errCells and of the kind of the first failure. A context that ends stops all, each with a
// checkpoint, and the error is run.ErrInterrupted.
func (r *Runner) Run(ctx context.Context, cells []Cell) error {
	if err := r.Plan.write(); err != nil {
		return err
	}
	broken, err := r.make(ctx, cells)
	if err != nil {
		return err
	}
	parallel := r.parallel(cells)
	queue := make(chan int, len(cells))
	for i := range cells {
		queue <- i
	}
	close(queue)
	p := newProgress(r, cells)
	errs := make([]error, len(cells))
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for i := range queue {
				if ctx.Err() != nil {
					errs[i] = run.ErrInterrupted
					continue
				}
				if errs[i] = broken(cells[i]); errs[i] == nil {
					errs[i] = r.cell(ctx, cells[i], max(1, r.Threads/parallel), p)
				}
				p.ended(cells[i], errs[i])
			}
		})
	}
	workers.Wait()
	return failures(ctx, cells, errs)
}

// parallel is how many cells run at a time: children that the study makes are small.
func (r *Runner) parallel(cells []Cell) int {
	n := r.Parallel
	if n == 0 {
		n = r.Threads
		for _, c := range cells {
			if c.child == "" && !run.Builtin(c.Config.Child) {
				n = 1
			}
		}
	}
	return max(1, min(n, len(cells)))
}

// cell trains one cell, measures its child and deletes the checkpoints: a cell has the episodes
// that the study says, and of a real model they are three quarters of what it takes on disk.
func (r *Runner) cell(ctx context.Context, c Cell, threads int, p *progress) error {
	deps := r.Deps
	deps.Events = append(append([]run.Subscriber{}, deps.Events...), p.follow(c))
	deps.Pool = kernel.NewPool(threads)
	defer deps.Pool.Close()
	if _, err := run.Resume(ctx, c.Config, deps); err != nil {
		return err
	}
	if err := r.Plan.measure(ctx, c, &r.starts, deps); err != nil {
		return err
	}
	return run.Discard(c.Config.Out)
}

// failures is the error of a study whose cells have ended.
func failures(ctx context.Context, cells []Cell, errs []error) error {
	var first error
	failed := 0
	for i, err := range errs {
		if err != nil && !errors.Is(err, run.ErrInterrupted) {
			failed++
			first = cmp.Or(first, fmt.Errorf("%s: %w", cells[i].Name, err))
		}
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("study: %w; the same command goes on", run.ErrInterrupted)
	case failed > 0:
		return fmt.Errorf("%d of %d %w; the first: %w", failed, len(cells), errCells, first)
	}
	return nil
}

// progress tells how far the cells of a process are.
type progress struct {
	mu       sync.Mutex
	say      func(line string)
	clock    func() time.Time
	begun    time.Time
	told     time.Time
	cells    int
	done     int
	failed   int
	episodes int // of all cells
	earlier  int // of these, done before this process
	now      map[string]int
	complete map[string]bool // before this process
}

// tellEvery is how often it tells between the ends of cells.
const tellEvery = 30 * time.Second

func newProgress(r *Runner, cells []Cell) *progress {
	p := &progress{say: r.Say, clock: r.Clock, cells: len(cells), now: map[string]int{}, complete: map[string]bool{}}
	if p.clock == nil {
		p.clock = time.Now
	}
	p.begun, p.told = p.clock(), p.clock()
	for _, c := range cells {
		all := c.Config.Steps() * c.Config.EpisodesPerStep()
		p.episodes += all
		if state, err := run.Inspect(c.Config.Out); err == nil && state == run.DirComplete {
			p.earlier += all
			p.now[c.Name] = all
			p.complete[c.Name] = true
		}
	}
	return p
}

// follow counts the episodes of a cell, and passes its warnings on.
func (p *progress) follow(c Cell) run.Subscriber { return &follower{p: p, cell: c} }

type follower struct {
	p    *progress
	cell Cell
}

// Event implements run.Subscriber.
func (f *follower) Event(e run.Event) error {
	switch e := e.(type) {
	case run.Started:
		f.p.at(f.cell, e.Episode, true)
	case run.Metrics:
		f.p.at(f.cell, e.Episode, false)
	case run.Warning:
		f.p.say(fmt.Sprintf("%s: warning: step %d: %s", f.cell.Name, e.Step, e.Text))
	}
	return nil
}

// at notes how far a cell is.
func (p *progress) at(c Cell, episode int, begins bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now[c.Name] = episode
	if begins {
		p.earlier += episode
	}
	if now := p.clock(); now.Sub(p.told) >= tellEvery {
		p.told = now
		p.say(p.line())
	}
}

// ended notes that a cell has ended.
func (p *progress) ended(c Cell, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if errors.Is(err, run.ErrInterrupted) {
		p.say(c.Name + ": interrupted")
		return
	}
	p.done++
	all := c.Config.Steps() * c.Config.EpisodesPerStep()
	if err != nil {
		p.failed++
		p.earlier += all - p.now[c.Name] // nothing more is to come of it
		p.now[c.Name] = all
		p.say(fmt.Sprintf("%s: failed: %v", c.Name, err))
	}
	if err == nil && p.complete[c.Name] && p.clock().Sub(p.told) < tellEvery {
		return // as the plan has said
	}
	p.told = p.clock()
	p.say(p.line() + ": " + c.Name)
}

// line is how far all is, and how long the rest will take.
func (p *progress) line() string {
	sum := 0
	for _, n := range p.now {
		sum += n
	}
	text := fmt.Sprintf("%d of %d cells", p.done, p.cells)
	if p.failed > 0 {
		text += fmt.Sprintf(", %d failed", p.failed)
	}
	seconds := p.clock().Sub(p.begun).Seconds()
	if own := sum - p.earlier; own > 0 && seconds > 0 && sum < p.episodes {
		text += fmt.Sprintf(", %.0f episodes/s, about %s left", float64(own)/seconds, clockText(seconds*float64(p.episodes-sum)/float64(own)))
	}
	return text
}

// clockText is a duration in words.
func clockText(seconds float64) string {
	switch {
	case seconds < 90:
		return fmt.Sprintf("%.0f s", max(1, seconds))
	case seconds < 5400:
		return fmt.Sprintf("%.0f min", seconds/60)
	}
	return fmt.Sprintf("%.1f h", seconds/3600)
}

// The files that say what study a folder holds.
const (
	studyFile   = "study.yaml"
	optionsFile = "study.json"
)

// saved is study.json.
type saved struct {
	File  string            `json:"file"` // as it was named
	Small bool              `json:"small"`
	Given map[string]string `json:"given"`
}

// write keeps the study beside its cells, so that report finds it.
func (p *Plan) write() error {
	if err := foreign(p.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(p.Dir, 0o777); err != nil {
		return config.Bad(err)
	}
	text, err := json.MarshalIndent(saved{p.file.Name, p.options.Small, p.options.Given}, "", "  ")
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{optionsFile, append(text, '\n')}, {studyFile, p.file.Text}} {
		if err := writeOnce(filepath.Join(p.Dir, f.name), f.text); err != nil { // shards that begin together write the same
			return fmt.Errorf("study: %w", err)
		}
	}
	return nil
}

// foreign refuses a folder that holds something but no study.
func foreign(dir string) error {
	if Is(dir) {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return config.Bad(err)
	}
	for _, e := range entries {
		if e.Name() != optionsFile && e.Name()[0] != '.' {
			return config.Errorf("out: %s must be a study, empty or new (it has no %s, but %s)", dir, studyFile, e.Name())
		}
	}
	return nil
}

// Is says whether a folder holds a study.
func Is(dir string) bool {
	st, err := os.Stat(filepath.Join(dir, studyFile))
	return err == nil && st.Mode().IsRegular()
}

// Open reads the study in a folder and lists its cells.
func Open(dir string, armOf ArmOf) (*Plan, error) {
	file, err := config.ReadFile(filepath.Join(dir, studyFile), nil)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, optionsFile))
	if err != nil {
		return nil, config.Bad(err)
	}
	var o saved
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, config.Errorf("%s: must be as it was written: %w", filepath.Join(dir, optionsFile), err)
	}
	s, err := Read(file, Options{Given: o.Given, Small: o.Small})
	if err != nil {
		return nil, err
	}
	s.file.Name = o.File // the tables are called as those of the command that trained the cells
	return s.Plan(dir, armOf)
}
