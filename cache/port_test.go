package cache

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.etcd.io/bbolt"
)

// mixed is a cache with entries of three sources and two times.
func mixed(t *testing.T) (*Cache, *clock) {
	t.Helper()
	clk := newClock()
	c, _ := opened(t, filepath.Join(t.TempDir(), "cache.bolt"), Options{Now: clk.Now})
	put := func(kind Kind, source string, lo, hi int) {
		for n := lo; n < hi; n++ {
			c.Put(kind, source, NewKey(kind, source, string(rune(n))), valueOf(n))
		}
	}
	put(Vector, "encoder:a", 0, 20)
	put(Answer, "openai:m@lab", 20, 30)
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	clk.move(time.Hour)
	put(Vector, "encoder:b", 30, 35)
	return c, clk
}

func TestStats(t *testing.T) {
	c, clk := mixed(t)
	s, err := c.Stats(t.Context())
	if err != nil || s.Entries != 35 || s.Damaged != 0 || s.Location != c.Name() || len(s.Sources) != 3 {
		t.Fatalf("got %+v, %v", s, err)
	}
	one := s.Sources[1]
	if one.Kind != Vector || one.Source != "encoder:a" || one.Entries != 20 || !one.Last.Equal(clk.Now().Add(-time.Hour)) {
		t.Errorf("got %+v", one)
	}
	var bytes int64
	for _, one := range s.Sources {
		bytes += one.Bytes
	}
	if bytes != s.Bytes {
		t.Errorf("%d bytes of sources, %d in all", bytes, s.Bytes)
	}
}

// What is exported is imported elsewhere as it was, into any store.
func TestExportImport(t *testing.T) {
	c, _ := mixed(t)
	var all bytes.Buffer
	if n, bad, err := c.Export(t.Context(), &all, Filter{}); n != 35 || bad != 0 || err != nil {
		t.Fatalf("exported %d, %d, %v", n, bad, err)
	}
	for _, location := range []string{filepath.Join(t.TempDir(), "other.bolt"), "redis://" + miniredis.RunT(t).Addr()} {
		other, _ := opened(t, location, Options{})
		if n, err := other.Import(t.Context(), bytes.NewReader(all.Bytes())); n != 35 || err != nil {
			t.Fatalf("imported %d, %v", n, err)
		}
		var again bytes.Buffer
		if _, _, err := other.Export(t.Context(), &again, Filter{}); err != nil {
			t.Fatal(err)
		}
		if sorted(again.String()) != sorted(all.String()) {
			t.Errorf("%s: exports something else", location)
		}
	}
	var some bytes.Buffer
	if n, _, err := c.Export(t.Context(), &some, Filter{Kind: Vector, Source: "coder:a"}); n != 20 || err != nil {
		t.Errorf("exported %d of one source, %v", n, err)
	}
}

func sorted(lines string) string {
	return strings.Join(slices.Sorted(strings.Lines(lines)), "") // the order of entries is that of the store
}

func TestImportErrors(t *testing.T) {
	c, _ := mixed(t)
	var all bytes.Buffer
	if _, _, err := c.Export(t.Context(), &all, Filter{Kind: Answer}); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(all.String(), "\n")
	for name, c := range map[string]struct {
		text, want string
		n          int
	}{
		"empty":    {"", `line 1: must be {"format":"pgsrm-cache","version":1}`, 0},
		"other":    {"{\"format\":\"other\"}\n", `line 1: must be {"format":"pgsrm-cache","version":1}`, 0},
		"cut":      {lines[0] + lines[1] + lines[2][:30], "line 3: must be a JSON object", 1},
		"no end":   {strings.Join(lines[:4], ""), "line 5: must be the number of entries (the file is cut off)", 3},
		"missing":  {strings.Join(lines[:4], "") + strings.Join(lines[5:], ""), "line 11: must follow 10 entries (got 9)", 9},
		"changed":  {lines[0] + strings.Replace(lines[1], `"source":"openai`, `"source":"0penai`, 1), "line 2: checksum must match", 0},
		"no json":  {lines[0] + "hello\n", "line 2: must be a JSON object", 0},
		"bad key":  {lines[0] + `{"key":"00"}` + "\n", "line 2: key must be 64 hex digits", 0},
		"bad kind": {lines[0] + strings.Replace(lines[1], `"answer"`, `"child"`, 1), `line 2: cache: kind must be answer, vector or reward (got "child")`, 0},
	} {
		into, _ := opened(t, filepath.Join(t.TempDir(), "cache.bolt"), Options{})
		n, err := into.Import(t.Context(), strings.NewReader(c.text))
		if want := "cache: " + c.want + ": not an export of pgsrm"; n != c.n || err == nil || err.Error() != want || !errors.Is(err, ErrImport) {
			t.Errorf("%s: got %d, %v, want %d, %s", name, n, err, c.n, want)
		}
		if s, err := into.Stats(t.Context()); err != nil || s.Entries != int64(c.n) {
			t.Errorf("%s: %d entries, %v", name, s.Entries, err)
		}
	}
}

// endless is a line that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// A line that never ends is given up.
func TestImportOfAnEndlessLine(t *testing.T) {
	c, _ := opened(t, filepath.Join(t.TempDir(), "cache.bolt"), Options{})
	head := strings.NewReader("{\"format\":\"pgsrm-cache\",\"version\":1}\n")
	if _, err := c.Import(t.Context(), io.MultiReader(head, endless{})); !errors.Is(err, ErrImport) || !strings.Contains(err.Error(), "line 2: must have at most ") {
		t.Errorf("got %v", err)
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte("{\"format\":\"pgsrm-cache\",\"version\":1}\n{\"entries\":0}\n"))
	f.Add([]byte("{\"format\":\"pgsrm-cache\",\"version\":1}\n{\"key\":\"00\"}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, _ := opened(t, filepath.Join(t.TempDir(), "cache.bolt"), Options{})
		n, err := c.Import(t.Context(), bytes.NewReader(text))
		if s, wrong := c.Stats(t.Context()); wrong != nil || s.Entries > int64(n) || s.Damaged > 0 {
			t.Errorf("imported %d (%v), holds %+v, %v", n, err, s, wrong)
		}
	})
}

func TestPrune(t *testing.T) {
	for name, c := range map[string]struct {
		f       Filter
		choose  bool
		limit   int64
		removed int64
	}{
		"nothing":   {Filter{}, false, 0, 0},
		"all":       {Filter{}, true, 0, 35},
		"one kind":  {Filter{Kind: Answer}, true, 0, 10},
		"source":    {Filter{Source: "encoder:"}, true, 0, 25},
		"old":       {Filter{Before: newClock().Now().Add(time.Minute)}, true, 0, 30},
		"size":      {Filter{}, false, 12_000, 29},
		"both":      {Filter{Kind: Answer}, true, 12_000, 29},
		"large":     {Filter{}, false, 1 << 30, 0},
		"no source": {Filter{Source: "nobody"}, true, 0, 0},
	} {
		in, _ := mixed(t)
		before, err := in.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dry, err := in.Prune(t.Context(), c.f, c.choose, c.limit, true)
		if err != nil || dry.Removed != c.removed {
			t.Errorf("%s: dry %+v, %v, want %d removed", name, dry, err, c.removed)
		}
		p, err := in.Prune(t.Context(), c.f, c.choose, c.limit, false)
		if err != nil || p != dry {
			t.Errorf("%s: %+v, dry %+v, %v", name, p, dry, err)
		}
		after, err := in.Stats(t.Context())
		if err != nil || after.Entries != p.Left || after.Bytes != p.LeftBytes || before.Bytes != p.LeftBytes+p.RemovedBytes {
			t.Errorf("%s: %+v before, %+v after %+v, %v", name, before, after, p, err)
		}
	}
}

// A prune gives back the space and removes damaged entries.
func TestPruneCompacts(t *testing.T) {
	path := filled(t, 2000)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	rewrite(t, path, func(tx *bbolt.Tx) error {
		key := keyOf(1999)
		return tx.Bucket(entriesBucket).Put(key[:], []byte("nonsense"))
	})
	c, w := opened(t, path, Options{})
	p, err := c.Prune(t.Context(), Filter{}, false, 200_000, false)
	if err != nil || p.Damaged != 1 || p.LeftBytes > 200_000 || p.LeftBytes < 180_000 {
		t.Fatalf("%+v, %v", p, err)
	}
	after, err := os.Stat(path)
	if err != nil || after.Size() > before.Size()/4 {
		t.Errorf("%d bytes, before %d; %v", after.Size(), before.Size(), err)
	}
	if got := present(t, c, 0, 2000); got != int(p.Left) || w.text() != "" {
		t.Errorf("%d entries, want %d; %s", got, p.Left, w.text())
	}
}
