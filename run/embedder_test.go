package run

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgsrm/cache"
	"pgsrm/embed"
	"pgsrm/remote/remotetest"
)

// embedderKey must be found nowhere.
const embedderKey = "sk-embed-0123456789abcdef"

// serverDeps are the parts of a run whose embedder is a server; c may be nil.
func serverDeps(t *testing.T, s *remotetest.Server, c *cache.Cache) Deps {
	t.Helper()
	set := embed.DefaultSettings()
	set.Name, set.Server.TimeoutS, set.Server.MaxReplyMB, set.BatchItems = "lab", 0.2, 1, 8
	clock := remotetest.NewClock()
	e, err := embed.Open("openai:m@"+s.URL(), embed.Options{
		Cache: c, Settings: &set, Remote: clock.Deps(map[string]string{"OPENAI_API_KEY": embedderKey}),
	})
	if err != nil {
		t.Fatal(err)
	}
	deps := testDeps(t)
	deps.Embedder = e
	return deps
}

// sometimes has a server do one of the faults on every third request.
func sometimes(faults ...remotetest.Fault) remotetest.Fault {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc) {
		mu.Lock()
		n++
		k := n
		mu.Unlock()
		if k%3 != 0 {
			proper(w, r)
			return
		}
		faults[k/3%len(faults)](w, r, proper)
	}
}

// badReplies are faults that pass, one of each sort.
func badReplies(s *remotetest.Server) []remotetest.Fault {
	return []remotetest.Fault{
		remotetest.Status(429, "", "Retry-After", "2"), remotetest.Truncated, remotetest.Status(500, "x"), remotetest.CutMidReply, remotetest.HTML,
		remotetest.Body(`{"data":[]}`), remotetest.Reset, remotetest.Body(`{"data":[{"index":0,"embedding":[0,0]},{"index":0,"embedding":[1,null]}]}`),
		s.Slow, remotetest.Status(503, "x"), remotetest.Status(408, "x"),
	}
}

// A run whose embedder fails again and again, but answers in the end, has the bytes
// of a run without any fault; so has one that finds all its vectors in the cache.
func TestFaultsOfTheEmbedderLeaveNoTrace(t *testing.T) {
	well, ill := remotetest.New(t, remotetest.Embeddings(12)), remotetest.New(t, remotetest.Embeddings(12))
	straight := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, straight), serverDeps(t, well, nil)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cache.bolt")
	c, err := cache.Open(path, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ill.Always(sometimes(badReplies(ill)...))
	dir, deps := t.TempDir(), serverDeps(t, ill, c)
	res, err := Start(context.Background(), testConfig(t, dir), deps)
	if err != nil || res.Dropped != 0 {
		t.Fatalf("dropped %d, %v", res.Dropped, err)
	}
	compareRuns(t, straight, dir)
	if counts, ok := embed.CountsOf(deps.Embedder); !ok || len(counts.Server.Faults) < 5 || len(counts.Server.Failures) != 0 {
		t.Errorf("counts: %+v", counts)
	}
	timings, err := os.ReadFile(filepath.Join(dir, TimingsFile))
	if err != nil || !strings.Contains(string(timings), `"embedder/faults/reply":`) {
		t.Errorf("timings must count the faults: %v", err)
	}

	ill.Stop()
	again := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, again), serverDeps(t, ill, c)); err != nil {
		t.Fatalf("with the cache and without a server: %v", err)
	}
	compareRuns(t, straight, again)
	c.Close()
	for _, place := range []string{dir, again, filepath.Dir(path)} {
		noKeyIn(t, place)
	}
}

// A server that dies stops the run with a checkpoint, its samples dropped and never
// scored; when it is back the run resumes to the bytes of an undisturbed one.
func TestEmbedderDiesAndComesBack(t *testing.T) {
	s := remotetest.New(t, remotetest.Embeddings(12))
	straight := t.TempDir()
	if _, err := Start(context.Background(), testConfig(t, straight), serverDeps(t, s, nil)); err != nil {
		t.Fatal(err)
	}
	dir, deps := t.TempDir(), serverDeps(t, s, nil)
	deps.Events = []Subscriber{atStep{4, s.Stop}}
	_, err := Start(context.Background(), testConfig(t, dir), deps)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "connection") || strings.Contains(err.Error(), embedderKey) {
		t.Fatalf("got error %v", err)
	}
	s.Start()
	if _, err := Resume(context.Background(), testConfig(t, dir), serverDeps(t, s, nil)); err != nil {
		t.Fatal(err)
	}
	compareRuns(t, straight, dir)
	noKeyIn(t, dir)
}

// atStep does something once a step is done.
type atStep struct {
	step int
	do   func()
}

func (a atStep) Event(e Event) error {
	if m, ok := e.(Metrics); ok && m.Step == a.step {
		a.do()
	}
	return nil
}

// noKeyIn demands that no file under dir holds the key.
func noKeyIn(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), embedderKey) {
			t.Errorf("%s holds the key", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// What an embedder says during the run is told by the run.
func TestWarningsOfTheEmbedder(t *testing.T) {
	seen := &events{}
	r := &run{events: eventStream{seen}, dir: &directory{}, clock: time.Now}
	r.warnings.add("a text was cut")
	if err := r.tellWarnings(); err != nil {
		t.Fatal(err)
	}
	if err := r.tellWarnings(); err != nil || seen.warnings() != 1 {
		t.Errorf("warnings: %d, %v", seen.warnings(), err)
	}
}

// Every configuration on the page of embedders is one.
func TestConfigsOnTheEmbeddersPage(t *testing.T) {
	page, err := os.ReadFile("../docs/embedders.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		path := filepath.Join(t.TempDir(), "run.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if cfg, err := Load(path, nil); err != nil || cfg.Embedder == "builtin" {
			t.Errorf("%s%v", text, err)
		}
	}
	if len(blocks) < 10 {
		t.Errorf("configurations: got %d", len(blocks))
	}
}
