package kernel

import "math"

// normRows is the number of rows whose parameter gradients are summed before they are added
// to the total. It is fixed, so the sums do not depend on the number of threads.
const normRows = 16

// NormWeights are the weights of a norm of rows of D elements.
type NormWeights struct {
	Gamma []float32 // [D]
	Beta  []float32 // [D]; nil for RMSNorm
	Eps   float32   // added to the variance, or to the mean square
}

// NormStats is what the forward of a norm keeps of each row for the backward.
type NormStats struct {
	Mean []float32 // [R]; nil for RMSNorm
	Rstd []float32 // [R] 1/sqrt(variance+eps)
}

// LayerNorm sets out[r] = (x[r]-mean)*rstd*gamma + beta for every row of x [R][D] and keeps mean and
// rstd for the backward (Ba et al. 2016). out may be x.
func LayerNorm(p *Pool, out []float32, s NormStats, x []float32, w NormWeights, rows int) {
	_ = w.Beta[:len(w.Gamma)]
	n := normForward{out: out, x: x, NormStats: s, NormWeights: w, rows: rows, d: len(w.Gamma)}
	share(p, &n, ceilDiv(rows, normRows))
}

// normForward is the forward of both norms.
type normForward struct {
	out, x []float32 // [R][D]
	NormStats
	NormWeights
	rows, d int
}

func (n *normForward) cost() Cost {
	return Cost{Name: n.name("LayerNorm", "RMSNorm"), Bytes: 4 * float64(n.rows*n.d)}
}

// name is that of the norm which keeps s.
func (s *NormStats) name(layer, rms string) string {
	if s.Mean == nil {
		return rms
	}
	return layer
}

func (n *normForward) item(i int, _ *worker) {
	for r := i * normRows; r < min((i+1)*normRows, n.rows); r++ {
		row := n.x[r*n.d:][:n.d]
		var mean float32
		if n.Mean != nil {
			mean = use.sum(row) / float32(n.d)
			n.Mean[r] = mean
		}
		n.Rstd[r] = inverseRoot(use.sumSqDev(row, mean)/float32(n.d) + n.Eps)
		use.normApply(n.out[r*n.d:][:n.d], row, n.Gamma, n.Beta, mean, n.Rstd[r])
	}
}

func inverseRoot(x float32) float32 { return float32(1 / math.Sqrt(float64(x))) }

// LayerNormBackward adds to dx [R][D] and sets parts [NormParts(R, D)], from which NormGrads gets the gradients of gamma [D] and beta.
func LayerNormBackward(p *Pool, dx, parts, dout, x, gamma []float32, s NormStats, rows int) {
	d := len(gamma)
	n := normBackward{dx: dx, parts: parts[:NormParts(rows, d)], dout: dout, x: x, gamma: gamma, NormStats: s, rows: rows, d: d}
	share(p, &n, ceilDiv(rows, normRows))
}

// RMSNorm sets out[r] = x[r]*rstd*gamma, rstd = 1/sqrt(mean(x^2)+eps), kept in rstd [R] (Zhang and Sennrich 2019). out may be x.
func RMSNorm(p *Pool, out, rstd, x []float32, w NormWeights, rows int) {
	n := normForward{out: out, x: x, NormStats: NormStats{Rstd: rstd}, NormWeights: w, rows: rows, d: len(w.Gamma)}
	share(p, &n, ceilDiv(rows, normRows))
}

// RMSNormBackward adds to dx [R][D] and sets parts [NormParts(R, D)]. It is the LayerNorm backward with a mean of
// zero that does not depend on x.
func RMSNormBackward(p *Pool, dx, parts, dout, x, gamma, rstd []float32, rows int) {
	LayerNormBackward(p, dx, parts, dout, x, gamma, NormStats{Rstd: rstd}, rows)
}

// NormParts is the length of the parts of R rows of width D: those of a range of rows that begins at row lo, a
// multiple of rowUnit, begin at NormParts(lo, D).
func NormParts(rows, d int) int { return ceilDiv(rows, normRows) * 2 * d }

// NormGrads adds the parts of a backward, in order, to dgamma [D] and, unless it is nil, dbeta [D].
func NormGrads(dgamma, dbeta, parts []float32) {
	for d := len(dgamma); len(parts) > 0; parts = parts[2*d:] {
		use.add(dgamma, parts[:d])
		if dbeta != nil {
			use.add(dbeta, parts[d:2*d])
		}
	}
}

// normBackward is the backward of both norms.
type normBackward struct {
	dx, dout, x []float32 // [R][D]
	gamma       []float32 // [D]
	NormStats
	rows, d int
	parts   []float32 // [blocks][2][D]: dgamma and dbeta of each block of rows
}

// cost counts that dout, x and dx are read.
func (n *normBackward) cost() Cost {
	return Cost{Name: n.name("LayerNormBackward", "RMSNormBackward"), Bytes: 3 * 4 * float64(n.rows*n.d)}
}

func (n *normBackward) item(b int, _ *worker) {
	part := n.parts[b*2*n.d:][:2*n.d]
	clear(part)
	dgamma, dbeta := part[:n.d], part[n.d:]
	for r := b * normRows; r < min((b+1)*normRows, n.rows); r++ {
		dout, x := n.dout[r*n.d:][:n.d], n.x[r*n.d:][:n.d]
		var mean, meanG float32
		if n.Mean != nil {
			mean = n.Mean[r]
		}
		sumG, sumGX := use.normSums(dout, n.gamma, x, mean, n.Rstd[r])
		if n.Mean != nil {
			meanG = sumG / float32(n.d)
		}
		use.normGrad(n.dx[r*n.d:][:n.d], dgamma, dbeta, dout, n.gamma, x, mean, n.Rstd[r], meanG, sumGX/float32(n.d))
	}
}
