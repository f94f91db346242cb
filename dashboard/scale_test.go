package dashboard

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgsrm/chart/charttest"
	"pgsrm/run"
)

// writeMany makes runs of so many rows each, five seeds of a configuration. Of their files
// that grow only twenty are different: others are links to them.
func writeMany(t testing.TB, dir string, runs, rows int) {
	t.Helper()
	const different = 20
	for i := range runs {
		at := filepath.Join(dir, fmt.Sprintf("arm-%02d", i/5), fmt.Sprint("seed-", i%5+1))
		m := made{arm: fmt.Sprintf("arm-%02d", i/5), seed: i%5 + 1, rows: rows, finished: i%4 > 0, steps: rows}
		if i < different {
			m.write(t, at)
			continue
		}
		m.rows = 0
		m.write(t, at)
		from := filepath.Join(dir, fmt.Sprintf("arm-%02d", i%different/5), fmt.Sprint("seed-", i%5+1))
		for _, name := range []string{run.MetricsFile, run.TimingsFile, run.CompletionsFile} {
			os.Remove(filepath.Join(at, name))
			if err := os.Link(filepath.Join(from, name), filepath.Join(at, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// resident is the memory of a process in MB ("self" = this one), 0 where it cannot be known.
func resident(process string) float64 {
	text, _ := os.ReadFile(filepath.Join("/proc", process, "status"))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// Memory depends on the number of runs and metrics, not on their rows.
func TestMemoryIsBounded(t *testing.T) {
	s := &series{}
	for i := range 1_000_000 {
		s.add(i, float64(i), math.Sin(float64(i)))
	}
	if cap(s.buckets) > mostBuckets || len(s.buckets) < mostBuckets/2 {
		t.Errorf("got %d buckets, room for %d", len(s.buckets), cap(s.buckets))
	}
	sum, n := 0.0, 0
	for i, b := range s.buckets {
		sum += float64(b.mean) * float64(s.points(i))
		n += s.points(i)
		if b.lo > b.mean || b.mean > b.hi {
			t.Fatalf("bucket %d: %+v", i, b)
		}
	}
	if n != 1_000_000 || math.Abs(sum) > 3 {
		t.Errorf("got %d points, sum %g", n, sum)
	}
}

// PGSRM_DASHBOARD_SCALE=1 measures the server with 200 runs of 10,000 rows, and the page
// where there is Chromium: docs/dashboard.md has the figures.
func TestScale(t *testing.T) {
	if os.Getenv("PGSRM_DASHBOARD_SCALE") == "" {
		t.Skip("set PGSRM_DASHBOARD_SCALE to measure 200 runs of 10,000 rows")
	}
	dir := t.TempDir()
	writeMany(t, dir, 200, 10_000)
	began := time.Now()
	s, own := serve(t, dir, Options{})
	for len(s.board.all()) < 200 {
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("list known after %v", time.Since(began).Round(time.Millisecond))
	for {
		s.board.mu.RLock()
		loading := s.board.loading
		s.board.mu.RUnlock()
		if loading == 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("all files read after %v", time.Since(began).Round(time.Millisecond))
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	t.Logf("heap %.0f MB in use, resident %.0f MB", float64(m.HeapInuse)/(1<<20), resident("self"))
	for _, path := range []string{"/api/runs", "/api/metrics", "/api/chart?metric=reward", "/api/chart?metric=lr&group=none&points=600"} {
		began := time.Now()
		ask(t, s, path)
		t.Logf("%s: %v", path, time.Since(began).Round(time.Millisecond))
	}
	b := openBrowser(t, own)
	b.View(charttest.Views[0])
	for range 2 {
		b.Go(own + "/")
		b.Wait(drawn)
		b.Wait(`document.querySelectorAll(".runs tbody tr").length === 100`)
		t.Logf("first paint %.0f ms, first curve %.0f ms after the start of the navigation", charttest.Value[float64](b, `performance.getEntriesByName("first-contentful-paint")[0].startTime`), charttest.Value[float64](b, `Number(document.documentElement.dataset.curve)`))
	}
	for _, group := range []string{"config", "none"} {
		b.Go(own + "/?m=reward&group=" + group)
		b.Wait(drawn)
		took := charttest.Value[[]float64](b, `(async () => {
			const select = document.querySelector("#charts select"), note = document.querySelector("#charts small"), out = [];
			for (const name of ["objective/kl", "objective/entropy", "lr", "policy/entropy_avg", "reward"]) {
				const chart = document.querySelector("#charts figure").chart, before = chart.data, begin = performance.now();
				select.value = name;
				select.dispatchEvent(new Event("change"));
				while (chart.data === before) await new Promise((done) => requestAnimationFrame(done));
				await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
				out.push(Math.round(performance.now() - begin));
			}
			return out;
		})()`)
		t.Logf("switch of metric, lines %s: %v ms", group, took)
	}
	t.Logf("resident at the end %.0f MB", resident("self"))
	b.Clean("scale")
}
