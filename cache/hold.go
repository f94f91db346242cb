package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"pgsrm/internal/durable"
)

// open takes the file if this process does not hold it.
func (f *file) open(ctx context.Context) error {
	if f.db != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	g, err := f.enter(ctx)
	if err != nil {
		return err
	}
	defer g.Release()
	return f.openInside(g)
}

// enter takes the gate of the file.
func (f *file) enter(ctx context.Context) (*durable.Lock, error) {
	g, busy, err := enter(ctx, f.path+".lock", time.Now().Add(f.wait))
	if busy && err == nil {
		err = f.busy()
	}
	return g, err
}

func (f *file) busy() error { return &busyError{f.path, durable.Owner(f.path + ".lock"), f.wait} }

// openInside opens the file under the gate; one that cannot be read is set aside
// for a new one.
func (f *file) openInside(g *durable.Lock) error {
	err := f.openOnce()
	if errors.Is(err, errDamaged) {
		if err = f.rename(err); err == nil {
			err = f.openOnce()
		}
	}
	if err == nil {
		_ = g.Sign(time.Time{}) // for the reader of a message only
	}
	return err
}

// leastSize is below that of any file of bbolt: two pages.
const leastSize = 2 * 4096

// openOnce opens the file and makes its buckets.
func (f *file) openOnce() error {
	var raw *os.File
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = bbolt.Open(f.path, 0o600, &bbolt.Options{
			Timeout: f.wait, FreelistType: bbolt.FreelistMapType, NoStatistics: true,
			OpenFile: func(name string, flag int, mode os.FileMode) (file *os.File, err error) {
				if raw, err = os.OpenFile(name, flag, mode); err == nil {
					f.info, err = raw.Stat() // for setAside, also where the rest fails
				}
				return raw, err
			},
		})
		if err != nil {
			return err
		}
		return makeBuckets(db)
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return f.busy()
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch):
		err = fmt.Errorf("%w: %w", errDamaged, err)
	case err != nil && f.info != nil && f.info.Size() > 0 && f.info.Size() < leastSize:
		err = fmt.Errorf("%w: cut off", errDamaged)
	}
	if err != nil {
		shut(db, raw)
		return err
	}
	f.db, f.raw, f.opened = db, raw, f.now()
	return nil
}

// shutWait bounds the closing of a file whose locks a panic may have left taken.
const shutWait = time.Second

// shut closes a file, in any state of it. Closing raw gives back its lock.
func shut(db *bbolt.DB, raw *os.File) {
	if db != nil {
		done := make(chan struct{})
		go func() {
			defer close(done)
			guard(db.Close) // the file is given up: nothing is lost by an error
		}()
		select {
		case <-done:
		case <-time.After(shutWait):
		}
	}
	if raw != nil {
		raw.Close()
	}
}

// close gives the file back to others.
func (f *file) close() {
	if f.db != nil {
		shut(f.db, f.raw)
		f.db, f.raw = nil, nil
	}
}

// closeIdle gives the file back after its last use.
func (f *file) closeIdle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close()
}

// setAside takes the gate and renames the damaged file, unless another process did.
func (f *file) setAside(ctx context.Context, cause error) error {
	g, err := f.enter(ctx)
	if err != nil {
		return err
	}
	defer g.Release()
	return f.rename(cause)
}

// rename sets the file aside, if the path still leads to the file that was opened.
func (f *file) rename(cause error) error {
	now, err := os.Stat(f.path)
	if err != nil || f.info == nil || !os.SameFile(now, f.info) {
		return nil // gone or renewed by another process
	}
	name := f.path + ".corrupt-" + f.now().UTC().Format("20060102T150405Z")
	for k := 2; exists(name); k++ {
		name = fmt.Sprintf("%s.corrupt-%s-%d", f.path, f.now().UTC().Format("20060102T150405Z"), k)
	}
	if err := os.Rename(f.path, name); err != nil {
		return err
	}
	f.warn(fmt.Sprintf("%s is damaged: set aside as %s, a new one is begun (%v)", f.path, filepath.Base(name), cause))
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
