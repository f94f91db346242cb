package kernel

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The size of a large page, and of the smallest slices that ask for them.
const (
	hugePage  = 2 << 20
	hugeSlice = 256 << 10
)

// Floats returns n zeros. Long slices ask the system for large pages: with pages of 4 KiB every other microsecond would go to
// finding the next. The pages at both ends are shared with what lies beside in the heap: to the system it is an advice, which changes nothing
// but the size of pages.
func Floats(n int) []float32 {
	x := make([]float32, n)
	if 4*n < hugeSlice {
		return x
	}
	first := uintptr(unsafe.Pointer(&x[0]))
	from, to := first&^(hugePage-1), (first+uintptr(4*n)+hugePage-1)&^(hugePage-1)
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_HUGEPAGE) // where it is not taken nothing is lost
	return x
}
