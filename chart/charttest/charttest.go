// Package charttest looks at pages in Debian's Chromium: what a page complains of and what
// it asks of others, and, by audit.js, whether all of it can be seen, read and touched.
package charttest

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed audit.js
var audit string

// View is how a page is looked at.
type View struct {
	Name          string
	Width, Height int64
	Scheme        string // of colors: "light" or "dark"
	Touch, Print  bool
}

// Views are those in which every page must be whole.
var Views = []View{
	{"1280", 1280, 900, "light", false, false},
	{"1280-dark", 1280, 900, "dark", false, false},
	{"768", 768, 1024, "light", false, false},
	{"375", 375, 812, "light", true, false},
	{"375-dark", 375, 812, "dark", true, false},
	{"print", 703, 1000, "dark", false, true}, // A4 without its margins; dark mode is no matter on paper
}

// Browser is a tab.
type Browser struct {
	T   *testing.T
	Ctx context.Context // of chromedp
	own string

	mu    sync.Mutex
	wrong []string
}

// Open starts Chromium for so long; where it is not installed the test skips. Own begins the
// addresses that a page may ask.
func Open(t *testing.T, limit time.Duration, own string) *Browser {
	t.Helper()
	if testing.Short() {
		t.Skip("short: the page is NOT looked at in a browser")
	}
	program := ""
	for _, name := range []string{os.Getenv("PGSRM_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); program == "" && err == nil {
			program = path
		}
	}
	if program == "" {
		t.Skip("no Chromium (Debian package chromium): the page is NOT looked at in a browser")
	}
	ctx, cancel := chromedp.NewContext(t.Context(), chromedp.WithAllocatorOptions(chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir())))
	ctx, late := context.WithTimeout(ctx, limit)
	t.Cleanup(func() { late(); chromedp.Cancel(ctx); cancel() })
	b := &Browser{T: t, Ctx: ctx, own: own}
	if err := chromedp.Listen(ctx, b.event); err != nil {
		t.Fatal(err)
	}
	return b
}

// event notes what is wrong.
func (b *Browser) event(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	complain := func(format string, args ...any) { b.wrong = append(b.wrong, fmt.Sprintf(format, args...)) }
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		complain("exception: %s", e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		complain("console: %s", e.Type)
		for _, a := range e.Args {
			complain("  %s %s", a.Value, a.Description)
		}
	case *log.EventEntryAdded:
		complain("console: %s", e.Entry.Text)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.own) && e.Request.URL != "about:blank" {
			complain("request: %s", e.Request.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			complain("loading failed: %s", e.ErrorText)
		}
	}
}

// Clean demands that nothing was wrong since the last time.
func (b *Browser) Clean(what string) {
	b.T.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrong {
		b.T.Errorf("%s: %s", what, w)
	}
	b.wrong = nil
}

// Call sends a command of the protocol of Chromium.
func Call[P, R any](b *Browser, command cdp.Command[P, R], params P) R {
	b.T.Helper()
	r, err := chromedp.Call(b.Ctx, command, params)
	if err != nil {
		b.T.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// View sets how the page is looked at.
func (b *Browser) View(v View) {
	b.T.Helper()
	media := "screen"
	if v.Print {
		media = "print"
	}
	Call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: v.Width, Height: v.Height, DeviceScaleFactor: 1, Mobile: v.Touch})
	Call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: v.Touch})
	Call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.Scheme}}})
}

// Do runs actions.
func (b *Browser) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	if err := chromedp.Do(b.Ctx, actions...); err != nil {
		b.T.Fatal(err)
	}
}

// Go opens an address.
func (b *Browser) Go(address string) {
	b.T.Helper()
	b.Do(chromedp.Navigate(address))
}

// Run evaluates a script for what it does.
func (b *Browser) Run(script string) {
	b.T.Helper()
	b.Do(chromedp.Evaluate[chromedp.Void](script))
}

// Value evaluates an expression.
func Value[T any](b *Browser, expression string) T {
	b.T.Helper()
	v, err := chromedp.Run(b.Ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.T.Fatalf("%.100s: %v", expression, err)
	}
	return v
}

// Wait waits until an expression is true.
func (b *Browser) Wait(expression string) {
	b.T.Helper()
	if err := chromedp.Do(b.Ctx, chromedp.Poll[chromedp.Void]("!!("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(time.Minute))); err != nil {
		b.T.Fatalf("%s: %v", expression, err)
	}
}

// Audit fails for what cannot be seen, read or touched in a view.
func (b *Browser) Audit(what string, v View) {
	b.T.Helper()
	for _, text := range Value[[]string](b, audit+fmt.Sprintf("\naudit(%t)", v.Print)) {
		b.T.Errorf("%s: %s", what, text)
	}
}

// Picture keeps a picture of the screen in the folder that PGSRM_PICTURES names.
func (b *Browser) Picture(name string) {
	b.T.Helper()
	dir := os.Getenv("PGSRM_PICTURES")
	if dir == "" {
		return
	}
	text, err := chromedp.Run(b.Ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), text, 0o666)
	}
	if err != nil {
		b.T.Fatal(err)
	}
}
