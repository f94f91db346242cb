package cache

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// warnings collects what a cache says.
type warnings struct {
	mu    sync.Mutex
	lines []string
}

func (w *warnings) add(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, text)
}

func (w *warnings) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lines, "\n")
}

// clock is a time that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// opened is a cache at a location that is closed with the test.
func opened(t testing.TB, location string, o Options) (*Cache, *warnings) {
	t.Helper()
	w := new(warnings)
	o.Warn = w.add
	c, err := Open(location, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, w
}

// valueOf is the value that the tests keep under number n: it can be told from n
// alone, and its length goes from 0 to some pages of the file.
func valueOf(n int) []byte {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	b := make([]byte, []int{0, 1, 40, 1536, 9000}[n%5])
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return binary.LittleEndian.AppendUint32(b, uint32(n))
}

func keyOf(n int) Key { return NewKey(Vector, "source", fmt.Sprint(n)) }

func keysOf(lo, hi int) []Key {
	var keys []Key
	for n := lo; n < hi; n++ {
		keys = append(keys, keyOf(n))
	}
	return keys
}

func putAll(c *Cache, lo, hi int) {
	for n := lo; n < hi; n++ {
		c.Put(Vector, "source", keyOf(n), valueOf(n))
	}
}

// present counts the numbers in lo..hi that a cache has; a wrong value fails the test.
func present(t testing.TB, c *Cache, lo, hi int) (n int) {
	t.Helper()
	for i, v := range c.Get(context.Background(), keysOf(lo, hi)) {
		if v == nil {
			continue
		}
		if n++; !bytes.Equal(v, valueOf(lo+i)) {
			t.Fatalf("value of %d is wrong (%d bytes)", lo+i, len(v))
		}
	}
	return n
}

// Every store keeps the same promises.
func TestStores(t *testing.T) {
	for name, location := range map[string]func(t *testing.T) string{
		"file":  func(t *testing.T) string { return filepath.Join(t.TempDir(), "sub", "cache.bolt") },
		"redis": func(t *testing.T) string { return "redis://" + miniredis.RunT(t).Addr() },
	} {
		t.Run(name, func(t *testing.T) { testStore(t, location(t)) })
	}
}

func testStore(t *testing.T, location string) {
	const n = 700 // more than one command of Redis, more than one chunk of a file
	c, w := opened(t, location, Options{})
	if got := present(t, c, 0, 10); got != 0 {
		t.Fatalf("new store has %d entries", got)
	}
	putAll(c, 0, n)
	if got := present(t, c, 0, n); got != n {
		t.Fatalf("before the write: %d of %d", got, n)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, _ := opened(t, location, Options{})
	if got := present(t, other, 0, n+20); got != n {
		t.Fatalf("another cache: %d of %d", got, n)
	}
	seen := map[Key]bool{}
	err := other.store.each(t.Context(), func(key Key, b []byte) error {
		e, err := decode(key, b)
		if err != nil || e.Kind != Vector || e.Source != "source" || seen[key] {
			return fmt.Errorf("entry %v %+v twice %v: %w", key, e, seen[key], err)
		}
		seen[key] = true
		return nil
	})
	if err != nil || len(seen) != n {
		t.Fatalf("each: %d of %d, %v", len(seen), n, err)
	}
	if err := other.store.drop(t.Context(), append(keysOf(0, n-1), keyOf(n+5))); err != nil {
		t.Fatal(err)
	}
	third, _ := opened(t, location, Options{})
	if got := present(t, third, 0, n); got != 1 {
		t.Fatalf("after drop: %d, want 1", got)
	}
	c.Close()
	c.Put(Vector, "source", keyOf(1), valueOf(1)) // after the end: nothing
	if w.text() != "" {
		t.Errorf("warnings: %s", w.text())
	}
}

func TestOpen(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if c, err := Open("off", Options{}); c != nil || err != nil {
		t.Errorf("off: got %v, %v", c, err)
	}
	var none *Cache
	none.Put(Vector, "s", keyOf(1), nil)
	none.Close()
	if err := none.Flush(t.Context()); err != nil || none.Name() != "off" || none.Get(t.Context(), keysOf(0, 2))[1] != nil {
		t.Error("a nil cache must keep nothing")
	}
	c, _ := opened(t, "", Options{})
	if want, _ := defaultPath(); c.Name() != want || !strings.HasSuffix(want, filepath.Join("pgsrm", "cache.bolt")) {
		t.Errorf("default: got %q, want %q", c.Name(), want)
	}
	for location, want := range map[string]string{
		"redis://u:geheim@h:1/x y": "cache: redis://h:1/x%20y: must be redis://[USER:PASSWORD@]HOST[:PORT][/DB]",
		"redis://:geheim%zz@h":     "cache: URL of Redis must be redis://[USER:PASSWORD@]HOST[:PORT][/DB] (not shown, it may hold a password)",
	} {
		if _, err := Open(location, Options{}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestKey(t *testing.T) {
	seen := map[Key]string{}
	for _, parts := range [][3]string{
		{"answer", "ab", "c"}, {"answer", "a", "bc"}, {"answer", "abc", ""}, {"answer", "", "abc"}, {"vector", "ab", "c"}, {"answer", "ab", "c\x00"},
	} {
		k := NewKey(Kind(parts[0]), parts[1], parts[2])
		if other, ok := seen[k]; ok {
			t.Errorf("%q and %s have one key", parts, other)
		}
		seen[k] = fmt.Sprint(parts)
		if back, err := parseKey(k.String()); err != nil || back != k {
			t.Errorf("%v reads back as %v, %v", k, back, err)
		}
	}
	// The encoding is fixed: keys of today must find the entries of yesterday.
	if got := NewKey(Answer, "source", "request").String(); got != goldenKey {
		t.Errorf("key changed: %s", got)
	}
	if _, err := parseKey("00ff"); err == nil || err.Error() != `cache: key must be 64 hex digits (got "00ff")` {
		t.Errorf("short key: %v", err)
	}
}
