package main

// primitive is one function that every instruction set has: an entry of the table that package kernel calls through.
type primitive struct {
	field     string // of the table
	name      string // of the function in packages generic, avx2, avx512
	signature string // of that function
	loop      string // what it computes, in Go; slices have the length of the first, acc is one of 16 lanes, total their sum in the fixed order
	stub      string // the assembly where a function in Go stands before it; empty = name
	stubArgs  string // its signature
	pure      bool   // there is no assembly: all instruction sets take the function of package generic
}

// The signature of what works on a head of attention, and of its assembly, which reads the fields by offset.
const (
	attnGo  = "func(a *generic.Attn)"
	attnAsm = "func(a *byte)"
)

// primitives is the one list of them: stubs with their comments and the tables of package kernel are made of it.
var primitives = []primitive{
	{field: "tile", name: "Run", signature: "func(t *generic.Tile)", stub: "tile", stubArgs: "func(t *byte)"}, // one stub for each size
	{field: "transpose", name: "Transpose", signature: "func(dst, src []float32)", loop: "dst[j*32+i] = src[i*32+j]"},
	{field: "slices", name: "Slices", signature: "func(dst, src []float32, n, dstStep, srcStep int)",
		loop: "copy(dst[i*dstStep:][:16], src[i*srcStep:][:16]) for i < n"},
	{field: "sumRows", name: "SumRows", signature: "func(dst, src []float32, rows, ld int)",
		loop: "acc[j] += src[r*ld+j] for r < rows; then dst[j] += acc[j]; j < 64"},
	{field: "packRows", name: "PackRows", signature: "func(dst, src []float32, ld, rows, k int)",
		loop: "dst[c*n+r] = src[rows[r]/4+c] for r < n, c < k rounded down to whole vectors",
		stub: "packRows", stubArgs: "func(dst, src *float32, rows *[8]int, n, k int)"},
	{field: "packCols", name: "PackColumns", signature: "func(dst, src []float32, ld, rows int)",
		loop: "copy(dst[r*24:][:24], src[r*ld:]) for r < rows",
		stub: "packColumns", stubArgs: "func(dst, src *float32, rows, ld int)"},

	{field: "fetch", name: "Fetch", signature: "func(x []float32)", loop: "asks for the cache lines of x"},

	{field: "dot", name: "Dot", signature: "func(a, b []float32) float32", loop: "acc[i%16] += a[i] * b[i]; return total(acc)"},
	{field: "sum", name: "Sum", signature: "func(x []float32) float32", loop: "acc[i%16] += x[i]; return total(acc)"},
	{field: "sumSqDev", name: "SumSqDev", signature: "func(x []float32, mean float32) float32",
		loop: "acc[i%16] += (x[i]-mean) * (x[i]-mean); return total(acc)"},
	{field: "max", name: "Max", signature: "func(x []float32) float32", loop: "if x[i] > m { m = x[i] }; return m"},
	{field: "sumSquares", name: "SumSquares", signature: "func(x []float32) float64",
		loop: "acc[i%16] += float64(x[i]) * float64(x[i]); return total(acc)"},
	{field: "expSum", name: "ExpSum", signature: "func(x []float32, shift float32) float64",
		loop: "acc[i%16] += float64(exp(x[i]-shift)); return total(acc)"},
	{field: "expStats", name: "ExpStats", signature: "func(x []float32, shift float32) (sum, moment float64)",
		loop: "z := x[i]-shift; acc[i%16] += float64(exp(z)); moment[i%16] += float64(exp(z)) * float64(z)"},
	{field: "normSums", name: "NormSums", signature: "func(dout, gamma, x []float32, mean, rstd float32) (sumG, sumGX float32)",
		loop: "g := dout[i]*gamma[i]; acc[i%16] += g; accX[i%16] += g * (x[i]-mean)*rstd"},

	{field: "exp", name: "Exp", signature: "func(dst, x []float32)", loop: "dst[i] = exp(x[i])"},
	{field: "log", name: "Log", signature: "func(dst, x []float32)", pure: true},
	{field: "tanh", name: "Tanh", signature: "func(dst, x []float32)", loop: "dst[i] = tanh(x[i])"},
	{field: "add", name: "Add", signature: "func(dst, a []float32)", loop: "dst[i] += a[i]"},
	{field: "axpy", name: "Axpy", signature: "func(y []float32, alpha float32, x []float32)", loop: "y[i] += alpha * x[i]"},
	{field: "scale", name: "Scale", signature: "func(x []float32, s float32)", loop: "x[i] *= s"},
	{field: "softmaxGrad", name: "SoftmaxGrad", signature: "func(d, x []float32, hi, lo, entropy, gLogp, gEnt float32)",
		loop: "logp := (x[i]-hi)-lo; d[i] = -exp(logp) * (gLogp + gEnt*(logp+entropy))"},
	{field: "adamW", name: "AdamW", signature: "func(w, g, m, v []float32, c *generic.Adam)",
		loop: "d := grad[i]*c.GradScale; m[i] += c.Rate1*(d-m[i]); v[i] = c.Beta2*v[i] + c.Rate2*d*d\n" +
			"w[i] = w[i]*c.Decay - c.Step*(m[i]/(sqrt(v[i])/c.RootCorr2+c.Eps))",
		stub: "adamW", stubArgs: "func(w, grad, m, v []float32, c *float32)"},
	{field: "normApply", name: "NormApply", signature: "func(out, x, gamma, beta []float32, mean, rstd float32)",
		loop: "out[i] = (x[i]-mean)*rstd*gamma[i] + beta[i], without beta if that is nil"},
	{field: "normGrad", name: "NormGrad", signature: "func(dx, dgamma, dbeta, dout, gamma, x []float32, mean, rstd, meanG, meanGX float32)",
		loop: "xhat := (x[i]-mean)*rstd; dgamma[i] += dout[i]*xhat; dbeta[i] += dout[i]\n" +
			"dx[i] += rstd * (dout[i]*gamma[i] - meanG - xhat*meanGX)"},

	{field: "geluTanh", name: "GELUTanh", signature: "func(out, x []float32)",
		loop: "out[i] = x[i] * sigmoid(2u), u = sqrt(2/pi)*(x[i]+0.044715*x[i]^3)"},
	{field: "geluTanhGrad", name: "GELUTanhGrad", signature: "func(dx, act, dout, x []float32)", loop: "dx[i], act[i] = dout[i]*gelu'(x[i]), gelu(x[i])"},
	{field: "geluErf", name: "GELUErf", signature: "func(out, x []float32)", loop: "out[i] = x[i] * Phi(x[i])"},
	{field: "geluErfGrad", name: "GELUErfGrad", signature: "func(dx, act, dout, x []float32)",
		loop: "dx[i], act[i] = dout[i]*(Phi(x[i]) + x[i]*phi(x[i])), x[i]*Phi(x[i])"},
	{field: "silu", name: "SiLU", signature: "func(out, x []float32)", loop: "out[i] = x[i] * sigmoid(x[i])"},
	{field: "swiGLU", name: "SwiGLU", signature: "func(out, gate, up []float32)", loop: "out[i] = gate[i] * sigmoid(gate[i]) * up[i]"},
	{field: "swiGLUGrad", name: "SwiGLUGrad", signature: "func(dgate, dup, act, dout, gate, up []float32)",
		loop: "dgate[i], dup[i], act[i] = dout[i]*up[i]*silu'(gate[i]), dout[i]*silu(gate[i]), silu(gate[i])*up[i]"},

	{field: "scores", name: "Scores", signature: attnGo, stub: "scores", stubArgs: attnAsm,
		loop: "p[r][t] = scale * Dot(x[r], y[path[r][t]]), t in from:to; then fill up to a multiple of 16"},
	{field: "softmax", name: "Softmax", signature: attnGo, stub: "softmax", stubArgs: attnAsm,
		loop: "p[r][t] = exp(p[r][t]-Max(p[r])); p[r][t] /= total(acc)"},
	{field: "softmaxBackward", name: "SoftmaxBackward", signature: attnGo, stub: "softmaxBackward", stubArgs: attnAsm,
		loop: "dp[r][t] = p[r][t] * (dp[r][t]-Dot(p[r], dp[r])) * scale"},
	{field: "mix", name: "Mix", signature: attnGo, stub: "mix", stubArgs: attnAsm,
		loop: "x[r][d] += p[r][t] * y[path[r][t]][d], t in from:to, from zero if from == 0"},
	{field: "spread", name: "Spread", signature: attnGo, stub: "spread", stubArgs: attnAsm,
		loop: "y[path[t]][d] += dp[r][t] * x[r][d]; y2[path[t]][d] += p[r][t] * x2[r][d], for each segment and row"},
	{field: "rope", name: "Rope", signature: "func(x, cos, sin []float32, sign float32)",
		loop: "x[i], x[i+half] = x[i]*cos[i]-x[i+half]*sign*sin[i], x[i+half]*cos[i]+x[i]*sign*sin[i]"},

	{field: "peak", name: "Peak", signature: "func(n int) float32",
		loop: "for range n { 384 multiply-adds sum[k] = sum[k]*0.5 + 1, on registers }; return sum[0]"},
	{field: "stream", name: "Stream", signature: "func(x []float32) float32",
		loop: "sum += x[i], reading at 4 places a quarter apart; len(x) is a multiple of 64"},
}
