package rl

// none trains nothing: the child stays what it was at the start. Its metrics are those of
// the answers that it draws, which other algorithms are compared with; with several answers
// drawn at evaluations it is best-of-n (docs/algorithms/none.md).
type none struct{}

// Update measures a rollout.
func (none) Update(_ Policy, b *Batch, s Step) (Metrics, error) {
	if err := b.check("none", Needs{}); err != nil {
		return nil, err
	}
	kept := b.kept()
	m := b.metrics(kept, s)
	if err := m.finite(s); err != nil || len(kept) == 0 {
		return m, err
	}
	m.addRewards(kept, make([]float64, len(b.Samples)))
	return m, nil
}

// State implements Algorithm: there is none.
func (none) State() State { return State{} }

// Restore implements Algorithm.
func (none) Restore(State) {}
