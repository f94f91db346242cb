package report

import (
	"fmt"
	"math"

	"pgsrm/stats"
)

// tableRow is one statistic of all arms.
type tableRow struct {
	Title string
	Note  string
	Cells []tableCell // [arms]
}

type tableCell struct {
	Value    string // empty: not known
	Interval string
	Delta    string // difference to the baseline
	Class    string // "up", "down" or "open" for Delta
	Word     string // what an open Delta is called
	Remark   string // in words, on hovering
}

// table lists the end values of all arms.
func (s Summary) table() []tableRow {
	rows := []tableRow{
		s.row("Exact match, normalised, held-out", normNote, "percent", normHeldOut, func(a ArmSummary) *Estimate { return a.compared(normHeldOut) }),
		s.row("Exact match, normalised, training", normNote, "percent", normTrain, func(a ArmSummary) *Estimate { return a.compared(normTrain) }),
		s.row("Exact match, held-out", "greedy answers of the last evaluation", "percent", exactHeldOut, func(a ArmSummary) *Estimate { return a.ExactMatch.HeldOut }),
		s.row("Exact match, training", "greedy answers of the last evaluation", "percent", exactTrain, func(a ArmSummary) *Estimate { return a.ExactMatch.Train }),
		s.row("Semantic score, held-out", "cosine to the parent's answer", "score", semHeldOut, func(a ArmSummary) *Estimate { return a.Semantic.HeldOut }),
		s.row("Semantic score, training", "cosine to the parent's answer", "score", semTrain, func(a ArmSummary) *Estimate { return a.Semantic.Train }),
		s.row("Exact match over training, held-out", "mean height of the learning curve", "percent", "", func(a ArmSummary) *Estimate { return a.Area.HeldOut }),
		s.row("Exact match over training, training", "mean height of the learning curve", "percent", "", func(a ArmSummary) *Estimate { return a.Area.Train }),
		s.row("Reward", "own scale of each arm, last tenth of training", "score", "", func(a ArmSummary) *Estimate { return a.MeanReward }),
		s.row("Entropy", "nats per answer, last tenth", "number", "", func(a ArmSummary) *Estimate { return a.Entropy }),
		s.row("KL to the start model", "nats per answer, last tenth", "number", "", func(a ArmSummary) *Estimate { return a.KL }),
		s.row("Length", "tokens per answer, last tenth", "number", "", func(a ArmSummary) *Estimate { return a.Length }),
	}
	rows = append(rows, s.levelRow("held-out", func(l Levels) []Level { return l.HeldOut }),
		s.levelRow("training", func(l Levels) []Level { return l.Train }))
	equal := func(of func(*EqualSeconds) *Estimate) func(ArmSummary) *Estimate {
		return func(a ArmSummary) *Estimate {
			if a.EqualSeconds == nil {
				return nil
			}
			return of(a.EqualSeconds)
		}
	}
	const asLong = "when each arm has trained as long as the fastest"
	rows = append(rows,
		s.row("Exact match at equal seconds, held-out", asLong, "percent", "", equal(func(e *EqualSeconds) *Estimate { return e.ExactMatch.HeldOut })),
		s.row("Exact match at equal seconds, training", asLong, "percent", "", equal(func(e *EqualSeconds) *Estimate { return e.ExactMatch.Train })))
	return append(filled(rows), s.speedRow())
}

// stability lists how steady training was and whether answers still differ.
func (s Summary) stability() []tableRow {
	low := func(b *Bounds) *Estimate {
		if b == nil {
			return nil
		}
		return b.Min
	}
	high := func(b *Bounds) *Estimate {
		if b == nil {
			return nil
		}
		return b.Max
	}
	rows := []tableRow{
		s.row("Falling steps", fmt.Sprintf("share of steps at which the reward fell, in %d stretches", stats.CurveStretches), "percent", "", func(a ArmSummary) *Estimate { return a.FallingShare }),
		s.row("Longest stagnation", "longest stretch without a new best reward, as a share of training", "percent", "", func(a ArmSummary) *Estimate { return a.LongestStagnation }),
		s.row("Least entropy", "nats per answer, over all updates", "number", "", func(a ArmSummary) *Estimate { return low(a.EntropyBounds) }),
		s.row("Largest entropy", "nats per answer, over all updates", "number", "", func(a ArmSummary) *Estimate { return high(a.EntropyBounds) }),
		s.row("Largest KL", "nats per answer, over all updates", "number", "", func(a ArmSummary) *Estimate { return high(a.KLBounds) }),
		s.row("Distinct answers", "share of the last greedy answers that repeat no other", "percent", "", func(a ArmSummary) *Estimate { return a.DistinctAnswers }),
		s.row("Distinct answers to one prompt", "share of recorded pairs of its samples in one step that differ, second half of training", "percent", "", func(a ArmSummary) *Estimate { return a.DistinctWithin }),
		s.textRow("Distinct references", "likewise of what was asked for", func(a ArmSummary) string {
			if a.DistinctReferences == nil {
				return ""
			}
			return percent(*a.DistinctReferences)
		}),
		s.textRow("Reward of greedy answers", "at the end: median, 5% and 95% quantile over prompts and seeds", func(a ArmSummary) string {
			d := a.RewardDistribution.End
			if d == nil {
				return ""
			}
			return fmt.Sprintf("%s (%s to %s)", formatValue("score", d.Quantiles[3]), formatValue("score", d.Quantiles[1]), formatValue("score", d.Quantiles[5]))
		}),
		s.textRow("Collapsed seeds", "most answers are one text whatever the prompt", func(a ArmSummary) string {
			return fmt.Sprintf("%d of %d", len(a.CollapsedSeeds), len(a.Seeds))
		}),
	}
	return filled(rows)
}

// filled leaves out rows without a value.
func filled(rows []tableRow) []tableRow {
	var out []tableRow
	for _, r := range rows {
		for _, c := range r.Cells {
			if c.Value != "" {
				out = append(out, r)
				break
			}
		}
	}
	return out
}

// textRow is a row of texts without intervals.
func (s Summary) textRow(title, note string, of func(ArmSummary) string) tableRow {
	r := tableRow{Title: title, Note: note}
	for _, arm := range s.Arms {
		r.Cells = append(r.Cells, tableCell{Value: of(arm)})
	}
	return r
}

// shownLevel is the place in levels that the table shows.
const shownLevel = 1

// levelRow is when the exact match of a split reached half of the prompts.
func (s Summary) levelRow(split string, of func(Levels) []Level) tableRow {
	title := fmt.Sprintf("Episodes to %.0f%% exact match, %s", 100*levels[shownLevel], split)
	return s.textRow(title, "median over seeds, to the first evaluation there", func(a ArmSummary) string {
		all := of(a.EpisodesToLevel)
		switch {
		case all == nil:
			return ""
		case all[shownLevel].Median == nil:
			return "not reached"
		}
		return fmt.Sprintf("%.0f", *all[shownLevel].Median)
	})
}

func (s Summary) row(title, note, format, metric string, of func(ArmSummary) *Estimate) tableRow {
	r := tableRow{Title: title, Note: note}
	for _, arm := range s.Arms {
		var cell tableCell
		if e := of(arm); e != nil && !math.IsNaN(e.Mean) {
			cell.Value = formatValue(format, e.Mean)
			if e.CI95 != nil {
				cell.Interval = formatValue(format, e.CI95[0]) + " to " + formatValue(format, e.CI95[1])
			}
		}
		for _, c := range s.Comparisons {
			if metric != "" && c.Metric == metric && c.Reward == arm.Reward {
				cell.setDelta(c)
			}
		}
		r.Cells = append(r.Cells, cell)
	}
	return r
}

// setDelta adds the difference to the baseline, marked only where it holds.
func (cell *tableCell) setDelta(c Comparison) {
	d := c.Difference
	cell.Delta, cell.Class = signed(c.Metric, d.Mean)+unit(c.Metric), c.class()
	cell.Remark = fmt.Sprintf("against %s, paired over %d %s", c.Baseline, len(c.Seeds), plural(len(c.Seeds), "seed"))
	if d.CI95 != nil {
		cell.Remark += "; " + c.interval()
	}
	switch {
	case c.PHolm != nil:
		cell.Remark += "; " + pValue(*c.PHolm) + " after Holm's correction"
	case c.P != nil:
		cell.Remark += "; " + pValue(*c.P) + ", planned"
	}
	if c.EffectSize != nil {
		cell.Remark += minus(fmt.Sprintf("; effect size %.2f", *c.EffectSize))
	}
	if cell.Class == "open" {
		cell.Word = c.word()
	}
}

// improvementRow is an Improvement as it is shown.
type improvementRow struct {
	First, Other, Title     string
	Tasks, Seeds            int // tasks: 0 = one
	Mean                    bool
	IQM, OtherIQM           string
	Difference, Probability string // with their intervals
}

func improvementRows(list []Improvement) []improvementRow {
	titles := map[string]string{}
	for _, c := range charts {
		titles[c.Metric] = c.Title
	}
	var rows []improvementRow
	for _, m := range list {
		format := formatOf(m.Metric)
		r := improvementRow{
			First: m.Reward, Other: m.Other, Title: titles[m.Metric], Tasks: len(m.Tasks), Seeds: len(m.Seeds), Mean: m.Mean,
			IQM: formatValue(format, m.IQM), OtherIQM: formatValue(format, m.OtherIQM),
			Difference:  signed(m.Metric, m.Difference.Value) + unit(m.Metric),
			Probability: formatValue("percent", m.Probability.Value),
		}
		if ci := m.Difference.CI95; ci != nil {
			r.Difference += fmt.Sprintf(" (%s to %s)", signed(m.Metric, ci[0]), signed(m.Metric, ci[1]))
		}
		if ci := m.Probability.CI95; ci != nil {
			r.Probability += fmt.Sprintf(" (%s to %s)", formatValue("percent", ci[0]), formatValue("percent", ci[1]))
		}
		rows = append(rows, r)
	}
	return rows
}

func (s Summary) speedRow() tableRow {
	r := tableRow{Title: "Speed", Note: "episodes per second, wall clock"}
	for _, arm := range s.Arms {
		var cell tableCell
		if arm.EpisodesPerSecond > 0 {
			cell.Value = fmt.Sprintf("%.0f", arm.EpisodesPerSecond)
		}
		r.Cells = append(r.Cells, cell)
	}
	return r
}
