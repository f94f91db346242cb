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
