package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pgsrm/cache"
	"pgsrm/config"
	"pgsrm/remote/remotetest"
	"pgsrm/task"
)

// recorder counts what a server is asked, and answers after a while.
type recorder struct {
	mu      sync.Mutex
	asked   map[string]int
	latency time.Duration
}

// handler counts the items of each request body before it continues.
func (r *recorder) handler(items func(body []byte) []string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		for _, item := range items(body) {
			r.asked[item]++
		}
		r.mu.Unlock()
		time.Sleep(r.latency)
		req.Body = io.NopCloser(bytes.NewReader(body))
		next(w, req)
	}
}

// more are the items asked about more than so often, and how many there are in all.
func (r *recorder) more(than int) (often []string, all int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for item, n := range r.asked {
		if all += n; n > than {
			often = append(often, fmt.Sprintf("%q %d times", item, n))
		}
	}
	slices.Sort(often)
	return often, all
}

// lastMessage is the prompt in a chat request.
func lastMessage(body []byte) []string {
	var b struct{ Messages []struct{ Content string } }
	if json.Unmarshal(body, &b) != nil || len(b.Messages) == 0 {
		return nil
	}
	return []string{b.Messages[len(b.Messages)-1].Content}
}

// inputs are the texts in an embeddings request.
func inputs(body []byte) []string {
	var b struct{ Input []string }
	json.Unmarshal(body, &b)
	return b.Input
}

// farAway are a chat server that knows the colors and an embeddings server, and the
// settings of a run with them.
func farAway(t testing.TB, chatLatency, embedLatency time.Duration) (chat, vectors *recorder, settings []string) {
	t.Helper()
	colors, err := task.Builtin("colors")
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for _, it := range colors.Items {
		answers[it.Prompt] = it.Reference
	}
	chat = &recorder{asked: map[string]int{}, latency: chatLatency}
	vectors = &recorder{asked: map[string]int{}, latency: embedLatency}
	parents := remotetest.New(t, chat.handler(lastMessage, remotetest.Chat(func(user string) string { return answers[user] })))
	embedders := remotetest.New(t, vectors.handler(inputs, remotetest.Embeddings(384)))
	return chat, vectors, []string{"task=colors", "parent=openai:m@" + parents.URL(), "embedder=openai:e@" + embedders.URL()}
}

// Runs side by side ask the parent once about each prompt and the embedder once for
// each text; runs after them, in a process of their own, ask nothing and learn the
// same.
func TestEachThingIsAskedOnce(t *testing.T) {
	chat, vectors, settings := farAway(t, 0, 0)
	path := filepath.Join(t.TempDir(), "cache.bolt")
	compare := func() string {
		c, err := cache.Open(path, cache.Options{Warn: func(text string) { t.Error(text) }})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		dir := t.TempDir()
		base := testConfig(t, dir, settings...)
		arms, err := Arms([]Config{base}, 3)
		if err != nil {
			t.Fatal(err)
		}
		deps := testDeps(t)
		deps.Task, deps.Embedder, deps.Cache = nil, nil, c
		if _, err := Compare(context.Background(), arms, Slots{Threads: 3, Runs: 3}, deps, func(Arm) Subscriber { return &events{} }); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, arms[0].Name)
	}
	first := compare()
	for name, r := range map[string]*recorder{"parent": chat, "embedder": vectors} {
		if often, all := r.more(1); len(often) > 0 || all < 20 {
			t.Errorf("%s was asked %d times: %v", name, all, often)
		}
		r.asked = map[string]int{}
	}
	compareRuns(t, first, compare())
	for name, r := range map[string]*recorder{"parent": chat, "embedder": vectors} {
		if often, _ := r.more(0); len(often) > 0 {
			t.Errorf("%s was asked again: %v", name, often)
		}
	}
}

// The step of colors with the embedded child: with the built-in sources; with a
// parent of 50 ms and an embedder of 30 ms that are new; and with these once the
// cache knows them.
func BenchmarkSources(b *testing.B) {
	_, _, far := farAway(b, 50*time.Millisecond, 30*time.Millisecond)
	path := filepath.Join(b.TempDir(), "cache.bolt")
	for _, c := range []struct {
		name     string
		settings []string
	}{{"builtin", nil}, {"cold", far}, {"warm", far}, {"builtin again", nil}} {
		b.Run(c.name, func(b *testing.B) {
			for range b.N {
				steps := &stepTimes{}
				benchRun(b, path, c.settings, steps)
				slices.Sort(steps.seconds)
				b.ReportMetric(1000*steps.seconds[len(steps.seconds)/2], "ms/step")
				b.ReportMetric(1000*steps.wait/float64(len(steps.seconds)), "ms-reward/step")
			}
		})
	}
}

// benchRun trains 10,000 episodes.
func benchRun(b *testing.B, path string, settings []string, steps *stepTimes) {
	b.Helper()
	c, err := cache.Open(path, cache.Options{Warn: func(text string) { b.Error(text) }})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var set []config.Setting
	for _, text := range append([]string{"episodes=10000", "out=" + b.TempDir()}, settings...) {
		s, err := config.ParseSetting(text)
		if err != nil {
			b.Fatal(err)
		}
		set = append(set, s)
	}
	cfg, err := Load("", set)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := Start(context.Background(), cfg, Deps{Cache: c, Events: []Subscriber{steps}}); err != nil {
		b.Fatal(err)
	}
}

// stepTimes collects the seconds of the steps after the first ten.
type stepTimes struct {
	seconds []float64
	wait    float64 // for rewards
}

// Event implements Subscriber.
func (s *stepTimes) Event(e Event) error {
	if t, ok := e.(Timing); ok && t.Step > 10 && t.Values["seconds"] > 0 {
		s.seconds = append(s.seconds, t.Values["seconds"])
		s.wait += t.Values["reward"]
	}
	return nil
}

// Runs of a real model come one after the other where nothing else is asked for.
func TestRunsAtATime(t *testing.T) {
	arms := make([]Arm, 3)
	for i := range arms {
		arms[i].Config.Child = "builtin:tiny"
	}
	real := slices.Clone(arms)
	real[2].Config.Child = "./model"
	for _, c := range []struct {
		slots Slots
		arms  []Arm
		want  int
	}{{Slots{Threads: 2}, arms, 2}, {Slots{Threads: 8}, arms, 3}, {Slots{Threads: 2}, real, 1}, {Slots{Threads: 2, Runs: 2}, real, 2}} {
		if got := c.slots.runs(c.arms); got != c.want {
			t.Errorf("%+v: got %d runs at a time, want %d", c.slots, got, c.want)
		}
	}
}
