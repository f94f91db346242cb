package kernel

import (
	"fmt"
	"math"
	"testing"
)

// exactNorm is LayerNorm (or RMSNorm) of one row in float64.
func exactNorm(x, gamma, beta []float64, rms bool) []float64 {
	var mean, variance float64
	d := float64(len(x))
	for _, v := range x {
		mean += v / d
	}
	if rms {
		mean = 0
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / d
	}
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = (v-mean)/math.Sqrt(variance+1e-5)*gamma[i] + beta[i]
	}
	return out
}

func wide(x []float32) []float64 {
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = float64(v)
	}
	return w
}

func TestNorms(t *testing.T) {
	for _, rms := range []bool{false, true} {
		t.Run(fmt.Sprintf("rms=%v", rms), func(t *testing.T) {
			eachTable(t, func(t *testing.T) {
				eachPool(t, func(t *testing.T, p *Pool) {
					for _, s := range [][2]int{{1, 1}, {1, 5}, {3, 16}, {33, 40}, {70, 100}} {
						testNorm(t, p, s[0], s[1], rms)
					}
				})
			})
		})
	}
}

func testNorm(t *testing.T, p *Pool, rows, d int, rms bool) {
	rng := newRand(uint64(d))
	x, dout, gamma, beta := newGuarded(rng, rows*d), newGuarded(rng, rows*d), newGuarded(rng, d), newGuarded(rng, d)
	out, mean, rstd := newGuarded(rng, rows*d), newGuarded(rng, rows), newGuarded(rng, rows)
	dx, dgamma, dbeta := newGuarded(rng, rows*d), newGuarded(rng, d), newGuarded(rng, d)
	parts := newGuarded(rng, NormParts(rows, d))
	dx0, dgamma0, dbeta0 := wide(dx.s()), wide(dgamma.s()), wide(dbeta.s())
	wideBeta := wide(beta.s())
	if rms {
		clear(wideBeta)
		RMSNorm(p, out.s(), rstd.s(), x.s(), NormWeights{gamma.s(), nil, 1e-5}, rows)
		RMSNormBackward(p, dx.s(), parts.s(), dout.s(), x.s(), gamma.s(), rstd.s(), rows)
		NormGrads(dgamma.s(), nil, parts.s())
	} else {
		LayerNorm(p, out.s(), NormStats{mean.s(), rstd.s()}, x.s(), NormWeights{gamma.s(), beta.s(), 1e-5}, rows)
		LayerNormBackward(p, dx.s(), parts.s(), dout.s(), x.s(), gamma.s(), NormStats{mean.s(), rstd.s()}, rows)
		NormGrads(dgamma.s(), dbeta.s(), parts.s())
	}
	for _, g := range []guarded{out, mean, rstd, dx, parts, dgamma, dbeta} {
		g.check(t, "norm")
	}
	wideGamma := wide(gamma.s())
	loss := func(row, g, b, do []float64) (sum float64) {
		for i, v := range exactNorm(row, g, b, rms) {
			sum += v * do[i]
		}
		return sum
	}
	for r := range rows {
		row, do := wide(x.s()[r*d:][:d]), wide(dout.s()[r*d:][:d])
		want := exactNorm(row, wideGamma, wideBeta, rms)
		for i := range d {
			near(t, "out", out.s()[r*d+i], want[i], 1e-5*(1+math.Abs(want[i])))
			numeric := centralDifference(row, i, func() float64 { return loss(row, wideGamma, wideBeta, do) })
			near(t, "dx", dx.s()[r*d+i], dx0[r*d+i]+numeric, 2e-5*(1+math.Abs(numeric)))
			dgamma0[i] += centralDifference(wideGamma, i, func() float64 { return loss(row, wideGamma, wideBeta, do) })
			dbeta0[i] += do[i]
		}
	}
	for i := range d {
		near(t, "dgamma", dgamma.s()[i], dgamma0[i], 1e-4)
		if !rms {
			near(t, "dbeta", dbeta.s()[i], dbeta0[i], 1e-4)
		}
	}
}

// centralDifference is the derivative of f with respect to x[i].
func centralDifference(x []float64, i int, f func() float64) float64 {
	const h = 1e-5
	saved := x[i]
	x[i] = saved + h
	up := f()
	x[i] = saved - h
	down := f()
	x[i] = saved
	return (up - down) / (2 * h)
}

func TestRopeTurnsAndReturns(t *testing.T) {
	eachTable(t, func(t *testing.T) {
		eachPool(t, func(t *testing.T, p *Pool) {
			for _, headDim := range []int{2, 10, 64} {
				const rows, heads = 9, 3
				half, ld := headDim/2, heads*headDim+5
				cos, sin, pos := make([]float32, 20*half), make([]float32, 20*half), make([]int32, rows)
				for i := range cos {
					s, c := math.Sincos(float64(i) * 0.37)
					sin[i], cos[i] = float32(s), float32(c)
				}
				for i := range pos {
					pos[i] = int32(2 * i)
				}
				x := newGuarded(newRand(5), rows*ld)
				before := x.copyOf().s()
				Rope(p, View(x.s(), ld), heads, pos, Rotations{cos, sin, headDim}, false)
				x.check(t, "x")
				for i := range rows {
					for j := range heads * half {
						a, at := i*ld+j/half*headDim+j%half, int(pos[i])*half+j%half
						u, v, c, s := float64(before[a]), float64(before[a+half]), float64(cos[at]), float64(sin[at])
						near(t, "first half", x.s()[a], u*c-v*s, 1e-6)
						near(t, "second half", x.s()[a+half], v*c+u*s, 1e-6)
					}
				}
				Rope(p, View(x.s(), ld), heads, pos, Rotations{cos, sin, headDim}, true)
				for i, v := range x.s() {
					near(t, "returned", v, float64(before[i]), 2e-6)
				}
			}
		})
	})
}
