package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"pgsrm/run"
)

// Point is one value of a metric.
type Point struct {
	Step    int     // updates done
	Episode int     // samples seen
	Value   float64 // in the metric's unit
}

// largest is the largest value of a metric that the statistics take: sums of
// squares of larger ones leave the range of float64.
const largest = 1e150

// loadMetrics reads metrics.jsonl into a series for each metric.
func (r *Run) loadMetrics() (torn bool, err error) {
	r.Series = map[string][]Point{}
	huge := map[string]bool{}
	torn, err = run.ReadMetrics(r.Dir, func(m run.Metrics) error {
		for name, v := range m.Values {
			if math.Abs(v) > largest {
				huge[name] = true
				continue
			}
			r.Series[name] = append(r.Series[name], Point{m.Step, m.Episode, v})
		}
		r.Episodes = max(r.Episodes, m.Episode)
		return nil
	})
	if err != nil {
		return torn, fmt.Errorf("report: %w", err)
	}
	if len(huge) > 0 {
		r.warn("values of %s beyond %.0e are left out", strings.Join(slices.Sorted(maps.Keys(huge)), ", "), largest)
	}
	return torn, nil
}
