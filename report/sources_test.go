package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// timed is a run directory with some lines of timings.
func timed(t *testing.T, lines string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pgsrm", "seed-1")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"config.yaml":   "task: colors\nreward: pgsrm\nparent: openai:m@http://h/v1\nembedder: builtin\nseed: 1\n",
		"metrics.jsonl": "{\"step\":1,\"episode\":50,\"reward\":0.5}\n",
		"timings.jsonl": lines,
	} {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

// The counts of a process are its last ones; those of processes add up, and of
// their latencies the largest counts.
func TestSources(t *testing.T) {
	dir := timed(t, `{"step":0,"episode":0,"parent/requests":1200,"parent/retries":0,"parent/cache_hits":3,"parent/latency_p50":0.05,"parent/cost":0.25,"parent/tokens_sent":900,"parent/tokens_received":100,"parent/failures/timeout":1,"parent/refused/long":2}
{"step":1,"episode":50,"seconds":1,"rollout":0.5}
{"step":1,"episode":50,"evaluate":1,"embedder/requests":10,"embedder/latency_p99":0.5}
{"step":2,"episode":100,"seconds":1}
{"step":2,"episode":100,"evaluate":1,"embedder/requests":25,"embedder/latency_p99":0.4}
{"step":3,"episode":150,"evaluate":1,"embedder/requests":7,"embedder/latency_p99":2.25}
{"step":3,"episode":150,"evaluate":1,"embedder/requests":3,"embedder/latency_p99":0.1}
`)
	r, err := loadRun(dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Speed != 75 {
		t.Errorf("speed %v, want 75", r.Speed)
	}
	g := newGroup("colors", []*Run{r})
	rows := g.sourceRows()
	if len(rows) != 2 {
		t.Fatalf("%d rows, want 2", len(rows))
	}
	for i, want := range []struct {
		source string
		cells  []string
	}{
		{"parent: openai:m@http://h/v1", []string{"", "3", "1,200", "0", "3", "50ms", "", "", "1,000", "0.25"}},
		{"embedder: builtin", []string{"", "", "35", "", "", "", "", "2.25s", "", ""}},
	} {
		if rows[i].Source != want.source || !slices.Equal(rows[i].Cells, want.cells) {
			t.Errorf("got %s %q, want %s %q", rows[i].Source, rows[i].Cells, want.source, want.cells)
		}
	}
	page, err := (&Data{Groups: []*Group{g}}).html()
	if err != nil || !strings.Contains(string(page), ">parent: openai:m@http://h/v1</td>") {
		t.Errorf("page must have the table of sources (%v)", err)
	}
}

// Runs whose sources cost nothing have no such table.
func TestNoSources(t *testing.T) {
	r, err := loadRun(timed(t, "{\"step\":1,\"episode\":50,\"seconds\":1}\n"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := (&Data{Groups: []*Group{newGroup("colors", []*Run{r})}}).html()
	if err != nil || strings.Contains(string(page), ">Sources<") {
		t.Errorf("page must have no table of sources (%v)", err)
	}
}
