package stats

import "fmt"

// PassAtK is the unbiased estimate, from n answers to a prompt of which c are right, of the
// chance that one of k answers is right (Chen et al. 2021, arXiv 2107.03374, equation 1),
//
//	1 - C(n-c, k) / C(n, k) = 1 - product over i = n-c+1..n of (1 - k/i),
//
// the product being its form without large numbers. With k = 1 it is c/n, with k = n it is
// 1 where any answer is right. It panics unless 0 <= c <= n and 1 <= k <= n.
func PassAtK(n, c, k int) float64 {
	if c < 0 || c > n || k < 1 || k > n {
		panic(fmt.Sprintf("stats: pass@k must have 0 <= c <= n and 1 <= k <= n (got n = %d, c = %d, k = %d)", n, c, k))
	}
	if n-c < k {
		return 1
	}
	wrong := 1.0
	for i := n - c + 1; i <= n; i++ {
		wrong *= 1 - float64(k)/float64(i)
	}
	return 1 - wrong
}
