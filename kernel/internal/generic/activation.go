package generic

import "math"

// The tanh form of GELU is x*sigmoid(2u), u = sqrt(2/pi)*(x + 0.044715*x^3).
const (
	geluA = 1.5957691216057308  // 2*sqrt(2/pi)
	geluB = 0.07135481627159887 // geluA * 0.044715
)

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// GELUTanh sets out[i] = 0.5*x*(1+tanh(u)).
func GELUTanh(out, x []float32) {
	for i := range out {
		v := float64(x[i])
		out[i] = float32(v * sigmoid(v*(geluA+geluB*v*v)))
	}
}

// GELUTanhGrad sets dx[i] = dout[i]*gelu'(x[i]) and act[i] = gelu(x[i]).
func GELUTanhGrad(dx, act, dout, x []float32) {
	for i := range dx {
		v := float64(x[i])
		s := sigmoid(v * (geluA + geluB*v*v))
		act[i] = float32(v * s)
		dx[i] = dout[i] * float32(s+v*s*(1-s)*(geluA+3*geluB*v*v))
	}
}

// GELUErf sets out[i] = x*Phi(x), Phi the normal distribution.
func GELUErf(out, x []float32) {
	for i := range out {
		v := float64(x[i])
		out[i] = float32(v * 0.5 * math.Erfc(-v/math.Sqrt2))
	}
}

// GELUErfGrad sets dx[i] = dout[i]*(Phi(x) + x*phi(x)) and act[i] = x*Phi(x).
func GELUErfGrad(dx, act, dout, x []float32) {
	for i := range dx {
		v := float64(x[i])
		density := math.Exp(-v*v/2) / math.Sqrt(2*math.Pi)
		phi := 0.5 * math.Erfc(-v/math.Sqrt2)
		act[i] = float32(v * phi)
		dx[i] = dout[i] * float32(phi+v*density)
	}
}

// SiLU sets out[i] = x*sigmoid(x).
func SiLU(out, x []float32) {
	for i := range out {
		v := float64(x[i])
		out[i] = float32(v * sigmoid(v))
	}
}

// SwiGLU sets out[i] = silu(gate[i])*up[i].
func SwiGLU(out, gate, up []float32) {
	for i := range out {
		v := float64(gate[i])
		out[i] = float32(v*sigmoid(v)) * up[i]
	}
}

// SwiGLUGrad sets dgate and dup from dout, and act = silu(gate)*up; dgate or dup may be dout.
func SwiGLUGrad(dgate, dup, act, dout, gate, up []float32) {
	for i := range dgate {
		v := float64(gate[i])
		s := sigmoid(v)
		dg := dout[i] * up[i] * float32(s*(1+v*(1-s)))
		act[i] = float32(v*s) * up[i]
		dup[i] = dout[i] * float32(v*s)
		dgate[i] = dg
	}
}
