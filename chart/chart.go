// Package chart is how charts and pages look, for the report and the dashboard alike:
// the colors of the page in light and in dark mode, those of arms, and a live chart on
// top of uPlot (MIT licence, chart/uplot) with zoom, hover, smoothing, bands and log axes.
//
// A page takes Theme into its style sheet; one with live charts also Style and Script.
// Nothing of it asks for anything over the network, and all of it works under a content
// security policy without inline styles. curves.js describes pgsrmChart.
package chart

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// Color is how an arm looks in light and in dark mode; the dashes, lengths in pixels, tell
// arms apart without color. No dashes = a line without breaks.
type Color struct {
	Light, Dark string
	Dash        []float64
}

// Palette returns the colors of arms, by slot: .cN of Theme sets --c and --dash to those of
// slot N.
func Palette() []Color { return palette }

var palette = []Color{
	{"#2f5be0", "#7d9dff", nil},
	{"#d9730d", "#ffab57", []float64{7, 3.5}},
	{"#b5309b", "#ee7fd8", []float64{2.2, 3.2}},
	{"#0d8a72", "#4fd1b3", nil},
	{"#7a5af0", "#b3a0ff", []float64{9, 3, 2, 3}},
	{"#c0392b", "#ff8a7d", nil},
	{"#2b7fb8", "#74c0ee", []float64{7, 3.5}},
	{"#6f7d1a", "#c3d15a", []float64{2.2, 3.2}},
	{"#8a5a34", "#d3a27c", nil},
	{"#596275", "#a9b3c5", []float64{9, 3, 2, 3}},
}

var (
	//go:embed theme.css
	theme string
	//go:embed curves.css
	curvesStyle string
	//go:embed curves.js
	curvesScript string
	//go:embed uplot/uPlot.min.css
	uplotStyle string
	//go:embed uplot/uPlot.iife.min.js
	uplotScript string
)

// Theme is the part of a style sheet that says how every page looks: variables of colors
// (--bg, --card, --ink, --soft, --faint, --rule, --accent, ...), which follow the system or
// data-theme="light|dark" of the root, and are light on paper, and the colors of arms.
func Theme() string {
	var light, dark, classes strings.Builder
	for i, c := range palette {
		fmt.Fprintf(&light, "--c%d: %s; ", i, c.Light)
		fmt.Fprintf(&dark, "--c%d: %s; ", i, c.Dark)
		fmt.Fprintf(&classes, ".c%d { --c: var(--c%d); --dash: %s; }\n", i, i, dashes(c.Dash))
	}
	return theme + fmt.Sprintf(":root { %s}\n@media screen and (prefers-color-scheme: dark) { :root:not([data-theme=\"light\"]) { %s} }\n@media screen { :root[data-theme=\"dark\"] { %s} }\n",
		light.String(), dark.String(), dark.String()) + classes.String()
}

func dashes(lengths []float64) string {
	if len(lengths) == 0 {
		return "none"
	}
	texts := make([]string, len(lengths))
	for i, l := range lengths {
		texts[i] = strconv.FormatFloat(l, 'f', -1, 64)
	}
	return strings.Join(texts, " ")
}

// Style is the style sheet of live charts; it needs Theme.
func Style() string { return uplotStyle + "\n" + curvesStyle }

// Script defines uPlot and pgsrmChart.
func Script() string { return uplotScript + "\n" + curvesScript }
