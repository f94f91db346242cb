package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// boltFile is the bytes of a file, to be damaged on purpose.
type boltFile struct {
	b    []byte
	meta meta
}

// read opens the bytes of a whole file.
func readBolt(t testing.TB, b []byte) boltFile {
	t.Helper()
	m, err := readMeta(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return boltFile{b, m}
}

func (f boltFile) page(id uint64) []byte { return f.b[int64(id)*f.meta.pageSize:] }

// find is the first page of a kind with at least so many elements.
func (f boltFile) find(t testing.TB, kind, least uint16) uint64 {
	t.Helper()
	for id := uint64(2); id < f.meta.high; id++ {
		if p := f.page(id); native.Uint64(p) == id && native.Uint16(p[8:]) == kind && native.Uint16(p[10:]) >= least {
			return id
		}
	}
	t.Fatalf("no page of kind %d", kind)
	return 0
}

// setMeta changes a number of both meta pages, with their checksums.
func (f boltFile) setMeta(offset int, v uint64) {
	for _, at := range []int64{0, f.meta.pageSize} {
		body := f.b[at+pageHead:]
		binary.NativeEndian.PutUint64(body[offset:], v)
		sum := fnv.New64a()
		sum.Write(body[:metaSum])
		binary.NativeEndian.PutUint64(body[metaSum:], sum.Sum64())
	}
}

// put16, put32 and put64 write a number into a page.
func put16(p []byte, at int, v uint16) { binary.NativeEndian.PutUint16(p[at:], v) }
func put32(p []byte, at int, v uint32) { binary.NativeEndian.PutUint32(p[at:], v) }
func put64(p []byte, at int, v uint64) { binary.NativeEndian.PutUint64(p[at:], v) }

// craft are damages that end a process, or that bbolt would follow through all
// memory.
var craft = map[string]func(t testing.TB, f boltFile){
	"branch that leads to itself": func(t testing.TB, f boltFile) {
		id := f.find(t, branchPage, 2)
		for i := range int(native.Uint16(f.page(id)[10:])) {
			put64(f.page(id), pageHead+16*i+8, id)
		}
	},
	"page with two parents": func(t testing.TB, f boltFile) {
		p := f.page(f.find(t, branchPage, 2))
		put64(p, pageHead+16+8, native.Uint64(p[pageHead+8:]))
	},
	"branch beyond the end": func(t testing.TB, f boltFile) {
		put64(f.page(f.find(t, branchPage, 2)), pageHead+8, f.meta.high+5)
	},
	"branch to a meta page": func(t testing.TB, f boltFile) { put64(f.page(f.find(t, branchPage, 2)), pageHead+8, 1) },
	"branch without elements": func(t testing.TB, f boltFile) {
		put16(f.page(f.find(t, branchPage, 2)), 10, 0)
	},
	"key outside of a branch": func(t testing.TB, f boltFile) { put32(f.page(f.find(t, branchPage, 2)), pageHead+4, 1<<31) },
	"value outside of a leaf": func(t testing.TB, f boltFile) { put32(f.page(f.find(t, leafPage, 4)), pageHead+12, 1<<31-1) },
	"leaf of 65535":           func(t testing.TB, f boltFile) { put16(f.page(f.find(t, leafPage, 4)), 10, 0xFFFF) },
	"endless page":            func(t testing.TB, f boltFile) { put32(f.page(f.find(t, leafPage, 4)), 12, 1<<32-1) },
	"leaf of another number":  func(t testing.TB, f boltFile) { put64(f.page(f.find(t, leafPage, 4)), 0, 3) },
	"bucket in a bucket":      func(t testing.TB, f boltFile) { put32(f.page(f.find(t, leafPage, 10)), pageHead, bucketFlag) },
	"free list of 2^62": func(t testing.TB, f boltFile) {
		put16(f.page(f.meta.freelist), 10, 0xFFFF)
		put64(f.page(f.meta.freelist), pageHead, 1<<62)
	},
	"free list of 2^31": func(t testing.TB, f boltFile) {
		put16(f.page(f.meta.freelist), 10, 0xFFFF)
		put64(f.page(f.meta.freelist), pageHead, 1<<31)
	},
	"free list beyond its page": func(t testing.TB, f boltFile) { put16(f.page(f.meta.freelist), 10, 0xFFFE) },
	"free pages beyond the end": func(t testing.TB, f boltFile) {
		put16(f.page(f.meta.freelist), 10, 1)
		put64(f.page(f.meta.freelist), pageHead, 1<<40)
	},
	"free page in use": func(t testing.TB, f boltFile) {
		put16(f.page(f.meta.freelist), 10, 1)
		put64(f.page(f.meta.freelist), pageHead, f.meta.root)
	},
	"free page twice": func(t testing.TB, f boltFile) {
		p := f.page(f.meta.freelist)
		put16(p, 10, 2)
		put64(p, pageHead, f.meta.high-1)
		put64(p, pageHead+8, f.meta.high-1)
	},
	"free list that is no list":  func(t testing.TB, f boltFile) { put16(f.page(f.meta.freelist), 8, leafPage) },
	"no free list":               func(t testing.TB, f boltFile) { f.setMeta(32, 1<<64-1) },
	"root beyond the end":        func(t testing.TB, f boltFile) { f.setMeta(16, 1<<50) },
	"root that is the free list": func(t testing.TB, f boltFile) { f.setMeta(16, f.meta.freelist) },
	"2^60 pages":                 func(t testing.TB, f boltFile) { f.setMeta(40, 1<<60) },
	"pages of no byte":           func(t testing.TB, f boltFile) { f.setMeta(8, 0) },
	"pages of 2^31 bytes":        func(t testing.TB, f boltFile) { f.setMeta(8, 1<<31) },
}

// A file that would end the process is set aside before bbolt sees it, with one
// warning, and a new one takes its place.
func TestFilesThatWouldEndTheProcess(t *testing.T) {
	const n = 400
	whole, err := os.ReadFile(filled(t, n))
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range craft {
		t.Run(name, func(t *testing.T) {
			f := readBolt(t, bytes.Clone(whole))
			damage(t, f)
			path := filepath.Join(t.TempDir(), "cache.bolt")
			if err := os.WriteFile(path, f.b, 0o600); err != nil {
				t.Fatal(err)
			}
			c, w := opened(t, path, Options{})
			if got := present(t, c, 0, n); got != 0 {
				t.Errorf("%d entries of a damaged file", got)
			}
			putAll(c, n, 2*n)
			if err := c.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			if got := present(t, c, n, 2*n); got != n || strings.Count(w.text(), "\n") != 0 || !strings.Contains(w.text(), "is damaged: set aside as cache.bolt.corrupt-") {
				t.Errorf("%d of %d entries; warnings: %s", got, n, w.text())
			}
		})
	}
}

// disturb changes bytes, words or numbers of the structure of a file.
func disturb(rng *rand.Rand, f boltFile) {
	for range 1 + rng.IntN(3) {
		page := f.page(uint64(rng.IntN(int(f.meta.high))))
		size := min(len(page), int(f.meta.pageSize))
		at := rng.IntN(size)
		if rng.IntN(4) > 0 { // the head and the first elements
			at = 8 * rng.IntN(16)
		}
		values := []uint64{0, 1, 2, 0xFFFF, 1<<32 - 1, 1<<63 - 1, 1<<64 - 1, f.meta.high, f.meta.high - 1, uint64(rng.IntN(int(f.meta.high))), rng.Uint64()}
		v := values[rng.IntN(len(values))]
		switch at = min(at, size-8); rng.IntN(4) {
		case 0:
			page[at] ^= 1 << rng.IntN(8)
		case 1:
			put16(page, at, uint16(v))
		case 2:
			put32(page, at, uint32(v))
		default:
			put64(page, at, v)
		}
	}
	if rng.IntN(8) == 0 { // meta pages that say it with a right checksum
		f.setMeta([]int{8, 16, 32, 40}[rng.IntN(4)], []uint64{0, 2, 3, 1 << 12, 1 << 40, uint64(rng.IntN(2 * int(f.meta.high)))}[rng.IntN(6)])
	}
}

// Files with any numbers changed neither end nor hang the process, nor take its
// memory, nor give a wrong value.
func TestDisturbedFiles(t *testing.T) {
	const n = 150
	cases := 1000
	if testing.Short() {
		cases = 200
	}
	whole, err := os.ReadFile(filled(t, n))
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	dir := t.TempDir()
	refused := 0
	for k := range cases {
		f := readBolt(t, bytes.Clone(whole))
		disturb(rng, f)
		path := filepath.Join(dir, fmt.Sprint(k))
		if err := os.WriteFile(path, f.b, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		refused += useDisturbed(t, path, n, k%16 == 0)
		runtime.ReadMemStats(&after)
		if took, bytes := time.Since(begun), after.TotalAlloc-before.TotalAlloc; took > 10*time.Second || bytes > 64<<20 {
			t.Fatalf("case %d: took %v and %d bytes", k, took, bytes)
		}
	}
	if refused < cases/4 || refused > cases*9/10 {
		t.Errorf("%d of %d files were refused", refused, cases)
	}
}

// useDisturbed reads, writes, lists and prunes; it returns 1 where the file was
// refused, which a cache is opened on only where all is to be tried.
func useDisturbed(t *testing.T, path string, n int, all bool) int {
	t.Helper()
	inspected := inspectPath(t, path)
	if inspected != nil && !all {
		return 1
	}
	c, err := Open(path, Options{})
	if err != nil {
		if !errors.Is(err, errForeign) {
			t.Fatal(err)
		}
		return 1
	}
	defer c.Close()
	c.store.(*file).noSync = true
	refused := 0
	if inspected != nil {
		refused = 1
	}
	if got := present(t, c, 0, n); refused == 1 && got > 0 {
		t.Fatalf("%s: %d entries of a refused file", path, got)
	}
	if refused == 0 { // what passes must bear everything
		putAll(c, n, n+40)
		c.Flush(t.Context())
		c.Stats(t.Context())
		if all { // it syncs
			c.Prune(t.Context(), Filter{}, false, 5000, false)
		}
	}
	return refused
}

func inspectPath(t *testing.T, path string) error {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return inspect(f, st.Size())
}

// A file of somebody else is refused, with one line, and nothing is touched.
func TestForeignFiles(t *testing.T) {
	other := filepath.Join(t.TempDir(), "other.db")
	rewrite(t, other, func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("users"))
		if err != nil {
			return err
		}
		return b.Put([]byte("a"), []byte("b"))
	})
	database, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"notes.txt":    []byte("this is a text of some length\n"),
		"letter":       []byte("x"),
		"long.txt":     bytes.Repeat([]byte("all work and no play\n"), 5000),
		"zeros":        make([]byte, 1<<16),
		"answers.json": []byte(`{"format":"pgsrm-cache","version":1}`),
		"other.db":     database,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, Options{})
			if err == nil || !strings.HasPrefix(err.Error(), "cache: "+path+" must be a cache file of pgsrm or a new path; it is left as it is: no cache of pgsrm") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
			// one that comes after the cache was opened is left alone as well
			late := filepath.Join(dir, "late")
			c, w := opened(t, late, Options{})
			if err := os.WriteFile(late, content, 0o644); err != nil {
				t.Fatal(err)
			}
			putAll(c, 0, 3)
			if err := c.Flush(t.Context()); !errors.Is(err, errForeign) || !strings.Contains(w.text(), "it is left as it is") {
				t.Errorf("got %v; %s", err, w.text())
			}
			c.Close()
			for _, p := range []string{path, late} {
				if got, err := os.ReadFile(p); err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s was touched (%v)", p, err)
				}
			}
			if names, _ := filepath.Glob(filepath.Join(dir, name+"*")); len(names) != 1 {
				t.Errorf("files beside it: %q", names)
			}
		})
	}
}

// What lies at the default path was a cache, whatever has become of it.
func TestDefaultPathIsOurs(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir)
	t.Setenv("HOME", dir)
	t.Setenv("LocalAppData", dir)
	path, err := defaultPath()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, 1<<15), 0o600); err != nil {
		t.Fatal(err)
	}
	c, w := opened(t, "", Options{})
	putAll(c, 0, 5)
	if err := c.Flush(t.Context()); err != nil || !strings.Contains(w.text(), "is damaged: set aside as cache.bolt.corrupt-") {
		t.Errorf("got %v; %s", err, w.text())
	}
}

// FuzzInspect: whatever a file holds, looking at it ends, and takes no more memory
// than the file is long.
func FuzzInspect(f *testing.F) {
	whole, err := os.ReadFile(filled(f, 30))
	if err != nil {
		f.Fatal(err)
	}
	whole = whole[:readBolt(f, whole).meta.high*uint64(readBolt(f, whole).meta.pageSize)]
	f.Add(whole)
	rng := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		b := readBolt(f, bytes.Clone(whole))
		disturb(rng, b)
		f.Add(b.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := inspect(bytes.NewReader(b), int64(len(b)))
		if err != nil && !errors.Is(err, errDamaged) && !errors.Is(err, errForeign) {
			t.Errorf("got %v", err)
		}
		if quick := glance(bytes.NewReader(b), int64(len(b))); quick != nil && err == nil {
			t.Errorf("a glance refuses what is whole: %v", quick)
		}
	})
}
