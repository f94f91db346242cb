package lm

import "pgsrm/kernel"

// Param is one named parameter. A matrix is kept in kernel's panel layout,
// padding included, so Value may be longer than K*N.
type Param struct {
	Name   string
	K, N   int       // a matrix of K inputs and N outputs; a vector has K = 1
	Packed bool      // Value and Grad are in kernel.Pack's layout
	Value  []float32 // [PackedLen(K,N)] or [K*N]
	Grad   []float32 // same layout; nil until the model is trained
	off    int       // offset in the arenas of the model
	stale  bool      // Grad is to be read as zero, whatever it holds: the next product overwrites it
}

// Get copies the parameter to dst, row-major [K][N], or [N][K] if transposed.
func (p *Param) Get(dst []float32, transposed bool) { p.unpack(dst, p.Value, transposed) }

// GetGrad is Get for the gradient.
func (p *Param) GetGrad(dst []float32, transposed bool) {
	p.settle()
	p.unpack(dst, p.Grad, transposed)
}

// addProduct adds x^T*dy to the gradient. x [n][K], dy [n][N]
func (p *Param) addProduct(pool *kernel.Pool, x, dy []float32, n int) {
	kernel.MatMulGrad(pool, p.gradient(), kernel.View(x, p.K), kernel.View(dy, p.N), n, !p.stale)
	p.stale = false
}

// matrix is the value of a packed parameter as kernel takes it, gradient its gradient.
func (p *Param) matrix() kernel.Packed   { return kernel.Packed{Data: p.Value, K: p.K, N: p.N} }
func (p *Param) gradient() kernel.Packed { return kernel.Packed{Data: p.Grad, K: p.K, N: p.N} }

// settle makes a stale gradient zero.
func (p *Param) settle() {
	if p.stale {
		clear(p.Grad)
		p.stale = false
	}
}

func (p *Param) unpack(dst, src []float32, transposed bool) {
	switch {
	case p.Packed && transposed:
		kernel.UnpackT(dst, src, p.K, p.N)
	case p.Packed:
		kernel.Unpack(dst, src, p.K, p.N)
	case transposed:
		transpose(dst, src, p.K, p.N)
	default:
		copy(dst, src)
	}
}

// Set copies src, row-major [K][N], or [N][K] if transposed, into the parameter.
func (p *Param) Set(src []float32, transposed bool) {
	switch {
	case p.Packed && transposed:
		kernel.PackT(p.Value, src, p.K, p.N)
	case p.Packed:
		kernel.Pack(p.Value, src, p.K, p.N)
	case transposed:
		transpose(p.Value, src, p.N, p.K)
	default:
		copy(p.Value, src)
	}
}

// transpose writes src [rows][cols] to dst [cols][rows].
func transpose(dst, src []float32, rows, cols int) {
	for r := range rows {
		for c := range cols {
			dst[c*rows+r] = src[r*cols+c]
		}
	}
}
