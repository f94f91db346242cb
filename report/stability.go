package report

import (
	"math"
	"slices"

	"pgsrm/stats"
	"pgsrm/task"
)

// Bounds are the least and the largest value of a metric over all updates of a run.
type Bounds struct {
	Min *Estimate `json:"min"`
	Max *Estimate `json:"max"`
}

// Level is when the exact match of greedy answers reached a level.
type Level struct {
	Level    float64    `json:"level"`
	Episodes []*float64 `json:"episodes"` // of the first evaluation at or above it, null = of none [seeds]
	Median   *float64   `json:"median"`   // a seed that never was counts as infinity; null where the median is that
}

// Levels are those of both splits; null where not evaluated.
type Levels struct {
	Train   []Level `json:"train"`
	HeldOut []Level `json:"held_out"`
}

// Distribution is that of the rewards of the greedy answers of an evaluation, all seeds.
type Distribution struct {
	N         int        `json:"n"`
	Quantiles [7]float64 `json:"quantiles"` // at quantiles
}

// Distributions are those of the first and of the last evaluation; null without answers.
type Distributions struct {
	Start *Distribution `json:"start"`
	End   *Distribution `json:"end"`
}

// KLPoint is one evaluation against the distance from the start model, means over seeds.
type KLPoint struct {
	Episode int                `json:"episode"`
	SqrtKL  float64            `json:"sqrt_kl"` // square root of nats per response
	Values  map[string]float64 `json:"values"`  // by metric
}

var (
	levels    = []float64{0.25, 0.5, 0.75, 0.9}
	quantiles = [7]float64{0, 0.05, 0.25, 0.5, 0.75, 0.95, 1}
)

// bounds are those of a metric over training.
func (a *Arm) bounds(metric string, lim limits) *Bounds {
	extreme := func(of func([]float64) float64) *Estimate {
		return a.over(metric, lim, func(p []Point) float64 {
			_, values := series(p)
			return of(values)
		})
	}
	low := extreme(slices.Min[[]float64])
	if low == nil {
		return nil
	}
	return &Bounds{low, extreme(slices.Max[[]float64])}
}

// reached tells when the exact match was at each level.
func (a *Arm) reached(metric string) []Level {
	if a.end(metric, share) == nil {
		return nil
	}
	var out []Level
	for _, level := range levels {
		l := Level{Level: level}
		var order []float64
		for _, r := range a.Complete() {
			if len(r.Series[metric]) == 0 {
				continue
			}
			episodes, values := series(r.Series[metric])
			at, ok := stats.EpisodesTo(level, episodes, values)
			if !ok {
				l.Episodes, order = append(l.Episodes, nil), append(order, math.Inf(1))
				continue
			}
			l.Episodes, order = append(l.Episodes, &at), append(order, at)
		}
		slices.Sort(order)
		if median := (order[(len(order)-1)/2] + order[len(order)/2]) / 2; !math.IsInf(median, 1) {
			l.Median = &median
		}
		out = append(out, l)
	}
	return out
}

// levels are those of the exact match, normalised where runs have it.
func (a *Arm) levels() Levels {
	if a.end(normTrain, share) != nil || a.end(normHeldOut, share) != nil {
		return Levels{a.reached(normTrain), a.reached(normHeldOut)}
	}
	return Levels{a.reached(exactTrain), a.reached(exactHeldOut)}
}

// rewards is the distribution of the rewards of some answers.
func rewards(answers []Answer) *Distribution {
	var values []float64
	for _, a := range answers {
		if a.Reward != nil && math.Abs(*a.Reward) <= largest {
			values = append(values, *a.Reward)
		}
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	d := &Distribution{N: len(values)}
	for i, q := range quantiles {
		d.Quantiles[i] = stats.Quantile(values, q)
	}
	return d
}

// distinct is the share of answers that are no repetition of another one, after
// normalising (see task.Normalize).
func distinct(answers []Answer, text func(Answer) string) float64 {
	seen := map[string]bool{}
	for _, a := range answers {
		seen[task.Normalize(text(a))] = true
	}
	return float64(len(seen)) / float64(len(answers))
}

// distinctAnswers estimates distinct over the greedy answers to all prompts, and what the
// references would have; nil without answers.
func (a *Arm) distinctAnswers() (answers *Estimate, references *float64) {
	var ends, starts, wanted []float64
	for _, r := range a.Complete() {
		if len(r.Final) == 0 {
			continue
		}
		said := func(a Answer) string { return a.Response }
		ends, starts = append(ends, distinct(r.Final, said)), append(starts, distinct(r.First, said))
		wanted = append(wanted, distinct(r.Final, func(a Answer) string { return a.Reference }))
	}
	answers = estimate(ends, share)
	if answers != nil {
		start, meant := stats.Mean(starts), stats.Mean(wanted)
		answers.Start, references = &start, &meant
	}
	return answers, references
}

// distinctWithin estimates the share of differing pairs of answers to one prompt over the
// second half of training, with that of the first half as its start; nil without a pair.
// pairs are those of the second half, all runs.
func (a *Arm) distinctWithin() (e *Estimate, pairs int) {
	var late, early []float64
	for _, r := range a.Complete() {
		if r.Late.All > 0 {
			late = append(late, float64(r.Late.Differing)/float64(r.Late.All))
			pairs += r.Late.All
		}
		if r.Early.All > 0 {
			early = append(early, float64(r.Early.Differing)/float64(r.Early.All))
		}
	}
	if e = estimate(late, share); e != nil && len(early) > 0 {
		start := stats.Mean(early)
		e.Start = &start
	}
	return e, pairs
}

// byKL are the evaluations of the complete runs against the square root of their KL, which
// is that of the last update before; none where runs have no KL. Means are over the
// runs, of the KL before its root is taken.
func (a *Arm) byKL() []KLPoint {
	out := []KLPoint{}
	runs := a.Complete()
	for _, episode := range a.evaluations() {
		p := KLPoint{Episode: episode, Values: map[string]float64{}}
		for _, metric := range compared {
			var values []float64
			for _, r := range runs {
				if v, ok := at(r.Series[metric], episode); ok {
					values = append(values, v)
				}
			}
			if len(values) > 0 && len(values) == len(runs) {
				p.Values[metric] = stats.Mean(values)
			}
		}
		var kl []float64
		for _, r := range runs {
			if v, ok := before(r.Series[metricKL], episode); ok {
				kl = append(kl, v)
			}
		}
		if len(kl) == len(runs) && len(p.Values) > 0 {
			p.SqrtKL = math.Sqrt(max(0, stats.Mean(kl)))
			out = append(out, p)
		}
	}
	return out
}

// evaluations are the episodes at which runs were evaluated.
func (a *Arm) evaluations() []int {
	var out []int
	for _, r := range a.Complete() {
		for _, metric := range compared {
			for _, p := range r.Series[metric] {
				out = append(out, p.Episode)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// at is the value of a series at an episode.
func at(points []Point, episode int) (v float64, ok bool) {
	i, ok := slices.BinarySearchFunc(points, episode, byEpisode)
	if !ok {
		return 0, false
	}
	return points[i].Value, true
}

// before is the last value of the KL up to an episode: 0 where none was measured yet, for
// training begins at the reference. ok = false where there is no KL at all.
func before(points []Point, episode int) (v float64, ok bool) {
	for _, p := range points {
		if p.Episode > episode {
			break
		}
		v = p.Value
	}
	return v, len(points) > 0
}
