package lm

import "pgsrm/kernel"

// mlpUp: the input of the down projection, [T][D]*[D][F]
//
//	up = mlpIn*Wup + b     act = gelu(up)
//	gated: gate = mlpIn*Wgate + b     act = silu(gate)*up     (Shazeer 2020)
//
// GELU is a part of the product, and up is written on the way if it is kept.
func (m *Model) mlpUp(p *kernel.Pool, w *layer, a *activations, keepUp bool) {
	if m.Config.Gated {
		m.mlpSums(p, w, a)
		m.activate(p, a)
		return
	}
	ep := kernel.Epilogue{Act: kernel.ActGELUTanh}
	if m.Config.Act == GELUErf {
		ep.Act = kernel.ActGELUErf
	}
	if keepUp {
		ep.Pre = a.up
	}
	m.linear(p, w.up, w.upBias, a.act, a.mlpIn, ep)
}

// mlpSums is mlpUp without the activation.
func (m *Model) mlpSums(p *kernel.Pool, w *layer, a *activations) {
	if m.Config.Gated {
		m.linear(p, w.gate, w.gateBias, a.gate, a.mlpIn, kernel.Epilogue{})
	}
	m.linear(p, w.up, w.upBias, a.up, a.mlpIn, kernel.Epilogue{})
}

// activate: act = gelu(up), or silu(gate)*up
func (m *Model) activate(p *kernel.Pool, a *activations) {
	F := m.Config.FF
	switch {
	case m.Config.Gated:
		kernel.SwiGLU(p, kernel.View(a.act, F), kernel.View(a.gate, F), kernel.View(a.up, F), len(a.act)/F, F)
	case m.Config.Act == GELUErf:
		kernel.GELUErf(p, a.act, a.up)
	default:
		kernel.GELUTanh(p, a.act, a.up)
	}
}

// activateBackward: dup = dact*gelu'(up); gated: dgate = dact*up*silu'(gate), dup = dact*silu(gate). It computes
// act again on the way, for the gradient of Wdown. dact gives its place to dgate, or without a gate to dup.
func (m *Model) activateBackward(p *kernel.Pool, a, d *activations) {
	F := m.Config.FF
	switch {
	case m.Config.Gated:
		dgate := kernel.View(d.gate, F)
		kernel.SwiGLUBackward(p, dgate, kernel.View(d.up, F), kernel.View(a.act, F), dgate, kernel.View(a.gate, F), kernel.View(a.up, F), len(d.up)/F, F)
	case m.Config.Act == GELUErf:
		kernel.GELUErfBackward(p, d.up, a.act, d.act, a.up)
	default:
		kernel.GELUTanhBackward(p, d.up, a.act, d.act, a.up)
	}
}

// mlpUpBackward: dmlpIn = dup*Wup^T (+ dgate*Wgate^T)
func (m *Model) mlpUpBackward(p *kernel.Pool, s *State, w *layer, a, d *activations, lo int) {
	m.activateBackward(p, a, d)
	if m.Config.Gated {
		m.linearBackward(p, s, w.gate, linearGrads{a.mlpIn, d.mlpIn, d.gate, lo}, false)
	}
	m.linearBackward(p, s, w.up, linearGrads{a.mlpIn, d.mlpIn, d.up, lo}, m.Config.Gated)
}

// mlpDown: out = residual + act*Wdown + b     [T][F]*[F][D]; with the norms after the sums mlpIn + ...
func (m *Model) mlpDown(p *kernel.Pool, w *layer, a *activations) {
	onto := a.residual
	if m.Config.PostNorm {
		onto = a.mlpIn
	}
	m.linear(p, w.down, w.downBias, a.out, a.act, kernel.Epilogue{Residual: kernel.View(onto, m.Config.Width)})
}

// mlpDownBackward: dact = dout*Wdown^T
func (m *Model) mlpDownBackward(p *kernel.Pool, s *State, w *layer, a, d *activations, lo int) {
	m.linearBackward(p, s, w.down, linearGrads{a.act, d.act, d.out, lo}, false)
}
