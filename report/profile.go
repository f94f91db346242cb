package report

import "pgsrm/stats"

// Profiles are the performance profiles of arms: above which thresholds their runs end.
type Profiles struct {
	Thresholds []float64 `json:"thresholds"`
	Arms       []Profile `json:"arms"`
}

// Profile is that of one arm in one compared metric.
type Profile struct {
	Reward string    `json:"reward"` // label of the arm
	Metric string    `json:"metric"`
	Runs   int       `json:"runs"`
	Share  []float64 `json:"share"` // of runs above the threshold [thresholds]
	Lo     []float64 `json:"lo"`    // of the 95% band, null with one run [thresholds]
	Hi     []float64 `json:"hi"`
}

// thresholds of the profiles: exact match is a share, and a cosine below 0 no success.
var thresholds = func() []float64 {
	out := make([]float64, 21)
	for i := range out {
		out[i] = float64(i) / 20
	}
	return out
}()

// profiles are those of the arms of a task.
func (g *Group) profiles() Profiles {
	out := Profiles{Thresholds: thresholds, Arms: []Profile{}}
	for _, arm := range g.Arms {
		for _, metric := range compared {
			if scores := arm.ends(metric); len(scores) > 0 {
				out.Arms = append(out.Arms, newProfile(arm.Label, metric, [][]float64{scores}))
			}
		}
	}
	return out
}

// newProfile is the profile of an arm from its scores, [tasks][seeds].
func newProfile(label, metric string, scores [][]float64) Profile {
	p := Profile{Reward: label, Metric: metric}
	for _, task := range scores {
		p.Runs += len(task)
	}
	shares, bands := stats.Profile(scores, thresholds)
	p.Share = shares
	if p.Runs > 1 {
		for _, b := range bands {
			p.Lo, p.Hi = append(p.Lo, b[0]), append(p.Hi, b[1])
		}
	}
	return p
}

// ends are the end values of a metric that arms are compared in. [complete runs that have it]
func (a *Arm) ends(metric string) []float64 {
	var out []float64
	for _, r := range a.Complete() {
		if points := r.Series[metric]; len(points) > 0 {
			out = append(out, endValue(points, true))
		}
	}
	return out
}
