package report

import (
	"fmt"
	"math"
	"strings"
)

// metricWords says in words what a compared metric is, to follow a number.
var metricWords = map[string]string{
	exactHeldOut: "of held-out prompts exactly",
	exactTrain:   "of training prompts exactly",
	normHeldOut:  "of held-out prompts exactly after normalisation",
	normTrain:    "of training prompts exactly after normalisation",
}

// fallNames are the scores of which a fall below the start is said.
var fallNames = []struct{ metric, name, short string }{
	{normHeldOut, "normalised exact match on held-out prompts", "held-out, norm."},
	{exactHeldOut, "exact match on held-out prompts", "held-out"},
	{semTrain, "semantic score on training prompts", "semantic train"},
	{semHeldOut, "semantic score on held-out prompts", "semantic held-out"},
}

// finding is one sentence of the verdict and how it is marked: "up" a lead that
// holds, "down" a loss that holds, a collapse or a fall, "open" what is not settled.
type finding struct{ Text, Class string }

// findings says plainly what the comparison found: for each arm a sentence
// against its baseline on what it was trained on and one on what it was not, then
// what went wrong.
func (s Summary) findings() []finding {
	var out []finding
	for _, arm := range s.Arms {
		for _, c := range told(s, arm.Reward) {
			out = append(out, finding{compareSentence(s, *c), c.class()})
		}
	}
	if len(out) == 0 {
		for _, arm := range s.Arms {
			out = append(out, finding{loneSentence(arm), "open"})
		}
	}
	for _, text := range s.alarms() {
		out = append(out, finding{text, "down"})
	}
	return out
}

// alarms say what went wrong: ends below the start, and collapses.
func (s Summary) alarms() []string {
	var out []string
	for _, arm := range s.Arms {
		if falls := arm.falls(func(_, name string) string { return name }); len(falls) > 0 {
			out = append(out, fmt.Sprintf("%s ends below its start in %s.", arm.Reward, strings.Join(falls, " and in ")))
		}
		if len(arm.CollapsedSeeds) > 0 {
			out = append(out, fmt.Sprintf("%s collapsed in %d of %d %s: most greedy answers are the same text whatever the prompt, over all seeds most often %s (%s).",
				arm.Reward, len(arm.CollapsedSeeds), len(arm.Seeds), plural(len(arm.Seeds), "seed"), arm.TopAnswer.quote(), percent(arm.TopAnswer.Share)))
		}
	}
	return out
}

// lone are the sentences on arms where there is nothing to compare.
func (s Summary) lone() []string {
	var out []string
	if len(s.Comparisons) == 0 {
		for _, arm := range s.Arms {
			out = append(out, loneSentence(arm))
		}
	}
	return out
}

// falls are the scores of an arm that end below their start, with both; strict exact match
// is left out where there is the normalised one.
func (a ArmSummary) falls(name func(short, long string) string) []string {
	var out []string
	for _, f := range fallNames {
		e := a.compared(f.metric)
		if e == nil || e.Start == nil || f.metric == exactHeldOut && a.compared(normHeldOut) != nil {
			continue
		}
		format := formatOf(f.metric)
		from, to := formatValue(format, *e.Start), formatValue(format, e.Mean)
		if e.Mean < *e.Start && from != to {
			out = append(out, fmt.Sprintf("%s (%s to %s)", name(f.short, f.name), from, to))
		}
	}
	return out
}

// class marks a comparison: only what holds is up or down.
func (c Comparison) class() string {
	switch {
	case c.Holds && c.Difference.Mean > 0:
		return "up"
	case c.Holds:
		return "down"
	default:
		return "open"
	}
}

// told are the comparisons of an arm that are put in words: exact match on
// training and on held-out prompts, normalised where there is that, else the headline.
func told(s Summary, reward string) []*Comparison {
	for _, metrics := range [][]string{{normTrain, normHeldOut}, {exactTrain, exactHeldOut}} {
		var out []*Comparison
		for _, metric := range metrics {
			if c := comparison(s, reward, metric); c != nil {
				out = append(out, c)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	if c := headline(s, reward); c != nil {
		return []*Comparison{c}
	}
	return nil
}

// headline is the comparison of an arm in the first compared metric it has.
func headline(s Summary, reward string) *Comparison {
	for _, metric := range compared {
		if c := comparison(s, reward, metric); c != nil {
			return c
		}
	}
	return nil
}

// comparison is that of an arm in one metric, nil where there is none.
func comparison(s Summary, reward, metric string) *Comparison {
	for i, c := range s.Comparisons {
		if c.Reward == reward && c.Metric == metric {
			return &s.Comparisons[i]
		}
	}
	return nil
}

func compareSentence(s Summary, c Comparison) string {
	arm, base := endOf(s, c.Reward, c.Metric), endOf(s, c.Baseline, c.Metric)
	what := fmt.Sprintf("%s answers %s %s, %s %s", c.Reward, percent(arm), metricWords[c.Metric], c.Baseline, percent(base))
	if metricWords[c.Metric] == "" {
		what = fmt.Sprintf("%s reaches a semantic score of %.3f, %s %.3f", c.Reward, arm, c.Baseline, base)
	}
	if c.Difference.CI95 == nil {
		return what + ". One seed alone: there is no interval, and this shows nothing yet."
	}
	if len(c.Seeds) >= verdictFrom && flat(c.Difference.CI95) {
		return what + fmt.Sprintf(": a difference of %s in each of %d seeds. An interval of width zero says nothing of how sure this is.",
			signed(c.Metric, c.Difference.Mean)+unit(c.Metric), len(c.Seeds))
	}
	what += fmt.Sprintf(": a difference of %s (%s), above in %d and below in %d of %d seeds.",
		signed(c.Metric, c.Difference.Mean)+unit(c.Metric), c.interval(), c.Wins, c.Losses, len(c.Seeds))
	if len(c.Seeds) < verdictFrom {
		return what + " Fewer than three seeds: this shows nothing yet."
	}
	ci := c.Difference.CI95
	if c.Planned {
		return what + c.plannedVerdict()
	}
	corrected := fmt.Sprintf("after Holm's correction for %d %s (%s)", s.family(), plural(s.family(), "comparison"), pValue(*c.PHolm))
	switch {
	case c.class() == "up":
		return what + " The lead holds " + corrected + "."
	case c.class() == "down":
		return what + " It is worse, " + corrected + "."
	case ci[0] > 0 || ci[1] < 0:
		return what + " The interval leaves out zero, but not " + corrected + ": this is not settled."
	default:
		return what + noDifference
	}
}

// verdictRow is one comparison in the table of what was found.
type verdictRow struct {
	Slot             int
	Arm, Baseline    string
	On               string // what was asked
	Value, BaseValue string
	Difference       string
	Interval         string // "" with one seed
	Wins             string
	Class, Word      string
	Sentence         string
}

// verdictRows are the comparisons that are told, each with its verdict in a sentence.
func (s Summary) verdictRows(slots map[string]int) []verdictRow {
	var rows []verdictRow
	for _, arm := range s.Arms {
		for _, c := range told(s, arm.Reward) {
			format := formatOf(c.Metric)
			r := verdictRow{
				Slot: slots[c.Reward], Arm: c.Reward, Baseline: c.Baseline, On: splitNames[c.Metric],
				Value: formatValue(format, endOf(s, c.Reward, c.Metric)), BaseValue: formatValue(format, endOf(s, c.Baseline, c.Metric)),
				Difference: signed(c.Metric, c.Difference.Mean) + unit(c.Metric), Class: c.class(), Word: c.word(),
				Wins: fmt.Sprintf("%d of %d", c.Wins, len(c.Seeds)), Sentence: s.shortSentence(*c),
			}
			if c.Difference.CI95 != nil {
				r.Interval = signed(c.Metric, c.Difference.CI95[0]) + " to " + signed(c.Metric, c.Difference.CI95[1])
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// shortSentence says in one short sentence why a comparison has its verdict.
func (s Summary) shortSentence(c Comparison) string {
	ci := c.Difference.CI95
	switch {
	case len(c.Seeds) < verdictFrom:
		return fmt.Sprintf("%d %s: this shows nothing yet.", len(c.Seeds), plural(len(c.Seeds), "seed"))
	case flat(ci):
		return "The same difference in every seed: there is no spread to test it with."
	case c.Planned && c.Holds:
		return fmt.Sprintf("It holds: %s, the one planned comparison.", pValue(*c.P))
	case c.Holds:
		return fmt.Sprintf("It holds: %s, corrected for %d %s.", pValue(*c.PHolm), s.family(), plural(s.family(), "comparison"))
	case !c.Planned && (ci[0] > 0 || ci[1] < 0):
		return fmt.Sprintf("The interval leaves out zero, but %s, corrected for %d %s.", pValue(*c.PHolm), s.family(), plural(s.family(), "comparison"))
	}
	return "The interval holds zero: none is shown, which does not show that there is none."
}

// noDifference is said of an interval that holds zero.
const noDifference = " The interval holds zero: no difference is shown, which does not show that there is none."

// plannedVerdict is the end of the sentence on the planned comparison.
func (c Comparison) plannedVerdict() string {
	switch c.class() {
	case "up":
		return fmt.Sprintf(" The lead holds (%s, the one comparison that was planned).", pValue(*c.P))
	case "down":
		return fmt.Sprintf(" It is worse (%s, the one comparison that was planned).", pValue(*c.P))
	}
	return noDifference
}

func loneSentence(arm ArmSummary) string {
	missing := "no binary arm"
	if arm.Reward == "binary" {
		missing = "no other arm"
	}
	for _, metric := range []string{normHeldOut, normTrain, exactHeldOut, exactTrain} {
		if e := arm.compared(metric); e != nil {
			return fmt.Sprintf("%s answers %s %s at the end, %s at the start. There is nothing to compare it with: %s beside it.",
				arm.Reward, percent(e.Mean), metricWords[metric], percent(*e.Start), missing)
		}
	}
	return arm.Reward + " has no evaluation yet."
}

// family is the number of comparisons that are corrected together.
func (s Summary) family() int {
	n := 0
	for _, c := range s.Comparisons {
		if c.inFamily() {
			n++
		}
	}
	return n
}

// pValue writes a p-value.
func pValue(p float64) string {
	if p < 0.001 {
		return "p < 0.001"
	}
	return fmt.Sprintf("p = %.3f", p)
}

// endOf is the end value of an arm in a compared metric.
func endOf(s Summary, reward, metric string) float64 {
	for _, arm := range s.Arms {
		if arm.Reward != reward {
			continue
		}
		if e := arm.compared(metric); e != nil {
			return e.Mean
		}
	}
	return math.NaN()
}

// compared returns the end value of one of the metrics that arms are compared in.
func (a ArmSummary) compared(metric string) *Estimate {
	var normalized Splits
	if a.Normalized != nil {
		normalized = *a.Normalized
	}
	return map[string]*Estimate{
		normTrain: normalized.Train, normHeldOut: normalized.HeldOut,
		exactTrain: a.ExactMatch.Train, exactHeldOut: a.ExactMatch.HeldOut,
		semTrain: a.Semantic.Train, semHeldOut: a.Semantic.HeldOut,
	}[metric]
}

// percent writes a share; a minus is a real minus sign.
func percent(v float64) string { return minus(fmt.Sprintf("%.1f%%", 100*v)) }

// signed writes a difference: of a share in points, else as the score itself.
func signed(metric string, v float64) string {
	text := fmt.Sprintf("%+.1f", 100*v)
	if metricWords[metric] == "" {
		text = fmt.Sprintf("%+.3f", v)
	}
	if strings.Trim(text, "+-0.") == "" {
		return text[1:] // zero has no sign
	}
	return minus(text)
}

// unit is what follows signed.
func unit(metric string) string {
	if metricWords[metric] == "" {
		return ""
	}
	return " points"
}

// interval writes the 95% interval of the difference.
func (c Comparison) interval() string {
	return fmt.Sprintf("95%% interval %s to %s", signed(c.Metric, c.Difference.CI95[0]), signed(c.Metric, c.Difference.CI95[1]))
}

func minus(text string) string { return strings.Replace(text, "-", "−", 1) }

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// clip cuts a text to at most n runes.
func clip(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
