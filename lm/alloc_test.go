package lm

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"pgsrm/kernel"
)

// steady is a model at work on a batch of prompts that is the same every time.
type steady struct {
	m       *Model
	s       *State
	opt     *AdamW
	prompts [][]int32
	targets []Target
	scores  Scores
	grads   ScoreGrads
}

func newSteady(t *testing.T, batch int, pool *kernel.Pool) *steady {
	m := newTestModel(t, GPT2(2, 32, 2, 70, 40))
	m.Pool = pool
	w := &steady{m: m, s: m.NewState(true), opt: NewAdamW()}
	rng := rand.New(rand.NewPCG(1, 1))
	for range batch {
		w.prompts = append(w.prompts, randomTokens(rng, 9, 70))
	}
	w.build()
	w.grads = randomGrads(len(w.targets))
	return w
}

// build packs the batch, with a target after every token.
func (w *steady) build() {
	w.s.Reset()
	w.targets = w.targets[:0]
	for _, p := range w.prompts {
		for i, r := range w.s.AddSequence(p) {
			w.targets = append(w.targets, Target{Row: r, Token: p[i]})
		}
	}
}

// allocations are the number and the bytes of one run, the least of some: how the workers share a
// run differs, and so what scratch memory each needs.
func allocations(run func()) (count, bytes float64) {
	count, bytes = math.Inf(1), math.Inf(1)
	var before, after runtime.MemStats
	for range 6 {
		runtime.ReadMemStats(&before)
		run()
		runtime.ReadMemStats(&after)
		count, bytes = min(count, float64(after.Mallocs-before.Mallocs)), min(bytes, float64(after.TotalAlloc-before.TotalAlloc))
	}
	return count, bytes
}

// TestSteadyStateDoesNotAllocate: an update on a batch of a size that has been
// seen allocates a few closures and, for each sequence, the rows that AddSequence
// returns; nothing else grows with the batch.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	for _, threads := range []int{1, 2} {
		pool := kernel.NewPool(threads)
		t.Cleanup(pool.Close)
		for _, batch := range []int{8, 64} {
			w := newSteady(t, batch, pool)
			for _, c := range []struct {
				name   string
				run    func()
				counts int // allocations at most
				bytes  int
			}{
				{"build", w.build, batch, 48 * batch},
				{"build and forward", func() { w.build(); w.m.Forward(w.s) }, batch + 20, 48*batch + 2048},
				{"score", func() { w.m.Score(w.s, w.targets, 1, &w.scores) }, 12, 1024},
				{"backward", func() { w.m.Backward(w.s, w.targets, 1, w.grads) }, 20, 2048},
				{"step", func() { w.opt.Step(w.m, 1e-5, 1) }, 0, 64},
			} {
				count, bytes := allocations(c.run)
				if count > float64(c.counts) || bytes > float64(c.bytes) {
					t.Errorf("%s, batch %d, %d threads: %v allocations of %v bytes, want at most %d of %d", c.name, batch, threads, count, bytes, c.counts, c.bytes)
				}
			}
		}
	}
}

// TestGenerateAllocations: sampling allocates what it returns and a bounded number
// of slices a token.
func TestGenerateAllocations(t *testing.T) {
	pool := kernel.NewPool(1)
	defer pool.Close()
	for _, c := range []struct {
		opt   SampleOptions
		limit float64 // allocations a token
	}{
		{SampleOptions{Temperature: 0}, 4}, {SampleOptions{Temperature: 1}, 6}, {SampleOptions{Temperature: 1, TopK: 9}, 14},
		{SampleOptions{Temperature: 1, TopP: 0.9}, 14}, {SampleOptions{Temperature: 1, MinP: 0.1}, 14},
	} {
		c.opt.MaxNewTokens = 4
		for _, batch := range []int{8, 64} {
			w := newSteady(t, batch, pool)
			s, streams := w.m.NewState(false), make([]*rand.Rand, batch)
			for i := range streams {
				streams[i] = stream(i, 0)
			}
			count, _ := allocations(func() {
				s.Reset()
				if _, err := w.m.Generate(s, w.prompts, 1, c.opt, func(p, _ int) *rand.Rand { return streams[p] }); err != nil {
					t.Fatal(err)
				}
			})
			tokens := float64(batch * c.opt.MaxNewTokens)
			if count > c.limit*tokens+40 {
				t.Errorf("%+v, batch %d: %v allocations for %v tokens, want at most %v a token", c.opt, batch, count, tokens, c.limit)
			}
		}
	}
}
