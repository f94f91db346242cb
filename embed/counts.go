package embed

import "pgsrm/remote"

// Counts are what a server was asked and what came of it. They depend on the
// network, so they belong beside results, never into them.
type Counts struct {
	Server  remote.Stats `json:"server"`
	Texts   int64        `json:"texts"`   // asked for, empty ones not counted
	Tokens  int64        `json:"tokens"`  // as the server counts them, where it does
	Refused int64        `json:"refused"` // texts that the server refused
	Faulty  int64        `json:"faulty"`  // texts whose vector was none
	Splits  int64        `json:"splits"`  // requests that were refused and asked again in two
	Cut     int64        `json:"cut"`     // texts that a local encoder cut
}

// Values are the counts as named numbers; those that did not occur are left out.
func (c Counts) Values() map[string]float64 {
	out := map[string]float64{}
	if c.Server.Faults != nil {
		out = c.Server.Values()
	}
	for name, n := range map[string]int64{
		"texts": c.Texts, "tokens": c.Tokens, "refused": c.Refused, "faulty": c.Faulty, "splits": c.Splits, "cut": c.Cut,
	} {
		if n > 0 {
			out[name] = float64(n)
		}
	}
	return out
}

// counter is an Embedder that counts; a wrapper of one has a method Unwrap.
type counter interface {
	Counts() Counts
}

// CountsOf are the counts of an embedder, or of the one that it wraps; ok is false
// where nothing is counted.
func CountsOf(e Embedder) (c Counts, ok bool) {
	for e != nil {
		if counted, ok := e.(counter); ok {
			return counted.Counts(), true
		}
		wrapper, ok := e.(interface{ Unwrap() Embedder })
		if !ok {
			break
		}
		e = wrapper.Unwrap()
	}
	return Counts{}, false
}

// Counts is a snapshot.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.counts
	out.Server = s.client.Stats()
	return out
}

// count changes the counts under the lock.
func (s *Server) count(f func(c *Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.counts)
}
