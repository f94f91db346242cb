package report

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"pgsrm/stats"
)

// EqualSeconds is how far an arm is when each has trained as long: for each seed as long as the
// arm that was done first with it took in all. Seconds are those of the steps on the wall clock;
// evaluations and checkpoints do not count, nor do arms that do not train.
type EqualSeconds struct {
	Seconds    float64 `json:"seconds"`     // mean over seeds of the time that all arms had
	Episodes   float64 `json:"episodes"`    // mean over seeds, at the last evaluation within that time
	ExactMatch Splits  `json:"exact_match"` // at that evaluation, normalised where runs have it
	Semantic   Splits  `json:"semantic"`
}

// elapsed is the time spent in steps when so many episodes were done.
type elapsed struct {
	episode int
	seconds float64
}

// took is the time of all steps.
func (r *Run) took() float64 {
	if len(r.Elapsed) == 0 {
		return 0
	}
	return r.Elapsed[len(r.Elapsed)-1].seconds
}

// within is the last episode that was done after so many seconds.
func (r *Run) within(seconds float64) int {
	i := sort.Search(len(r.Elapsed), func(i int) bool { return r.Elapsed[i].seconds > seconds })
	if i == 0 {
		return 0
	}
	return r.Elapsed[i-1].episode
}

// trains says whether the run changes its child.
func (r *Run) trains() bool { return r.Config["algorithm"] != "none" }

// budget is the time that all arms had with a seed: the least that one of them took; 0 where
// that is not known of all.
func (g *Group) budget(seed int64) float64 {
	least := math.Inf(1)
	for _, arm := range g.Arms {
		r := arm.run(seed)
		switch {
		case r == nil || r.Episodes < arm.Episodes() || r.took() == 0:
			return 0
		case r.trains():
			least = min(least, r.took())
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return least
}

// equalSeconds are the arms at equal seconds, nil where the times are not known. [arms]
func (g *Group) equalSeconds() []*EqualSeconds {
	out := make([]*EqualSeconds, len(g.Arms))
	if len(g.Arms) < 2 {
		return out
	}
	for i, arm := range g.Arms {
		var seconds, episodes []float64
		values := map[string][]float64{}
		for _, r := range arm.Complete() {
			t := g.budget(r.Seed)
			if t == 0 {
				continue
			}
			at := r.within(t)
			if !r.trains() {
				at = r.Episodes
			}
			last := 0
			for _, metric := range compared {
				if p, ok := lastUpTo(r.Series[metric], at); ok {
					values[metric] = append(values[metric], p.Value)
					last = p.Episode
				}
			}
			seconds, episodes = append(seconds, t), append(episodes, float64(last))
		}
		if len(seconds) == 0 {
			continue
		}
		exact := Splits{estimate(values[normTrain], share), estimate(values[normHeldOut], share)}
		if exact == (Splits{}) {
			exact = Splits{estimate(values[exactTrain], share), estimate(values[exactHeldOut], share)}
		}
		out[i] = &EqualSeconds{
			Seconds: stats.Mean(seconds), Episodes: stats.Mean(episodes), ExactMatch: exact,
			Semantic: Splits{estimate(values[semTrain], cosine), estimate(values[semHeldOut], cosine)},
		}
	}
	return out
}

// lastUpTo is the last point of a series up to an episode.
func lastUpTo(points []Point, episode int) (p Point, ok bool) {
	for _, next := range points {
		if next.Episode > episode {
			break
		}
		p, ok = next, true
	}
	return p, ok
}

// printEqualSeconds writes the second table of a comparison; nothing where it is not known,
// or where all arms are as fast as far as evaluations show.
func (s Summary) printEqualSeconds(b *strings.Builder) {
	rows := [][]string{{"reward", "exact train", "exact held-out", "episodes"}}
	seconds, fewest := 0.0, float64(s.Episodes)
	for _, arm := range s.Arms {
		e := arm.EqualSeconds
		if e == nil {
			return
		}
		seconds, fewest = e.Seconds, min(fewest, e.Episodes)
		rows = append(rows, []string{arm.Reward, e.ExactMatch.Train.share(), e.ExactMatch.HeldOut.share(), fmt.Sprintf("%.0f", e.Episodes)})
	}
	if fewest == float64(s.Episodes) {
		return
	}
	fmt.Fprintf(b, "after %s of training each, as long as the fastest took:\n", showSeconds(seconds))
	writeColumns(b, rows, labelWidth)
}
