package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// How long a process keeps the file. Between these, others get their turn.
const (
	idleHold = 50 * time.Millisecond  // after the last use
	mostHold = 300 * time.Millisecond // in a row
	busyWait = 5 * time.Second        // for the file before it counts as busy
)

// file is the store in a bbolt file. bbolt locks its file for one process, so a
// file is held for moments only: several processes of a machine share it.
type file struct {
	path  string
	limit int64 // bytes of entries, see book.evict
	wait  time.Duration
	warn  func(string)
	now   func() time.Time

	mu      sync.Mutex  // of everything below; one operation at a time
	db      *bbolt.DB   // nil while not held
	raw     *os.File    // of db
	info    os.FileInfo // of raw
	checked os.FileInfo // the file whose pages were looked at
	opened  time.Time
	idle    *time.Timer
}

// newFile is the store in the file at path, which is made when it is first used.
func newFile(path string, o Options) *file {
	f := &file{path: path, limit: o.Limit, wait: busyWait, warn: o.Warn, now: o.Now}
	f.idle = time.AfterFunc(idleHold, f.closeIdle)
	return f
}

// errDamaged is what bbolt says or does about a file that is not as it wrote it.
var errDamaged = errors.New("damaged file")

// busyError says who has the file and what to do about it.
type busyError struct {
	path, holder string
	wait         time.Duration
}

func (e *busyError) Error() string {
	return fmt.Sprintf("%s is in use by %s (waited %v); give this process a cache of its own by --cache PATH or PGSRM_CACHE, or share a Redis server by --cache redis://HOST:6379",
		e.path, e.holder, e.wait)
}

// do runs one operation on the open file. A file that turns out to be damaged is
// set aside, and the operation runs once more on a new one.
func (f *file) do(ctx context.Context, op func(*bbolt.DB) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for again := false; ; again = true {
		if err := f.open(ctx); err != nil {
			return err
		}
		err := guard(func() error { return op(f.db) })
		if errors.Is(err, errDamaged) && !again {
			f.close()
			if err = f.setAside(ctx, err); err == nil {
				continue
			}
		}
		if f.db != nil && f.now().Sub(f.opened) > mostHold {
			f.close()
		} else {
			f.idle.Reset(idleHold)
		}
		return err
	}
}

// guard runs op and turns what a damaged file makes bbolt do into an error: a
// failed assertion, or a read behind the end of the file in mapped memory.
func guard(op func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(old)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return op()
}

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
	defer g.leave()
	return f.openInside(g)
}

// enter takes the gate of the file.
func (f *file) enter(ctx context.Context) (*gate, error) {
	g, busy, err := enter(ctx, f.path+".lock", time.Now().Add(f.wait))
	if busy && err == nil {
		err = f.busy()
	}
	return g, err
}

func (f *file) busy() error { return &busyError{f.path, holderOf(f.path + ".lock"), f.wait} }

// openInside opens the file under the gate; one that cannot be read is set aside
// for a new one.
func (f *file) openInside(g *gate) error {
	err := f.openOnce()
	if errors.Is(err, errDamaged) {
		if err = f.rename(err); err == nil {
			err = f.openOnce()
		}
	}
	if err == nil {
		g.sign()
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
	defer g.leave()
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

// get implements store. A file that is not there is not made.
func (f *file) get(ctx context.Context, keys []Key, see func(i int, entry []byte)) error {
	if !f.begun() {
		return nil
	}
	return f.do(ctx, func(db *bbolt.DB) error {
		return db.View(func(tx *bbolt.Tx) error {
			b, err := openBook(tx)
			if err != nil {
				return err
			}
			for i := range keys {
				if entry := b.entries.Get(keys[i][:]); entry != nil {
					see(i, entry)
				}
			}
			return nil
		})
	})
}

// begun says whether there is a file, or something in its place.
func (f *file) begun() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.db != nil {
		return true
	}
	_, err := os.Lstat(f.path)
	return !errors.Is(err, fs.ErrNotExist)
}

// put implements store: all in one transaction, one sync of the disk.
func (f *file) put(ctx context.Context, entries []*Entry, used []Key) error {
	return f.update(ctx, func(b *book) error {
		for _, e := range entries {
			if err := b.put(e.Key, e.encode()); err != nil {
				return err
			}
		}
		for _, key := range used {
			if err := b.touch(key, f.now().Unix()); err != nil {
				return err
			}
		}
		return b.evict(f.limit, 2*len(entries)+evictLeast)
	})
}

// drop implements store.
func (f *file) drop(ctx context.Context, keys []Key) error {
	return f.update(ctx, func(b *book) error {
		for _, key := range keys {
			if err := b.drop(key); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *file) update(ctx context.Context, change func(*book) error) error {
	return f.do(ctx, func(db *bbolt.DB) error {
		if f.checked == nil || !os.SameFile(f.checked, f.info) {
			if err := db.View(checkPages); err != nil {
				return err
			}
			f.checked = f.info
		}
		return db.Update(func(tx *bbolt.Tx) error {
			b, err := openBook(tx)
			if err != nil {
				return err
			}
			if err := change(b); err != nil {
				return err
			}
			return b.save()
		})
	})
}

// eachChunk is how many entries are read in one turn.
const eachChunk = 512

// each implements store. The file is given back between chunks.
func (f *file) each(ctx context.Context, visit func(key Key, entry []byte) error) error {
	if !f.begun() {
		return nil
	}
	var keys []Key
	var entries [][]byte
	for from := []byte(nil); ; {
		keys, entries = keys[:0], entries[:0]
		err := f.do(ctx, func(db *bbolt.DB) error {
			return db.View(func(tx *bbolt.Tx) error {
				b, err := openBook(tx)
				if err != nil {
					return err
				}
				c := b.entries.Cursor()
				for k, v := c.Seek(from); k != nil && len(keys) < eachChunk; k, v = c.Next() {
					if len(k) == len(Key{}) {
						keys, entries = append(keys, Key(k)), append(entries, bytes.Clone(v))
					}
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		for i, key := range keys {
			if err := visit(key, entries[i]); err != nil {
				return err
			}
		}
		if len(keys) < eachChunk {
			return nil
		}
		from = append(bytes.Clone(keys[len(keys)-1][:]), 0)
	}
}

// name implements store.
func (f *file) name() string { return f.path }

// end implements store.
func (f *file) end() error {
	f.idle.Stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.close()
	return nil
}
