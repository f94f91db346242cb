package report

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

// audit.js looks at a page as it is laid out and returns what is wrong with it.
//
//go:embed testdata/audit.js
var auditScript string

// newBrowser starts Chromium, or skips the test and says so.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{os.Getenv("PGSRM_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium (Debian package chromium): the page is NOT looked at in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	ctx, quit := chromedp.NewContext(ctx)
	t.Cleanup(func() { quit(); stop(); cancel() })
	return ctx
}

// view is how a page is looked at.
type view struct {
	name          string
	width, height int64
	media, scheme string // of CSS: "screen" or "print"; "light" or "dark"
	touch         bool
}

var views = []view{
	{"1280", 1280, 900, "screen", "light", false},
	{"768", 768, 1000, "screen", "light", false},
	{"375", 375, 800, "screen", "light", true},
	{"1280 dark", 1280, 900, "screen", "dark", false},
	{"375 dark", 375, 800, "screen", "dark", true},
	{"print", 703, 1000, "print", "dark", false}, // A4 without its margins; dark mode is no matter on paper
}

// auditPage opens a file in every view and fails for what the audit finds: errors on the
// console, requests beyond the file, something cut or too small, contrast below 4.5.
func auditPage(t *testing.T, browser context.Context, file string) {
	t.Helper()
	for _, v := range views {
		ctx, cancel := chromedp.NewContext(browser)
		problems, found, pdf, err := look(ctx, v, file)
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		if v.media == "print" && !strings.HasPrefix(string(pdf), "%PDF") {
			t.Errorf("%s: there must be a PDF (got %d bytes)", v.name, len(pdf))
		}
		for _, text := range append(problems, found...) {
			t.Errorf("%s: %s", v.name, text)
		}
	}
}

// look opens a file in a view: what the browser complains of, what the audit finds, and
// the PDF of a print.
func look(ctx context.Context, v view, file string) (problems, found []string, pdf []byte, err error) {
	var mu sync.Mutex
	complain := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		problems = append(problems, fmt.Sprintf(format, args...))
	}
	if err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complain("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			complain("console: %s", e.Type)
		case *log.EventEntryAdded:
			complain("console: %s", e.Entry.Text)
		case *network.EventRequestWillBeSent:
			if url := e.Request.URL; !strings.HasPrefix(url, "file:") {
				complain("request: %s", url)
			}
		}
	}); err != nil {
		return nil, nil, nil, err
	}
	set := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.Enable, network.EnableParams{})
		if err == nil {
			_, err = cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: v.width, Height: v.height, DeviceScaleFactor: 1, Mobile: v.touch})
		}
		if err == nil {
			_, err = cdp.Call(ctx, target, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: v.touch})
		}
		if err == nil {
			_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Media: v.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}},
			})
		}
		return err
	})
	if err := chromedp.Do(ctx, set, chromedp.Navigate("file://"+file)); err != nil {
		return nil, nil, nil, err
	}
	if found, err = chromedp.Run(ctx, chromedp.Evaluate[[]string](auditScript+fmt.Sprintf("\naudit(%t)", v.media == "print"))); err != nil {
		return nil, nil, nil, err
	}
	if v.media == "print" {
		pdf, err = chromedp.Run(ctx, chromedp.PrintToPDF())
	} else if shots := os.Getenv("PGSRM_SCREENSHOTS"); shots != "" {
		var picture []byte
		if picture, err = chromedp.Run(ctx, chromedp.FullScreenshot(90)); err == nil {
			err = os.WriteFile(filepath.Join(shots, strings.TrimSuffix(filepath.Base(file), ".html")+"-"+strings.ReplaceAll(v.name, " ", "-")+".jpg"), picture, 0o666)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return problems, found, pdf, err
}

// The page of a comparison, and of one whose texts are hostile, are whole on a desk, on a
// phone, in the dark and on paper.
func TestPageInABrowser(t *testing.T) {
	browser := newBrowser(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "hostile.html")
	if err := os.WriteFile(file, fixturePage(t), 0o666); err != nil {
		t.Fatal(err)
	}
	auditPage(t, browser, file)
	runs := t.TempDir()
	writeFixture(t, runs, 3)
	if err := writeHTML(runs); err != nil {
		t.Fatal(err)
	}
	auditPage(t, browser, filepath.Join(runs, "report.html"))
}
