package dashboard

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/memory"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"

	"pgsrm/chart/charttest"
)

// held is what server and page hold after garbage collection, in MB and in pieces.
type held struct {
	ServerHeap, ServerProcess, PageHeap, PageProcess, Nodes, Listeners float64
}

// hold measures it.
func hold(b *charttest.Browser) held {
	b.T.Helper()
	goruntime.GC()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	charttest.Call(b, heapprofiler.CollectGarbage, cdp.Empty{})
	js, dom := charttest.Call(b, runtime.GetHeapUsage, cdp.Empty{}), charttest.Call(b, memory.GetDOMCounters, cdp.Empty{})
	processes, err := chromedp.CallBrowser(b.Ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	if err != nil {
		b.T.Fatal(err)
	}
	page := 0.0
	for _, p := range processes.ProcessInfo {
		if p.Type == "renderer" {
			page = max(page, resident(strconv.FormatInt(p.ID, 10)))
		}
	}
	return held{float64(m.HeapAlloc) / (1 << 20), resident("self"), js.UsedSize / (1 << 20), page, float64(dom.Nodes), float64(dom.JsEventListeners)}
}

// PGSRM_DASHBOARD_HOUR=1h shows a page what an hour brings: ten updates a second, each a step
// of one of ten runs that are trained, of which it is told once a second. A shorter time
// brings all of it, as PGSRM_DASHBOARD_HOUR=4m fifteen times as fast. What server and page
// hold must not grow from the second quarter to the last. It needs -timeout 0;
// docs/dashboard.md has the figures.
func TestHour(t *testing.T) {
	text := os.Getenv("PGSRM_DASHBOARD_HOUR")
	if text == "" {
		t.Skip("set PGSRM_DASHBOARD_HOUR to a time, as 4m, in which to measure memory over the updates of an hour")
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	const updates, looks = 36_000, 24
	dir, runs := t.TempDir(), make([]made, 10)
	at := func(i int) string { return filepath.Join(dir, fmt.Sprintf("arm-%d", i/5), fmt.Sprint("seed-", i%5)) }
	for i := range runs {
		runs[i] = made{arm: fmt.Sprintf("arm-%d", i/5), seed: i % 5, rows: 1, steps: updates/len(runs) + 1}
		runs[i].write(t, at(i))
	}
	s := New(dir, Options{Every: length / updates})
	s.tell = length / 3600
	var asked atomic.Int64
	own := listen(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/runs" {
			asked.Add(1)
		}
		s.ServeHTTP(w, r)
	}))
	b := charttest.Open(t, 24*time.Hour, own+"/") // the machine may be asleep meanwhile
	b.View(charttest.Views[0])
	b.Go(own)
	b.Wait(drawn)
	// The browser keeps a note of every request for a debugger that listens to the network.
	charttest.Call(b, network.Disable, cdp.Empty{})
	var seen []held
	tick := time.NewTicker(length / updates)
	defer tick.Stop()
	for n := range updates {
		<-tick.C
		step := 1 + n/len(runs)
		runs[n%len(runs)].append(t, at(n%len(runs)), step, step+1)
		if (n+1)%(updates/looks) == 0 {
			h := hold(b)
			seen = append(seen, h)
			t.Logf("%6d updates, %d of the page: server %.1f MB (process with the test %.0f MB), page %.1f MB (process %.0f MB), %.0f nodes, %.0f listeners", n+1, asked.Load(), h.ServerHeap, h.ServerProcess, h.PageHeap, h.PageProcess, h.Nodes, h.Listeners)
		}
	}
	b.Wait(fmt.Sprintf(`[...document.querySelectorAll(".runs tbody progress")].length === %d && [...document.querySelectorAll(".runs tbody progress")].every((p) => p.value === p.max)`, len(runs)))
	b.Clean("hour")
	second, last := seen[looks/4:looks/2], seen[looks*3/4:]
	for _, c := range []struct {
		name string
		of   func(h held) float64
		room float64
	}{
		{"heap of the server in MB", func(h held) float64 { return h.ServerHeap }, 1},
		{"process of the server in MB", func(h held) float64 { return h.ServerProcess }, 10},
		{"heap of the page in MB", func(h held) float64 { return h.PageHeap }, 1},
		{"process of the page in MB", func(h held) float64 { return h.PageProcess }, 10},
		{"nodes", func(h held) float64 { return h.Nodes }, 100},
		{"listeners", func(h held) float64 { return h.Listeners }, 10},
	} {
		a, z := middle(second, c.of), middle(last, c.of)
		if math.IsNaN(a) || z > a*1.1+c.room {
			t.Errorf("%s: must stay flat (got %.1f in the second quarter, %.1f in the last)", c.name, a, z)
		}
	}
}

// middle is the median of a number.
func middle(all []held, of func(h held) float64) float64 {
	var values []float64
	for _, h := range all {
		values = append(values, of(h))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
