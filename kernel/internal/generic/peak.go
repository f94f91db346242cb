package generic

// Peak does n rounds of 384 multiply-adds on registers, to measure how fast they can be: 48 steps of
// sum = sum*0.5 + 1 on 8 sums, which go from 0 to 2. It returns one of them. (The assembly has more
// and wider sums in flight.)
func Peak(n int) float32 {
	var a, b, c, d, e, f, g, h float32
	for range 48 * n {
		a = float32(a*0.5) + 1
		b = float32(b*0.5) + 1
		c = float32(c*0.5) + 1
		d = float32(d*0.5) + 1
		e = float32(e*0.5) + 1
		f = float32(f*0.5) + 1
		g = float32(g*0.5) + 1
		h = float32(h*0.5) + 1
	}
	return min(a, b, c, d, e, f, g, h)
}

// Fetch asks for the cache lines of x ahead of their use, which Go has no words for: here it does nothing.
func Fetch([]float32) {}

// Stream is the sum of x, for measuring how fast memory can be read; len(x) is a multiple of 64. (The order
// of the sum is not that of Sum.)
func Stream(x []float32) float32 {
	var a, b, c, d float32
	q := len(x) / 4
	x0, x1, x2, x3 := x[:q], x[q:][:q], x[2*q:][:q], x[3*q:][:q]
	for i := range x0 {
		a += x0[i]
		b += x1[i]
		c += x2[i]
		d += x3[i]
	}
	return a + b + c + d
}
