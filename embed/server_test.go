package embed

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgsrm/cache"
	"pgsrm/remote"
	"pgsrm/remote/remotetest"
)

const testKey = "sk-test-0123456789abcdef"

// vectorServer is a mock of the three protocols. The vector of a text follows from
// the text and the model.
type vectorServer struct {
	*remotetest.Server
	clock *remotetest.Clock
	dim   int

	mu     sync.Mutex
	model  string
	bodies []map[string]any           // requests
	refuse func(texts []string) error // with what status and message; nil = answer
}

// refusal is an error status of the mock.
type refusal struct {
	status int
	text   string
}

func (r refusal) Error() string { return r.text }

func newVectorServer(t testing.TB) *vectorServer {
	s := &vectorServer{clock: remotetest.NewClock(), dim: 8, model: "m"}
	s.Server = remotetest.New(t, s.handle)
	return s
}

// textVector is a random direction that only the model and the text decide. [dim]
func textVector(model, text string, dim int) []float32 {
	h := fnv.New64a()
	h.Write([]byte(model + "|" + text))
	rng := rand.New(rand.NewPCG(h.Sum64(), 1))
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func (s *vectorServer) handle(w http.ResponseWriter, r *http.Request) {
	body := map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.bodies = append(s.bodies, body)
	model, refuse := s.model, s.refuse
	s.mu.Unlock()
	var texts []string
	for _, key := range []string{"input", "inputs"} {
		list, _ := body[key].([]any)
		for _, text := range list {
			texts = append(texts, text.(string))
		}
	}
	if refuse != nil {
		var no refusal
		if errors.As(refuse(texts), &no) {
			remotetest.Status(no.status, fmt.Sprintf(`{"error":{"message":%q}}`, no.text))(w, r, nil)
			return
		}
	}
	dim := s.dim
	if d, ok := body["dimensions"].(float64); ok {
		dim = int(d)
	}
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = textVector(model, text, dim)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(replyOf(r.URL.Path, vectors, body["encoding_format"] == "base64"))
}

// replyOf is the reply of a route; that of OpenAI comes in an order of its own.
func replyOf(path string, vectors [][]float32, asBase64 bool) any {
	switch path {
	case "/embed":
		return vectors
	case "/api/embed":
		return map[string]any{"model": "m", "embeddings": vectors, "prompt_eval_count": len(vectors)}
	}
	var data []any
	for i := len(vectors) - 1; i >= 0; i-- {
		var e any = vectors[i]
		if asBase64 {
			e = base64.StdEncoding.EncodeToString(encodeVector(vectors[i]))
		}
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": e})
	}
	return map[string]any{"object": "list", "data": data, "model": "m", "usage": map[string]any{"prompt_tokens": 2 * len(vectors), "total_tokens": 2 * len(vectors)}}
}

// options are those of an embedder of the server; change may be nil.
func (s *vectorServer) options(t testing.TB, change func(*Settings)) Options {
	set := DefaultSettings()
	set.Server.Concurrency = 1 // one after the other, so that waits have an order
	if change != nil {
		change(&set)
	}
	return Options{Settings: &set, Warn: func(text string) { t.Log(text) }, Remote: s.clock.Deps(map[string]string{"OPENAI_API_KEY": testKey})}
}

// open makes the bare embedder.
func (s *vectorServer) open(t testing.TB, kind string, change func(*Settings)) *Server {
	t.Helper()
	o := s.options(t, change)
	spec := "m@" + s.URL()
	if kind == "tei" {
		spec = s.URL()
	}
	e, err := newServer(kind, spec, *o.Settings, o.Warn, o.Remote)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// want checks vectors of unit length in the direction that the model gives.
func want(t *testing.T, got []Result, model string, dim int, texts ...string) {
	t.Helper()
	if len(got) != len(texts) {
		t.Fatalf("results: got %d, want %d", len(got), len(texts))
	}
	for i, text := range texts {
		if got[i].Err != nil {
			t.Errorf("%q: %v", text, got[i].Err)
			continue
		}
		v := textVector(model, text, dim)
		normalize(v)
		if !near(got[i].Vector, v) {
			t.Errorf("%q: got %v, want %v", text, got[i].Vector, v)
		}
	}
}

// What is sent and what is read, for each kind of server.
func TestServerKinds(t *testing.T) {
	for _, c := range []struct {
		kind   string
		change func(*Settings)
		want   map[string]any
		dim    int
	}{
		{"openai", nil, map[string]any{"model": "m", "input": []any{"two", "2"}, "encoding_format": "base64"}, 8},
		{"openai", func(s *Settings) { s.Encoding, s.Dimensions = encodingFloat, 5 },
			map[string]any{"model": "m", "input": []any{"two", "2"}, "encoding_format": "float", "dimensions": 5.0}, 5},
		{"tei", nil, map[string]any{"inputs": []any{"two", "2"}, "normalize": true, "truncate": false}, 8},
		{"ollama", func(s *Settings) { s.Prefix = "query: " },
			map[string]any{"model": "m", "input": []any{"query: two", "query: 2"}, "truncate": false}, 8},
	} {
		t.Run(c.kind, func(t *testing.T) {
			s := newVectorServer(t)
			e := s.open(t, c.kind, c.change)
			got := e.Embed(t.Context(), []string{"two", " ", "2"})
			if !errors.Is(got[1].Err, ErrNoMeaning) {
				t.Errorf("empty text: %v", got[1])
			}
			want(t, []Result{got[0], got[2]}, "m", c.dim, e.set.Prefix+"two", e.set.Prefix+"2")
			if d := cmp.Diff(c.want, s.bodies[len(s.bodies)-1]); d != "" {
				t.Error(d)
			}
			if c.change == nil && len(s.bodies) != 2 { // the probe and the texts
				t.Errorf("requests: got %d, want 2", len(s.bodies))
			}
		})
	}
}

func TestServerIdentity(t *testing.T) {
	deps := remotetest.NewClock().Deps(map[string]string{"OPENAI_API_KEY": testKey})
	for _, c := range []struct {
		kind, rest string
		change     func(*Settings)
		want       Identity
	}{
		{"openai", "text-embedding-3-small", nil, Identity{Model: "openai:text-embedding-3-small@https://api.openai.com/v1"}},
		{"openai", "m@http://gpu7:8000", func(s *Settings) { s.Name, s.Prefix, s.Dimensions = "lab", "query: ", 256 }, Identity{Model: "openai:m@lab", Template: "query: ", Dim: 256}},
		{"tei", "http://h:8080/", nil, Identity{Model: "tei:http://h:8080"}},
		{"ollama", "nomic-embed-text:latest", nil, Identity{Model: "ollama:nomic-embed-text:latest@http://localhost:11434"}},
	} {
		set := DefaultSettings()
		if c.change != nil {
			c.change(&set)
		}
		e, err := newServer(c.kind, c.rest, set, nil, deps)
		if err != nil {
			t.Fatal(err)
		}
		c.want.Pooling, c.want.Normalize = "server", true
		if d := cmp.Diff(c.want, e.Identity()); d != "" {
			t.Error(d)
		}
		if sends := e.client.HasKey(); sends != (c.kind == "openai") {
			t.Errorf("%s: key sent %v", c.kind, sends)
		}
	}
}

func TestServerSpecErrors(t *testing.T) {
	for spec, want := range map[string]string{
		"openai:":                   `embed: openai: must be MODEL@URL or MODEL (got "")`,
		"openai:m@http://u:p@h/v1":  `embed: openai: url: must not have a user, a password or a query, keys belong into the environment (got "http://[redacted]@h/v1")`,
		"openai:m":                  "embed: openai: https://api.openai.com/v1 needs a key in the environment variable OPENAI_API_KEY",
		"tei:localhost":             "embed: tei: must be tei:URL",
		"tei:http://h?api_key=abc":  `embed: tei: url: must not have a user, a password or a query, keys belong into the environment (got "http://h?[redacted]")`,
		"ollama:@http://h":          `embed: ollama: must be MODEL@URL or MODEL (got "@http://h")`,
		"nothing:m@http://u:p@h/v1": `embed: must be builtin, file:PATH, hf:ORG/NAME, a model folder, openai:MODEL@URL, tei:URL, ollama:MODEL@URL or random:DIM (got "nothing:m@http://[redacted]@h/v1")`,
	} {
		o := Options{Remote: remotetest.NewClock().Deps(nil)}
		if _, err := Open(spec, o); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", spec, err, want)
		}
	}
}

func TestSettings(t *testing.T) {
	for want, change := range map[string]func(*Settings){
		"": func(*Settings) {},
		"prompt: must be empty where prefix is set (got \"query\")": func(s *Settings) { s.Prefix, s.Prompt = "query: ", "query" },
		`too_long: must be one of cut, error (got "")`:              func(s *Settings) { s.TooLong = "" },
		`encoding: must be one of base64, float (got "int8")`:       func(s *Settings) { s.Encoding = "int8" },
		"dimensions: must be between 0 and 65536 (got -1)":          func(s *Settings) { s.Dimensions = -1 },
		"batch_items: must be between 0 and 2048 (got 4096)":        func(s *Settings) { s.BatchItems = 4096 },
		"batch_tokens: must be between 0 and 16777216 (got -5)":     func(s *Settings) { s.BatchTokens = -5 },
		"server.attempts: must be between 1 and 1000 (got 0)":       func(s *Settings) { s.Server.Attempts = 0 },
	} {
		set := DefaultSettings()
		change(&set)
		got := ""
		if err := set.Validate(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// edited is a proper reply of /v1/embeddings that is changed before it is sent.
func edited(change func(reply map[string]any, data []any)) remotetest.Fault {
	return func(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc) {
		rec := &recorder{header: http.Header{}}
		proper(rec, r)
		var reply map[string]any
		if err := json.Unmarshal(rec.body, &reply); err != nil {
			panic(err)
		}
		change(reply, reply["data"].([]any))
		text, err := json.Marshal(reply)
		if err != nil {
			panic(err)
		}
		remotetest.Body(string(text))(w, r, nil)
	}
}

// recorder keeps what a handler writes.
type recorder struct {
	header http.Header
	body   []byte
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(p []byte) (int, error) { r.body = append(r.body, p...); return len(p), nil }

// embeddingOf changes the vector of the first entry of a reply.
func embeddingOf(e any) remotetest.Fault {
	return edited(func(_ map[string]any, data []any) { data[0].(map[string]any)["embedding"] = e })
}

// fault is what a server can do wrong, the count that it goes to and a part of
// the message where it does not pass.
type fault struct {
	name    string
	fault   remotetest.Fault
	kind    remote.Kind
	message string
}

// passing are the faults after which the same request can succeed.
func passing(s *vectorServer) []fault {
	nan := base64.StdEncoding.EncodeToString(encodeVector([]float32{1, 2, 3, float32(math.NaN()), 5, 6, 7, 8}))
	duplicate := func(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc) {
		rec := &recorder{header: http.Header{}}
		proper(rec, r)
		remotetest.Body(`{"data":[],`+strings.TrimPrefix(string(rec.body), "{"))(w, r, nil)
	}
	return []fault{
		{"hang", s.Hang, remote.Timeout, "timeout"},
		{"slow bytes", s.Slow, remote.Timeout, "timeout"},
		{"reset", remotetest.Reset, remote.Connection, "connection"},
		{"cut in mid-reply", remotetest.CutMidReply, remote.Cut, "cut"},
		{"429", remotetest.Status(429, `{"error":{"message":"busy"}}`), remote.RateLimited, `rate limited, status 429: "busy"`},
		{"429 seconds", remotetest.Status(429, "", "Retry-After", "3"), remote.RateLimited, "rate limited, status 429"},
		{"429 date", remotetest.Status(429, "", "Retry-After", s.clock.Now().Add(time.Minute).Format(http.TimeFormat)), remote.RateLimited, "rate limited"},
		{"500", remotetest.Status(500, "x"), remote.Server, "server, status 500"},
		{"502", remotetest.Status(502, "<html>"), remote.Server, "server, status 502"},
		{"503", remotetest.Status(503, `{"error":"loading"}`), remote.Server, `server, status 503: "loading"`},
		{"truncated JSON", remotetest.Truncated, remote.Reply, "reply must be JSON"},
		{"HTML", remotetest.HTML, remote.Reply, "reply must be JSON (got a page of HTML)"},
		{"error with status 200", remotetest.Body(`{"error":{"message":"upstream"}}`), remote.Reply, "reply must have a vector for each of 3 texts (got 0)"},
		{"too few", edited(func(r map[string]any, d []any) { r["data"] = d[1:] }), remote.Reply, "reply must have a vector for each of 3 texts (got 2)"},
		{"too many", edited(func(r map[string]any, d []any) { r["data"] = append(d, d[0]) }), remote.Reply, "reply must have a vector for each of 3 texts (got 4)"},
		{"index twice", edited(func(_ map[string]any, d []any) { d[0].(map[string]any)["index"] = 0 }), remote.Reply, "reply must have each index below 3 once (got 0)"},
		{"index beyond", edited(func(_ map[string]any, d []any) { d[0].(map[string]any)["index"] = 3 }), remote.Reply, "reply must have each index below 3 once (got 3)"},
		{"no index", edited(func(_ map[string]any, d []any) { delete(d[1].(map[string]any), "index") }), remote.Reply, "reply must have the index of each vector (vector 1 has none)"},
		{"wrong dimension", embeddingOf([]float32{1, 2, 3}), remote.Reply, "reply must have vectors of 8 numbers"},
		{"duplicate key", duplicate, remote.Reply, `reply must have each key once (got "data" twice)`},
		{"NaN in base64", embeddingOf(nan), remote.Reply, "text 2: embed: vector must be finite (number 3 is NaN)"},
		{"null for a number", embeddingOf([]any{1, nil, 3, 4, 5, 6, 7, 8}), remote.Reply, "text 2: embed: vector must be finite (number 1 is null)"},
		{"beyond float32", embeddingOf([]any{1, 1e300, 3, 4, 5, 6, 7, 8}), remote.Reply, "text 2: embed: vector must be finite (number 1 is 1e+300)"},
		{"zero vector", embeddingOf(make([]float32, 8)), remote.Reply, "text 2: embed: vector must not be zero"},
		{"no vector", embeddingOf([]float32{}), remote.Reply, "text 2: embed: vector must have 1 numbers (got 0)"},
		{"text for a vector", embeddingOf("not base64"), remote.Reply, "text 2: embed: vector must be base64 of float32"},
	}
}

// staying are the faults that no further try can mend.
func staying(s *vectorServer) []fault {
	return []fault{
		{"401", remotetest.Status(401, `{"error":{"message":"Incorrect API key provided: sk-test-0123456789abcdef"}}`), remote.Auth, `auth, status 401: "Incorrect API key provided: [key]"`},
		{"404", remotetest.Status(404, `{"error":{"message":"no such model"}}`), remote.Rejected, `rejected, status 404: "no such model"`},
		{"400", remotetest.Status(400, `{"error":{"message":"no"}}`), remote.Rejected, `rejected, status 400: "no"`},
		{"redirect to another host", remotetest.RedirectTo("http://127.0.0.1:1/v1/embeddings"), remote.Redirect, "must not lead to another host"},
		{"100 MB", remotetest.Huge(100 << 20), remote.TooLarge, "reply must have at most 4 MB"},
		{"the key in the reply", remotetest.Body(`{"data":[],"key":"` + testKey + `"}`), remote.Reply, "reply must not repeat the key"},
	}
}

var threeTexts = []string{"red", "green", "blue"}

// cacheFile is a cache in a new file.
func cacheFile(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.Open(filepath.Join(t.TempDir(), "cache.bolt"), cache.Options{Warn: func(text string) { t.Error(text) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// stacked is the embedder with all its wrappers.
func (s *vectorServer) stacked(t *testing.T, c *cache.Cache, change func(*Settings)) Embedder {
	t.Helper()
	o := s.options(t, func(set *Settings) {
		set.Server.TimeoutS, set.Server.MaxReplyMB = 0.2, 4
		if change != nil {
			change(set)
		}
	})
	o.Cache = c
	e, err := Open("openai:m@"+s.URL(), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A fault that passes leaves the vectors as they would have been, and one count.
func TestPassingFaultsLeaveNoTrace(t *testing.T) {
	s := newVectorServer(t)
	for _, f := range passing(s) {
		t.Run(f.name, func(t *testing.T) {
			e := s.stacked(t, nil, nil)
			want(t, e.Embed(t.Context(), []string{"white"}), "m", 8, "white")
			s.Next(f.fault)
			want(t, e.Embed(t.Context(), threeTexts), "m", 8, threeTexts...)
			counts, _ := CountsOf(e)
			if n := counts.Server.Faults[f.kind]; n != 1 || counts.Server.Retries != 1 || len(counts.Server.Failures) != 0 {
				t.Errorf("counts: %+v", counts.Server)
			}
		})
	}
}

// A fault that stays is the error of its texts, named, and nothing of it is kept:
// when the server is well again, the vectors are right.
func TestStayingFaults(t *testing.T) {
	s := newVectorServer(t)
	for _, f := range append(passing(s), staying(s)...) {
		t.Run(f.name, func(t *testing.T) {
			c := cacheFile(t)
			s.Always(nil)
			e := s.stacked(t, c, func(set *Settings) { set.Server.Attempts = 2 })
			want(t, e.Embed(t.Context(), []string{"white"}), "m", 8, "white")
			s.Always(f.fault)
			failed := 0
			for i, r := range e.Embed(t.Context(), threeTexts) {
				if r.Err == nil {
					want(t, []Result{r}, "m", 8, threeTexts[i]) // one text's vector is none, the others' are good
					continue
				}
				failed++
				if !strings.Contains(r.Err.Error(), f.message) && !strings.Contains(strings.ReplaceAll(r.Err.Error(), "of 1 texts", "of 3 texts"), f.message) {
					t.Errorf("message: got %v, want %s", r.Err, f.message)
				}
				if strings.Contains(r.Err.Error(), testKey) || r.Vector != nil || errors.Is(r.Err, ErrNoMeaning) {
					t.Errorf("got %v, %v", r.Vector, r.Err)
				}
			}
			counts, _ := CountsOf(e)
			if failed == 0 || counts.Server.Failures[f.kind] == 0 {
				t.Errorf("failed %d, counts: %+v", failed, counts)
			}
			s.Always(nil)
			for _, again := range []Embedder{s.stacked(t, c, nil), s.stacked(t, nil, nil)} {
				want(t, again.Embed(t.Context(), append(threeTexts, "white")), "m", 8, append(threeTexts, "white")...)
			}
		})
	}
}

// A server that is not there, dies, and comes back.
func TestServerComesBack(t *testing.T) {
	s := newVectorServer(t)
	e := s.stacked(t, nil, nil)
	s.Stop()
	s.clock.During(func(time.Duration) {
		if len(s.clock.Sleeps()) == 3 {
			s.Start()
		}
	})
	want(t, e.Embed(t.Context(), threeTexts), "m", 8, threeTexts...)
	counts, _ := CountsOf(e)
	if counts.Server.Faults[remote.Connection] != 3 {
		t.Errorf("counts: %+v", counts.Server)
	}
}

// The first reply of all is no better witness than any other: a wrong dimension in
// it is found out.
func TestFirstReplyWrong(t *testing.T) {
	s := newVectorServer(t)
	s.Next(embeddingOf([]float32{1, 2, 3}))
	c := cacheFile(t)
	want(t, s.stacked(t, c, nil).Embed(t.Context(), threeTexts), "m", 8, threeTexts...)
	want(t, s.stacked(t, c, nil).Embed(t.Context(), append(threeTexts, "new")), "m", 8, append(threeTexts, "new")...)
}

// A text that the server refuses has an error of its own, and requests that are too
// large get smaller.
func TestServerSplits(t *testing.T) {
	texts := make([]string, 16)
	for i := range texts {
		texts[i] = fmt.Sprint("text ", i)
	}
	texts[5] = "bad text"
	t.Run("one bad text", func(t *testing.T) {
		for _, status := range []int{400, 413, 422, 424} {
			s := newVectorServer(t)
			s.refuse = func(texts []string) error {
				if strings.Contains(strings.Join(texts, " "), "bad") {
					return refusal{status, "a text is too long"}
				}
				return nil
			}
			e := s.open(t, "openai", nil)
			got := e.Embed(t.Context(), texts)
			if got[5].Err == nil || !strings.Contains(got[5].Err.Error(), `"a text is too long"`) || errors.Is(got[5].Err, ErrNoMeaning) {
				t.Errorf("bad text: %v", got[5])
			}
			want(t, append(got[:5:5], got[6:]...), "m", 8, append(texts[:5:5], texts[6:]...)...)
			if c := e.Counts(); c.Refused != 1 || c.Splits != 4 || c.Server.Requests != 1+9 || e.items != 256 {
				t.Errorf("%d: counts %+v, %d items", status, c, e.items)
			}
		}
	})
	t.Run("too many", func(t *testing.T) {
		s := newVectorServer(t)
		s.refuse = func(texts []string) error {
			if len(texts) > 4 {
				return refusal{413, "batch size must be at most 4"}
			}
			return nil
		}
		e := s.open(t, "openai", nil)
		want(t, e.Embed(t.Context(), texts), "m", 8, texts...)
		if e.Limits().Items != 4 || e.Counts().Refused != 0 {
			t.Errorf("limits %+v, counts %+v", e.Limits(), e.Counts())
		}
		want(t, inBatches(t.Context(), e, texts), "m", 8, texts...)
		if c := e.Counts(); c.Splits != 3 {
			t.Errorf("splits: got %d, want those of the first call, 3", c.Splits)
		}
	})
	t.Run("all refused", func(t *testing.T) {
		s := newVectorServer(t)
		s.refuse = func(texts []string) error {
			if texts[0] == probeText {
				return nil
			}
			return refusal{400, "dimensions are not supported"}
		}
		e := s.open(t, "openai", nil)
		for i, r := range e.Embed(t.Context(), texts) {
			if r.Err == nil || !strings.Contains(r.Err.Error(), "dimensions are not supported") {
				t.Errorf("text %d: %v", i, r)
			}
		}
		if n := e.Counts().Server.Requests; n > 12 {
			t.Errorf("requests: got %d", n)
		}
	})
	t.Run("llama.cpp", func(t *testing.T) {
		s := newVectorServer(t)
		s.refuse = func(texts []string) error {
			if strings.Contains(strings.Join(texts, " "), "bad") {
				return refusal{500, "input is too large to process. increase the physical batch size"}
			}
			return nil
		}
		e := s.open(t, "openai", nil)
		got := e.Embed(t.Context(), texts)
		if got[5].Err == nil || e.Counts().Server.Retries != 0 {
			t.Errorf("bad text: %v, counts %+v", got[5], e.Counts())
		}
		want(t, append(got[:5:5], got[6:]...), "m", 8, append(texts[:5:5], texts[6:]...)...)
	})
}

// A model that changed behind its name is noticed as soon as it is asked anything;
// under a new name it has a cache of its own.
func TestDrift(t *testing.T) {
	s := newVectorServer(t)
	c := cacheFile(t)
	want(t, s.stacked(t, c, nil).Embed(t.Context(), threeTexts), "m", 8, threeTexts...)
	for _, change := range []func(){func() { s.model = "other" }, func() { s.model, s.dim = "m", 9 }} {
		change()
		e := s.stacked(t, c, nil)
		got := e.Embed(t.Context(), append(threeTexts, "new"))
		want(t, got[:3], "m", 8, threeTexts...)
		if !errors.Is(got[3].Err, errDrift) {
			t.Errorf("new text: %v", got[3])
		}
		if got := e.Embed(t.Context(), []string{"newer"}); !errors.Is(got[0].Err, errDrift) {
			t.Errorf("newer text: %v", got[0])
		}
		renamed := s.stacked(t, c, func(set *Settings) { set.Name = s.model + fmt.Sprint(s.dim) })
		want(t, renamed.Embed(t.Context(), threeTexts), s.model, s.dim, threeTexts...)
	}
}

// A cancelled caller gets the error of its context, and nothing is sent.
func TestServerCancelled(t *testing.T) {
	s := newVectorServer(t)
	e := s.open(t, "openai", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range e.Embed(ctx, threeTexts) {
		if !errors.Is(r.Err, context.Canceled) {
			t.Errorf("got %v", r)
		}
	}
	if s.Requests() != 0 {
		t.Errorf("requests: %d", s.Requests())
	}
}

// Nothing that a cache keeps holds the key.
func TestKeyIsNotCached(t *testing.T) {
	s := newVectorServer(t)
	path := filepath.Join(t.TempDir(), "cache.bolt")
	c, err := cache.Open(path, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := s.stacked(t, c, nil)
	want(t, e.Embed(t.Context(), threeTexts), "m", 8, threeTexts...)
	c.Close()
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), testKey) {
		t.Errorf("the cache must not hold the key (%v)", err)
	}
	if shown := fmt.Sprintf("%+v %#v", e.(*cached).inner, e.(*cached).inner); strings.Contains(shown, testKey) {
		t.Error("printing the embedder must not show the key")
	}
}

// FuzzReadVectors: no reply breaks the readers, and what they accept is a vector.
func FuzzReadVectors(f *testing.F) {
	f.Add(`{"data":[{"index":0,"embedding":[0.5,1e-3]}]}`)
	f.Add(`{"data":[{"index":0,"embedding":"AAAAPw=="}]}`)
	f.Add(`[[0.1,null],[]]`)
	f.Add(`{"embeddings":[[1,2]],"prompt_eval_count":2}`)
	f.Fuzz(func(t *testing.T, reply string) {
		for _, w := range wires {
			for n := range 3 {
				places, _, err := w.read([]byte(reply), n)
				if err == nil && len(places) != n {
					t.Fatalf("places: got %d, want %d", len(places), n)
				}
				for _, p := range places {
					if err == nil && p.Err == nil && Check(p.Vector, len(p.Vector)) != nil {
						t.Fatalf("accepted %v", p.Vector)
					}
				}
			}
		}
	})
}
