package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDecode(t *testing.T) {
	for reply, want := range map[string]string{
		`{"a":1}`: "",
		" \n{\"a\":1,\"b\":[{\"a\":1},{\"a\":2}],\"c\":{\"a\":[]}}": "",
		`{"a":1,"b":"\"a\":{\\","c":"{"}`:                           "",
		"":                                                          "reply must be JSON (got nothing)",
		"<html>":                                                    "reply must be JSON (got a page of HTML)",
		`{"a":1`:                                                    "reply must be JSON (unexpected end of JSON input)",
		`{"a":1} {"a":2}`:                                           "reply must be JSON (invalid character '{' after top-level value)",
		`{"a":1,"a":2}`:                                             `reply must have each key once (got "a" twice)`,
		`{"x":[1,{"b":1,"\u0062":2}]}`:                              `reply must have each key once (got "b" twice)`,
		`{"a":"1"}`:                                                 "reply must have the documented form (cannot unmarshal string into Go struct field .A of type int)",
	} {
		var v struct{ A int }
		got := ""
		if err := Decode([]byte(reply), &v); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", reply, got, want)
		}
	}
}

// repeats is duplicateKey by the tokens of the decoder.
func repeats(d *json.Decoder) bool {
	tok, err := d.Token()
	if err != nil {
		return false
	}
	found := false
	seen := map[string]bool{}
	for d.More() && (tok == json.Delim('{') || tok == json.Delim('[')) {
		if tok == json.Delim('{') {
			key, _ := d.Token()
			name, _ := key.(string)
			found = found || seen[name]
			seen[name] = true
		}
		if repeats(d) {
			found = true
		}
	}
	if tok == json.Delim('{') || tok == json.Delim('[') {
		d.Token()
	}
	return found
}

func TestKeysTwiceAgainstTheDecoder(t *testing.T) {
	var value func(t *rapid.T, depth int) string
	value = func(t *rapid.T, depth int) string {
		kind := rapid.IntRange(0, 4).Draw(t, "kind")
		if depth == 0 || kind > 2 {
			return rapid.SampledFrom([]string{"1", `"a"`, `"{\"a\":,[]}"`, "null", `"\\"`, "[]", "{}"}).Draw(t, "leaf")
		}
		var parts []string
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			part := value(t, depth-1)
			if kind > 0 {
				part = rapid.SampledFrom([]string{`"a"`, `"b"`, `"\u0061"`, `"c\""`}).Draw(t, "key") + " : " + part
			}
			parts = append(parts, part)
		}
		if kind > 0 {
			return "{" + strings.Join(parts, " , ") + "}"
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(value(t, 4))
		if err := checkShape(text); (err != nil) != repeats(json.NewDecoder(bytes.NewReader(text))) {
			t.Errorf("%s: got %v", text, err)
		}
	})
}

// A reply that is small on the wire and large in memory is refused.
func TestDecodeIsBounded(t *testing.T) {
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"%d":0,`, i)
		}
		return "{" + b.String() + `"x":0}`
	}
	for name, c := range map[string]struct{ reply, want string }{
		"depth":           {strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), ""},
		"beyond depth":    {strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), "reply must have at most 64 levels"},
		"objects too":     {strings.Repeat(`{"a":`, maxDepth+1) + "1" + strings.Repeat("}", maxDepth+1), "reply must have at most 64 levels"},
		"items":           {"[" + strings.Repeat("0,", maxItems-1) + "0]", ""},
		"beyond items":    {"[" + strings.Repeat("0,", maxItems) + "0]", "reply must have at most 131072 items in a list"},
		"keys":            {keys(maxKeys - 1), ""},
		"beyond keys":     {keys(maxKeys), "reply must have at most 4096 keys in an object"},
		"long key, twice": {`{"` + strings.Repeat("k", 1000) + `":1,"` + strings.Repeat("k", 1000) + `":2}`, `reply must have each key once (got "` + strings.Repeat("k", 80) + `" twice)`},
	} {
		var v any
		got := ""
		if err := Decode([]byte(c.reply), &v); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"\\\""}],"a":2}`, `[[],{}]`, `"`, `{"\ud800":1,"\ud801":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		var v any
		err := Decode(reply, &v)
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("error must be one line (got %q)", err)
		}
		if err == nil && repeats(json.NewDecoder(bytes.NewReader(reply))) {
			t.Errorf("%s: a key stands twice", reply)
		}
	})
}

func TestBackoff(t *testing.T) {
	for n, want := range []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 8 * time.Second} {
		if n == 0 {
			continue
		}
		if got := backoff(n, 0); got != want {
			t.Errorf("attempt %d: got %v, want %v", n, got, want)
		}
		if got := backoff(n, 1); got != want*3/4 {
			t.Errorf("attempt %d: got %v at most jitter, want %v", n, got, want*3/4)
		}
	}
	if got := backoff(1000, 0.5); got != 7*time.Second {
		t.Errorf("got %v, want 7s", got)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "0.5": 500 * time.Millisecond, "120": 2 * time.Minute, "121": 0, "-1": 0, "NaN": 0, "Inf": 0, "soon": 0, "1e999": 0,
		"Fri, 02 Jan 2026 12:00:09 GMT": 9 * time.Second, "Fri, 02 Jan 2026 11:00:00 GMT": 0, "Sat, 03 Jan 2026 12:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

// Within 5 %, for durations of any size.
func TestLatencyQuantiles(t *testing.T) {
	m := newMeter()
	for i := 1; i <= 1000; i++ {
		m.success(time.Duration(i)*time.Millisecond, 10)
	}
	got := m.snapshot()
	for name, c := range map[string][2]float64{"p50": {got.Latency.P50, 0.5}, "p90": {got.Latency.P90, 0.9}, "p99": {got.Latency.P99, 0.99}, "max": {got.Latency.Max, 1}} {
		if math.Abs(c[0]/c[1]-1) > 0.05 {
			t.Errorf("%s: got %g, want %g within 5%%", name, c[0], c[1])
		}
	}
	if got.Bytes != 10000 {
		t.Errorf("got %d bytes", got.Bytes)
	}
	m = newMeter()
	m.success(0, 0)
	m.success(48*time.Hour, 0)
	if l := m.snapshot().Latency; l.P50 > 1e-5 || l.Max != 48*3600 {
		t.Errorf("got %+v", l)
	}
}

func TestRedactAndClean(t *testing.T) {
	for text, want := range map[string]string{
		"no address, user@host? yes":                     "no address, user@host? yes",
		"openai:m@https://u:p@h/v1?k=v#x and http://a@b": "openai:m@https://[redacted]@h/v1?[redacted]#x and http://[redacted]@b",
	} {
		if got := Redact(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for text, want := range map[string]string{
		"line\none\ttwo\x00\xff":                      "line one two",
		"key sk-proj-abcdefgh0123 and hf_abcdefghijk": "key [key] and [key]",
		"Authorization: Bearer abc":                   "Authorization: [key]",
		"secret word":                                 "[key] word",
		strings.Repeat("x", 200):                      strings.Repeat("x", 160) + "...",
	} {
		if got := clean(text, "secret"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestMessage(t *testing.T) {
	for reply, want := range map[string]string{
		`{"error":{"message":"a","code":null}}`:       "a",
		`{"error":"b","error_type":"overloaded"}`:     "b",
		`{"object":"error","message":"c","code":429}`: "c",
		`{"detail":"d"}`:         "d",
		`{"detail":[{"loc":1}]}`: `{"detail":[{"loc":1}]}`,
		"plain":                  "plain",
	} {
		if got := message([]byte(reply)); got != want {
			t.Errorf("%s: got %q, want %q", reply, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	for want, change := range map[string]func(*Options){
		"attempts: must be between 1 and 1000 (got 0)":                                func(o *Options) { o.Attempts = 0 },
		"concurrency: must be between 1 and 1024 (got 0)":                             func(o *Options) { o.Concurrency = 0 },
		"timeout_s: must be between 0.001 and 31536000 (got 0)":                       func(o *Options) { o.TimeoutS = 0 },
		"timeout_s: must be between 0.001 and 31536000 (got NaN)":                     func(o *Options) { o.TimeoutS = math.NaN() },
		"give_up_s: must be between 0 and 31536000 (got -1)":                          func(o *Options) { o.GiveUpS = -1 },
		"max_reply_mb: must be between 0.001 and 65536 (got +Inf)":                    func(o *Options) { o.MaxReplyMB = math.Inf(1) },
		"key_env: must be the name of an environment variable in capitals, not a key": func(o *Options) { o.KeyEnv = "sk-0123456789" },
		"requests_per_minute: must be between 0 and 1000000000 (got -5)":              func(o *Options) { o.RequestsPerMinute = -5 },
		"tokens_per_minute: must be between 0 and 1000000000000 (got -1)":             func(o *Options) { o.TokensPerMinute = -1 },
	} {
		o := DefaultOptions()
		change(&o)
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func BenchmarkCheckShape(b *testing.B) {
	row := "[" + strings.Repeat("0.123456789,", 1535) + "1]"
	text := []byte(`{"data":[` + strings.Repeat(`{"index":0,"embedding":`+row+`},`, 99) + `{}]}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		checkShape(text)
	}
}
