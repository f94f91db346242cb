package report

import (
	"cmp"
	"slices"

	"pgsrm/stats"
)

// Summary is summary.json: one task, its arms, and what the comparison found.
type Summary struct {
	Task         string        `json:"task"`
	Episodes     int           `json:"episodes"` // of the longest run
	Arms         []ArmSummary  `json:"arms"`
	Comparisons  []Comparison  `json:"comparisons"`
	Improvements []Improvement `json:"improvements"`
	Profiles     Profiles      `json:"profiles"`
	Verdict      []string      `json:"verdict"`
	Warnings     []string      `json:"warnings"`
}

// Splits is one evaluation score on the two splits; null where not evaluated.
type Splits struct {
	Train   *Estimate `json:"train"`
	HeldOut *Estimate `json:"held_out"`
}

// ArmSummary is one arm at the end of its runs.
type ArmSummary struct {
	Reward             string        `json:"reward"` // label of the arm
	Seeds              []int64       `json:"seeds"`
	ExactMatch         Splits        `json:"exact_match"`                      // share of greedy answers
	Normalized         *Splits       `json:"exact_match_normalized,omitempty"` // likewise; nil where no run has it
	Semantic           Splits        `json:"semantic"`
	MeanReward         *Estimate     `json:"mean_reward"`       // of sampled answers, on the arm's own scale
	Entropy            *Estimate     `json:"entropy"`           // nats per response
	KL                 *Estimate     `json:"kl"`                // nats per response
	Length             *Estimate     `json:"length"`            // tokens per response
	Area               Splits        `json:"area"`              // mean height of the exact-match curve, normalised where runs have it
	EpisodesToLevel    Levels        `json:"episodes_to_level"` // of the same curve
	FallingShare       *Estimate     `json:"falling_share"`
	LongestStagnation  *Estimate     `json:"longest_stagnation"`
	EntropyBounds      *Bounds       `json:"entropy_bounds"`
	KLBounds           *Bounds       `json:"kl_bounds"`
	RewardDistribution Distributions `json:"reward_distribution"`
	DistinctAnswers    *Estimate     `json:"distinct_answers"`    // share of the last greedy answers that repeat no other
	DistinctReferences *float64      `json:"distinct_references"` // likewise of their references
	DistinctWithin     *Estimate     `json:"distinct_within"`     // share of differing pairs of answers sampled for one prompt, second half of training
	PairsWithin        int           `json:"pairs_within"`        // those pairs
	CollapsedSeeds     []int64       `json:"collapsed_seeds"`
	TopAnswer          *Top          `json:"top_answer"` // of the last greedy answers, all seeds
	ByKL               []KLPoint     `json:"by_kl"`
	EpisodesPerSecond  float64       `json:"episodes_per_second"`
	EqualSeconds       *EqualSeconds `json:"equal_seconds"` // null where there is no other arm, or no time of one
}

// Comparison is the paired difference of an arm and its baseline in one metric.
type Comparison struct {
	Reward     string    `json:"reward"`
	Baseline   string    `json:"baseline"`
	Metric     string    `json:"metric"`
	Seeds      []int64   `json:"seeds"` // those that both arms have
	Difference *Estimate `json:"difference"`
	Wins       int       `json:"wins"` // seeds in which the arm is above the baseline
	Losses     int       `json:"losses"`
	EffectSize *float64  `json:"effect_size"` // stats.EffectSize; null without a verdict
	P          *float64  `json:"p"`           // stats.PairedT; likewise
	Planned    bool      `json:"planned"`     // what the comparison was made for, see plan
	PHolm      *float64  `json:"p_holm"`      // P after stats.Holm over all comparisons of the summary that have one and are not planned
	Holds      bool      `json:"holds"`       // PHolm is below 0.05, or P of the planned one
}

// verdictFrom is the least number of pairs of which a verdict is given.
const verdictFrom = 3

// flat tells whether an interval has no width, up to the rounding of shares and cosines.
func flat(ci *[2]float64) bool { return ci[1]-ci[0] < 1e-9 }

// silent says why a comparison has no verdict, "" where it has one.
func (c Comparison) silent() string {
	switch {
	case len(c.Seeds) < verdictFrom:
		return "too few seeds"
	case flat(c.Difference.CI95):
		return "no spread"
	}
	return ""
}

// plan marks the one comparison that the runs were made for: whether the first arm answers
// more training prompts exactly than its baseline. It is known before there is any run, so
// it is tested by itself.
func plan(all []Comparison) {
	if len(all) > 0 && (all[0].Metric == normTrain || all[0].Metric == exactTrain) {
		all[0].Planned = true
	}
}

// correct adjusts the p-values of all comparisons of a summary but the planned one, which are
// one family, and tells which of them hold.
func correct(all []Comparison) {
	var p []float64
	for _, c := range all {
		if c.inFamily() {
			p = append(p, *c.P)
		}
	}
	adjusted := stats.Holm(p)
	for i := range all {
		switch c := &all[i]; {
		case c.inFamily():
			c.PHolm, adjusted = &adjusted[0], adjusted[1:]
			c.Holds = *c.PHolm < 0.05
		case c.P != nil:
			c.Holds = *c.P < 0.05
		}
	}
}

// inFamily says that the p-value is one of those that are adjusted together.
func (c Comparison) inFamily() bool { return c.P != nil && !c.Planned }

// metric names of run directories that the statistics read.
const (
	normTrain     = "eval/train/exact_match_normalized"
	normHeldOut   = "eval/held_out/exact_match_normalized"
	exactTrain    = "eval/train/exact_match"
	exactHeldOut  = "eval/held_out/exact_match"
	semTrain      = "eval/train/semantic"
	semHeldOut    = "eval/held_out/semantic"
	metricReward  = "reward"
	metricEntropy = "objective/entropy"
	metricKL      = "objective/kl"
	metricLength  = "completions/mean_length"
)

// compared are the metrics in which arms are compared, the headline first: the
// normalised exact match where runs have it.
var compared = []string{normTrain, normHeldOut, exactTrain, exactHeldOut, semTrain, semHeldOut}

// Summaries returns the summary of each task.
func (d *Data) Summaries() []Summary {
	out := make([]Summary, len(d.Groups))
	for i, g := range d.Groups {
		out[i] = g.Summary()
	}
	return out
}

// Summary computes the statistics of one task.
func (g *Group) Summary() Summary {
	s := Summary{Task: g.Task, Warnings: append([]string{}, g.Warnings...), Comparisons: []Comparison{}, Improvements: g.improvements(), Profiles: g.profiles()}
	equal := g.equalSeconds()
	for i, arm := range g.Arms {
		s.Episodes = max(s.Episodes, arm.Episodes())
		s.Arms = append(s.Arms, arm.summary())
		s.Arms[i].EqualSeconds = equal[i]
		base := g.Baseline(arm)
		if base == nil {
			continue
		}
		for _, metric := range compared {
			if c, ok := compare(arm, base, metric); ok {
				s.Comparisons = append(s.Comparisons, c)
			}
		}
	}
	plan(s.Comparisons)
	correct(s.Comparisons)
	for _, f := range s.findings() {
		s.Verdict = append(s.Verdict, f.Text)
	}
	return s
}

// summary computes the end values of one arm over its complete runs.
func (a *Arm) summary() ArmSummary {
	s := ArmSummary{
		Reward:     a.Label,
		ExactMatch: Splits{a.end(exactTrain, share), a.end(exactHeldOut, share)},
		Semantic:   Splits{a.end(semTrain, cosine), a.end(semHeldOut, cosine)},
		MeanReward: a.end(metricReward, free),
		Entropy:    a.end(metricEntropy, positive),
		KL:         a.end(metricKL, free),
		Length:     a.end(metricLength, positive),
		Area:       a.areas(),
		FallingShare: a.over(metricReward, share, func(p []Point) float64 {
			_, values := series(p)
			return stats.FallingShare(stats.Stretches(values, stats.CurveStretches))
		}),
		LongestStagnation: a.over(metricReward, share, func(p []Point) float64 {
			_, values := series(p)
			return stats.LongestStagnation(stats.Stretches(values, stats.CurveStretches))
		}),
		EpisodesToLevel: a.levels(),
		EntropyBounds:   a.bounds(metricEntropy, positive),
		KLBounds:        a.bounds(metricKL, free),
		CollapsedSeeds:  []int64{},
		ByKL:            a.byKL(),
	}
	s.DistinctAnswers, s.DistinctReferences = a.distinctAnswers()
	s.DistinctWithin, s.PairsWithin = a.distinctWithin()
	if n := (Splits{a.end(normTrain, share), a.end(normHeldOut, share)}); n != (Splits{}) {
		s.Normalized = &n
	}
	var said []string
	var first, final []Answer
	var speeds []float64
	for _, r := range a.Complete() {
		s.Seeds = append(s.Seeds, r.Seed)
		if r.collapsed() {
			s.CollapsedSeeds = append(s.CollapsedSeeds, r.Seed)
		}
		first, final = append(first, r.First...), append(final, r.Final...)
		for _, f := range r.Final {
			said = append(said, f.Response)
		}
		if r.Speed > 0 {
			speeds = append(speeds, r.Speed)
		}
	}
	s.RewardDistribution = Distributions{rewards(first), rewards(final)}
	if len(said) > 0 {
		top := topText(said)
		s.TopAnswer = &top
	}
	if len(speeds) > 0 {
		s.EpisodesPerSecond = stats.Mean(speeds)
	}
	return s
}

// end estimates the end value of a metric, with the mean of its first values.
func (a *Arm) end(metric string, lim limits) *Estimate {
	evaluation := slices.Contains(compared, metric)
	var ends, starts []float64
	for _, r := range a.Complete() {
		if points := r.Series[metric]; len(points) > 0 {
			ends = append(ends, endValue(points, evaluation))
			starts = append(starts, points[0].Value)
		}
	}
	e := estimate(ends, lim)
	if e != nil {
		start := stats.Mean(starts)
		e.Start = &start
	}
	return e
}

// areas are the mean heights of the exact-match curves.
func (a *Arm) areas() Splits {
	area := func(metric string) *Estimate {
		return a.over(metric, share, func(p []Point) float64 { return stats.Area(series(p)) })
	}
	if s := (Splits{area(normTrain), area(normHeldOut)}); s != (Splits{}) {
		return s
	}
	return Splits{area(exactTrain), area(exactHeldOut)}
}

// over estimates a statistic of a metric's whole series.
func (a *Arm) over(metric string, lim limits, statistic func([]Point) float64) *Estimate {
	var values []float64
	for _, r := range a.Complete() {
		if points := r.Series[metric]; len(points) > 0 {
			values = append(values, statistic(points))
		}
	}
	return estimate(values, lim)
}

// pairs are the end values of two arms in an evaluation, by the seeds that both have.
// Runs of different length are no pair.
func pairs(arm, other *Arm, metric string) (seeds []int64, x, y []float64) {
	for _, r := range arm.Complete() {
		twin := other.run(r.Seed)
		if twin == nil || twin.Episodes != r.Episodes || len(r.Series[metric]) == 0 || len(twin.Series[metric]) == 0 {
			continue
		}
		seeds = append(seeds, r.Seed)
		x, y = append(x, endValue(r.Series[metric], true)), append(y, endValue(twin.Series[metric], true))
	}
	return seeds, x, y
}

// compare pairs the complete runs of two arms by seed; ok = false without a pair.
func compare(arm, base *Arm, metric string) (c Comparison, ok bool) {
	c = Comparison{Reward: arm.Label, Baseline: base.Label, Metric: metric}
	seeds, x, y := pairs(arm, base, metric)
	var differences []float64
	for i := range seeds {
		d := x[i] - y[i]
		differences = append(differences, d)
		switch cmp.Compare(d, 0) {
		case 1:
			c.Wins++
		case -1:
			c.Losses++
		}
	}
	c.Seeds, c.Difference = seeds, estimate(differences, free)
	if c.Difference == nil {
		return c, false
	}
	if c.silent() == "" {
		if p, ok := stats.PairedT(differences); ok {
			c.P = &p
		}
		if g, ok := stats.EffectSize(differences); ok {
			c.EffectSize = &g
		}
	}
	return c, true
}
