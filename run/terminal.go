package run

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"pgsrm/internal/printable"
)

// Terminal shows the progress of one or several runs: a bar for each on a
// terminal, plain lines elsewhere.
type Terminal struct {
	mu    sync.Mutex
	w     io.Writer
	width int
	bars  *mpb.Progress // nil: plain lines
}

// NewTerminal shows bars on w if bars is set, else plain lines. Lines are broken so that
// they fit into width columns; 0 = they are not.
func NewTerminal(w io.Writer, bars bool, width int) *Terminal {
	t := &Terminal{w: w, width: width}
	if bars {
		t.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(100), mpb.WithRefreshRate(200*time.Millisecond), mpb.WithAutoRefresh())
	}
	return t
}

// Run returns the subscriber that shows the run of that name ("" = the only one).
func (t *Terminal) Run(name string) Subscriber {
	name = printable.Shorten(printable.Text(name), longestName)
	if t.bars != nil {
		return &barView{terminal: t, name: name}
	}
	return &plainView{terminal: t, name: name}
}

// Wait leaves the bars as they stand; nothing is shown from then on.
func (t *Terminal) Wait() {
	if t.bars != nil {
		t.bars.Shutdown()
	}
}

// What lines and bars have room for.
const (
	longestName = 60   // columns of the name of a run
	longestLine = 2000 // columns of a text, whatever parents, servers and others answered
)

// Println writes one line above the bars, its control characters made visible.
func (t *Terminal) Println(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.w
	if t.bars != nil {
		w = t.bars
	}
	text := printable.Shorten(printable.Text(fmt.Sprintf(format, args...)), longestLine)
	fmt.Fprintln(w, printable.Wrap(text, t.width))
}

// Warn shows a warning that belongs to no run.
func (t *Terminal) Warn(text string) { t.Println("warning: %s", text) }

// tell shows what was decided for the run of that name.
func (t *Terminal) tell(name string, notes []string) {
	for _, text := range notes {
		t.Println("%s%s", prefix(name), text)
	}
}

// showLook shows what was seen of the child of a run.
func (t *Terminal) showLook(name string, e looked) {
	for _, line := range e.Lines {
		t.Println("%slook: %s", prefix(name), line)
	}
}

// showEnd says what judges were asked, and why a run ended before its last step.
func (t *Terminal) showEnd(name string, e Ended) {
	t.tell(name, e.Judged)
	if e.Stopped != "" {
		t.Println("%sstopped early at step %d: %s", prefix(name), e.Step, e.Stopped)
	}
}

// pace is how fast a run goes: episodes and seconds of this process.
type pace struct {
	episodes int // of the whole run
	begun    int // done when this process began
	seconds  float64
}

// numbers are the speed and the time left at an episode, none before the first step.
func (p *pace) numbers(episode int) []number {
	if p.seconds == 0 || episode == p.begun {
		return nil
	}
	rate := float64(episode-p.begun) / p.seconds
	out := []number{{fmt.Sprintf("%.0f episodes/s", rate), 7}}
	if episode < p.episodes {
		left := time.Duration(float64(p.episodes-episode) / rate * float64(time.Second)).Round(time.Second)
		if left >= time.Hour {
			left = left.Round(time.Minute)
		}
		text := left.String()
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(text, "0s")
		}
		out = append(out, number{text + " left", 0})
	}
	return out
}

// askedText is how far the parent is, and what that took.
func askedText(a Asked) string {
	return fmt.Sprintf("parent: %d of %d prompts, %s", a.Done, a.Of, a.Counts)
}

// scoreText is the headline of an evaluation, "" for other metrics.
func scoreText(values map[string]float64) string {
	var parts []string
	for _, s := range []struct{ name, label string }{{"train", "train"}, {"held_out", "held-out"}} {
		if v, ok := values["eval/"+s.name+"/exact_match"]; ok {
			exact := fmt.Sprintf("%.1f%%", 100*v)
			if n, ok := values["eval/"+s.name+"/exact_match_normalized"]; ok {
				exact += fmt.Sprintf(" (normalised %.1f%%)", 100*n)
			}
			parts = append(parts, fmt.Sprintf("%s exact %s semantic %.3f", s.label, exact, values["eval/"+s.name+"/semantic"]))
		}
	}
	return strings.Join(parts, ", ")
}

// number is one of a bar; where there is no room the highest rank is left out first.
type number struct {
	text string
	rank int // 0 = never
}

// fitted is as many numbers as fit into so many columns.
func fitted(numbers []number, width int) string {
	for {
		var texts []string
		out := -1
		for i, n := range numbers {
			texts = append(texts, n.text)
			if n.rank > 0 && (out < 0 || n.rank > numbers[out].rank) {
				out = i
			}
		}
		text := strings.Join(texts, ", ")
		if out < 0 || printable.Width(text) <= width {
			return text
		}
		numbers = slices.Delete(slices.Clone(numbers), out, out+1)
	}
}

// scores are the headline of an evaluation for a bar: exact match, normalised where there
// is that, and likeness, on held-out prompts where there are some.
func scores(values map[string]float64) []number {
	metric, label := "exact_match_normalized", "right"
	if _, ok := values["eval/train/"+metric]; !ok {
		metric, label = "exact_match", "exact"
	}
	train, ok := values["eval/train/"+metric]
	if !ok {
		return nil
	}
	out, split := []number{{fmt.Sprintf("%s %.1f%%", label, 100*train), 1}}, "train"
	if held, ok := values["eval/held_out/"+metric]; ok {
		out[0].rank, split = 6, "held_out"
		out = append(out, number{fmt.Sprintf("held-out %.1f%%", 100*held), 1})
	}
	if like, ok := values["eval/"+split+"/semantic"]; ok {
		out = append(out, number{fmt.Sprintf("like %.3f", like), 2})
	}
	return out
}

// figures are the last training numbers of a run that its progress shows.
type figures map[string]float64

// shownFigures are their names, most telling first.
var shownFigures = []struct {
	metric, label string
	rank          int // in a bar
}{{"reward", "reward", 3}, {"objective/entropy", "entropy", 4}, {"objective/kl", "KL", 5}}

// take keeps the numbers of a step.
func (f *figures) take(values map[string]float64) {
	if *f == nil {
		*f = figures{}
	}
	for _, s := range shownFigures {
		if v, ok := values[s.metric]; ok {
			(*f)[s.metric] = v
		}
	}
}

// numbers are those of a step as texts with so many digits, none before the first.
func (f figures) numbers(digits int) []number {
	var out []number
	for _, s := range shownFigures {
		if v, ok := f[s.metric]; ok {
			out = append(out, number{fmt.Sprintf("%s %.*g", s.label, digits, v), s.rank})
		}
	}
	return out
}

// barView is one bar: name, bar, speed, last evaluation, last training numbers. What a
// narrow terminal has no room for is left out.
type barView struct {
	terminal *Terminal
	name     string
	prompts  *mpb.Bar // of the parent, while it is asked
	asking   atomic.Pointer[string]
	bar      *mpb.Bar
	pace     pace
	speed    []number
	scores   []number
	figures  figures
	numbers  atomic.Pointer[[]number] // all of these
}

// widestBar is the columns of a bar, its brackets and a space on either side; narrowestBar
// is less than can be told from none.
const (
	widestBar    = 18
	narrowestBar = 8
)

// Event implements Subscriber.
func (v *barView) Event(e Event) error {
	switch e := e.(type) {
	case Asked:
		v.asked(e)
	case looked:
		v.terminal.showLook(v.name, e)
	case Started:
		v.pace = pace{episodes: e.Episodes, begun: e.Episode}
		options := []mpb.BarOption{mpb.BarWidth(widestBar - 2), mpb.AppendDecorators(decor.Any(v.line))}
		if v.name != "" {
			options = append(options, mpb.PrependDecorators(decor.Name(v.name, decor.WCSyncSpaceR)))
		}
		v.bar = v.terminal.bars.AddBar(int64(e.Episodes), options...)
		v.bar.SetCurrent(int64(e.Episode))
		v.terminal.tell(v.name, e.Notes)
	case Metrics:
		v.bar.SetCurrent(int64(e.Episode))
		if found := scores(e.Values); found != nil {
			v.scores = found
		}
		v.figures.take(e.Values)
		v.show()
	case Timing:
		v.pace.seconds += e.Values["seconds"]
		v.speed = v.pace.numbers(e.Episode)
		v.show()
	case Warning:
		v.terminal.Println("%swarning: step %d: %s", prefix(v.name), e.Step, e.Text)
	case Ended:
		if e.Err != nil || e.Stopped != "" {
			v.bar.Abort(false)
		}
		v.bar.Wait() // until it is drawn as it ends
		v.terminal.showEnd(v.name, e)
	}
	return nil
}

// show has the numbers drawn with the next picture.
func (v *barView) show() {
	all := slices.Concat(v.speed, v.scores, v.figures.numbers(2))
	v.numbers.Store(&all)
}

// line is what stands behind the bar, which has the room that is left.
func (v *barView) line(s decor.Statistics) string {
	numbers := []number{{fmt.Sprintf("%3.0f%%", 100*float64(s.Current)/float64(max(1, s.Total))), 0}}
	if more := v.numbers.Load(); more != nil {
		numbers = append(numbers, *more...)
	}
	text := fitted(numbers, s.AvailableWidth)
	if room := s.AvailableWidth - printable.Width(text); room > 0 && room < narrowestBar {
		text = strings.Repeat(" ", room) + text
	}
	return text
}

// asked shows the parent in a bar of its own, which gives way to a line.
func (v *barView) asked(a Asked) {
	text := askedText(a)
	v.asking.Store(&text)
	if v.prompts == nil {
		v.prompts = v.terminal.bars.AddBar(int64(a.Of), mpb.BarWidth(24), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(prefix(v.name)+"parent", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersNoUnit("%d / %d"), decor.Any(func(decor.Statistics) string { return "  " + *v.asking.Load() })))
	}
	v.prompts.SetCurrent(int64(a.Done))
	if a.Done == a.Of {
		v.prompts.Wait()
		v.terminal.Println("%s%s", prefix(v.name), text)
	}
}

// plainView is lines: where it resumes, each evaluation, and warnings.
type plainView struct {
	terminal *Terminal
	name     string
	pace     pace
	figures  figures
	tenth    int // of the parent's prompts shown
}

// Event implements Subscriber.
func (v *plainView) Event(e Event) error {
	switch e := e.(type) {
	case Asked:
		if tenth := 10 * e.Done / max(1, e.Of); tenth > v.tenth || e.Done == e.Of {
			v.tenth = tenth
			v.terminal.Println("%s%s", prefix(v.name), askedText(e))
		}
	case looked:
		v.terminal.showLook(v.name, e)
	case Started:
		v.pace = pace{episodes: e.Episodes, begun: e.Episode}
		if e.Resumed {
			v.terminal.Println("%sresumes at episode %d of %d", prefix(v.name), e.Episode, e.Episodes)
		}
		v.terminal.tell(v.name, e.Notes)
	case Metrics:
		v.figures.take(e.Values)
		if score := scoreText(e.Values); score != "" {
			parts := []string{fmt.Sprintf("episode %d of %d", e.Episode, v.pace.episodes), score}
			for _, n := range slices.Concat(v.figures.numbers(3), v.pace.numbers(e.Episode)) {
				parts = append(parts, n.text)
			}
			v.terminal.Println("%s%s", prefix(v.name), strings.Join(parts, ", "))
		}
	case Timing:
		v.pace.seconds += e.Values["seconds"]
	case Warning:
		v.terminal.Println("%swarning: step %d: %s", prefix(v.name), e.Step, e.Text)
	case Ended:
		v.terminal.showEnd(v.name, e)
	}
	return nil
}

// prefix puts a run's name before its lines.
func prefix(name string) string {
	if name == "" {
		return ""
	}
	return name + ": "
}
