package run

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgsrm/cache"
	"pgsrm/parent"
	"pgsrm/remote"
	"pgsrm/remote/remotetest"
	"pgsrm/task"
)

const chatKey = "sk-test-0123456789abcdef"

// lab is a chat server that knows the answers of the task colors, and a clock
// for its client.
type lab struct {
	*remotetest.Server
	clock *remotetest.Clock
	task  *task.Task
}

func newLab(t *testing.T) lab {
	t.Helper()
	colors, err := task.Builtin("colors")
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for _, it := range colors.Items {
		answers[it.Prompt] = it.Reference
	}
	return lab{remotetest.New(t, remotetest.Chat(func(user string) string { return answers[user] })), remotetest.NewClock(), colors}
}

// deps are those of a run whose parent is a new client of the server.
func (l lab) deps(t *testing.T) Deps {
	t.Helper()
	opt := parent.DefaultChatOptions()
	opt.Server.TimeoutS, opt.Server.Attempts = 5, 50 // one prompt may meet all faults
	p, err := parent.Open("openai:m@"+l.URL(), l.task, parent.Options{Chat: &opt, Remote: l.clock.Deps(map[string]string{"OPENAI_API_KEY": chatKey})})
	if err != nil {
		t.Fatal(err)
	}
	deps := testDeps(t)
	deps.Parent = p
	return deps
}

// Faults that pass leave no trace in what a run learns; they are counted beside it.
func TestFaultsOfTheParentThatPass(t *testing.T) {
	l := newLab(t)
	straight, dir, seen := t.TempDir(), t.TempDir(), &events{}
	if _, err := Start(context.Background(), testConfig(t, straight), l.deps(t)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		l.Next(remotetest.Status(429, "{}", "Retry-After", "1"), remotetest.Reset, remotetest.CutMidReply, remotetest.Truncated,
			remotetest.HTML, remotetest.Status(500, "oops"), remotetest.Status(503, ""), remotetest.Body(`{"choices":[],"choices":[]}`))
	}
	deps := l.deps(t)
	deps.Events = []Subscriber{seen}
	if _, err := Start(context.Background(), testConfig(t, dir), deps); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, dir)
	first, _ := seen.all[0].(Asked)
	last, ok := seen.all[1].(Asked)
	if n := last.Counts.Server; !ok || first.Done != 64 || last.Done != len(l.task.Items) || n.Retries != 40 || n.Faults[remote.Reply] != 15 || len(n.Failures) != 0 {
		t.Errorf("got %+v", last)
	}
	text, err := os.ReadFile(filepath.Join(dir, TimingsFile))
	if err != nil || !regexp.MustCompile(`^\{"step":0,.*"parent/faults/rate_limited":5,.*"parent/retries":40,`).Match(text) {
		t.Errorf("timings must count the faults of the parent: %v\n%.300s", err, text)
	}
}

// Prompts that fail in the end are left out; the run learns from the others.
func TestFewFailedPromptsAreLeftOut(t *testing.T) {
	l := newLab(t)
	dir := t.TempDir()
	for range 20 {
		l.Next(remotetest.Status(400, `{"error":{"message":"no"}}`), remotetest.Status(400, `{"error":{"message":"no"}}`)) // with a schema and without
	}
	if _, err := Start(context.Background(), testConfig(t, dir), l.deps(t)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, answersFile))
	failed, answered := bytes.Count(text, []byte(`"error":"parent: item`)), bytes.Count(text, []byte(`"answer":"`))
	if err != nil || failed == 0 || failed > 40 || failed+answered != len(l.task.Items) {
		t.Errorf("got %d failed and %d answered prompts, %v", failed, answered, err)
	}
}

// A parent that is gone stops the run before it learns anything; when it is back
// the run begins, with the bits of one that never met the fault.
func TestRunWithoutAParentStops(t *testing.T) {
	l := newLab(t)
	straight, dir := t.TempDir(), t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, straight), l.deps(t)); err != nil {
		t.Fatal(err)
	}
	l.Stop()
	_, err := Start(context.Background(), testConfig(t, dir), l.deps(t))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "parent: calls failed: 64 of 64: parent: item ") {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, answersFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no answers may be kept: %v", err)
	}
	l.Start()
	if _, err := Resume(context.Background(), testConfig(t, dir), l.deps(t)); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, dir)
}

// A resumed run asks the parent nothing.
func TestResumeAsksTheParentNothing(t *testing.T) {
	l := newLab(t)
	dir, deps := t.TempDir(), l.deps(t)
	ctx, cancel := context.WithCancel(context.Background())
	deps.Events = []Subscriber{stopAt{3, cancel}}
	if _, err := Start(ctx, testConfig(t, dir), deps); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	l.Always(func(http.ResponseWriter, *http.Request, http.HandlerFunc) { t.Error("must not be asked") })
	cfg := testConfig(t, dir, "chat.server.attempts=3", "chat.price_input=1") // limits and prices may change
	if _, err := Resume(context.Background(), cfg, l.deps(t)); err != nil {
		t.Fatal(err)
	}
}

// Runs that begin together ask each prompt once, and so do runs that share a cache.
func TestEachPromptIsAskedOnce(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "")
	l := newLab(t)
	store, err := cache.Open(filepath.Join(t.TempDir(), "cache"), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, c := range []struct {
		store *cache.Cache
		want  int // requests so far
	}{{nil, 90}, {store, 180}, {store, 180}} {
		arms, err := Arms(withRewards(t, testConfig(t, t.TempDir(), "episodes=16", "parent=openai:m@"+l.URL()), "pgsrm", "binary"), 2)
		if err != nil {
			t.Fatal(err)
		}
		deps := testDeps(t)
		deps.Cache = c.store
		if _, err := Compare(context.Background(), arms, Slots{Threads: 4, Runs: 4}, deps, func(Arm) Subscriber { return &events{} }); err != nil {
			t.Fatal(err)
		}
		if got := l.Requests(); got != c.want {
			t.Errorf("got %d requests for 90 prompts, want %d", got, c.want)
		}
	}
}

// The key stands in no file that a run leaves and in nothing that it says, also
// where the server repeats it.
func TestKeyIsNowhere(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", chatKey)
	l := newLab(t)
	for range 3 {
		l.Next(remotetest.Status(401, `{"error":{"message":"Incorrect API key provided: `+chatKey+`."}}`), remotetest.Body(`{"choices":[{"message":{"content":"`+chatKey+`"},"finish_reason":"stop"}]}`))
	}
	dir, kept := t.TempDir(), t.TempDir()
	store, err := cache.Open(filepath.Join(kept, "cache"), cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	deps := testDeps(t)
	deps.Cache = store
	var shown strings.Builder
	deps.Events = []Subscriber{NewTerminal(&shown, false, 0).Run("")}
	if _, err := Start(context.Background(), testConfig(t, dir, "parent=openai:m@"+l.URL(), "max_failure_share=1"), deps); err != nil {
		t.Fatal(err)
	}
	store.Close()
	files := 0
	for _, root := range []string{dir, kept} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			text, err := os.ReadFile(path)
			if bytes.Contains(text, []byte(chatKey)) {
				t.Errorf("%s: holds the key", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 10 {
		t.Errorf("got %d files, want those of a run and a cache", files)
	}
	if strings.Contains(shown.String(), chatKey) || !strings.Contains(shown.String(), "prompts") {
		t.Errorf("the terminal shows %q", shown.String())
	}
}
