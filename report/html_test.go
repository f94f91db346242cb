package report

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fixtureDir is a temporary folder, or the one that PGSRM_REPORT_FIXTURE names
// to look at the result.
func fixtureDir(t *testing.T) string {
	if dir := os.Getenv("PGSRM_REPORT_FIXTURE"); dir != "" {
		return dir
	}
	return t.TempDir()
}

// fixturePage is the page about a fixture whose answers and names try to break
// out of it.
func fixturePage(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	writeFixture(t, dir, 2)
	evil := `</script><script>alert(1)</script><img src=x onerror=alert(2)>"'` + "`${alert(3)}"
	path := filepath.Join(dir, "pgsrm", "seed-1", "completions.jsonl")
	out := newJSONL(t, path)
	for i := range 10 {
		out.add(Answer{Step: 300, Episode: 19200, PromptID: string(rune('a' + i)), Prompt: evil, Reference: evil, Response: evil, Greedy: true})
	}
	out.close()
	config := filepath.Join(dir, "binary", "seed-1", "config.yaml")
	if err := os.WriteFile(config, []byte("task: colors\nreward: binary\nseed: 1\nchild: '"+strings.ReplaceAll(evil, "'", "''")+"'\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := writeHTML(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// The page consists of its two scripts and no other, whatever the runs say.
func TestPageEscapes(t *testing.T) {
	page := fixturePage(t)
	if n := bytes.Count(page, []byte("<script")); n != 2 {
		t.Errorf("page must have two script elements (got %d)", n)
	}
	for _, bad := range []string{"<img", "onerror=alert(2)>\"'`${alert(3)}</", "<script>alert"} {
		if bytes.Contains(page, []byte(bad)) {
			t.Errorf("page must not contain %q", bad)
		}
	}
	if !bytes.Contains(page, []byte("&lt;/script&gt;&lt;script&gt;alert(1)")) {
		t.Error("page must show the hostile answer as text")
	}
}

// Nothing of the page makes a request: no address outside it, no import.
func TestPageIsSelfContained(t *testing.T) {
	page := fixturePage(t)
	for _, pattern := range []string{`(?i)https?:`, `(?i)\b(src|href)\s*=\s*["']?[^#"']`, `(?i)url\((\s*["']?)[^#]`, `@import`, `\bfetch\(`, `XMLHttpRequest`, `(?i)<(link|iframe|object|base)\b`} {
		for _, hit := range regexp.MustCompile(pattern).FindAll(page, -1) {
			// The hostile answer of the fixture is text, and names src.
			if !bytes.HasPrefix(hit, []byte("src=x")) {
				t.Errorf("page must not contain %q (pattern %s)", hit, pattern)
			}
		}
	}
	if !bytes.Contains(page, []byte("default-src 'none'")) {
		t.Error("page must forbid requests by its content security policy")
	}
}

var (
	rawElements = regexp.MustCompile(`(?s)<(script|style)\b[^>]*>.*?</(?:script|style)>`)
	anyTag      = regexp.MustCompile(`<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:"[^"]*"|'[^']*'|[^>"'])*?)(/?)>`)
	voidTags    = []string{"meta", "input", "br", "hr"}
)

// Every element that is opened is closed, in order, and no identifier is double.
func TestPageIsWellFormed(t *testing.T) {
	page := rawElements.ReplaceAll(fixturePage(t), nil)
	var open []string
	for _, m := range anyTag.FindAllSubmatch(page, -1) {
		name := strings.ToLower(string(m[2]))
		switch {
		case slices.Contains(voidTags, name) || len(m[4]) > 0:
		case len(m[1]) == 0:
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			t.Fatalf("</%s> must close the last open element (open: %q)", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("all elements must be closed (open: %q)", open)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`\bid="([^"]*)"`).FindAllSubmatch(page, -1) {
		if seen[string(m[1])] {
			t.Errorf("identifier must be unique (got %q twice)", m[1])
		}
		seen[string(m[1])] = true
	}
}

// The same runs give the same bytes.
func TestPageIsReproducible(t *testing.T) {
	dir := t.TempDir()
	writeFixture(t, dir, 2)
	var pages [2][]byte
	for i := range pages {
		data, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		if pages[i], err = data.html(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(pages[0], pages[1]) {
		t.Error("the page must not depend on chance")
	}
}

// writeHTML writes report.html into dir about the runs at or below it.
func writeHTML(dir string) error {
	data, err := Load(dir)
	if err != nil {
		return err
	}
	return data.WriteHTML(filepath.Join(dir, "report.html"))
}
