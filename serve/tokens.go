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
	return t, t.Reload()
}

// Reload reads the file again; with an error the tokens stay what they were.
func (t *Tokens) Reload() error {
	if t == nil {
		return nil
	}
	f, err := config.ReadFile(t.path, nil)
	if err != nil {
		return err
	}
	var sums [][sha256.Size]byte
	n := 0
	for line := range strings.Lines(string(f.Text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) < minToken || strings.ContainsFunc(line, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return &config.Error{File: t.path, Line: n, Must: "a token must have at least 16 printable characters of ASCII, no space among them"}
		}
		sums = append(sums, sha256.Sum256([]byte(line)))
	}
	if len(sums) == 0 {
		return &config.Error{File: t.path, Must: "must hold a token"}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sums = sums
	return nil
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
