package custom_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgsrm/custom"
	"pgsrm/custom/customtest"
	"pgsrm/remote"
)

func TestMain(m *testing.M) {
	customtest.Main()
	os.Exit(m.Run())
}

// warnings keeps what a source says.
type warnings struct {
	mu    sync.Mutex
	texts []string
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.texts...)
}

// at once waits for nothing between two tries.
var atOnce = remote.Deps{Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}

// open opens a term exec whose batches have 4 samples and 3 tries.
func open(t testing.TB, text string, change func(o *custom.Options)) *custom.Source {
	t.Helper()
	o := custom.Options{Settings: custom.DefaultSettings(), Remote: atOnce}
	o.Settings.Batch, o.Settings.Retries, o.Settings.TimeoutS = 4, 2, 30
	if change != nil {
		change(&o)
	}
	s, err := custom.Open(custom.Exec, text, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// samples are n different ones.
func samples(n int) []custom.Sample {
	out := make([]custom.Sample, n)
	for i := range out {
		out[i] = custom.Sample{Prompt: "red and blue is\n=> ", Response: strings.Repeat("<é>", i), Reference: "purple"}
		if i%2 == 1 {
			out[i].Columns = []byte(fmt.Sprintf("{\n \"level\": %d}", i))
		}
	}
	return out
}

// proper demands the rewards of a function that behaves.
func proper(t testing.TB, got []custom.Result, asked []custom.Sample) {
	t.Helper()
	if len(got) != len(asked) {
		t.Fatalf("got %d results for %d samples", len(got), len(asked))
	}
	for i, s := range asked {
		if len(s.Columns) > 0 {
			s.Columns = []byte(strings.Join(strings.Fields(string(s.Columns)), ""))
		} else {
			s.Columns = []byte("{}")
		}
		if want := customtest.Reward(s); got[i].Err != nil || got[i].Reward != want {
			t.Errorf("sample %d: got %v, %v, want %v", i, got[i].Reward, got[i].Err, want)
		}
	}
}

func TestProcessScoresInBatches(t *testing.T) {
	s := open(t, customtest.Command(), nil)
	for range 3 {
		proper(t, custom.Ask(context.Background(), s, samples(10)), samples(10))
	}
	if c := s.Counts(); c.Batches != 9 || c.Samples != 30 || c.Restarts != 0 || c.Failed != 0 {
		t.Errorf("counts: %+v", c)
	}
	if got := s.Score(context.Background(), nil); len(got) != 0 {
		t.Errorf("no samples: got %v", got)
	}
}

// A batch whose process fails in every try is an error of each of its samples.
func TestFaultsOfAProcess(t *testing.T) {
	for fault, want := range map[string]string{
		"die":     `its process ended (exit status 7) before it had answered; its last words: "ValueError: no such color"`,
		"hang":    "must answer a batch within 300ms (custom_reward.timeout_s)",
		"garbage": "reply must be JSON (invalid character 'l' looking for beginning of value)",
		"few":     "reply must have a reward for each of 4 samples (got 3)",
		"many":    "reply must have a reward for each of 4 samples (got 5)",
		"long":    "reply must have at most 1048576 bytes in its line",
	} {
		t.Run(fault, func(t *testing.T) {
			said := &warnings{}
			s := open(t, customtest.Command(fault), func(o *custom.Options) {
				o.Warn = said.add
				if fault == "hang" {
					o.Settings.TimeoutS = 0.3
				}
			})
			got := custom.Ask(context.Background(), s, samples(4))
			for i, r := range got {
				if r.Err == nil || r.Err.Error() != want {
					t.Errorf("sample %d: got %v, want %v", i, r.Err, want)
				}
			}
			if c := s.Counts(); c.Restarts != 2 || c.Failed != 1 {
				t.Errorf("counts: %+v", c)
			}
			if all := strings.Join(said.all(), "\n"); !strings.Contains(all, "started again, try 3 of 3") {
				t.Errorf("warnings: %s", all)
			}
		})
	}
}

// What is wrong with one sample leaves the others of its batch alone, and nothing is
// asked again.
func TestFaultsOfASample(t *testing.T) {
	for fault, want := range map[string]string{
		"nan":      "reward must be between -1000 and 1000 (got NaN)",
		"infinity": "reward must be between -1000 and 1000 (got -Inf)",
		"large":    "reward must be between -1000 and 1000 (got 1001)",
		"text":     `reward must be a number or null (got "good")`,
		"null":     custom.ErrNone.Error(),
	} {
		s := open(t, customtest.Command(fault), nil)
		asked := samples(4)
		got := custom.Ask(context.Background(), s, asked)
		if got[0].Err == nil || got[0].Err.Error() != want || errors.Is(got[0].Err, custom.ErrNone) != (fault == "null") {
			t.Errorf("%s: got %v, want %v", fault, got[0].Err, want)
		}
		proper(t, got[1:], asked[1:])
		if c := s.Counts(); c.Restarts != 0 {
			t.Errorf("%s: %+v", fault, c)
		}
	}
}

// A process that fails some of its tries leaves no trace in the rewards; one that ends
// between two batches is simply started again.
func TestProcessComesBack(t *testing.T) {
	there := filepath.Join(t.TempDir(), "ill")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, customtest.Command("die", there), func(o *custom.Options) {
		o.Remote.Sleep = func(ctx context.Context, _ time.Duration) error { return os.Remove(there) }
	})
	proper(t, custom.Ask(context.Background(), s, samples(6)), samples(6))
	if c := s.Counts(); c.Restarts != 1 {
		t.Errorf("counts: %+v", c)
	}
	once := open(t, customtest.Command("once"), nil)
	proper(t, custom.Ask(context.Background(), once, samples(12)), samples(12))
}

// A process that failed a batch for good has one try for the next ones, and after three
// the rest of a call is not asked; it is well again in the next call.
func TestProcessThatIsGoneIsNotWaitedFor(t *testing.T) {
	there := filepath.Join(t.TempDir(), "ill")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, customtest.Command("die", there), nil)
	got := custom.Ask(context.Background(), s, samples(40))
	for i, r := range got {
		if r.Err == nil || (i >= 12) != strings.HasPrefix(r.Err.Error(), "not asked, as 3 batches failed one after the other, the last: its process ended ") {
			t.Errorf("sample %d: %v", i, r.Err)
		}
	}
	if c := s.Counts(); c.Restarts != 2 || c.Batches != 3 {
		t.Errorf("counts: %+v", c)
	}
	if err := os.Remove(there); err != nil {
		t.Fatal(err)
	}
	proper(t, custom.Ask(context.Background(), s, samples(8)), samples(8))
}

// A line that nobody asked for is never taken for the reply to the next batch.
func TestReplyOfAnotherBatch(t *testing.T) {
	s := open(t, customtest.Command("twice"), func(o *custom.Options) { o.Settings.Retries = 1 })
	for range 20 {
		got := custom.Ask(context.Background(), s, samples(8))
		for i, r := range got {
			if want := customtest.Reward(filled(samples(8)[i])); r.Err == nil && r.Reward != want {
				t.Fatalf("sample %d: got %v, want %v", i, r.Reward, want)
			}
		}
	}
}

// filled is a sample as a process sees it.
func filled(s custom.Sample) custom.Sample {
	if s.Columns == nil {
		s.Columns = []byte("{}")
	}
	s.Columns = []byte(strings.Join(strings.Fields(string(s.Columns)), ""))
	return s
}

// Two megabytes on stderr neither block the process nor are they shown.
func TestLoudProcess(t *testing.T) {
	said := &warnings{}
	s := open(t, customtest.Command("stderr"), func(o *custom.Options) { o.Warn = said.add })
	for range 2 {
		proper(t, custom.Ask(context.Background(), s, samples(4)), samples(4))
	}
	s.Close()
	all := said.all()
	if len(all) != 21 || all[20] != "exec: from here on what its process writes on stderr is not shown" {
		t.Fatalf("got %d warnings, the last %q", len(all), all[len(all)-1])
	}
	for _, text := range all {
		if len(text) > 200 {
			t.Errorf("too long: %d bytes", len(text))
		}
	}
}

func TestWordsOfAProcessAreFitToBeShown(t *testing.T) {
	said := &warnings{}
	s := open(t, customtest.Command("words"), func(o *custom.Options) { o.Warn = said.add })
	proper(t, custom.Ask(context.Background(), s, samples(1)), samples(1))
	s.Close()
	if all := said.all(); len(all) != 1 || all[0] != "exec: a word of [31mwarning" {
		t.Errorf("got %q", all)
	}
}

// The end of the context ends a batch at once, and a process that hangs with it.
func TestContextEndsWhileAProcessHangs(t *testing.T) {
	s := open(t, customtest.Command("hang"), nil)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	for _, r := range custom.Ask(ctx, s, samples(40)) {
		if !errors.Is(r.Err, context.DeadlineExceeded) {
			t.Fatalf("got %v", r.Err)
		}
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestBadCommands(t *testing.T) {
	for text, want := range map[string]string{
		"no-such-program-here x": `exec: must begin with a program that can be found and run (got "no-such-program-here")`,
		" ":                      "exec: must name a program",
		"python3 'x":             `exec: must close its quote ' (got "python3 'x")`,
	} {
		if _, err := custom.Open(custom.Exec, text, custom.Options{Settings: custom.DefaultSettings()}); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
	set := custom.DefaultSettings()
	set.Batch = 0
	if _, err := custom.Open(custom.Exec, "true", custom.Options{Settings: set}); err == nil || err.Error() != "custom_reward.batch: must be between 1 and 4096 (got 0)" {
		t.Errorf("got %v", err)
	}
}

// A Scorer that breaks its promises gives errors, never wrong rewards.
func TestAskChecks(t *testing.T) {
	for _, n := range []int{0, 2, 4} {
		for i, r := range custom.Ask(context.Background(), fixed(make([]custom.Result, n)), samples(3)) {
			if r.Err == nil || r.Err.Error() != fmt.Sprintf("must give 3 results (got %d)", n) {
				t.Errorf("%d results: sample %d: %v", n, i, r.Err)
			}
		}
	}
}

// fixed gives the same results whatever it is asked.
type fixed []custom.Result

func (f fixed) Score(context.Context, []custom.Sample) []custom.Result { return f }

// A batch that was not answered says so, beside what went wrong.
func TestUnanswered(t *testing.T) {
	s := open(t, "false", func(o *custom.Options) { o.Settings.Retries = 0 })
	for _, r := range custom.Ask(t.Context(), s, []custom.Sample{{Response: "a"}, {Response: "b"}}) {
		if !errors.Is(r.Err, custom.ErrUnanswered) || !strings.Contains(r.Err.Error(), "its process") || errors.Is(r.Err, custom.ErrNone) {
			t.Errorf("got %v", r.Err)
		}
	}
}
