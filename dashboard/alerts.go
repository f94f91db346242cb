package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"pgsrm/config"
	"pgsrm/internal/family"
	"pgsrm/report"
	"pgsrm/run"
)

// The kinds of alerts.
const (
	alertFinished    = "finished"    // or stopped early
	alertFailed      = "failed"      // ended by an error
	alertInterrupted = "interrupted" // stopped or killed
	alertCollapsed   = "collapsed"   // one answer whatever the prompt, see report.Collapsed
	alertNoSignal    = "no-signal"   // the run has warned that no reward differs
)

var alertKinds = []string{alertFinished, alertFailed, alertInterrupted, alertCollapsed, alertNoSignal}

// Alerts says what is told of runs while they are watched, and to whom. What had happened
// before a run was first seen is not told.
type Alerts struct {
	// Webhook is the URL that gets each alert as JSON in a POST; "" = none.
	Webhook string
	// Command is a command line of the shell that gets each alert as JSON on standard input
	// and in the variables PGSRM_ALERT_KIND, _RUN, _DIR and _TEXT; "" = none.
	Command string
	// On are the kinds of Kinds that are told; nil = all.
	On []string
	// Tell is called with each alert; nil = nobody.
	Tell func(a Alert)
}

// Rules reports kinds that there are not and an address that is none.
func (a Alerts) Rules() error {
	for _, kind := range a.On {
		if err := config.OneOf("alert-on", kind, alertKinds...); err != nil {
			return err
		}
	}
	if a.Webhook != "" && !strings.HasPrefix(a.Webhook, "http://") && !strings.HasPrefix(a.Webhook, "https://") {
		return config.Errorf("the webhook must be an address that begins with http:// or https://")
	}
	return nil
}

// Alert is one thing that happened to a run.
type Alert struct {
	Kind    string `json:"kind"`
	Text    string `json:"text"` // all of it in one line
	Run     string `json:"run"`  // name of the run directory below the folder
	Dir     string `json:"dir"`
	Task    string `json:"task"`
	Reward  string `json:"reward"` // or arm
	Seed    uint64 `json:"seed"`
	Step    int    `json:"step"`
	Episode int    `json:"episode"`
	At      string `json:"at"` // RFC 3339
}

// watched is what was last known of a run.
type watched struct {
	state     string
	flat      int
	evaluated int // step of the last evaluation that was looked at
	collapsed bool
}

// alerter finds what is to be told, and tells it beside.
type alerter struct {
	Alerts
	log    *slog.Logger
	client *http.Client
	queue  chan Alert
	known  map[string]*watched

	mu     sync.Mutex
	recent []Alert
}

const (
	keptAlerts    = 50
	queuedAlerts  = 256
	alertTime     = 30 * time.Second // for one telling
	alertTries    = 3
	knownRunsMost = 4 * mostRuns
)

func newAlerter(a Alerts, log *slog.Logger) *alerter {
	return &alerter{Alerts: a, log: log, client: &http.Client{Timeout: alertTime}, queue: make(chan Alert, queuedAlerts), known: map[string]*watched{}}
}

// see takes the runs in which something is new.
func (a *alerter) see(news []*live) {
	for _, r := range news {
		for _, alert := range a.found(r) {
			if a.On == nil || slices.Contains(a.On, alert.Kind) {
				a.enqueue(alert)
			}
		}
	}
}

// found compares a run with what was known of it.
func (a *alerter) found(r *live) []Alert {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.overview
	was := a.known[r.id]
	if was == nil {
		if len(a.known) >= knownRunsMost {
			clear(a.known)
		}
		a.known[r.id] = &watched{o.State, r.flat, o.EvalStep, o.State == run.Running && r.collapsed()}
		return nil
	}
	var out []Alert
	add := func(kind, text string) {
		name := fmt.Sprintf("%s (%s, seed %d)", r.name, r.arm, o.Seed)
		out = append(out, Alert{
			Kind: kind, Text: clip(fmt.Sprintf("pgsrm: %s %s", name, text), longestText), Run: r.name, Dir: clip(o.Dir, longestText), Task: clip(o.Task, longestText),
			Reward: r.arm, Seed: o.Seed, Step: o.Step, Episode: o.Episode, At: time.Now().UTC().Format(time.RFC3339),
		})
	}
	if was.state != o.State && was.state == run.Running {
		switch o.State {
		case run.Finished, run.StoppedEarly:
			add(alertFinished, fmt.Sprintf("has %s after %d episodes", o.State, o.Episode))
		case run.Failed:
			add(alertFailed, fmt.Sprintf("has failed after %d episodes: %s", o.Episode, clip(o.Reason, longestText)))
		case run.Interrupted:
			add(alertInterrupted, fmt.Sprintf("was interrupted after %d of %d episodes", o.Episode, o.Episodes))
		}
	}
	if r.flat > was.flat {
		add(alertNoSignal, fmt.Sprintf("has no signal at step %d: all answers earn the same", o.Step))
	}
	if o.EvalStep != was.evaluated {
		collapsed := r.collapsed()
		if collapsed && !was.collapsed {
			add(alertCollapsed, fmt.Sprintf("has collapsed at step %d: most greedy answers are one text, whatever the prompt", o.EvalStep))
		}
		was.collapsed, was.evaluated = collapsed, o.EvalStep
	}
	was.state, was.flat = o.State, r.flat
	return out
}

// collapsed says whether the last evaluation has one answer whatever the prompt.
func (r *live) collapsed() bool {
	greedy := func(step int) (out []report.Answer, steps []int) {
		_, steps, _ = r.samples.read(step, func(c run.Completion) bool { // without answers it has not
			if c.Greedy {
				out = append(out, report.Answer(c))
			}
			return len(out) < 10*mostSamples
		})
		return out, steps
	}
	final, steps := greedy(-1)
	if len(steps) < 2 {
		return false
	}
	first, _ := greedy(steps[0])
	return report.Collapsed(first, final)
}

// enqueue hands an alert on; where nobody takes them any more, it is dropped.
func (a *alerter) enqueue(alert Alert) {
	a.mu.Lock()
	if len(a.recent) == keptAlerts {
		a.recent = slices.Delete(a.recent, 0, 1)
	}
	a.recent = append(a.recent, alert)
	a.mu.Unlock()
	if a.Tell != nil {
		a.Tell(alert)
	}
	if a.Webhook == "" && a.Command == "" {
		return
	}
	select {
	case a.queue <- alert:
	default:
		a.log.Warn("an alert was dropped, as too many wait: " + alert.Text)
	}
}

// last are the newest alerts, the newest last.
func (a *alerter) last() []Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Alert{}, a.recent...)
}

// run tells what is queued, one after the other, until the context ends.
func (a *alerter) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case alert := <-a.queue:
			if a.Webhook != "" {
				a.try(ctx, "webhook", func() error { return a.post(ctx, alert) })
			}
			if a.Command != "" {
				if err := a.execute(ctx, alert); err != nil {
					a.log.Warn("alert: command: " + err.Error())
				}
			}
		}
	}
}

// try does something some times until it succeeds.
func (a *alerter) try(ctx context.Context, what string, do func() error) {
	for n := range alertTries {
		err := do()
		if err == nil {
			return
		}
		if n == alertTries-1 {
			a.log.Warn("alert: " + what + ": " + err.Error())
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(n+1) * time.Second):
		}
	}
}

// post sends an alert. Errors do not tell the address, which may be a secret.
func (a *alerter) post(ctx context.Context, alert Alert) error {
	body, err := json.Marshal(alert)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Webhook, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("the address cannot be used")
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := a.client.Do(r)
	if err != nil {
		return fmt.Errorf("no answer from %s", r.URL.Host)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s answers %s", r.URL.Host, answer.Status)
	}
	return nil
}

// execute runs the command. Texts of runs reach it as data, never as part of the line.
func (a *alerter) execute(ctx context.Context, alert Alert) error {
	body, err := json.Marshal(alert)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, alertTime)
	defer cancel()
	shell := []string{"sh", "-c", a.Command}
	if runtime.GOOS == "windows" {
		shell = []string{"cmd", "/C", a.Command}
	}
	runtime.LockOSThread() // Linux ends the child with the thread that started it
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, shell[0], shell[1:]...)
	cmd.SysProcAttr = family.Attributes()
	cmd.Cancel = func() error { family.Kill(cmd.Process); return nil }
	cmd.WaitDelay = time.Second
	cmd.Stdin = bytes.NewReader(append(body, '\n'))
	cmd.Env = append(os.Environ(), "PGSRM_ALERT_KIND="+alert.Kind, "PGSRM_ALERT_RUN="+alert.Run, "PGSRM_ALERT_DIR="+alert.Dir, "PGSRM_ALERT_TEXT="+alert.Text)
	return cmd.Run()
}
