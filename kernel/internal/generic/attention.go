package generic

// Primitives of attention for one query row and one head. D is the width of a head, idx the path: row idx[t] of
// a buffer starts at idx[t]*ld.

// Scores sets dst[t] = scale * q·k[idx[t]], q of length D.
func Scores(dst, q, k []float32, ld int, idx []int32, scale float32) {
	for t, row := range idx {
		dst[t] = scale * Dot(q, k[int(row)*ld:][:len(q)])
	}
}

// Softmax replaces x by exp(x-max)/sum.
func Softmax(x []float32) {
	shift := Max(x)
	var s Lanes
	for i, v := range x {
		x[i] = exp(v - shift)
		s[i&15] += x[i]
	}
	Scale(x, 1/s.Sum())
}

// Mix sets out = sum over t of p[t]*v[idx[t]], one chain in the order of the path, out of length D.
func Mix(out, p, v []float32, ld int, idx []int32) {
	clear(out)
	for t, row := range idx {
		Axpy(out, p[t], v[int(row)*ld:][:len(out)])
	}
}

// Scatter adds coef[t]*vec to dst[idx[t]] for every t, vec of length D.
func Scatter(dst []float32, ld int, idx []int32, coef, vec []float32) {
	for t, row := range idx {
		Axpy(dst[int(row)*ld:][:len(vec)], coef[t], vec)
	}
}

// SoftmaxBackward sets ds[t] = p[t]*(dp[t] - sum p*dp)*scale; ds may be dp.
func SoftmaxBackward(ds, p, dp []float32, scale float32) {
	mean := Dot(p, dp)
	for t := range ds {
		ds[t] = float32(p[t]*(dp[t]-mean)) * scale
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
