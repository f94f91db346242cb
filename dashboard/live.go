package dashboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pgsrm/config"
	"pgsrm/internal/printable"
	"pgsrm/run"
)

const (
	mostMetrics  = 1000 // of a run
	longestName  = 200  // bytes of the name of a metric
	keptWarnings = 50   // the last ones of a run
	keptRates    = 64   // lines of timings by which the speed is told
	longestText  = 400  // characters of a text in the list
)

// live is one run directory and what was read of it.
type live struct {
	id   string // stays as long as the directory has its name
	name string // relative to the folder of the dashboard, with slashes

	mu       sync.Mutex // of all below
	overview run.Overview
	keys     []string // values of the configuration, in the order of keyNames
	group    string   // what runs of one group have in common
	arm      string

	metrics, timings, warnings follower
	files                      [3]stamp // of config, environment and end
	lock                       stamp
	looked                     time.Time // when the state was last found
	grown                      time.Time // when a file last grew

	series  map[string]*series
	order   []*namedSeries // series in the order of the last line, by which the next is read
	warned  []run.Warning
	flat    int                // warnings of the kind run.WarnNoSignal
	counts  map[string]float64 // of the sources, as they stand in timings.jsonl
	rates   []rate             // the last ones
	spent   float64            // seconds of all lines of timings
	broken  string             // what of the files could not be read
	begun   bool
	scratch []number // of the line that is read

	samples samples
}

type namedSeries struct {
	name   string
	series *series
}

// rate is a line of timings: episodes done, and the seconds that it took.
type rate struct {
	episode float64
	seconds float64
}

// stamp tells one state of a file from another.
type stamp struct {
	size int64
	at   time.Time
}

func stampOf(path string) stamp {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{-1, time.Time{}}
	}
	return stamp{st.Size(), st.ModTime()}
}

// newLive opens a run directory at or below root.
func newLive(root, dir string) *live {
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		rel = dir
	}
	name := filepath.ToSlash(rel)
	if name == "." {
		name = filepath.Base(dir)
	}
	sum := sha256.Sum256([]byte(filepath.ToSlash(rel)))
	r := &live{id: hex.EncodeToString(sum[:8]), name: clip(name, longestText)}
	r.overview.Dir = dir
	r.metrics.path = filepath.Join(dir, run.MetricsFile)
	r.timings.path = filepath.Join(dir, run.TimingsFile)
	r.warnings.path = filepath.Join(dir, run.WarningsFile)
	r.samples.file.path = filepath.Join(dir, run.CompletionsFile)
	r.forget()
	return r
}

// forget drops what was read of the files that grow.
func (r *live) forget() {
	r.series, r.order, r.overview.Eval = map[string]*series{}, nil, nil
	r.overview.Step, r.overview.Episode = 0, 0
}

// start reads configuration and environment where they have changed.
func (r *live) start() (changed bool) {
	dir := r.overview.Dir
	files := [3]stamp{stampOf(filepath.Join(dir, run.ConfigFile)), stampOf(filepath.Join(dir, run.EnvironmentFile)), r.files[2]}
	if files == r.files {
		return false
	}
	o, err := run.ReadStart(dir)
	if err != nil { // it is about to go; the next search finds out
		return false
	}
	o.Step, o.Episode, o.Eval, o.EvalStep, o.Seconds = r.overview.Step, r.overview.Episode, r.overview.Eval, r.overview.EvalStep, r.overview.Seconds
	r.overview, r.files, r.looked = o, files, time.Time{}
	r.keys = make([]string, 0, len(keyNames))
	var same strings.Builder
	for _, k := range config.Keys(&o.Config) {
		if k.Section {
			continue
		}
		text := clip(k.Text(), longestText)
		r.keys = append(r.keys, intern(text))
		if !run.Personal(k.Name) {
			same.WriteString(text + "\n")
		}
	}
	r.arm = clip(o.Arm, longestText)
	sum := sha256.Sum256([]byte(o.Arm + "\n" + same.String()))
	r.group = hex.EncodeToString(sum[:8])
	return true
}

// keyNames are the keys of a configuration.
var keyNames = func() []string {
	var names []string
	for _, k := range config.Keys(&run.Config{}) {
		if !k.Section {
			names = append(names, k.Name)
		}
	}
	return names
}()

// interned holds texts that many runs share, as far as they are short.
var interned sync.Map

func intern(s string) string {
	if len(s) > 32 {
		return s
	}
	v, _ := interned.LoadOrStore(s, s)
	return v.(string)
}

// peek reads how far the run is from the last line of its metrics, before all of them are
// read.
func (r *live) peek() {
	f, err := os.Open(r.metrics.path)
	if err != nil {
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return
	}
	end := make([]byte, min(st.Size(), 1<<16))
	if _, err := f.ReadAt(end, st.Size()-int64(len(end))); err != nil {
		return
	}
	lines := bytes.Split(end, []byte("\n"))
	if len(lines) < 2 {
		return
	}
	members, err := numbers(string(bytes.TrimSpace(lines[len(lines)-2])), nil)
	if step, episode, ok := place(members); ok && err == nil {
		r.overview.Step, r.overview.Episode = step, int(episode)
	}
}

// begin reads configuration and state of a run that is new.
func (r *live) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun {
		return false
	}
	r.begun = true
	r.start()
	r.stand(time.Now(), true)
	return true
}

// follow reads what the files have more. Changed says that there was something.
func (r *live) follow(now time.Time) (changed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed = r.start()
	grown := false
	var failed []string
	for _, f := range []struct {
		file *follower
		anew func()
		add  func(line []byte, at int64)
	}{
		{&r.metrics, r.forget, r.addMetrics},
		{&r.timings, func() { r.rates, r.counts, r.spent = nil, nil, 0; r.dropSeries(timingPrefix) }, r.addTimings},
		{&r.warnings, func() { r.warned, r.flat = nil, 0 }, r.addWarning},
	} {
		if !f.file.changed() {
			continue
		}
		grown = true
		if err := f.file.read(f.anew, f.add); err != nil {
			failed = append(failed, err.Error())
		}
	}
	if grown {
		r.broken, r.grown = clip(strings.Join(failed, "; "), longestText), now
	}
	return r.stand(now, grown) || changed || grown
}

// stand finds the state anew where something says that it may have changed: files that grew,
// the lock, end.json, or some seconds of a run that was running. The lock of a run that does
// not run is left alone, so that looking never keeps a process from resuming it.
func (r *live) stand(now time.Time, grown bool) (changed bool) {
	dir := r.overview.Dir
	end, lock := stampOf(filepath.Join(dir, run.EndFile)), stampOf(filepath.Join(dir, run.LockFile))
	due := r.overview.State == run.Running && now.Sub(r.looked) > 3*time.Second
	if !grown && end == r.files[2] && lock == r.lock && !due && !r.looked.IsZero() {
		return false
	}
	r.files[2], r.lock, r.looked = end, lock, now
	was, reason := r.overview.State, r.overview.Reason
	r.overview.Stand()
	return r.overview.State != was || r.overview.Reason != reason
}

// timingPrefix begins the names of the series from timings.jsonl.
const timingPrefix = "timings/"

// place is what every line of numbers begins with.
func place(members []number) (step int, episode float64, ok bool) {
	if len(members) < 2 || members[0].name != "step" || members[1].name != "episode" || members[0].value < 0 || members[1].value < 0 {
		return 0, 0, false
	}
	return int(members[0].value), members[1].value, true
}

// numbers reads a line of numbers; members are those after its place, until the next line.
func (r *live) numbers(line []byte) (step int, episode float64, members []number, ok bool) {
	members, err := numbers(string(line), r.scratch[:0])
	r.scratch = members
	if step, episode, ok = place(members); !ok || err != nil {
		return 0, 0, nil, false
	}
	return step, episode, members[2:], true
}

// addMetrics takes a line of metrics.jsonl.
func (r *live) addMetrics(line []byte, _ int64) {
	step, episode, members, ok := r.numbers(line)
	if !ok {
		return
	}
	r.overview.Step, r.overview.Episode = step, int(episode)
	var eval map[string]float64
	for n, m := range members {
		if strings.HasPrefix(m.name, "eval/") {
			if eval == nil {
				eval = map[string]float64{}
			}
			eval[strings.Clone(m.name)] = m.value
		}
		r.at(n, m.name).add(step, episode, m.value)
	}
	if eval != nil {
		r.overview.Eval, r.overview.EvalStep = eval, step
	}
}

// discarded takes what is more than a run may have.
var discarded series

// at is the series of a name, which was number n of its line.
func (r *live) at(n int, name string) *series {
	if n < len(r.order) && r.order[n].name == name {
		return r.order[n].series
	}
	s := r.named(name)
	if s == nil {
		discarded = series{}
		return &discarded
	}
	if n < mostMetrics {
		named := &namedSeries{strings.Clone(name), s}
		if n < len(r.order) {
			r.order[n] = named
		} else if n == len(r.order) {
			r.order = append(r.order, named)
		}
	}
	return s
}

// named is the series of a name, made where there is none; nil where there are too many, or
// the name is not one to show.
func (r *live) named(name string) *series {
	s := r.series[name]
	if s == nil && len(r.series) < mostMetrics && len(name) <= longestName && clip(name, longestName) == name {
		s = &series{}
		r.series[strings.Clone(name)] = s
	}
	return s
}

func (r *live) dropSeries(prefix string) {
	maps.DeleteFunc(r.series, func(name string, _ *series) bool { return strings.HasPrefix(name, prefix) })
	r.order = nil
}

// addTimings takes a line of timings.jsonl.
func (r *live) addTimings(line []byte, _ int64) {
	step, episode, members, ok := r.numbers(line)
	if !ok {
		return
	}
	seconds, update := 0.0, false
	for _, m := range members {
		switch m.name {
		case "seconds":
			update = true
			seconds += m.value
		case "evaluate", "checkpoint":
			seconds += m.value
		}
		if strings.Contains(m.name, "/") {
			r.count(m)
		}
		if s := r.named(timingPrefix + m.name); s != nil {
			s.add(step, episode, m.value)
		}
	}
	r.spent += seconds
	if s := r.named(timingPrefix + "elapsed"); s != nil && update {
		s.add(step, episode, r.spent)
	}
	if len(r.rates) == keptRates {
		r.rates = r.rates[:copy(r.rates, r.rates[1:])]
	}
	r.rates = append(r.rates, rate{episode, seconds})
}

// count takes what a source has counted.
func (r *live) count(m number) {
	if r.counts == nil {
		r.counts = map[string]float64{}
	}
	if _, known := r.counts[m.name]; known || len(r.counts) < mostMetrics && len(m.name) <= longestName {
		r.counts[strings.Clone(m.name)] = m.value
	}
}

// addWarning takes a line of warnings.jsonl.
func (r *live) addWarning(line []byte, _ int64) {
	var w run.Warning
	if json.Unmarshal(line, &w) != nil {
		return
	}
	w.Text, w.Kind = clip(w.Text, 2000), clip(w.Kind, 20)
	if w.Kind == run.WarnNoSignal {
		r.flat++
	}
	if len(r.warned) == keptWarnings {
		r.warned = r.warned[:copy(r.warned, r.warned[1:])]
	}
	r.warned = append(r.warned, w)
}

// speed is the episodes per second of the last steps, their evaluations and checkpoints
// included; 0 = not known.
func (r *live) speed() float64 {
	if len(r.rates) < 2 {
		return 0
	}
	seconds := 0.0
	for _, t := range r.rates[1:] {
		seconds += t.seconds
	}
	if done := r.rates[len(r.rates)-1].episode - r.rates[0].episode; seconds > 0 && done > 0 {
		return done / seconds
	}
	return 0
}

// row is a run as the list shows it.
type row struct {
	ID        string             `json:"id"`
	Name      string             `json:"name"`
	Group     string             `json:"group"`
	State     string             `json:"state"`
	Task      string             `json:"task"`
	Child     string             `json:"child"`
	Arm       string             `json:"arm"`
	Algorithm string             `json:"algorithm"`
	Seed      string             `json:"seed"` // a text: JavaScript has no whole numbers of 64 bits
	Step      int                `json:"step"`
	Steps     int                `json:"steps"`
	Episode   int                `json:"episode"`
	Episodes  int                `json:"episodes"`
	Started   string             `json:"started"`
	Seconds   float64            `json:"seconds"`
	Speed     float64            `json:"speed"`  // episodes per second, lately
	Left      float64            `json:"left"`   // seconds, where it runs
	Silent    float64            `json:"silent"` // seconds since a file grew, where it runs
	Eval      map[string]float64 `json:"eval,omitempty"`
	Warnings  int                `json:"warnings"`
	Failures  float64            `json:"failures"` // of parent, embedder and functions of the user's own
	Reason    string             `json:"reason,omitempty"`
	Problem   string             `json:"problem,omitempty"`
	Columns   []string           `json:"columns,omitempty"` // values of the keys that were asked for
}

// row describes the run; columns are keys whose values are to be told.
func (r *live) row(now time.Time, columns []string) row {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.overview
	out := row{
		ID: r.id, Name: r.name, Group: r.group, State: o.State, Task: clip(o.Task, longestText), Child: clip(o.Child, longestText), Arm: r.arm, Algorithm: o.Algorithm,
		Seed: strconv.FormatUint(o.Seed, 10), Step: o.Step, Steps: o.Steps, Episode: o.Episode, Episodes: o.Episodes, Started: clip(o.Started, 40),
		Seconds: r.spent, Speed: r.speed(), Warnings: len(r.warned), Failures: failures(r.counts), Reason: clip(o.Reason, longestText), Problem: clip(o.Problem, longestText),
	}
	if out.Problem == "" {
		out.Problem = r.broken
	}
	out.Eval = headline(o.Eval)
	if o.State == run.Running {
		if out.Speed > 0 {
			out.Left = float64(max(0, o.Episodes-o.Episode)) / out.Speed
		}
		out.Silent = max(0, now.Sub(r.changedAt()).Seconds())
	}
	for _, key := range columns {
		text, _ := r.value(key)
		out.Columns = append(out.Columns, text)
	}
	return out
}

// changedAt is when the metrics were last written.
func (r *live) changedAt() time.Time {
	if r.metrics.info != nil {
		return r.metrics.info.ModTime()
	}
	return r.grown
}

// headline are the numbers of the list, of the last evaluation.
func headline(eval map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for _, split := range []string{"train", "held_out"} {
		for _, name := range []string{"exact_match", "exact_match_normalized", "semantic"} {
			if v, ok := eval["eval/"+split+"/"+name]; ok {
				out[split+"/"+name] = v
			}
		}
	}
	return out
}

// failures adds up what sources count as failed.
func failures(counts map[string]float64) float64 {
	sum := 0.0
	for name, v := range counts {
		if _, what, _ := strings.Cut(name, "/"); strings.Contains("/"+what, "/failures/") || strings.Contains("/"+what, "/refused") || strings.HasSuffix(what, "failed") {
			sum += v
		}
	}
	return sum
}

// value is that of a key: one of the list, of the configuration, or the last value of a
// metric.
func (r *live) value(key string) (text string, ok bool) {
	o := &r.overview
	switch key {
	case "name", "run":
		return r.name, true
	case "id":
		return r.id, true
	case "state":
		return o.State, true
	case "step":
		return strconv.Itoa(o.Step), true
	case "episode":
		return strconv.Itoa(o.Episode), true
	case "steps":
		return strconv.Itoa(o.Steps), true
	case "arm":
		return r.arm, true
	case "started":
		return clip(o.Started, 40), true
	case "warnings":
		return strconv.Itoa(len(r.warned)), true
	case "speed":
		return strconv.FormatFloat(r.speed(), 'g', 6, 64), true
	case "seconds":
		return strconv.FormatFloat(r.spent, 'g', 6, 64), true
	}
	if i, found := keyPlace(key); found && i < len(r.keys) {
		return r.keys[i], true
	}
	if v, ok := r.series[strings.TrimPrefix(key, "metric:")].last(); ok {
		return strconv.FormatFloat(v, 'g', 6, 64), true
	}
	return "", false
}

// keyPlace finds a key of the configuration by its name, or by its end where one alone has
// it: lr for schedule.lr.
func keyPlace(key string) (int, bool) {
	if i := slices.Index(keyNames, key); i >= 0 {
		return i, true
	}
	found := -1
	for i, name := range keyNames {
		if strings.HasSuffix(name, "."+key) {
			if found >= 0 {
				return 0, false
			}
			found = i
		}
	}
	return found, found >= 0
}

// clip makes a text from outside fit to be sent: control characters visible, no more than
// so many characters.
func clip(s string, most int) string {
	cut := false
	if len(s) > most {
		n := 0
		for i := range s {
			if n++; n > most {
				s, cut = s[:i], true
				break
			}
		}
	}
	s = strings.ToValidUTF8(printable.Text(s), "\uFFFD")
	if cut {
		s += "…"
	}
	return s
}
