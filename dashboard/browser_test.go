package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"pgsrm/internal/durable"
	"pgsrm/run"
)

// browser is a tab of Debian's Chromium, which notes what a page complains of and what it
// asks of others.
type browser struct {
	t   *testing.T
	ctx context.Context
	own string // address of the server

	mu    sync.Mutex
	wrong []string
}

// openBrowser starts Chromium for some minutes; where it is not installed the test skips.
func openBrowser(t *testing.T, own string) *browser {
	t.Helper()
	return openBrowserFor(t, own, 5*time.Minute)
}

func openBrowserFor(t *testing.T, own string, limit time.Duration) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("short")
	}
	program := os.Getenv("PGSRM_CHROMIUM")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); program == "" && err == nil {
			program = path
		}
	}
	if program == "" {
		t.Skip("Chromium is not installed (Debian package chromium): the page was NOT tested in a browser")
	}
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir())))
	ctx, late := context.WithTimeout(ctx, limit)
	t.Cleanup(func() { late(); chromedp.Cancel(ctx); cancel() })
	b := &browser{t: t, ctx: ctx, own: own}
	if err := chromedp.Listen(ctx, b.event); err != nil {
		t.Fatal(err)
	}
	kept := int64(1 << 16) // of answers, for a debugger that nobody opens
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{MaxTotalBufferSize: &kept, MaxResourceBufferSize: &kept}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *browser) event(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "exception: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.wrong = append(b.wrong, fmt.Sprintf("console: %s %s", e.Args[0].Value, e.Args[0].Description))
		}
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.own+"/") && e.Request.URL != "about:blank" {
			b.wrong = append(b.wrong, "request: "+e.Request.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			b.wrong = append(b.wrong, "loading failed: "+e.ErrorText)
		}
	}
}

// do runs actions.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to an address of the server.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.own + path))
}

// run evaluates a script for what it does.
func (b *browser) run(script string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](script))
}

// value evaluates an expression.
func value[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%.100s: %v", expression, err)
	}
	return v
}

// wait waits until an expression is true.
func (b *browser) wait(expression string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Poll[chromedp.Void]("!!("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(time.Minute))); err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
}

// size is a screen of a width, light or dark.
func (b *browser) size(width, height int64, scheme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500})
	if err == nil {
		_, err = chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// picture keeps a picture of the screen in the folder that PGSRM_DASHBOARD_PICTURES names.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("PGSRM_DASHBOARD_PICTURES")
	if dir == "" {
		return
	}
	text, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), text, 0o666)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// clean demands that nothing was wrong since the last time.
func (b *browser) clean(what string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrong {
		b.t.Errorf("%s: %s", what, w)
	}
	b.wrong = nil
}

// geometry finds what is cut: the page is wider than the screen, or a text stands beyond it
// or beyond a box that hides what is too long, unless it can be scrolled to.
const geometry = `(() => {
  const out = [], w = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > w) out.push("page is " + document.documentElement.scrollWidth + " wide, the screen " + w);
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.data.trim() || !e.checkVisibility({visibilityProperty: true}) || e.closest(".sr, .skip, .samples.stack thead, select, datalist, script, noscript, dialog:not([open]), #tip")) continue;
    const range = document.createRange();
    range.selectNodeContents(n);
    for (const box of range.getClientRects()) {
      if (box.width === 0) continue;
      for (let p = e; p && p !== document.body; p = p.parentElement) {
        const s = getComputedStyle(p), outer = p.getBoundingClientRect();
        if (["auto", "scroll"].includes(s.overflowX) || s.position === "fixed") { if (box.left < outer.left - 1 && p.scrollLeft === 0) out.push("left of its scroller: " + n.data.slice(0, 40)); break; }
        if (s.overflowX === "hidden" && (box.right > outer.right + 1 || box.left < outer.left - 1)) out.push("cut: " + n.data.slice(0, 40));
      }
      if (!e.closest(".scroll, .lines, dialog") && (box.right > w + 1 || box.left < -1)) out.push("beyond the screen: " + n.data.slice(0, 40));
    }
  }
  return [...new Set(out)].slice(0, 10);
})()`

// contrast finds texts with less contrast to what lies behind them than 4.5.
const contrast = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const out = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (!n.data.trim() || !e.checkVisibility({visibilityProperty: true}) || e.closest(".sr, .skip, :disabled, option, noscript, script, dialog:not([open])")) continue;
    let back = [0, 0, 0, 0];
    const layers = [];
    for (let p = e; p; p = p.parentElement) { layers.push(rgba(getComputedStyle(p).backgroundColor)); if (p.tagName === "DIALOG") break; }
    back = [255, 255, 255, 1];
    for (const l of layers.reverse()) back = over(l, back);
    const a = light(over(rgba(getComputedStyle(e).color), back)), b = light(back), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) out.push(ratio.toFixed(2) + " " + e.tagName + "." + e.className + ": " + n.data.slice(0, 30));
  }
  return [...new Set(out)].slice(0, 10);
})()`

// found fails with what an expression finds.
func (b *browser) found(what, expression string) {
	b.t.Helper()
	for _, line := range value[[]string](b, expression) {
		b.t.Errorf("%s: %s", what, line)
	}
}

// serve is a server that watches a folder, looking often.
func serve(t *testing.T, dir string, o Options) (*Server, string) {
	t.Helper()
	o.Every = 100 * time.Millisecond
	s := New(dir, o)
	server := httptest.NewServer(s)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done; server.CloseClientConnections(); server.Close() })
	return s, server.URL
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
	for _, screen := range []struct {
		width, height int64
		scheme        string
	}{{1280, 900, "light"}, {1280, 900, "dark"}, {768, 1024, "light"}, {375, 812, "light"}, {375, 812, "dark"}} {
		name := fmt.Sprintf("dashboard-%d-%s", screen.width, screen.scheme)
		b.size(screen.width, screen.height, screen.scheme)
		b.open("/")
		b.wait(drawn)
		b.wait(`document.querySelectorAll(".runs tbody tr").length === 10 && document.getElementById("live").textContent === "live"`)
		b.picture(name)
		b.found(name, geometry)
		b.found(name, contrast)
		b.run(`document.getElementById("runs").scrollIntoView()`)
		b.picture(name + "-runs")
		b.run(`[...document.querySelectorAll(".runs .name button")].find((e) => e.textContent.startsWith("going")).click()`)
		b.wait(`document.getElementById("detail").open && document.querySelectorAll(".samples tbody tr").length === 2`)
		b.picture(name + "-run")
		b.found(name+", one run", geometry)
		b.found(name+", one run", contrast)
		b.clean(name)
	}
	b.size(740, 1050, "light") // a sheet of A4 without its margins
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}); err != nil {
		t.Fatal(err)
	}
	b.open("/")
	b.wait(drawn)
	b.wait(`document.querySelectorAll(".runs tbody tr").length === 10`)
	b.found("print", geometry)
	b.picture("dashboard-print")
	if title := value[string](b, `document.title`); title != "pgsrm dashboard" {
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
	b.size(1280, 900, "light")
	b.open("/?m=reward&m=lr")
	b.wait(drawn)
	b.wait(`document.querySelectorAll(".runs tbody tr").length === 2 && document.getElementById("live").textContent === "live"`)
	m.append(t, at, 40, 200)
	b.wait(`[...document.querySelectorAll(".runs tbody tr")].some((r) => r.textContent.includes("50%"))`)

	// Keyboard: a chart says what stands at the cursor; + zooms, 0 shows all.
	b.do(chromedp.Focus(chromedp.CSS(`#charts .curves`)), chromedp.KeyEvent("\u0302")) // ArrowLeft
	b.wait(`!document.getElementById("tip").hidden && document.getElementById("tip").textContent.includes("episodes")`)
	b.do(chromedp.KeyEvent("+"))
	b.wait(`location.search.includes("from=") && !document.getElementById("unzoom").hidden`)
	b.do(chromedp.KeyEvent("0"))
	b.wait(`!location.search.includes("from=") && document.getElementById("unzoom").hidden`)

	// Every control is reached and says what it is.
	b.found("controls", `[...document.querySelectorAll("button, input, select, summary, [tabindex='0']")].filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.getAttribute("aria-label") || e.closest("label"))).map((e) => e.outerHTML.slice(0, 80))`)

	// The address: search, columns, selection, one run.
	b.open("/?q=schedule.lr%3D0.01&col=schedule.lr&m=reward&group=none&log=1&smooth=0.6&x=step")
	b.wait(`document.querySelectorAll(".runs tbody tr").length === 1 && document.querySelector(".runs tbody tr").textContent.includes("0.01")`)
	b.wait(`document.querySelectorAll("#legend .chip").length === 1 && document.querySelector("#controls [name=x]").value === "step" && document.querySelector("#controls [name=log]").checked`)
	b.run(`document.querySelector(".runs .name button").click()`)
	b.wait(`document.getElementById("detail").open && location.search.includes("run=")`)
	address := value[string](b, `location.href`)
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(address))
	b.wait(`document.getElementById("detail").open && document.getElementById("detail-title").textContent === "two"`)
	b.do(chromedp.KeyEvent("\u001b"))
	b.wait(`!document.getElementById("detail").open && !location.search.includes("run=")`)

	// Selected runs side by side.
	b.open("/")
	b.wait(`document.querySelectorAll(".runs tbody tr").length === 2`)
	b.run(`document.querySelectorAll(".runs tbody input").forEach((e) => e.click()); document.getElementById("compare").click()`)
	b.wait(`document.getElementById("detail").open && document.getElementById("detail-body").textContent.includes("schedule.lr")`)

	// The run goes away, and so does its row.
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	b.wait(`document.querySelectorAll(".runs tbody tr").length === 1`)
	b.clean("live")
}

// With a token the browser is let in by the address that was printed, and the address
// forgets it.
func TestPageWithToken(t *testing.T) {
	dir := t.TempDir()
	made{arm: "one", seed: 1, rows: 40}.write(t, filepath.Join(dir, "one"))
	_, own := serve(t, dir, Options{Token: "secret"})
	b := openBrowser(t, own)
	b.open("/?token=secret&q=one")
	b.wait(drawn)
	address, cookies := value[string](b, `location.href`), value[string](b, `document.cookie`)
	if address != own+"/?q=one" || cookies != "" {
		t.Errorf("address %q, cookies %q", address, cookies)
	}
	b.clean("token")
	answer, err := http.Get(own + "/api/runs")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without: %s", answer.Status)
	}
}
