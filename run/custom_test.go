package run

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgsrm/custom"
	"pgsrm/custom/customtest"
	"pgsrm/remote/remotetest"
	"pgsrm/task"
)

// asking is a reward with a memory whose greater part is a process that misbehaves as
// customtest.Command says.
func asking(fault ...string) string {
	command, err := json.Marshal(customtest.Command(fault...))
	if err != nil {
		panic(err)
	}
	return "0.2*exact + 0.5*fade(clip(exec(" + string(command) + "), 0, 1), k=2)"
}

// customConfig is a run with that reward, and settings that suit a test.
func customConfig(t testing.TB, dir, reward string, set ...string) Config {
	t.Helper()
	return testConfig(t, dir, append(set, "custom_reward.retries=0", "reward="+reward)...)
}

// mustStart trains to the end.
func mustStart(t testing.TB, cfg Config, deps Deps) Result {
	t.Helper()
	res, err := Start(context.Background(), cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// A process scores every answer of steps and evaluations; it is logged under its kind.
func TestRewardOfAProcess(t *testing.T) {
	dir := t.TempDir()
	mustStart(t, customConfig(t, dir, asking(), "custom_reward.batch=5"), testDeps(t))
	for name, want := range map[string][]string{
		MetricsFile:     {`"rewards/exec/mean":0.`, `"rewards/fade/mean":`, `"eval/train/reward":`},
		CompletionsFile: {`"terms":{"exact":0,"exec":0.`},
		TimingsFile:     {`"custom/exec/batches":`, `"custom/exec/samples":`},
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		for _, part := range want {
			if err != nil || !strings.Contains(string(text), part) {
				t.Errorf("%s: must have %s, %v", name, part, err)
			}
		}
	}
}

// A process that fails from one step on stops the run with a checkpoint, its samples
// dropped and never scored; once it is well the run resumes to the bits of one that was
// never disturbed.
func TestProcessFailsAndComesBack(t *testing.T) {
	straight := t.TempDir()
	mustStart(t, customConfig(t, straight, asking()), testDeps(t))
	for fault, want := range map[string]string{
		"die":     "16 of 16 rewards failed: reward: exec: its process ended (exit status 7) before it had answered; its last words: \"ValueError: no such color\"",
		"hang":    "16 of 16 rewards failed: reward: exec: must answer a batch within 5s (custom_reward.timeout_s)",
		"garbage": "16 of 16 rewards failed: reward: exec: reply must be JSON (invalid character 'l' looking for beginning of value)",
		"few":     "16 of 16 rewards failed: reward: exec: reply must have a reward for each of 16 samples (got 15)",
		"long":    "16 of 16 rewards failed: reward: exec: reply must have at most 1048576 bytes in its line",
	} {
		t.Run(fault, func(t *testing.T) {
			dir, ill := t.TempDir(), filepath.Join(t.TempDir(), "ill")
			set := "custom_reward.timeout_s=60"
			if fault == "hang" {
				set = "custom_reward.timeout_s=5"
			}
			deps := testDeps(t)
			deps.Events = []Subscriber{atStep{5, func() { os.WriteFile(ill, nil, 0o600) }}}
			_, err := Start(context.Background(), customConfig(t, dir, asking(fault, ill), set), deps)
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "step 6: parent, embedder or reward unavailable: "+want+"; checkpoint: ") {
				t.Fatalf("got error %v", err)
			}
			if err := os.Remove(ill); err != nil {
				t.Fatal(err)
			}
			if _, err := Resume(context.Background(), customConfig(t, dir, asking(fault, ill), "custom_reward.timeout_s=90"), testDeps(t)); err != nil {
				t.Fatal(err)
			}
			compareRuns(t, straight, dir)
		})
	}
}

// What a process says beside neither disturbs the run nor fills its files; null and NaN
// cost their sample alone, which is dropped and counted.
func TestProcessThatIsOdd(t *testing.T) {
	if testing.Short() {
		t.Skip("TestProcessFailsAndComesBack trains with a process under the race detector")
	}
	straight, dir, seen := t.TempDir(), t.TempDir(), &events{}
	mustStart(t, customConfig(t, straight, asking()), testDeps(t))
	deps := testDeps(t)
	deps.Events = []Subscriber{seen}
	mustStart(t, customConfig(t, dir, asking("stderr")), deps)
	compareRuns(t, straight, dir)
	if n := seen.warnings(); n < 21 || n > 25 {
		t.Errorf("got %d warnings", n)
	}
	for _, fault := range []string{"null", "nan"} {
		if res := mustStart(t, customConfig(t, t.TempDir(), asking(fault)), testDeps(t)); res.Dropped != res.Steps {
			t.Errorf("%s: dropped %d in %d steps", fault, res.Dropped, res.Steps)
		}
	}
}

// An interrupted run leaves at once, though its process hangs.
func TestInterruptedWhileAProcessHangs(t *testing.T) {
	dir, ill := t.TempDir(), filepath.Join(t.TempDir(), "ill")
	ctx, cancel := context.WithCancel(context.Background())
	deps := testDeps(t)
	deps.Events = []Subscriber{atStep{3, func() {
		os.WriteFile(ill, nil, 0o600)
		time.AfterFunc(500*time.Millisecond, cancel)
	}}}
	_, err := Start(ctx, customConfig(t, dir, asking("hang", ill)), deps)
	if !errors.Is(err, ErrInterrupted) {
		t.Fatalf("got error %v", err)
	}
}

// The same for a server, which gets the columns of the file too.
func TestRewardServerDiesAndComesBack(t *testing.T) {
	s := remotetest.New(t, customtest.Handler)
	reward := "exact + clip(http(" + s.URL() + "/mine), 0, 1)"
	deps := func() Deps {
		d := testDeps(t)
		colors, err := task.Load("colors", task.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		for i := range colors.Items {
			colors.Items[i].Columns = json.RawMessage(`{"level":"` + strings.Repeat("x", i%7) + `"}`)
		}
		d.Task = colors
		return d
	}
	straight := t.TempDir()
	mustStart(t, customConfig(t, straight, reward), deps())
	plain := t.TempDir()
	mustStart(t, customConfig(t, plain, reward), testDeps(t))
	if a, b := mustRead(t, filepath.Join(straight, MetricsFile)), mustRead(t, filepath.Join(plain, MetricsFile)); a == b {
		t.Error("the columns must reach the server")
	}
	dir, ill := t.TempDir(), deps()
	ill.Events = []Subscriber{atStep{4, s.Stop}}
	_, err := Start(context.Background(), customConfig(t, dir, reward), ill)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "16 of 16 rewards failed: reward: http: "+s.URL()+"/mine: connection") {
		t.Fatalf("got error %v", err)
	}
	s.Start()
	if _, err := Resume(context.Background(), customConfig(t, dir, reward, "custom_reward.concurrency=1"), deps()); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, dir)
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lengths is a Scorer in Go that fails where it is told to.
type lengths struct {
	mu   sync.Mutex
	fail bool
}

func (l *lengths) Score(_ context.Context, samples []custom.Sample) []custom.Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]custom.Result, len(samples))
	for i, s := range samples {
		s.Columns = []byte("{}")
		out[i].Reward = customtest.Reward(s)
		if l.fail {
			out[i] = custom.Result{Err: errors.New("judge: out of memory")}
		}
	}
	return out
}

// A Scorer in Go has the very rewards of the process that computes the same, and fails
// and comes back like it.
func TestScorerInGo(t *testing.T) {
	straight, dir := t.TempDir(), t.TempDir()
	mustStart(t, customConfig(t, straight, "clip(custom, 0, 1)"), scorerDeps(t, &lengths{}))
	other := t.TempDir()
	command, _, _ := strings.Cut(strings.TrimPrefix(asking(), "0.2*exact + 0.5*fade(clip("), ", 0, 1)")
	mustStart(t, customConfig(t, other, "clip("+command+", 0, 1)"), testDeps(t))
	a, b := mustRead(t, filepath.Join(straight, MetricsFile)), mustRead(t, filepath.Join(other, MetricsFile))
	if strings.ReplaceAll(a, "rewards/custom/", "rewards/exec/") != b {
		t.Error("a process and a Scorer that compute the same must train alike")
	}
	ill := &lengths{}
	deps := scorerDeps(t, ill)
	deps.Events = []Subscriber{atStep{4, func() { ill.fail = true }}}
	if _, err := Start(context.Background(), customConfig(t, dir, "clip(custom, 0, 1)"), deps); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "reward: custom: judge: out of memory") {
		t.Fatalf("got error %v", err)
	}
	if _, err := Resume(context.Background(), customConfig(t, dir, "clip(custom, 0, 1)"), scorerDeps(t, &lengths{})); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, dir)
	for reward, deps := range map[string]Deps{"custom": testDeps(t), "exact": scorerDeps(t, &lengths{}), "exec(no-such-program-here)": testDeps(t)} {
		if _, err := Start(context.Background(), customConfig(t, t.TempDir(), reward), deps); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: got error %v", reward, err)
		}
		if _, err := DryRun(context.Background(), customConfig(t, t.TempDir(), reward), false, deps); !errors.Is(err, ErrConfig) {
			t.Errorf("%s, dry run: got error %v", reward, err)
		}
	}
}

func scorerDeps(t *testing.T, s custom.Scorer) Deps {
	deps := testDeps(t)
	deps.Scorer = s
	return deps
}

// The look asks a process of the run, and none where nothing is to be started.
func TestLookWithAProcess(t *testing.T) {
	seen := &events{}
	deps := testDeps(t)
	deps.Events = []Subscriber{seen}
	mustStart(t, customConfig(t, t.TempDir(), asking(), "look=on", "episodes=16"), deps)
	var l *Look
	for _, e := range seen.all {
		if one, ok := e.(looked); ok {
			l = one.Look
		}
	}
	if l == nil || l.Scores == nil || l.Scores.Reward <= 0 || l.Scores.Right <= 0 {
		t.Errorf("got %+v", l)
	}
	plan, err := DryRun(context.Background(), customConfig(t, t.TempDir(), asking("die"), "look=on"), false, testDeps(t))
	if err != nil || plan.Look == nil || plan.Look.Scores != nil || plan.Look.Unscored == "" {
		t.Errorf("dry run: %+v, %v", plan.Look, err)
	}
}

// The configuration on the page of custom rewards is one.
func TestConfigOnTheCustomPage(t *testing.T) {
	page := mustRead(t, "../docs/custom-rewards.md")
	_, text, _ := strings.Cut(page, "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	path := filepath.Join(t.TempDir(), "run.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(path, nil)
	if err != nil || !cfg.CustomReward.Pure || len(cfg.Reward.Commands()) != 1 {
		t.Errorf("%s%v", text, err)
	}
}

// Each run of a comparison has a process of its own.
func TestComparisonWithProcesses(t *testing.T) {
	base := customConfig(t, t.TempDir(), "binary", "episodes=32")
	arms, err := Arms([]Config{customConfig(t, base.Out, asking(), "episodes=32"), base}, 2)
	if err != nil {
		t.Fatal(err)
	}
	results, err := Compare(context.Background(), arms, Slots{Threads: 2}, testDeps(t), func(Arm) Subscriber { return &events{} })
	if err != nil || len(results) != 4 || !results[0].Complete || !results[3].Complete {
		t.Errorf("got %+v, %v", results, err)
	}
}
