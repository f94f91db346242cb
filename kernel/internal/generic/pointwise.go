package generic

import "math"

// Element-wise primitives. Slices of one call have the length of the first; dst may be one of the inputs.

func exp(x float32) float32 { return float32(math.Exp(float64(x))) }

// Exp sets dst[i] = exp(x[i]).
func Exp(dst, x []float32) {
	for i := range dst {
		dst[i] = exp(x[i])
	}
}

// Log sets dst[i] = log(x[i]).
func Log(dst, x []float32) {
	for i := range dst {
		dst[i] = float32(math.Log(float64(x[i])))
	}
}

// Tanh sets dst[i] = tanh(x[i]).
func Tanh(dst, x []float32) {
	for i := range dst {
		dst[i] = float32(math.Tanh(float64(x[i])))
	}
}

// Add sets dst[i] += a[i].
func Add(dst, a []float32) {
	for i := range dst {
		dst[i] += a[i]
	}
}

// Axpy sets y[i] += alpha*x[i].
func Axpy(y []float32, alpha float32, x []float32) {
	for i := range y {
		y[i] += float32(alpha * x[i])
	}
}

// Scale sets x[i] *= s.
func Scale(x []float32, s float32) {
	for i := range x {
		x[i] *= s
	}
}

// SoftmaxGrad sets d[i] = -p*(gLogp + gEnt*(logp + entropy)), with logp = (x[i]-hi)-lo and
// p = exp(logp): the gradient of gLogp*logp(target) + gEnt*H without the term of the target itself.
// A logit of -Inf has p = 0 and gradient 0.
func SoftmaxGrad(d, x []float32, hi, lo, entropy, gLogp, gEnt float32) {
	for i := range d {
		logp := (x[i] - hi) - lo
		p := exp(logp)
		if p == 0 {
			d[i] = 0
			continue
		}
		d[i] = -float32(p * (gLogp + float32(gEnt*(logp+entropy))))
	}
}

// Adam holds the scalars of one AdamW step, derived in kernel.AdamW.
type Adam struct {
	Decay     float32 // 1 - lr*weightDecay
	GradScale float32
	Rate1     float32 // 1 - beta1
	Beta2     float32
	Rate2     float32 // 1 - beta2
	RootCorr2 float32 // sqrt(biasCorr2)
	Eps       float32
	Step      float32 // lr / biasCorr1
}

// AdamW updates w and the moments m and v with the gradient g.
func AdamW(w, g, m, v []float32, c *Adam) {
	for i := range w {
		gr := g[i] * c.GradScale
		m[i] += float32(c.Rate1 * (gr - m[i]))
		v[i] = float32(c.Beta2*v[i]) + float32(float32(c.Rate2*gr)*gr)
		denom := float32(math.Sqrt(float64(v[i])))/c.RootCorr2 + c.Eps
		w[i] = float32(w[i]*c.Decay) - float32(c.Step*(m[i]/denom))
	}
}

// NormApply sets out[i] = (x[i]-mean)*rstd*gamma[i] + beta[i]; a nil beta counts as zero.
func NormApply(out, x, gamma, beta []float32, mean, rstd float32) {
	for i := range out {
		y := float32((x[i]-mean)*rstd) * gamma[i]
		if beta != nil {
			y = float32(y) + beta[i]
		}
		out[i] = y
	}
}

// NormGrad adds one row's part of a LayerNorm backward:
// dx += rstd*(g - meanG - xhat*meanGX), dgamma += dout*xhat, dbeta += dout, with g and xhat as in NormSums.
func NormGrad(dx, dgamma, dbeta, dout, gamma, x []float32, mean, rstd, meanG, meanGX float32) {
	for i := range dx {
		xhat := float32((x[i] - mean) * rstd)
		g := float32(dout[i] * gamma[i])
		dx[i] += float32(rstd * ((g - meanG) - float32(xhat*meanGX)))
		dgamma[i] += float32(dout[i] * xhat)
		dbeta[i] += dout[i]
	}
}
