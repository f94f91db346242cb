package run

import (
	"math/rand/v2"

	"pgsrm/config"
	"pgsrm/task"
)

// mixture is the order in which prompts are trained on. It depends on the seed and the
// place alone, so nothing of it is saved.
type mixture struct {
	groups   [][]prompt // the prompts of each task; one group where no task has a weight
	schedule []int      // group of each place of a cycle; nil = the only one
	before   []int      // how often the group of a place stands before it in the cycle
	each     []int      // how often a group stands in the cycle
	orders   []order    // of the groups, the last that were needed
}

// order is that of the prompts of a group in an epoch.
type order struct {
	epoch int
	perm  []int
}

// newMixture sorts the prompts by the tasks of a mixture with weights.
func newMixture(t *task.Task, prompts []prompt) (mixture, error) {
	m := mixture{schedule: t.Schedule()}
	if m.schedule == nil {
		m.groups, m.orders = [][]prompt{prompts}, make([]order, 1)
		return m, nil
	}
	n := len(t.Components)
	m.groups, m.each, m.orders = make([][]prompt, n), make([]int, n), make([]order, n)
	for _, g := range m.schedule {
		m.before = append(m.before, m.each[g])
		m.each[g]++
	}
	for i, c := range t.Components {
		for _, p := range prompts {
			if p.item.Task == c.Name {
				m.groups[i] = append(m.groups[i], p)
			}
		}
		if len(m.groups[i]) == 0 {
			return m, config.Errorf("task: %s has no prompt to train on", c.Name)
		}
	}
	return m, nil
}

// prompt is the one at a place of training, from 0: the next of its group, in an order that
// is shuffled anew in each epoch of the group. epoch says which that is, from 0.
func (m *mixture) prompt(seed uint64, at int) (p prompt, epoch int) {
	if m.schedule == nil {
		return m.next(0, at, func(epoch int) *rand.Rand { return stream(seed, forPrompts, epoch) })
	}
	slot := at % len(m.schedule)
	g := m.schedule[slot]
	nth := at/len(m.schedule)*m.each[g] + m.before[slot]
	return m.next(g, nth, func(epoch int) *rand.Rand { return stream(seed, forMixture, g, epoch) })
}

// next is the nth prompt of a group.
func (m *mixture) next(g, nth int, rng func(epoch int) *rand.Rand) (p prompt, epoch int) {
	all, o := m.groups[g], &m.orders[g]
	epoch = nth / len(all)
	if o.perm == nil || o.epoch != epoch {
		*o = order{epoch, rng(epoch).Perm(len(all))}
	}
	return all[o.perm[nth%len(all)]], epoch
}
