package study

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pgsrm/stats"
)

// matched is one metric of a group under "against" and of the levels under "match", where
// these are as high in the metric of the match.
type matched struct {
	levels []string // of the group
	metric string
	seeds  int       // of the group
	of     []float64 // the group's, of the seeds at whose height the levels have values
	at     []float64 // the levels', there, seed by seed
}

// matches compares the levels under "match" with the group under "against": seed by seed
// they are a curve of every metric over that of the match, read off, linear between
// neighbours, where the group is. A seed beyond the ends of its curve is left out.
func (m *Merged) matches(groups []*group) []matched {
	if m.match == nil || m.against.axis == seedAxis {
		return nil
	}
	at := slices.Index(m.axesOfGroups(), m.against.axis)
	var out []matched
	for _, g := range groups {
		if g.levels[at] != m.against.level {
			continue
		}
		var curve []*group
		for _, o := range groups {
			like := slices.Clone(o.levels)
			like[at] = m.against.level
			if slices.Equal(like, g.levels) && slices.Contains(m.match.levels, o.levels[at]) {
				curve = append(curve, o)
			}
		}
		for _, metric := range m.metrics {
			one := matched{levels: g.levels, metric: metric, seeds: len(g.cells)}
			for _, r := range g.cells {
				v, ok := r.Values[metric]
				w, ok2 := readOff(points(curve, seedOf(r), m.match.metric, metric), r.Values[m.match.metric])
				if ok && ok2 && !math.IsNaN(v) {
					one.of, one.at = append(one.of, v), append(one.at, w)
				}
			}
			if one.seeds > 0 {
				out = append(out, one)
			}
		}
	}
	return out
}

// points are (x, y) of the groups' cells with one seed, in the order of x.
func points(groups []*group, seed, x, y string) (out [][2]float64) {
	for _, g := range groups {
		for _, r := range g.cells {
			a, ok := r.Values[x]
			b, ok2 := r.Values[y]
			if seedOf(r) == seed && ok && ok2 && !math.IsNaN(a) && !math.IsNaN(b) {
				out = append(out, [2]float64{a, b})
			}
		}
	}
	slices.SortFunc(out, func(a, b [2]float64) int { return slices.Compare(a[:], b[:]) })
	return out
}

// readOff is the height of a line through points at x, false beyond its ends.
func readOff(line [][2]float64, x float64) (float64, bool) {
	for i := 1; i < len(line); i++ {
		a, b := line[i-1], line[i]
		if a[0] <= x && x <= b[0] {
			if a[0] == b[0] {
				return a[1], true
			}
			return a[1] + (b[1]-a[1])*(x-a[0])/(b[0]-a[0]), true
		}
	}
	return 0, false
}

// difference is what the levels have less or more than the group, seed by seed.
func (x matched) difference() []float64 {
	d := make([]float64, len(x.of))
	for i := range d {
		d[i] = x.at[i] - x.of[i]
	}
	return d
}

// matchedCSV has a row for each metric of each group under "against"; nil where nothing is
// matched.
func (m *Merged) matchedCSV(all []matched) []byte {
	if m.match == nil {
		return nil
	}
	rows := [][]string{append(m.axesOfGroups(), "match", "metric", "seeds", "n", "mean", "matched_mean", "mean_difference", "ci95_low", "ci95_high", "p")}
	for _, x := range all {
		row := slices.Concat(x.levels, []string{m.match.metric, x.metric, fmt.Sprint(x.seeds), fmt.Sprint(len(x.of))})
		if len(x.of) == 0 {
			rows = append(rows, append(row, "", "", "", "", "", ""))
			continue
		}
		d := x.difference()
		row = append(row, number(stats.Mean(x.of)), number(stats.Mean(x.at)), number(stats.Mean(d)))
		var ci *[2]float64
		if lo, hi, ok := stats.TInterval(d); ok {
			ci = &[2]float64{lo, hi}
		}
		p := ""
		if v, ok := stats.PairedT(d); ok && len(d) >= pairsFrom {
			p = number(v)
		}
		rows = append(rows, append(append(row, ends(ci)...), p))
	}
	return table(rows)
}

// matchedTable has a row for each metric of each group under "against".
func (m *Merged) matchedTable(b *strings.Builder, all []matched) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s at equal %s\n\nThe levels %s, seed by seed a curve over %s, read off where %s is, linear between neighbours; seeds beyond the ends of their curve are left out. Mean [95%% interval of Student's t of the difference].\n\n",
		escape(m.against.level), escape(m.match.metric), escape(strings.Join(m.match.levels, ", ")), escape(m.match.metric), escape(m.against.level))
	row(b, append(m.axesOfGroups(), "metric", "seeds", "mean", "matched", "difference"))
	row(b, slices.Repeat([]string{"---"}, len(m.axesOfGroups())+5))
	for _, x := range all {
		cells := append(slices.Clone(x.levels), head(x.metric), fmt.Sprintf("%d of %d", len(x.of), x.seeds))
		if len(x.of) == 0 {
			row(b, append(cells, "–", "–", "–"))
			continue
		}
		row(b, append(cells, shown(x.metric, stats.Mean(x.of)), shown(x.metric, stats.Mean(x.at)), estimate(x.metric, x.difference())))
	}
}
