package lm

import (
	"math"

	"pgsrm/kernel"
)

// norm is LayerNorm (Ba et al. 2016) or RMSNorm (Zhang and Sennrich 2019) of the rows of x, as
// many as rstd is long; out may be x.
//
//	LayerNorm: out = (x-mean)*rstd*weight + bias     rstd = 1/sqrt(variance(x) + eps)
//	RMSNorm:   out = x*rstd*weight                   rstd = 1/sqrt(mean(x^2) + eps)
func (m *Model) norm(p *kernel.Pool, w norm, out, x, mean, rstd []float32) {
	n, weights := len(rstd), kernel.NormWeights{Gamma: w.weight.Value, Eps: float32(m.Config.NormEps)}
	if m.Config.Norm == RMSNorm {
		kernel.RMSNorm(p, out, rstd, x, weights, n)
	} else {
		weights.Beta = w.bias.Value
		kernel.LayerNorm(p, out, kernel.NormStats{Mean: mean, Rstd: rstd}, x, weights, n)
	}
	for i, r := range rstd {
		if r == 0 { // the variance overflowed: rows of zeros would pass for an answer, a NaN reaches the logits
			out[i*m.Config.Width] = float32(math.NaN())
		}
	}
}

// normBackward adds to dx and sets the parts of the gradients of the norm's weights that these
// rows have, with y = (x-mean)*rstd, or x*rstd without the mean of g:
//
//	g = dout*weight     dx += rstd*(g - mean(g) - y*mean(g*y))     dweight += dout*y     dbias += dout
func (m *Model) normBackward(p *kernel.Pool, w norm, dx, dout, x, mean, rstd, parts []float32) {
	n := len(rstd)
	if m.Config.Norm == RMSNorm {
		kernel.RMSNormBackward(p, dx, parts, dout, x, w.weight.Value, rstd, n)
		return
	}
	kernel.LayerNormBackward(p, dx, parts, dout, x, w.weight.Value, kernel.NormStats{Mean: mean, Rstd: rstd}, n)
}

// addNormGrads adds the parts of n rows to the gradients of a norm's weights, unless they are frozen.
func (m *Model) addNormGrads(w norm, parts []float32, n int) {
	if w.weight.Grad == nil {
		return
	}
	var db []float32
	if w.bias != nil {
		db = w.bias.Grad
	}
	kernel.NormGrads(w.weight.Grad, db, parts[:kernel.NormParts(n, m.Config.Width)])
}

// normParts is where the parts of the rows from lo on begin, lo a multiple of kernel.RowUnit.
func (m *Model) normParts(parts []float32, lo int) []float32 {
	return parts[kernel.NormParts(lo, m.Config.Width):]
}

// attentionNorm: attnIn = norm1(x); with the norms after the sums x itself.
func (m *Model) attentionNorm(p *kernel.Pool, w *layer, a *activations) {
	if m.Config.PostNorm {
		a.attnIn = a.x
		return
	}
	m.norm(p, w.norm1, a.attnIn, a.x, a.attnMean, a.attnRstd)
}

// attentionNormBackward: dx += norm1 backward of dattnIn
func (m *Model) attentionNormBackward(p *kernel.Pool, s *State, w *layer, a, d *activations, lo int) {
	m.normBackward(p, w.norm1, d.x, d.attnIn, a.x, a.attnMean, a.attnRstd, m.normParts(s.back.norm1, lo))
}

// mlpNorm: mlpIn = norm2(residual); with the norms after the sums norm1(residual).
func (m *Model) mlpNorm(p *kernel.Pool, w *layer, a *activations) {
	n := w.norm2
	if m.Config.PostNorm {
		n = w.norm1
	}
	m.norm(p, n, a.mlpIn, a.residual, a.mlpMean, a.mlpRstd)
}

// mlpNormBackward: dresidual = dout + norm2 backward of dmlpIn.
func (m *Model) mlpNormBackward(p *kernel.Pool, s *State, w *layer, a, d *activations, lo int) {
	kernel.Copy(p, d.residual, d.out)
	m.normBackward(p, w.norm2, d.residual, d.mlpIn, a.residual, a.mlpMean, a.mlpRstd, m.normParts(s.back.norm2, lo))
}

// outputNorm: out = norm2(out), with the norms after the sums.
func (m *Model) outputNorm(p *kernel.Pool, w *layer, a *activations) {
	if m.Config.PostNorm {
		m.norm(p, w.norm2, a.out, a.out, a.outMean, a.outRstd)
	}
}

// finalNorm is the norm between the last block and the head, for the rows that predict.
type finalNorm struct {
	x          []float32 // [T][D] output of the last block
	mean, rstd []float32 // [T]
	hidden     []float32 // [T][D] final hidden states; of an encoder [R][D], the output of its last block
}

// finalNorm: hidden = norm(x), rows lo..hi-1 of those that predict.
func (m *Model) finalNorm(p *kernel.Pool, s *State, lo, hi int) {
	f, from, to := &s.final, lo*m.Config.Width, hi*m.Config.Width
	m.norm(p, m.final, f.hidden[from:to], f.x[from:to], f.mean[lo:hi], f.rstd[lo:hi])
}

// finalNormBackward sets the gradient of the last block's output.
func (m *Model) finalNormBackward(p *kernel.Pool, s *State, lo, hi int) {
	f, b, from, to := &s.final, &s.back, lo*m.Config.Width, hi*m.Config.Width
	dx := b.grads.out[from:to]
	clear(dx)
	m.normBackward(p, m.final, dx, b.hidden[from:to], f.x[from:to], f.mean[lo:hi], f.rstd[lo:hi], m.normParts(b.finalNorm, lo))
}
