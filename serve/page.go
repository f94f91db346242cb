package serve

import (
	"embed"
	"encoding/json"
	"net/http"
	"time"
)

//go:embed page
var pages embed.FS

//go:embed openapi.json
var openapi []byte

// policy lets the page load and ask its own server alone.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// openRoutes need no token: they tell nothing of rewards.
func (s *Server) openRoutes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"/healthz":  s.health(func() bool { return true }),
		"/readyz":   s.health(func() bool { return !s.stopped() }),
		"/":         page("index.html", "text/html; charset=utf-8"),
		"/page.js":  page("page.js", "text/javascript; charset=utf-8"),
		"/page.css": page("page.css", "text/css; charset=utf-8"),
		"/favicon.ico": func(w http.ResponseWriter, r *http.Request) {
			if reads(w, r) {
				w.WriteHeader(http.StatusNoContent) // browsers ask for it
			}
		},
		"/openapi.json": func(w http.ResponseWriter, r *http.Request) {
			if reads(w, r) {
				writeJSON(w, http.StatusOK, openapi)
			}
		},
	}
}

// ownRoutes need a token where there are any.
func (s *Server) ownRoutes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{"/metrics": s.metrics.handler(), "/v1/status": s.status}
}

// reads says whether a request only reads, and answers it otherwise.
func reads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	writeProblem(w, &problem{http.StatusMethodNotAllowed, "method", "must be GET", false})
	return false
}

// health answers {"status":"ok"}, or 503 where it is not.
func (s *Server) health(ok func() bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !reads(w, r):
		case ok():
			writeJSON(w, http.StatusOK, []byte(`{"status":"ok"}`+"\n"))
		default:
			writeProblem(w, errStop)
		}
	}
}

// page is a file of the page.
func page(name, kind string) http.HandlerFunc {
	text, err := pages.ReadFile("page/" + name)
	if err != nil {
		panic(err) // it is part of the binary
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if !reads(w, r) {
			return
		}
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		w.Write(text)
	}
}

// status is what the page shows.
type status struct {
	UptimeS      float64        `json:"uptime_s"`
	InFlight     int64          `json:"samples_in_flight"`
	MostInFlight int64          `json:"max_samples"`
	Requests     int            `json:"requests"`
	LatencyMS    []float64      `json:"latency_ms"` // 50, 90 and 99 % of the last 1,024 requests; null without any
	Rewards      []rewardStatus `json:"rewards"`    // the default one first
}

// rewardStatus is what the page shows of one reward.
type rewardStatus struct {
	Name     string   `json:"name"`
	Formula  string   `json:"formula"`
	Terms    []string `json:"terms"`
	Memory   string   `json:"memory"` // none, off
	Waiting  int      `json:"waiting"`
	Scored   int64    `json:"scored"`
	Unscored int64    `json:"unscored"`
	Mean     *float64 `json:"mean"`  // of the rewards given; null without any
	Least    *float64 `json:"least"` // likewise
	Most     *float64 `json:"most"`
	Bins     []int64  `json:"bins"` // [20] of equal width over -1..1, what is beyond in the last
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	if !reads(w, r) {
		return
	}
	sh := s.borrow()
	defer sh.giveBack()
	latency := s.metrics.quantiles()
	m := s.metrics
	m.mu.Lock()
	defer m.mu.Unlock()
	out := status{UptimeS: time.Since(m.begun).Seconds(), InFlight: s.load.now.Load(), MostInFlight: s.load.most, Requests: m.n, LatencyMS: latency}
	for _, name := range sh.names {
		d := sh.desks[name]
		one := rewardStatus{Name: name, Formula: d.Model.Spec().Formula, Terms: d.columns, Memory: "none", Bins: make([]int64, 20)}
		if d.facts.memory {
			one.Memory = "off"
		}
		d.mu.Lock()
		one.Waiting = d.waiting
		d.mu.Unlock()
		if t := m.sum[name]; t != nil {
			one.Scored, one.Unscored, one.Bins = t.scored, t.unscored, t.bins[:]
			if t.scored > 0 {
				mean := t.sum / float64(t.scored)
				one.Mean, one.Least, one.Most = &mean, &t.least, &t.most
			}
		}
		out.Rewards = append(out.Rewards, one)
	}
	b, err := json.Marshal(out)
	if err != nil {
		writeProblem(w, &problem{http.StatusInternalServerError, "internal", err.Error(), true})
		return
	}
	writeJSON(w, http.StatusOK, append(b, '\n'))
}
