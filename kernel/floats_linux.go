package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a large page; slices of a few of them and more ask for them.
const hugePage = 2 << 20

// Floats returns n zeros. Long slices ask the system for large pages: products read weights once
// from end to end, and with pages of 4 KiB every other microsecond would go to finding the next.
func Floats(n int) []float32 {
	x := make([]float32, n)
	if 4*n < 4*hugePage {
		return x
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*n)
	skip := int(-uintptr(unsafe.Pointer(&b[0])) & (hugePage - 1))
	b = b[skip:]
	_ = unix.Madvise(b[:len(b)&^(hugePage-1)], unix.MADV_HUGEPAGE) // an advice: where it is not taken nothing is lost
	return x
}
