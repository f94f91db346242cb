package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgsrm/custom"
	"pgsrm/embed"
	"pgsrm/remote"
	"pgsrm/remote/remotetest"
	"pgsrm/reward"
	"pgsrm/task"
)

// fixture is a reward over the built-in embedder or another one.
func fixture(t testing.TB, name, text string, e embed.Embedder) Reward {
	t.Helper()
	spec, err := reward.ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	opposites, err := task.Load("opposites", task.DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	for _, it := range opposites.Items {
		answers[it.ID] = it.Reference
	}
	if e == nil {
		if e, err = embed.Open("builtin", embed.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	m, err := reward.New(context.Background(), spec, opposites, answers, e, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Reward{Name: name, Task: opposites, Model: m, References: reward.NewReferences(opposites, answers, nil)}
}

// started is a server that listens.
type started struct {
	*Server
	url  string
	stop func() error // ends it and returns what Serve returned
}

// start serves rewards; change may change the options.
func start(t testing.TB, change func(o *Options), rewards ...Reward) *started {
	t.Helper()
	return listen(t, prepare(t, change, rewards...))
}

// prepare makes a server that does not listen yet.
func prepare(t testing.TB, change func(o *Options), rewards ...Reward) *Server {
	t.Helper()
	o := Options{Settings: DefaultSettings(), Log: slog.New(slog.DiscardHandler), Open: func(context.Context) ([]Reward, error) { return rewards, nil }}
	if change != nil {
		change(&o)
	}
	s, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// listen begins to serve; the end of the test ends it.
func listen(t testing.TB, s *Server) *started {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l, 30*time.Second) }()
	var once sync.Once
	out := &started{Server: s, url: "http://" + l.Addr().String()}
	out.stop = func() (err error) {
		once.Do(func() { cancel(); err = <-done })
		return err
	}
	t.Cleanup(func() { out.stop() })
	return out
}

// post sends a body and returns status and reply, which must be JSON.
func (s *started) post(t testing.TB, path, body string) (int, string) {
	t.Helper()
	r, text := remotetest.Post(t, s.url+path, body)
	if kind := r.Header.Get("Content-Type"); kind != "application/json" || !json.Valid([]byte(text)) {
		t.Errorf("%s: content type %q, %q", path, kind, text)
	}
	return r.StatusCode, text
}

const exactKeys = `"pgsrm_exact":%s,"pgsrm_unscored":%s`

// Each route answers as docs/serve.md says: floats with a fraction, the same keys for
// every sample, empty lists for empty lists.
func TestRoutes(t *testing.T) {
	s := start(t, nil, fixture(t, "default", "exact", nil))
	hot := `The opposite of 'hot' is `
	row := `"responses_create_params":{"input":[{"role":"user","content":"Q: 1+1?"}],"n":1e400},"response":{"id":"r1","output":[{"type":"reasoning","content":[]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"two","annotations":[]}],"generation_log_probs":[-0.10,-1e-30]}]}`
	verified := func(reward, keys, rest string) string {
		return `{` + row + `,"reward":` + reward + `,` + keys + `,"instance_config":{"mask_sample":` + rest + "}\n"
	}
	right, wrong, none := fmt.Sprintf(exactKeys, "1.0", "0.0"), fmt.Sprintf(exactKeys, "0.0", "0.0"), fmt.Sprintf(exactKeys, "0.0", "1.0")
	for _, c := range []struct{ path, body, want string }{
		{"/openrlhf", `{"query":["Q: 1+1?\nA: two<|endoftext|>"],"prompts":["Q: 1+1?\nA:"],"labels":["two"]}`,
			`{"rewards":[1.0],"scores":[1.0],"extra_logs":{"pgsrm_exact":[1.0],"pgsrm_unscored":[0.0]}}` + "\n"},
		{"/openrlhf", `{"query":[],"prompts":[],"labels":[]}`, `{"rewards":[],"scores":[],"extra_logs":{"pgsrm_exact":[],"pgsrm_unscored":[]}}` + "\n"},
		{"/openrlhf", `{"query":["a x","a 2","b","zz"],"prompts":["a","a","b","q"],"labels":["y",2,"","l"],"more":1}`,
			`{"rewards":[0.0,1.0,0.0,0.0],"scores":[0.0,1.0,0.0,0.0],"extra_logs":{"pgsrm_exact":[0.0,1.0,0.0,0.0],"pgsrm_unscored":[0.0,0.0,1.0,1.0]}}` + "\n"},
		{"/openrlhf", `{"query":["<|im_start|>user\n` + hot + `<|im_end|>\n<|im_start|>assistant\ncold<|im_end|>"],"prompts":["<|im_start|>user\n` + hot + `<|im_end|>\n<|im_start|>assistant\n"],"labels":[""]}`,
			`{"rewards":[1.0],"scores":[1.0],"extra_logs":{"pgsrm_exact":[1.0],"pgsrm_unscored":[0.0]}}` + "\n"},
		{"/slime", `{"prompt":"Q: 1+1?","response":"two</s>","label":"two"}`, "1.0\n"},
		{"/slime", `{"prompt":[{"role":"user","content":[{"type":"text","text":"Q"}]}],"response":"two","label":["zwei","two"]}`, "1.0\n"},
		{"/slime", `{"prompt":"` + hot + `","response":"cold","label":null}`, "1.0\n"},
		{"/slime?form=object", `{"prompt":"Q","response":"three","label":"two"}`, `{"score":0.0,` + wrong + "}\n"},
		{"/slime?form=object", `{"prompt":"Q","response":"three","label":{}}`, `{"score":0.0,` + none + "}\n"},
		{"/verify", `{` + row + `,"expected_answer":"two"}`, verified("1.0", right, "false}")},
		{"/ng-rollout/0a.b-c/verify", `{"expected_answer":null,"answer":"three",` + row + `}`, verified("0.0", wrong, "false}")},
		{"/verify", `{` + row + `}`, verified("0.0", none, `true},"_ng_failure_class":"pgsrm_unscored"`)},
		{"/seed_session", `{"x":1}`, "{}\n"},
		{"/aggregate_metrics", `{"verify_responses":[]}`, `{"group_level_metrics":[],"agent_metrics":{},"key_metrics":{}}` + "\n"},
		{"/rewards/default/slime", `{"prompt":"Q","response":"a","label":"a"}`, "1.0\n"},
		{"/v1/reward", `{"samples":[]}`, `{"name":"default","terms":["exact"],"groups":false,"rewards":[],"results":[]}` + "\n"},
		{"/v1/reward", `{"samples":[{"prompt":"p","response":"r","reference":"r"},{"prompt":"p","response":"r"},{"id":"nix","response":"r"}]}`,
			`{"name":"default","terms":["exact"],"groups":false,"rewards":[1.0,null,null],"results":[` +
				`{"reward":1.0,"terms":{"exact":1.0},"right":true,"reference":"r","exact_match":null,"exact_match_normalized":null,"error":null},` +
				`{"reward":null,"terms":null,"right":false,"reference":null,"exact_match":null,"exact_match_normalized":null,"error":{"code":"no_reference","message":"the request gives no reference and the task has no answer to this prompt","retry":false}},` +
				`{"reward":null,"terms":null,"right":false,"reference":null,"exact_match":null,"exact_match_normalized":null,"error":{"code":"no_reference","message":"id: the task has no such item","retry":false}}]}` + "\n"},
	} {
		for range 2 { // the second one is remembered
			if status, got := s.post(t, c.path, c.body); status != 200 || got != c.want {
				t.Errorf("%s %s:\ngot  %d %s\nwant %s", c.path, c.body, status, got, c.want)
			}
		}
	}
	// A text that is accepted beside the reference is as right, in any order, and no other.
	status, got := s.post(t, "/v1/reward", `{"samples":[{"prompt":"p","response":"zwei","reference":"two","accepted":["2","zwei"]},{"prompt":"p","response":"zwei","reference":"two","accepted":["2zwei"]},`+
		`{"prompt":"`+hot+`","response":"cool","accepted":["cool"]},{"prompt":"`+hot+`","response":"cold","accepted":["cool"]},{"prompt":"p","response":"zwei","reference":"two","accepted":[]}]}`)
	if status != 200 || !strings.Contains(got, `"rewards":[1.0,0.0,1.0,1.0,0.0]`) {
		t.Errorf("accepted answers: %d %s", status, got)
	}
	r, err := http.Get(s.url + "/reverify_mode")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if string(text) != "\"stateless\"\n" || len(r.Cookies()) > 0 {
		t.Errorf("/reverify_mode: %q, cookies %v", text, r.Cookies())
	}
}

// What cannot be answered is one documented error in JSON.
func TestErrors(t *testing.T) {
	s := start(t, func(o *Options) { o.Settings.MaxBodyMB = 0.01; o.Settings.MaxSamples = 10 },
		fixture(t, "default", "exact", nil), fixture(t, "ranked", "rank(exact)", nil))
	for _, c := range []struct {
		path, body string
		status     int
		code       string
	}{
		{"/nix", `{}`, 404, "not_found"},
		{"/rewards/nix/slime", `{}`, 404, "no_reward"},
		{"/v1/reward", `{"name":"nix","samples":[]}`, 404, "no_reward"},
		{"/v1/reward", `{"samples":[{"accepted":"a"}]}`, 400, "bad_request"},
		{"/ng-rollout/-x/verify", `{}`, 404, "not_found"},
		{"/reverify_mode", `{}`, 405, "method"},
		{"/healthz", `{}`, 405, "method"},
		{"/openrlhf", ``, 400, "bad_request"},
		{"/openrlhf", `{"query":["a"],"prompts":[],"labels":[]}`, 400, "bad_request"},
		{"/openrlhf", `{"query":[1],"prompts":[2]}`, 400, "bad_request"},
		{"/openrlhf", `[]`, 400, "bad_request"},
		{"/slime", `{"prompt":"p"}`, 400, "bad_request"},
		{"/slime", `{"prompt":{},"response":"x"}`, 400, "bad_request"},
		{"/slime", `{"prompt":[],"response":"x"}`, 400, "bad_request"},
		{"/slime?form=x", `{}`, 400, "bad_request"},
		{"/verify", `{"response":{}}`, 400, "bad_request"},
		{"/verify", `{"responses_create_params":{},"response":{}}`, 400, "bad_request"},
		{"/v1/reward", `{"samples":3}`, 400, "bad_request"},
		{"/v1/reward", `{}`, 400, "bad_request"},
		{"/v1/reward", `{"samples":[],"run":"a"}`, 400, "bad_request"},
		{"/v1/reward", `{"samples":[{},{},{},{},{},{},{},{},{},{},{}]}`, 400, "bad_request"},
		{"/v1/reward", `{"samples":` + strings.Repeat("[", 5000), 400, "bad_request"},
		{"/rewards/ranked/slime", `{"prompt":"p","response":"r","label":"r"}`, 400, "bad_request"},
		{"/slime", `{"prompt":"` + strings.Repeat("a", 11000) + `"}`, 413, "too_large"},
	} {
		status, text := s.post(t, c.path, c.body)
		var reply struct {
			Error struct {
				Code, Message string
				Retry         *bool
			}
		}
		if err := json.Unmarshal([]byte(text), &reply); err != nil || status != c.status || reply.Error.Code != c.code || reply.Error.Message == "" || reply.Error.Retry == nil {
			t.Errorf("%s %.80s: got %d %s, want %d %s", c.path, c.body, status, text, c.status, c.code)
		}
	}
	status, text := s.post(t, "/rewards/ranked/v1/reward", `{"samples":[{"prompt":"p","response":"x","reference":"r"},{"prompt":"p","response":"r","reference":"r"},{"prompt":"q","response":"r","reference":"r"}]}`)
	if status != 200 || !strings.Contains(text, `"rewards":[0.0,1.0,0.5]`) {
		t.Errorf("a group: %d %s", status, text)
	}
}

// Answers that come one by one get the very rewards that the model gives to all at once.
func TestSameRewards(t *testing.T) {
	f := fixture(t, "default", "pgsrm", nil)
	s := start(t, nil, f)
	var samples []reward.Sample
	for i, it := range f.Task.Items {
		samples = append(samples, reward.Sample{Prompt: it.Prompt, Response: f.Task.Items[(i*7+3)%len(f.Task.Items)].Reference})
		if err := f.References.Fill(&samples[i], nil); err != nil {
			t.Fatal(err)
		}
	}
	want := f.Model.Score(context.Background(), samples)
	var all sync.WaitGroup
	for range 3 {
		for i, sample := range samples {
			all.Go(func() {
				body, _ := json.Marshal(map[string]any{"prompt": sample.Prompt, "response": sample.Response, "label": nil})
				status, text := s.post(t, "/slime", string(body))
				var got float64
				if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 || got != want[i].Reward {
					t.Errorf("%q: got %d %s, want %v", sample.Response, status, text, want[i].Reward)
				}
			})
		}
	}
	all.Wait()
	if n := s.load.now.Load(); n != 0 {
		t.Errorf("%d samples are left", n)
	}
}

// counted is an embedder that counts, waits and fails as a test says.
type counted struct {
	embed.Embedder
	calls atomic.Int64
	texts sync.Map
	down  atomic.Bool
	wait  time.Duration // set while nobody asks
}

func (c *counted) Embed(ctx context.Context, texts []string) []embed.Result {
	c.calls.Add(1)
	for _, text := range texts {
		n, _ := c.texts.LoadOrStore(text, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	}
	if c.down.Load() {
		return slices.Repeat([]embed.Result{{Err: &remote.Error{Kind: remote.Connection, Transient: true, URL: "http://embedder"}}}, len(texts))
	}
	select {
	case <-time.After(c.wait):
	case <-ctx.Done():
		return slices.Repeat([]embed.Result{{Err: ctx.Err()}}, len(texts))
	}
	return c.Embedder.Embed(ctx, texts)
}

func newCounted(t testing.TB) *counted {
	t.Helper()
	e, err := embed.Open("builtin", embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &counted{Embedder: e}
}

// Samples that come one by one are embedded together, and each text once.
func TestBatches(t *testing.T) {
	e := newCounted(t)
	s := start(t, nil, fixture(t, "default", "cosine", e))
	e.calls.Store(0)
	e.wait = 50 * time.Millisecond
	const n = 400
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			body := fmt.Sprintf(`{"prompt":"p","response":"warm day number %d","label":"summer"}`, i%100)
			if status, text := s.post(t, "/slime", body); status != 200 {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	all.Wait()
	if calls := e.calls.Load(); calls > n/10 {
		t.Errorf("%d calls for %d samples", calls, n)
	}
	e.texts.Range(func(text, times any) bool {
		if n := times.(*atomic.Int64).Load(); n > 1 && strings.HasPrefix(text.(string), "warm day") {
			t.Errorf("%q was embedded %d times", text, n)
		}
		return true
	})
}

// While the embedder is away samples wait for it and then get their rewards; those whose
// time is over get an error that says so, never a reward.
func TestEmbedderAway(t *testing.T) {
	e := newCounted(t)
	s := start(t, func(o *Options) { o.Settings.DeadlineS = 20 }, fixture(t, "default", "cosine", e))
	const body = `{"prompt":"p","response":"warm","label":"hot"}`
	_, want := s.post(t, "/slime", body)
	s = start(t, func(o *Options) { o.Settings.DeadlineS = 20 }, fixture(t, "default", "cosine", e))
	e.down.Store(true)
	time.AfterFunc(1500*time.Millisecond, func() { e.down.Store(false) })
	if status, got := s.post(t, "/slime", body); status != 200 || got != want {
		t.Errorf("got %d %s, want %s", status, got, want)
	}
	e.down.Store(true)
	status, text := s.post(t, "/v1/reward", `{"timeout_s":1.5,"samples":[{"prompt":"p","response":"cool","reference":"cold"},{"prompt":"p","response":"","reference":"x"}]}`)
	if status != 200 || !strings.Contains(text, `"code":"unavailable"`) || !strings.Contains(text, `"retry":true`) || !strings.Contains(text, `"rewards":[null,0.0]`) {
		t.Errorf("got %d %s", status, text)
	}
}

// A client that is gone leaves nothing behind, and others that wait for the same answer get it.
func TestClientGone(t *testing.T) {
	before := runtime.NumGoroutine()
	e := newCounted(t)
	s := start(t, nil, fixture(t, "default", "cosine", e))
	e.wait = 300 * time.Millisecond
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			if i%3 == 0 {
				ctx = context.Background()
			}
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/slime", strings.NewReader(fmt.Sprintf(`{"prompt":"p","response":"day %d","label":"summer"}`, i/6)))
			reply, err := client.Do(r)
			if err == nil {
				defer reply.Body.Close()
			}
			if i%3 == 0 && (err != nil || reply.StatusCode != 200) {
				t.Errorf("who waits must get an answer: %v", err)
			}
		})
	}
	all.Wait()
	transport.CloseIdleConnections()
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if n := s.load.now.Load(); n != 0 {
		t.Errorf("%d samples are left", n)
	}
	settled(t, before)
}

// settled waits until no more goroutines run than before.
func settled(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, before %d:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// Requests that are being answered are answered before the server ends, and it refuses new ones.
func TestStop(t *testing.T) {
	e := newCounted(t)
	s := start(t, nil, fixture(t, "default", "cosine", e))
	e.wait = 500 * time.Millisecond
	answered := make(chan int, 1)
	go func() {
		status, _ := s.post(t, "/slime", `{"prompt":"p","response":"day","label":"summer"}`)
		answered <- status
	}()
	for s.load.now.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if status := <-answered; status != 200 {
		t.Errorf("status %d", status)
	}
	if _, err := http.Get(s.url + "/readyz"); err == nil {
		t.Error("a server that has ended must refuse connections")
	}
}

// A reload under load loses no request, closes what was once nobody uses it, and changes
// nothing where it fails.
func TestReload(t *testing.T) {
	var opened, closed atomic.Int64
	var fails atomic.Bool
	f := fixture(t, "default", "exact", nil)
	s := start(t, func(o *Options) {
		o.Open = func(context.Context) ([]Reward, error) {
			if fails.Load() {
				return nil, errors.New("no")
			}
			opened.Add(1)
			r := f
			r.Close = func() { closed.Add(1) }
			return []Reward{r}, nil
		}
	})
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if status, text := s.post(t, "/slime", fmt.Sprintf(`{"prompt":"p","response":"%d","label":"1"}`, i%50)); status != 200 {
					t.Errorf("%d %s", status, text)
				}
			}
		})
	}
	for range 20 {
		if err := s.Reload(context.Background()); err != nil {
			t.Error(err)
		}
	}
	fails.Store(true)
	if s.Reload(context.Background()) == nil {
		t.Error("a reload that fails must say so")
	}
	close(stop)
	all.Wait()
	s.stop()
	if opened.Load() != 21 || closed.Load() != 21 {
		t.Errorf("%d opened, %d closed", opened.Load(), closed.Load())
	}
}

// Who has no token is refused, on every route that tells something; tokens are read anew.
func TestTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		"":        "must hold a token",
		"short\n": ":1: a token must have at least 16 printable characters of ASCII, no space among them",
	} {
		write(text)
		if _, err := ReadTokens(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	write("# of the cluster\nfirst-token-0123456789\n\nsecond-token-0123456789\n")
	tokens, err := ReadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *Options) { o.Tokens = tokens }, fixture(t, "default", "exact", nil))
	ask := func(path, header string) int {
		method, body := http.MethodGet, ""
		if path == "/slime" {
			method, body = http.MethodPost, `{"prompt":"p","response":"a","label":"a"}`
		}
		r, _ := http.NewRequest(method, s.url+path, strings.NewReader(body))
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		return reply.StatusCode
	}
	for _, path := range []string{"/slime", "/metrics", "/v1/status", "/reverify_mode"} {
		for header, want := range map[string]int{
			"": 401, "Bearer x": 401, "Bearer first-token-012345678": 401, "Basic first-token-0123456789": 401,
			"Bearer first-token-0123456789": 200, "bearer second-token-0123456789": 200, "Bearer # of the cluster": 401,
		} {
			if got := ask(path, header); got != want {
				t.Errorf("%s with %q: got %d, want %d", path, header, got, want)
			}
		}
	}
	for _, path := range []string{"/", "/healthz", "/readyz", "/openapi.json", "/page.js", "/page.css"} {
		if got := ask(path, ""); got != 200 {
			t.Errorf("%s: got %d", path, got)
		}
	}
	write("third-token-0123456789\n")
	if err := s.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if ask("/slime", "Bearer first-token-0123456789") != 401 || ask("/slime", "Bearer third-token-0123456789") != 200 {
		t.Error("a reload must read the tokens")
	}
	write("")
	if s.Reload(context.Background()) == nil || ask("/slime", "Bearer third-token-0123456789") != 200 {
		t.Error("a bad file must change nothing")
	}
}

// A page of another origin that is open in a browser on this machine cannot ask.
func TestForeignPages(t *testing.T) {
	s := start(t, nil, fixture(t, "default", "exact", nil))
	r, _ := http.NewRequest(http.MethodPost, s.url+"/slime", strings.NewReader(`{}`))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if reply.StatusCode != 403 {
		t.Errorf("status %d", reply.StatusCode)
	}
	reply, err = http.Get(s.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if got := reply.Header.Get("Content-Security-Policy"); got != policy {
		t.Errorf("policy %q", got)
	}
}

// Who sends slowly is cut off: headers that never end, bodies that never end.
func TestSlowClients(t *testing.T) {
	before := runtime.NumGoroutine()
	quick := prepare(t, nil, fixture(t, "default", "exact", nil))
	quick.http.ReadHeaderTimeout = 3 * time.Second // for a busy machine to read the heads that do come
	quick.patience = 300 * time.Millisecond
	s := listen(t, quick)
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() {
			c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			fmt.Fprint(c, []string{"POST /slime HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "POST /slime HTTP/1.1\r\nHost: x\r\n"}[i%2])
			c.SetReadDeadline(time.Now().Add(60 * time.Second))
			text, err := io.ReadAll(c)
			if err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("not cut off: %v", err)
			}
			if i%2 == 0 && !bytes.Contains(text, []byte(`"code":"slow"`)) {
				t.Errorf("a slow body: %q", text)
			}
		})
	}
	all.Wait()
	if status, text := s.post(t, "/slime", `{"prompt":"p","response":"a","label":"a"}`); status != 200 {
		t.Errorf("%d %s", status, text)
	}
	s.stop()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	settled(t, before)
}

// Bodies beyond the limit are refused, with a length and without, and leave no memory taken.
func TestLargeBodies(t *testing.T) {
	s := start(t, func(o *Options) { o.Settings.MaxBodyMB = 1; o.Settings.MaxBodiesMB = 4 }, fixture(t, "default", "exact", nil))
	left := s.bodies.left
	for _, size := range []int{2 << 20, 100 << 20} {
		for _, known := range []bool{true, false} {
			r, _ := http.NewRequest(http.MethodPost, s.url+"/slime", io.LimitReader(zeros{}, int64(size)))
			if known {
				r.ContentLength = int64(size)
			}
			reply, err := http.DefaultClient.Do(r)
			if err != nil { // it may be cut off while it sends
				continue
			}
			reply.Body.Close()
			if reply.StatusCode != 413 {
				t.Errorf("%d bytes: status %d", size, reply.StatusCode)
			}
		}
	}
	text := strings.Repeat("a", 900_000)
	var all sync.WaitGroup
	for range 12 { // more than fit at once
		all.Go(func() {
			if status, got := s.post(t, "/slime", `{"prompt":"p","response":"`+text+`","label":"`+text+`x"}`); status != 413 && status != 200 {
				t.Errorf("%d %s", status, got)
			}
			if status, got := s.post(t, "/slime", `{"prompt":"p","response":"`+text+`","label":"a"}`); status != 200 {
				t.Errorf("%d %s", status, got)
			}
		})
	}
	all.Wait()
	if s.bodies.left != left {
		t.Errorf("%d bytes of %d are left", s.bodies.left, left)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

// A list of millions of values, which would take many times the memory of its text, is
// refused before it is read.
func TestLongLists(t *testing.T) {
	s := start(t, nil, fixture(t, "default", "exact", nil))
	size := 4 << 20
	if testing.Short() {
		size /= 8
	}
	many := func(one string) string { return strings.Repeat(one+",", size/(len(one)+1)) + one }
	row := func(i string) string {
		return `{"responses_create_params":{"input":"a"},"answer":"b","response":{"output":[` + i + `]}}`
	}
	for _, c := range []struct{ path, body string }{
		{"/v1/reward", `{"samples":[` + many("{}") + `]}`},
		{"/openrlhf", `{"query":[` + many(`""`) + `],"prompts":[],"labels":[]}`},
		{"/openrlhf", `{"query":["a b"],"prompts":["a"],"labels":[` + many(`1`) + `]}`},
		{"/v1/reward", `{"samples":[{"prompt":"p","response":"r","accepted":[` + many(`""`) + `]}]}`},
		{"/slime", `{"prompt":[` + many("{}") + `],"response":"r","label":"1"}`},
		{"/slime", `{"prompt":[{"role":"user","content":[` + many("{}") + `]}],"response":"r","label":"1"}`},
		{"/verify", row(many("1"))},
		{"/verify", row(`{"type":"message","role":"assistant","content":[` + many("1") + `]}`)},
		{"/verify", `{` + many(`"":1`) + `,` + row("")[1:]},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		status, text := s.post(t, c.path, c.body)
		runtime.ReadMemStats(&after)
		if status != 400 || !strings.Contains(text, "must have at most 65536 ") {
			t.Errorf("%s %.60s: %d %s", c.path, c.body, status, text)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 8*uint64(size) {
			t.Errorf("%s %.60s: %d bytes were allocated for %d", c.path, c.body, took, len(c.body))
		}
	}
	body := `{"prompt":"p","response":"r","label":[` + many("1") + `]}` // a label that cannot be read is a sample that cannot be scored
	if status, text := s.post(t, "/slime?form=object", body); status != 200 || !strings.Contains(text, `"pgsrm_unscored":1.0`) {
		t.Errorf("a long label: %d %s", status, text)
	}
}

// witness is a ResponseWriter that notes what the budget of bodies has left when a reply is
// written.
type witness struct {
	*httptest.ResponseRecorder
	budget *budget
	left   int64
}

func (w *witness) Write(b []byte) (int, error) {
	w.left = w.budget.left
	return w.ResponseRecorder.Write(b)
}

// A reply counts as memory until it is written: who does not read it takes no more than who
// does not send.
func TestUnreadReplies(t *testing.T) {
	s := prepare(t, nil, fixture(t, "default", "exact", nil))
	whole := s.bodies.left
	body := `{"answer":"b","responses_create_params":{"input":"a"},"response":{"output":[],"x":"` + strings.Repeat("x", 1<<20) + `"}}`
	w := &witness{ResponseRecorder: httptest.NewRecorder(), budget: s.bodies}
	s.handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/verify", strings.NewReader(body)))
	if w.Code != 200 || whole-w.left < int64(len(body)) || s.bodies.left != whole {
		t.Errorf("status %d, %d bytes taken while the reply is written, %d afterwards", w.Code, whole-w.left, whole-s.bodies.left)
	}
}

// Who takes long to send a body has the same time to read the reply as anybody.
func TestSlowBody(t *testing.T) {
	quick := prepare(t, nil, fixture(t, "default", "exact", nil))
	quick.http.WriteTimeout = time.Second
	s := listen(t, quick)
	body, send := io.Pipe()
	time.AfterFunc(1500*time.Millisecond, func() { // longer than a reply may take
		fmt.Fprint(send, `{"prompt":"p","response":"a","label":"a"}`)
		send.Close()
	})
	r, err := http.Post(s.url+"/slime", "", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("status %d", r.StatusCode)
	}
}

// Samples of clients that are gone do not count as waiting once their reward is closed.
func TestAbandoned(t *testing.T) {
	e := newCounted(t)
	for range 5 {
		e.wait = 0
		s := start(t, func(o *Options) { o.Settings.MaxBatch = 1; o.Settings.Parallel = 1 }, fixture(t, "default", "cosine", e))
		e.wait = time.Minute
		ctx, cancel := context.WithCancel(context.Background())
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				r, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/slime", strings.NewReader(fmt.Sprintf(`{"prompt":"p","response":"day %d","label":"summer"}`, i)))
				if reply, err := http.DefaultClient.Do(r); err == nil {
					reply.Body.Close()
					t.Errorf("status %d", reply.StatusCode)
				}
			})
		}
		for s.load.now.Load() < 20 {
			time.Sleep(time.Millisecond)
		}
		cancel()
		all.Wait()
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if n := s.load.now.Load(); n != 0 {
			t.Fatalf("%d samples are left", n)
		}
	}
}

// More samples than may wait are refused by an answer that asks to come again.
func TestBusy(t *testing.T) {
	e := newCounted(t)
	s := start(t, func(o *Options) { o.Settings.MaxSamples = 2 }, fixture(t, "default", "cosine", e))
	e.wait = 400 * time.Millisecond
	var all sync.WaitGroup
	var busy atomic.Int64
	for i := range 6 {
		all.Go(func() {
			r, err := http.Post(s.url+"/slime", "", strings.NewReader(fmt.Sprintf(`{"prompt":"p","response":"day %d","label":"summer"}`, i)))
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Body.Close()
			if r.StatusCode == 503 && r.Header.Get("Retry-After") == "1" {
				busy.Add(1)
			} else if r.StatusCode != 200 {
				t.Errorf("status %d", r.StatusCode)
			}
		})
	}
	all.Wait()
	if busy.Load() == 0 {
		t.Error("nobody was refused")
	}
}

// A word of a million letters, and other long and strange texts, are answered.
func TestLongTexts(t *testing.T) {
	s := start(t, func(o *Options) { o.Settings.DeadlineS = 600 }, fixture(t, "default", "0.2*cosine + 0.2*centered + 0.1*chrf + 0.1*levenshtein + 0.1*rouge_l + 0.1*bleu + 0.1*contains + 0.1*overlap", nil))
	for _, unit := range []string{"a", "internationalization", "木", "a\u0301\u0316", "<|", "<|a|>", "\u200b", "“", "* ", "1,", "\\u0000"} {
		n := 1_000_000
		if unit != "a" {
			n = 100_000
		}
		if testing.Short() { // the race detector multiplies the time
			n /= 20
		}
		text := strings.Repeat(unit, n/len(unit))
		body := `{"prompt":"p","response":"x` + text + `","label":"y` + text + `"}`
		if status, got := s.post(t, "/slime", body); status != 200 {
			t.Errorf("%q: %d %s", unit, status, got)
		}
	}
}

// Whatever is sent, the answer is a documented one in JSON, with finite rewards.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		`{"query":["a b"],"prompts":["a"],"labels":["b"]}`, `{"prompt":"a","response":"b","label":[1,true]}`,
		`{"responses_create_params":{"input":"a"},"response":{"output":[{"type":"message","role":"assistant","content":"b"}]},"answer":"b"}`,
		`{"samples":[{"prompt":"p","response":"r","reference":"","columns":{"a":1}}]}`, `null`, `[]`, `{"samples":[null]}`, `{"query":null}`,
		`{"prompt":[{"role":"user","content":[{"text":"\ud800"}]}],"response":"\u0000","label":"\ud800"}`, `{"query":["<|"],"prompts":["<|<|"]}`,
		`{"samples":[{"timeout_s":1e308}],"timeout_s":1e308}`, `{"samples":[],"timeout_s":1e-300}`,
	} {
		for route := range 8 {
			f.Add(uint8(route), body)
		}
	}
	s, err := New(context.Background(), Options{Settings: DefaultSettings(), Log: slog.New(slog.DiscardHandler),
		Open: func(context.Context) ([]Reward, error) {
			return []Reward{fixture(f, "default", "0.5*centered^2 + 0.5*chrf", nil)}, nil
		}})
	if err != nil {
		f.Fatal(err)
	}
	h := s.handler()
	routes := []string{"/openrlhf", "/slime", "/slime?form=object", "/verify", "/v1/reward", "/seed_session", "/aggregate_metrics", "/rewards/default/v1/reward"}
	f.Fuzz(func(t *testing.T, route uint8, body string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, routes[int(route)%len(routes)], strings.NewReader(body)))
		if w.Code != 200 && w.Code != 400 || !json.Valid(w.Body.Bytes()) || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%s %q: %d %q", routes[int(route)%len(routes)], body, w.Code, w.Body.String())
		}
	})
}

// The response is found behind any prompt, also one that was cut on the left.
func TestResponseOf(t *testing.T) {
	for _, c := range []struct{ query, prompt, want string }{
		{"Q: 1?A: 2", "Q: 1?A:", " 2"},
		{"<s>Q: 1?A: 2</s>", "Q: 1?A:", " 2</s>"},
		{"<|begin|><s> 1?A: 2", "<s>Q: 1?A:", ""},
		{"1?A: 2", "Q: 1?A:", " 2"},
		{"aab", "aa", "b"},
		{"abx", "abab", "x"},
		{"two", "", "two"},
		{"", "", ""},
	} {
		got, err := responseOf(c.query, c.prompt)
		if c.want == "" && c.query != "" {
			if err == nil && got == "" {
				t.Errorf("%q after %q: nothing", c.query, c.prompt)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%q after %q: got %q, %v, want %q", c.query, c.prompt, got, err, c.want)
		}
	}
	if _, err := responseOf("xyz", "abc"); !errors.Is(err, errNotContinued) {
		t.Errorf("a query of another prompt: %v", err)
	}
	for query, want := range map[string]string{
		"two<|endoftext|>": "two", "two<|im_end|>\n<|im_start|>user": "two", "<think>a</think><|x|>b": "<think>a</think>b",
		"a < b [INST]": "a < b ", "<｜end▁of▁sentence｜>": "", "a<|b c|>": "a<|b c|>",
	} {
		if got := answerText(query, DefaultSettings().EndMarkers); got != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
}

// Samples that may get different rewards have different names.
func TestDigestOf(t *testing.T) {
	seen := map[digest]int{}
	for i, s := range []reward.Sample{
		{}, {Prompt: "a"}, {Input: "a"}, {Response: "a"}, {Reference: "a"}, {Cut: true}, {Accepted: []string{"a"}}, {Accepted: []string{"cut"}}, {Accepted: []string{""}},
		{Accepted: []string{"a", "b"}}, {Accepted: []string{"ab"}}, {Columns: json.RawMessage(`{}`)}, {Accepted: []string{"{}"}}, {Accepted: []string{"cut"}, Cut: true},
	} {
		sum := digestOf(s, true)
		if k, ok := seen[sum]; ok {
			t.Errorf("samples %d and %d have one name", k, i)
		}
		seen[sum] = i
	}
}

// Numbers always are floats for their readers.
func TestAppendFloat(t *testing.T) {
	for x, want := range map[float64]string{0: "0.0", 1: "1.0", -3: "-3.0", 0.5: "0.5", 1e21: "1e+21", 1e-9: "1e-09", math.Copysign(0, -1): "-0.0", 123456789: "1.23456789e+08"} {
		if got := string(appendFloat(nil, x)); got != want {
			t.Errorf("%v: got %s, want %s", x, got, want)
		}
	}
}

// What passes is asked again, what lasts is not.
func TestPassing(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errNotContinued, false},
		{embed.ErrNoMeaning, false},
		{custom.ErrNone, false},
		{errBroken, false},
		{fmt.Errorf("a: %w", custom.ErrUnanswered), true},
		{fmt.Errorf("a: %w", &remote.Error{Kind: remote.Timeout, Transient: true}), true},
		{fmt.Errorf("a: %w", &remote.Error{Kind: remote.Rejected}), false},
		{fmt.Errorf("a: %w", errors.Join(context.DeadlineExceeded, &remote.Error{Kind: remote.Canceled})), true},
		{fmt.Errorf("a: %w", context.Canceled), true},
	} {
		if got := passing(c.err); got != c.want {
			t.Errorf("%v: got %v", c.err, got)
		}
		if c.err != nil && problemOf(c.err).retry != (c.want || c.err == errBroken) {
			t.Errorf("%v: %+v", c.err, problemOf(c.err))
		}
	}
}
