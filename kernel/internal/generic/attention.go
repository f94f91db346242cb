package generic

// Attn is one head of R query rows in work: the operand of the primitives of attention. Position t of the path
// of row r is row Paths[r][t] of Y. Strides count float32 elements. The assembly reads the fields by
// offset (variants_test.go of package kernel holds them): keep the order.
type Attn struct {
	Paths [][]int32 // [R]
	Segs  []Seg     // Spread only: every position of every path, in runs
	P, DP []float32 // element (r, t) at r*Pitch + t; there is room up to a multiple of 16
	X, X2 []float32 // element (r, d) at r*LDX + d, at r*LDX2 + d
	Y, Y2 []float32 // element (i, d) at i*LDY + d

	Pitch, LDX, LDX2, LDY int
	Width                 int     // columns d
	From, To              int     // positions to work on, multiples of 16; To may lie past the end of a path
	Scale                 float32 // of Scores and SoftmaxBackward
	Fill                  float32 // what Scores writes past the end of a path
}

// Seg is a run of rows that have the positions T0..T1-1 of their paths in common.
type Seg struct {
	T0, T1    int32
	Row, Rows int32
}

// Scores sets P[r][t] = Scale * X[r]·Y[path[t]] for the positions From..To-1 and, where the path ends there, Fill
// up to the next multiple of 16.
func Scores(a *Attn) {
	for r, path := range a.Paths {
		x, p := a.X[r*a.LDX:], a.P[r*a.Pitch:]
		for t := a.From; t < min(a.To, len(path)); t++ {
			p[t] = a.Scale * Dot(x[:a.Width], a.Y[int(path[t])*a.LDY:][:a.Width])
		}
		if n := len(path); a.From < n && n <= a.To {
			for t := n; t%16 != 0; t++ {
				p[t] = a.Fill
			}
		}
	}
}

// Softmax replaces every row of P by exp(p-max)/sum; what is past the end of a path must be -Inf and becomes 0.
func Softmax(a *Attn) {
	for r, path := range a.Paths {
		p := a.P[r*a.Pitch:][:(len(path)+15)&^15]
		shift := Max(p)
		var s lanes
		for i, v := range p {
			p[i] = exp(v - shift)
			s[i&15] += p[i]
		}
		Scale(p, 1/s.Sum())
	}
}

// SoftmaxBackward sets DP[r][t] = P*(DP - sum of P*DP)*Scale, t in the whole path.
func SoftmaxBackward(a *Attn) {
	for r, path := range a.Paths {
		p, dp := a.P[r*a.Pitch:][:len(path)], a.DP[r*a.Pitch:]
		mean := Dot(p, dp)
		for t, v := range p {
			dp[t] = float32(v*(dp[t]-mean)) * a.Scale
		}
	}
}

// Mix sets X[r] = sum over t of P[r][t]*Y[path[t]], one chain in the order of the path, for the positions
// From..To-1; From > 0 continues the sum that X holds. A path that ends before From leaves X alone.
func Mix(a *Attn) {
	for r, path := range a.Paths {
		if a.From >= len(path) {
			continue
		}
		x, p := a.X[r*a.LDX:][:a.Width], a.P[r*a.Pitch:]
		if a.From == 0 {
			clear(x)
		}
		for t := a.From; t < min(a.To, len(path)); t++ {
			Axpy(x, p[t], a.Y[int(path[t])*a.LDY:])
		}
	}
}

// Spread adds DP[r][t]*X[r] to Y[path[t]] and P[r][t]*X2[r] to Y2[path[t]], for every segment, row by row.
func Spread(a *Attn) {
	for _, s := range a.Segs {
		for t := s.T0; t < s.T1; t++ {
			at := int(a.Paths[s.Row][t]) * a.LDY
			y, y2 := a.Y[at:][:a.Width], a.Y2[at:][:a.Width]
			for r := int(s.Row); r < int(s.Row+s.Rows); r++ {
				Axpy(y, a.DP[r*a.Pitch+int(t)], a.X[r*a.LDX:])
				Axpy(y2, a.P[r*a.Pitch+int(t)], a.X2[r*a.LDX2:])
			}
		}
	}
}

// Rope rotates the pairs (x[i], x[i+half]) by the angles with the given cosines and sines; sign is -1 for the inverse.
func Rope(x, cos, sin []float32, sign float32) {
	half := len(cos)
	for i := range half {
		a, b, s := x[i], x[i+half], sign*sin[i]
		x[i] = float32(a*cos[i]) - float32(b*s)
		x[i+half] = float32(b*cos[i]) + float32(a*s)
	}
}
