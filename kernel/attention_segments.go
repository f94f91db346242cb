package kernel

import "pgsrm/kernel/internal/generic"

// segments cuts the paths of blocks of rows into runs: consecutive rows that have some positions of their paths in common.
// A key's gradient is then read and written once for each run. A chain of rows needs one segment for each row,
// a tree one for each row and branch.
type segments struct {
	all  []generic.Seg
	ends []int         // end of each block's segments in all
	open []generic.Seg // runs that reach the row in work, by position; Rows is unused
}

// find sets the segments of blocks of size rows.
func (s *segments) find(paths [][]int32, size int) {
	s.all, s.ends = s.all[:0], s.ends[:0]
	for lo := 0; lo < len(paths); lo += size {
		s.open = s.open[:0]
		block := paths[lo:min(lo+size, len(paths))]
		var before []int32
		for i, path := range block {
			same := common(before, path)
			s.close(same, i)
			if same < len(path) {
				s.open = append(s.open, generic.Seg{T0: int32(same), T1: int32(len(path)), Row: int32(i)})
			}
			before = path
		}
		s.close(0, len(block))
		s.ends = append(s.ends, len(s.all))
	}
}

// close ends the open runs from position t on before row i.
func (s *segments) close(t, i int) {
	for n := len(s.open); n > 0; n-- {
		top := &s.open[n-1]
		if int(top.T1) <= t {
			return
		}
		run := *top
		run.T0, run.Rows = max(run.T0, int32(t)), int32(i)-run.Row
		s.all = append(s.all, run)
		if int(top.T0) < t {
			top.T1 = int32(t)
			return
		}
		s.open = s.open[:n-1]
	}
}

// block returns the segments of a block.
func (s *segments) block(i int) []generic.Seg {
	if i == 0 {
		return s.all[:s.ends[0]]
	}
	return s.all[s.ends[i-1]:s.ends[i]]
}

// common returns the length of the common prefix.
func common(a, b []int32) int {
	n := min(len(a), len(b))
	if n > 0 && &a[0] == &b[0] {
		return n
	}
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
