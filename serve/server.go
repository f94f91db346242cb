package serve

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options are what a server is made with.
type Options struct {
	Settings Settings
	// Open makes the rewards, the default one first; it is called again by Reload.
	Open   func(ctx context.Context) ([]Reward, error)
	Tokens *Tokens     // nil = everybody may ask
	TLS    *tls.Config // nil = plain HTTP
	Log    *slog.Logger
}

// Server answers requests for rewards.
type Server struct {
	set      Settings
	open     func(ctx context.Context) ([]Reward, error)
	tokens   *Tokens
	tls      *tls.Config
	log      *slog.Logger
	load     *load
	bodies   *budget
	metrics  *metrics
	http     *http.Server
	patience time.Duration // with a body, beyond what its length takes

	mu       sync.RWMutex
	shelf    *shelf
	stopping bool
	reload   sync.Mutex
	old      sync.WaitGroup // shelves that are being closed
}

// shelf holds the rewards between two reloads.
type shelf struct {
	desks map[string]*desk
	first *desk
	names []string
	users sync.WaitGroup
}

// New opens the rewards.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{set: o.Settings, open: o.Open, tokens: o.Tokens, tls: o.TLS, log: o.Log, patience: bodyTime}
	s.load = &load{most: int64(s.set.MaxSamples)}
	s.bodies = newBudget(mebi(s.set.MaxBodiesMB))
	s.metrics = newMetrics(s.load)
	shelf, err := s.newShelf(ctx)
	if err != nil {
		return nil, err
	}
	s.shelf = shelf
	s.http = &http.Server{
		Handler: s.handler(), TLSConfig: s.tls, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, WriteTimeout: s.longest() + writeTime, MaxHeaderBytes: maxHeader,
		ConnState: s.metrics.connection,
	}
	return s, nil
}

// Limits of a connection.
const (
	headerTime = 10 * time.Second
	idleTime   = 75 * time.Second // aiohttp keeps connections for 15 s, Gym for 30 s
	writeTime  = time.Minute      // beyond the deadline of the route
	maxHeader  = 32 << 10
)

// newShelf opens the rewards and begins to work on them.
func (s *Server) newShelf(ctx context.Context) (*shelf, error) {
	rewards, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	sh := &shelf{desks: map[string]*desk{}}
	for _, r := range rewards {
		d := newDesk(r, s.set, s.load, s.metrics, s.log)
		sh.desks[r.Name], sh.names = d, append(sh.names, r.Name)
		if sh.first == nil {
			sh.first = d
		}
	}
	if sh.first == nil {
		return nil, errors.New("serve: must have a reward")
	}
	return sh, nil
}

// borrow is the present shelf, which stays open until it is given back.
func (s *Server) borrow() *shelf {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.shelf.users.Add(1)
	return s.shelf
}

func (sh *shelf) giveBack() { sh.users.Done() }

// close waits for the users.
func (sh *shelf) close() {
	sh.users.Wait()
	for _, d := range sh.desks {
		d.close()
	}
}

// Reload opens the rewards anew and reads tokens again. Requests that have begun are
// answered by what was; where anything cannot be read everything stays as it is.
func (s *Server) Reload(ctx context.Context) error {
	s.reload.Lock()
	defer s.reload.Unlock()
	tokens, err := s.tokens.read()
	var fresh *shelf
	if err == nil {
		fresh, err = s.newShelf(ctx)
	}
	if err != nil {
		s.metrics.reloads.WithLabelValues("failed").Inc()
		return err
	}
	s.tokens.set(tokens)
	s.mu.Lock()
	old := s.shelf
	s.shelf = fresh
	s.mu.Unlock()
	s.old.Go(old.close)
	s.metrics.reloads.WithLabelValues("done").Inc()
	return nil
}

// Serve answers until the context ends; then it answers what has been asked, for grace at
// most, and closes. The listener is closed.
func (s *Server) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	l = limitListener(l, s.set.MaxConnections)
	failed := make(chan error, 1)
	go func() {
		if s.tls != nil {
			failed <- s.http.ServeTLS(l, "", "")
		} else {
			failed <- s.http.Serve(l)
		}
	}()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		s.mu.Lock()
		s.stopping = true
		s.mu.Unlock()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if err = s.http.Shutdown(last); err != nil {
			s.log.Warn("requests were cut off", "after", grace)
			s.http.Close()
			err = nil
		}
		<-failed
	}
	s.mu.RLock()
	last := s.shelf
	s.mu.RUnlock()
	last.close()
	s.old.Wait()
	return err
}

// route is one thing that the server does.
type route struct {
	method   string
	deadline time.Duration // of its samples, shorter than that of its clients
	answer   func(ctx context.Context, d *desk, r *http.Request, body []byte) ([]byte, error)
}

// routes are those that read a body and ask a desk. Deadlines lie below those of the
// engines: OpenRLHF 180 s, slime 120 s with the wait for a connection, verifiers 60 s.
func (s *Server) routes() map[string]route {
	return map[string]route{
		"/openrlhf":          {http.MethodPost, 170 * time.Second, s.openrlhf},
		"/slime":             {http.MethodPost, 100 * time.Second, s.slime},
		"/verify":            {http.MethodPost, 50 * time.Second, s.verify},
		"/seed_session":      {http.MethodPost, 50 * time.Second, s.seedSession},
		"/aggregate_metrics": {http.MethodPost, 50 * time.Second, s.aggregateMetrics},
		"/reverify_mode":     {http.MethodGet, 50 * time.Second, s.reverifyMode},
		"/v1/reward":         {http.MethodPost, 50 * time.Second, s.reward},
	}
}

// longest is the longest deadline of a route.
func (s *Server) longest() time.Duration {
	var most time.Duration
	for _, r := range s.routes() {
		most = max(most, s.deadline(r))
	}
	return most
}

// deadline is that of the settings, else of the route.
func (s *Server) deadline(r route) time.Duration {
	if s.set.DeadlineS > 0 {
		return time.Duration(s.set.DeadlineS * float64(time.Second))
	}
	return r.deadline
}

// handler is everything that the server answers.
func (s *Server) handler() http.Handler {
	routes := s.routes()
	open := s.openRoutes()  // for everybody
	closed := s.ownRoutes() // with a token
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, name := splitPath(r.URL.Path)
		if h := open[path]; h != nil && name == "" {
			h(w, r)
			return
		}
		route, known := routes[path]
		own := closed[path]
		switch {
		case !known && own == nil:
			writeProblem(w, &problem{http.StatusNotFound, "not_found", "no such route, see /openapi.json", false})
		case foreign.Check(r) != nil:
			writeProblem(w, &problem{http.StatusForbidden, "forbidden", "requests of foreign web pages are refused", false})
		case !s.tokens.Allow(r):
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeProblem(w, &problem{http.StatusUnauthorized, "unauthorized", "a bearer token must be given", false})
		case own != nil:
			own(w, r)
		case r.Method != route.method:
			w.Header().Set("Allow", route.method)
			writeProblem(w, &problem{http.StatusMethodNotAllowed, "method", "must be " + route.method, false})
		default:
			s.answer(w, r, path, name, route)
		}
	})
}

// splitPath takes the prefixes off a path: /ng-rollout/ID of NeMo Gym, and /rewards/NAME,
// which names a reward.
func splitPath(path string) (rest, name string) {
	for {
		if after, ok := strings.CutPrefix(path, "/ng-rollout/"); ok {
			id, tail, _ := strings.Cut(after, "/")
			if !isRolloutID(id) {
				return path, name
			}
			path = "/" + tail
			continue
		}
		after, ok := strings.CutPrefix(path, "/rewards/")
		if !ok || name != "" {
			return path, name
		}
		chosen, tail, _ := strings.Cut(after, "/")
		if chosen == "" {
			return path, name
		}
		name, path = chosen, "/"+tail
	}
}

// isRolloutID says whether NeMo Gym makes such ids: [A-Za-z0-9][A-Za-z0-9._-]*
func isRolloutID(id string) bool {
	for i, c := range []byte(id) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return id != ""
}

// answer reads the body of a request and answers it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, path, name string, route route) {
	begun := time.Now()
	status := http.StatusOK
	defer func() { s.metrics.request(path, status, time.Since(begun)) }()
	sh := s.borrow()
	defer sh.giveBack()
	d := sh.first
	if name != "" {
		d = sh.desks[name]
	}
	if d == nil {
		status = http.StatusNotFound
		writeProblem(w, noReward(sh))
		return
	}
	body, err := s.readBody(w, r)
	defer s.bodies.done(int64(cap(body))) // once the reply is written, which may be as long
	var reply []byte
	if err == nil {
		reply, err = s.ask(r, d, route, body)
	}
	if err != nil {
		p := problemOf(err)
		status = p.status
		writeProblem(w, p)
		return
	}
	writeJSON(w, status, reply)
}

// ask asks the route.
func (s *Server) ask(r *http.Request, d *desk, route route, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.deadline(route))
	defer cancel()
	return route.answer(ctx, d, r, body)
}

// noReward is the answer to a name that no reward has.
func noReward(sh *shelf) *problem {
	return &problem{http.StatusNotFound, "no_reward", "must be one of the rewards " + strings.Join(sh.names, ", "), false}
}

// decode reads a body as one JSON value.
func decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		var bad *problem
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &bad):
			return bad
		case errors.As(err, &kind):
			return badf("%s must not be a JSON %s", strings.TrimPrefix(kind.Field+" ", " "), kind.Value)
		}
		return badf("the body must be JSON: %v", err)
	}
	return nil
}

// stopped says whether the server is about to end.
func (s *Server) stopped() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stopping
}

// readBody reads a body within its limits of size and time. What it returns is taken out
// of the budget of all bodies, also with an error; the caller gives it back.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (body []byte, err error) {
	most := mebi(s.set.MaxBodyMB)
	tooLarge := &problem{http.StatusRequestEntityTooLarge, "too_large", "the body must have at most " + mebibytes(s.set.MaxBodyMB), false}
	if r.ContentLength > most {
		w.Header().Set("Connection", "close")
		return nil, tooLarge
	}
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	grow := func(size int64) error {
		if !s.bodies.take(r.Context(), size-int64(cap(body))) {
			return errFull
		}
		body = append(make([]byte, 0, size), body...)
		return nil
	}
	first := int64(firstBody)
	if r.ContentLength > 0 {
		first = min(r.ContentLength+1, most+1, largeBody) // one more, to see the end
	}
	if err := grow(first); err != nil {
		return body, err
	}
	connection := http.NewResponseController(w)
	begun := time.Now()
	reach := 0 // of the deadline, in bytes
	for {
		if len(body) >= reach {
			reach = len(body) + deadlineBytes
			connection.SetReadDeadline(begun.Add(s.patience + time.Duration(reach)*time.Second/slowest))
		}
		n, err := r.Body.Read(body[len(body):min(cap(body), len(body)+deadlineBytes)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > most:
			w.Header().Set("Connection", "close")
			return body, tooLarge
		case err == io.EOF:
			connection.SetReadDeadline(time.Time{})
			connection.SetWriteDeadline(time.Now().Add(s.http.WriteTimeout))
			return body, nil
		case err != nil:
			w.Header().Set("Connection", "close")
			return body, badRead(err)
		case len(body) == cap(body):
			if err := grow(min(2*int64(cap(body)), most+1)); err != nil {
				return body, err
			}
		}
	}
}

// How bodies are read.
const (
	firstBody     = 4 << 10
	largeBody     = 1 << 20 // what a length promises is believed up to here
	deadlineBytes = 256 << 10
	bodyTime      = 20 * time.Second
	slowest       = 64 << 10 // bytes a second, beyond bodyTime
)

// badRead is the answer to a body that broke off or came too slowly.
func badRead(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return &problem{http.StatusRequestTimeout, "slow", "the body came too slowly", true}
	}
	return badf("the body broke off")
}
