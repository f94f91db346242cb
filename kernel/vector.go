package kernel

// Exp sets dst[i] = exp(x[i]), within 2 ulp. dst may be x.
func Exp(dst, x []float32) { use.exp(dst[:len(x)], x) }

// Dot returns the sum of a[i]*b[i] in the fixed lane order.
func Dot(a, b []float32) float32 { return use.dot(a, b[:len(a)]) }

// Axpy sets y[i] += alpha*x[i].
func Axpy(y []float32, alpha float32, x []float32) { use.axpy(y[:len(x)], alpha, x) }

// Add sets dst[i] += a[i].
func Add(dst, a []float32) { use.add(dst[:len(a)], a) }

// Scale sets x[i] *= s.
func Scale(x []float32, s float32) { use.scale(x, s) }
