//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"pgsrm/remote/remotetest"
)

// server is pgsrm serve as a process of its own.
type server struct {
	t    *testing.T
	args []string
	url  string
	cmd  *exec.Cmd
	log  bytes.Buffer // read it once the process has ended
}

// process starts a server whose embedder and cache are others.
func process(t *testing.T, vectors, cache string, args ...string) *server {
	t.Helper()
	s := &server{t: t, args: append([]string{"serve", "--json", "--task", "opposites", "--reward", "0.5*centered + 0.5*chrf", "--embedder", "openai:m@" + vectors, "--cache", cache}, args...)}
	s.start("127.0.0.1:0")
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	return s
}

// start starts the process, which must listen.
func (s *server) start(listen string) {
	s.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(exe, append(s.args, "--listen", listen)...)
	s.cmd.Args[0] = "pgsrm" // as TestMain knows it
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var first struct{ URL string }
	if err != nil || json.Unmarshal([]byte(line), &first) != nil {
		s.cmd.Wait()
		s.t.Fatalf("%q: %v\n%s", line, err, s.log.String())
	}
	s.url = first.URL
}

// again starts the process at the address that it had.
func (s *server) again() {
	s.t.Helper()
	s.start(strings.TrimPrefix(s.url, "http://"))
}

// stop ends the process with SIGTERM; it must end well and have told of no fault of its own.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("%v\n%s", err, s.log.String())
	}
	if log := s.log.String(); strings.Contains(log, "panic") {
		s.t.Error(log)
	}
}

// value is a number of /metrics.
func (s *server) value(name string) float64 {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	_, text, err := remotetest.Ask(http.DefaultClient, r)
	if err != nil {
		s.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		s.t.Fatalf("no %s in\n%s", name, text)
	}
	x, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return x
}

// settles waits until a number of /metrics is at most so large.
func (s *server) settles(name string, most float64) {
	s.t.Helper()
	var x float64
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if x = s.value(name); x <= most {
			return
		}
	}
	s.t.Errorf("%s is %v, it was %v", name, x, most)
}

// engine is a client as engines are: it asks again what failed.
type engine struct {
	client http.Client
	tries  int
	pause  func(try int) time.Duration
	next   func(try int) string // address of a server
}

// openrlhf asks as OpenRLHF does: a new connection for each try, five of them a second
// apart, here through a name that stands for both servers.
func openrlhf(next func(try int) string) *engine {
	return &engine{http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 180 * time.Second}, 5, func(int) time.Duration { return time.Second }, next}
}

// slime asks as slime does: over connections that stay open, ten tries.
func slime(url string) *engine {
	return &engine{http.Client{Transport: &http.Transport{MaxConnsPerHost: 64, MaxIdleConnsPerHost: 64}, Timeout: 120 * time.Second}, 10,
		func(try int) time.Duration { return min(time.Second<<try, 30*time.Second) }, func(int) string { return url }}
}

// ask posts a body until it is answered; failures are what it met before.
func (e *engine) ask(path, body string) (reply string, failures int, err error) {
	for try := range e.tries {
		if try > 0 {
			time.Sleep(e.pause(try - 1))
		}
		r, bad := http.NewRequest(http.MethodPost, e.next(try)+path, strings.NewReader(body))
		if bad != nil {
			return "", try, bad
		}
		var got *http.Response
		if got, reply, err = remotetest.Ask(&e.client, r); err == nil && got.StatusCode < 400 {
			return reply, try, nil
		}
		if err == nil {
			err = fmt.Errorf("%d %s", got.StatusCode, reply)
		}
	}
	return "", e.tries, err
}

// scored are the rewards that pgsrm score gives to answers. [len(responses)]
func scored(t *testing.T, vectors string, responses []string) []float64 {
	t.Helper()
	var in bytes.Buffer
	for _, response := range responses {
		fmt.Fprintf(&in, `{"prompt":"p","response":%q,"reference":"cold"}`+"\n", response)
	}
	var stdout, stderr bytes.Buffer
	args := []string{"score", "--cache", "off", "--task", "opposites", "--reward", "0.5*centered + 0.5*chrf", "--embedder", "openai:m@" + vectors}
	if code := execute(args, &in, &stdout, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	var out []float64
	for line := range strings.Lines(stdout.String()) {
		var one struct{ Reward *float64 }
		if err := json.Unmarshal([]byte(line), &one); err != nil || one.Reward == nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, *one.Reward)
	}
	return out
}

// answer is the i-th of many.
func answer(i int) string {
	return fmt.Sprintf("%s day %d", []string{"cold", "cool", "warm", "mild"}[i%4], i)
}

// shared is a Redis: the program that PGSRM_REDIS_SERVER names, else one of this process.
func shared(t *testing.T) string {
	t.Helper()
	path := os.Getenv("PGSRM_REDIS_SERVER")
	if path == "" {
		return "redis://" + miniredis.RunT(t).Addr()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
			return "redis://127.0.0.1:" + port
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// Two servers share a cache; one is killed again and again under load and comes back. Clients
// that ask as the engines do lose no sample, and every reward is that of pgsrm score.
func TestServeReplicas(t *testing.T) {
	vectors := remotetest.New(t, remotetest.Embeddings(16)).URL()
	cache := shared(t)
	replicas := []*server{process(t, vectors, cache), process(t, vectors, cache)}
	urls := []string{replicas[0].url, replicas[1].url}
	stop := make(chan struct{})
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[int][]float64{}
	failures := 0
	var turn atomic.Int64
	load := func(e *engine, path, body, before, after string) {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				i := int(turn.Add(1)) / 3 // each answer is asked for three times
				reply, failed, err := e.ask(path, fmt.Sprintf(body, answer(i)))
				text, ok := strings.CutPrefix(reply, before)
				text, _, found := strings.Cut(text, after)
				x, bad := strconv.ParseFloat(text, 64)
				if err != nil || !ok || !found || bad != nil {
					t.Errorf("answer %d is lost: %q, %v", i, reply, err)
					return
				}
				mu.Lock()
				got[i] = append(got[i], x)
				failures += failed
				mu.Unlock()
			}
		})
	}
	for k := range 8 {
		load(openrlhf(func(try int) string { return urls[(k+try)%2] }), "/openrlhf", `{"query":["p%s"],"prompts":["p"],"labels":["cold"]}`, `{"rewards":[`, `]`)
		load(slime(urls[k%2]), "/slime", `{"prompt":"p","response":"%s","label":"cold"}`, ``, "\n")
	}
	answered := func(more int) { // waits until so many more answers are there
		t.Helper()
		count := func() int { mu.Lock(); defer mu.Unlock(); return len(got) }
		for want, end := count()+more, time.Now().Add(time.Minute); count() < want; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d answers, want %d", count(), want)
			}
		}
	}
	for k := range 4 {
		answered(100)
		victim := replicas[k%2]
		victim.cmd.Process.Kill()
		victim.cmd.Wait()
		answered(20) // by the other one
		victim.again()
	}
	answered(100)
	close(stop)
	all.Wait()
	for _, s := range replicas {
		s.stop()
	}
	var numbers []int
	var responses []string
	for i := range got {
		numbers, responses = append(numbers, i), append(responses, answer(i))
	}
	for k, want := range scored(t, vectors, responses) {
		for _, x := range got[numbers[k]] {
			if x != want {
				t.Errorf("%q: %v, want %v", responses[k], x, want)
			}
		}
	}
	if failures == 0 {
		t.Error("no client met a server that was away")
	}
	t.Logf("%d answers, %d tries that failed", len(got), failures)
}

// A cache that can be written no more changes no reward and stops no server.
func TestServeFullDisk(t *testing.T) {
	vectors := remotetest.New(t, remotetest.Embeddings(16)).URL()
	s := &server{t: t, args: []string{"serve", "--json", "--task", "opposites", "--reward", "0.5*centered + 0.5*chrf", "--embedder", "openai:m@" + vectors, "--cache", t.TempDir() + "/cache.db"}}
	limit := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := limit
	small.Cur = 128 << 10
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	s.start("127.0.0.1:0") // which takes the limit over
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	const n = 3000
	var responses, samples []string
	for i := range n {
		responses = append(responses, answer(i))
		samples = append(samples, fmt.Sprintf(`{"prompt":"p","response":%q,"reference":"cold"}`, answer(i)))
	}
	want := scored(t, vectors, responses)
	for at := 0; at < n; at += 100 {
		var reply struct{ Rewards []*float64 }
		text := asked(t, s.url+"/v1/reward", `{"samples":[`+strings.Join(samples[at:at+100], ",")+`]}`)
		if err := json.Unmarshal([]byte(text), &reply); err != nil || len(reply.Rewards) != 100 {
			t.Fatalf("%.200s: %v", text, err)
		}
		for k, x := range reply.Rewards {
			if x == nil || *x != want[at+k] {
				t.Fatalf("%q: %v, want %v", responses[at+k], x, want[at+k])
			}
		}
	}
	s.stop()
	if log := s.log.String(); !strings.Contains(log, "cache") {
		t.Errorf("the log must say that the cache cannot be written:\n%s", log)
	}
}

// faultTime is how long TestServeFaults lasts; PGSRM_FAULT_TIME sets another time.
const faultTime = 6 * time.Second

// Under mixed load, while embedder and cache go away, rewards are read anew and a thousand
// clients send nothing, every answer is one that docs/serve.md lists, no reward is wrong, and in the end the server
// is as it was.
func TestServeFaults(t *testing.T) {
	long := faultTime
	if text := os.Getenv("PGSRM_FAULT_TIME"); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	embedder := remotetest.New(t, remotetest.Embeddings(16))
	redis := miniredis.RunT(t)
	s := process(t, embedder.URL(), "redis://"+redis.Addr())
	const known = 256
	var responses []string
	for i := range known {
		responses = append(responses, answer(i))
	}
	want := scored(t, embedder.URL(), responses)
	fresh := map[int]float64{} // some of the new answers
	var mu sync.Mutex
	var turn atomic.Int64
	turn.Store(known)
	answers := map[string]int{}

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 3 * time.Minute}
	post := func(ctx context.Context, path string, body io.Reader) (int, string, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, body)
		if err != nil {
			return 0, "", err
		}
		reply, text, err := remotetest.Ask(client, r)
		if err != nil {
			return 0, "", err
		}
		if kind := reply.Header.Get("Content-Type"); kind != "application/json" || !json.Valid([]byte(text)) {
			t.Errorf("%s: %s, %.100q", path, kind, text)
		}
		mu.Lock()
		answers[fmt.Sprintf("%s %d", path, reply.StatusCode)]++
		mu.Unlock()
		return reply.StatusCode, text, nil
	}
	must := func(path, body string, status int) string {
		got, text, err := post(t.Context(), path, strings.NewReader(body))
		for try := 0; try < 5 && (err != nil || got == http.StatusServiceUnavailable); try++ { // as engines do
			got, text, err = post(t.Context(), path, strings.NewReader(body))
		}
		if err != nil || got != status {
			t.Errorf("%s %.60s: %d %.200s, %v, want %d", path, body, got, text, err, status)
		}
		return text
	}
	letters, row := strings.Repeat("abcdefg", 1<<20/7), strings.Repeat(`{"token":1.5e-3,"top":[1,2,3]},`, 20_000)
	kinds := []func(){
		func() { // known answers
			i := rand.IntN(known)
			if got := must("/slime", fmt.Sprintf(`{"prompt":"p","response":%q,"label":"cold"}`, answer(i)), 200); got != floatText(want[i])+"\n" {
				t.Errorf("%q: %s, want %v", answer(i), got, want[i])
			}
		},
		func() { // new ones
			i := int(turn.Add(1))
			x, err := strconv.ParseFloat(strings.TrimSpace(must("/slime", fmt.Sprintf(`{"prompt":"p","response":%q,"label":"cold"}`, answer(i)), 200)), 64)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(fresh) < 5000 {
				fresh[i] = x
			}
		},
		func() { // many together, with little time: all that may fail says so
			var list []string
			first := int(turn.Add(64)) - 64
			for k := range 64 {
				list = append(list, fmt.Sprintf(`{"prompt":"p","response":%q,"reference":"cold"}`, answer(first+k)))
			}
			text := must("/v1/reward", `{"timeout_s":2,"samples":[`+strings.Join(list, ",")+`]}`, 200)
			var reply struct {
				Results []struct {
					Reward *float64
					Error  *struct{ Code string }
				}
			}
			if err := json.Unmarshal([]byte(text), &reply); err != nil || len(reply.Results) != 64 {
				t.Errorf("%.100s: %v", text, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for k, r := range reply.Results {
				switch {
				case r.Error != nil && (r.Error.Code == "unavailable" || r.Error.Code == "deadline"):
					answers["/v1/reward "+r.Error.Code]++
				case r.Reward == nil:
					t.Errorf("%+v", r)
				case len(fresh) < 5000:
					fresh[first+k] = *r.Reward
				}
			}
		},
		func() { // OpenRLHF
			i := rand.IntN(known)
			text := must("/openrlhf", fmt.Sprintf(`{"query":["p%s<|im_end|>","q"],"prompts":["p","r"],"labels":["cold",""]}`, answer(i)), 200)
			if !strings.HasPrefix(text, `{"rewards":[`+floatText(want[i])+`,0.0],`) || !strings.Contains(text, `"pgsrm_unscored":[0.0,1.0]`) {
				t.Errorf("%q: %s, want %v", answer(i), text, want[i])
			}
		},
		func() { // a large row of Gym comes back as it was
			i := rand.IntN(known)
			response := fmt.Sprintf(`{"output":[{"type":"message","role":"assistant","content":%q}],"log":[%s0]}`, answer(i), row)
			text := must("/verify", `{"responses_create_params":{"input":"p"},"expected_answer":"cold","response":`+response+`}`, 200)
			if !strings.Contains(text, `"response":`+response+`,"reward":`+floatText(want[i])+",") {
				t.Errorf("%q: %.100s, want %v", answer(i), text, want[i])
			}
		},
		func() { must("/slime", `{"prompt":`, 400) },
		func() { must("/v1/reward", `{"samples":[`+strings.Repeat("[", 100_000), 400) },
		func() { must("/openrlhf", `{"query":[`+strings.Repeat(`"",`, 100_000)+`""],"prompts":[]}`, 400) },
		func() { // a word of a million letters
			if rand.IntN(8) == 0 {
				must("/slime", `{"prompt":"p","response":"`+letters+`","label":"cold"}`, 200)
			}
		},
		func() { // 100 MB
			if rand.IntN(64) == 0 {
				if status, text, err := post(t.Context(), "/slime", io.LimitReader(letter{}, 100<<20)); err == nil && status != 413 {
					t.Errorf("100 MB: %d %.100s", status, text)
				}
			}
		},
		func() { // clients that are gone
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Microsecond)
			defer cancel()
			post(ctx, "/slime", strings.NewReader(fmt.Sprintf(`{"prompt":"p","response":%q,"label":"cold"}`, answer(int(turn.Add(1))))))
		},
		func() { // and in the middle of a body
			c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprint(c, "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{\"response")
			c.Close()
		},
	}
	kinds[0]()
	goroutines := s.value("go_goroutines")
	stop := make(chan struct{})
	var all sync.WaitGroup
	for k := range 2 * len(kinds) {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					kinds[k%len(kinds)]()
				}
				if k%len(kinds) > 3 {
					time.Sleep(20 * time.Millisecond) // others should have their turn, too
				}
			}
		})
	}
	var idle []net.Conn // open their mouths and say nothing
	for i := range 1000 {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, []string{"POST /slime HTTP/1.1\r\n", "POST /slime HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"}[i%2])
		idle = append(idle, c)
	}
	const steps = 100 // of the time: a machine that stands still meanwhile, as one that sleeps, makes none
	step := 0
	begun := time.Now()
	until := func(share float64) (least float64) { // waits for a share of the time; least is that of the memory
		least = math.Inf(1)
		for ; step < int(share*steps); step++ {
			time.Sleep(long / steps)
			least = min(least, s.value("process_resident_memory_bytes")/1e6)
			if step%(steps/20) == 0 {
				t.Logf("%4.0f s: at least %.0f MB, heap %.0f MB, %.0f goroutines, %d answers of the embedder", time.Since(begun).Seconds(), least, s.value("go_memstats_heap_inuse_bytes")/1e6, s.value("go_goroutines"), embedder.Requests())
			}
		}
		return least
	}
	until(0.2)
	embedder.Stop()
	until(0.3) // a minute in a run of ten
	embedder.Start()
	until(0.4)
	redis.Close()
	until(0.5)
	if err := redis.Restart(); err != nil {
		t.Fatal(err)
	}
	middle := until(0.7)
	for k := range 5 {
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		until(0.7 + 0.02*float64(k+1))
	}
	if n := s.value(`pgsrm_reloads_total{outcome="done"}`); n < 1 {
		t.Errorf("%v reloads", n)
	}
	end := until(1)
	close(stop)
	all.Wait()
	for _, c := range idle {
		c.Close()
	}
	client.CloseIdleConnections()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	s.settles("pgsrm_samples_in_flight", 0)
	s.settles("pgsrm_connections", 1)
	s.settles("go_goroutines", goroutines+2)
	if long >= 10*time.Minute && end > 1.15*middle {
		t.Errorf("at least %.0f MB in the middle, %.0f MB in the end", middle, end)
	}
	var numbers []int
	responses = nil
	for i := range fresh {
		numbers, responses = append(numbers, i), append(responses, answer(i))
	}
	for k, x := range scored(t, embedder.URL(), responses) {
		if got := fresh[numbers[k]]; got != x {
			t.Errorf("%q: %v, want %v", responses[k], got, x)
		}
	}
	t.Log(answers)
	s.stop()
}

// floatText is a number as the server writes it.
func floatText(x float64) string {
	text := strconv.FormatFloat(x, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}

// letter is a text without an end.
type letter struct{}

func (letter) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'a'
	}
	return len(b), nil
}
