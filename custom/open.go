package custom

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pgsrm/cache"
	"pgsrm/remote"
)

// The kinds of terms that a Source answers.
const (
	Exec = "exec" // exec(CMD): a process
	HTTP = "http" // http(URL): a server
)

// Options are what a Source is opened with beside its term.
type Options struct {
	Settings Settings
	Cache    *cache.Cache // of pure functions; nil = none
	// Warn, where set, is told what the user should know, and the first lines that a
	// process writes on stderr. It may be called from several goroutines.
	Warn   func(text string)
	Remote remote.Deps // what tests replace
}

// Source is a Scorer behind a term exec or http, asked in batches. It is safe for
// concurrent use; Close ends its process.
type Source struct {
	batch   int
	asker   asker
	through *cache.Through[float64] // nil: the function is not pure

	mu     sync.Mutex
	counts Counts
}

// asker gets the rewards of one batch: a result for each sample, or the error of all.
type asker interface {
	ask(ctx context.Context, samples []Sample) ([]Result, error)
	parallel() int
	close()
}

// Open makes the Source of a term. No process is started and nothing is sent before its
// first batch.
func Open(kind, text string, o Options) (*Source, error) {
	if err := o.Settings.Validate(); err != nil {
		return nil, fmt.Errorf("custom_reward.%w", err)
	}
	s := &Source{batch: o.Settings.Batch}
	var err error
	switch kind {
	case Exec:
		s.asker, err = openProcess(text, o, s.count)
	case HTTP:
		s.asker, err = openServer(text, o)
	default:
		panic("custom: no such kind of term: " + kind)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	if o.Settings.Pure {
		s.through = NewThrough(sourceName(kind, text, o.Settings.Version), o.Cache)
	}
	return s, nil
}

// Close ends the process of a term exec.
func (s *Source) Close() { s.asker.close() }

// Score asks for the rewards of samples.
func (s *Source) Score(ctx context.Context, samples []Sample) []Result {
	if s.through != nil {
		return s.throughCache(ctx, samples)
	}
	return s.inBatches(ctx, samples)
}

// hopeless is how many batches may fail one after the other before the rest of a call is
// taken to fail like them.
const hopeless = 3

// inBatches asks for samples, some at a time.
func (s *Source) inBatches(ctx context.Context, samples []Sample) []Result {
	out := make([]Result, len(samples))
	slots := make(chan struct{}, s.asker.parallel())
	var all sync.WaitGroup
	var row failures
	for lo := 0; lo < len(samples); lo += s.batch {
		hi := min(lo+s.batch, len(samples))
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			results, err := s.one(ctx, samples[lo:hi], &row)
			if err != nil {
				results = failAll(hi-lo, unanswered{err})
			}
			copy(out[lo:hi], results)
		})
	}
	all.Wait()
	return out
}

// one asks for one batch, unless those before it failed.
func (s *Source) one(ctx context.Context, samples []Sample, row *failures) ([]Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if n, last := row.now(); n >= hopeless {
		return nil, fmt.Errorf("not asked, as %d batches failed one after the other, the last: %w", n, last)
	}
	begin := time.Now()
	results, err := s.asker.ask(ctx, samples)
	row.add(err)
	s.count(func(c *Counts) {
		c.Batches++
		c.Samples += int64(len(samples))
		c.Seconds += time.Since(begin).Seconds()
		if err != nil {
			c.Failed++
		}
	})
	return results, err
}

// failures are batches of a call that failed one after the other.
type failures struct {
	mu   sync.Mutex
	n    int
	last error
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; err == nil {
		f.n = 0
	}
	f.last = err
}

func (f *failures) now() (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n, f.last
}

// Counts are what was asked. They depend on the machine and the cache, so they belong
// beside results, never into them.
type Counts struct {
	Samples  int64
	Batches  int64
	Failed   int64   // batches without a reply in the end
	Restarts int64   // of the process, after a failure
	Seconds  float64 // waited for replies, over all batches
}

// Values are the counts as named numbers; those that did not occur are left out.
func (s *Source) Values() map[string]float64 {
	c := s.Counts()
	out := map[string]float64{}
	for name, x := range map[string]float64{
		"samples": float64(c.Samples), "batches": float64(c.Batches), "failed": float64(c.Failed), "restarts": float64(c.Restarts), "seconds": c.Seconds,
	} {
		if x > 0 {
			out[name] = x
		}
	}
	return out
}

// Counts is a snapshot.
func (s *Source) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// count changes the counts under the lock.
func (s *Source) count(f func(c *Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.counts)
}
