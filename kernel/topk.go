package kernel

// TopK returns the indices of the k largest elements of x in descending order of value, ties in
// ascending order of index, in dst's memory if that suffices. It keeps a heap of k candidates,
// the worst on top. NaN counts as less than everything.
func TopK(dst []int32, x []float32, k int) []int32 {
	k = max(0, min(k, len(x)))
	h := topHeap{at: dst[:0], x: x}
	for i := range k {
		h.at = append(h.at, int32(i))
		h.up(i)
	}
	for i := k; i < len(x) && k > 0; i++ {
		if x[i] <= x[h.at[0]] { // by far the most frequent case; a tie loses by its index
			continue
		}
		if h.worse(h.at[0], int32(i)) {
			h.at[0] = int32(i)
			h.down(0, k)
		}
	}
	for n := k - 1; n > 0; n-- {
		h.at[0], h.at[n] = h.at[n], h.at[0]
		h.down(0, n)
	}
	return h.at
}

type topHeap struct {
	at []int32
	x  []float32
}

// worse reports whether element i comes after element j.
func (h *topHeap) worse(i, j int32) bool {
	a, b := h.x[i], h.x[j]
	if a == b || (a != a && b != b) {
		return i > j
	}
	return a < b || a != a
}

func (h *topHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.worse(h.at[i], h.at[parent]) {
			return
		}
		h.at[i], h.at[parent] = h.at[parent], h.at[i]
		i = parent
	}
}

func (h *topHeap) down(i, n int) {
	for {
		child := 2*i + 1
		if child >= n {
			return
		}
		if child+1 < n && h.worse(h.at[child+1], h.at[child]) {
			child++
		}
		if !h.worse(h.at[child], h.at[i]) {
			return
		}
		h.at[i], h.at[child] = h.at[child], h.at[i]
		i = child
	}
}
