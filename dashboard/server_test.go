package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/run"
)

// looked is a server that has looked once at a folder.
func looked(folder string, o Options) *Server {
	s := New(folder, o)
	s.look()
	return s
}

// look is one pass of Run.
func (s *Server) look() {
	s.board.search()
	s.board.follow(context.Background())
}

// ask sends a request and returns the reply.
func ask(t *testing.T, s http.Handler, path string, change ...func(r *http.Request)) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "127.0.0.1:8717"
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

// read decodes a reply.
func read[T any](t *testing.T, s http.Handler, path string) T {
	t.Helper()
	answer := ask(t, s, path)
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v T
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s: %s", path, answer.Status, text)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v: %.200s", path, err, text)
	}
	return v
}

type listReply struct {
	Of      int
	Problem string
	Runs    []row
	States  map[string]int
}

type chartReply struct {
	X     []float64
	Lines []struct {
		Key, Label string
		Slot, Runs int
		Y, Lo, Hi  []*float64
	}
}

// Runs are listed with how they stand, grouped by configuration, and drawn.
func TestRuns(t *testing.T) {
	dir := t.TempDir()
	for seed := 1; seed <= 2; seed++ {
		made{arm: "pgsrm", seed: seed, rows: 250, finished: true}.write(t, filepath.Join(dir, "pgsrm", fmt.Sprint("seed-", seed)))
	}
	made{arm: "binary", seed: 1, rows: 100, steps: 400, warnings: []run.Warning{{Step: 7, Text: "look"}}}.write(t, filepath.Join(dir, "binary", "seed-1"))
	s := looked(dir, Options{})

	list := read[listReply](t, s, "/api/runs?columns=schedule.lr,seed")
	if list.Of != 3 || len(list.Runs) != 3 || list.States[run.Finished] != 2 || list.States[run.Interrupted] != 1 {
		t.Fatalf("list: %+v", list)
	}
	b := list.Runs[0]
	if b.Name != "binary/seed-1" || b.Arm != "binary" || b.Step != 100 || b.Steps != 400 || b.Episode != 12800 || b.Warnings != 1 || b.Speed < 1000 || b.Seconds != 12.5 || len(b.Eval) != 4 || !slices.Equal(b.Columns, []string{"0.0003", "1"}) {
		t.Errorf("run: %+v", b)
	}
	if list.Runs[1].Group != list.Runs[2].Group || b.Group == list.Runs[1].Group {
		t.Errorf("groups: %+v", list.Runs)
	}

	c := read[chartReply](t, s, "/api/chart?metric=reward")
	if len(c.Lines) != 2 || c.Lines[0].Label != "binary" || c.Lines[1].Label != "pgsrm" || c.Lines[1].Runs != 2 || c.Lines[0].Slot == c.Lines[1].Slot {
		t.Fatalf("chart: %+v", c.Lines)
	}
	last := len(c.X) - 1
	if c.X[last] != 250*madeBatch || c.Lines[0].Y[last] != nil || c.Lines[1].Y[last] == nil || *c.Lines[1].Lo[last] > *c.Lines[1].Y[last] || *c.Lines[1].Hi[last] < *c.Lines[1].Y[last] {
		t.Errorf("chart: ends at %v", c.X[last])
	}
	each := read[chartReply](t, s, "/api/chart?metric=reward&group=none&x=step&from=10&to=60&q=state=finished")
	if len(each.Lines) != 2 || each.X[0] != 10 || each.X[len(each.X)-1] != 60 {
		t.Errorf("chart of each: %d lines, %v", len(each.Lines), each.X)
	}
	if seconds := read[chartReply](t, s, "/api/chart?metric=reward&x=seconds"); seconds.X[len(seconds.X)-1] != 250*0.125 {
		t.Errorf("seconds: got %v", seconds.X[len(seconds.X)-1])
	}
	if answers := read[struct {
		Step    int
		Steps   []int
		Samples []sample
	}](t, s, "/api/samples?id="+b.ID); answers.Step != 100 || !slices.Equal(answers.Steps, []int{1, 100}) || len(answers.Samples) != 2 || !answers.Samples[0].Right || answers.Samples[1].Right {
		t.Errorf("samples: %+v", answers)
	}
	d := read[struct {
		Runs []string
		Keys []struct {
			Key    string
			Values []string
		}
	}](t, s, "/api/differences?ids="+b.ID+","+list.Runs[1].ID)
	if len(d.Runs) != 2 || !slices.ContainsFunc(d.Keys, func(k struct {
		Key    string
		Values []string
	}) bool {
		return k.Key == "arm" && slices.Equal(k.Values, []string{"binary", "pgsrm"})
	}) {
		t.Errorf("differences: %+v", d)
	}
	if one := read[struct{ Resume string }](t, s, "/api/run?id="+b.ID); !strings.HasPrefix(one.Resume, "pgsrm train --resume --out ") {
		t.Errorf("resume: %q", one.Resume)
	}
}

// Searches ask keys, metrics and texts.
func TestSearch(t *testing.T) {
	dir := t.TempDir()
	made{arm: "one", seed: 1, rows: 20, finished: true}.write(t, filepath.Join(dir, "a"))
	made{arm: "two words", seed: 2, rows: 20, config: "schedule:\n  lr: 0.01\n"}.write(t, filepath.Join(dir, "b"))
	s := looked(dir, Options{})
	for q, want := range map[string]string{
		"": "ab", "one": "a", "state=finished": "a", "seed>1": "b", "schedule.lr>=0.01": "b", "schedule.lr<0.01": "a", `arm="two words"`: "b", "arm~WORDS": "b",
		"arm!=one": "b", "reward>0": "ab", "reward>100": "", "nothing=1": "", "nothing!=1": "ab", "one two": "", "step=20 seed=2": "b", "=": "", `"`: "ab",
	} {
		got := ""
		for _, r := range read[listReply](t, s, "/api/runs?q="+url.QueryEscape(q)).Runs {
			got += r.Name
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", q, got, want)
		}
	}
}

// What is done to the folders meanwhile shows, and what is read grows, is cut and read anew.
func TestRunsChange(t *testing.T) {
	dir := t.TempDir()
	m := made{arm: "a", seed: 1, rows: 10, steps: 100}
	at := filepath.Join(dir, "a")
	m.write(t, at)
	s := looked(dir, Options{})
	step := func() int {
		list := read[listReply](t, s, "/api/runs")
		if len(list.Runs) != 1 {
			t.Fatalf("list: %+v", list)
		}
		return list.Runs[0].Step
	}
	points := func() int { return len(read[chartReply](t, s, "/api/chart?metric=reward&group=none").X) }
	check := func(what string, want int) {
		t.Helper()
		s.look()
		if step() != want || points() != want {
			t.Errorf("%s: got step %d, %d points, want %d", what, step(), points(), want)
		}
	}
	check("begun", 10)
	m.append(t, at, 10, 20)
	check("grown", 20)
	metrics := filepath.Join(at, run.MetricsFile)
	if err := appendText(metrics, `{"step":21,"episode":2688,"reward":0.`); err != nil {
		t.Fatal(err)
	}
	check("a torn line", 20)
	if err := appendText(metrics, "5}\n{\"step\":22,\"episode\":2816,\"reward\":0.5}\nno JSON\n"+strings.Repeat("x", longestLine+5)+"\n{\"step\":23,\"episode\":2944,\"reward\":0.5}\n"); err != nil {
		t.Fatal(err)
	}
	check("whole again", 23)
	text, err := os.ReadFile(metrics)
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.SplitAfter(string(text), "\n")[:13] // 12 steps and an evaluation
	if err := os.WriteFile(metrics, []byte(strings.Join(cut, "")), 0o666); err != nil {
		t.Fatal(err)
	}
	check("cut", 12)
	if err := os.WriteFile(metrics, []byte(strings.Join(cut, "")+strings.Repeat("{\"step\":13,\"episode\":1664,\"reward\":1}\n", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	check("written anew", 13)
	if err := os.Rename(at, filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	check("moved", 13)
	if err := os.RemoveAll(filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	s.look()
	if list := read[listReply](t, s, "/api/runs"); list.Of != 0 || list.Problem != "" {
		t.Errorf("removed: %+v", list)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	s.look()
	if list := read[listReply](t, s, "/api/runs"); list.Problem == "" {
		t.Error("without the folder: must say so")
	}
}

// Only browsers that call the server by a name of its own are answered, with a token where
// there is one; nothing may be loaded from elsewhere.
func TestWhoIsAnswered(t *testing.T) {
	host := func(name string) func(r *http.Request) { return func(r *http.Request) { r.Host = name } }
	open := New(t.TempDir(), Options{Hosts: []string{"box.example"}})
	for name, want := range map[string]int{
		"localhost:8717": 200, "127.0.0.1:8717": 200, "[::1]:8717": 200, "10.0.0.7": 200, "box.example:80": 200, "BOX.example": 200,
		"evil.example:8717": 421, "localhost.evil.example": 421, "": 421, "127.0.0.1.evil.example": 421,
	} {
		if got := ask(t, open, "/api/runs", host(name)).StatusCode; got != want {
			t.Errorf("host %q: got %d, want %d", name, got, want)
		}
	}
	answer := ask(t, open, "/")
	if p := answer.Header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(p, "unsafe") {
		t.Errorf("policy: %q", p)
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		if got := ask(t, open, "/api/runs", func(r *http.Request) { r.Method = method }).StatusCode; got != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %d", method, got)
		}
	}

	closed := New(t.TempDir(), Options{Token: "secret"})
	bearer := func(token string) func(r *http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	for path, want := range map[string]int{"/": 401, "/app.js": 401, "/api/runs": 401, "/api/events": 401, "/?token=wrong": 401, "/?token=": 401, "/api/runs?token=secret": 401} {
		if got := ask(t, closed, path).StatusCode; got != want {
			t.Errorf("%s without a token: got %d, want %d", path, got, want)
		}
	}
	if ask(t, closed, "/api/runs", bearer("secret")).StatusCode != 200 || ask(t, closed, "/api/runs", bearer("secre")).StatusCode != 401 || ask(t, closed, "/api/runs", bearer("")).StatusCode != 401 {
		t.Error("bearer tokens must be checked")
	}
	answer = ask(t, closed, "/?token=secret&q=a+b")
	cookies := answer.Cookies()
	if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/?q=a+b" || len(cookies) != 1 {
		t.Fatalf("exchange: %d, %q, %v", answer.StatusCode, answer.Header.Get("Location"), cookies)
	}
	if c := cookies[0]; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, "secret") {
		t.Errorf("cookie: %+v", c)
	}
	if got := ask(t, closed, "/api/runs", func(r *http.Request) { r.AddCookie(cookies[0]) }).StatusCode; got != 200 {
		t.Errorf("with the cookie: got %d", got)
	}
}

// Requests that are wrong are refused in one line.
func TestBadRequests(t *testing.T) {
	s := looked(t.TempDir(), Options{})
	for path, want := range map[string]int{
		"/api/chart": 400, "/api/chart?metric=a&x=y": 400, "/api/chart?metric=a&from=x": 400, "/api/chart?metric=a&points=1": 400, "/api/chart?metric=a&points=1e9": 400,
		"/api/chart?metric=a&from=NaN": 400, "/api/runs?q=" + strings.Repeat("x", longestQuery+1): 400, "/api/run?id=x": 404, "/api/samples": 404, "/etc/passwd": 404, "/api/../app.go": 307,
	} {
		if got := ask(t, s, path).StatusCode; got != want {
			t.Errorf("%.60s: got %d, want %d", path, got, want)
		}
	}
	if c := read[chartReply](t, s, "/api/chart?metric=nothing"); len(c.X) != 0 || len(c.Lines) != 0 {
		t.Errorf("unknown metric: %+v", c)
	}
}

// Texts from outside, of a megabyte and hostile, are bounded and show their control
// characters.
func TestHostileTexts(t *testing.T) {
	dir := t.TempDir()
	hostile := "<script>alert(1)</script>\x1b[31m\u202egnp.exe" + strings.Repeat("A", 1<<20-1000)
	quoted, _ := json.Marshal(hostile)
	reward := 1.0
	long := made{arm: hostile[:100], seed: 1, rows: 3, warnings: []run.Warning{{Step: 1, Text: hostile}}}
	for _, c := range []run.Completion{{Prompt: hostile}, {Reference: hostile}, {Response: hostile}, {Error: hostile}, {Finish: hostile}, {Split: hostile}, {Terms: map[string]float64{hostile: 1}}} {
		c.Reward = &reward
		long.answers = append(long.answers, c)
	}
	name := "<img src=x onerror=alert(1)>\u202e"
	at := filepath.Join(dir, name)
	long.write(t, at)
	appendText(filepath.Join(at, run.MetricsFile), "{\"step\":4,\"episode\":512,\"\\u202e<b>\":1,\""+strings.Repeat("n", 500)+"\":2,\"reward\":1}\n{\"step\":5,\"episode\":640,"+string(quoted)+":1,\"reward\":1}\n")
	appendText(filepath.Join(at, run.TimingsFile), "{\"step\":4,\"episode\":512,"+string(quoted)+":1,\"seconds\":1}\n")
	other := filepath.Join(dir, "other")
	made{arm: "other", seed: 1, rows: 3, config: "parent: " + string(quoted[:len(quoted)-2000]) + "\"\n"}.write(t, other)
	for file, text := range map[string]string{
		filepath.Join(other, run.EnvironmentFile): `{"started":` + string(quoted) + `,"kernel":` + string(quoted) + `}`,
		filepath.Join(other, run.EndFile):         `{"state":"failed","step":3,"episode":1,"at":"","reason":` + string(quoted) + `}`,
	} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s := looked(dir, Options{})
	list := read[listReply](t, s, "/api/runs")
	if len(list.Runs) != 2 || !strings.Contains(list.Runs[0].Name, `\u202e`) || strings.ContainsAny(list.Runs[0].Name+list.Runs[0].Arm, "\u202e\x1b") || list.Runs[0].Step != 5 || list.Runs[1].State != run.Failed {
		t.Fatalf("list: %.2000q", fmt.Sprintf("%+v", list.Runs))
	}
	paths := []string{"/api/runs?columns=parent,started,warnings", "/api/metrics", "/api/keys", "/api/chart?metric=reward&group=parent", "/api/differences?ids=" + list.Runs[0].ID + "," + list.Runs[1].ID}
	for _, r := range list.Runs {
		paths = append(paths, "/api/run?id="+r.ID, "/api/samples?id="+r.ID)
	}
	for _, path := range paths {
		answer := ask(t, s, path)
		text, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != http.StatusOK || len(text) > 1<<16 || strings.ContainsAny(string(text), "\u202e\x1b") || strings.Contains(string(text), "<script") {
			t.Errorf("%s: %s, %d bytes: %.200q", path, answer.Status, len(text), text)
		}
		if kind := answer.Header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("%s: got %s", path, kind)
		}
	}
	for _, m := range read[[]metric](t, s, "/api/metrics") {
		if len(m.Name) > longestName || strings.Contains(m.Name, "\u202e") {
			t.Errorf("metric %.100q", m.Name)
		}
	}
	if got := len(read[struct{ Samples []sample }](t, s, "/api/samples?id="+list.Runs[0].ID).Samples); got != len(long.answers) {
		t.Errorf("got %d answers, want all %d", got, len(long.answers))
	}
}
