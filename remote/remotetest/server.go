// Package remotetest is a model server that misbehaves on command, and a clock
// that tests turn by hand. Only tests use it.
package remotetest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Fault is what a server does in place of a proper answer; proper gives that.
type Fault func(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc)

// Server answers by its handler, except where it was told to misbehave. It can
// die and come back at the same address.
type Server struct {
	t      testing.TB
	proper http.HandlerFunc
	addr   string
	quit   chan struct{} // closed at the end of the test: what hangs lets go

	mu       sync.Mutex
	next     []Fault // for the next requests, in order
	always   Fault   // for those after them; nil = answer properly
	requests int
	http     *httptest.Server
}

// New starts a server; it ends with the test.
func New(t testing.TB, proper http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{t: t, proper: proper, quit: make(chan struct{})}
	s.Start()
	t.Cleanup(func() {
		close(s.quit)
		s.Stop()
	})
	return s
}

// Start brings the server up, at the address that it had before.
func (s *Server) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if s.addr != "" {
		l, err := net.Listen("tcp", s.addr)
		if err != nil {
			s.t.Fatalf("server must come back at its address: %v", err)
		}
		s.http.Listener.Close()
		s.http.Listener = l
	}
	s.http.Start()
	s.addr = s.http.Listener.Addr().String()
}

// Stop kills the server with its connections: later ones are refused.
func (s *Server) Stop() {
	s.mu.Lock()
	old := s.http
	s.http = nil
	s.mu.Unlock()
	if old != nil {
		old.CloseClientConnections()
		old.Close()
	}
}

// URL is the address, with no path.
func (s *Server) URL() string { return "http://" + s.addr }

// Next gives the next requests these faults, in order; after them the server
// answers as before.
func (s *Server) Next(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, faults...)
}

// Always gives all requests the fault; nil makes the server well again.
func (s *Server) Always(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = f
}

// Requests is the number of requests so far.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests++
	f := s.always
	if len(s.next) > 0 {
		f, s.next = s.next[0], s.next[1:]
	}
	s.mu.Unlock()
	if f == nil {
		s.proper(w, r)
		return
	}
	f(w, r, s.proper)
}

// Hang takes the request and says nothing.
func (s *Server) Hang(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) { s.wait(r) }

// Slow sends the first bytes of a proper answer and then nothing more, as seen
// by a client that counts the time of the whole reply.
func (s *Server) Slow(w http.ResponseWriter, r *http.Request, proper http.HandlerFunc) {
	body := record(r, proper).Body.Bytes()
	w.Header().Set("Content-Type", "application/json")
	for _, b := range body[:min(3, len(body))] {
		w.Write([]byte{b})
		w.(http.Flusher).Flush()
	}
	s.wait(r)
}

// wait ends when the client has gone or the test is over. The body is read
// first, as the server notices the end of a connection only after it.
func (s *Server) wait(r *http.Request) {
	drain(r)
	select {
	case <-r.Context().Done():
	case <-s.quit:
	}
}
