package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"pgsrm/chart"
	"pgsrm/internal/printable"
)

//go:embed assets
var assets embed.FS

// page is what the template draws.
type page struct {
	Title   string
	CSS     template.CSS
	JS      template.JS
	Legend  []armName
	Groups  []groupView
	Study   studyView
	Browser browserView
	Data    pageData
}

// studyView is what the page shows of several tasks together.
type studyView struct {
	Tasks        []string
	Heats        []heatView
	Forests      []planeView
	Improvements []improvementRow
	Planes       []planeView
}

// pageData is what the script works with.
type pageData struct {
	Frame   frame       `json:"frame"`
	Charts  []chartData `json:"charts"`
	Answers browserData `json:"answers"`
}

// frame is the drawing area of the charts, in the units of their viewBox.
type frame struct {
	Width  float64 `json:"width"` // of the viewBox
	Left   float64 `json:"left"`
	Right  float64 `json:"right"`
	Top    float64 `json:"top"`
	Bottom float64 `json:"bottom"`
}

// groupView is one task on the page.
type groupView struct {
	ID           int
	Summary      Summary
	Alarms       []string
	Warnings     []string
	Verdict      []verdictRow
	Lone         []string // sentences where there is nothing to compare
	Provenance   provenance
	Look         []string // of the child before training, see run.Look.Lines
	Cards        []cardView
	Finals       []finalView
	Charts       []chartView
	More         []chartView
	Table        []tableRow
	Stability    []tableRow
	Forests      []planeView
	Planes       []planeView // of the headline metrics
	MorePlanes   []planeView
	Grids        gridGroup
	Improvements []improvementRow
	Stories      []story
	Recorded     int // answers
	Settings     [][2]string
	Differences  differences
	Environment  [][2]string
	Sources      []sourceRow
}

// cardView is one arm at a glance.
type cardView struct {
	Slot      int
	Label     string
	Value     string
	What      string
	Interval  string
	Delta     tableCell
	Wins      string
	Collapsed string
}

// differences are the settings in which the arms differ.
type differences struct {
	Arms []string
	Rows []tableRow
}

// look is what the first run that looked at its child has seen.
func (g *Group) look() []string {
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			if r.Look != nil {
				return r.Look
			}
		}
	}
	return nil
}

// slots gives every arm of the page a color, the same in all tasks.
func (d *Data) slots() map[string]int {
	var names []string
	for _, g := range d.Groups {
		names = append(names, g.labels()...)
	}
	return slotsOf(names)
}

// slotsOf gives every arm a color: the rewards of every comparison have their own, others
// follow in order.
func slotsOf(names []string) map[string]int {
	slots := map[string]int{}
	fixed := map[string]int{"pgsrm": 0, "binary": 1, "pgsrm-paper": 2}
	next := len(fixed)
	for _, name := range names {
		if _, done := slots[name]; done {
			continue
		}
		if slot, ok := fixed[name]; ok {
			slots[name] = slot
			continue
		}
		slots[name] = next % len(chart.Palette())
		next++
	}
	return slots
}

// WriteHTML writes the page: one file that opens offline.
func (d *Data) WriteHTML(path string) error {
	text, err := d.html()
	if err != nil {
		return err
	}
	return writeFile(path, text)
}

func (d *Data) html() ([]byte, error) {
	style, err := pageStyle()
	if err != nil {
		return nil, err
	}
	script, err := assets.ReadFile("assets/report.js")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	tmpl, err := template.New("report.html.tmpl").Funcs(template.FuncMap{"columns": columns, "sourceColumns": sourceTitles, "list": list, "plural": plural}).ParseFS(assets, "assets/report.html.tmpl")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	p := d.page()
	p.CSS, p.JS = template.CSS(style), template.JS(script) // our own files, not the runs' texts
	var b bytes.Buffer
	if err := tmpl.Execute(&b, p); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return []byte(printable.Text(b.String())), nil // no character of a run turns the direction of the page
}

// pageStyle is the style sheet: tables are stacked on narrow screens, and wide ones on
// paper and on screens of middle width.
func pageStyle() (string, error) {
	var parts [3]string // texts of our own
	for i, name := range []string{"report", "stacked", "print"} {
		text, err := assets.ReadFile("assets/" + name + ".css")
		if err != nil {
			return "", fmt.Errorf("report: %w", err)
		}
		parts[i] = string(text)
	}
	stacked := func(query, tables string) string {
		return fmt.Sprintf("@media %s { %s { %s } }\n", query, tables, strings.ReplaceAll(parts[1], "\n", " "))
	}
	return chart.Theme() + chartStyle() + parts[0] + stacked("screen and (max-width: 760px)", "table:not(.counts, .pairs)") +
		stacked("screen and (max-width: 1100px)", "table.wide") + stacked("print", "table.wide") + parts[2], nil
}

// list puts the parameters of a part of the template together.
func list(values ...any) []any { return values }

// columns are the columns of the table of answers, in the order of the script's
// sort keys.
func columns() []string {
	return []string{"step", "episode", "task", "arm", "seed", "split", "prompt", "reference", "answer", "grade", "reward"}
}

func (d *Data) page() page {
	slots, prompts := d.slots(), d.shownPrompts()
	p := page{Data: pageData{Frame: frame{chartWidth, chartLeft, chartRight, chartTop, chartBottom}, Charts: []chartData{}}}
	var tasks []string
	inLegend := map[string]bool{}
	for i, g := range d.Groups {
		tasks = append(tasks, g.Task)
		for _, arm := range g.Arms {
			if !inLegend[arm.Label] {
				inLegend[arm.Label] = true
				p.Legend = append(p.Legend, armName{arm.Label, slots[arm.Label]})
			}
		}
		v := g.view(i, slots, prompts)
		p.Groups = append(p.Groups, v)
		for _, c := range append(slices.Clone(v.Charts), v.More...) {
			p.Data.Charts = append(p.Data.Charts, c.Data)
		}
	}
	p.Study = d.study(p.Groups, slots)
	p.Data.Answers, p.Browser = d.browser(slots)
	p.Title = "pgsrm · " + clip(strings.Join(tasks, ", "), 120)
	return p
}

// study is what is shown of several tasks together, nothing where there is one.
func (d *Data) study(groups []groupView, slots map[string]int) studyView {
	if len(groups) < 2 {
		return studyView{}
	}
	var tasks []Summary
	var labels []string
	for _, g := range groups {
		tasks = append(tasks, g.Summary)
		for _, arm := range g.Summary.Arms {
			if !slices.Contains(labels, arm.Reward) {
				labels = append(labels, arm.Reward)
			}
		}
	}
	over := d.Overall()
	v := studyView{Tasks: over.Tasks, Heats: heats(tasks, slots), Improvements: improvementRows(over.Improvements), Planes: over.Profiles.planes(slots)}
	for _, label := range labels {
		if f, ok := forestOver(tasks, label, slots); ok {
			v.Forests = append(v.Forests, f)
		}
	}
	return v
}

// view is a task on the page; prompts is of how many prompts answers are shown.
func (g *Group) view(id int, slots map[string]int, prompts int) groupView {
	s := g.Summary()
	v := groupView{
		ID: id, Summary: s, Warnings: s.Warnings, Alarms: s.alarms(), Verdict: s.verdictRows(slots), Lone: s.lone(), Provenance: g.provenance(), Look: g.look(), Table: s.table(), Stability: s.stability(),
		Forests: s.forests(slots), Grids: g.grids(slots, prompts), Improvements: improvementRows(s.Improvements), Stories: g.stories(slots),
	}
	v.Planes, v.MorePlanes = s.planes(slots)
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			v.Recorded += r.Recorded
		}
	}
	for _, arm := range s.Arms {
		v.Cards = append(v.Cards, s.card(arm, slots))
	}
	for _, c := range charts[:len(compared)] {
		if f, ok := s.final(c.Metric, c.Title, slots); ok {
			v.Finals = append(v.Finals, f)
		}
	}
	v.Charts, v.More = g.curveViews(id, slots)
	v.Settings, v.Differences = g.settings()
	v.Environment = g.environment()
	v.Sources = g.sourceRows()
	return v
}

// curveViews are the learning curves: those of charts, and those of all other metrics
// that vary, which are without the lines of single seeds.
func (g *Group) curveViews(id int, slots map[string]int) (main, more []chartView) {
	done := map[string]bool{}
	for _, spec := range charts {
		done[spec.Metric] = true
		if c, ok := g.chart(fmt.Sprintf("chart-%d-%d", id, len(main)), spec, slots); ok {
			main = append(main, c)
		}
	}
	for _, metric := range g.metrics() {
		if done[metric] || !g.varies(metric) {
			continue
		}
		if c, ok := g.chart(fmt.Sprintf("more-%d-%d", id, len(more)), extraChart(metric), slots); ok {
			more = append(more, c)
		}
	}
	return main, more
}

// metrics lists every metric that a run of the task recorded.
func (g *Group) metrics() []string {
	names := map[string]bool{}
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			for name := range r.Series {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// varies tells whether a metric takes more than one value.
func (g *Group) varies(metric string) bool {
	var known *float64
	for _, arm := range g.Arms {
		for _, r := range arm.Runs {
			for _, p := range r.Series[metric] {
				if known == nil {
					known = &p.Value
				} else if p.Value != *known {
					return true
				}
			}
		}
	}
	return false
}

// card shows an arm's headline metric.
func (s Summary) card(arm ArmSummary, slots map[string]int) cardView {
	c := cardView{Slot: slots[arm.Reward], Label: arm.Reward, Value: "–", What: "not evaluated yet"}
	for _, spec := range charts[:len(compared)] {
		e := arm.compared(spec.Metric)
		if e == nil {
			continue
		}
		c.Value, c.What = formatValue(spec.Format, e.Mean), spec.Title
		c.Interval = "one seed, no interval"
		if e.CI95 != nil {
			c.Interval = fmt.Sprintf("95%% interval %s to %s, %d seeds", formatValue(spec.Format, e.CI95[0]), formatValue(spec.Format, e.CI95[1]), len(arm.Seeds))
		}
		break
	}
	if cmp := headline(s, arm.Reward); cmp != nil {
		c.Delta.setDelta(*cmp)
		c.Wins = fmt.Sprintf("above %s in %d of %d seeds", cmp.Baseline, cmp.Wins, len(cmp.Seeds))
	}
	if n := len(arm.CollapsedSeeds); n > 0 {
		c.Collapsed = fmt.Sprintf("collapsed in %d of %d seeds", n, len(arm.Seeds))
	}
	return c
}
