package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"pgsrm/chart/charttest"
)

// auditPage opens a file in every view and fails for errors on the console, requests beyond
// the file, and what the audit finds.
func auditPage(t *testing.T, file string) {
	t.Helper()
	b := charttest.Open(t, 4*time.Minute, "file:")
	for _, v := range charttest.Views {
		name := strings.TrimSuffix(filepath.Base(file), ".html") + "-" + v.Name
		b.View(v)
		b.Go("file://" + file)
		b.Audit(name, v)
		b.Clean(name)
		b.Picture(name)
		if v.Print {
			if pdf, err := chromedp.Run(b.Ctx, chromedp.PrintToPDF()); err != nil || !strings.HasPrefix(string(pdf), "%PDF") {
				t.Errorf("%s: there must be a PDF (got %d bytes, %v)", name, len(pdf), err)
			}
		}
	}
}

// The page of a comparison, and of one whose texts are hostile, are whole on a desk, on a
// phone, in the dark and on paper.
func TestPageInABrowser(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "hostile.html")
	if err := os.WriteFile(file, fixturePage(t), 0o666); err != nil {
		t.Fatal(err)
	}
	auditPage(t, file)
	runs := t.TempDir()
	writeFixture(t, runs, 3)
	if err := writeHTML(runs); err != nil {
		t.Fatal(err)
	}
	auditPage(t, filepath.Join(runs, "report.html"))
}
