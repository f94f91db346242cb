package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"

	"pgsrm/config"
)

// Tokens are the bearer tokens that may ask, one a line of a file; empty lines and those
// that begin with # do not count. A nil Tokens lets everybody ask.
type Tokens struct {
	path string

	mu   sync.RWMutex
	sums [][sha256.Size]byte
}

// minToken is the least length of a token in bytes.
const minToken = 16

// ReadTokens reads the file at path.
func ReadTokens(path string) (*Tokens, error) {
	t := &Tokens{path: path}
	sums, err := t.read()
	t.sums = sums
	return t, err
}

// read reads the file; what it returns counts from set on.
func (t *Tokens) read() (sums [][sha256.Size]byte, err error) {
	if t == nil {
		return nil, nil
	}
	f, err := config.ReadFile(t.path, nil)
	if err != nil {
		return nil, err
	}
	n := 0
	for line := range strings.Lines(string(f.Text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) < minToken || strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, &config.Error{File: t.path, Line: n, Must: "a token must have at least 16 printable characters of ASCII, no space among them"}
		}
		sums = append(sums, sha256.Sum256([]byte(line)))
	}
	if len(sums) == 0 {
		return nil, &config.Error{File: t.path, Must: "must hold a token"}
	}
	return sums, nil
}

// set replaces the tokens.
func (t *Tokens) set(sums [][sha256.Size]byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sums = sums
}

// Allow says whether a request has one of the tokens. Its time depends on nothing but the
// number of tokens and the length of what was sent.
func (t *Tokens) Allow(r *http.Request) bool {
	if t == nil {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(token)))
	t.mu.RLock()
	defer t.mu.RUnlock()
	found := 0
	for _, own := range t.sums {
		found |= subtle.ConstantTimeCompare(sum[:], own[:])
	}
	return found == 1 && strings.EqualFold(scheme, "Bearer")
}
