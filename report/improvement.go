package report

import "pgsrm/stats"

// Improvement compares the first arm of a task with another one by statistics over
// seeds that single outlying seeds do not decide.
type Improvement struct {
	Reward string   `json:"reward"` // label of the first arm
	Other  string   `json:"other"`  // label of the other one
	Metric string   `json:"metric"`
	Tasks  []string `json:"tasks,omitempty"` // where there are several
	Seeds  []int64  `json:"seeds"`           // those that both arms have, of one task after the other
	stats.Improvement
}

// improvements compares the first arm with each other one in each compared metric.
func (g *Group) improvements() []Improvement {
	out := []Improvement{}
	for i := 1; i < len(g.Arms); i++ {
		for _, metric := range compared {
			if seeds, x, y := pairs(g.Arms[0], g.Arms[i], metric); len(seeds) > 0 {
				out = append(out, Improvement{
					Reward: g.Arms[0].Label, Other: g.Arms[i].Label, Metric: metric, Seeds: seeds,
					Improvement: stats.Improve([][]float64{x}, [][]float64{y}),
				})
			}
		}
	}
	return out
}
