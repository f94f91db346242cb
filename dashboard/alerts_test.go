package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgsrm/internal/durable"
	"pgsrm/run"
)

// greedy is an evaluation of ten prompts with the answers.
func greedy(answer func(i int) string) []run.Completion {
	var out []run.Completion
	for i := range 10 {
		out = append(out, run.Completion{Prompt: fmt.Sprint("prompt ", i), Reference: fmt.Sprint("right ", i), Response: answer(i), Finish: "eos", Greedy: true, Split: "train"})
	}
	return out
}

// Of runs that are watched is told how they end, that they collapse and that they have no
// signal; each once, and nothing of what was before.
func TestAlerts(t *testing.T) {
	dir := t.TempDir()
	var told []string
	s := New(dir, Options{Alerts: Alerts{Tell: func(a Alert) { told = append(told, a.Kind+" "+a.Run) }}})
	pass := func(want ...string) {
		t.Helper()
		told = nil
		s.board.search()
		s.alerts.see(s.board.follow(context.Background()))
		if !slices.Equal(told, want) {
			t.Errorf("got %q, want %q", told, want)
		}
	}
	at := filepath.Join(dir, "a")
	m := made{arm: "one", seed: 1, rows: 50, steps: 400, answers: greedy(func(i int) string { return fmt.Sprint(i) }), warnings: []run.Warning{{Kind: run.WarnNoSignal, Text: "flat"}}}
	m.write(t, at)
	made{arm: "two", seed: 1, rows: 10, finished: true}.write(t, filepath.Join(dir, "b"))
	lock := func() *durable.Lock {
		l, err := durable.TryLock(filepath.Join(at, run.LockFile), 0o644)
		if err == nil {
			err = l.Sign(time.Now())
		}
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := lock()
	pass()
	pass()
	appendLine(t, filepath.Join(at, run.WarningsFile), run.Warning{Step: 60, Text: "another"})
	pass()
	appendLine(t, filepath.Join(at, run.WarningsFile), run.Warning{Step: 60, Kind: run.WarnNoSignal, Text: "flat"})
	pass("no-signal a")
	m.answers = greedy(func(int) string { return "brown" })
	m.append(t, at, 50, 150)
	pass("collapsed a")
	m.append(t, at, 150, 250)
	pass()
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	m.append(t, at, 250, 251)
	pass("interrupted a")
	l = lock()
	m.append(t, at, 251, 300)
	pass()
	if err := os.WriteFile(filepath.Join(at, run.EndFile), []byte(`{"state":"failed","step":300,"episode":1,"at":"","reason":"no room"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	pass("failed a")
	if last := s.alerts.last(); !strings.Contains(last[len(last)-1].Text, "has failed after 38400 episodes: no room") {
		t.Errorf("got %+v", last)
	}
}

// A webhook gets the alert as JSON, again where it fails; a command on its input and in its
// environment, where no text of a run is taken for a part of the line.
func TestAlertsAreTold(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the command of the test is one of a POSIX shell")
	}
	got := make(chan Alert, 4)
	tries := 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		var a Alert
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Error(err)
		}
		got <- a
	}))
	defer hook.Close()
	out := filepath.Join(t.TempDir(), "out")
	a := newAlerter(Alerts{Webhook: hook.URL, Command: `cat >"` + out + `.part"; echo "$PGSRM_ALERT_KIND $PGSRM_ALERT_RUN" >>"` + out + `.part"; mv "` + out + `.part" "` + out + `"`}, New(t.TempDir(), Options{}).options.Log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { a.run(ctx); close(done) }()
	want := Alert{Kind: "failed", Text: "pgsrm: $(touch x)", Run: "`touch y`; $(touch z)"}
	a.enqueue(want)
	if alert := <-got; alert != want {
		t.Errorf("got %+v", alert)
	}
	var text []byte
	for range 100 {
		var err error
		if text, err = os.ReadFile(out); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !strings.Contains(string(text), "failed `touch y`; $(touch z)\n") || !strings.HasPrefix(string(text), `{"kind":"failed"`) {
		t.Errorf("command: got %q", text)
	}
	cancel()
	<-done
}

func TestAlertRules(t *testing.T) {
	for _, c := range []struct {
		a    Alerts
		want string
	}{
		{Alerts{Webhook: "https://hooks.example/x", On: []string{"failed"}}, ""},
		{Alerts{Webhook: "hooks.example/secret"}, "http://"},
		{Alerts{On: []string{"failde"}}, "failed"},
	} {
		err := c.a.Rules()
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%+v: got %v", c.a, err)
		}
	}
}
