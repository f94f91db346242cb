package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"
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
	own   bool  // the path is that of caches alone: whatever lies there is a damaged one
	limit int64 // bytes of entries, see book.evict
	wait  time.Duration
	warn  func(string)
	now   func() time.Time

	noSync bool // of tests that need not survive a loss of power

	mu      sync.Mutex  // of everything below; one operation at a time
	db      *bbolt.DB   // nil while not held
	raw     *os.File    // of db
	info    os.FileInfo // of raw
	checked os.FileInfo // the file whose pages were inspected
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
// failed assertion, or a read past the end of the file in mapped memory.
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
					if bytes.Compare(k, from) < 0 { // or this might never end
						return damagedf("keys must ascend")
					}
					from = append(bytes.Clone(k), 0)
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
