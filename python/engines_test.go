package python_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"pgsrm/internal/family"
	server "pgsrm/serve"
	"pgsrm/serve/servetest"
)

// onRay has Ray tell nobody, begin a cluster of its own, and wait for workers that are slow to
// begin where the cores have more to do: after its own minute it would begin them again and again.
// Without an address it would connect to the last one that was begun here with ray start, also
// where that has long ended.
var onRay = []string{"RAY_ADDRESS=local", "RAY_USAGE_STATS_ENABLED=0", "RAY_worker_register_timeout_seconds=300"}

// verl's managers, SkyRL's environment and AReaL's workflow, unmodified, get the rewards of
// score.
func TestEngines(t *testing.T) {
	python := servetest.Engines(t)
	args := []string{"--task", "opposites", "--reward", "pgsrm"}
	path := cases(t, serve(t, args...), args...)
	for _, engine := range []struct{ tests, module string }{{"Verl", "verl"}, {"SkyRL", "skyrl_gym"}, {"AReaL", "areal"}} {
		t.Run(engine.tests, func(t *testing.T) {
			if exec.Command(python, "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)", engine.module).Run() != nil {
				t.Skipf("%s has no %s, which PyPI does not have for every Python: it is NOT asked", python, engine.module)
			}
			t.Log(runPython(t, python, nil, "tests/engines.py", engine.tests, path))
		})
	}
}

// The checks of examples/verl and examples/openrlhf, which run the reward paths of those engines
// on Ray, get the rewards of score.
func TestExamples(t *testing.T) {
	python := servetest.Engines(t)
	dir := t.TempDir()
	var prompts, asked bytes.Buffer
	words := []string{"hot", "cold", "tall", "short", "dark", "light"}
	for k := range words {
		i, other := k%3*2, (k%3*2+k/3*2)%6 // the references as answers, then those of the next rows
		row := map[string]string{"prompt": fmt.Sprintf("The opposite of '%s' is ", words[i]), "reference": words[i+1]}
		if k < 3 {
			json.NewEncoder(&prompts).Encode(row)
		}
		row["response"] = words[other+1]
		json.NewEncoder(&asked).Encode(row)
	}
	args := []string{"--task", "opposites", "--reward", "pgsrm"}
	score := exec.Command(servetest.Binary(t), append([]string{"score", "--cache", "off"}, args...)...)
	score.Stdin = &asked
	scored, err := score.Output()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "prompts.jsonl"), prompts.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	type answered struct {
		Answer, Response string
		Reward           any
	}
	lines := func(text string) (out []answered) {
		for line := range strings.Lines(text) {
			var one answered
			if strings.HasPrefix(line, `{"prompt"`) && json.Unmarshal([]byte(line), &one) == nil {
				out = append(out, one)
			}
		}
		return out
	}
	want := lines(string(scored))
	runPython(t, python, nil, "-c", "import sys; sys.path.insert(0, 'tests'); import engines; engines.tokenizer().save_pretrained(sys.argv[1])", filepath.Join(dir, "model"))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"PGSRM_SERVE_URL=" + serve(t, args...), "PYTHON=" + python, "EXAMPLES=" + filepath.Join(here, "..", "examples"),
		"PYTHONPATH=" + filepath.Join(here, "pgsrm_reward", "src"), "HF_HUB_OFFLINE=1"}
	env = append(env, onRay...)
	for engine, command := range map[string]string{
		"verl": `"$PYTHON" "$EXAMPLES/verl/prepare.py" <prompts.jsonl >train.jsonl && exec "$PYTHON" "$EXAMPLES/verl/check.py" \
			data.train_files=train.jsonl actor_rollout_ref.model.path=model reward.num_workers=2`,
		"openrlhf": `CHECK=1 sh "$EXAMPLES/openrlhf/train.sh" "$PGSRM_SERVE_URL" model prompts.jsonl out`,
	} {
		t.Run(engine, func(t *testing.T) {
			out, err := bounded(t, dir, env, "sh", "-c", command)
			got := lines(string(out))
			if err != nil || len(got) != len(want) {
				t.Fatalf("%v\n%s", err, out)
			}
			for i, w := range want {
				reward := w.Reward.(float64)
				if engine == "verl" { // in whose tensor it stands
					reward = float64(float32(reward))
				}
				if list, ok := got[i].Reward.([]any); ok && len(list) == 1 {
					got[i].Reward = list[0]
				}
				if got[i].Answer != w.Response || got[i].Reward != reward {
					t.Errorf("%q: got %v for %q, want %v", w.Response, got[i].Reward, got[i].Answer, reward)
				}
			}
		})
	}
}

// What ends an answer and which columns may hold the reference stand in the server, in the
// Python package and in the manual: one list.
func TestLists(t *testing.T) {
	want := server.DefaultSettings()
	out := runPython(t, python(t), nil, "-c", `import json
from pgsrm_reward.areal import END_MARKERS
from pgsrm_reward.trl import LABELS
print(json.dumps({"Labels": LABELS, "EndMarkers": END_MARKERS}))`)
	var got struct{ Labels, EndMarkers []string }
	if err := json.Unmarshal([]byte(out), &got); err != nil || !reflect.DeepEqual(got.Labels, want.Labels) || !reflect.DeepEqual(got.EndMarkers, want.EndMarkers) {
		t.Errorf("Python package: got %q and %q, want %q and %q (%v)", got.Labels, got.EndMarkers, want.Labels, want.EndMarkers, err)
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "serve.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	var manual struct {
		server.Settings `yaml:",inline"`
		Rewards         any
	}
	if err := yaml.Unmarshal([]byte(text), &manual); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(manual.Settings, want) {
		t.Errorf("docs/serve.md: got %+v, want %+v", manual.Settings, want)
	}
}

// TRL under Ray Train, as examples/ray_trl has it: of two workers one is killed, then the
// reward server is, which is away for 20 s. The run goes on from a checkpoint, waits for the
// server, and ends with the samples of every step scored.
func TestRayTrain(t *testing.T) {
	python := servetest.Engines(t)
	const steps = 40
	reward := []string{"--task", "opposites", "--reward", "nearer"}
	url, process := servetest.Start(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, reward...)...)
	dir := t.TempDir()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	sources, err := filepath.Abs("pgsrm_reward/src")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "../examples/ray_trl/train.py", "--url", url, "--steps", fmt.Sprint(steps), "--save-steps", "5", "--storage", dir)
	cmd.Env = append(append(os.Environ(), "PYTHONPATH="+sources, "PYTHONDONTWRITEBYTECODE=1"), onRay...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, family.Attributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { family.Kill(cmd.Process) })
	said := func() string {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	// until waits for something that the run does before it ends.
	until := func(what string, done func() bool) {
		late := time.After(patience)
		for !done() {
			select {
			case err := <-ended:
				t.Fatalf("ended before %s: %v\n%s", what, err, said())
			case <-late:
				t.Fatalf("no %s after %v\n%s", what, patience, said())
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	checkpoints := func() int {
		found, err := filepath.Glob(filepath.Join(dir, "ray_trl", "checkpoint_*-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	workers := func() []string {
		found := regexp.MustCompile(`RayTrainWorker pid=\d+`).FindAllString(said(), -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	until("a checkpoint", func() bool { return checkpoints() > 0 })
	pid, err := strconv.Atoi(strings.TrimPrefix(workers()[0], "RayTrainWorker pid="))
	if err != nil {
		t.Fatal(err)
	}
	worker, err := os.FindProcess(pid)
	if err == nil {
		err = worker.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	until("new workers", func() bool { return len(workers()) > 2 })
	n := checkpoints()
	until("a checkpoint of the new workers", func() bool { return checkpoints() > n })
	process.Process.Kill()
	process.Wait()
	away := time.After(20 * time.Second)
	until("the server was back", func() bool {
		select {
		case <-away:
			return true
		default:
			return false
		}
	})
	servetest.Start(t, append([]string{"serve", "--listen", strings.TrimPrefix(url, "http://")}, reward...)...)
	select {
	case err = <-ended:
	case <-time.After(patience):
		err = fmt.Errorf("not done %v after the server was back", patience)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, said())
	}
	var last struct{ Checkpoint string }
	for line := range strings.Lines(said()) {
		if strings.HasPrefix(line, `{"checkpoint"`) {
			err = json.Unmarshal([]byte(line), &last)
		}
	}
	text, readErr := os.ReadFile(filepath.Join(last.Checkpoint, "checkpoint", "trainer_state.json"))
	var state struct {
		History []struct {
			Step             int
			Reward, Unscored *float64
		} `json:"log_history"`
	}
	if err := errors.Join(err, readErr, json.Unmarshal(bytes.ReplaceAll(text, []byte("pgsrm/unscored"), []byte("unscored")), &state)); err != nil {
		t.Fatalf("%v\n%s", err, said())
	}
	var rewards []float64
	for _, at := range state.History {
		if at.Reward == nil {
			continue
		}
		rewards = append(rewards, *at.Reward)
		if at.Step != len(rewards) || at.Unscored == nil || *at.Unscored != 0 {
			t.Errorf("step %d, the %d. that was told: samples have no reward", at.Step, len(rewards))
		}
	}
	if len(rewards) != steps {
		t.Fatalf("got the rewards of %d steps, want %d", len(rewards), steps)
	}
	first, end := mean(rewards[:5]), mean(rewards[steps-5:])
	t.Logf("mean reward %.3f, then %.3f", first, end)
	if end < first+0.1 {
		t.Errorf("mean reward did not rise: %.3f, then %.3f", first, end)
	}
}
