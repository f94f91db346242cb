package study

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"pgsrm/stats"
)

// group is the cells that differ in the seed alone.
type group struct {
	levels []string // of the axes but the seed
	cells  []Result // complete ones, in the order of the seeds
	of     int      // how many there are to be
}

// axesOfGroups are the axes but that of the seeds.
func (m *Merged) axesOfGroups() []string {
	return slices.DeleteFunc(slices.Clone(m.Axes), func(a string) bool { return a == seedAxis })
}

// seedOf is the seed of a cell, whether or not it is an axis.
func seedOf(r Result) string { return fmt.Sprint(r.Config.Seed) }

// groups are all groups, in the order of the cells.
func (m *Merged) groups() []*group {
	var out []*group
	by := map[string]*group{}
	for _, r := range m.Results {
		var levels []string
		for i, a := range m.Axes {
			if a != seedAxis {
				levels = append(levels, r.Levels[i])
			}
		}
		key := strings.Join(levels, "\x00")
		g := by[key]
		if g == nil {
			g = &group{levels: levels}
			by[key] = g
			out = append(out, g)
		}
		g.of++
		if r.Values != nil {
			g.cells = append(g.cells, r)
		}
	}
	return out
}

// values are those of a metric, cell by cell that has it.
func (g *group) values(metric string) (out []float64) {
	for _, r := range g.cells {
		if v, ok := r.Values[metric]; ok && !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}

// groupsCSV has a row for each group and metric.
func (m *Merged) groupsCSV(groups []*group) []byte {
	rows := [][]string{append(m.axesOfGroups(), "metric", "n", "mean", "ci95_low", "ci95_high", "iqm", "min", "max")}
	for _, g := range groups {
		for _, name := range m.metricNames() {
			v := g.values(name)
			if len(v) == 0 {
				continue
			}
			low, high := "", ""
			if lo, hi, ok := stats.TInterval(v); ok {
				low, high = number(lo), number(hi)
			}
			rows = append(rows, slices.Concat(g.levels, []string{
				name, fmt.Sprint(len(v)), number(stats.Mean(v)), low, high, number(stats.IQM(v)), number(slices.Min(v)), number(slices.Max(v)),
			}))
		}
	}
	return table(rows)
}

// difference is what a group has more of a metric than the one that it is compared with,
// paired by seed.
type difference struct {
	levels      []string // of the group
	metric      string
	n           int // seeds that both have
	improvement stats.Improvement
	mean        float64
	ci95        *[2]float64 // of the mean; nil below two pairs
	p, pHolm    *float64    // nil where there are too few pairs or no spread
	effect      *float64
}

// pairsFrom is the least number of pairs of which a p-value is given.
const pairsFrom = 3

// differences compares every group with that of the level under "against", in the metrics of
// the table. The p-values are corrected by Holm over all of them.
func (m *Merged) differences(groups []*group) []difference {
	if m.against == nil || m.against.axis == seedAxis {
		return nil
	}
	at := slices.Index(m.axesOfGroups(), m.against.axis)
	var out []difference
	for _, g := range groups {
		if g.levels[at] == m.against.level {
			continue
		}
		like := slices.Clone(g.levels)
		like[at] = m.against.level
		i := slices.IndexFunc(groups, func(o *group) bool { return slices.Equal(o.levels, like) })
		if i < 0 {
			continue
		}
		for _, metric := range m.metrics {
			if d, ok := compare(g, groups[i], metric); ok {
				out = append(out, d)
			}
		}
	}
	var p []float64
	for _, d := range out {
		if d.p != nil {
			p = append(p, *d.p)
		}
	}
	adjusted := stats.Holm(p)
	for i := range out {
		if out[i].p != nil {
			out[i].pHolm, adjusted = &adjusted[0], adjusted[1:]
		}
	}
	return out
}

// compare pairs two groups by seed.
func compare(g, other *group, metric string) (difference, bool) {
	var x, y, d []float64
	for _, a := range g.cells {
		for _, b := range other.cells {
			v, ok := a.Values[metric]
			w, ok2 := b.Values[metric]
			if seedOf(a) == seedOf(b) && ok && ok2 && !math.IsNaN(v) && !math.IsNaN(w) {
				x, y, d = append(x, v), append(y, w), append(d, v-w)
			}
		}
	}
	if len(d) == 0 {
		return difference{}, false
	}
	out := difference{levels: g.levels, metric: metric, n: len(d), mean: stats.Mean(d), improvement: stats.Improve([][]float64{x}, [][]float64{y})}
	if lo, hi, ok := stats.TInterval(d); ok {
		out.ci95 = &[2]float64{lo, hi}
	}
	if p, ok := stats.PairedT(d); ok && len(d) >= pairsFrom {
		out.p = &p
	}
	if e, ok := stats.EffectSize(d); ok {
		out.effect = &e
	}
	return out, true
}

// differencesCSV has a row for each comparison; nil where nothing is compared.
func (m *Merged) differencesCSV(all []difference) []byte {
	if m.against == nil {
		return nil
	}
	rows := [][]string{append(m.axesOfGroups(), "against", "metric", "n", "mean_difference", "ci95_low", "ci95_high",
		"iqm_difference", "iqm_ci95_low", "iqm_ci95_high", "probability_of_improvement", "probability_ci95_low", "probability_ci95_high",
		"effect_size", "p", "p_holm")}
	for _, d := range all {
		rows = append(rows, slices.Concat(d.levels, []string{m.against.level, d.metric, fmt.Sprint(d.n), number(d.mean)}, ends(d.ci95),
			[]string{number(d.improvement.Difference.Value)}, ends(d.improvement.Difference.CI95),
			[]string{number(d.improvement.Probability.Value)}, ends(d.improvement.Probability.CI95),
			[]string{optional(d.effect), optional(d.p), optional(d.pHolm)}))
	}
	return table(rows)
}

func ends(ci *[2]float64) []string {
	if ci == nil {
		return []string{"", ""}
	}
	return []string{number(ci[0]), number(ci[1])}
}

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}

// defaultMetrics are those of the Markdown table where the study names none.
var defaultMetrics = []string{"eval/train/exact_match", "eval/train/semantic", "eval/held_out/exact_match", "eval/held_out/semantic", "objective/entropy", "objective/kl"}

// shown is a value of a metric as people read it: shares in percent.
func shown(metric string, v float64) string {
	if isShare(metric) {
		return fmt.Sprintf("%.1f", 100*v)
	}
	return fmt.Sprintf("%.3g", v)
}

// isShare says whether a metric is a share, which is shown in percent.
func isShare(metric string) bool {
	return strings.Contains(metric, "exact_match") || strings.HasSuffix(metric, "right_probability")
}

// head is a metric as the head of a column.
func head(metric string) string {
	if isShare(metric) {
		return metric + ", %"
	}
	return metric
}

// markdown is the study in words and tables.
func (m *Merged) markdown(groups []*group, differences []difference, matches []matched) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", strings.TrimSuffix(title(m.file.Name), ".yaml"))
	if m.About != "" {
		b.WriteString(strings.Join(strings.Fields(m.About), " ") + "\n\n")
	}
	missing := m.Missing()
	fmt.Fprintf(&b, "%d of %d cells are complete. Mean [95%% interval of Student's t over seeds]; every number stands in `cells.csv` and `groups.csv`.\n\n", len(m.Results)-len(missing), len(m.Results))
	m.groupTable(&b, groups)
	m.differenceTable(&b, differences)
	m.matchedTable(&b, matches)
	if len(m.Left) > 0 {
		b.WriteString("\n## Left out\n\n")
		for _, text := range m.Left {
			fmt.Fprintf(&b, "- %s\n", escape(text))
		}
	}
	if len(missing) > 0 {
		b.WriteString("\n## Missing\n\n")
		for _, r := range missing[:min(len(missing), maxMissing)] {
			fmt.Fprintf(&b, "- `%s`: %s\n", r.Name, r.State)
		}
		if more := len(missing) - maxMissing; more > 0 {
			fmt.Fprintf(&b, "- and %d more: the column `state` of `cells.csv`\n", more)
		}
	}
	return []byte(b.String())
}

// maxMissing is how many missing cells the Markdown table names.
const maxMissing = 40

// title is the name of a study: its file without the folder.
func title(file string) string { return file[strings.LastIndexAny(file, `/\`)+1:] }

// groupTable has a row for each group and a column for each metric that any has.
func (m *Merged) groupTable(b *strings.Builder, groups []*group) {
	var metrics []string
	for _, name := range m.metrics {
		if slices.ContainsFunc(groups, func(g *group) bool { return len(g.values(name)) > 0 }) {
			metrics = append(metrics, name)
		}
	}
	heads := append(m.axesOfGroups(), "seeds")
	for _, name := range metrics {
		heads = append(heads, head(name))
	}
	row(b, heads)
	row(b, slices.Repeat([]string{"---"}, len(heads)))
	for _, g := range groups {
		seeds := fmt.Sprint(len(g.cells))
		if len(g.cells) < g.of {
			seeds += fmt.Sprintf(" of %d", g.of)
		}
		cells := append(slices.Clone(g.levels), seeds)
		for _, name := range metrics {
			cells = append(cells, estimate(name, g.values(name)))
		}
		row(b, cells)
	}
}

// estimate is a mean with its interval.
func estimate(metric string, v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	text := shown(metric, stats.Mean(v))
	if lo, hi, ok := stats.TInterval(v); ok {
		text += fmt.Sprintf(" [%s, %s]", shown(metric, lo), shown(metric, hi))
	}
	return text
}

// differenceTable has a row for each comparison.
func (m *Merged) differenceTable(b *strings.Builder, all []difference) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Against %s = %s\n\nDifferences of pairs with the same seed: mean [95%% interval of Student's t]; P: probability of improvement; p after Holm's correction over all rows; none below %d pairs or without spread.\n\n", m.against.axis, escape(m.against.level), pairsFrom)
	row(b, append(m.axesOfGroups(), "metric", "pairs", "difference", "P", "p (Holm)"))
	row(b, slices.Repeat([]string{"---"}, len(m.axesOfGroups())+5))
	for _, d := range all {
		text := shown(d.metric, d.mean)
		if d.ci95 != nil {
			text += fmt.Sprintf(" [%s, %s]", shown(d.metric, d.ci95[0]), shown(d.metric, d.ci95[1]))
		}
		p := "–"
		if d.pHolm != nil {
			p = fmt.Sprintf("%.2g", *d.pHolm)
		}
		row(b, append(slices.Clone(d.levels), head(d.metric), fmt.Sprint(d.n), text, fmt.Sprintf("%.2f", d.improvement.Probability.Value), p))
	}
}

// row is a row of a Markdown table.
func row(b *strings.Builder, cells []string) {
	for _, c := range cells {
		b.WriteString("| " + cmp.Or(escape(c), "–") + " ")
	}
	b.WriteString("|\n")
}

// escape keeps a text within its cell.
func escape(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}
