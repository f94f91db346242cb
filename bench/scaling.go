package bench

import (
	"context"
	"fmt"
	"time"
)

// Scaling is how the cost of an iteration of PPO grows: a shape of B's width with
// more samples, or more layers.
type Scaling struct {
	Batch   int     `json:"batch"`
	Layers  int     `json:"layers"`
	Threads int     `json:"threads"`
	Tokens  int     `json:"tokens"`   // distinct rows of an iteration's tree
	Seconds float64 `json:"seconds"`  // of an iteration, median
	PerUnit float64 `json:"per_unit"` // seconds a token and layer
	Share   float64 `json:"share"`    // PerUnit over that of the first row of its series
}

// sizes are the two series that Scale measures.
type sizes struct {
	shape
	batches, layers []int
	enough          time.Duration // spent on each size at least
}

// Scale measures iterations for batches of 16 to 512 samples and for 4 to 24 layers,
// on one thread and on threads.
func Scale(ctx context.Context, threads, repeat int) ([]Scaling, error) {
	z := sizes{shapeB(), []int{16, 32, 64, 128, 256, 512}, []int{4, 8, 12, 16, 24}, 500 * time.Millisecond}
	out, err := z.measure(ctx, 1, repeat)
	if err != nil || threads == 1 {
		return out, err
	}
	more, err := z.measure(ctx, threads, repeat)
	return append(out, more...), err
}

// measure measures both series.
func (z sizes) measure(ctx context.Context, threads, repeat int) ([]Scaling, error) {
	s := newSession(Options{Repeat: repeat, Threads: threads}, z.enough)
	defer s.pool.Close()
	out, err := s.series(ctx, z.shape, z.batches, func(sh *shape, n int) { sh.batch = n })
	if err != nil {
		return out, err
	}
	more, err := s.series(ctx, z.shape, z.layers, func(sh *shape, n int) { sh.layers = n })
	return append(out, more...), err
}

// series measures a shape in some sizes and compares them with the first.
func (s *session) series(ctx context.Context, sh shape, sizes []int, set func(*shape, int)) ([]Scaling, error) {
	var out []Scaling
	for _, n := range sizes {
		set(&sh, n)
		it, err := newIteration(sh, s.pool, "ppo", 1)
		if err != nil {
			return out, err
		}
		t, err := s.measure(ctx, it.work())
		if err != nil {
			return out, fmt.Errorf("batch %d, %d layers: %w", sh.batch, sh.layers, err)
		}
		row := Scaling{Batch: sh.batch, Layers: sh.layers, Threads: s.Threads, Tokens: it.state.Rows(), Seconds: t.median, Share: 1}
		row.PerUnit = row.Seconds / float64(row.Tokens*row.Layers)
		if len(out) > 0 {
			row.Share = row.PerUnit / out[0].PerUnit
		}
		out = append(out, row)
	}
	return out, nil
}
