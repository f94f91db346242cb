package custom_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/custom"
)

// python is Debian's Python where there is one, else any.
func python(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no python3 here: the helper for reward functions of TRL is NOT tested")
	return ""
}

// trl opens functions of testdata/trl_rewards.py through the helper.
func trl(t testing.TB, arguments string, change func(o *custom.Options)) *custom.Source {
	t.Helper()
	command := python(t) + " ../python/pgsrm_exec.py"
	for _, a := range strings.Fields(arguments) {
		if !strings.HasPrefix(a, "--") {
			a = filepath.Join("testdata", "trl_rewards.py") + ":" + a
		}
		command += " " + a
	}
	return open(t, command, change)
}

// Reward functions of TRL work as they are: on texts and on messages, with columns,
// several with weights, async ones, ones that print, ones that have no reward.
func TestRewardFunctionsOfTRL(t *testing.T) {
	asked := []custom.Sample{
		{Prompt: "What is 1+1?", Response: "<think>x</think><answer>2</answer>", Reference: "2", Columns: []byte(`{"solution":"2"}`)},
		{Prompt: "é", Response: "3", Reference: "3", Columns: []byte(`{"solution":null,"level":1}`)},
		{Prompt: "", Response: "", Reference: "3"},
	}
	none := custom.Result{Err: custom.ErrNone}
	of := func(x float64) custom.Result { return custom.Result{Reward: x} }
	for functions, want := range map[string][]custom.Result{
		"length":                   {of(3.4), of(0.1), of(0)},
		"--messages format_reward": {of(1), of(0), of(0)},
		"--messages format_reward=0.5 accuracy=2": {of(2.5), of(0), of(0)},
		"--messages accuracy":                     {of(1), none, none},
		"slow":                                    {of(12), of(1), of(0)},
		"slow=0.5 length=10 slow":                 {of(52), of(2.5), of(0)},
		"reference":                               {of(0), of(1), of(0)},
		"nothing":                                 {none, none, none},
		"nothing judge":                           {of(0.25), of(0.25), of(0.25)},
	} {
		got := custom.Ask(context.Background(), trl(t, functions, nil), asked)
		for i, r := range got {
			if r != want[i] {
				t.Errorf("%s: sample %d: got %v, %v, want %v", functions, i, r.Reward, r.Err, want[i])
			}
		}
	}
}

func TestFaultsOfRewardFunctionsOfTRL(t *testing.T) {
	asked := samples(2)
	for functions, want := range map[string]string{
		"broken":     `its process ended (exit status 1) before it had answered; its last words: "KeyError: 'no such color'"`,
		"short":      `its process ended (exit status 1) before it had answered; its last words: "ValueError: short must return 2 rewards (got 1)"`,
		"accuracy":   `its process ended (exit status 1) before it had answered; its last words: "TypeError: accuracy() missing 1 required positional argument: 'solution'"`,
		"no_such":    `its process ended (exit status 1) before it had answered; its last words: "AttributeError: module 'trl_rewards' has no attribute 'no_such'"`,
		"infinite":   "reward must be between -1000 and 1000 (got +Inf)",
		"length=1e9": "reward must be between -1000 and 1000 (got 0)",
	} {
		s := trl(t, functions, func(o *custom.Options) { o.Settings.Retries = 0 })
		got := custom.Ask(context.Background(), s, asked)
		if functions == "length=1e9" {
			if got[0].Err != nil || got[1].Err == nil {
				t.Errorf("%s: got %v", functions, got)
			}
			continue
		}
		if got[0].Err == nil || got[0].Err.Error() != want {
			t.Errorf("%s: got %v, want %s", functions, got[0].Err, want)
		}
	}
}

// What a function prints is told, and is no reply.
func TestPrintsOfRewardFunctions(t *testing.T) {
	said := &warnings{}
	s := trl(t, "length", func(o *custom.Options) { o.Warn = said.add })
	custom.Ask(context.Background(), s, samples(1))
	s.Close()
	if got := strings.Join(said.all(), "; "); got != `exec: a line while the module is loaded; exec: {"rewards":[9]}; exec: nor this; exec: nor that of a child` {
		t.Errorf("got %s", got)
	}
}

// The programs on the page run, each with what it is said to do.
func TestProgramsOfThePage(t *testing.T) {
	text, err := os.ReadFile("../docs/custom-rewards.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```python\n")[1:]
	asked := []custom.Sample{{Prompt: "Say hello.", Response: "hello dear world", Reference: "hello", Columns: []byte(`{"most":2}`)}, {Response: "hi", Columns: []byte(`{"most":4}`)}}
	for i, block := range blocks {
		program, _, _ := strings.Cut(block, "```")
		path := filepath.Join(t.TempDir(), "words.py")
		if err := os.WriteFile(path, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		command := python(t) + " " + path
		if strings.Contains(program, "def brief(") {
			command = python(t) + " ../python/pgsrm_exec.py " + path + ":brief"
		}
		got := custom.Ask(context.Background(), open(t, command, nil), asked)
		if got[0].Err != nil || got[0].Reward != 2.0/3 || got[1].Err != nil || got[1].Reward != 1 {
			t.Errorf("program %d: got %v", i, got)
		}
	}
	if len(blocks) != 2 {
		t.Errorf("programs: got %d", len(blocks))
	}
}

// BenchmarkPython scores batches of 256 samples through the helper by a function that
// does nearly nothing: what is left is the way there and back.
func BenchmarkPython(b *testing.B) {
	s := trl(b, "judge", func(o *custom.Options) { o.Settings.Batch = 256 })
	asked := make([]custom.Sample, 256)
	for i := range asked {
		asked[i] = custom.Sample{
			Prompt: "Mix the two colors and output only one lowercase color name: red and blue is => ", Response: strings.Repeat("purple ", 1+i%8), Reference: "purple",
			Columns: []byte(`{"level":3,"source":"colors"}`),
		}
	}
	custom.Ask(context.Background(), s, asked) // starts it
	for b.Loop() {
		if got := custom.Ask(context.Background(), s, asked); got[255] != (custom.Result{Reward: 0.25}) {
			b.Fatal(got[255])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/256/float64(b.N), "ms/sample")
}
