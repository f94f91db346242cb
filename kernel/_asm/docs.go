package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
)

// text starts a function whose stub carries the loop in Go. Slices have the length of the first.
func (g *gen) text(name, signature string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	loop, ok := loops[name]
	if !ok && strings.HasPrefix(name, "tile") {
		Doc(name + " is generic.Run for a Tile of that many rows and panels.")
		return
	}
	if !ok {
		panic("no comment for " + name)
	}
	Doc(append([]string{name + " computes", ""}, strings.Split(loop, "\n")...)...)
}

// loops is what each function computes; acc is one of 16 lanes, total their sum in the fixed order.
var loops = map[string]string{
	"Dot":         "\tacc[i%16] += a[i] * b[i]; return total(acc)",
	"Sum":         "\tacc[i%16] += x[i]; return total(acc)",
	"SumSqDev":    "\tacc[i%16] += (x[i]-mean) * (x[i]-mean); return total(acc)",
	"Max":         "\tif x[i] > m { m = x[i] }; return m",
	"SumSquares":  "\tacc[i%16] += float64(x[i]) * float64(x[i]); return total(acc)",
	"ExpSum":      "\tacc[i%16] += float64(exp(x[i]-shift)); return total(acc)",
	"ExpStats":    "\tz := x[i]-shift; acc[i%16] += float64(exp(z)); moment[i%16] += float64(exp(z)) * float64(z)",
	"NormSums":    "\tg := dout[i]*gamma[i]; acc[i%16] += g; accX[i%16] += g * (x[i]-mean)*rstd",
	"Exp":         "\tdst[i] = exp(x[i])",
	"Tanh":        "\tdst[i] = tanh(x[i])",
	"Add":         "\tdst[i] += a[i]",
	"Axpy":        "\ty[i] += alpha * x[i]",
	"Scale":       "\tx[i] *= s",
	"SoftmaxGrad": "\tlogp := (x[i]-hi)-lo; d[i] = -exp(logp) * (gLogp + gEnt*(logp+entropy))",
	"adamW": "\td := grad[i]*c.GradScale; m[i] += c.Rate1*(d-m[i]); v[i] = c.Beta2*v[i] + c.Rate2*d*d\n" +
		"\tw[i] = w[i]*c.Decay - c.Step*(m[i]/(sqrt(v[i])/c.RootCorr2+c.Eps))",
	"NormApply": "\tout[i] = (x[i]-mean)*rstd*gamma[i] + beta[i], without beta if that is nil",
	"NormGrad": "\txhat := (x[i]-mean)*rstd; dgamma[i] += dout[i]*xhat; dbeta[i] += dout[i]\n" +
		"\tdx[i] += rstd * (dout[i]*gamma[i] - meanG - xhat*meanGX)",
	"GELUTanh":        "\tout[i] = x[i] * sigmoid(2u), u = sqrt(2/pi)*(x[i]+0.044715*x[i]^3)",
	"GELUTanhGrad":    "\tdx[i] = dout[i] * gelu'(x[i])",
	"GELUErf":         "\tout[i] = x[i] * Phi(x[i])",
	"GELUErfGrad":     "\tdx[i] = dout[i] * (Phi(x[i]) + x[i]*phi(x[i]))",
	"SiLU":            "\tout[i] = x[i] * sigmoid(x[i])",
	"SwiGLU":          "\tout[i] = gate[i] * sigmoid(gate[i]) * up[i]",
	"SwiGLUGrad":      "\tdgate[i], dup[i] = dout[i]*up[i]*silu'(gate[i]), dout[i]*silu(gate[i])",
	"scores":          "\tp[r][t] = scale * Dot(x[r], y[path[r][t]]), t in from:to; then fill up to a multiple of 16",
	"softmax":         "\tp[r][t] = exp(p[r][t]-Max(p[r])); p[r][t] /= total(acc)",
	"softmaxBackward": "\tdp[r][t] = p[r][t] * (dp[r][t]-Dot(p[r], dp[r])) * scale",
	"mix":             "\tx[r][d] += p[r][t] * y[path[r][t]][d], t in from:to, from zero if from == 0",
	"spread":          "\ty[path[t]][d] += dp[r][t] * x[r][d]; y2[path[t]][d] += p[r][t] * x2[r][d], for each segment and row",
	"Rope":            "\tx[i], x[i+half] = x[i]*cos[i]-x[i+half]*sign*sin[i], x[i+half]*cos[i]+x[i]*sign*sin[i]",
	"Slices":          "\tcopy(dst[i*dstStep:][:16], src[i*srcStep:][:16]) for i < n",
	"Stream":          "\tsum += x[i], reading at 4 places a quarter apart; len(x) is a multiple of 64",
	"Peak":            "\tfor range n { 384 multiply-adds sum[k] = sum[k]*0.5 + 1, on registers }; return sum[0]",
	"packRows":        "\tdst[c*n+r] = src[rows[r]/4+c] for r < n, c < k rounded down to whole vectors",
	"packColumns":     "\tcopy(dst[r*24:][:24], src[r*ld:]) for r < rows",
	"Transpose":       "\tdst[j*32+i] = src[i*32+j]",
}
