package bench

import (
	"context"
	"fmt"
	"time"

	"pgsrm/kernel"
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
	Share   float64 `json:"share"`    // PerUnit over that of the first row with as many threads
}

// The sizes that Scale measures.
var (
	scaleBatches = []int{16, 32, 64, 128, 256, 512}
	scaleLayers  = []int{4, 8, 12, 16, 24}
)

// scaleEnough is how long each size is measured at least.
const scaleEnough = 500 * time.Millisecond

// Scale measures iterations for batches of 16 to 512 samples and for 4 to 24 layers,
// on one thread and on threads.
func Scale(ctx context.Context, threads, repeat int) ([]Scaling, error) {
	var out []Scaling
	counts := []int{1, threads}
	if threads == 1 {
		counts = counts[:1]
	}
	for _, n := range counts {
		pool := kernel.NewPool(n)
		e := &session{Options: Options{Repeat: repeat, Threads: n}, enough: scaleEnough, pool: pool}
		batches, err := e.scale(ctx, len(scaleBatches), func(s *shape, i int) { s.batch = scaleBatches[i] })
		if err == nil {
			out = append(out, batches...)
			var layers []Scaling
			layers, err = e.scale(ctx, len(scaleLayers), func(s *shape, i int) { s.layers = scaleLayers[i] })
			out = append(out, layers...)
		}
		pool.Close()
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// scale measures n sizes of shape B and compares them with the first.
func (s *session) scale(ctx context.Context, n int, set func(s *shape, i int)) ([]Scaling, error) {
	var out []Scaling
	for i := range n {
		sh := shapeB()
		set(&sh, i)
		it, err := newIteration(sh, s.pool, "ppo", 1)
		if err != nil {
			return out, err
		}
		t, err := s.measure(ctx, it.work())
		if err != nil {
			return out, fmt.Errorf("batch %d, %d layers: %w", sh.batch, sh.layers, err)
		}
		row := Scaling{Batch: sh.batch, Layers: sh.layers, Threads: s.Threads, Tokens: it.state.Rows(), Seconds: t.median}
		row.PerUnit = row.Seconds / float64(row.Tokens*row.Layers)
		row.Share = 1
		if i > 0 {
			row.Share = row.PerUnit / out[0].PerUnit
		}
		out = append(out, row)
	}
	return out, nil
}
