package cache

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// filled is the path of a file with the first n values.
func filled(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cache.bolt")
	c, _ := opened(t, path, Options{})
	putAll(c, 0, n)
	c.Close()
	return path
}

// rewrite changes the file behind the cache's back.
func rewrite(t *testing.T, path string, change func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(change); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A damaged entry is a miss with a warning, and is written anew.
func TestDamagedEntry(t *testing.T) {
	path := filled(t, 10)
	rewrite(t, path, func(tx *bbolt.Tx) error {
		key := keyOf(3)
		b := append([]byte(nil), tx.Bucket(entriesBucket).Get(key[:])...)
		b[len(b)/2] ^= 4
		if err := tx.Bucket(entriesBucket).Put(key[:], b); err != nil {
			return err
		}
		other := keyOf(4) // the entry of another key is no entry of this one
		return tx.Bucket(entriesBucket).Put(other[:], tx.Bucket(entriesBucket).Get(key[:]))
	})
	c, w := opened(t, path, Options{})
	if got := present(t, c, 0, 10); got != 8 {
		t.Fatalf("%d entries, want 8", got)
	}
	if want := "cache: " + path + ": 2 damaged entries, asked again"; w.text() != want {
		t.Errorf("warning %q, want %q", w.text(), want)
	}
	putAll(c, 3, 5)
	c.Close()
	again, w := opened(t, path, Options{})
	if got := present(t, again, 0, 10); got != 10 || w.text() != "" {
		t.Errorf("%d entries, want 10; %s", got, w.text())
	}
}

// Whatever happens to the file: no wrong value, no failure; what is put into the
// new file stays. (In a file whose damage is not seen at once, such as one in the
// list of free pages, later entries may be lost too, and are misses again.)
func TestDamagedFile(t *testing.T) {
	const n = 120
	whole, err := os.ReadFile(filled(t, n))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	damages := map[string]func(b []byte) []byte{
		"other pages": func(b []byte) []byte { return append(b[:8192:8192], b[16384:]...) },
	}
	for k := range 60 {
		damages[fmt.Sprintf("bytes %d", k)] = func(b []byte) []byte {
			for range 1 << (k % 12) {
				b[rng.IntN(len(b))] = byte(rng.Uint32())
			}
			return b
		}
		damages[fmt.Sprintf("cut %d", k)] = func(b []byte) []byte { return b[:1+rng.IntN(len(b)-1)] }
	}
	rounds := len(damages)
	if testing.Short() {
		rounds /= 4
	}
	aside := 0
	for _, name := range slices.Sorted(maps.Keys(damages))[len(damages)-rounds:] {
		path := filepath.Join(t.TempDir(), "cache.bolt")
		if err := os.WriteFile(path, damages[name](append([]byte(nil), whole...)), 0o600); err != nil {
			t.Fatal(err)
		}
		c, w := opened(t, path, Options{})
		c.store.(*file).own = true // as the default path: also where nothing is left to know it by
		present(t, c, 0, n)
		putAll(c, n, 2*n)
		if err := c.Flush(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.Close()
		old, err := filepath.Glob(path + ".corrupt-*")
		if err != nil || len(old) > 0 != strings.Contains(w.text(), "is damaged: set aside as cache.bolt.corrupt-") {
			t.Fatalf("%s: %v, %v, %s", name, old, err, w.text())
		}
		again, _ := opened(t, path, Options{})
		present(t, again, 0, n)
		if got := present(t, again, n, 2*n); got != n && len(old) > 0 {
			t.Fatalf("%s: %d of the %d values put then; %s", name, got, n, w.text())
		}
		again.Close()
		aside += len(old)
	}
	if aside < rounds/4 {
		t.Errorf("%d of %d files set aside", aside, rounds)
	}
}

// A file of a later version is left alone.
func TestLaterVersion(t *testing.T) {
	path := filled(t, 3)
	rewrite(t, path, func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Put(versionKey, []byte{9}) })
	c, w := opened(t, path, Options{})
	if got := present(t, c, 0, 3); got != 0 {
		t.Errorf("%d entries", got)
	}
	want := "cache: going on without it for now: version must be 1 (got 9): made by another version of pgsrm"
	if w.text() != want {
		t.Errorf("warning %q, want %q", w.text(), want)
	}
	c.Close()
	if old, _ := filepath.Glob(path + ".corrupt-*"); len(old) > 0 {
		t.Errorf("set aside: %v", old)
	}
}

// full is a store that can be read but not written.
type full struct {
	store
	tries int
	well  bool
}

func (f *full) put(ctx context.Context, entries []*Entry, used []Key) error {
	f.tries++
	if f.well {
		return f.store.put(ctx, entries, used)
	}
	return errors.New("no space left on device")
}

// A disk that is full is told once, and tried again after longer and longer pauses, however
// much is read meanwhile.
func TestFullDisk(t *testing.T) {
	clk := newClock()
	c, w := opened(t, filled(t, 3), Options{Now: clk.Now})
	f := &full{store: c.store}
	c.store = f
	for i := range 60 {
		putAll(c, 10+i, 11+i)
		if c.Flush(t.Context()) == nil {
			t.Fatal("written")
		}
		if got := present(t, c, 0, 3); got != 3 {
			t.Fatalf("%d of 3 can be read", got)
		}
		clk.move(time.Second)
	}
	if f.tries > 8 || w.text() != "cache: going on without it for now: no space left on device" {
		t.Errorf("%d tries, %s", f.tries, w.text())
	}
	f.well = true
	clk.move(lastPause)
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(w.text(), "\ncache: "+c.Name()+" is there again") || strings.Count(w.text(), "\n") != 1 {
		t.Error(w.text())
	}
}

// A folder that cannot be made, a path that is a folder: a warning, no failure.
func TestUnusablePath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(file, "cache.bolt")} {
		clk := newClock()
		c, w := opened(t, path, Options{Now: clk.Now})
		putAll(c, 0, 5)
		if c.Flush(t.Context()) == nil || c.Flush(t.Context()) != errAway {
			t.Errorf("%s: must fail, then wait", path)
		}
		if got := present(t, c, 0, 5); got != 5 {
			t.Errorf("%s: %d of 5 in memory", path, got)
		}
		c.Close()
		if !strings.HasPrefix(w.text(), "cache: going on without it for now: ") || !strings.Contains(w.text(), "5 answers were not kept") {
			t.Errorf("%s: %s", path, w.text())
		}
	}
}

// Several processes share a file: each gets its turn while the others work.
func TestSharedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.bolt")
	const each, rounds = 60, 8
	var all sync.WaitGroup
	caches := make([]*Cache, 3)
	says := make([]*warnings, len(caches))
	for k := range caches {
		caches[k], says[k] = opened(t, path, Options{}) // flock tells open files apart, not processes
	}
	for k, c := range caches {
		all.Go(func() {
			for r := range rounds {
				lo := (k*rounds + r) * each
				putAll(c, lo, lo+each)
				if err := c.Flush(context.Background()); err != nil {
					t.Errorf("cache %d: %v", k, err)
				}
			}
			c.Close()
		})
	}
	all.Wait()
	c, w := opened(t, path, Options{})
	if got, want := present(t, c, 0, len(caches)*rounds*each), len(caches)*rounds*each; got != want {
		t.Errorf("%d of %d entries", got, want)
	}
	for _, w := range append(says, w) {
		if w.text() != "" {
			t.Errorf("warnings: %s", w.text())
		}
	}
}

// A reader that never rests does not keep others from the file.
func TestTurns(t *testing.T) {
	path := filled(t, 200)
	busy, _ := opened(t, path, Options{})
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				busy.Get(context.Background(), keysOf(0, 200))
			}
		}
	})
	c, w := opened(t, path, Options{})
	for n := 200; n < 203; n++ {
		putAll(c, n, n+1)
		if err := c.Flush(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	all.Wait()
	if w.text() != "" {
		t.Errorf("warnings: %s", w.text())
	}
}

// A process that keeps the file is named, and the others continue without it until
// it is free.
func TestBusyFile(t *testing.T) {
	path := filled(t, 5)
	holder, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	clk := newClock()
	c, w := opened(t, path, Options{Now: clk.Now})
	c.store.(*file).wait = 60 * time.Millisecond
	if got := present(t, c, 0, 5); got != 0 {
		t.Errorf("%d entries of a file that is not free", got)
	}
	putAll(c, 5, 8)
	if got := present(t, c, 0, 8); got != 3 {
		t.Errorf("%d, want the 3 that wait", got)
	}
	host, _ := os.Hostname()
	want := fmt.Sprintf("cache: going on without it for now: %s is in use by process %d on %s (waited 60ms); "+
		"give this process a cache of its own by --cache PATH or PGSRM_CACHE, or share a Redis server by --cache redis://HOST:6379",
		path, os.Getpid(), host)
	if w.text() != want {
		t.Errorf("warning %q, want %q", w.text(), want)
	}
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	clk.move(firstPause)
	if got := present(t, c, 0, 8); got != 8 {
		t.Errorf("%d of 8 once it is free", got)
	}
	if !strings.HasSuffix(w.text(), "\ncache: "+path+" is there again") {
		t.Errorf("warnings: %s", w.text())
	}
}

// The file stays within its limit: what was not used for longest goes first.
func TestEviction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.bolt")
	clk := newClock()
	const limit = 400_000
	c, _ := opened(t, path, Options{Limit: limit, Now: clk.Now})
	put := func(lo, hi int) {
		t.Helper()
		putAll(c, lo, hi)
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	put(0, 150)
	clk.move(2 * usedAgain)
	if got := present(t, c, 0, 5); got != 5 { // used again, so they stay longer
		t.Fatalf("%d of 5", got)
	}
	put(150, 200)
	if again, got := present(t, c, 0, 5), present(t, c, 0, 150); again != 5 || got == 150 {
		t.Errorf("%d of the 5 used again, %d of the 150 written first", again, got)
	}
	for lo := 200; lo < 500; lo += 50 {
		clk.move(time.Minute)
		put(lo, lo+50)
	}
	f := c.store.(*file)
	var totals, real book
	err := f.do(t.Context(), func(db *bbolt.DB) error {
		return db.View(func(tx *bbolt.Tx) error {
			b, err := openBook(tx)
			if err != nil {
				return err
			}
			totals = *b
			var rows int64
			b.ages.ForEach(func(_, _ []byte) error { rows++; return nil })
			b.entries.ForEach(func(_, v []byte) error {
				real.count, real.bytes = real.count+1, real.bytes+cost(len(v))
				return nil
			})
			if rows != real.count {
				t.Errorf("%d rows of %d entries", rows, real.count)
			}
			return nil
		})
	})
	if err != nil || totals.count != real.count || totals.bytes != real.bytes || real.bytes > limit {
		t.Errorf("totals %d, %d; counted %d, %d; limit %d; %v", totals.count, totals.bytes, real.count, real.bytes, limit, err)
	}
	if real.bytes < limit*9/10 {
		t.Errorf("only %d bytes of %d are used", real.bytes, limit)
	}
	if got := present(t, c, 0, 200); got != 0 {
		t.Errorf("%d of the first 200", got)
	}
	if got := present(t, c, 450, 500); got != 50 {
		t.Errorf("%d of the last 50", got)
	}
}

// Two processes that find the same damage set the file aside once.
func TestSetAsideOnce(t *testing.T) {
	path := filled(t, 50)
	a, wa := opened(t, path, Options{})
	b, wb := opened(t, path, Options{})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(whole[:8192:8192], []byte(strings.Repeat("damaged ", 5000)+"ages entries meta version")...), 0o600); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for lo, c := range map[int]*Cache{100: a, 200: b} {
		all.Go(func() {
			putAll(c, lo, lo+20)
			if err := c.Flush(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	c, _ := opened(t, path, Options{})
	if got := present(t, c, 100, 220); got != 40 {
		t.Errorf("%d of 40 entries", got)
	}
	both := wa.text() + wb.text()
	if n := len(regexp.MustCompile("is damaged").FindAllString(both, -1)); n != 1 {
		t.Errorf("%d warnings: %s", n, both)
	}
}
