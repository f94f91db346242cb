package lm

import "pgsrm/kernel"

// A block of the transformer (Vaswani et al. 2017, section 3). The letters, in all files of
// the pass, beside those of the root package:
//
//	R  rows: tokens of the prefix tree       T  rows that attend: all, or in the last block those that predict
//	D  width of the residual stream          F  width of the MLP
//	Q  H*headDim, width of the queries       KV  KVHeads*headDim, width of the keys and of the values
//	W  Q+2*KV, queries, keys and values of a row side by side
//
// With the norms before the sublayers (GPT-2; Llama with rms norms, rotary positions and a gate):
//
//	attnIn = norm1(x)                                    [R][D]
//	qkv = attnIn*Wqkv + b, queries and keys turned       [R][W]
//	attn = softmax(q*k^T/sqrt(headDim)) * v              [T][Q]    k, v: the rows of the path
//	residual = x + attn*Wout + b                         [T][D]
//	mlpIn = norm2(residual)                              [T][D]
//	act = gelu(mlpIn*Wup + b), or silu(mlpIn*Wgate) * mlpIn*Wup    [T][F]
//	out = residual + act*Wdown + b                       [T][D]
//
// With the norms after the residual sums (BERT; forward only):
//
//	attnIn = x     mlpIn = norm1(residual)     out = norm2(mlpIn + act*Wdown + b)
//
// A row needs other rows in one place, their keys and values. Therefore a block is cut there
// into two lists of calls, each of which takes some rows from its first line to its last
// (docs/adr/0003-chains.md); backward is the same lists from their last line to their first.
// A gradient is d with the name of what it is the gradient of.

// project takes rows lo..hi-1 from the input of block l to their queries, keys and values.
func (m *Model) project(p *kernel.Pool, s *State, l, lo, hi int) {
	w, a := &m.layers[l], s.span(p, l, allRows, lo, hi)
	m.attentionNorm(p, w, a)
	m.qkv(p, w, a)
	m.qkNorm(p, w, a)
	m.rotate(p, a, s.pos[lo:hi])
}

// attend takes rows lo..hi-1 of those that attend from there to the output of block l.
func (m *Model) attend(p *kernel.Pool, s *State, l, lo, hi int) {
	w, a := &m.layers[l], s.span(p, l, attending, lo, hi)
	m.gather(s, l, a, lo, hi)
	m.attention(p, s, l, a, lo, hi)
	m.attentionOut(p, w, a)
	m.mlpNorm(p, w, a)
	m.mlpUp(p, w, a, s.train)
	m.mlpDown(p, w, a)
	m.outputNorm(p, w, a)
}

// attendBackward is the reverse of attend, from d.out to d.attn.
func (m *Model) attendBackward(p *kernel.Pool, s *State, l, lo, hi int) {
	w, a, d := &m.layers[l], s.recalled(p, l, attending, lo, hi), s.gradients(p, attending, lo, hi)
	m.recompute(p, s, l, a, lo, hi)
	m.mlpDownBackward(p, s, w, a, d, lo)
	m.mlpUpBackward(p, s, w, a, d, lo)
	m.mlpNormBackward(p, s, w, a, d, lo)
	m.attentionOutBackward(p, s, w, a, d, lo)
	if !s.gathers(l) {
		s.clearQKV(p, lo, hi)
	}
}

// projectBackward is the reverse of project, from d.qkv, which attentionBackward has set for
// all rows, to d.x.
func (m *Model) projectBackward(p *kernel.Pool, s *State, l, lo, hi int) {
	w, a, d := &m.layers[l], s.recalled(p, l, allRows, lo, hi), s.gradients(p, allRows, lo, hi)
	m.attentionNorm(p, w, a) // attnIn again, for the gradient of Wqkv
	m.rotateBackward(p, d, s.pos[lo:hi])
	m.qkNormBackward(p, s, w, a, d, lo)
	m.qkvBackward(p, s, w, a, d, lo)
	m.residualBackward(p, s, l, d, lo, hi)
	m.attentionNormBackward(p, s, w, a, d, lo)
}

// recompute computes again what the forward did not keep of rows lo..hi-1: with activation
// checkpointing (Chen et al. 2016) all from attention to the sums of the MLP, as attend does; else only
// what costs little: the inputs of the MLP's products, and in large models attention, which is
// next to nothing beside their products.
func (m *Model) recompute(p *kernel.Pool, s *State, l int, a *activations, lo, hi int) {
	w, kept := &m.layers[l], s.keeps(l, training)
	if !s.keeps(l, mixed) {
		m.attention(p, s, l, a, lo, hi)
	}
	if !kept {
		m.attentionOut(p, w, a)
	}
	m.mlpNorm(p, w, a)
	if !kept {
		m.mlpSums(p, w, a)
	}
	if m.lora.on(w.down) != nil { // else activateBackward has it in time
		m.activate(p, a)
	}
}

// weightGrads adds the gradients of the weights of block l, dW = input^T*doutput, sums over all
// rows: the products of the block in one operation, in the order in which backward met them.
func (m *Model) weightGrads(s *State, l int) {
	w, a, d := &m.layers[l], &s.back.block, &s.back.grads
	R, T := s.Rows(), s.attending(l)
	b := &s.back
	b.products = b.products[:0]
	b.addGrads(m, w.down, w.downBias, a.act, d.out, T)
	if m.Config.Gated {
		b.addGrads(m, w.gate, w.gateBias, a.mlpIn, d.gate, T)
	}
	b.addGrads(m, w.up, w.upBias, a.mlpIn, d.up, T)
	b.addGrads(m, w.out, w.outBias, a.attn, d.residual, T)
	b.addGrads(m, w.qkv, w.qkvBias, a.attnIn, d.qkv, R)
	kernel.MatMulGrads(m.Pool, b.products...)
	m.addNormGrads(w.norm2, s.back.norm2, T)
	m.addNormGrads(w.norm1, s.back.norm1, R)
	m.addQKNormGrads(s, w, R)
}
