package dashboard

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pgsrm/chart"
	"pgsrm/run"
)

//go:embed page
var files embed.FS

// Options are how a Server looks and whom it answers. The zero value looks every second and
// answers browsers on this machine.
type Options struct {
	// Every is the time between two looks at the files; 0 = a second.
	Every time.Duration
	// Token must come with every request, as a bearer token or, once, as ?token=; "" = none.
	Token string
	// Hosts are names by which browsers may call the server, beside localhost and addresses.
	Hosts []string
	Log   *slog.Logger // nil = none
	// Alerts are told what happens to runs while the server looks.
	Alerts Alerts
}

// Server shows the runs at or below a folder. Run must be called once; ServeHTTP answers
// from then on.
type Server struct {
	board   *board
	options Options
	mux     *http.ServeMux
	events  chan struct{} // a place for each open stream of events
	alerts  *alerter
	tell    time.Duration // least time between two events of a page

	mu    sync.Mutex
	slots map[string]int // colors of lines
}

// mostStreams is the most pages that are kept up to date at a time.
const mostStreams = 64

// New makes a server for the runs at or below a folder, which may come and go.
func New(folder string, o Options) *Server {
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{board: newBoard(folder), options: o, mux: http.NewServeMux(), events: make(chan struct{}, mostStreams), slots: map[string]int{}, tell: time.Second}
	s.alerts = newAlerter(o.Alerts, o.Log)
	s.mux.HandleFunc("GET /{$}", s.file("page/index.html", "text/html; charset=utf-8", func(text string) string { return text }))
	s.mux.HandleFunc("GET /app.js", s.file("page/app.js", "text/javascript; charset=utf-8", func(text string) string { return chart.Script() + text }))
	s.mux.HandleFunc("GET /app.css", s.file("page/app.css", "text/css; charset=utf-8", func(text string) string { return chart.Theme() + chart.Style() + text }))
	s.mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.mux.HandleFunc("GET /api/runs", s.runs)
	s.mux.HandleFunc("GET /api/chart", s.chart)
	s.mux.HandleFunc("GET /api/metrics", s.metrics)
	s.mux.HandleFunc("GET /api/keys", s.keys)
	s.mux.HandleFunc("GET /api/differences", s.differences)
	s.mux.HandleFunc("GET /api/run", s.run)
	s.mux.HandleFunc("GET /api/samples", s.samples)
	s.mux.HandleFunc("GET /api/events", s.stream)
	return s
}

// Run follows the runs until the context ends.
func (s *Server) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.alerts.run(ctx)
	}()
	s.board.watch(ctx, s.options.Every, s.alerts.see)
	<-done
}

// policy allows the page its own script, style and data, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if !s.knowsHost(r.Host) {
		http.Error(w, "the server is not called that: name it with --host", http.StatusMisdirectedRequest)
		return
	}
	if !s.admits(w, r) {
		return
	}
	s.mux.ServeHTTP(w, r)
}

// knowsHost says whether a request was meant for this server. A page of somebody else can
// make its name point here (DNS rebinding) and would be the same origin then; an address or
// localhost it cannot take for a name.
func (s *Server) knowsHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	return name == "localhost" || net.ParseIP(name) != nil || slices.ContainsFunc(s.options.Hosts, func(h string) bool { return strings.EqualFold(h, name) })
}

// admits checks the token, in constant time. A browser brings it once in the address, gets
// it back as a cookie that no script can read, and an address without it.
func (s *Server) admits(w http.ResponseWriter, r *http.Request) bool {
	if s.options.Token == "" {
		return true
	}
	cookie := cookieName(r.Host)
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && same(bearer, s.options.Token) {
		return true
	}
	if c, err := r.Cookie(cookie); err == nil && same(c.Value, pass(s.options.Token)) {
		return true
	}
	query := r.URL.Query()
	if r.URL.Path == "/" && r.Method == http.MethodGet && query.Has("token") && same(query.Get("token"), s.options.Token) {
		http.SetCookie(w, &http.Cookie{Name: cookie, Value: pass(s.options.Token), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
		query.Del("token")
		to := url.URL{Path: "/", RawQuery: query.Encode()}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
		return false
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "a token is needed: open the address that pgsrm dashboard has printed", http.StatusUnauthorized)
	return false
}

// same compares two secrets in a time that does not depend on where they differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// pass is what the cookie holds: it opens this server, but does not tell the token.
func pass(token string) string {
	sum := sha256.Sum256([]byte("pgsrm dashboard\n" + token))
	return hex.EncodeToString(sum[:])
}

// cookieName has the port: cookies of one host are those of all its ports.
func cookieName(host string) string {
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		port = "default"
	}
	return "pgsrm-dashboard-" + port
}

// file serves a file of the page.
func (s *Server) file(name, kind string, change func(text string) string) http.HandlerFunc {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	body := []byte(change(string(text)))
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Write(body)
	}
}

// reply writes v as JSON.
func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v) // the browser may have gone
}

// refuse says what is wrong with a request.
func refuse(w http.ResponseWriter, format string, args ...any) {
	http.Error(w, fmt.Sprintf(format, args...), http.StatusBadRequest)
}

// terms reads the search of a request.
func terms(w http.ResponseWriter, r *http.Request) ([]term, bool) {
	q := r.URL.Query().Get("q")
	if len(q) > longestQuery {
		refuse(w, "q must have at most %d bytes", longestQuery)
		return nil, false
	}
	return parseQuery(q), true
}

// list reads a parameter of names between commas.
func list(r *http.Request, name string, most int) []string {
	var out []string
	for part := range strings.SplitSeq(r.URL.Query().Get(name), ",") {
		if part != "" && len(out) < most {
			out = append(out, part)
		}
	}
	return out
}

// mostColumns is the most keys that the list shows.
const mostColumns = 12

// runs answers with the list.
func (s *Server) runs(w http.ResponseWriter, r *http.Request) {
	q, ok := terms(w, r)
	if !ok {
		return
	}
	columns := list(r, "columns", mostColumns)
	version, _ := s.board.wait()
	all := s.board.all()
	now := time.Now()
	out := struct {
		Version uint64         `json:"version"`
		Folder  string         `json:"folder"`
		Of      int            `json:"of"` // all runs
		Loading int            `json:"loading"`
		Problem string         `json:"problem,omitempty"`
		Runs    []row          `json:"runs"`
		States  map[string]int `json:"states"` // of all runs
		Alerts  []Alert        `json:"alerts"`
	}{Version: version, Folder: clip(s.board.root, longestText), Of: len(all), Runs: []row{}, States: map[string]int{}, Alerts: s.alerts.last()}
	s.board.mu.RLock()
	out.Loading, out.Problem = s.board.loading, s.board.problem
	s.board.mu.RUnlock()
	for _, l := range all {
		l.mu.Lock()
		fits := l.matches(q)
		out.States[l.overview.State]++
		l.mu.Unlock()
		if fits {
			out.Runs = append(out.Runs, l.row(now, columns))
		}
	}
	reply(w, out)
}

// mostPoints is the most places of a chart.
const mostPoints = 2000

// chart answers with the lines of a metric.
func (s *Server) chart(w http.ResponseWriter, r *http.Request) {
	q, ok := terms(w, r)
	if !ok {
		return
	}
	query := r.URL.Query()
	want := request{metric: query.Get("metric"), x: query.Get("x"), group: query.Get("group"), from: math.Inf(-1), to: math.Inf(1), points: 400, terms: q}
	if want.metric == "" {
		refuse(w, "metric must be named")
		return
	}
	if want.x == "" {
		want.x = "episode"
	}
	if !slices.Contains([]string{"episode", "step", "seconds"}, want.x) {
		refuse(w, "x must be episode, step or seconds (got %q)", want.x)
		return
	}
	if want.group == "" {
		want.group = "config"
	}
	for name, to := range map[string]*float64{"from": &want.from, "to": &want.to} {
		if text := query.Get(name); text != "" {
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || math.IsNaN(v) {
				refuse(w, "%s must be a number (got %q)", name, text)
				return
			}
			*to = v
		}
	}
	if text := query.Get("points"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 2 || n > mostPoints {
			refuse(w, "points must be a number from 2 to %d (got %q)", mostPoints, text)
			return
		}
		want.points = n
	}
	if ids := list(r, "ids", mostRuns); len(ids) > 0 {
		want.ids = map[string]bool{}
		for _, id := range ids {
			want.ids[id] = true
		}
	}
	grid, lines := s.board.lines(want)
	w.Header().Set("Content-Type", "application/json")
	w.Write(chartJSON(grid, lines, func(l *line) int { return s.slot(want.group + "\n" + l.key) }))
}

// slot is the color of a line, the same in all charts.
func (s *Server) slot(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot, ok := s.slots[key]
	if !ok {
		if len(s.slots) > 4*mostRuns {
			clear(s.slots)
		}
		slot = len(s.slots)
		s.slots[key] = slot
	}
	return slot % len(chart.Palette())
}

// metrics answers with what can be drawn.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) { reply(w, s.board.metrics()) }

// keyUse is a key of configurations and how many values it has.
type keyUse struct {
	Name   string `json:"name"`
	Values int    `json:"values"`
}

// keys answers with the keys of configurations, those first in which runs differ.
func (s *Server) keys(w http.ResponseWriter, _ *http.Request) {
	values := make([]map[string]bool, len(keyNames))
	for i := range values {
		values[i] = map[string]bool{}
	}
	for _, r := range s.board.all() {
		r.mu.Lock()
		for i, text := range r.keys {
			if len(values[i]) < 100 {
				values[i][text] = true
			}
		}
		r.mu.Unlock()
	}
	out := make([]keyUse, 0, len(keyNames))
	for i, name := range keyNames {
		out = append(out, keyUse{name, len(values[i])})
	}
	slices.SortStableFunc(out, func(a, b keyUse) int {
		differ := func(k keyUse) int {
			if k.Values > 1 {
				return 0
			}
			return 1
		}
		return differ(a) - differ(b)
	})
	reply(w, out)
}

// mostCompared is the most runs whose configurations stand side by side.
const mostCompared = 12

// differences answers with the keys in which runs differ.
func (s *Server) differences(w http.ResponseWriter, r *http.Request) {
	type diffRow struct {
		Key    string   `json:"key"`
		Values []string `json:"values"`
	}
	out := struct {
		Runs []string  `json:"runs"`
		Keys []diffRow `json:"keys"`
	}{[]string{}, []diffRow{}}
	var all [][]string
	for _, id := range list(r, "ids", mostCompared) {
		if l := s.board.of(id); l != nil {
			l.mu.Lock()
			out.Runs = append(out.Runs, l.name)
			all = append(all, l.keys)
			l.mu.Unlock()
		}
	}
	for i, name := range keyNames {
		d := diffRow{Key: name}
		differ := false
		for _, keys := range all {
			text := ""
			if i < len(keys) {
				text = keys[i]
			}
			d.Values = append(d.Values, text)
			differ = differ || text != d.Values[0]
		}
		if differ && name != "out" {
			out.Keys = append(out.Keys, d)
		}
	}
	reply(w, out)
}

// known finds the run of a request.
func (s *Server) known(w http.ResponseWriter, r *http.Request) *live {
	l := s.board.of(r.URL.Query().Get("id"))
	if l == nil {
		http.Error(w, "the run is not there", http.StatusNotFound)
	}
	return l
}

// run answers with all that is known of one run but for its series and answers.
func (s *Server) run(w http.ResponseWriter, r *http.Request) {
	l := s.known(w, r)
	if l == nil {
		return
	}
	out := struct {
		Row      row                `json:"row"`
		Dir      string             `json:"dir"`
		Resume   string             `json:"resume,omitempty"` // the command that resumes the run
		Warnings []run.Warning      `json:"warnings"`
		Counts   map[string]float64 `json:"counts"`
		Config   [][2]string        `json:"config"`
		Changed  []run.Difference   `json:"changed"` // keys that are not the default of their preset
		Eval     map[string]float64 `json:"eval"`
		EvalStep int                `json:"eval_step"`
	}{Row: l.row(time.Now(), nil), Warnings: []run.Warning{}, Counts: map[string]float64{}, Config: [][2]string{}, Changed: []run.Difference{}, Eval: map[string]float64{}}
	l.mu.Lock()
	out.Dir = clip(l.overview.Dir, longestText)
	out.Warnings = append(out.Warnings, l.warned...)
	for name, v := range l.counts {
		out.Counts[clip(name, longestName)] = v
	}
	for i, text := range l.keys {
		out.Config = append(out.Config, [2]string{keyNames[i], text})
	}
	for name, v := range l.overview.Eval {
		out.Eval[clip(name, longestName)] = v
	}
	out.EvalStep = l.overview.EvalStep
	out.Resume = clip(l.overview.ResumeCommand(), 2*longestText)
	cfg := l.overview.Config
	l.mu.Unlock()
	if cfg.Task != "" {
		for _, d := range cfg.Changes() {
			out.Changed = append(out.Changed, run.Difference{Key: d.Key, A: clip(d.A, longestText), B: clip(d.B, longestText)})
		}
	}
	reply(w, out)
}

// samples answers with the answers of an evaluation, the last one unless a step is named.
func (s *Server) samples(w http.ResponseWriter, r *http.Request) {
	l := s.known(w, r)
	if l == nil {
		return
	}
	step := -1
	if text := r.URL.Query().Get("step"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			refuse(w, "step must be a whole number of at least 0 (got %q)", text)
			return
		}
		step = n
	}
	out := struct {
		Step    int      `json:"step"`
		Steps   []int    `json:"steps"`
		More    bool     `json:"more"` // some were left out
		Samples []sample `json:"samples"`
	}{Samples: []sample{}}
	var err error
	out.Step, out.Steps, err = l.samples.read(step, func(c run.Completion) bool {
		if out.More = len(out.Samples) == mostSamples; !out.More {
			out.Samples = append(out.Samples, newSample(c))
		}
		return !out.More
	})
	if err != nil {
		http.Error(w, clip(err.Error(), longestText), http.StatusInternalServerError)
		return
	}
	reply(w, out)
}

// aliveEvery is how often a page is told that the server is there.
const aliveEvery = 15 * time.Second

// stream sends an event whenever something is new, at most one a second: what it is the page
// asks for.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case s.events <- struct{}{}:
		defer func() { <-s.events }()
	default:
		http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	control.SetWriteDeadline(time.Time{})
	alive := time.NewTicker(aliveEvery)
	defer alive.Stop()
	for {
		version, changed := s.board.wait()
		fmt.Fprintf(w, "data: {\"version\":%d}\n\n", version)
		if control.Flush() != nil {
			return
		}
		for waiting := true; waiting; {
			select {
			case <-r.Context().Done():
				return
			case <-alive.C:
				fmt.Fprint(w, ": alive\n\n")
				if control.Flush() != nil {
					return
				}
			case <-changed:
				waiting = false
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(s.tell):
		}
	}
}
