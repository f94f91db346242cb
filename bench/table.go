package bench

import (
	"fmt"
	"slices"
	"time"
)

// plan is what a Run measures.
type plan struct {
	rows   []row
	shapes []shape       // of the phases
	rounds int           // of multiply-adds in one trial of the peak
	memory int           // bytes of the buffer of the bandwidth
	enough time.Duration // spent on a row at least
}

// standard is the plan of the command.
func standard() plan {
	a, b := shapeA(), shapeB()
	return plan{
		rows: table(a, b, squareProduct(), mlpProduct(), miniLM()), shapes: []shape{a, b},
		rounds: peakRounds, memory: memoryBytes, enough: 300 * time.Millisecond,
	}
}

// chosen returns the rows of these names, all for none.
func (p plan) chosen(only []string) []row {
	if len(only) == 0 {
		return p.rows
	}
	return slices.DeleteFunc(slices.Clone(p.rows), func(r row) bool { return !slices.Contains(only, r.name) })
}

// table lists the rows for two shapes, two products and an encoder.
func table(a, b shape, square, mlp product, e encoderShape) []row {
	return []row{
		iterationRow(a, "iteration_A_s", "ppo", 1),
		iterationRow(a, "iteration_A_grpo_s", "grpo", a.group),
		iterationRow(b, "iteration_B_s", "ppo", 1),
		iterationRow(b, "iteration_B_grpo_s", "grpo", b.group),
		iterationRow(b, "iteration_B_rloo_s", "rloo", b.group),
		stepRow(a), stepRow(b), forwardRow(a), forwardRow(b),
		decodeRow(a, a.batch, false), decodeRow(a, 1, false), decodeRow(b, b.batch, false), decodeRow(b, 1, false),
		decodeRow(a, a.batch, true), decodeRow(b, b.batch, true),
		encodeRow("encode_2w_per_s", e, encoding{1024, 2, 256}),
		encodeRow("encode_12w_per_s", e, encoding{1024, 12, 64}),
		encodeRow("encode_one_per_s", e, encoding{64, 12, 1}),
		productRow("gemm_2048_gflops", square), productRow("gemm_mlp_gflops", mlp),
		memory(a), memory(b), start(),
	}
}

func iterationRow(s shape, name, algo string, group int) row {
	return timed(name, "s", 0, func(e *session) (work, error) {
		it, err := newIteration(s, e.pool, algo, group)
		if err != nil {
			return work{}, err
		}
		return it.work(), nil
	})
}

func stepRow(s shape) row {
	return timed("step_"+s.name+"_s", "s", 0, func(e *session) (work, error) {
		w, err := newStepper(s, e.pool, true)
		if err != nil {
			return work{}, err
		}
		return work{run: w.step, limit: s.stepCost()}, nil
	})
}

func forwardRow(s shape) row {
	return timed("forward_"+s.name+"_s", "s", 0, func(e *session) (work, error) {
		w, err := newStepper(s, e.pool, false)
		if err != nil {
			return work{}, err
		}
		return work{run: w.forward, limit: s.forwardCost()}, nil
	})
}

func decodeRow(s shape, n int, shared bool) row {
	format := "decode_%s%d_tok_s"
	if shared {
		format = "decode_%s%d_shared_tok_s"
	}
	return timed(fmt.Sprintf(format, s.name, n), "tokens/s", float64(n*s.newTokens), func(e *session) (work, error) {
		return newDecode(s, e.pool, n, shared)
	})
}

func encodeRow(name string, sh encoderShape, o encoding) row {
	return timed(name, "texts/s", float64(o.texts), func(e *session) (work, error) {
		enc, err := e.openEncoder(sh)
		if err != nil {
			return work{}, err
		}
		return enc.work(o), nil
	})
}

func productRow(name string, g product) row {
	return timed(name, "GFLOP/s", g.gflops(), func(e *session) (work, error) { return newProduct(g, e.pool), nil })
}
