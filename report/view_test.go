package report

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// madeUp is a run with one value of a metric at each of some episodes.
func madeUp(seed int64, metric string, values ...float64) *Run {
	r := &Run{Dir: fmt.Sprintf("seed-%d", seed), Seed: seed, Series: map[string][]Point{}, Config: map[string]string{}}
	for i, v := range values {
		r.Series[metric] = append(r.Series[metric], Point{Step: i, Episode: 100 * i, Value: v})
	}
	r.Episodes = 100 * (len(values) - 1)
	return r
}

// A curve of few values is as recorded, its mean over the seeds that have a value.
func TestShortCurve(t *testing.T) {
	arm := &Arm{Label: "a", Runs: []*Run{madeUp(1, "m", 0.2, 0.4, 0.6), madeUp(2, "m", 0.4, 0.8)}}
	seeds, middle := arm.curves("m", share, curveStretches)
	if want := [][]Point{{{0, 0, 0.2}, {0, 100, 0.4}, {0, 200, 0.6}}, {{0, 0, 0.4}, {0, 100, 0.8}}}; !cmp.Equal(seeds, want) {
		t.Errorf("seeds: %s", cmp.Diff(want, seeds))
	}
	want := []curvePoint{{0, 0.3, 0, 1, 2}, {100, 0.6, 0, 1, 2}, {200, 0.6, 0.6, 0.6, 1}} // t(0.975, 1) = 12.7: cut at the limits
	for i, w := range want {
		if g := middle[i]; g.Episode != w.Episode || math.Abs(g.Mean-w.Mean) > 1e-12 || g.Lo != w.Lo || g.Hi != w.Hi || g.N != w.N {
			t.Errorf("point %d: got %+v, want %+v", i, g, w)
		}
	}
}

// A long curve is averaged within stretches that end at whole sixtieths of it.
func TestLongCurve(t *testing.T) {
	values := make([]float64, 241)
	for i := range values {
		values[i] = float64(i)
	}
	arm := &Arm{Runs: []*Run{madeUp(1, "m", values...)}}
	_, middle := arm.curves("m", free, curveStretches)
	if len(middle) != curveStretches || middle[0].Episode != 400 || middle[59].Episode != 24000 {
		t.Fatalf("grid: got %d points from %v to %v", len(middle), middle[0].Episode, middle[len(middle)-1].Episode)
	}
	if middle[0].Mean != 2 || middle[1].Mean != 6.5 || middle[59].Mean != 238.5 { // 0..4, 5..8, 237..240
		t.Errorf("means: got %v, %v, %v", middle[0].Mean, middle[1].Mean, middle[59].Mean)
	}
}

// chartOf draws a metric of arms with the given runs.
func chartOf(t *testing.T, metric string, runs map[string][]*Run) chartView {
	t.Helper()
	g := &Group{Task: "colors"}
	for _, name := range []string{"pgsrm", "binary"} {
		if len(runs[name]) > 0 {
			g.Arms = append(g.Arms, &Arm{Label: name, Runs: runs[name]})
		}
	}
	for _, spec := range charts {
		if spec.Metric == metric {
			v, ok := g.chart("id", spec, map[string]int{"pgsrm": 0, "binary": 1})
			if !ok {
				t.Fatal("there must be a chart")
			}
			return v
		}
	}
	t.Fatalf("no chart of %s", metric)
	return chartView{}
}

// marksOf counts the marks of an arm by style.
func marksOf(d drawing, arm string) map[string]int {
	out := map[string]int{}
	for _, l := range d.layers {
		if l.arm == arm {
			for _, m := range l.marks {
				out[m.style]++
			}
		}
	}
	return out
}

func TestChart(t *testing.T) {
	v := chartOf(t, exactHeldOut, map[string][]*Run{
		"pgsrm":  {madeUp(1, exactHeldOut, 0, 0.5), madeUp(2, exactHeldOut, 0.1, 0.7)},
		"binary": {madeUp(1, exactHeldOut, 0.05, 0.2)},
	})
	if want := "Exact match, held-out prompts over 100 episodes: pgsrm from 5.0% to 60.0%; binary from 5.0% to 20.0%."; v.Describe != want {
		t.Errorf("words: got %s", v.Describe)
	}
	if got, want := marksOf(v.Drawing, "pgsrm"), map[string]int{"band": 1, "seed": 2, "mean": 1, "end": 1}; !cmp.Equal(got, want) {
		t.Errorf("two seeds: %s", cmp.Diff(want, got))
	}
	if got, want := marksOf(v.Drawing, "binary"), map[string]int{"seed": 1, "mean": 1, "end": 1}; !cmp.Equal(got, want) {
		t.Errorf("one seed has no band: %s", cmp.Diff(want, got))
	}
	want := chartData{ID: "id", Format: "percent", Last: 100, Lines: []lineData{
		{0, "pgsrm", []float64{0, 100}, []float64{0.05, 0.6}, []float64{0, 0}, []float64{0.6853, 1}, []int{2}},
		{1, "binary", nil, []float64{0.05, 0.2}, nil, nil, []int{1}},
	}}
	if !cmp.Equal(v.Data, want) {
		t.Errorf("data: %s", cmp.Diff(want, v.Data))
	}
	var labels []string
	for _, m := range v.Drawing.layers[0].marks {
		if m.text != "" {
			labels = append(labels, m.text)
		}
	}
	// The band of two seeds reaches 100%, the axis a third above the curves.
	if got := strings.Join(labels, " "); got != "0% 20% 40% 60% 80% 100% 0 20 40 60 80 100 episodes" {
		t.Errorf("labels: got %s", got)
	}
	if _, ok := (&Group{Arms: []*Arm{{Label: "a", Runs: []*Run{madeUp(1, "other", 1)}}}}).chart("", charts[0], nil); ok {
		t.Error("a metric that nobody recorded has no chart")
	}
}

// Bands widen an axis by at most a third of what the curves take.
func TestWithBands(t *testing.T) {
	for _, c := range []struct{ lo, hi, wantLo, wantHi float64 }{
		{0.1, 0.9, 0.1, 0.9}, {-5, 5, -0.1, 1.2}, {0.15, 5, 0.15, 1.2},
	} {
		all := []armCurves{{middle: []curvePoint{{Mean: 0.5, Lo: c.lo, Hi: c.hi, N: 2}}}}
		lo, hi := withBands(all, 0.2, 0.95)
		if c.lo == -5 && math.Abs(lo-(0.2-0.25)) > 1e-12 || hi > 0.95+0.25+1e-12 || lo > 0.2 || hi < 0.95 {
			t.Errorf("bands %g to %g: got %g to %g", c.lo, c.hi, lo, hi)
		}
		if c.lo == 0.1 && (lo != 0.1 || hi != 0.95) {
			t.Errorf("a narrow band: got %g to %g", lo, hi)
		}
	}
}

func TestLabels(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1k", 1500: "1.5k", 96000: "96k", 1e6: "1M", 2.5e6: "2.5M"} {
		if got := episodeLabel(v, 0); got != want {
			t.Errorf("%g episodes: got %s, want %s", v, got, want)
		}
	}
	for _, c := range []struct {
		format  string
		v, step float64
		want    string
	}{
		{"percent", 0.2, 0.05, "20%"}, {"percent", 0.005, 0.005, "0.5%"}, {"percent", -1e-18, 0.05, "0%"},
		{"score", -0.25, 0.05, "−0.25"}, {"score", 0.3, 0.1, "0.3"}, {"number", 12, 5, "12"},
	} {
		if got := tickLabel(c.format)(c.v, c.step); got != c.want {
			t.Errorf("tick %g of %s: got %s, want %s", c.v, c.format, got, c.want)
		}
	}
	for _, c := range []struct {
		format string
		v      float64
		want   string
	}{{"percent", 0.1234, "12.3%"}, {"score", -0.12345, "−0.123"}, {"number", 3.14159, "3.14"}} {
		if got := formatValue(c.format, c.v); got != c.want {
			t.Errorf("value %g of %s: got %s, want %s", c.v, c.format, got, c.want)
		}
	}
	for _, c := range []struct{ span, want float64 }{{1, 0.2}, {0.9, 0.2}, {5, 1}, {10, 2}, {24, 5}, {26, 10}} {
		if got := niceStep(c.span, 5); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("step of %g: got %g, want %g", c.span, got, c.want)
		}
	}
}

func ci(lo, hi float64) *[2]float64 { return &[2]float64{lo, hi} }

// ended is the summary of two arms, the first with intervals and comparisons.
func ended() Summary {
	return Summary{Task: "colors", Episodes: 1000, Arms: []ArmSummary{
		{Reward: "pgsrm", Seeds: []int64{1, 2}, EpisodesPerSecond: 1234.4,
			ExactMatch: Splits{HeldOut: &Estimate{Mean: 0.5, CI95: ci(0.4, 0.6), Values: []float64{0.7, 0.3}}},
			KL:         &Estimate{Mean: 2.345, Values: []float64{2.345}}},
		{Reward: "binary", Seeds: []int64{1, 2},
			ExactMatch: Splits{HeldOut: &Estimate{Mean: 0.2, CI95: ci(0, 0.9), Values: []float64{0.1, 0.3}}}},
	}, Comparisons: []Comparison{
		{Reward: "pgsrm", Baseline: "binary", Metric: exactHeldOut, Seeds: []int64{1, 2}, Wins: 2, Holds: true,
			Difference: &Estimate{Mean: 0.3, CI95: ci(0.1, 0.5)}},
	}}
}

// A long name of an arm was cut at the edge of its drawing.
func TestLongNamesFitTheirRow(t *testing.T) {
	s := ended()
	s.Arms[1].Reward = "binary[replay.per_prompt=0,ppo.baseline=group,ppo.scale_rewards=mean]"
	v, _ := s.final(exactHeldOut, "Exact", map[string]int{})
	var names []string
	for _, l := range v.Drawing.layers {
		for _, m := range l.marks {
			if m.style == "name" {
				names = append(names, m.text)
			}
		}
	}
	if d := cmp.Diff([]string{"pgsrm", "binary[replay.per_pr…scale_rewards=mean]"}, names); d != "" {
		t.Error(d)
	}
}

// A row of end values: its bar ends at the mean, its number stands after the
// rightmost of interval and dots, and wide intervals do not squeeze the others.
func TestFinalDrawing(t *testing.T) {
	v, ok := ended().final(exactHeldOut, "Exact", map[string]int{"pgsrm": 0, "binary": 1})
	if !ok || v.Describe != "Exact at the end: pgsrm 50.0%; binary 20.0%." {
		t.Fatalf("got %q, %v", v.Describe, ok)
	}
	var ticks []string
	for _, m := range v.Drawing.layers[0].marks {
		if m.text != "" {
			ticks = append(ticks, m.text)
		}
	}
	if got := strings.Join(ticks, " "); got != "0% 20% 40% 60% 80% 100%" { // of 0.9, the whisker of binary
		t.Errorf("axis: got %s", got)
	}
	at := func(share float64) float64 { return finalLeft + share*(finalRight-finalLeft) }
	row := v.Drawing.layers[1]
	if row.arm != "pgsrm" || row.slot != 0 {
		t.Errorf("first row: got %s in color %d", row.arm, row.slot)
	}
	var dots []float64
	for _, m := range row.marks {
		first, last := m.points[0], m.points[len(m.points)-1]
		switch m.style {
		case "end-bar":
			if first.x != at(0) || math.Abs(last.x-at(0.5)) > 1e-9 {
				t.Errorf("bar: got %v", m.points)
			}
		case "seed-dot":
			dots = append(dots, m.points[0].x)
		case "value":
			if math.Abs(first.x-(at(0.7)+10)) > 1e-9 || m.text != "50.0%" {
				t.Errorf("value: got %s at %v", m.text, first)
			}
		case "whisker":
			if first.y == last.y && (math.Abs(first.x-at(0.4)) > 1e-9 || math.Abs(last.x-at(0.6)) > 1e-9) {
				t.Errorf("whisker: got %v", m.points)
			}
		}
	}
	if len(dots) != 2 || math.Abs(dots[0]-at(0.7)) > 1e-9 || math.Abs(dots[1]-at(0.3)) > 1e-9 {
		t.Errorf("dots: got %v", dots)
	}
	wide := Estimate{Mean: 0.1, CI95: ci(-3, 40), Values: []float64{0.12}}
	if got := wide.reach(0.2); math.Abs(got-0.32) > 1e-12 {
		t.Errorf("reach of a wide interval: got %g, want 0.32", got)
	}
	if _, ok := ended().final(semTrain, "", nil); ok {
		t.Error("a metric that no arm has is not drawn")
	}
}

// The table has the rows that some arm knows; a difference stands with its own arm.
func TestTable(t *testing.T) {
	rows := ended().table()
	var titles []string
	for _, r := range rows {
		titles = append(titles, r.Title)
	}
	if want := []string{"Exact match, held-out", "KL to the start model", "Speed"}; !slices.Equal(titles, want) {
		t.Fatalf("rows: got %q, want %q", titles, want)
	}
	want := []tableCell{
		{Value: "50.0%", Interval: "40.0% to 60.0%", Delta: "+30.0 points", Class: "up", Remark: "against binary, paired over 2 seeds; 95% interval +10.0 to +50.0"},
		{Value: "20.0%", Interval: "0.0% to 90.0%"},
	}
	if !cmp.Equal(rows[0].Cells, want) {
		t.Errorf("cells: %s", cmp.Diff(want, rows[0].Cells))
	}
	if got := rows[1].Cells; got[0].Value != "2.35" || got[0].Interval != "" || got[1].Value != "" {
		t.Errorf("KL: got %+v", got)
	}
	if got := rows[2].Cells; got[0].Value != "1234" || got[1].Value != "" {
		t.Errorf("speed: got %+v", got)
	}
}

// A card shows the first compared metric that the arm has.
func TestCard(t *testing.T) {
	s := ended()
	s.Arms[0].CollapsedSeeds = []int64{2}
	got := s.card(s.Arms[0], map[string]int{"pgsrm": 4})
	want := cardView{Slot: 4, Label: "pgsrm", Value: "50.0%", What: "Exact match, held-out prompts", Interval: "95% interval 40.0% to 60.0%, 2 seeds",
		Delta: tableCell{Delta: "+30.0 points", Class: "up", Remark: "against binary, paired over 2 seeds; 95% interval +10.0 to +50.0"},
		Wins:  "above binary in 2 of 2 seeds", Collapsed: "collapsed in 1 of 2 seeds"}
	if !cmp.Equal(got, want) {
		t.Errorf("card: %s", cmp.Diff(want, got))
	}
	if got := s.card(ArmSummary{Reward: "x"}, nil); got.Value != "–" || got.What != "not evaluated yet" || got.Interval != "" {
		t.Errorf("an arm without values: got %+v", got)
	}
}

// Pairs are the complete runs of one seed and one length in both arms.
func TestCompare(t *testing.T) {
	arm := &Arm{Label: "a", Runs: []*Run{madeUp(1, exactTrain, 0, 0.1), madeUp(2, exactTrain, 0, 0.2), madeUp(3, exactTrain, 0, 0.15), madeUp(4, exactTrain, 0, 0.9)}}
	base := &Arm{Label: "b", Runs: []*Run{madeUp(1, exactTrain, 0, 0.5), madeUp(2, exactTrain, 0, 0.61), madeUp(3, exactTrain, 0, 0.55)}}
	c, ok := compare(arm, base, exactTrain)
	all := []Comparison{c}
	correct(all)
	if c = all[0]; !ok || !slices.Equal(c.Seeds, []int64{1, 2, 3}) || c.Wins != 0 || c.Losses != 3 || !c.Holds || c.class() != "down" {
		t.Errorf("losses: got %+v, %v, class %s", c, ok, c.class())
	}
	// A run of another length is no pair, even where both are complete in their arm.
	short := &Arm{Label: "b", Runs: []*Run{madeUp(1, exactTrain, 0, 0.3, 0.5), madeUp(2, exactTrain, 0, 0.3, 0.6), madeUp(3, exactTrain, 0, 0.3, 0.55)}}
	if c, ok := compare(arm, short, exactTrain); ok {
		t.Errorf("runs of 100 and 200 episodes: got %+v", c)
	}
	if c, ok := compare(arm, base, semTrain); ok {
		t.Errorf("a metric that nobody has: got %+v", c)
	}
	open := &Arm{Label: "b", Runs: []*Run{madeUp(1, exactTrain, 0, 0.05), madeUp(2, exactTrain, 0, 0.25)}}
	if c, _ := compare(arm, open, exactTrain); c.Holds || c.class() != "open" || c.Wins != 1 || c.Losses != 1 {
		t.Errorf("a tie: got %+v", c)
	}
}

// said are greedy answers at a step.
func said(step int, responses ...string) []Answer {
	var out []Answer
	for i, text := range responses {
		out = append(out, Answer{Step: step, Episode: 100 * step, PromptID: fmt.Sprint(i), Prompt: "p", Reference: fmt.Sprint("r", i), Response: text, Greedy: true})
	}
	return out
}

func TestConstantAnswers(t *testing.T) {
	for _, c := range []struct {
		responses string
		top       string
		yes       bool
	}{
		{"a a a a b c d e", "a", true}, {"a a a b c d e f", "a", false}, {"a a a a a a a", "", false}, {"B b b B c d e f", "b", true},
	} {
		top, yes := constant(said(1, strings.Fields(c.responses)...))
		if yes != c.yes || yes && top.Answer != c.top {
			t.Errorf("%s: got %+v, %v", c.responses, top, yes)
		}
	}
	if top := topText([]string{"b", "a", "b", "a"}); top.Answer != "a" || top.Share != 0.5 {
		t.Errorf("a tie goes by the text: got %+v", top)
	}
	same := said(1, strings.Fields("a a a a a b c d")...)
	for i := range same {
		same[i].Reference = []string{"x", "y"}[i%2]
	}
	if _, yes := constant(same); yes {
		t.Error("a task of two answers: 5 of 8 are not more than twice the share of one reference")
	}
	a, b := said(1, strings.Fields("a a a a a a a a")...), said(9, strings.Fields("b b b b b b b b")...)
	for _, c := range []struct {
		first, final []Answer
		want         bool
	}{{said(1, strings.Fields("a b c d e f g h")...), b, true}, {a, b, true}, {a, a, false}, {a, said(9, strings.Fields("a b c d e f g h")...), false}} {
		if got := (&Run{First: c.first, Final: c.final}).collapsed(); got != c.want {
			t.Errorf("from %s to %s: got %v", c.first[0].Response, c.final[0].Response, got)
		}
	}
}

// Of each prompt and stretch of time the last greedy answer is kept, else the last.
func TestChooseAnswers(t *testing.T) {
	sampled := func(step int, text string) Answer {
		return Answer{Step: step, Episode: 100 * step, PromptID: "0", Prompt: "p", Response: text}
	}
	greedy := func(step int, text string) Answer {
		a := sampled(step, text)
		a.Greedy = true
		return a
	}
	all := []Answer{greedy(0, "start"), sampled(50, "s1"), greedy(51, "g1"), sampled(52, "s2"), greedy(53, "g2"), sampled(69, "end")}
	var got []string
	for _, a := range chooseAnswers(all, 7000) { // stretches of 1,000 episodes: step 1 to 10, 11 to 20, ...
		got = append(got, a.Response)
	}
	if want := []string{"start", "s1", "g2", "end"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	var many []Answer
	for i := range 3 * answerPrompts {
		many = append(many, Answer{PromptID: fmt.Sprint(i), Prompt: "p", Greedy: true})
	}
	if n := len(chooseAnswers(many, 100)); n != answerPrompts {
		t.Errorf("prompts: got %d, want %d", n, answerPrompts)
	}
	for _, c := range []struct{ episode, episodes, want int }{{0, 700, 0}, {1, 700, 1}, {100, 700, 1}, {101, 700, 2}, {700, 700, 7}, {900, 700, 7}, {5, 0, 0}} {
		if got := window(c.episode, c.episodes); got != c.want {
			t.Errorf("window of %d in %d: got %d, want %d", c.episode, c.episodes, got, c.want)
		}
	}
}

// Every chart of the page has its numbers for the script, the further ones too.
func TestEveryChartHasItsNumbers(t *testing.T) {
	page := string(fixturePage(t))
	var data struct {
		Frame  frame `json:"frame"`
		Charts []struct {
			ID    string     `json:"id"`
			Lines []lineData `json:"lines"`
		} `json:"charts"`
	}
	_, text, _ := strings.Cut(page, `id="data">`)
	text, _, _ = strings.Cut(text, "</script>")
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		t.Fatal(err)
	}
	var drawn, numbers []string
	for _, m := range regexp.MustCompile(`<svg class="chart" id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		drawn = append(drawn, m[1])
	}
	for _, c := range data.Charts {
		numbers = append(numbers, c.ID)
		if len(c.Lines) != 4 {
			t.Errorf("%s: got %d lines, want 4", c.ID, len(c.Lines))
		}
	}
	if !slices.Equal(drawn, numbers) || !slices.ContainsFunc(drawn, func(id string) bool { return strings.HasPrefix(id, "more-") }) {
		t.Errorf("charts: got %q, numbers of %q", drawn, numbers)
	}
	if data.Frame != (frame{chartWidth, chartLeft, chartRight, chartTop, chartBottom}) {
		t.Errorf("frame: got %+v", data.Frame)
	}
}

// The figures hold four curves, and end values on held-out prompts.
func TestFigureTiles(t *testing.T) {
	dir := fixtureDir(t)
	writeFixture(t, dir, 2)
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	g, slots := data.Groups[0], data.slots()
	titles := func(tiles []tile) string {
		var out []string
		for _, x := range tiles {
			out = append(out, x.title)
		}
		return strings.Join(out, "; ")
	}
	if got := titles(g.curveTiles(slots)); got != "Exact match, held-out prompts; Semantic score, held-out prompts; Reward of sampled answers; Entropy" {
		t.Errorf("curves: got %s", got)
	}
	if got := titles(g.finalTiles(slots)); got != "Exact match, held-out prompts, at the end; Semantic score, held-out prompts, at the end" {
		t.Errorf("end values: got %s", got)
	}
	for in, want := range map[string]string{"colors": "colors", "../my tasks/ä.jsonl": "my-tasks-.jsonl", "///": "task"} {
		if got := fileName(in); got != want {
			t.Errorf("file of %s: got %s, want %s", in, got, want)
		}
	}
}

// Arms of the usual rewards have their colors, others follow, all of them again
// after the last.
func TestSlots(t *testing.T) {
	var arms []*Arm
	for _, label := range []string{"mine", "binary", "pgsrm", "b", "c", "d", "e", "f", "g", "h", "i"} {
		arms = append(arms, &Arm{Label: label})
	}
	got := (&Data{Groups: []*Group{{Arms: arms}, {Arms: arms[:2]}}}).slots()
	for label, want := range map[string]int{"pgsrm": 0, "binary": 1, "mine": 3, "b": 4, "g": 9, "h": 0, "i": 1} {
		if got[label] != want {
			t.Errorf("%s: got %d, want %d", label, got[label], want)
		}
	}
}
