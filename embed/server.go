package embed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"pgsrm/remote"
)

// Server is an embedder behind HTTP: the protocol of OpenAI, TEI's own, or
// Ollama's. Vectors are scaled to unit length. A text that the server refuses or
// answers with something that is no vector is an error of that text alone. It is
// safe for concurrent use.
type Server struct {
	kind, model string
	wire        wire
	set         Settings
	client      *remote.Client
	warn        func(text string)

	mu     sync.Mutex
	dim    int         // E; 0 = not yet known
	votes  map[int]int // replies with vectors of a dimension, while it is not known
	probe  []float32   // [E] vector of probeText; nil = not yet asked
	items  int         // texts of a request, less where the server refused as many
	counts Counts

	probing sync.Mutex // one probe at a time
}

// Close closes idle connections.
func (s *Server) Close() error { s.client.Close(); return nil }

// newServer makes the embedder of a kind (openai, tei, ollama) that the rest of a
// spec names. Nothing is sent yet. Errors name no secrets.
func newServer(kind, rest string, set Settings, warn func(text string), deps remote.Deps) (*Server, error) {
	model, base, err := parseServer(kind, rest)
	if err != nil {
		return nil, fmt.Errorf("embed: %s: %w", kind, err)
	}
	if err := set.Validate(); err != nil {
		return nil, fmt.Errorf("embed: embedding.%w", err)
	}
	if kind != "openai" && set.Server.KeyEnv == remote.DefaultKeyEnv {
		set.Server.KeyEnv = "" // OpenAI's key is not sent to a server of another protocol
	}
	client, err := remote.New(base, set.Server, deps)
	if err != nil {
		return nil, fmt.Errorf("embed: %s: %w", kind, err)
	}
	if base == remote.OpenAIURL && !client.HasKey() {
		return nil, fmt.Errorf("embed: %s: %s needs a key in the environment variable %s", kind, base, set.Server.KeyEnv)
	}
	s := &Server{kind: kind, model: model, wire: wires[kind], set: set, client: client, warn: warn, dim: set.Dimensions, votes: map[int]int{}}
	if s.warn == nil {
		s.warn = func(string) {}
	}
	if s.items = s.wire.items; set.BatchItems > 0 {
		s.items = set.BatchItems
	}
	return s, nil
}

// Identity is the kind, the model, the server, the prefix and the dimensions that
// are asked for. The address holds no secrets (package remote refuses them).
func (s *Server) Identity() Identity {
	server := s.set.Name
	if server == "" {
		server = s.client.URL()
	}
	model := s.kind + ":" + s.model + "@" + server
	if s.model == "" {
		model = s.kind + ":" + server
	}
	return Identity{Model: model, Pooling: "server", Normalize: true, Template: s.set.Prefix, Dim: s.set.Dimensions}
}

// tokenBytes is how many bytes count as a token in a request: fewer than in any
// ordinary language, so that the estimate is high.
const tokenBytes = 2

// Limits are the sizes of a request and the requests in flight.
func (s *Server) Limits() Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := s.wire.tokens
	if s.set.BatchTokens > 0 {
		tokens = s.set.BatchTokens
	}
	return Limits{Items: s.items, Bytes: tokens * tokenBytes, Parallel: s.set.Server.Concurrency}
}

// Embed asks the server about the texts in one request, or in several where it
// refuses that; an empty text has ErrNoMeaning and is not sent.
func (s *Server) Embed(ctx context.Context, texts []string) []Result {
	out := make([]Result, len(texts))
	var full []string
	var at []int // place of full[i] in texts
	for i, text := range texts {
		if strings.TrimSpace(text) == "" {
			out[i].Err = fmt.Errorf("embed: empty text: %w", ErrNoMeaning)
			continue
		}
		full, at = append(full, s.set.Prefix+text), append(at, i)
	}
	if len(full) == 0 {
		return out
	}
	if _, known := s.known(); !known {
		if _, err := s.Probe(ctx); err != nil {
			return failFull(out, at, err)
		}
	}
	s.count(func(c *Counts) { c.Texts += int64(len(full)) })
	for k, r := range (&asking{s: s}).all(ctx, full) {
		out[at[k]] = r
	}
	return out
}

// failFull gives the places that are not empty texts an error.
func failFull(out []Result, at []int, err error) []Result {
	for _, i := range at {
		out[i].Err = err
	}
	return out
}

// asking is one batch on its way to the server, with what has become of it so far.
type asking struct {
	s        *Server
	refused  int  // single texts
	accepted bool // the server took a request
}

// hopeless is the number of single texts that the server refuses, with nothing
// accepted, after which it is taken to refuse all of them for one reason.
const hopeless = 3

// all embeds the texts; where the server refuses a request, or sends one text's
// neighbours down with it, each half is asked for by itself. [len(texts)]
func (a *asking) all(ctx context.Context, texts []string) []Result {
	results, err := a.s.call(ctx, texts)
	if err == nil {
		a.accepted = true
		return results
	}
	if !divisible(err) {
		return failAll(len(texts), err)
	}
	if len(texts) == 1 {
		a.refused++
		a.s.count(func(c *Counts) { c.Refused++ })
		return failAll(1, err)
	}
	a.s.count(func(c *Counts) { c.Splits++ })
	half := len(texts) / 2
	before := a.refused
	out := a.all(ctx, texts[:half])
	if !a.accepted && a.refused >= hopeless {
		return append(out, failAll(len(texts)-half, err)...)
	}
	out = append(out, a.all(ctx, texts[half:])...)
	if a.refused == before {
		a.s.shrink(half) // the texts are good: there were too many
	}
	return out
}

// divisible says whether fewer texts may fare better than these: the request was
// refused for what it holds, or its reply was too long.
func divisible(err error) bool {
	var e *remote.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusFailedDependency:
		return true
	}
	return e.Kind == remote.TooLarge || tooLargeForLlama(e)
}

// tooLargeForLlama is llama.cpp's error 500 for a text beyond its batch, which no
// further try mends.
func tooLargeForLlama(e *remote.Error) bool {
	return e.Status == http.StatusInternalServerError && strings.Contains(e.Excerpt, "too large to process")
}

// shrink remembers that a request must have fewer texts, and says it once.
func (s *Server) shrink(items int) {
	s.mu.Lock()
	smaller := items < s.items
	s.items = min(s.items, max(1, items))
	s.mu.Unlock()
	if smaller {
		s.warn(fmt.Sprintf("%s refuses large requests: %d texts each from now on (embedding.batch_items)", s.Identity().Model, items))
	}
}

// vectorTries is how often one request is sent whose reply is whole but holds
// something that is no vector: the same texts mostly meet the same.
const vectorTries = 3

// call makes one request. The error is that of all texts; a text whose vector is
// none has an error of its own. [len(texts)]
func (s *Server) call(ctx context.Context, texts []string) ([]Result, error) {
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	var got []Result // of the last reply that was whole
	tries := 0
	err := s.client.Do(ctx, remote.Call{
		Path: s.wire.path, Body: s.wire.body(s, texts), Tokens: size/tokenBytes + 1, Final: tooLargeForLlama,
		Check: func(reply []byte) error {
			places, tokens, err := s.wire.read(reply, len(texts))
			if err == nil {
				err = s.sameDim(places)
			}
			if err != nil {
				return err
			}
			s.count(func(c *Counts) { c.Tokens += tokens })
			got = places
			bad := firstBad(places)
			if tries++; bad != nil && tries >= vectorTries {
				return remote.Permanent(bad)
			}
			return bad
		},
	})
	if err != nil && got == nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	for i := range got {
		if got[i].Err != nil {
			got[i].Err = fmt.Errorf("embed: %w", err)
			s.count(func(c *Counts) { c.Faulty++ })
		} else {
			normalize(got[i].Vector)
		}
	}
	return got, nil
}

// firstBad is the error of the first text that has one.
func firstBad(places []Result) error {
	for i, p := range places {
		if p.Err != nil {
			return fmt.Errorf("text %d: %w", i, p.Err)
		}
	}
	return nil
}

// sameDim holds that all vectors of a reply have one dimension: that which was asked
// for, or which two replies have had. A vector that is none has an error already.
func (s *Server) sameDim(places []Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	dim := s.dim
	for i, p := range places {
		if p.Err != nil {
			continue
		}
		if dim == 0 {
			dim = len(p.Vector)
		}
		if len(p.Vector) != dim {
			return fmt.Errorf("reply must have vectors of %d numbers (got %d for text %d)", dim, len(p.Vector), i)
		}
	}
	if s.dim == 0 && dim > 0 {
		if s.votes[dim]++; s.votes[dim] >= 2 {
			s.dim = dim
		} else if len(s.votes) > 1 {
			return fmt.Errorf("reply must have vectors as long as those of other replies (got %d numbers)", dim)
		}
	}
	return nil
}

// known is the dimension of the vectors, once it is sure.
func (s *Server) known() (dim int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dim, s.dim > 0
}

// probeText is the first text that a server is asked about: its vector says how
// long vectors are, before any other is believed, and whether the model is still
// the one that filled the cache.
const probeText = "A grey cat slept on the warm stone wall behind the house."

// Probe is the vector of a fixed text, asked for once; see probed.
func (s *Server) Probe(ctx context.Context) ([]float32, error) {
	s.probing.Lock()
	defer s.probing.Unlock()
	s.mu.Lock()
	v, dim := s.probe, s.dim
	s.mu.Unlock()
	if v != nil && (dim == 0 || len(v) == dim) {
		return v, nil
	}
	results, err := s.call(ctx, []string{s.set.Prefix + probeText})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.probe = results[0].Vector
	return s.probe, nil
}
