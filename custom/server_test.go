package custom_test

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgsrm/cache"
	"pgsrm/custom"
	"pgsrm/custom/customtest"
	"pgsrm/remote/remotetest"
)

// rewardKey must be shown nowhere.
const rewardKey = "rk-0123456789abcdef"

// connect opens a term http whose batches have 4 samples, on a clock that takes no time.
func connect(t *testing.T, url string, change func(o *custom.Options)) *custom.Source {
	t.Helper()
	o := custom.Options{Settings: custom.DefaultSettings(), Remote: remotetest.NewClock().Deps(map[string]string{"PGSRM_REWARD_KEY": rewardKey})}
	o.Settings.Batch = 4
	if change != nil {
		change(&o)
	}
	s, err := custom.Open(custom.HTTP, url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestServerScoresInBatches(t *testing.T) {
	var mu sync.Mutex
	paths := map[string]int{}
	server := remotetest.New(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		paths[r.Method+" "+r.URL.Path]++
		mu.Unlock()
		if got := r.Header.Get("Authorization"); got != "Bearer "+rewardKey {
			t.Errorf("got authorization %q", got)
		}
		customtest.Handler(w, r)
	})
	proper(t, custom.Ask(context.Background(), connect(t, server.URL(), nil), samples(30)), samples(30))
	proper(t, custom.Ask(context.Background(), connect(t, server.URL()+"/my/scorer", nil), samples(4)), samples(4))
	if paths["POST /v1/reward"] != 8 || paths["POST /my/scorer"] != 1 {
		t.Errorf("got %v", paths)
	}
}

// A server that fails some requests leaves no trace in the rewards.
func TestServerComesBack(t *testing.T) {
	s := remotetest.New(t, customtest.Handler)
	s.Next(remotetest.Status(503, "x"), remotetest.Truncated, remotetest.HTML)
	source := connect(t, s.URL(), nil)
	proper(t, custom.Ask(context.Background(), source, samples(4)), samples(4))
	if s.Requests() != 4 {
		t.Errorf("got %d requests", s.Requests())
	}
}

func TestFaultsOfAServer(t *testing.T) {
	s := remotetest.New(t, customtest.Handler)
	for _, c := range []struct {
		fault remotetest.Fault
		want  string
	}{
		{remotetest.Status(400, `{"error":"no such columns"}`), `URL/v1/reward: rejected, status 400: "no such columns"`},
		{remotetest.Status(401, `{"detail":"not with `+rewardKey+`"}`), `URL/v1/reward: auth, status 401: "not with [key]"`},
		{remotetest.Body(`{"rewards":[1]}`), `URL/v1/reward: reply, status 200: reply must have a reward for each of 4 samples (got 1): "{\"rewards\":[1]}" (after 4 attempts)`},
		{remotetest.Huge(1 << 21), `URL/v1/reward: too large, status 200: reply must have at most 1 MB`},
	} {
		s.Always(c.fault)
		for i, r := range custom.Ask(context.Background(), connect(t, s.URL(), nil), samples(4)) {
			if r.Err == nil || strings.ReplaceAll(r.Err.Error(), s.URL(), "URL") != c.want {
				t.Errorf("sample %d: got %v, want %s", i, r.Err, c.want)
			}
		}
	}
	s.Always(remotetest.Body(`{"rewards":[0.5,null,NaN,2e3]}`))
	got := custom.Ask(context.Background(), connect(t, s.URL(), nil), samples(4))
	if got[0].Reward != 0.5 || got[0].Err != nil || got[1].Err != custom.ErrNone || got[2].Err == nil || got[3].Err == nil {
		t.Errorf("got %v", got)
	}
}

func TestBadURLs(t *testing.T) {
	for text, want := range map[string]string{
		"localhost:8000":       "http: must be http(URL), the URL beginning with http:// or https://",
		"http://":              `http: url: must be http://HOST or https://HOST (got "http://")`,
		"http://u:secret@h/":   `http: url: must not have a user, a password or a query, keys belong into the environment (got "http://[redacted]@h/")`,
		"https://h/?key=sekre": `http: url: must not have a user, a password or a query, keys belong into the environment (got "https://h/?[redacted]")`,
	} {
		if _, err := custom.Open(custom.HTTP, text, custom.Options{Settings: custom.DefaultSettings()}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %v", text, err, want)
		}
	}
	set := custom.DefaultSettings()
	set.KeyEnv = rewardKey
	if err := set.Validate(); err == nil || strings.Contains(err.Error(), rewardKey) {
		t.Errorf("a key in the place of its name: got %v", err)
	}
}

// A pure function is asked once for each sample, in one process and, through the cache,
// in the next; errors are not kept.
func TestPureFunctions(t *testing.T) {
	var mu sync.Mutex
	asked, null := 0, true
	s := remotetest.New(t, func(w http.ResponseWriter, r *http.Request) {
		var b struct{ Samples []json.RawMessage }
		json.NewDecoder(r.Body).Decode(&b)
		mu.Lock()
		defer mu.Unlock()
		asked += len(b.Samples)
		list := make([]any, len(b.Samples))
		for i := range list {
			if list[i] = float64(i) / 8; i == 0 && null {
				list[i] = nil
			}
		}
		null = false
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"rewards": list})
	})
	path := filepath.Join(t.TempDir(), "cache.bolt")
	source := func(version string) (*custom.Source, func()) {
		c, err := cache.Open(path, cache.Options{})
		if err != nil {
			t.Fatal(err)
		}
		pure := connect(t, s.URL(), func(o *custom.Options) { o.Settings.Pure, o.Settings.Version, o.Cache = true, version, c })
		return pure, func() { c.Close() }
	}
	four := append(samples(3), samples(1)...) // the first one twice
	one, end := source("")
	first := custom.Ask(context.Background(), one, four)
	second := custom.Ask(context.Background(), one, four)
	if first[0].Err != custom.ErrNone || first[3].Err != custom.ErrNone || first[2].Reward != 0.25 || second[0].Err != nil || second[2] != first[2] || asked != 4 {
		t.Errorf("asked for %d: %v, then %v", asked, first, second)
	}
	end()
	two, end := source("")
	third := custom.Ask(context.Background(), two, four)
	if asked != 4 || third[0] != second[0] || third[2] != second[2] {
		t.Errorf("asked for %d: %v after %v", asked, third, second)
	}
	end()
	other, end := source("2")
	defer end()
	if custom.Ask(context.Background(), other, four); asked != 7 {
		t.Errorf("another version: asked for %d", asked)
	}
}
