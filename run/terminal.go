package run

import (
	"fmt"
	"io"
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
	mu   sync.Mutex
	w    io.Writer
	bars *mpb.Progress // nil: plain lines
}

// NewTerminal shows bars on w if bars is set, else plain lines.
func NewTerminal(w io.Writer, bars bool) *Terminal {
	t := &Terminal{w: w}
	if bars {
		t.bars = mpb.New(mpb.WithOutput(w), mpb.WithWidth(100), mpb.WithRefreshRate(200*time.Millisecond), mpb.WithAutoRefresh())
	}
	return t
}

// Run returns the subscriber that shows the run of that name ("" = the only one).
func (t *Terminal) Run(name string) Subscriber {
	name = printable.Text(name)
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

// Println writes one line above the bars, its control characters made visible.
func (t *Terminal) Println(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.w
	if t.bars != nil {
		w = t.bars
	}
	fmt.Fprintln(w, printable.Text(fmt.Sprintf(format, args...)))
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

// text is the speed and the time left at an episode, "" before the first step.
func (p *pace) text(episode int) string {
	if p.seconds == 0 || episode == p.begun {
		return ""
	}
	rate := float64(episode-p.begun) / p.seconds
	if episode == p.episodes {
		return fmt.Sprintf("%.0f episodes/s", rate)
	}
	left := time.Duration(float64(p.episodes-episode) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%.0f episodes/s, %s left", rate, left)
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

// shortScore is scoreText for the end of a bar: exact match, normalised where there
// is that, and likeness, on held-out prompts where there are some.
func shortScore(values map[string]float64) string {
	metric, label := "exact_match_normalized", "right"
	if _, ok := values["eval/train/"+metric]; !ok {
		metric, label = "exact_match", "exact"
	}
	train, ok := values["eval/train/"+metric]
	if !ok {
		return ""
	}
	text, split := fmt.Sprintf("%s %.1f%%", label, 100*train), "train"
	if held, ok := values["eval/held_out/"+metric]; ok {
		text += fmt.Sprintf(", held-out %.1f%%", 100*held)
		split = "held_out"
	}
	if like, ok := values["eval/"+split+"/semantic"]; ok {
		text += fmt.Sprintf(", like %.3f", like)
	}
	return text
}

// figures are the last training numbers of a run that its progress shows.
type figures map[string]float64

// shownFigures are their names, most telling first.
var shownFigures = []struct{ metric, label string }{{"reward", "reward"}, {"objective/entropy", "entropy"}, {"objective/kl", "KL"}}

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

// text is the numbers in a few words, "" before the first step.
func (f figures) text() string {
	var parts []string
	for _, s := range shownFigures {
		if v, ok := f[s.metric]; ok {
			parts = append(parts, fmt.Sprintf("%s %.3g", s.label, v))
		}
	}
	return strings.Join(parts, ", ")
}

// barView is one bar: name, bar, speed, last evaluation, last training numbers. What a
// narrow terminal has no room for is cut from the end.
type barView struct {
	terminal *Terminal
	name     string
	prompts  *mpb.Bar // of the parent, while it is asked
	bar      *mpb.Bar
	pace     pace
	speed    atomic.Pointer[string]
	score    atomic.Pointer[string]
	figures  figures
	numbers  atomic.Pointer[string] // figures in words
}

// Event implements Subscriber.
func (v *barView) Event(e Event) error {
	switch e := e.(type) {
	case Asked:
		v.asked(e)
	case looked:
		v.terminal.showLook(v.name, e)
	case Started:
		v.pace = pace{episodes: e.Episodes, begun: e.Episode}
		v.bar = v.terminal.bars.AddBar(int64(e.Episodes), mpb.BarWidth(16),
			mpb.PrependDecorators(decor.Name(v.name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.Percentage(decor.WC{W: 5}), shown(&v.speed), shown(&v.score), shown(&v.numbers)))
		v.bar.SetCurrent(int64(e.Episode))
		v.terminal.tell(v.name, e.Notes)
	case Metrics:
		v.bar.SetCurrent(int64(e.Episode))
		if text := shortScore(e.Values); text != "" {
			v.score.Store(&text)
		}
		v.figures.take(e.Values)
		numbers := v.figures.text()
		v.numbers.Store(&numbers)
	case Timing:
		v.pace.seconds += e.Values["seconds"]
		text := strings.Replace(v.pace.text(e.Episode), " episodes/s", "/s", 1)
		v.speed.Store(&text)
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

// asked shows the parent in a bar of its own, which gives way to a line.
func (v *barView) asked(a Asked) {
	if v.prompts == nil {
		v.prompts = v.terminal.bars.AddBar(int64(a.Of), mpb.BarWidth(24), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(prefix(v.name)+"parent", decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersNoUnit("%d / %d"), shown(&v.speed)))
	}
	text := askedText(a)
	v.speed.Store(&text)
	v.prompts.SetCurrent(int64(a.Done))
	if a.Done == a.Of {
		v.prompts.Wait()
		v.terminal.Println("%s%s", prefix(v.name), text)
		v.speed.Store(nil)
	}
}

// shown is a decorator with a text that changes.
func shown(text *atomic.Pointer[string]) decor.Decorator {
	return decor.Any(func(decor.Statistics) string {
		if t := text.Load(); t != nil && *t != "" {
			return "  " + *t
		}
		return ""
	})
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
			if numbers := v.figures.text(); numbers != "" {
				parts = append(parts, numbers)
			}
			if speed := v.pace.text(e.Episode); speed != "" {
				parts = append(parts, speed)
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
