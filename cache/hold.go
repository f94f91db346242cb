package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// openInside opens the file under the gate; one of ours that cannot be read is set
// aside for a new one.
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

// openOnce opens the file and makes its buckets.
func (f *file) openOnce() error {
	if err := f.inspect(); err != nil {
		return err
	}
	var raw *os.File
	var db *bbolt.DB
	err := guard(func() (err error) {
		db, err = bbolt.Open(f.path, 0o600, &bbolt.Options{
			Timeout: f.wait, FreelistType: bbolt.FreelistMapType, NoStatistics: true, NoSync: f.noSync, NoGrowSync: f.noSync,
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
	case badMeta(err):
		err = fmt.Errorf("%w: %w", errDamaged, err)
	}
	if err != nil {
		shut(db, raw)
		return err
	}
	f.db, f.raw, f.opened = db, raw, f.now()
	return nil
}

// inspect looks at every page of a file that this process has not yet looked at,
// while nobody writes to it. At the default path whatever is no cache was one; a
// damaged file was one where its lock says that pgsrm had it. Elsewhere it stays
// where it is.
func (f *file) inspect() error {
	raw, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer raw.Close()
	if f.info, err = raw.Stat(); err != nil {
		return err
	}
	if !f.info.Mode().IsRegular() {
		return fmt.Errorf("%s must be a file", f.path)
	}
	if f.checked != nil && os.SameFile(f.checked, f.info) || f.info.Size() == 0 {
		return nil
	}
	look := func() error {
		now, err := raw.Stat() // it may have grown before it was locked
		if err != nil {
			return err
		}
		return inspect(raw, now.Size())
	}
	if _, err = readMeta(raw, f.info.Size()); err != nil {
		err = look() // nobody writes to such a file
	} else {
		err = f.alone(look)
	}
	switch {
	case err == nil:
		f.checked = f.info
	case errors.Is(err, errNobodys) && (f.own || durable.Owner(f.path+".lock") != durable.Unknown),
		errors.Is(err, errForeign) && f.own:
		return fmt.Errorf("%w: %w", errDamaged, err)
	case errors.Is(err, errNobodys), errors.Is(err, errForeign):
		return foreignError(f.path, err)
	}
	return err
}

// alone runs look while no other process has the file open for writing: bbolt locks
// it for readers, and maps nothing but its length.
func (f *file) alone(look func() error) error {
	var lock *bbolt.DB
	err := guard(func() (err error) {
		lock, err = bbolt.Open(f.path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: f.wait, NoStatistics: true})
		return err
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return f.busy()
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return look()
}

// badMeta says whether bbolt found neither meta page valid.
func badMeta(err error) bool {
	return errors.Is(err, bolterrors.ErrInvalid) || errors.Is(err, bolterrors.ErrChecksum) || errors.Is(err, bolterrors.ErrVersionMismatch)
}

// foreignError says that a file is not touched.
func foreignError(path string, why error) error {
	return fmt.Errorf("cache: %s must be a cache file of pgsrm or a new path; it is left as it is: %w", path, why)
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
