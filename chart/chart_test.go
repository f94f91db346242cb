package chart_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pgsrm/chart"
)

// Every arm has its color in light and in dark, and its dashes.
func TestTheme(t *testing.T) {
	css := chart.Theme()
	for i, c := range chart.Palette() {
		if strings.Count(css, fmt.Sprintf("--c%d: %s;", i, c.Light)) != 1 || strings.Count(css, fmt.Sprintf("--c%d: %s;", i, c.Dark)) != 2 {
			t.Errorf("style sheet must have color %d", i)
		}
	}
	for _, want := range []string{".c1 { --c: var(--c1); --dash: 7 3.5; }", ".c0 { --c: var(--c0); --dash: none; }"} {
		if !strings.Contains(css, want) {
			t.Errorf("style sheet must have %s", want)
		}
	}
}

// Nothing that a page takes from here names another host, and the library is the one whose
// licence stands beside it.
func TestNothingFromElsewhere(t *testing.T) {
	comments := regexp.MustCompile(`(?s)/\*.*?\*/`)
	for name, text := range map[string]string{"theme": chart.Theme(), "style": chart.Style(), "script": chart.Script()} {
		if at := strings.Index(comments.ReplaceAllString(text, ""), "://"); at >= 0 {
			t.Errorf("%s names an address: %.60q", name, text[at:])
		}
	}
	if !strings.Contains(chart.Script(), "uPlot (v1.6.32)") || !strings.Contains(chart.Style(), ".u-over") {
		t.Error("uPlot must be there")
	}
}
