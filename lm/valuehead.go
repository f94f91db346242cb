package lm

import "pgsrm/kernel"

// valueHead is a linear layer from the final hidden state to one number. Its
// weights lie outside the model's: they are no part of a saved child.
type valueHead struct {
	w        []float32 // [D+1], the bias last
	grad     []float32 // [D+1]
	detached bool      // the gradient does not reach the trunk
}

// ValueHead adds a value head with zero weights: a linear layer on the final
// hidden state. With detached set its gradient does not reach the trunk.
func (m *Model) ValueHead(detached bool) {
	m.vhead = &valueHead{w: make([]float32, m.Config.Width+1), detached: detached}
}

// ValueWeights returns the weights of the value head, bias last, to be saved
// and restored; nil without value head. [D+1]
func (m *Model) ValueWeights() []float32 {
	if m.vhead == nil {
		return nil
	}
	return m.vhead.w
}

// Values writes the value head's output at the rows to dst. [len(rows)]
func (m *Model) Values(s *State, rows []int32, dst []float32) {
	m.predict(s, rows)
	for i, r := range rows {
		dst[i] = m.vhead.value(s.hidden(r))
	}
}

// value is w*h + b. h [D]
func (v *valueHead) value(h []float32) float32 {
	return kernel.Dot(v.w[:len(h)], h) + v.w[len(h)]
}

func (v *valueHead) ensureGrads() {
	if v.grad == nil {
		v.grad = make([]float32, len(v.w))
	}
}

// backward adds the gradients for one row: dv is that of its value.
func (v *valueHead) backward(dv float32, h, dh []float32) {
	kernel.Axpy(v.grad[:len(h)], dv, h)
	v.grad[len(h)] += dv
	if !v.detached {
		kernel.Axpy(dh, dv, v.w[:len(h)])
	}
}
