package study

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"pgsrm/config"
	"pgsrm/internal/durable"
	"pgsrm/run"
	"pgsrm/stats"
)

// Result is what one cell has come to.
type Result struct {
	Cell
	State   string             // of the run directory, see run.Inspect; "unmeasured" where the measures are missing
	Episode int                // of its last line
	Values  map[string]float64 // numbers by name, without wall-clock time; only of a complete cell
}

// The states of a cell beside those of run directories.
const (
	unmeasured = "trained, not measured"
	unreadable = "unreadable"
)

// Merged is what the cells of a study have come to.
type Merged struct {
	*Plan
	Results []Result // [cells]
	Foreign []string // folders of cells that the study does not have
}

// Merge reads all cells that are there.
func (p *Plan) Merge() (*Merged, error) {
	m := &Merged{Plan: p}
	names := map[string]bool{}
	for _, c := range p.Cells {
		names[c.Name] = true
		m.Results = append(m.Results, p.result(c))
	}
	found, err := run.Find(filepath.Join(p.Dir, cellsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, dir := range found {
		name, err := filepath.Rel(filepath.Join(p.Dir, cellsDir), dir)
		if err == nil && !names[filepath.ToSlash(name)] {
			m.Foreign = append(m.Foreign, filepath.ToSlash(name))
		}
	}
	return m, nil
}

// result reads one cell; what cannot be read is missing.
func (p *Plan) result(c Cell) Result {
	r := Result{Cell: c, State: run.DirAbsent}
	dir := p.CellDir(c)
	state, err := run.Inspect(dir)
	switch {
	case errors.Is(err, run.ErrLocked):
		r.State = "running"
	case err != nil:
		r.State = unreadable
	default:
		r.State = state
	}
	if r.State != run.DirComplete {
		return r
	}
	if r.Values, r.Episode, err = readNumbers(dir); err != nil {
		r.State, r.Values = unreadable, nil
		return r
	}
	if p.measures.none() {
		return r
	}
	more, err := p.readMeasures(c)
	if err != nil || more == nil {
		r.State, r.Values = unmeasured, nil
		return r
	}
	for name, v := range more {
		r.Values["measure/"+name] = v
	}
	return r
}

// lastPart is the part of training at its end of which the mean is taken, as in reports.
const lastPart = 10

// readNumbers are the numbers of a complete run: those of the last evaluation, the mean of
// every other metric over the last tenth of the steps, the mean height of the curves of
// exact match, and how training went on the way.
func readNumbers(dir string) (values map[string]float64, episode int, err error) {
	values = map[string]float64{}
	var steps []run.Metrics
	curves := map[string][2][]float64{}
	_, err = run.ReadMetrics(dir, func(m run.Metrics) error {
		episode = m.Episode
		trained := run.Metrics{Step: m.Step, Values: map[string]float64{}}
		for name, v := range m.Values {
			if !strings.HasPrefix(name, "eval/") {
				trained.Values[name] = v
				continue
			}
			values[name] = v
			if strings.HasSuffix(name, "/exact_match") {
				c := curves[name]
				curves[name] = [2][]float64{append(c[0], float64(m.Episode)), append(c[1], v)}
			}
		}
		if len(trained.Values) > 0 {
			steps = append(steps, trained)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	for name, c := range curves {
		values["area/"+strings.TrimPrefix(name, "eval/")] = stats.Area(c[0], c[1])
	}
	course(steps, values)
	last := steps[len(steps)-(len(steps)+lastPart-1)/lastPart:]
	sums, counts := map[string]float64{}, map[string]float64{}
	for _, m := range last {
		for name, v := range m.Values {
			sums[name] += v
			counts[name]++
		}
	}
	for name, sum := range sums {
		values[name] = sum / counts[name]
	}
	return values, episode, nil
}

// course adds how training went: of the reward in stretches the share of steps that go down
// and the longest row without a new maximum, the least entropy, the largest KL, and the mean
// share of groups of answers that had one reward and so taught nothing.
func course(steps []run.Metrics, values map[string]float64) {
	series := func(name string) (out []float64) {
		for _, m := range steps {
			if v, ok := m.Values[name]; ok {
				out = append(out, v)
			}
		}
		return out
	}
	for _, c := range []struct {
		name, of string
		f        func([]float64) float64
	}{
		{"falling_share", "reward", func(v []float64) float64 { return stats.FallingShare(stats.Stretches(v, stats.CurveStretches)) }},
		{"longest_stagnation", "reward", func(v []float64) float64 {
			return stats.LongestStagnation(stats.Stretches(v, stats.CurveStretches))
		}},
		{"entropy_min", "objective/entropy", slices.Min[[]float64]},
		{"kl_max", "objective/kl", slices.Max[[]float64]},
		{"without_signal", "pgsrm/frac_groups_without_signal", stats.Mean},
	} {
		if v := series(c.of); len(v) > 0 && !slices.ContainsFunc(v, math.IsNaN) {
			values["course/"+c.name] = c.f(v)
		}
	}
}

// Missing are the cells that are not complete.
func (m *Merged) Missing() []Result {
	var out []Result
	for _, r := range m.Results {
		if r.Values == nil {
			out = append(out, r)
		}
	}
	return out
}

// metricNames are the names of all numbers, sorted.
func (m *Merged) metricNames() []string {
	names := map[string]bool{}
	for _, r := range m.Results {
		for name := range r.Values {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Write writes the tables beside the cells and returns the names of the files: cells.csv,
// groups.csv, differences.csv, matched.csv, study.svg and study.md. What the files hold depends on the complete
// cells alone, to the byte.
func (m *Merged) Write() ([]string, error) {
	groups := m.groups()
	differences, matches := m.differences(groups), m.matches(groups)
	var names []string
	for _, f := range []struct {
		name string
		text []byte
	}{
		{"cells.csv", m.cellsCSV()}, {"groups.csv", m.groupsCSV(groups)},
		{"differences.csv", m.differencesCSV(differences)}, {"matched.csv", m.matchedCSV(matches)},
		{"study.svg", m.drawing(groups)}, {"study.md", m.markdown(groups, differences, matches)},
	} {
		path := filepath.Join(m.Dir, f.name)
		if f.text == nil {
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			continue
		}
		if err := durable.WriteBytes(path, f.text); err != nil {
			return nil, fmt.Errorf("study: %w", err)
		}
		names = append(names, f.name)
	}
	return names, nil
}

// WriteTables writes the numbers of the study's table alone, as NAME-cells.csv,
// NAME-groups.csv, NAME-differences.csv and NAME-matched.csv into a folder, and the figure as
// NAME.svg: what a text quotes, without the hundreds of numbers beside.
func (m *Merged) WriteTables(dir, name string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return config.Bad(err)
	}
	some := *m
	some.Results = nil
	for _, r := range m.Results {
		all := r.Values
		if all != nil {
			r.Values = map[string]float64{}
		}
		for _, metric := range m.metrics {
			if v, ok := all[metric]; ok {
				r.Values[metric] = v
			}
		}
		some.Results = append(some.Results, r)
	}
	groups, all := some.groups(), m.groups()
	for _, f := range []struct {
		name string
		text []byte
	}{
		{"-cells.csv", some.cellsCSV()}, {"-groups.csv", some.groupsCSV(groups)}, {"-differences.csv", some.differencesCSV(some.differences(groups))},
		{"-matched.csv", some.matchedCSV(m.matches(all))}, {".svg", m.drawing(all)},
	} {
		if f.text == nil {
			continue
		}
		if err := durable.WriteBytes(filepath.Join(dir, name+f.name), f.text); err != nil {
			return fmt.Errorf("study: %w", err)
		}
	}
	return nil
}

// number is a number in full precision.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// table is rows as CSV.
func table(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.WriteAll(rows) // a Buffer takes all
	return b.Bytes()
}

// cellsCSV has a row for each cell with all its numbers.
func (m *Merged) cellsCSV() []byte {
	names := m.metricNames()
	rows := [][]string{slices.Concat([]string{"cell"}, m.Axes, []string{"state", "episodes"}, names)}
	for _, r := range m.Results {
		episodes := ""
		if r.Values != nil {
			episodes = fmt.Sprint(r.Episode)
		}
		row := slices.Concat([]string{r.Name}, r.Levels, []string{r.State, episodes})
		for _, name := range names {
			text := ""
			if v, ok := r.Values[name]; ok {
				text = number(v)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return table(rows)
}
