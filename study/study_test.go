package study

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgsrm/config"
	"pgsrm/internal/durable"
	"pgsrm/kernel"
	"pgsrm/run"
	"pgsrm/task"
)

// plainArm takes a reward as it is.
func plainArm(text string) (string, []config.Setting, error) { return text, nil, nil }

func read(t testing.TB, text string, o Options) *Study {
	t.Helper()
	s, err := Read(config.File{Name: "s.yaml", Text: []byte(text)}, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func planOf(t testing.TB, text, dir string) *Plan {
	t.Helper()
	p, err := read(t, text, Options{}).Plan(dir, plainArm)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tiny is a study of cells that take a moment.
const tiny = `
base: {look: "off", episodes: 128, eval_prompts: 4, checkpoint_every: 1}
grid:
  task: [colors, opposites]
  reward:
    pgsrm: {reward: pgsrm}
    one: {reward: binary}
exclude:
  - {task: opposites, reward: [one]}
seeds: 2
against: {reward: one}
`

func names(cells []Cell) (out []string) {
	for _, c := range cells {
		out = append(out, c.Name)
	}
	return out
}

func TestPlan(t *testing.T) {
	p := planOf(t, tiny, "D")
	want := []string{
		"task=colors/reward=pgsrm/seed=1", "task=colors/reward=one/seed=1", "task=opposites/reward=pgsrm/seed=1",
		"task=colors/reward=pgsrm/seed=2", "task=colors/reward=one/seed=2", "task=opposites/reward=pgsrm/seed=2",
	}
	if got := names(p.Cells); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	c := p.Cells[4].Config
	if c.Task != "colors" || c.Reward.Name != "binary" || c.Seed != 2 || c.Episodes != 128 || c.Out != filepath.Join("D", "cells", "task=colors", "reward=one", "seed=2") {
		t.Errorf("got %+v", c)
	}
	var all []string
	for i := range 4 {
		all = append(all, names(p.Select(Shard{i + 1, 4}))...)
	}
	slices.Sort(all)
	slices.Sort(want)
	if !slices.Equal(all, want) {
		t.Errorf("shards must be all cells, each once (got %q)", all)
	}
	// a name does not depend on what else there is
	more := planOf(t, strings.Replace(tiny, "[colors, opposites]", "[copy, colors, opposites]", 1), "D")
	for _, name := range want {
		if !slices.Contains(names(more.Cells), name) {
			t.Errorf("%s must have its name in a larger study", name)
		}
	}
}

// Where an axis has a multiple of as many levels as there are shards, each shard still has its
// share of each level: arms cost unlike.
func TestShardsAreAlike(t *testing.T) {
	p := planOf(t, `
base: {look: "off"}
grid:
  task: [colors, opposites]
  reward: [pgsrm, binary, sft, raft]
seeds: 8
`, "D")
	for _, of := range []int{2, 4} {
		for i := range of {
			cells := p.Select(Shard{i + 1, of})
			count := map[string]int{}
			for _, c := range cells {
				count[c.Levels[0]]++
				count[c.Levels[1]]++
			}
			want := map[string]int{
				"colors": 32 / of, "opposites": 32 / of,
				"pgsrm": 16 / of, "binary": 16 / of, "sft": 16 / of, "raft": 16 / of,
			}
			if len(cells) != 64/of || !maps.Equal(count, want) {
				t.Errorf("shard %d/%d: got %v, want %v", i+1, of, count, want)
			}
		}
	}
}

// Settings of cells that have some levels together stand above those of the levels, the later
// above the earlier.
func TestOverride(t *testing.T) {
	p := planOf(t, tiny+`
override:
  - {task: [colors, opposites], reward: pgsrm, set: {schedule.lr: 0.5, eval_every: 3}}
  - {task: colors, set: {episodes: 256}}
  - {reward: pgsrm, task: opposites, set: {schedule: {lr: 0.25}}}
`, "D")
	var got []string
	for _, c := range p.Cells[:3] {
		got = append(got, fmt.Sprintf("%s %g %d %d", c.Name, c.Config.Schedule.LR, c.Config.EvalEvery, c.Config.Episodes))
	}
	without := planOf(t, tiny, "D").Cells[1].Config
	want := []string{
		"task=colors/reward=pgsrm/seed=1 0.5 3 256", fmt.Sprintf("task=colors/reward=one/seed=1 %g %d 256", without.Schedule.LR, without.EvalEvery),
		"task=opposites/reward=pgsrm/seed=1 0.25 3 128",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What goes with a reward stands in its place: below what its level and later axes set,
// above the base, and gone where another reward is set.
func TestSettingsOfAReward(t *testing.T) {
	arm := func(text string) (string, []config.Setting, error) {
		if text != "arm" {
			return text, nil, nil
		}
		return "binary", []config.Setting{{Key: "replay.per_prompt", Value: "0"}, {Key: "schedule.lr", Value: "0.5"}, {Key: "eval_every", Value: "7"}}, nil
	}
	s := read(t, `
base: {reward: arm, schedule.lr: 0.1, eval_every: 1}
grid:
  reward: {a: {reward: arm, replay.per_prompt: 3}, b: {reward: pgsrm}}
  eval_every: [9]
`, Options{})
	p, err := s.Plan("D", arm)
	if err != nil {
		t.Fatal(err)
	}
	a, b := p.Cells[0].Config, p.Cells[1].Config
	if a.Reward.Name != "binary" || a.Arm != "arm" || a.Replay.PerPrompt != 3 || a.Schedule.LR != 0.5 || a.EvalEvery != 9 {
		t.Errorf("got %q, %q, %d, %v, %d", a.Reward.Name, a.Arm, a.Replay.PerPrompt, a.Schedule.LR, a.EvalEvery)
	}
	if b.Reward.Name != "pgsrm" || b.Arm != "" || b.Replay.PerPrompt != run.Default().Replay.PerPrompt || b.Schedule.LR != 0.1 {
		t.Errorf("got %q, %q, %d, %v", b.Reward.Name, b.Arm, b.Replay.PerPrompt, b.Schedule.LR)
	}
}

func TestBadStudies(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "s.yaml: must be a study, with base and grid (got an empty file)"},
		{"a: [", "not YAML"},
		{"[1]", "s.yaml:1: must be a section of keys (got a list)"},
		{"gird: {}", `s.yaml:1: unknown key "gird", must be one of base, grid, seeds, measure, children, parents, about, given, exclude, override, against, match, table, figure, small (did you mean grid?)`},
		{"base: {task: colors}", "s.yaml: grid: must have at least one axis, or seeds be given"},
		{"seeds: 0", `s.yaml:1: seeds: must be a number between 1 and 10000 (got "0")`},
		{"seeds: &a 1", "s.yaml:1: must have no anchors and aliases"},
		{"grid: {task: []}", "s.yaml:1: grid.task: must be a list of values, or levels NAME: {KEY: VALUE, ...} (got a list)"},
		{"grid:\n  task: colours", `s.yaml:2: grid.task: must be a list of values, or levels NAME: {KEY: VALUE, ...} (got "colours")`},
		{"grid:\n  task:\n    - colours", `s.yaml:3: grid.task[0]: must be one of colors, opposites, categories, copy, sentiment, a file`},
		{"grid:\n  task: [{a: b}]", "s.yaml:2: grid.task[0]: must be a single value: levels that set several keys have names, NAME: {KEY: VALUE, ...} (got a section)"},
		{"grid:\n  tsak: [colors]", `s.yaml:2: grid.tsak[0]: unknown key "tsak", must be one of preset, task`},
		{"seeds: 1\nbase:\n  rollout:\n    top_p: 2", "s.yaml:4: base.rollout.top_p: must be between 0 and 1 (got 2)"},
		{"seeds: 1\nbase:\n  rollout.tpo_k: 2", `s.yaml:3: base.rollout.tpo_k: unknown key "rollout.tpo_k", must be one of prompts_per_step`},
		{"seeds: 1\nbase: {task: copy, task: colors}", `s.yaml:2: base: key "task" stands twice`},
		{"seeds: 1\nbase: {task: }", "s.yaml:2: base.task: must be a single value (got nothing)"},
		{"seeds: 1\nbase: {out: x}", "s.yaml:2: base.out: must not be set: each cell has a folder of its own"},
		{"seeds: 1\ngrid: {out: [x]}", "s.yaml:2: grid.out[0]: must not be set: each cell has a folder of its own"},
		{"grid: {a: {x: {seed: 1}}, b: {y: {seed: 2}}}", "s.yaml:1: grid.b.y.seed: seed must be set by one axis alone, and a sets it too"},
		{"seeds: [1, 1]", `s.yaml: grid: two levels must not have one folder: give them names, NAME: {KEY: VALUE} (got seed=1)`},
		{"seeds: 2\nexclude: [{task: copy}]", `s.yaml: exclude[0]: axis must be one of seed (got "task")`},
		{"seeds: 1\nexclude: [{seed: 2}]", `s.yaml: exclude[0]: seed must be one of 1 (got "2")`},
		{"seeds: 1\noverride: [{task: copy, set: {episodes: 1}}]", `s.yaml: override[0]: axis must be one of seed (got "task")`},
		{"seeds: 1\noverride: [{seed: 1}]", "s.yaml:2: override[0]: must have set: {KEY: VALUE, ...} beside the levels that it is for"},
		{"seeds: 1\noverride: [{set: {episodes: 1}}]", "s.yaml:2: override[0]: must name a level of an axis (got nothing)"},
		{"seeds: 1\noverride: [{seed: 1, set: {episodez: 1}}]", "s.yaml:2: override[0].set.episodez"},
		{"seeds: 1\noverride: [{seed: 1, set: {out: x}}]", "must not be set: each cell has a folder of its own"},
		{"seeds: 1\nfigure: {across: seed}", `s.yaml: figure.across: must be an axis of the grid`},
		{"seeds: 1\nexclude: [{seed: 1}]", "s.yaml: exclude: must leave at least one cell"},
		{"seeds: 1\nagainst: {reward: binary}", `s.yaml: against: axis must be one of seed (got "reward")`},
		{"seeds: 1\nbase: {child: \"study:x\"}", "s.yaml:2: base.child: the study must have a section children for it (got study:x)"},
		{"seeds: 1\nchildren: {small: {}}\nbase: {child: \"study:smal\"}", "s.yaml:3: base.child: must be one of study:small (got study:smal, did you mean study:small?)"},
		{"seeds: 1\nchildren: {../x: {}}", "s.yaml:2: children: a name must have 1 to 60 of the characters"},
		{"seeds: 1\nchildren: {x: {right: 0.1, layers: 2}}", "s.yaml:2: children.x: must have right with init, steps, lr and seed alone"},
		{"seeds: 1\nparents: {x: {wrong: 2}}", `s.yaml:2: parents.x.wrong: must be a number between 0 and 1 (got "2")`},
		{"seeds: 1\nmeasure: {sample: 2}", `s.yaml:2: measure: unknown key "sample", must be one of samples, prompts, perplexity, embedder, tasks (did you mean samples?)`},
		{"grid: {parent: [\"${server}\"]}", "s.yaml:1: grid.parent[0]: must be given: --given server=..."},
		{"given: {server: x}\ngrid: {parent: [\"${server}\"]}", "s.yaml: grid.parent: must have a level that needs nothing, or something must be given: parent=${server}: server was not given"},
		{"seeds: 9999\ngrid: {rollout.top_k: [1,2,3,4,5,6,7,8,9,10,11]}", "s.yaml: grid: must make at most 100000 cells"},
		{"seeds: 1\nsmall: {grid: 3}", `s.yaml:2: small.grid: must be a section of keys (got "3")`},
	} {
		s, err := Read(config.File{Name: "s.yaml", Text: []byte(c.text)}, Options{})
		if err == nil {
			_, err = s.Plan("D", plainArm)
		}
		if !errors.Is(err, config.ErrBad) || !strings.Contains(fmt.Sprint(err), c.want) || strings.Contains(fmt.Sprint(err), "\n") {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"0/2": "--shard: must be I/N", "3/2": "--shard: must be I/N", "1": "--shard: must be I/N", "1/2/3": "--shard: must be I/N", "-1/2": "--shard: must be I/N",
	} {
		if _, err := ParseShard(text); !errors.Is(err, config.ErrBad) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := Read(config.File{Name: "s.yaml", Text: []byte("given: {server: x}\nseeds: 1")}, Options{Given: map[string]string{"sever": "y"}}); fmt.Sprint(err) != "--given: must be one of server (got sever, did you mean server?)" {
		t.Errorf("got %v", err)
	}
	if _, err := Read(config.File{Name: "s.yaml", Text: []byte("seeds: 1")}, Options{Small: true}); fmt.Sprint(err) != "s.yaml: small: must be there for --small" {
		t.Errorf("got %v", err)
	}
}

// What is given makes levels; what is not leaves them out and says so.
func TestGiven(t *testing.T) {
	const text = "given: {file: answers}\ngrid: {parent: {table: {parent: builtin}, mine: {parent: \"file:${file}\"}}}\nsmall: {grid: {parent: {mine: {parent: \"file:${file}\"}, table: {parent: builtin}}}}"
	if s := read(t, text, Options{}); len(s.axes[0].levels) != 1 || !slices.Equal(s.Left, []string{"parent=mine: file was not given"}) {
		t.Errorf("got %+v, %q", s.axes, s.Left)
	}
	p, err := read(t, text, Options{Given: map[string]string{"file": "a.jsonl"}}).Plan("D", plainArm)
	if err != nil || len(p.Cells) != 2 || p.Cells[1].Config.Parent != "file:a.jsonl" {
		t.Errorf("got %v, %v", p, err)
	}
}

// Every study in the program can be planned, whole and small, with nothing given.
func TestNamedStudies(t *testing.T) {
	arm := func(text string) (string, []config.Setting, error) {
		base, _, _ := strings.Cut(text, "[")
		return base, nil, nil
	}
	if got, want := Names(), []string{"baserate", "downstream", "embedders", "parents", "rewards", "scale", "transfer"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, name := range Names() {
		for _, small := range []bool{true, false} {
			s, err := Read(Named(name), Options{Small: small})
			if err != nil {
				t.Fatal(err)
			}
			if len(strings.Fields(s.About)) < 10 {
				t.Errorf("%s must say what it asks", name)
			}
			p, err := s.Plan("D", arm)
			if err != nil {
				t.Fatal(err)
			}
			if small && len(p.Cells) > 12 {
				t.Errorf("%s: the small version has %d cells", name, len(p.Cells))
			}
		}
	}
}

func runner(t testing.TB, p *Plan, say func(string)) *Runner {
	return &Runner{Plan: p, Threads: 2, Say: say, Pretrain: func(context.Context, Child, string) error { return errors.New("not here") }}
}

// Shards share the making of children: what another process makes is left for last, and is
// taken over where that ends without it.
func TestChildrenAreMadeByAll(t *testing.T) {
	p := planOf(t, "seeds: 1\nchildren: {a: {}, b: {}, c: {}}\nbase: {task: colors}\ngrid: {child: {a: {child: \"study:a\"}, b: {child: \"study:b\"}, c: {child: \"study:c\"}}}\n", t.TempDir())
	folder := filepath.Join(p.Dir, childrenDir)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	other, err := durable.TryLock(filepath.Join(folder, ".a.lock"), 0o666)
	if err != nil {
		t.Fatal(err)
	}
	var made []string
	r := runner(t, p, func(string) {})
	r.Pretrain = func(_ context.Context, _ Child, dir string) error {
		if made = append(made, filepath.Base(dir)); len(made) == 2 {
			other.Release()
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := r.make(ctx, p.Cells); err != nil || !slices.Equal(made, []string{"b", "c", "a"}) {
		t.Errorf("made %q, %v", made, err)
	}
}

// A cell that fails is reported and does not stop the rest; what is missing is named.
func TestFailedCells(t *testing.T) {
	dir := t.TempDir()
	text := strings.Replace(tiny, "one: {reward: binary}", "one: {reward: binary, parent: \"file:"+filepath.ToSlash(filepath.Join(dir, "absent.jsonl"))+"\"}", 1)
	p := planOf(t, text, filepath.Join(dir, "S"))
	var said []string
	err := runner(t, p, func(line string) { said = append(said, line) }).Run(context.Background(), p.Cells)
	if !errors.Is(err, errCells) || !errors.Is(err, config.ErrBad) || !strings.HasPrefix(err.Error(), "2 of 6 cells failed; the first: task=colors/reward=one/seed=1: ") {
		t.Errorf("got %v", err)
	}
	if all := strings.Join(said, "\n"); strings.Count(all, ": failed: ") != 2 || !strings.Contains(all, "6 of 6 cells, 2 failed") {
		t.Errorf("got %s", all)
	}
	if kept, err := filepath.Glob(filepath.Join(p.Dir, "cells", "*", "*", "*", "checkpoints", "*")); err != nil || len(kept) > 0 {
		t.Errorf("complete cells must have no checkpoints (got %q, %v)", kept, err)
	}
	// Again: those that are complete are passed over without a word.
	said = nil
	if err := runner(t, p, func(line string) { said = append(said, line) }).Run(context.Background(), p.Cells); !errors.Is(err, errCells) {
		t.Errorf("got %v", err)
	}
	for _, line := range said {
		if !strings.Contains(line, "reward=one") {
			t.Errorf("got %q of a cell that was complete", line)
		}
	}
	m, err := p.Merge()
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, r := range m.Missing() {
		missing = append(missing, r.Name+" "+r.State)
	}
	if !slices.Equal(missing, []string{"task=colors/reward=one/seed=1 absent", "task=colors/reward=one/seed=2 absent"}) {
		t.Errorf("got %q", missing)
	}
	if _, err := m.Write(); err != nil {
		t.Fatal(err)
	}
	md, _ := os.ReadFile(filepath.Join(p.Dir, "study.md"))
	for _, want := range []string{"4 of 6 cells are complete", "| colors | one | 0 of 2 | – |", "- `task=colors/reward=one/seed=2`: absent"} {
		if !strings.Contains(string(md), want) {
			t.Errorf("study.md must have %q:\n%s", want, md)
		}
	}
	if m, err = planOf(t, strings.Replace(tiny, "seeds: 2", "seeds: 50", 1), filepath.Join(dir, "S")).Merge(); err != nil {
		t.Fatal(err)
	}
	if md := string(m.markdown(m.groups(), nil, nil)); strings.Count(md, ": absent\n") != maxMissing || !strings.Contains(md, "- and 106 more: the column `state` of `cells.csv`\n") {
		t.Errorf("missing cells must be bounded:\n%s", md)
	}
}

// The figure has a panel for each combination of the other levels and in it the arms, over the
// places that the panel has.
func TestFigure(t *testing.T) {
	p := planOf(t, `
grid: {task: [colors, copy], reward: [pgsrm, binary], schedule.lr: [1e-4, 2e-4, 4e-4]}
exclude: [{task: copy, schedule.lr: 1e-4}, {task: colors, schedule.lr: 4e-4}]
seeds: 2
against: {reward: pgsrm}
table: [height]
figure: {across: schedule.lr}
`, t.TempDir())
	m := &Merged{Plan: p}
	for i, c := range p.Cells {
		r := Result{Cell: c, State: run.DirComplete, Values: map[string]float64{"height": float64(i) / 10}}
		if c.Levels[0] == "copy" && c.Levels[1] == "binary" {
			r.Values = nil
		}
		m.Results = append(m.Results, r)
	}
	texts := func() (out []string) {
		for _, part := range regexp.MustCompile(`<text[^>]*>([^<]*)</text>`).FindAllStringSubmatch(string(m.drawing(m.groups())), -1) {
			if !strings.ContainsAny(part[1][:1], "0−") && strings.Trim(part[1], "0123456789.") != "" {
				out = append(out, part[1])
			}
		}
		return out
	}
	if got, want := texts(), []string{"pgsrm", "binary", "colors", "1e-4", "2e-4", "schedule.lr", "copy", "2e-4", "4e-4", "schedule.lr"}; !slices.Equal(got, want) {
		t.Errorf("lines: got %q, want %q", got, want)
	}
	m.figure = figure{}
	if got, want := texts(), []string{"colors, 1e-4", "pgsrm", "binary", "colors, 2e-4", "pgsrm", "binary", "copy, 2e-4", "pgsrm", "copy, 4e-4", "pgsrm"}; !slices.Equal(got, want) {
		t.Errorf("bars: got %q, want %q", got, want)
	}
	if m.Results = m.Results[:0]; m.drawing(m.groups()) != nil {
		t.Error("nothing complete must draw nothing")
	}
}

// Levels that were trained less or longer are compared where they are as high as the level
// under against: by hand, with a seed beyond the ends of its curve.
func TestMatch(t *testing.T) {
	p := planOf(t, `
grid: {task: [colors, opposites], schedule.lr: [1e-4, 2e-4, 3e-4, 4e-4]}
seeds: 3
against: {schedule.lr: 4e-4}
match: {metric: height, levels: [3e-4, 1e-4, 2e-4]}
table: [cost]
`, t.TempDir())
	heights := map[string][2]float64{"1e-4": {0.25, 1}, "2e-4": {0.5, 5}, "3e-4": {1, 9}}
	m := &Merged{Plan: p}
	for _, c := range p.Cells {
		r := Result{Cell: c, State: run.DirComplete, Values: map[string]float64{}}
		v, ok := heights[c.Levels[1]]
		if !ok { // 4e-4: seeds 1 and 2 within the curve, seed 3 above it
			v = [][2]float64{{0.375, 4}, {0.75, 10}, {1.5, 10}}[c.Config.Seed-1]
		}
		r.Values["height"], r.Values["cost"] = v[0], v[1]
		m.Results = append(m.Results, r)
	}
	all := m.matches(m.groups())
	if len(all) != 2 {
		t.Fatalf("got %d rows", len(all))
	}
	for _, x := range all { // 3 and 7 on the curve
		if x.seeds != 3 || len(x.at) != 2 || math.Abs(x.at[0]-3) > 1e-12 || math.Abs(x.at[1]-7) > 1e-12 || !slices.Equal(x.of, []float64{4, 10}) {
			t.Errorf("got %+v", x)
		}
	}
	lines := strings.Split(string(m.matchedCSV(all)), "\n")
	if lines[0] != "task,schedule.lr,match,metric,seeds,n,mean,matched_mean,mean_difference,ci95_low,ci95_high,p" || !strings.HasPrefix(lines[1], "colors,4e-4,height,cost,3,2,7,5,-2,") {
		t.Errorf("got %q", lines)
	}
	dir := t.TempDir()
	if err := m.WriteTables(dir, "own"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"own-cells.csv": "cell,task,schedule.lr,seed,state,episodes,cost", "own-matched.csv": lines[0] + "\n" + lines[1], "own-differences.csv": "task,schedule.lr,against,metric,n,"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.HasPrefix(string(text), want) || strings.Contains(string(text), ",height,0.") {
			t.Errorf("%s: got %.80q, %v", name, text, err)
		}
	}
	for _, bad := range []string{
		"grid: {seed: [1]}\nmatch: {metric: x, levels: [a, b]}",
		"grid: {schedule.lr: [1, 2]}\nagainst: {schedule.lr: 1}\nmatch: {metric: x, levels: [2, 3]}",
	} {
		if _, err := Read(config.File{Name: "s.yaml", Text: []byte(bad)}, Options{}); !errors.Is(err, config.ErrBad) || !strings.Contains(err.Error(), "match") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

// A context that ends stops a study; another folder's files are left alone.
func TestInterruptedAndForeign(t *testing.T) {
	p := planOf(t, tiny, filepath.Join(t.TempDir(), "S"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := runner(t, p, func(string) {}).Run(ctx, p.Cells); !errors.Is(err, run.ErrInterrupted) {
		t.Errorf("got %v", err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.tex"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	p = planOf(t, tiny, other)
	if err := runner(t, p, func(string) {}).Run(context.Background(), p.Cells); !errors.Is(err, config.ErrBad) || !strings.Contains(err.Error(), "must be a study, empty or new") {
		t.Errorf("got %v", err)
	}
}

// Of 213 answers the share is wrong, those of a smaller share are among those of a larger one,
// and the same seed gives the same answers.
func TestWrongParents(t *testing.T) {
	opposites, err := task.Builtin("opposites")
	if err != nil {
		t.Fatal(err)
	}
	wrong := func(w Wrong) map[string]string {
		text, err := w.answers(opposites)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := w.answers(opposites)
		if string(text) != string(again) {
			t.Error("the same parent must say the same")
		}
		out := map[string]string{}
		for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			it := opposites.Items[i]
			_, answer, _ := strings.Cut(line, `"answer":"`)
			answer, _, _ = strings.Cut(answer, `"`)
			if !task.Exact(answer, it.Reference, it.Accepted) {
				out[it.ID] = answer
			}
		}
		return out
	}
	some, more := wrong(Wrong{Share: 0.1}), wrong(Wrong{Share: 0.5})
	if len(some) != 21 || len(more) != 106 {
		t.Errorf("got %d and %d wrong answers", len(some), len(more))
	}
	for id, answer := range some {
		if more[id] != answer {
			t.Errorf("%s: %q with a tenth wrong, %q with half", id, answer, more[id])
		}
	}
	if other := wrong(Wrong{Share: 0.1, Seed: 1}); fmt.Sprint(other) == fmt.Sprint(some) {
		t.Error("another seed must say something else")
	}
	if n := len(wrong(Wrong{Synonyms: 1})); n < 150 {
		t.Errorf("only %d answers have a synonym that is not right to the letter", n)
	}
	for word, other := range synonyms {
		if word == other || strings.ContainsAny(other, "= ") {
			t.Errorf("%s=%s", word, other)
		}
	}
}

// Worked by hand. Self-BLEU of "a b c" against "a b d": 2 of 3 words, 1 of 2 pairs (2/3
// smoothed), 0 of 1 triples (1/2 smoothed): (2/3 * 2/3 * 1/2)^(1/3).
func TestLikenessOfAnswers(t *testing.T) {
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	near("BLEU", meanSelfBLEU([][]string{{"a b c", "a b d"}}), math.Cbrt(2.0/9))
	near("all the same", meanSelfBLEU([][]string{{"red", "red"}, {"", ""}}), 1)
	near("nothing in common", meanSelfBLEU([][]string{{"red", "blue", ""}}), 0)
	near("too short", bleu([]string{"a"}, [][]string{{"a", "b"}}), math.Exp(-1))
	one, two := distinct([][]string{{"a b", "a c"}, {"x", "x"}})
	near("distinct words", one, (3.0/4+1.0/2)/2)
	near("distinct pairs", two, 1.0/2)
}

// The mean probability of right answers of a child comes to what was asked for, on every task.
func TestAtBaseRate(t *testing.T) {
	m, err := run.OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	m.Pool = kernel.NewPool(2)
	defer m.Pool.Close()
	goal := func(m *rateTeacher) (off float64) {
		for _, items := range m.tasks {
			logs, err := responseLogs(m.m.Model, m.m.NewState(false), items[0].prompt, items[0].right)
			if err != nil {
				t.Fatal(err)
			}
			off += math.Abs(logSum(logs) - items[0].goal)
		}
		return off / float64(len(m.tasks))
	}
	a := &rateTeacher{m: m, start: m}
	a.sampling = m.NewState(false)
	if err := a.open(0.0005); err != nil {
		t.Fatal(err)
	}
	before := goal(a)
	if err := atBaseRate(context.Background(), m, Child{Right: 0.0005, Steps: 4, LR: 3e-3}); err != nil {
		t.Fatal(err)
	}
	if after := goal(a); after > 0.9*before {
		t.Errorf("log P is off by %.2f nats before and %.2f after", before, after)
	}
	if k := oddsFactor([]float64{1, 1}, 0.2); math.Abs(k-0.25) > 1e-9 {
		t.Errorf("odds of 1 must be taken 0.25 times for a probability of 0.2 (got %v)", k)
	}
}

// Tasks in other words and of other inputs, for the cells that have such.
func TestOtherTasks(t *testing.T) {
	for _, c := range []struct{ name, own, load, called string }{
		{"copy", "colors", "copy", "copy"}, {"copy", "copy", "", ""}, {"a/b.jsonl", "copy", "a/b.jsonl", "b"}, {"phrasings:copy", "copy", "phrasings:copy", "phrasings_copy"},
		{"phrasings:own", "colors", "phrasings:colors", "phrasings_own"}, {"subjects:own", "colors", "", ""}, {"subjects:own", "copy", "subjects:copy", "subjects_own"},
		{"phrasings:own", "a/b.jsonl", "", ""},
	} {
		if load, called := otherTask(c.name, c.own); load != c.load || called != c.called {
			t.Errorf("%s of a cell on %s: got %q, %q", c.name, c.own, load, called)
		}
	}
	for name, want := range map[string]int{"phrasings:colors": 270, "phrasings:sentiment": 405, "subjects:opposites": 50, "subjects:categories": 50, "subjects:copy": 50} {
		x, err := loadTask(name, task.DefaultOptions())
		if err != nil || len(x.Items) < want {
			t.Fatalf("%s: got %d prompts, %v", name, len(x.Items), err)
		}
		own, err := task.Builtin(name[strings.Index(name, ":")+1:])
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, it := range own.Items {
			seen[it.Prompt] = true
		}
		for _, it := range x.Items {
			if seen[it.Prompt] || it.Reference == "" {
				t.Fatalf("%s: %q must be a prompt of its own with a reference", name, it.Prompt)
			}
			seen[it.Prompt] = true
		}
	}
	for _, name := range []string{"subjects:colors", "phrasings:x"} {
		if _, err := loadTask(name, task.DefaultOptions()); err == nil {
			t.Errorf("%s must be refused", name)
		}
	}
	x := &task.Task{Items: []task.Item{{Input: "a", Split: task.Train}, {Input: "a", Split: task.HeldOut}, {Input: "b", Split: task.HeldOut}}}
	var got []string
	for _, p := range parts(x) {
		got = append(got, fmt.Sprint(p.name, len(p.items)))
	}
	if !slices.Equal(got, []string{"train1", "held_out2", "new_phrasings1", "new_subjects1"}) {
		t.Errorf("got %q", got)
	}
}

// A child that was not changed is as far from itself as it has to be.
func TestDivergenceOfTheSameChild(t *testing.T) {
	p := planOf(t, strings.Replace(tiny, "episodes: 128", "episodes: 128, schedule.lr: 0", 1)+"measure: {samples: 2, prompts: 3}\n", filepath.Join(t.TempDir(), "S"))
	if err := runner(t, p, func(string) {}).Run(context.Background(), p.Cells[:1]); err != nil {
		t.Fatal(err)
	}
	v, err := p.readMeasures(p.Cells[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"own/train/kl_forward", "own/train/kl_reverse", "own/held_out/kl_forward"} {
		if got, ok := v[name]; !ok || got != 0 {
			t.Errorf("%s: got %v", name, v[name])
		}
	}
	for _, name := range []string{"chrf", "semantic", "right_probability", "samples/self_bleu", "samples/length"} {
		if a, b := v["own/train/"+name], v["own/train/start_"+name]; a != b {
			t.Errorf("%s: got %v, of the start child %v", name, a, b)
		}
	}
}

// An answer is drawn from a stream of its own, whatever is drawn beside it.
func TestDrawnAlone(t *testing.T) {
	m, err := run.OpenChild("builtin:tiny")
	if err != nil {
		t.Fatal(err)
	}
	h := half{limit: 4}
	for i := range 9 {
		h.tokens = append(h.tokens, m.Tokenizer.Encode(fmt.Sprintf("The opposite of %d is ", i)))
	}
	few, many := &pairOf{Measures: Measures{Samples: drawBatch / 4}}, &pairOf{Measures: Measures{Samples: drawBatch}}
	some, err := few.draw(context.Background(), m, h)
	if err != nil {
		t.Fatal(err)
	}
	all, err := many.draw(context.Background(), m, h)
	if err != nil {
		t.Fatal(err)
	}
	for i := range h.tokens {
		for k := range few.Samples {
			a, b := some[i*few.Samples+k], all[i*many.Samples+k]
			if !slices.Equal(a.Tokens, b.Tokens) || !slices.Equal(a.LogProbs, b.LogProbs) {
				t.Fatalf("prompt %d, answer %d: got %v, beside others %v", i, k, a, b)
			}
		}
	}
}

// What was complete before counts neither as speed nor as left, wherever in the queue it stands.
func TestProgressKnowsWhatIsComplete(t *testing.T) {
	p := planOf(t, tiny, filepath.Join(t.TempDir(), "S"))
	r := runner(t, p, func(string) {})
	if err := r.Run(context.Background(), p.Cells[1:2]); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(0, 0)
	r.Clock = func() time.Time { return now }
	at := newProgress(r, p.Cells[:2])
	now = now.Add(10 * time.Second)
	at.at(p.Cells[0], p.Cells[0].Config.Episodes/2, false)
	if got, want := at.line(), "0 of 2 cells, 6 episodes/s, about 10 s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What names a level that --small or a name that was not given leaves out is no mistake.
func TestLevelsLeftOutHaveNames(t *testing.T) {
	text := `
given: {file: a task}
base: {child: builtin:tiny, episodes: 128, look: "off"}
grid:
  task: {colors: {task: colors}, copy: {task: copy}, file: {task: "${file}"}}
  reward: [pgsrm, binary]
exclude: [{task: [copy, file], reward: binary}]
small: {grid: {task: {colors: {task: colors}}}}
`
	for _, small := range []bool{true, false} {
		if _, err := Read(config.File{Name: "s.yaml", Text: []byte(text)}, Options{Small: small}); err != nil {
			t.Error(err)
		}
		_, err := Read(config.File{Name: "s.yaml", Text: []byte(strings.Replace(text, "[copy, file]", "none", 1))}, Options{Small: small})
		if err == nil || !strings.Contains(err.Error(), `task must be one of colors, copy, file (got "none")`) {
			t.Errorf("got %v", err)
		}
	}
}

// The start child is measured once for all cells of a task, and stands in each as if it had been
// measured there.
func TestStartIsMeasuredOnce(t *testing.T) {
	text := strings.Replace(tiny, "episodes: 128", "episodes: 128, schedule.lr: 0", 1) + "measure: {samples: 2, prompts: 3, perplexity: builtin}\n"
	p := planOf(t, text, filepath.Join(t.TempDir(), "S"))
	cells := slices.DeleteFunc(slices.Clone(p.Cells), func(c Cell) bool { return !strings.HasPrefix(c.Name, "task=colors/") })
	r := runner(t, p, func(string) {})
	if err := r.Run(context.Background(), cells); err != nil {
		t.Fatal(err)
	}
	if len(cells) < 2 || len(r.starts.made) != 3 { // train, held-out, perplexity
		t.Errorf("%d cells: got %d measures of start children, want 3", len(cells), len(r.starts.made))
	}
	for _, c := range cells {
		v, err := p.readMeasures(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"own/train/%schrf", "own/held_out/%ssamples/length", "%sperplexity"} {
			child, start := fmt.Sprintf(name, ""), fmt.Sprintf(name, "start_")
			if got, ok := v[start]; !ok || got != v[child] {
				t.Errorf("%s: %s: got %v, %s %v", c.Name, start, got, child, v[child])
			}
		}
	}
}

// FuzzRead: no file brings the reader down, and every mistake is one line that names it.
func FuzzRead(f *testing.F) {
	for _, name := range Names() {
		f.Add(Named(name).Text)
	}
	f.Add([]byte(tiny))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, o := range []Options{{}, {Small: true}} {
			if _, err := Read(config.File{Name: "f", Text: text}, o); err != nil && (strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "f:")) {
				t.Errorf("error must be one line that names the file (got %q)", err)
			}
		}
	})
}
