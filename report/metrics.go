package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Point is one value of a metric.
type Point struct {
	Step    int     // updates done
	Episode int     // samples seen
	Value   float64 // in the metric's unit
}

// metricParser collects the series of one metrics.jsonl.
type metricParser struct {
	series map[string][]Point
	last   int // step of the line before
}

// parse adds one line {"step":12,"episode":768,"<metric>":value,...}. A null is
// a value that could not be computed and is left out.
func (p *metricParser) parse(line []byte) error {
	var fields map[string]*json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return fmt.Errorf("must be a JSON object: %w", err)
	}
	at := map[string]int{"step": 0, "episode": 0}
	for name := range at {
		raw := fields[name]
		if raw == nil {
			return fmt.Errorf("must have the field %q", name)
		}
		var n int
		if err := json.Unmarshal(*raw, &n); err != nil || n < 0 {
			return fmt.Errorf("%s must be a whole number of at least 0 (got %s)", name, *raw)
		}
		at[name] = n
		delete(fields, name)
	}
	if at["step"] < p.last {
		return fmt.Errorf("step must not fall (got %d after %d)", at["step"], p.last)
	}
	values := make(map[string]float64, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		raw := fields[name]
		if raw == nil {
			continue
		}
		var v float64
		if err := json.Unmarshal(*raw, &v); err != nil {
			return fmt.Errorf("%s must be a number (got %.40s)", name, *raw)
		}
		values[name] = v
	}
	// Nothing is kept of a line that is bad anywhere.
	p.last = at["step"]
	for name, v := range values {
		p.series[name] = append(p.series[name], Point{at["step"], at["episode"], v})
	}
	return nil
}

// readMetrics reads one metrics.jsonl into a series for each metric.
func readMetrics(path string) (series map[string][]Point, partial bool, err error) {
	p := metricParser{series: map[string][]Point{}}
	partial, err = readLines(path, p.parse)
	return p.series, partial, err
}
