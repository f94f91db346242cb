package dashboard

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"pgsrm/rl"
	"pgsrm/run"
)

// request is what a chart shows.
type request struct {
	metric   string
	x        string // episode, step or seconds
	group    string // "config", "none", or a key
	from, to float64
	points   int
	terms    []term
	ids      map[string]bool // nil = all
}

// line is one line of a chart: a run, or the mean of a group.
type line struct {
	key   string
	label string
	runs  []*live
	cells []cell
	curve []curve
}

// lines are those of a chart, in the order of their names, over one grid.
func (b *board) lines(q request) (grids []float64, out []*line) {
	byKey := map[string]*line{}
	for _, r := range b.all() {
		if q.ids != nil && !q.ids[r.id] {
			continue
		}
		r.mu.Lock()
		if r.matches(q.terms) {
			key := r.groupKey(q.group)
			if c := r.curve(q); len(c) > 0 {
				l := byKey[key]
				if l == nil {
					l = &line{key: key}
					byKey[key] = l
				}
				l.runs, l.curve = append(l.runs, r), append(l.curve, c)
			}
		}
		r.mu.Unlock()
	}
	var all []curve
	for _, l := range byKey {
		out = append(out, l)
		all = append(all, l.curve...)
	}
	b.label(out, q.group)
	slices.SortFunc(out, func(a, c *line) int { return cmp.Or(cmp.Compare(a.label, c.label), cmp.Compare(a.key, c.key)) })
	grids = grid(all, q.points)
	for _, l := range out {
		l.cells, l.curve = together(l.curve, grids), nil
	}
	return grids, out
}

// groupKey is what the runs of one line have in common.
func (r *live) groupKey(by string) string {
	switch by {
	case "none":
		return r.id
	case "config":
		return r.group
	}
	text, _ := r.value(by)
	return text
}

// curve is the run's points of a metric in the range of a request.
func (r *live) curve(q request) curve {
	s := r.series[q.metric]
	if s == nil {
		return nil
	}
	elapsed := r.series[timingPrefix+"elapsed"]
	out := make(curve, 0, len(s.buckets))
	for i, b := range s.buckets {
		x := b.episode
		switch q.x {
		case "step":
			x = float64(b.step)
		case "seconds":
			x = elapsed.atStep(b.step)
		}
		if x < q.from || x > q.to || math.IsNaN(x) {
			continue
		}
		out = append(out, point{x, float64(b.mean), float64(b.lo), float64(b.hi), float64(s.points(i))})
	}
	return out
}

// atStep is the value of a series at a step, on the line between its buckets.
func (s *series) atStep(step int32) float64 {
	if s == nil || len(s.buckets) == 0 {
		return math.NaN()
	}
	i := sort.Search(len(s.buckets), func(i int) bool { return s.buckets[i].step >= step })
	if i == len(s.buckets) {
		return float64(s.buckets[i-1].hi)
	}
	before, value := int32(0), 0.0
	if i > 0 {
		before, value = s.buckets[i-1].step, float64(s.buckets[i-1].hi)
	}
	end := s.buckets[i]
	if end.step == before {
		return float64(end.hi)
	}
	return value + (float64(end.hi)-value)*float64(step-before)/float64(end.step-before)
}

// label names the lines: runs by their names, groups by task and arm and, where several
// have these, by the keys in which they differ.
func (b *board) label(lines []*line, by string) {
	twins := map[string][]*line{}
	tasks := map[string]bool{}
	for _, l := range lines {
		tasks[l.runs[0].overview.Task] = true
	}
	for _, l := range lines {
		r := l.runs[0]
		switch by {
		case "none":
			l.label = r.name
		case "config":
			l.label = cmp.Or(r.arm, r.name)
			if len(tasks) > 1 {
				l.label += ", " + shortTask(r.overview.Task)
			}
			twins[l.label] = append(twins[l.label], l)
		default:
			l.label = by + "=" + cmp.Or(l.key, "none")
		}
	}
	for _, same := range twins {
		if len(same) > 1 {
			nameApart(same)
		}
	}
}

// nameApart adds to the names of groups that are the same the keys in which they differ.
func nameApart(lines []*line) {
	for i, name := range keyNames {
		values := map[string]bool{}
		for _, l := range lines {
			if i < len(l.runs[0].keys) {
				values[l.runs[0].keys[i]] = true
			}
		}
		if len(values) < 2 || run.Personal(name) {
			continue
		}
		for _, l := range lines {
			if i < len(l.runs[0].keys) {
				l.label = clip(l.label+" "+name+"="+l.runs[0].keys[i], longestText)
			}
		}
	}
}

// shortTask is the last part of the name of a task.
func shortTask(task string) string {
	return clip(task[strings.LastIndexAny(task, `/\`)+1:], longestText)
}

// mostBands is the most lines whose bands are sent.
const mostBands = 20

// chartJSON writes the lines as JSON, numbers with the places that a screen shows.
func chartJSON(grid []float64, lines []*line, slot func(l *line) int) []byte {
	out := []byte(`{"x":[`)
	for i, x := range grid {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendFloat(out, x, 'g', 12, 64)
	}
	out = append(out, `],"lines":[`...)
	for i, l := range lines {
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Appendf(out, `{"key":%s,"label":%s,"slot":%d,"runs":%d`, quoteJSON(l.key), quoteJSON(l.label), slot(l), len(l.runs))
		for _, part := range []struct {
			name string
			of   func(c cell) float64
		}{
			{"y", func(c cell) float64 { return c.mean }}, {"lo", func(c cell) float64 { return c.lo }}, {"hi", func(c cell) float64 { return c.hi }},
		} {
			if part.name != "y" && len(lines) > mostBands {
				break
			}
			out = append(out, `,"`+part.name+`":[`...)
			for k, c := range l.cells {
				if k > 0 {
					out = append(out, ',')
				}
				if v := part.of(c); c.n == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
					out = append(out, "null"...)
				} else {
					out = strconv.AppendFloat(out, v, 'g', 6, 64)
				}
			}
			out = append(out, ']')
		}
		out = append(out, '}')
	}
	return append(out, "]}"...)
}

// metric is one that a run has recorded.
type metric struct {
	Name   string `json:"name"`
	Unit   string `json:"unit"`
	Format string `json:"format"` // percent, score or number
	Zero   bool   `json:"zero"`   // the axis starts at 0
	Runs   int    `json:"runs"`
}

// metrics lists what the runs have recorded, by name.
func (b *board) metrics() []metric {
	count := map[string]int{}
	for _, r := range b.all() {
		r.mu.Lock()
		for name := range r.series {
			count[name]++
		}
		r.mu.Unlock()
	}
	out := make([]metric, 0, min(len(count), mostMetrics))
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if len(out) == mostMetrics {
			break
		}
		out = append(out, describe(name, count[name]))
	}
	return out
}

// describe finds unit and form of a metric.
func describe(name string, runs int) metric {
	m := metric{Name: name, Format: "score", Runs: runs}
	for _, known := range rl.Table() {
		if fitsPattern(known.Name, name) {
			m.Unit = known.Unit
		}
	}
	switch {
	case strings.HasPrefix(m.Unit, "share"):
		m.Format, m.Zero = "percent", true
	case strings.HasPrefix(m.Unit, "tokens"), strings.HasPrefix(m.Unit, "nats"), strings.HasPrefix(m.Unit, "words"):
		m.Format, m.Zero = "number", true
	case strings.HasPrefix(name, timingPrefix):
		m.Format, m.Zero = "number", true
		if name == timingPrefix+"episodes_per_second" {
			m.Unit = "episodes per second"
		} else if !strings.Contains(name[len(timingPrefix):], "/") {
			m.Unit = "seconds"
		}
	}
	return m
}

// fitsPattern says whether a name fits one of the table, in which a part in <> stands for
// any words.
func fitsPattern(pattern, name string) bool {
	before, rest, variable := strings.Cut(pattern, "<")
	if !variable {
		return pattern == name
	}
	_, after, _ := strings.Cut(rest, ">")
	return len(name) > len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// quoteJSON is a text in JSON.
func quoteJSON(s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`)
	}
	return text
}
