package kernel

// Peak keeps every thread busy with rounds*384 multiply-adds (float32) that touch registers only, in the
// widest form that Name has, and returns how many floating-point operations that were, 2 for
// each. Divided by the time it took, this is the limit of every other operation here; pure Go multiplies and
// adds in two instructions.
func Peak(p *Pool, rounds int) (flops float64) {
	p.Each(p.Threads(), func(int, int) { use.peak(rounds) })
	return 2 * 384 * float64(rounds) * float64(p.Threads())
}

// streamBlock is how many elements a thread reads at a time: 1 MiB.
const streamBlock = 1 << 18

// Stream reads x with all threads, as fast as memory allows, and returns the sum of its elements: blocks added in order, in
// float64, for the caller to see that they were read. The last len(x) mod 64 elements are left out.
func Stream(p *Pool, x []float32) (sum float64) {
	n := len(x) &^ 63
	parts := make([]float32, ceilDiv(n, streamBlock))
	p.Each(len(parts), func(i, _ int) { parts[i] = use.stream(x[i*streamBlock : min((i+1)*streamBlock, n)]) })
	for _, part := range parts {
		sum += float64(part)
	}
	return sum
}
