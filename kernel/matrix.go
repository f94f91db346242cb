package kernel

import "fmt"

// Matrix is a matrix in row-major order whose rows begin Stride elements apart: row r at Data[r*Stride]. It may be a range of the
// columns of a wider one. The operation says how many rows and columns it has.
type Matrix struct {
	Data   []float32
	Stride int
}

// View returns the matrix whose first element is data[0] and whose rows begin stride elements apart.
func View(data []float32, stride int) Matrix { return Matrix{data, stride} }

// from returns the elements from (row, column) on.
func (x *Matrix) from(row, column int) []float32 { return x.Data[row*x.Stride+column:] }

// need panics unless x holds so many rows and columns: the assembly does not check.
func need(what string, x Matrix, rows, columns int) {
	if rows <= 0 || columns <= 0 {
		return
	}
	if n := (rows-1)*x.Stride + columns; x.Stride < 0 || len(x.Data) < n {
		panic(fmt.Sprintf("kernel: %s: must hold %d elements (got %d)", what, n, len(x.Data)))
	}
}

// needLen panics unless x holds n elements.
func needLen(what string, x []float32, n int) { need(what, View(x, 0), 1, n) }
