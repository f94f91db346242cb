package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pgsrm/run"
)

// sources are the counts of a run's parent, embedder and judges by name, as they stand in
// timings.jsonl: "parent/requests".
type sources map[string]float64

// sourceNames are the sources of a run, as the names in timings.jsonl begin.
var sourceNames = []string{"parent", "embedder", judges}

// judges are the language models that judge answers in the reward.
const judges = "custom/judge"

// quantile says of a count that it is no sum.
func quantile(name string) bool { return strings.Contains(name, "latency_") }

// timingsParser collects one timings.jsonl.
type timingsParser struct {
	seconds  float64
	episodes int
	elapsed  []elapsed
	before   sources // of the processes that have ended
	now      sources // of the last process
}

// add takes one line: seconds of an update, or counts of the sources since their
// process began, or both.
func (p *timingsParser) add(t run.Timing) error {
	p.episodes = max(p.episodes, t.Episode)
	p.seconds += t.Values["seconds"]
	if t.Values["seconds"] > 0 {
		p.elapsed = append(p.elapsed, elapsed{t.Episode, p.seconds})
	}
	counts := sources{}
	for name, v := range t.Values {
		if slices.ContainsFunc(sourceNames, func(source string) bool { _, ok := countOf(name, source); return ok }) {
			counts[name] = v
		}
	}
	p.count(counts)
	return nil
}

// countOf is what a count of a source counts; of several judges each has a number.
func countOf(name, source string) (what string, ok bool) {
	rest, ok := strings.CutPrefix(name, source)
	if source == judges {
		rest = strings.TrimLeft(rest, "_0123456789")
	}
	what, slash := strings.CutPrefix(rest, "/")
	return what, ok && slash
}

// count takes the counts of a line. Counts that fall are those of a new process.
func (p *timingsParser) count(counts sources) {
	for name, v := range counts {
		if !quantile(name) && v < p.now[name] {
			p.before, p.now = p.all(), sources{}
			break
		}
	}
	for name, v := range counts {
		if p.now == nil {
			p.now = sources{}
		}
		p.now[name] = v
	}
}

// all are the counts over all processes; of quantiles the largest.
func (p *timingsParser) all() sources {
	out := sources{}
	for _, counts := range []sources{p.before, p.now} {
		for name, v := range counts {
			if quantile(name) {
				out[name] = max(out[name], v)
			} else {
				out[name] += v
			}
		}
	}
	return out
}

// loadTimings reads the episodes per second over the updates of timings.jsonl, 0
// where there is nothing to tell, and the counts of the sources.
func (r *Run) loadTimings() (torn bool, err error) {
	var p timingsParser
	if torn, err = run.ReadTimings(r.Dir, p.add); err != nil {
		return torn, fmt.Errorf("report: %w", err)
	}
	if p.seconds > 0 {
		r.Speed = float64(p.episodes) / p.seconds
	}
	r.Elapsed, r.Sources = p.elapsed, p.all()
	return torn, nil
}

// sourceColumns are the columns of the table of sources, and which counts each
// adds up: whole names, or the beginning of several.
var sourceColumns = []struct {
	title, hint string
	names       []string
	show        func(v float64) string
}{
	{"known", "requests that this process had answered before", []string{"memory_hits"}, showCount},
	{"in the cache", "requests that the cache answered", []string{"cache_hits"}, showCount},
	{"calls", "requests over the network, retries included", []string{"requests"}, showCount},
	{"retries", "calls that repeat one that failed", []string{"retries"}, showCount},
	{"failures", "calls without an answer in the end, and answers that were refused", []string{"failures/", "refused"}, showCount},
	{"median", "latency of the calls that succeeded", []string{"latency_p50"}, showSeconds},
	{"90%", "nine in ten were faster", []string{"latency_p90"}, showSeconds},
	{"99%", "99 in a hundred were faster", []string{"latency_p99"}, showSeconds},
	{"tokens", "sent and received, as the server counts them", []string{"tokens", "tokens_sent", "tokens_received"}, showCount},
	{"cost", "by the configured prices", []string{"cost"}, showCost},
}

// sourceRow is one source of one run.
type sourceRow struct {
	Arm    string
	Seed   int64
	Source string
	Cells  []string // as sourceColumns
}

// sourceRows are the sources that were counted, by arm and seed.
func (g *Group) sourceRows() []sourceRow {
	var rows []sourceRow
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			for _, source := range sourceNames {
				if cells := r.Sources.cells(source); cells != nil {
					title := "judge"
					if source != judges {
						title = source + ": " + first(r.Config[source], "?")
					}
					rows = append(rows, sourceRow{arm.Label, r.Seed, title, cells})
				}
			}
		}
	}
	return rows
}

// cells are the numbers of one source, nil where it has none.
func (s sources) cells(source string) []string {
	var cells []string
	any := false
	for _, c := range sourceColumns {
		var sum float64
		found := false
		for name, v := range s {
			rest, ok := countOf(name, source)
			for _, want := range c.names {
				if ok && (rest == want || strings.HasSuffix(want, "/") && strings.HasPrefix(rest, want) || strings.HasPrefix(rest, want+"/")) {
					sum, found = sum+v, true
				}
			}
		}
		text := ""
		if found {
			text, any = c.show(sum), true
		}
		cells = append(cells, text)
	}
	if !any {
		return nil
	}
	return cells
}

func showCount(v float64) string { return thousands(int64(math.Round(v))) }

// thousands groups the digits of a number.
func thousands(n int64) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func showSeconds(v float64) string {
	d := time.Duration(v * float64(time.Second))
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

func showCost(v float64) string { return fmt.Sprintf("%.4g", v) }

// sourceTitles are the titles of the columns, each with what it means.
func sourceTitles() [][2]string {
	var out [][2]string
	for _, c := range sourceColumns {
		out = append(out, [2]string{c.title, c.hint})
	}
	return out
}
