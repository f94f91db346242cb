package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// ErrHeld is a lock that somebody holds.
var ErrHeld = errors.New("held by another process")

// Lock is an exclusive lock between processes. The operating system holds it on
// the open file and ends it with the process, however that ends; the content of
// the file only tells a reader who holds it.
type Lock struct{ file *os.File }

// TryLock takes the lock of the file at path without waiting. An absent file is
// made, with the permissions perm before the umask. The error is ErrHeld where
// somebody has the lock, this process included.
func TryLock(path string, perm fs.FileMode) (*Lock, error) {
	return tryLock(path, os.O_RDWR|os.O_CREATE, perm, alone)
}

// kind says how a lock is held: one held together keeps out only those who want it alone.
type kind bool

const (
	alone    kind = false
	together kind = true
)

func tryLock(path string, flag int, perm fs.FileMode, k kind) (*Lock, error) {
	for {
		f, err := os.OpenFile(path, flag, perm)
		if err != nil {
			return nil, err
		}
		taken, err := take(f, path, k)
		if taken {
			return &Lock{f}, nil
		}
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// take locks the open file, unless its holder has discarded it since it was opened: then
// the path leads to another file, or to none, and a lock on this one keeps nobody out.
func take(f *os.File, path string, k kind) (bool, error) {
	if err := lockFile(f, k); err != nil {
		return false, err
	}
	own, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(own, named), nil
}

// Held says whether somebody holds the lock of the file at path; it makes no file. While it
// looks TryLock finds the lock held, another Held does not.
func Held(path string) (bool, error) {
	l, err := tryLock(path, os.O_RDWR, 0, together)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, ErrHeld):
		return true, nil
	case err != nil:
		return false, err
	}
	return false, l.Release()
}

// Release gives the lock back; the file stays.
func (l *Lock) Release() error { return l.file.Close() }

// Discard gives the lock back and removes its file.
func (l *Lock) Discard() error {
	err := os.Remove(l.file.Name())
	closed := l.file.Close()
	if err != nil { // Windows does not remove an open file
		err = removeIfThere(l.file.Name())
	}
	return errors.Join(err, closed)
}

// owner is the content of the file of a lock.
type owner struct {
	PID     int    `json:"pid"`
	Host    string `json:"host"`
	Started string `json:"started,omitempty"` // RFC 3339
}

// Sign writes into the file that this process holds the lock, and since when; a
// zero time is left out.
func (l *Lock) Sign(since time.Time) error {
	o := owner{PID: os.Getpid()}
	o.Host, _ = os.Hostname()
	if !since.IsZero() {
		o.Started = since.UTC().Format(time.RFC3339)
	}
	text, err := json.Marshal(o)
	if err == nil {
		err = l.file.Truncate(0)
	}
	if err == nil {
		_, err = l.file.WriteAt(append(text, '\n'), 0)
	}
	return err
}

// Unknown is the Owner of a lock that nobody signed.
const Unknown = "another process"

// Owner describes who signed the lock of the file at path last.
func Owner(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return Unknown
	}
	defer f.Close()
	var o owner
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil || json.Unmarshal(text, &o) != nil {
		return Unknown
	}
	who := fmt.Sprintf("process %d on %s", o.PID, o.Host)
	if o.Started != "" {
		who += " since " + o.Started
	}
	return who
}
