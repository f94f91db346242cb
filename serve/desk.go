package serve

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"pgsrm/cache"
	"pgsrm/custom"
	"pgsrm/remote"
	"pgsrm/reward"
	"pgsrm/task"
)

// Reward is one reward that is served.
type Reward struct {
	Name       string
	Task       *task.Task // its prompts can be named by their ids
	Model      *reward.Model
	References *reward.References
	Match      *task.Matcher // what counts as an answer; nil = the reward says it
	Close      func()        // called once nobody uses the reward any more; may be nil
}

// digest names a sample for the cache and for single-flight.
type digest [sha256.Size]byte

// desk scores the samples of one reward: those that wait are scored together, each
// different one once. Samples that a reward compares with each other stay together.
type desk struct {
	Reward
	set     Settings
	columns []string
	facts   facts
	prompts map[string]string // prompts of the task, without white space around them; and by id
	known   *cache.Recent[reward.Score]
	load    *load
	log     *slog.Logger
	measure *metrics
	deskCounts

	mu      sync.Mutex
	flights map[digest]*job
	queue   []*job
	waiting int           // samples in queue
	wake    chan struct{} // holds one token while the queue may have work
	cost    time.Duration // of the last batches, smoothed
	ended   bool
	workers sync.WaitGroup
	stop    context.CancelFunc
	ctx     context.Context
}

// facts are what the expression of a reward asks for.
type facts struct{ groups, memory, columns bool }

// job is what is scored as one: a sample, or the answers to one prompt.
type job struct {
	samples  []reward.Sample
	key      digest
	shared   bool // may be joined and remembered
	waiters  int
	deadline time.Time // of the most patient waiter
	done     chan struct{}
	scores   []reward.Score
}

// errLate is the error of a sample whose time is over.
var errLate = errors.New("the time of the request is over")

// newDesk begins to work.
func newDesk(r Reward, set Settings, load *load, measure *metrics, log *slog.Logger) *desk {
	spec := r.Model.Spec()
	d := &desk{
		Reward: r, set: set, columns: spec.Columns(), load: load, log: log, measure: measure, deskCounts: newDeskCounts(measure, r.Name),
		facts:   facts{groups: spec.Groups(), memory: spec.Memory(), columns: spec.Remote()},
		prompts: map[string]string{}, flights: map[digest]*job{}, wake: make(chan struct{}, 1),
	}
	if r.Task != nil {
		for _, it := range r.Task.Items {
			d.prompts["id:"+it.ID] = it.Prompt
			d.prompts["text:"+strings.TrimSpace(it.Prompt)] = it.Prompt
		}
	}
	if set.CachedSamples > 0 {
		d.known = cache.NewRecent[reward.Score](set.CachedSamples)
	}
	d.ctx, d.stop = context.WithCancel(context.Background())
	for range set.Parallel {
		d.workers.Go(d.work)
	}
	return d
}

// close ends the work. Nobody may be waiting.
func (d *desk) close() {
	d.mu.Lock()
	d.ended = true
	d.mu.Unlock()
	d.stop()
	d.workers.Wait()
	d.mu.Lock()
	for _, j := range d.queue { // of clients that are gone
		d.drop(j)
	}
	d.queue, d.waiting = nil, 0
	d.mu.Unlock()
	if d.Close != nil {
		d.Close()
	}
}

// promptOf is the prompt of the task that a text shows, in a chat template or with other
// white space around it; the text itself where none does.
func (d *desk) promptOf(text string) string {
	trimmed := strings.TrimSpace(text)
	if p, ok := d.prompts["text:"+trimmed]; ok {
		return p
	}
	turns := specialToken.Split(text, -1)
	for i := len(turns) - 1; i >= 0; i-- {
		turn := strings.TrimSpace(turns[i])
		if p, ok := d.prompts["text:"+turn]; ok && turn != "" {
			return p
		}
		if role, rest, ok := strings.Cut(turn, "\n"); ok && isRole(role) {
			if p, ok := d.prompts["text:"+strings.TrimSpace(rest)]; ok {
				return p
			}
		}
	}
	return text
}

// isRole says what stands before a turn of a chat template.
func isRole(s string) bool {
	switch strings.ToLower(strings.Trim(strings.TrimSpace(s), ":")) {
	case "user", "human", "system", "assistant", "model":
		return true
	}
	return false
}

// outcome is what came of a sample.
type outcome struct {
	reward.Score
	sample reward.Sample
}

// score scores the samples of one request; each has its own error. errs[i], where set, is
// why sample i is not scored. errBusy is the error of the request as a whole. [len(samples)]
func (d *desk) score(ctx context.Context, samples []reward.Sample, errs []error) ([]outcome, error) {
	out := make([]outcome, len(samples))
	var jobs []*job
	var at [][]int // places of the samples of a job
	begin := func(places []int) {
		var chosen []reward.Sample
		for _, i := range places {
			chosen = append(chosen, samples[i])
		}
		jobs, at = append(jobs, &job{samples: chosen}), append(at, places)
	}
	var group []int
	for i := range samples {
		out[i].sample = samples[i]
		switch {
		case errs[i] != nil:
			out[i].Err = errs[i]
		case !d.facts.groups:
			begin([]int{i})
		default:
			if len(group) > 0 && (samples[group[0]].Prompt != samples[i].Prompt || len(group) == maxGroup) {
				begin(group)
				group = nil
			}
			group = append(group, i)
		}
	}
	if len(group) > 0 {
		begin(group)
	}
	deadline, _ := ctx.Deadline()
	if err := d.enqueue(jobs, deadline); err != nil {
		return nil, err
	}
	for k, j := range jobs {
		scores := d.await(ctx, j)
		for n, i := range at[k] {
			if scores == nil {
				out[i].Err = errLate
			} else {
				out[i].Score = scores[n]
			}
		}
	}
	return out, nil
}

// maxGroup bounds the answers to one prompt that are compared.
const maxGroup = 1024

// enqueue fills in what is remembered, joins jobs[i] to equal ones and queues the rest.
func (d *desk) enqueue(jobs []*job, deadline time.Time) error {
	fresh := jobs[:0:0]
	for _, j := range jobs {
		j.deadline, j.waiters = deadline, 1
		if j.shared = len(j.samples) == 1 && !d.facts.groups; j.shared {
			j.key = digestOf(j.samples[0], d.facts.columns)
			if d.known != nil {
				if s, ok := d.known.Get(string(j.key[:])); ok {
					j.scores = []reward.Score{s}
					d.measure.cached.Inc()
					continue
				}
			}
		}
		fresh = append(fresh, j)
	}
	if len(fresh) == 0 {
		return nil
	}
	n := 0
	for _, j := range fresh {
		n += len(j.samples)
	}
	if !d.load.add(n) {
		return errBusy
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, j := range jobs {
		if j.scores != nil {
			continue
		}
		if j.shared {
			if f := d.flights[j.key]; f != nil {
				f.waiters++
				if deadline.After(f.deadline) {
					f.deadline = deadline
				}
				jobs[i] = f
				d.load.done(len(j.samples))
				d.measure.joined.Inc()
				continue
			}
			d.flights[j.key] = j
		}
		j.done = make(chan struct{})
		d.queue, d.waiting = append(d.queue, j), d.waiting+len(j.samples)
	}
	d.signal()
	return nil
}

// signal wakes a worker, if none is about to wake.
func (d *desk) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// await waits for the scores of a job; nil where the time is over before.
func (d *desk) await(ctx context.Context, j *job) []reward.Score {
	if j.done == nil {
		return j.scores
	}
	select {
	case <-j.done:
		return j.scores
	case <-ctx.Done():
		d.mu.Lock()
		defer d.mu.Unlock()
		j.waiters--
		return nil
	}
}

// digestOf names everything of a sample that its reward depends on.
func digestOf(s reward.Sample, columns bool) (sum digest) {
	h := sha256.New()
	number := func(n int) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	field := func(text string) {
		number(len(text))
		h.Write([]byte(text))
	}
	field(s.Prompt)
	field(s.Input)
	field(s.Response)
	field(s.Reference)
	number(len(s.Accepted))
	for _, a := range s.Accepted {
		field(a)
	}
	if s.Cut {
		number(1)
	} else {
		number(0)
	}
	if columns {
		field(string(s.Columns))
	}
	h.Sum(sum[:0])
	return sum
}

// work scores batches until the desk is closed.
func (d *desk) work() {
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-d.wake:
		}
		d.gather()
		if batch, latest := d.take(); len(batch) > 0 {
			d.scoreBatch(batch, latest)
		}
	}
}

// gather waits while samples keep arriving: for a tenth of what a batch costs at most, so
// that quick rewards do not wait and slow ones get full batches.
func (d *desk) gather() {
	d.mu.Lock()
	patience := min(d.set.maxWait(), d.cost/10)
	n := d.waiting
	d.mu.Unlock()
	const least = 200 * time.Microsecond // below it waiting costs more than it saves
	for begun := time.Now(); patience >= least && n < d.set.MaxBatch && time.Since(begun) < patience; {
		time.Sleep(max(least, patience/4))
		d.mu.Lock()
		more := d.waiting
		d.mu.Unlock()
		if more == n {
			return
		}
		n = more
	}
}

// take takes what fits into a batch off the queue, leaves out what nobody waits for, and
// wakes another worker for what is left. latest is the last of the deadlines.
func (d *desk) take() (batch []*job, latest time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, k := 0, 0
	now := time.Now()
	for ; k < len(d.queue); k++ {
		j := d.queue[k]
		if n > 0 && n+len(j.samples) > d.set.MaxBatch {
			break
		}
		d.waiting -= len(j.samples)
		if j.waiters <= 0 || !j.deadline.IsZero() && now.After(j.deadline) {
			d.drop(j)
			continue
		}
		batch, n = append(batch, j), n+len(j.samples)
		if j.deadline.After(latest) {
			latest = j.deadline
		}
	}
	clear(d.queue[:k])
	if d.queue = d.queue[k:]; len(d.queue) > 0 {
		d.signal()
	} else {
		d.queue = nil
	}
	return batch, latest
}

// drop forgets a job that nobody waits for. The lock is held.
func (d *desk) drop(j *job) {
	j.scores = make([]reward.Score, len(j.samples))
	for i := range j.scores {
		j.scores[i].Err = errLate
	}
	d.land(j)
}

// land hands on the scores of a job. The lock is held.
func (d *desk) land(j *job) {
	if j.shared && d.flights[j.key] == j {
		delete(d.flights, j.key)
	}
	d.load.done(len(j.samples))
	close(j.done)
}

// retryPause is how long samples wait that an embedder or a server could not answer now.
const retryPause = time.Second

// scoreBatch scores jobs in one call, until a time. Those that failed for now go back into
// the queue.
func (d *desk) scoreBatch(batch []*job, until time.Time) {
	var samples []reward.Sample
	for g, j := range batch {
		for _, s := range j.samples {
			if len(j.samples) > 1 {
				s.Group = g + 1
			}
			samples = append(samples, s)
		}
	}
	ctx, cancel := context.WithDeadline(d.ctx, until)
	defer cancel()
	begun := time.Now()
	scores := d.call(ctx, samples)
	took := time.Since(begun)
	d.measure.batch(len(samples), took)

	d.mu.Lock()
	defer d.mu.Unlock()
	d.cost += (took - d.cost) / 4
	var again []*job
	for _, j := range batch {
		j.scores, scores = scores[:len(j.samples)], scores[len(j.samples):]
		switch {
		case j.passing() && time.Now().Add(retryPause).Before(j.deadline) && !d.ended:
			j.scores = nil
			again = append(again, j)
		default:
			if j.shared && d.known != nil && j.scores[0].Err == nil {
				d.known.Put(string(j.key[:]), j.scores[0])
			}
			d.land(j)
		}
	}
	if len(again) > 0 {
		d.later(again)
	}
}

// later puts jobs back into the queue after a pause. The lock is held.
func (d *desk) later(jobs []*job) {
	d.log.Warn("samples wait for what the reward asks", "reward", d.Name, "samples", len(jobs))
	time.AfterFunc(retryPause, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, j := range jobs {
			if d.ended {
				d.drop(j)
				continue
			}
			d.queue, d.waiting = append(d.queue, j), d.waiting+len(j.samples)
		}
		d.signal()
	})
}

// passing says whether a job failed by something that passes: a server that is down.
func (j *job) passing() bool {
	for _, s := range j.scores {
		if passing(s.Err) {
			return true
		}
	}
	return false
}

// passing says whether an error may be gone when the same sample comes again.
func passing(err error) bool {
	var e *remote.Error
	switch {
	case err == nil:
		return false
	case errors.As(err, &e):
		return e.Transient || e.Kind == remote.Canceled
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, errLate) ||
		errors.Is(err, custom.ErrUnanswered)
}

// errBroken is the error of a batch that a fault of the program ended.
var errBroken = errors.New("internal error, see the log of the server")

// call scores samples; a panic is the error of them all.
func (d *desk) call(ctx context.Context, samples []reward.Sample) (scores []reward.Score) {
	defer func() {
		if fault := recover(); fault != nil {
			d.log.Error("scoring panicked", "reward", d.Name, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			scores = make([]reward.Score, len(samples))
			for i := range scores {
				scores[i].Err = errBroken
			}
		}
	}()
	return d.Model.Score(ctx, samples)
}
