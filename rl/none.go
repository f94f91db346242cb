package rl

// none trains nothing: the child stays what it was at the start. Its metrics are those of
// the answers that it draws, which other algorithms are compared with; with several answers
// drawn at evaluations it is best-of-n (docs/algorithms/none.md).
type none struct{ stateless }

// Update measures a rollout.
func (none) Update(_ Policy, b *Batch, s Step) (Metrics, error) {
	kept, m, err := b.begin("none", Needs{}, s)
	if err != nil || len(kept) == 0 {
		return m, err
	}
	m.addRewards(kept, make([]float64, len(b.Samples)))
	return m, nil
}
