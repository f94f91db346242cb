package report

import (
	"slices"

	"pgsrm/stats"
)

// Overall is what summary.json holds of several tasks beside each of them: arms of one
// label compared over all tasks that have them, each task a stratum.
type Overall struct {
	Tasks        []string      `json:"tasks"`
	Improvements []Improvement `json:"improvements"` // of the first arm of the first task
	Profiles     Profiles      `json:"profiles"`
}

// Overall compares the arms over tasks. An arm, or a pair of arms, that fewer than two
// tasks have in a metric is left out.
func (d *Data) Overall() Overall {
	out := Overall{Improvements: []Improvement{}, Profiles: Profiles{Thresholds: thresholds, Arms: []Profile{}}}
	var labels []string
	for _, g := range d.Groups {
		out.Tasks = append(out.Tasks, g.Task)
		for _, arm := range g.Arms {
			if !slices.Contains(labels, arm.Label) {
				labels = append(labels, arm.Label)
			}
		}
	}
	for i, label := range labels {
		for _, metric := range compared {
			if p, ok := d.profile(label, metric); ok {
				out.Profiles.Arms = append(out.Profiles.Arms, p)
			}
			if i == 0 {
				continue
			}
			if m, ok := d.improvement(labels[0], label, metric); ok {
				out.Improvements = append(out.Improvements, m)
			}
		}
	}
	return out
}

// profile is that of an arm over tasks; ok = false where fewer than two have it.
func (d *Data) profile(label, metric string) (p Profile, ok bool) {
	var scores [][]float64
	for _, g := range d.Groups {
		if arm := g.arm(label); arm != nil {
			if ends := arm.ends(metric); len(ends) > 0 {
				scores = append(scores, ends)
			}
		}
	}
	if len(scores) < 2 {
		return Profile{}, false
	}
	return newProfile(label, metric, scores), true
}

// improvement compares two arms over tasks; ok = false where fewer than two have both.
func (d *Data) improvement(first, other, metric string) (m Improvement, ok bool) {
	m = Improvement{Reward: first, Other: other, Metric: metric}
	var x, y [][]float64
	for _, g := range d.Groups {
		a, b := g.arm(first), g.arm(other)
		if a == nil || b == nil {
			continue
		}
		if seeds, its, others := pairs(a, b, metric); len(seeds) > 0 {
			m.Tasks, m.Seeds = append(m.Tasks, g.Task), append(m.Seeds, seeds...)
			x, y = append(x, its), append(y, others)
		}
	}
	if len(x) < 2 {
		return Improvement{}, false
	}
	m.Improvement = stats.Improve(x, y)
	return m, true
}

// arm is the one of a label, nil where there is none.
func (g *Group) arm(label string) *Arm {
	for _, arm := range g.Arms {
		if arm.Label == label {
			return arm
		}
	}
	return nil
}
