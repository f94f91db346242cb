package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"pgsrm/internal/durable"
	"pgsrm/remote"
)

// errSum is content that is not what the hub says it is.
var errSum = errors.New("must have the checksum that the hub gives")

// partial is a file that is being fetched, with the sum of what is there.
type partial struct {
	entry
	f    *os.File
	hash hash.Hash
	have int64
}

// openPartial opens what an earlier attempt left, or begins.
func openPartial(path string, e entry) (*partial, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	p := &partial{entry: e, f: f}
	p.begin()
	p.have, err = io.Copy(p.hash, f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cache: %w", err), f.Close())
	}
	if p.have > e.size {
		if err := p.restart(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return p, nil
}

// begin starts the sum: SHA-256 of the content, or git's SHA-1 of a blob.
func (p *partial) begin() {
	if len(p.sum) == hex.EncodedLen(sha256.Size) {
		p.hash = sha256.New()
		return
	}
	p.hash = sha1.New()
	fmt.Fprintf(p.hash, "blob %d\x00", p.size)
}

// restart forgets everything.
func (p *partial) restart() error {
	p.have = 0
	p.begin()
	_, err := p.f.Seek(0, io.SeekStart)
	if err := errors.Join(err, p.f.Truncate(0)); err != nil {
		return remote.Permanent(fmt.Errorf("cache: %w", err))
	}
	return nil
}

// Write appends what came; more than the file has is an error.
func (p *partial) Write(b []byte) (int, error) {
	if p.have+int64(len(b)) > p.size {
		return 0, errors.Join(fmt.Errorf("reply must have %d bytes (it has more)", p.size), p.restart())
	}
	n, err := p.f.Write(b)
	p.hash.Write(b[:n])
	p.have += int64(n)
	if err != nil {
		err = remote.Permanent(fmt.Errorf("cache: %w", err))
	}
	return n, err
}

// check compares the sum; content with another one is thrown away.
func (p *partial) check() error {
	if got := hex.EncodeToString(p.hash.Sum(nil)); got != p.sum {
		return errors.Join(fmt.Errorf("%w (want %s, got %s)", errSum, p.sum, got), p.restart())
	}
	return nil
}

// finish gives the content its name.
func (p *partial) finish(path string) error {
	if err := durable.Commit(p.f, path); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}

// close ends an attempt; what is there stays for the next one.
func (p *partial) close() { p.f.Close() }
