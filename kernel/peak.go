package kernel

// Peak keeps every thread busy with rounds*384 multiply-adds (float32) that touch registers only, in the
// widest form that Name has, and returns how many floating-point operations that were, 2 for
// each. Divided by the time it took, this is the limit of every other operation here; pure Go multiplies and
// adds in two instructions.
func Peak(p *Pool, rounds int) (flops float64) {
	p.Each(p.Threads(), func(int, int) { use.peak(rounds) })
	return 2 * 384 * float64(rounds) * float64(p.Threads())
}
