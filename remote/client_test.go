package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgsrm/remote"
	"pgsrm/remote/remotetest"
)

const key = "sk-test-0123456789abcdef"

// echo answers with the word that it was asked for.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"path":%q,"auth":%t,"got":%s}`, r.URL.Path, r.Header.Get("Authorization") == "Bearer "+key, body)
}

// rig is a client of a server that misbehaves.
type rig struct {
	*remotetest.Server
	clock  *remotetest.Clock
	client *remote.Client
}

func newRig(t *testing.T, change func(*remote.Options)) rig {
	t.Helper()
	r := rig{Server: remotetest.New(t, echo), clock: remotetest.NewClock()}
	opt := remote.DefaultOptions()
	if change != nil {
		change(&opt)
	}
	var err error
	r.client, err = remote.New(r.URL()+"/v1/", opt, r.clock.Deps(map[string]string{"OPENAI_API_KEY": key}))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ask makes one call and returns what came back.
func (r rig) ask() (string, error) {
	var reply struct {
		Path string
		Auth bool
		Got  string
	}
	err := r.client.Do(context.Background(), remote.Call{Path: "/echo", Body: "hello", Check: func(b []byte) error {
		return remote.Decode(b, &reply)
	}})
	return fmt.Sprint(reply.Path, " ", reply.Auth, " ", reply.Got), err
}

const proper = "/v1/echo true hello"

func s(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// Every fault that passes is survived, counted by its kind, and waited for as
// the server asked.
func TestPassingFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(r rig) remotetest.Fault
		kind  remote.Kind
		waits []time.Duration
	}{
		{"hang", func(r rig) remotetest.Fault { return r.Hang }, remote.Timeout, []time.Duration{s(0.5)}},
		{"slow bytes", func(r rig) remotetest.Fault { return r.Slow }, remote.Timeout, []time.Duration{s(0.5)}},
		{"reset", func(rig) remotetest.Fault { return remotetest.Reset }, remote.Connection, []time.Duration{s(0.5)}},
		{"cut in mid-reply", func(rig) remotetest.Fault { return remotetest.CutMidReply }, remote.Cut, []time.Duration{s(0.5)}},
		{"429", func(rig) remotetest.Fault { return remotetest.Status(429, "{}") }, remote.RateLimited, []time.Duration{s(0.5)}},
		{"429 seconds", func(rig) remotetest.Fault { return remotetest.Status(429, "{}", "Retry-After", "7") }, remote.RateLimited, []time.Duration{s(7)}},
		{"429 fraction", func(rig) remotetest.Fault { return remotetest.Status(429, "{}", "Retry-After", "0.25") }, remote.RateLimited, []time.Duration{s(0.25)}},
		{"429 milliseconds", func(rig) remotetest.Fault {
			return remotetest.Status(429, "{}", "Retry-After-Ms", "1500", "Retry-After", "9")
		}, remote.RateLimited, []time.Duration{s(1.5)}},
		{"429 date", func(r rig) remotetest.Fault {
			return remotetest.Status(429, "{}", "Retry-After", r.clock.Now().Add(s(11)).Format(http.TimeFormat))
		}, remote.RateLimited, []time.Duration{s(11)}},
		{"429 an hour", func(rig) remotetest.Fault { return remotetest.Status(429, "{}", "Retry-After", "3600") }, remote.RateLimited, []time.Duration{s(0.5)}},
		{"429 nonsense", func(rig) remotetest.Fault { return remotetest.Status(429, "{}", "Retry-After", "-NaN") }, remote.RateLimited, []time.Duration{s(0.5)}},
		{"500", func(rig) remotetest.Fault { return remotetest.Status(500, "oops") }, remote.Server, []time.Duration{s(0.5)}},
		{"502", func(rig) remotetest.Fault { return remotetest.Status(502, "<html>") }, remote.Server, []time.Duration{s(0.5)}},
		{"503", func(rig) remotetest.Fault { return remotetest.Status(503, "", "Retry-After", "2") }, remote.Server, []time.Duration{s(2)}},
		{"408", func(rig) remotetest.Fault { return remotetest.Status(408, "") }, remote.Server, []time.Duration{s(0.5)}},
		{"truncated JSON", func(rig) remotetest.Fault { return remotetest.Truncated }, remote.Reply, []time.Duration{s(0.5)}},
		{"HTML", func(rig) remotetest.Fault { return remotetest.HTML }, remote.Reply, []time.Duration{s(0.5)}},
		{"empty", func(rig) remotetest.Fault { return remotetest.Body("") }, remote.Reply, []time.Duration{s(0.5)}},
		{"duplicate keys", func(rig) remotetest.Fault { return remotetest.Body(`{"got":"a","path":"","g\u006ft":"b"}`) }, remote.Reply, []time.Duration{s(0.5)}},
		{"wrong type", func(rig) remotetest.Fault { return remotetest.Body(`{"got":3}`) }, remote.Reply, []time.Duration{s(0.5)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(o *remote.Options) { o.TimeoutS = 5 })
			if c.kind == remote.Timeout {
				r.client = shortTimeout(t, r)
			}
			r.Next(c.fault(r))
			got, err := r.ask()
			if err != nil || got != proper {
				t.Fatalf("got %q, %v", got, err)
			}
			want := remote.Stats{Calls: 1, Requests: 2, Retries: 1, Faults: map[remote.Kind]int64{c.kind: 1}, Failures: map[remote.Kind]int64{}}
			stats := r.client.Stats()
			stats.Bytes, stats.WaitedS, stats.Latency = 0, 0, remote.Latency{}
			if d := cmp.Diff(want, stats); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.waits, r.clock.Sleeps()); d != "" {
				t.Error(d)
			}
		})
	}
}

// shortTimeout is a client that does not wait long for a real server.
func shortTimeout(t *testing.T, r rig) *remote.Client {
	t.Helper()
	opt := remote.DefaultOptions()
	opt.TimeoutS = 0.2
	c, err := remote.New(r.URL()+"/v1", opt, r.clock.Deps(map[string]string{"OPENAI_API_KEY": key}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What no second try mends is not tried again; the message says what is wrong.
func TestLastingFaults(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host must not be asked") }))
	t.Cleanup(other.Close)
	for _, c := range []struct {
		name  string
		fault remotetest.Fault
		kind  remote.Kind
		want  string
	}{
		{"401", remotetest.Status(401, `{"error":{"message":"Incorrect API key provided: `+key+`. You can find it at https://u:p@x/?k=1"}}`), remote.Auth, `auth, status 401: "Incorrect API key provided: [key]. You can find it at https://[redacted]@x/?[redacted]"`},
		{"401 masked", remotetest.Status(401, `{"error":{"message":"bad key sk-te****cdef"}}`), remote.Auth, `auth, status 401: "bad key [key]"`},
		{"403", remotetest.Status(403, `{"message":"no"}`), remote.Auth, `auth, status 403: "no"`},
		{"404", remotetest.Status(404, `{"error":"model 'm' not found"}`), remote.Rejected, `rejected, status 404: "model 'm' not found"`},
		{"400", remotetest.Status(400, `{"detail":"too long"}`), remote.Rejected, `rejected, status 400: "too long"`},
		{"500 for good", remotetest.Status(500, "no", "X-Should-Retry", "false"), remote.Server, `server, status 500: "no"`},
		{"redirect", remotetest.RedirectTo(other.URL + "/v1/echo?token=" + key), remote.Redirect, `redirect: must not lead to another host (got ` + other.URL + `)`},
		{"redirect that loses the body", remotetest.Status(302, "", "Location", "/v1/x"), remote.Redirect, `redirect: must keep the request (got a redirect to /v1/x by GET)`},
		{"redirect in a circle", nil, remote.Redirect, `redirect: must lead to a reply (got three redirects)`},
		{"100 MB", remotetest.Huge(100 << 20), remote.TooLarge, `too large, status 200: reply must have at most 64 MB`},
		{"key in the reply", remotetest.Body(`{"got":"` + key + `"}`), remote.Reply, `reply, status 200: reply must not repeat the key: "{\"got\":\"[key]\"}"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, nil)
			if c.fault == nil {
				c.fault = remotetest.RedirectTo("/v1/echo")
			}
			r.Always(c.fault)
			_, err := r.ask()
			var e *remote.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Transient || err.Error() != r.URL()+"/v1/echo: "+c.want {
				t.Errorf("got  %v\nwant %s", err, r.URL()+"/v1/echo: "+c.want)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, r.client), key) {
				t.Error("must not show the key")
			}
			if n := len(r.clock.Sleeps()); n != 0 {
				t.Errorf("got %d waits, want none", n)
			}
		})
	}
}

// A server that is gone is given up after all attempts; then later calls
// fail at once, and one that succeeds ends that.
func TestServerDiesAndComesBack(t *testing.T) {
	r := newRig(t, func(o *remote.Options) { o.Concurrency = 1 })
	r.Stop()
	for i := range 4 {
		if _, err := r.ask(); err == nil || !strings.Contains(err.Error(), ": connection: ") || !strings.HasSuffix(err.Error(), " (after 8 attempts)") {
			t.Fatalf("call %d: got %v", i, err)
		}
	}
	waits := r.clock.Sleeps()
	if want := []time.Duration{s(0.5), s(1), s(2), s(4), s(8), s(8), s(8)}; !slices.Equal(waits[:7], want) {
		t.Errorf("got waits %v, want %v", waits[:7], want)
	}
	_, err := r.ask()
	var e *remote.Error
	if !errors.As(err, &e) || e.Kind != remote.Down || len(r.clock.Sleeps()) != 28 {
		t.Errorf("got %v and %d waits", err, len(r.clock.Sleeps()))
	}
	r.Start()
	r.clock.Sleep(t.Context(), s(9))
	for i := range 2 {
		if got, err := r.ask(); err != nil || got != proper {
			t.Errorf("call %d after the outage: got %q, %v", i, got, err)
		}
	}
	stats := r.client.Stats()
	if stats.Failures[remote.Connection] != 4 || stats.Failures[remote.Down] != 1 || stats.Requests != 34 {
		t.Errorf("got %+v", stats)
	}
}

// A server that comes back while the client waits is a delay and nothing more.
func TestOutageWithinOneCall(t *testing.T) {
	r := newRig(t, nil)
	r.Stop()
	r.clock.During(func(d time.Duration) {
		if d == s(4) {
			r.Start()
		}
	})
	if got, err := r.ask(); err != nil || got != proper {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestGivesUpInTime(t *testing.T) {
	r := newRig(t, func(o *remote.Options) { o.Attempts, o.GiveUpS = 1000, 60 })
	r.Always(remotetest.Status(429, "{}", "Retry-After", "20"))
	if _, err := r.ask(); err == nil || !strings.HasSuffix(err.Error(), "(after 4 attempts)") {
		t.Errorf("got %v", err)
	}
}

func TestCallerCancels(t *testing.T) {
	r := newRig(t, nil)
	r.Always(remotetest.Status(503, ""))
	ctx, cancel := context.WithCancel(t.Context())
	r.clock.During(func(time.Duration) { cancel() })
	err := r.client.Do(ctx, remote.Call{Path: "/echo", Check: func([]byte) error { return nil }})
	if !errors.Is(err, context.Canceled) || r.client.Stats().Failures[remote.Canceled] != 1 {
		t.Errorf("got %v", err)
	}
}

// One request a second, after the first; tokens likewise.
func TestRateLimits(t *testing.T) {
	for name, change := range map[string]func(*remote.Options){
		"requests": func(o *remote.Options) { o.RequestsPerMinute = 60 },
		"tokens":   func(o *remote.Options) { o.TokensPerMinute = 600 },
	} {
		r := newRig(t, change)
		begun := r.clock.Now()
		for range 5 {
			if err := r.client.Do(t.Context(), remote.Call{Path: "/echo", Body: 1, Tokens: 10, Check: func([]byte) error { return nil }}); err != nil {
				t.Fatal(err)
			}
		}
		if took := r.clock.Now().Sub(begun); took != s(4) {
			t.Errorf("%s: 5 calls took %v, want 4s", name, took)
		}
	}
}

func TestNew(t *testing.T) {
	for base, want := range map[string]string{
		"localhost:80":             `url: must be http://HOST or https://HOST (got "localhost:80")`,
		"http://":                  `url: must be http://HOST or https://HOST (got "http://")`,
		"http://u:secret@h/v1":     `url: must not have a user, a password or a query, keys belong into the environment (got "http://[redacted]@h/v1")`,
		"https://h/v1?api_key=abc": `url: must not have a user, a password or a query, keys belong into the environment (got "https://h/v1?[redacted]")`,
		"http://u:se%zz@h/":        `url: must be http://HOST or https://HOST (got "http://[redacted]@h/")`,
	} {
		if _, err := remote.New(base, remote.DefaultOptions(), remote.Deps{}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", base, err, want)
		}
	}
	_, err := remote.New("http://h", remote.DefaultOptions(), remote.Deps{Getenv: func(string) string { return "two\nlines" }})
	if err == nil || err.Error() != "key_env: OPENAI_API_KEY must hold a key of printable characters" {
		t.Errorf("got %v", err)
	}
}

func TestParseModel(t *testing.T) {
	for spec, want := range map[string][3]string{
		"gpt-4o-mini":                   {"gpt-4o-mini", "https://api.openai.com/v1"},
		"a/b@c:1@http://h:1":            {"a/b@c:1", "http://h:1/v1"},
		"m@https://h/api/v3/":           {"m", "https://h/api/v3"},
		"":                              {2: `must be MODEL@URL or MODEL (got "")`},
		"http://h:1":                    {2: `must be MODEL@URL or MODEL (got "http://h:1")`},
		"m@http://u:secret@h?key=hello": {2: `url: must not have a user, a password or a query, keys belong into the environment (got "http://[redacted]@h?[redacted]")`},
	} {
		model, base, err := remote.ParseModel(spec)
		got := [3]string{model, base}
		if err != nil {
			got[2] = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", spec, got, want)
		}
	}
}

// Each item is asked once, never more at a time than allowed.
func TestEach(t *testing.T) {
	r := newRig(t, func(o *remote.Options) { o.Concurrency = 3 })
	done := make([]int, 20)
	r.client.Each(len(done), func(i int) { done[i]++ })
	for i, n := range done {
		if n != 1 {
			t.Errorf("item %d: got %d calls", i, n)
		}
	}
	r.client.Each(0, func(int) { t.Error("must not be called") })
}
