package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pgsrm/internal/durable"
)

// LockFile is the name of the lock in the folder that it locks.
const LockFile = "lock"

// claim is a folder that this process has locked.
type claim struct {
	path string
	lock *durable.Lock
	own  bool     // the lock's file is of this process's making
	made []string // folders that this process made, the innermost first
}

// claimFolder makes and locks a folder, or fails with ErrLocked and the owner.
func claimFolder(path string, now time.Time) (*claim, error) {
	c := &claim{path: path}
	var err error
	if c.made, err = makeFolders(path); err != nil {
		return nil, err
	}
	_, absent := os.Lstat(filepath.Join(path, LockFile))
	c.own = errors.Is(absent, fs.ErrNotExist)
	if c.lock, err = lockDir(filepath.Join(path, LockFile), now); err != nil {
		c.removeMade()
		return nil, err
	}
	return c, nil
}

// release gives the lock back and leaves the folder.
func (c *claim) release() error { return c.lock.Release() }

// undo gives the lock back and removes what claimFolder made: the lock's file and
// the folders, as far as they hold nothing else.
func (c *claim) undo() error {
	if !c.own {
		return c.release()
	}
	err := c.lock.Discard()
	c.removeMade()
	return err
}

// removeMade removes the folders that claimFolder made and that are empty.
func (c *claim) removeMade() {
	for _, folder := range c.made {
		if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return // somebody else's file is in it by now
		}
	}
}

// makeFolders makes a folder and those above it that are absent, and returns what
// it made, the innermost first.
func makeFolders(path string) (made []string, err error) {
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		if _, err := os.Lstat(p); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		made = append(made, p)
	}
	for range 3 { // a run that failed beside this one may remove a common parent
		if err = os.MkdirAll(path, 0o755); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return made, err
}

// Who looks whether a run goes on holds its lock for a moment, see durable.Held.
const (
	lockTime  = 250 * time.Millisecond // after which the lock is taken for that of a run
	lockPause = 5 * time.Millisecond
)

// lockDir takes the lock of a run directory, or fails with ErrLocked and the owner.
func lockDir(path string, now time.Time) (*durable.Lock, error) {
	l, err := durable.TryLock(path, 0o644)
	for begun := time.Now(); errors.Is(err, durable.ErrHeld) && time.Since(begun) < lockTime; {
		time.Sleep(lockPause)
		l, err = durable.TryLock(path, 0o644)
	}
	switch {
	case errors.Is(err, durable.ErrHeld):
		return nil, lockedError(path)
	case err != nil:
		return nil, err
	}
	if err := l.Sign(now); err != nil {
		return nil, errors.Join(err, l.Release())
	}
	return l, nil
}

// lockFree says whether nobody holds the lock at path.
func lockFree(path string) error {
	held, err := durable.Held(path)
	if held {
		return lockedError(path)
	}
	return err
}

func lockedError(path string) error {
	return fmt.Errorf("%s: %w by %s", path, ErrLocked, durable.Owner(path))
}
