package cache

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// textThrough is a Through of texts.
func textThrough(c *Cache) *Through[string] {
	t := NewThrough[string](100)
	t.Cache, t.Kind, t.Source = c, Answer, "test"
	t.Encode = func(s string) []byte { return []byte(s) }
	t.Decode = func(b []byte) (string, error) {
		if len(b) == 0 {
			return "", errors.New("empty")
		}
		return string(b), nil
	}
	return t
}

// source answers "A:request", refuses "bad...", and remembers what it was asked.
type source struct {
	mu    sync.Mutex
	asked []string
}

func (s *source) ask(requests []string) func(context.Context, []int) []Outcome[string] {
	return func(_ context.Context, at []int) []Outcome[string] {
		s.mu.Lock()
		defer s.mu.Unlock()
		out := make([]Outcome[string], len(at))
		for k, i := range at {
			s.asked = append(s.asked, requests[i])
			if out[k].Value = "A:" + requests[i]; requests[i][:3] == "bad" {
				out[k] = Outcome[string]{Err: errors.New("refused")}
			}
		}
		return out
	}
}

func TestThrough(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.bolt")
	c, _ := opened(t, path, Options{})
	s, th := new(source), textThrough(c)
	do := func(want string, requests ...string) {
		t.Helper()
		s.asked = nil
		for i, o := range th.Do(t.Context(), requests, s.ask(requests)) {
			if bad := requests[i] == "bad"; bad != (o.Err != nil) || !bad && o.Value != "A:"+requests[i] {
				t.Errorf("%q: got %+v", requests[i], o)
			}
		}
		if got := fmt.Sprint(s.asked); got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
	}
	do("[one two bad]", "one", "two", "one", "bad", "bad")
	do("[three bad]", "two", "three", "bad")
	if want := (Counts{Memory: 3, Misses: 5, Failures: 2}); th.Counts() != want {
		t.Errorf("counts %+v, want %+v", th.Counts(), want)
	}
	c.Close()
	c, w := opened(t, path, Options{})
	th = textThrough(c)
	do("[bad four]", "three", "two", "bad", "one", "four") // never an error in the cache
	if want := (Counts{Hits: 3, Misses: 2, Failures: 1}); th.Counts() != want {
		t.Errorf("counts %+v, want %+v", th.Counts(), want)
	}
	other := textThrough(c)
	other.Source = "another model"
	th = other
	do("[one]", "one")
	if w.text() != "" {
		t.Errorf("warnings: %s", w.text())
	}
}

// A value that its owner cannot read is asked again.
func TestThroughDecode(t *testing.T) {
	c, _ := opened(t, filepath.Join(t.TempDir(), "cache.bolt"), Options{})
	c.Put(Answer, "test", NewKey(Answer, "test", "one"), nil)
	s := new(source)
	if out := textThrough(c).Do(t.Context(), []string{"one"}, s.ask([]string{"one"})); out[0].Value != "A:one" || len(s.asked) != 1 {
		t.Errorf("got %+v, asked %v", out, s.asked)
	}
}

// Sources that give too few outcomes, or panic, leave errors and nobody waiting.
func TestThroughBadSource(t *testing.T) {
	th := textThrough(nil)
	out := th.Do(t.Context(), []string{"one", "two"}, func(context.Context, []int) []Outcome[string] { return make([]Outcome[string], 1) })
	if !errors.Is(out[0].Err, errUnasked) || out[1].Err.Error() != "cache: the source gave no outcome (1 for 2 requests)" {
		t.Errorf("got %+v", out)
	}
	func() {
		defer func() { recover() }()
		th.Do(t.Context(), []string{"one"}, func(context.Context, []int) []Outcome[string] { panic("at the source") })
	}()
	s := new(source)
	if out := th.Do(t.Context(), []string{"one"}, s.ask([]string{"one"})); out[0].Value != "A:one" {
		t.Errorf("after a panic: %+v", out)
	}
}

// Many askers of the same things at once: each is asked once.
func TestSingleFlight(t *testing.T) {
	th := textThrough(nil)
	var asked atomic.Int64
	gate := make(chan struct{})
	var all sync.WaitGroup
	for k := range 16 {
		all.Go(func() {
			requests := []string{"a", fmt.Sprint("own", k), "b", "c"}
			slices.Reverse(requests[:k%4+1])
			for i, o := range th.Do(context.Background(), requests, func(_ context.Context, at []int) []Outcome[string] {
				<-gate
				asked.Add(int64(len(at)))
				out := make([]Outcome[string], len(at))
				for j, i := range at {
					out[j].Value = "A:" + requests[i]
				}
				return out
			}) {
				if o.Err != nil || o.Value != "A:"+requests[i] {
					t.Errorf("%q: %+v", requests[i], o)
				}
			}
		})
	}
	close(gate)
	all.Wait()
	if asked.Load() != 16+3 {
		t.Errorf("asked %d times, want 19", asked.Load())
	}
}

// Who waits for an asker that is cancelled asks for itself.
func TestCancelledAsker(t *testing.T) {
	th := textThrough(nil)
	ctx, cancel := context.WithCancel(t.Context())
	begun, end := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		out := th.Do(ctx, []string{"one"}, func(ctx context.Context, _ []int) []Outcome[string] {
			close(begun)
			<-end
			return []Outcome[string]{{Err: ctx.Err()}}
		})
		if !errors.Is(out[0].Err, context.Canceled) {
			t.Errorf("cancelled: %+v", out)
		}
	})
	<-begun
	all.Go(func() {
		s := new(source)
		if out := th.Do(context.Background(), []string{"one"}, s.ask([]string{"one"})); out[0].Value != "A:one" {
			t.Errorf("the other: %+v", out)
		}
	})
	cancel()
	if out := th.Do(ctx, []string{"one"}, nil); !errors.Is(out[0].Err, context.Canceled) {
		t.Errorf("one whose own context has ended must not wait: %+v", out)
	}
	close(end)
	all.Wait()
}
