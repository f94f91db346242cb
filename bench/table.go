package bench

import (
	"fmt"
	"slices"
	"time"

	"pgsrm/kernel"
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
	a, b, c := shapeA(), shapeB(), shapeC()
	return plan{
		rows: table(a, b, c, squareProduct(), mlpProduct(), miniLM()), shapes: []shape{a, b, c, c.adapted()},
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

// table lists the rows for three shapes, two products and an encoder.
func table(a, b, c shape, square, mlp product, e encoderShape) []row {
	rows := []row{
		seconds("iteration_A_s", iterations(a, "ppo", 1)),
		seconds("iteration_A_grpo_s", iterations(a, "grpo", a.group)).against(peerIteration(a, "grpo")),
		seconds("iteration_B_s", iterations(b, "ppo", 1)),
		seconds("iteration_B_grpo_s", iterations(b, "grpo", b.group)).against(peerIteration(b, "grpo")),
		seconds("iteration_B_rloo_s", iterations(b, "rloo", b.group)).against(peerIteration(b, "rloo")),
		seconds("step_A_s", steps(a)).against(peerStep(a)), seconds("step_B_s", steps(b)).against(peerStep(b)),
		seconds("forward_A_s", forwards(a)).against(peerForward(a)), seconds("forward_B_s", forwards(b)).against(peerForward(b)),
		decodeRow(a, a.batch, false), decodeRow(a, 1, false), decodeRow(b, b.batch, false), decodeRow(b, 1, false),
		decodeRow(a, a.batch, true), decodeRow(b, b.batch, true),
		encodeRow("encode_2w_per_s", e, encoding{1024, 2, 256}),
		encodeRow("encode_12w_per_s", e, encoding{1024, 12, 64}),
		encodeRow("encode_one_per_s", e, encoding{64, 12, 1}),
		productRow("gemm_2048_gflops", square), productRow("gemm_mlp_gflops", mlp),
		memory("peak_memory_A_gb", steps(a), a.trainingBytes()).against(peerStep(a).inMemory()),
		memory("peak_memory_B_gb", steps(b), b.trainingBytes()).against(peerStep(b).inMemory()),
		start().against(peerJob{Kind: "start"}),
	}
	return slices.Concat(rows, realRows(c), realRows(c.adapted()))
}

// realRows are the rows of the shape of a real model: each with the memory that it takes.
func realRows(s shape) []row {
	at := s.name + s.suffix()
	var rows []row
	for _, r := range []struct {
		name  string
		open  opener
		bytes float64 // at least
	}{
		{"iteration_" + at + "_ppo", iterations(s, "ppo", s.group), s.trainingBytes() + s.referenceBytes()},
		{"iteration_" + at + "_grpo", iterations(s, "grpo", s.group), s.trainingBytes() + s.referenceBytes()},
		{"rollout_" + at, rollouts(s), 4 * s.parameters()},
		{"step_" + at, steps(s), s.trainingBytes()},
	} {
		rows = append(rows, seconds(r.name+"_s", r.open), memory("peak_memory_"+r.name+"_gb", r.open, r.bytes))
	}
	if s.rank > 0 {
		return rows
	}
	for i, r := range rows {
		switch r.name {
		case "iteration_" + at + "_grpo_s":
			rows[i] = r.against(peerIteration(s, "grpo").inMinutes())
		case "peak_memory_iteration_" + at + "_grpo_gb":
			rows[i] = r.against(peerIteration(s, "grpo").inMemory().inMinutes())
		case "step_" + at + "_s":
			rows[i] = r.against(peerStep(s).inMinutes())
		case "rollout_" + at + "_s":
			rows[i] = r.against(peerRollout(s).inMinutes())
		}
	}
	return rows
}

// iterations are those of an algorithm with groups of so many samples.
func iterations(s shape, algo string, group int) opener {
	return func(p *kernel.Pool) (work, error) {
		it, err := newIteration(s, p, algo, group)
		if err != nil {
			return work{}, err
		}
		return it.work(), nil
	}
}

// rollouts are those of an iteration.
func rollouts(s shape) opener {
	return func(p *kernel.Pool) (work, error) {
		x, err := newSampling(s, p, s.group)
		if err != nil {
			return work{}, err
		}
		return x.work(), nil
	}
}

// steps are training steps.
func steps(s shape) opener {
	return func(p *kernel.Pool) (work, error) {
		w, err := newStepper(s, p, true)
		if err != nil {
			return work{}, err
		}
		return work{run: w.step, limit: s.stepCost()}, nil
	}
}

// forwards are the forwards of these.
func forwards(s shape) opener {
	return func(p *kernel.Pool) (work, error) {
		w, err := newStepper(s, p, false)
		if err != nil {
			return work{}, err
		}
		return work{run: w.forward, limit: s.forwardCost()}, nil
	}
}

// seconds is the row of the time of one run.
func seconds(name string, open opener) row {
	return timed(name, "s", 0, func(e *session) (work, error) { return open(e.pool) })
}

func decodeRow(s shape, n int, shared bool) row {
	format := "decode_%s%d_tok_s"
	if shared {
		format = "decode_%s%d_shared_tok_s"
	}
	return timed(fmt.Sprintf(format, s.name, n), "tokens/s", float64(n*s.newTokens), func(e *session) (work, error) {
		return newDecode(s, e.pool, n, shared)
	}).against(peerDecode(s, n, shared))
}

func encodeRow(name string, sh encoderShape, o encoding) row {
	return timed(name, "texts/s", float64(o.texts), func(e *session) (work, error) {
		enc, err := e.openEncoder(sh)
		if err != nil {
			return work{}, err
		}
		return enc.work(o), nil
	}).against(peerEncode(o))
}

func productRow(name string, g product) row {
	return timed(name, "GFLOP/s", g.gflops(), func(e *session) (work, error) { return newProduct(g, e.pool), nil }).against(peerProduct(g))
}
