package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgsrm/embed"
	"pgsrm/hf"
	"pgsrm/kernel"
	"pgsrm/task"
)

// snapshot is the content of every file below dir, by name; folders count too, a
// signed lock does not.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		text := []byte("folder")
		if !e.IsDir() {
			text, err = os.ReadFile(path)
		}
		name, _ := filepath.Rel(dir, path)
		if e.Name() != LockFile || !strings.HasPrefix(string(text), `{"pid"`) {
			files[name] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sameFiles demands that nothing in dir has changed since the snapshot.
func sameFiles(t testing.TB, before map[string]string, dir string) {
	t.Helper()
	after := snapshot(t, dir)
	for name := range maps.Keys(after) {
		if text, ok := before[name]; !ok || text != after[name] {
			t.Errorf("%s: new or changed", name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			t.Errorf("%s: gone", name)
		}
	}
}

// begun7 is a run that was stopped after step 7, with checkpoints of 6 and 7.
func begun7(t testing.TB, set ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "begun")
	deps := testDeps(t)
	ctx, cancel := context.WithCancel(context.Background())
	deps.Events = []Subscriber{stopAt{7, cancel}}
	if _, err := Start(ctx, testConfig(t, dir, set...), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	return dir
}

func copyDir(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// edit changes a file.
func edit(t testing.TB, path string, change func(text []byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := change(text)
	if bytes.Equal(text, changed) {
		t.Fatalf("%s: not changed", path)
	}
	if err := os.WriteFile(path, changed, 0o644); err != nil {
		t.Fatal(err)
	}
}

func replace(old, new string) func([]byte) []byte {
	return func(text []byte) []byte { return []byte(strings.Replace(string(text), old, new, 1)) }
}

// flip flips one bit in the middle.
func flip(text []byte) []byte {
	text = slices.Clone(text)
	text[len(text)/2] ^= 4
	return text
}

// flipLast flips one bit of the last line.
func flipLast(text []byte) []byte {
	text = slices.Clone(text)
	text[len(text)-3] ^= 1
	return text
}

// cutLine drops the last line.
func cutLine(text []byte) []byte {
	return text[:bytes.LastIndexByte(text[:len(text)-1], '\n')+1]
}

// seal makes the checksums of a checkpoint fit a state.json that was tampered with,
// so that it is judged by itself.
func seal(t testing.TB, checkpoint string) {
	t.Helper()
	if err := writeSums(checkpoint); err != nil {
		t.Fatal(err)
	}
}

// A change of anything that a run depends on is noticed when the run is resumed, and
// nothing is touched.
func TestResumeNoticesDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("files read one after the other, which the race detector has nothing to say of")
	}
	begun := begun7(t)
	newest := filepath.Join(checkpointsDir, "00000007")
	events := func(dir string) string {
		found, _ := filepath.Glob(filepath.Join(dir, eventsPrefix+"*"))
		return filepath.Base(found[0])
	}
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string
		older bool // the checkpoint before the newest is good
	}{
		{"answers cut at a line", func(t *testing.T, dir string) { edit(t, filepath.Join(dir, answersFile), cutLine) }, answersFile + ": must be as the run began with it", false},
		{"edited configuration", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, ConfigFile), replace("log_samples: 8", "log_samples: 9"))
		}, ConfigFile + ": must be as the run began with it", false},
		{"calibration", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, calibrationFile), func(b []byte) []byte { return append(b, '\n') })
		}, calibrationFile + ": must be as", false},
		{"environment", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, EnvironmentFile), replace(`"cpus": `, `"cpus": 1`))
		}, EnvironmentFile + ": is not what the checkpoint was written with; no other checkpoint is good", false},
		{"lost environment", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, EnvironmentFile)) }, EnvironmentFile, false},
		{"lost answers", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, answersFile)) }, answersFile, false},
		{"lost configuration", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, ConfigFile)) },
			"must be a run directory, empty or new (it has no config.yaml, but answers.jsonl, calibration.json, checkpoints, 7 more)", false},
		{"bit of the weights", func(t *testing.T, dir string) { edit(t, filepath.Join(dir, newest, "child/model.safetensors"), flip) }, "child/model.safetensors: is not as it was written", true},
		{"bit of the moments", func(t *testing.T, dir string) { edit(t, filepath.Join(dir, newest, trainerFile), flip) }, trainerFile + ": is not as it was written", true},
		{"tokenizer of the checkpoint", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, newest, "child/tokenizer.json"), func(b []byte) []byte { return append(b, ' ') })
		}, "tokenizer.json: is not as it was written", true},
		{"lost moments", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, newest, trainerFile)) }, trainerFile + ": is not as it was written", true},
		{"lost state", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, newest, stateFile)) }, stateFile, true},
		{"lost checksums", func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, newest, sumsFile)) }, sumsFile, true},
		{"one file more", func(t *testing.T, dir string) {
			os.WriteFile(filepath.Join(dir, newest, "child/model.safetensors.index.json"), []byte("{}"), 0o644)
		}, "model.safetensors.index.json: is not as it was written", true},
		{"coefficient", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, newest, stateFile), replace(`"kl_coef": 0.0`, `"kl_coef": 0.1`))
		}, stateFile + ": is not as it was written", true},
		{"line of the metrics", func(t *testing.T, dir string) { edit(t, filepath.Join(dir, MetricsFile), flipLast) }, MetricsFile + ": its first ", true},
		{"metrics cut", func(t *testing.T, dir string) { edit(t, filepath.Join(dir, MetricsFile), cutLine) }, MetricsFile + ": must have at least the ", true},
		{"metrics cut to nothing", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, MetricsFile), func([]byte) []byte { return nil })
		}, "no other checkpoint is good", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "begun")
			copyDir(t, begun, dir)
			c.spoil(t, dir)
			resumeRefuses(t, dir, c.want, c.older)
		})
	}
	// state.json judged by itself, its checksum right
	for name, change := range map[string]struct {
		edit func(events string) func([]byte) []byte
		want string
	}{
		"negative step":      {func(string) func([]byte) []byte { return replace(`"step": 7`, `"step": -1`) }, "step must be that of its folder, 7 (got -1)"},
		"step beyond":        {func(string) func([]byte) []byte { return replace(`"step": 7`, `"step": 1000`) }, "step must be that of its folder, 7 (got 1000)"},
		"negative dropped":   {func(string) func([]byte) []byte { return replace(`"dropped": 0`, `"dropped": -3`) }, "dropped must be in 0..112 (got -3)"},
		"negative optimizer": {func(string) func([]byte) []byte { return replace(`"optimizer_steps": 14`, `"optimizer_steps": -1`) }, "optimizer_steps must be at least 0 (got -1)"},
		"no bytes": {func(string) func([]byte) []byte {
			return func(b []byte) []byte {
				i := bytes.Index(b, []byte(`"bytes": {`))
				j := i + bytes.IndexByte(b[i:], '}')
				return slices.Concat(b[:i], []byte(`"bytes": {`), b[j:])
			}
		}, "bytes must name 5 files (got 0)"},
		"name outside":   {func(string) func([]byte) []byte { return replace(`"metrics.jsonl": `, `"../metrics.jsonl": `) }, `bytes: unknown file "../metrics.jsonl"`},
		"events outside": {func(e string) func([]byte) []byte { return replace(`"`+e+`": `, `"events.out.tfevents./../../x": `) }, "bytes: unknown file"},
		"negative size":  {func(string) func([]byte) []byte { return replace(`"timings.jsonl": `, `"timings.jsonl": -`) }, "must be at least 0 (got -"},
		"unknown key":    {func(string) func([]byte) []byte { return replace(`"step": 7`, `"step": 7, "more": 1`) }, `unknown field "more"`},
		"two objects":    {func(string) func([]byte) []byte { return func(b []byte) []byte { return append(b, "{}"...) } }, "after top-level value"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "begun")
			copyDir(t, begun, dir)
			edit(t, filepath.Join(dir, newest, stateFile), change.edit(events(dir)))
			seal(t, filepath.Join(dir, newest))
			resumeRefuses(t, dir, change.want, true)
		})
	}
}

// resumeRefuses demands that the run cannot be resumed, with an error of one line
// that has the text want, and that nothing in its directory changes. Where an older
// checkpoint is good the error says so, and without the damaged one the run gets to
// its end.
func resumeRefuses(t *testing.T, dir, want string, older bool) {
	t.Helper()
	before := snapshot(t, dir)
	outside := snapshot(t, filepath.Dir(dir))
	cfg, ok, err := ReadConfig(dir)
	if err != nil || !ok {
		cfg = testConfig(t, dir)
	}
	_, err = Resume(context.Background(), cfg, testDeps(t))
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("must be refused with one line of %q (got %v)", want, err)
	}
	sameFiles(t, before, dir)
	sameFiles(t, outside, filepath.Dir(dir))
	checkpoint := filepath.Join(dir, checkpointsDir)
	hint := filepath.Join(checkpoint, "00000006") + " is good: to resume from it, remove " + filepath.Join(checkpoint, "00000007") + " and resume again"
	if strings.Contains(err.Error(), hint) != older {
		t.Fatalf("names an older checkpoint: want %v (got %v)", older, err)
	}
	if !older {
		return
	}
	if err := os.RemoveAll(filepath.Join(checkpoint, "00000007")); err != nil {
		t.Fatal(err)
	}
	if res, err := Resume(context.Background(), cfg, testDeps(t)); err != nil || !res.Complete {
		t.Errorf("without the damaged checkpoint: %+v, %v", res, err)
	}
}

// A folder of a user is refused and not touched, whatever names stand in it.
func TestForeignFolderIsRefused(t *testing.T) {
	for _, names := range [][]string{
		{answersFile, EnvironmentFile, calibrationFile, MetricsFile, TimingsFile, CompletionsFile, WarningsFile},
		{answersFile}, {"notes.txt"}, {"lock"}, {"child/config.json"}, {"checkpoints/00000003/state.json"}, {".x.tmp-1"},
		{"events.out.tfevents.1.pgsrm"},
	} {
		dir := t.TempDir()
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("mine\n"), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		before := snapshot(t, dir)
		for name, begin := range map[string]func(context.Context, Config, Deps) (Result, error){"start": Start, "resume": Resume} {
			_, err := begin(context.Background(), testConfig(t, dir), testDeps(t))
			if !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), "out: "+dir+" must be a run directory, empty or new") {
				t.Errorf("%s in a folder with %v: got %v", name, names, err)
			}
			sameFiles(t, before, dir)
		}
		if _, err := Inspect(dir); !errors.Is(err, ErrConfig) {
			t.Errorf("%v: inspection says %v", names, err)
		}
	}
}

// childFolder is the test's child as a folder.
func childFolder(t *testing.T) string {
	t.Helper()
	deps, dir := testDeps(t), filepath.Join(t.TempDir(), "start")
	if err := deps.Model.Save(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A start child, an embedder or a kernel other than the run began with is refused.
func TestResumeNoticesOtherParts(t *testing.T) {
	child := childFolder(t)
	dir := filepath.Join(t.TempDir(), "begun")
	deps := Deps{Embedder: letters{}}
	ctx, cancel := context.WithCancel(context.Background())
	deps.Events = []Subscriber{stopAt{4, cancel}}
	cfg := testConfig(t, dir, "reward=binary", "child="+child)
	if _, err := Start(ctx, cfg, deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	refuses := func(what, want string, deps Deps) {
		t.Helper()
		before := snapshot(t, dir)
		if _, err := Resume(context.Background(), cfg, deps); !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", what, err)
		}
		sameFiles(t, before, dir)
	}
	for _, name := range []string{"tokenizer.json", "config.json"} {
		path := filepath.Join(child, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		edit(t, path, func(b []byte) []byte { return append(b, '\n') })
		refuses(name, "child: its configuration, tokenizer or template: must be what the run began with", Deps{Embedder: letters{}})
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	refuses("embedder", "embedder: must be what the run began with", Deps{Embedder: otherLetters{}})
	if err := os.RemoveAll(filepath.Join(dir, checkpointsDir)); err != nil { // as if killed before the first
		t.Fatal(err)
	}
	for _, other := range []string{"go", "avx2", "other"} {
		if other == kernel.Name() {
			continue
		}
		edit(t, filepath.Join(dir, EnvironmentFile), func(text []byte) []byte {
			var e map[string]any
			if err := json.Unmarshal(text, &e); err != nil {
				t.Fatal(err)
			}
			e["kernel"] = other
			text, _ = json.MarshalIndent(e, "", "  ")
			return text
		})
		refuses("kernel", "kernel: must be "+other+", which the run began with, as another one gives other bits (got "+kernel.Name()+"): ", Deps{Embedder: letters{}})
	}
}

// otherLetters says that it is another embedder.
type otherLetters struct{ letters }

func (otherLetters) Identity() embed.Identity {
	id := letters{}.Identity()
	id.Model = "other letters"
	return id
}

// An update that leaves weights or moments that are not finite is never saved, nor
// measured, and the checkpoint that the error names is good.
func TestNonFiniteWeightsAreNeverSaved(t *testing.T) {
	cfg := testConfig(t, t.TempDir(), "episodes=16", "eval_every=0", "checkpoint_every=0")
	cfg.Schedule.LR = 1e300
	err := startUnchecked(cfg, testDeps(t))
	if !errors.Is(err, ErrNonFinite) || !strings.HasSuffix(err.Error(), "last good checkpoint: none") {
		t.Errorf("one update at a rate of 1e300: got %v", err)
	}
	for name, spoil := range map[string]func(r *run){
		"weight":     func(r *run) { r.model.Params()[2].Value[1] = float32(math.NaN()) },
		"moment":     func(r *run) { _, v, _, _ := r.adam.Moments(r.model.Model); v[3] = float32(math.Inf(1)) },
		"value head": func(r *run) { r.model.ValueWeights()[0] = float32(math.Inf(-1)) },
	} {
		for _, at := range []int{5, 10} { // between checkpoints, and at the end
			dir, r := runAtStart(t)
			_, err := r.finish(context.Background(), []Subscriber{spoilAt{at, func() { spoil(r) }}}, nil)
			last := r.dir.checkpoints().folder(at - 1)
			if !errors.Is(err, ErrNonFinite) || !strings.HasPrefix(err.Error(), "step ") || !strings.HasSuffix(err.Error(), "last good checkpoint: "+last) {
				t.Errorf("%s at step %d: got %v", name, at, err)
			}
			if _, err := os.Stat(filepath.Join(dir, childDir)); err == nil {
				t.Errorf("%s at step %d: a child was written", name, at)
			}
			m, err := hf.Load(filepath.Join(last, childDir))
			if err != nil || m.CheckWeights() != nil {
				t.Errorf("%s at step %d: the checkpoint named is not good: %v", name, at, err)
			}
			if err := r.dir.close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// runAtStart is a run before its first step that keeps one checkpoint.
func runAtStart(t *testing.T) (string, *run) {
	t.Helper()
	dir, deps := t.TempDir(), testDeps(t)
	deps.Pool, deps.Clock = kernel.NewPool(1), func() time.Time { return noon }
	cfg := testConfig(t, dir, "checkpoint_every=1", "keep_checkpoints=1", "eval_every=0")
	d, err := openDirectory(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	r, err := prepare(context.Background(), cfg, d, deps)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.begin(); err != nil {
		t.Fatal(err)
	}
	r.openPolicy()
	return dir, r
}

// spoilAt does something once a step is done.
type spoilAt struct {
	step int
	do   func()
}

func (s spoilAt) Event(e Event) error {
	if m, ok := e.(Metrics); ok && m.Step == s.step {
		s.do()
	}
	return nil
}

// An interruption after such an update is no checkpoint either.
func TestInterruptionSavesNoNonFiniteWeights(t *testing.T) {
	spoil := func(r *run) { r.model.Params()[0].Value[0] = float32(math.Inf(1)) }
	_, r := runAtStart(t)
	r.cfg.CheckpointEvery = 0
	ctx, cancel := context.WithCancel(context.Background())
	_, err := r.finish(ctx, []Subscriber{spoilAt{3, func() { spoil(r); cancel() }}}, nil)
	if !errors.Is(err, ErrNonFinite) || errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	if steps, err := r.dir.checkpoints().steps(); err != nil || len(steps) > 0 {
		t.Errorf("checkpoints %v, %v", steps, err)
	}
	if err := r.dir.close(); err != nil {
		t.Error(err)
	}
}

// An empty child folder is no trained child; one with anything else in it is not
// replaced.
func TestEmptyChildIsNotComplete(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	straight := filepath.Join(t.TempDir(), "run")
	for _, d := range []string{dir, straight} {
		if _, err := Start(context.Background(), testConfig(t, d), testDeps(t)); err != nil {
			t.Fatal(err)
		}
	}
	child := filepath.Join(dir, childDir)
	for _, name := range []string{"model.safetensors", "config.json"} {
		if err := os.Remove(filepath.Join(child, name)); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, dir)
		if _, err := Resume(context.Background(), testConfig(t, dir), testDeps(t)); !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), child+": must hold a whole child") {
			t.Errorf("without %s: got %v", name, err)
		}
		sameFiles(t, before, dir)
	}
	if err := errors.Join(os.RemoveAll(child), os.Mkdir(child, 0o755)); err != nil {
		t.Fatal(err)
	}
	if state, err := Inspect(dir); err != nil || state != DirBegun {
		t.Errorf("an empty child: got %q, %v", state, err)
	}
	res, err := Resume(context.Background(), testConfig(t, dir), testDeps(t))
	if err != nil || !res.Complete || res.Earlier {
		t.Fatalf("an empty child: got %+v, %v", res, err)
	}
	compareRuns(t, straight, dir)
}

// fixtureTask is the task of the run directories in testdata.
func fixtureTask() *task.Task {
	t := &task.Task{Name: "fixture", MaxNewTokens: 4}
	for i, w := range []string{"red", "green", "blue", "grey", "black", "white", "pink", "brown"} {
		split := task.Train
		if i >= 6 {
			split = task.HeldOut
		}
		t.Items = append(t.Items, task.Item{ID: w, Prompt: "The colour " + w + " is", Reference: " " + w, Split: split})
	}
	return t
}

// Run directories of every old version of the format can be resumed, to the bits
// of a run that was left alone where the kernel is that of the fixture.
func TestOldVersionsResume(t *testing.T) {
	for _, version := range []string{"run-v1"} {
		m, err := hf.Load(filepath.Join("testdata", version, "start"))
		if err != nil {
			t.Fatal(err)
		}
		deps := func() Deps { return Deps{Model: m, Embedder: letters{}, Task: fixtureTask()} }
		dir := t.TempDir()
		copyDir(t, filepath.Join("testdata", version, "run"), dir)
		began, err := ReadEnvironment(dir)
		if err != nil {
			t.Fatal(err)
		}
		if began.Kernel != kernel.Name() {
			edit(t, filepath.Join(dir, EnvironmentFile), replace(`"kernel": "`+began.Kernel+`"`, `"kernel": "`+kernel.Name()+`"`))
		}
		edit(t, filepath.Join(dir, EnvironmentFile), func(b []byte) []byte {
			return append([]byte(strings.Replace(string(b), arch(began.Platform)+`"`, runtime.GOARCH+`"`, 1)), '\n')
		})
		seen, resumed := &events{}, deps()
		resumed.Events = []Subscriber{seen}
		res, err := Resume(context.Background(), testConfig(t, dir, "keep_checkpoints=1", "reward=pgsrm-1", "replay.per_prompt=0"), resumed)
		if err != nil || !res.Complete || res.Steps != 10 {
			t.Fatalf("%s: %+v, %v", version, res, err)
		}
		told := 0
		for _, e := range seen.all {
			if w, ok := e.(Warning); ok && strings.Contains(w.Text, "has no checksums") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%s: %d warnings that it has no checksums, want one", version, told)
		}
		if began.Kernel != kernel.Name() {
			continue
		}
		straight := t.TempDir()
		if _, err := Start(context.Background(), testConfig(t, straight, "keep_checkpoints=1", "reward=pgsrm-1", "replay.per_prompt=0"), deps()); err != nil {
			t.Fatal(err)
		}
		// Cosines of greedy answers came later: a run that began without goes on without.
		edit(t, filepath.Join(straight, CompletionsFile), func(b []byte) []byte {
			return regexp.MustCompile(`,"semantic":[-0-9.e]+`).ReplaceAll(b, nil)
		})
		compareRuns(t, straight, dir)
	}
}
