package bench

import (
	"context"
	"fmt"
	"slices"

	"pgsrm/kernel"
)

// Phase is a part of the training step of a shape: the operations of one kind,
// in all layers, on buffers of the sizes that the step has.
type Phase struct {
	Shape        string  `json:"shape"`
	Name         string  `json:"name"`
	Seconds      float64 `json:"seconds"` // median
	ShareOfStep  float64 `json:"share_of_step"`
	GFLOP        float64 `json:"gflop"`          // 1e9 operations that cannot be avoided; 0 where memory is the limit
	GB           float64 `json:"gb"`             // 1e9 bytes read where memory is the limit, else 0
	ShareOfLimit float64 `json:"share_of_limit"` // may exceed 1 where data stay in the caches
}

// phase is how one is measured.
type phase struct {
	name string
	cost cost
	run  func()
}

// phases measures the phases of the shapes whose step is among the rows. What the
// step takes beside them (embedding, gathering, losses) is the phase rest.
func (s *session) phases(ctx context.Context, shapes []shape, rows []Row) ([]Phase, error) {
	var out []Phase
	for _, sh := range shapes {
		at := slices.IndexFunc(rows, func(r Row) bool { return r.Name == "step_"+sh.name+"_s" })
		if at < 0 {
			continue
		}
		step, sum := rows[at].Value, 0.0
		list, err := newPhases(sh, s.pool)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			t, err := s.measure(ctx, work{run: func() error { p.run(); return nil }})
			if err != nil {
				return out, fmt.Errorf("phases of shape %s: %w", sh.name, err)
			}
			sum += t.median
			out = append(out, Phase{
				Shape: sh.name, Name: p.name, Seconds: t.median, ShareOfStep: t.median / step,
				GFLOP: p.cost.flops / 1e9, GB: p.cost.bytes / 1e9, ShareOfLimit: s.machine.seconds([]cost{p.cost}) / t.median,
			})
		}
		out = append(out, Phase{Shape: sh.name, Name: "rest", Seconds: step - sum, ShareOfStep: (step - sum) / step})
	}
	return out, nil
}

// newPhases lists the phases in the order of the step.
func newPhases(s shape, p *kernel.Pool) ([]phase, error) {
	o, err := newStepOps(s, p)
	if err != nil {
		return nil, err
	}
	products, attention := o.multiplyAdds()
	products, attention = 2*products, 2*attention
	scored, d := s.batch*s.response, float64(s.width)
	layerRows := float64(o.rows) * float64(s.layers)
	flops := func(x float64) cost { return cost{flops: x} }
	floats := func(x float64) cost { return cost{bytes: 4 * x} }
	return []phase{
		{"forward products, bias, GELU, residual", flops(products), o.forwardProducts},
		{"forward attention", flops(attention), o.forwardAttention},
		{"forward norms", floats(2 * layerRows * d), o.forwardNorms},
		{"head: logits", flops(s.logits(scored, s.vocab).flops), o.headForward},
		{"head: softmax and its gradient", floats(float64(scored * s.vocab)), o.headSoftmax},
		{"head: gradients", flops(s.logitsBackward(scored, s.vocab).flops), o.headBackward},
		{"backward dx", flops(products), o.backwardInputs},
		{"backward dW", flops(products), o.backwardWeights},
		{"backward attention", flops(2 * attention), o.backwardAttention},
		// Two norms read dout, x and dx; GELU reads dout and x, 4 D wide; bias gradients read 9 D.
		{"backward norms, GELU, bias", floats((2*3 + 2*4 + 9) * layerRows * d), o.backwardRest},
		{"optimiser", floats(4 * s.parameters()), func() { o.opt.Step(o.m, rate, maxNorm) }},
	}, nil
}
