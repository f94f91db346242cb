package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"pgsrm/chart/charttest"
	"pgsrm/internal/durable"
	"pgsrm/run"
)

// openBrowser opens a tab that may ask the server alone.
func openBrowser(t *testing.T, own string) *charttest.Browser {
	t.Helper()
	return charttest.Open(t, 5*time.Minute, own+"/")
}

// serve is a server that watches a folder, looking often, and its address.
func serve(t *testing.T, dir string, o Options) (*Server, string) {
	t.Helper()
	o.Every = 100 * time.Millisecond
	s := New(dir, o)
	return s, listen(t, s, s)
}

// listen runs a server, which a handler stands before.
func listen(t *testing.T, s *Server, h http.Handler) (own string) {
	t.Helper()
	server := httptest.NewServer(h)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done; server.CloseClientConnections(); server.Close() })
	return server.URL
}

const drawn = `document.documentElement.dataset.ready === "1" && [...document.querySelectorAll("#charts .curves")].some((c) => c.querySelector("canvas"))`

// The page at three widths, light and dark: nothing complains, nothing is asked of others,
// nothing is cut, all is legible, whatever texts the runs have.
func TestPage(t *testing.T) {
	dir := t.TempDir()
	for _, arm := range []string{"binary", "pgsrm", "pgsrm-paper"} {
		for seed := 1; seed <= 3; seed++ {
			made{arm: arm, seed: seed * len(arm), rows: 300, finished: true}.write(t, filepath.Join(dir, "colors", arm, fmt.Sprint("seed-", seed)))
		}
	}
	hostile := "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\x1b[31m\u202egnp" + strings.Repeat("wide", 100)
	reward := 0.25
	going := made{arm: hostile[:90], seed: 7, rows: 120, steps: 400, answers: []run.Completion{
		{Prompt: hostile, Reference: hostile, Response: hostile + strings.Repeat("x", 1<<19), Reward: &reward, Finish: "length", Greedy: true, Split: "train"}, {Prompt: "אדום וכחול", Reference: "סגול", Response: " ", Finish: "eos", Error: hostile}},
		warnings: []run.Warning{{Step: 9, Text: hostile}}}
	at := filepath.Join(dir, "going <b>\u202e on")
	going.write(t, at)
	lock, err := durable.TryLock(filepath.Join(at, run.LockFile), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	_, own := serve(t, dir, Options{})
	b := openBrowser(t, own)
	for _, v := range charttest.Views {
		name := "dashboard-" + v.Name
		b.View(v)
		b.Go(own)
		b.Wait(drawn)
		b.Wait(`document.querySelectorAll(".runs tbody tr").length === 10 && document.getElementById("live").textContent === "live"`)
		b.Picture(name)
		b.Audit(name, v)
		if !v.Print {
			b.Run(`document.getElementById("runs").scrollIntoView()`)
			b.Picture(name + "-runs")
			b.Run(`[...document.querySelectorAll(".runs .name button")].find((e) => e.textContent.startsWith("going")).click()`)
			b.Wait(`document.getElementById("detail").open && document.querySelectorAll(".samples tbody tr").length === 2`)
			b.Picture(name + "-run")
			b.Audit(name+", one run", v)
		}
		b.Clean(name)
	}
	if title := charttest.Value[string](b, `document.title`); title != "pgsrm dashboard" {
		t.Errorf("a text of a run became a part of the page: title %q", title)
	}
}

// The page follows a run that goes on, answers the keyboard, and an address leads back to
// what was seen.
func TestPageLives(t *testing.T) {
	dir := t.TempDir()
	m := made{arm: "one", seed: 1, rows: 40, steps: 400}
	at := filepath.Join(dir, "one")
	m.write(t, at)
	made{arm: "two", seed: 1, rows: 400, finished: true, config: "schedule:\n  lr: 0.01\n"}.write(t, filepath.Join(dir, "two"))
	_, own := serve(t, dir, Options{})
	b := openBrowser(t, own)
	b.View(charttest.Views[0])
	b.Go(own + "/?m=reward&m=lr")
	b.Wait(drawn)
	b.Wait(`document.querySelectorAll(".runs tbody tr").length === 2 && document.getElementById("live").textContent === "live"`)
	m.append(t, at, 40, 200)
	b.Wait(`[...document.querySelectorAll(".runs tbody tr")].some((r) => r.textContent.includes("50%"))`)

	// Keyboard: a chart says what stands at the cursor; + zooms, 0 shows all.
	b.Do(chromedp.Focus(chromedp.CSS(`#charts .curves`)), chromedp.KeyEvent("\u0302")) // ArrowLeft
	b.Wait(`!document.getElementById("tip").hidden && document.getElementById("tip").textContent.includes("episodes")`)
	b.Do(chromedp.KeyEvent("+"))
	b.Wait(`location.search.includes("from=") && !document.getElementById("unzoom").hidden`)
	b.Do(chromedp.KeyEvent("0"))
	b.Wait(`!location.search.includes("from=") && document.getElementById("unzoom").hidden`)

	// The address: search, columns, selection, one run.
	b.Go(own + "/?q=schedule.lr%3D0.01&col=schedule.lr&m=reward&group=none&log=1&smooth=0.6&x=step")
	b.Wait(`document.querySelectorAll(".runs tbody tr").length === 1 && document.querySelector(".runs tbody tr").textContent.includes("0.01")`)
	b.Wait(`document.querySelectorAll("#legend .chip").length === 1 && document.querySelector("#controls [name=x]").value === "step" && document.querySelector("#controls [name=log]").checked`)
	b.Run(`document.querySelector(".runs .name button").click()`)
	b.Wait(`document.getElementById("detail").open && location.search.includes("run=")`)
	address := charttest.Value[string](b, `location.href`)
	b.Do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	b.Wait(`document.getElementById("detail").open && document.getElementById("detail-title").textContent === "two"`)
	b.Do(chromedp.KeyEvent("\u001b"))
	b.Wait(`!document.getElementById("detail").open && !location.search.includes("run=")`)

	// Selected runs side by side.
	b.Go(own + "/")
	b.Wait(`document.querySelectorAll(".runs tbody tr").length === 2`)
	b.Run(`document.querySelectorAll(".runs tbody input").forEach((e) => e.click()); document.getElementById("compare").click()`)
	b.Wait(`document.getElementById("detail").open && document.getElementById("detail-body").textContent.includes("schedule.lr")`)

	// The run goes away, and so does its row.
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	b.Wait(`document.querySelectorAll(".runs tbody tr").length === 1`)
	b.Clean("live")
}

// With a token the browser is let in by the address that was printed, and the address
// forgets it.
func TestPageWithToken(t *testing.T) {
	dir := t.TempDir()
	made{arm: "one", seed: 1, rows: 40}.write(t, filepath.Join(dir, "one"))
	_, own := serve(t, dir, Options{Token: "secret"})
	b := openBrowser(t, own)
	b.Go(own + "/?token=secret&q=one")
	b.Wait(drawn)
	address, cookies := charttest.Value[string](b, `location.href`), charttest.Value[string](b, `document.cookie`)
	if address != own+"/?q=one" || cookies != "" {
		t.Errorf("address %q, cookies %q", address, cookies)
	}
	b.Clean("token")
	answer, err := http.Get(own + "/api/runs")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without: %s", answer.Status)
	}
}
