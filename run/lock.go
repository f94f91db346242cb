package run

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// lock keeps two processes from writing one run directory. The lock is held by
// the operating system on the open file and ends with the process, however that
// ends; the content only tells a reader who holds it.
type lock struct{ file *os.File }

// lockOwner is the content of the lock file.
type lockOwner struct {
	PID     int    `json:"pid"`
	Host    string `json:"host"`
	Started string `json:"started"` // RFC 3339
}

// lockDir takes the lock of a run directory, or fails with ErrLocked and the owner.
func lockDir(path string, now time.Time) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		defer f.Close()
		return nil, fmt.Errorf("%s: %w by %s", path, ErrLocked, readOwner(f))
	}
	host, _ := os.Hostname()
	owner, err := json.Marshal(lockOwner{os.Getpid(), host, now.UTC().Format(time.RFC3339)})
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(append(owner, '\n'), 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &lock{f}, nil
}

// readOwner describes who holds the lock.
func readOwner(f *os.File) string {
	var o lockOwner
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err != nil || json.Unmarshal(b, &o) != nil {
		return "another process"
	}
	return fmt.Sprintf("process %d on %s since %s", o.PID, o.Host, o.Started)
}

// release gives the lock back; the file stays.
func (l *lock) release() error { return l.file.Close() }
