package report

import (
	"fmt"
	"math"
	"strings"

	"pgsrm/rl"
)

// chartSpec is one metric that the page draws.
type chartSpec struct {
	Metric string
	Title  string
	Note   string // unit and what to know to read it
	Format string // "percent", "score", "number"
	lim    limits
	zero   bool // the axis starts at 0
	folded bool // the chart is folded away: it has no lines of single seeds
}

const normNote = "greedy answers; quotes, Markdown, final punctuation and articles not counting"

// charts are drawn for each task where the metric was recorded, in this order.
var charts = []chartSpec{
	{normTrain, "Exact match, normalised, training prompts", normNote, "percent", share, true, false},
	{normHeldOut, "Exact match, normalised, held-out prompts", normNote, "percent", share, true, false},
	{exactTrain, "Exact match, training prompts", "share of greedy answers", "percent", share, true, false},
	{exactHeldOut, "Exact match, held-out prompts", "share of greedy answers", "percent", share, true, false},
	{semTrain, "Semantic score, training prompts", "cosine to the parent's answer", "score", cosine, false, false},
	{semHeldOut, "Semantic score, held-out prompts", "cosine to the parent's answer", "score", cosine, false, false},
	{metricReward, "Reward of sampled answers", "each reward on its own scale: compare shapes, not heights", "score", free, false, false},
	{metricEntropy, "Entropy", "nats per response; near 0 nothing explores any more", "number", positive, true, false},
	{metricKL, "KL to the start model", "nats per response: how far the child has moved", "number", free, true, false},
	{metricLength, "Length of answers", "tokens per response, end token included", "number", positive, true, false},
}

// extraChart describes a metric that has no chart of its own.
func extraChart(metric string) chartSpec {
	spec := chartSpec{Metric: metric, Title: metric, Format: "score", lim: free, folded: true}
	for _, m := range rl.Table() {
		if m.Name == metric {
			spec.Note = m.Unit
		}
	}
	return spec
}

// The drawing area in the units of the viewBox.
const (
	chartWidth, chartHeight = 480.0, 262.0
	chartLeft, chartRight   = 54.0, 466.0
	chartTop, chartBottom   = 12.0, 220.0
)

// axis maps values to the drawing area.
type axis struct{ lo, hi, from, to float64 }

func (a axis) at(v float64) float64 { return a.from + (v-a.lo)/(a.hi-a.lo)*(a.to-a.from) }

// tick is one labelled place of an axis.
type tick struct {
	At    float64 // in units of the viewBox
	Label string
}

// niceStep is the smallest of 1, 2, 5 times a power of ten that cuts span into
// at most n parts.
func niceStep(span float64, n int) float64 {
	raw := span / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// drawable is the largest number that a chart tells from others: beyond it even the
// width of an axis would be infinite.
const drawable = 1e300

// niceAxis widens [lo, hi] to whole steps, at most about n, and returns the step.
func niceAxis(lo, hi float64, n int, from, to float64) (axis, float64) {
	lo, hi = min(drawable, max(-drawable, lo)), min(drawable, max(-drawable, hi))
	if hi-lo < 1e-9 { // a flat line: room above, and below unless it lies at 0
		room := max(0.1, math.Abs(hi)/2)
		if lo != 0 {
			lo -= room
		}
		hi += room
	}
	step := niceStep(hi-lo, n)
	return axis{math.Floor(lo/step+1e-9) * step, math.Ceil(hi/step-1e-9) * step, from, to}, step
}

// maxTicks is more than any axis of niceAxis has.
const maxTicks = 20

// ticks lists the whole steps of an axis.
func (a axis) ticks(step float64, label func(v, step float64) string) []tick {
	var out []tick
	for i := range maxTicks {
		v := a.lo + float64(i)*step
		if v > a.hi+step/2 {
			break
		}
		out = append(out, tick{round1(a.at(v)), label(v, step)})
	}
	return out
}

// formatValue writes a value of a chart with as many places as it needs.
func formatValue(format string, v float64) string {
	switch {
	case format == "percent":
		return percent(v)
	case format == "score":
		return minus(fmt.Sprintf("%.3f", v))
	default:
		return minus(fmt.Sprintf("%.2f", v))
	}
}

// tickLabel writes a tick with the places of its step.
func tickLabel(format string) func(v, step float64) string {
	return func(v, step float64) string {
		if math.Abs(v) < step/1e6 {
			v = 0
		}
		unit := ""
		if format == "percent" {
			v, step, unit = 100*v, 100*step, "%"
		}
		if math.Abs(v) >= 1e5 {
			return minus(fmt.Sprintf("%.3g%s", v, unit))
		}
		places := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
		return minus(fmt.Sprintf("%.*f%s", places, v, unit))
	}
}

// episodeLabel writes a number of episodes briefly.
func episodeLabel(v, _ float64) string {
	switch {
	case v >= 1e6:
		return trimZero(fmt.Sprintf("%.1f", v/1e6)) + "M"
	case v >= 1e3:
		return trimZero(fmt.Sprintf("%.1f", v/1e3)) + "k"
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

func trimZero(text string) string { return strings.TrimSuffix(text, ".0") }

func round1(v float64) float64 { return math.Round(10*v) / 10 }
