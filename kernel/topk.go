package kernel

import "math"

// topBlock is how many elements KthLargest looks at as one when it narrows a long x down.
const topBlock = 64

// KthLargest returns the k-th largest element of x, k in 1..len(x), NaN counting as less than everything.
// It works in *buf, which it grows as needed.
func KthLargest(x []float32, k int, buf *[]float32) float32 {
	if blocks := len(x) / topBlock; blocks > 4*k {
		return kthOfBlocks(x, k, blocks, buf)
	}
	c := grown(buf, len(x))
	copy(c, x)
	return kth(c, k)
}

// kthOfBlocks first finds the k-th largest maximum of a block: no smaller element is among the k largest of x.
func kthOfBlocks(x []float32, k, blocks int, buf *[]float32) float32 {
	b := grown(buf, 2*blocks+len(x))
	tops, least, c := b[:blocks], float32(0), b[2*blocks:2*blocks]
	for i := range tops {
		tops[i] = use.max(x[i*topBlock : (i+1)*topBlock])
	}
	copy(b[blocks:], tops)
	least = kth(b[blocks:2*blocks], k)
	for i := range blocks + 1 {
		if i < blocks && !(tops[i] >= least) {
			continue
		}
		for _, v := range x[i*topBlock : min((i+1)*topBlock, len(x))] {
			if v >= least {
				c = append(c, v)
			}
		}
	}
	if len(c) < k { // NaN among the maxima
		c = append(c[:0], x...)
	}
	return kth(c, k)
}

// kth is KthLargest by Hoare's selection, which reorders x.
func kth(x []float32, k int) float32 {
	for i, v := range x {
		if v != v {
			x[i] = float32(math.Inf(-1))
		}
	}
	lo, hi := 0, len(x)-1
	for lo < hi {
		pivot := x[lo+(hi-lo)/2]
		i, j := lo, hi
		for i <= j {
			for x[i] > pivot {
				i++
			}
			for x[j] < pivot {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k-1 <= j:
			hi = j
		case k-1 >= i:
			lo = i
		default:
			return x[k-1]
		}
	}
	return x[k-1]
}
