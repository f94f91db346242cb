package lm

import "pgsrm/kernel"

// backward is the memory of Backward beside what the forward kept.
type backward struct {
	grads      buffers // [R] gradients of the activations of the block that it is at
	recomputed buffers // [R] room for what it computes again
	block      buffers // what there is in full of the block that it is at: kept by the forward or recomputed
	room       int     // rows of all these

	hidden     []float32 // [T][D] gradients of the final hidden states
	finalNorm  []float32 // [NormParts(T, D)] gradients of the final norm's weights
	predicting int       // rows that there is room for in these and in grads.q

	norm1, norm2 []float32 // [NormParts(R, D)] gradients of the norms' weights, in parts: one for some rows
	qnorm, knorm []float32 // [R][NormParts(heads, headDim)] the same of query and key norms, one for each row

	wt         []float32            // transposed weights of the block
	transposed map[*Param][]float32 // the part of wt of each
}

// recall makes block the activations of block l.
func (s *State) recall(l int) {
	b := &s.back
	b.block.activations = s.acts[l].activations
	for i, x := range b.block.table {
		if *x.data == nil {
			*x.data = *b.recomputed.table[i].data
		}
	}
}

// reserveBackward makes room for all rows and for those that predict.
func (s *State) reserveBackward() {
	s.reserveThreads()
	b, c := &s.back, &s.m.Config
	if b.room < s.Rows() {
		b.room = s.room
		fresh := func(data *[]float32, width int) { *data = kernel.Floats(b.room * width) }
		for _, g := range b.grads.table {
			if g.grad == whole {
				fresh(g.data, g.width)
			}
		}
		for _, a := range b.recomputed.table {
			if a.recomputed == whole && !s.keeps(0, a.value) {
				fresh(a.data, a.width)
			}
		}
		b.norm1 = kernel.Floats(kernel.NormParts(b.room, c.Width))
		b.norm2 = kernel.Floats(kernel.NormParts(b.room, c.Width))
		fresh(&b.qnorm, when(c.QKNorm, kernel.NormParts(c.Heads, c.HeadDim)))
		fresh(&b.knorm, when(c.QKNorm, kernel.NormParts(c.KVHeads, c.HeadDim)))
	}
	if b.predicting < len(s.predicting.rows) {
		b.predicting = s.predicting.room
		b.hidden = kernel.Floats(b.predicting * c.Width)
		b.grads.q = kernel.Floats(b.predicting * c.qDim())
		b.finalNorm = kernel.Floats(kernel.NormParts(b.predicting, c.Width))
	}
}
