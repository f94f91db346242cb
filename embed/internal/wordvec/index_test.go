package wordvec

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The index gives back what a plain map of the words holds: the first vector of
// each word, and nothing for any other word.
func TestWordIndexIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.IntRange(2, 5).Draw(t, "dim")
		names := rapid.SliceOfN(rapid.StringMatching(`[a-zé#]{1,3}( [a-z]{1,2})?`), 1, 40).Draw(t, "words")
		want := map[string][]float32{}
		var text strings.Builder
		fmt.Fprintf(&text, "%d %d\n", len(names), dim)
		var vectors [][]float32
		for i, name := range names {
			v := make([]float32, dim)
			for e := range v {
				v[e] = rapid.Float32Range(-10, 10).Draw(t, "x")
			}
			if i == 0 {
				v[0] = 1 // has a byte 0: binary numbers may look like a text by chance, in vectors as short as these
			}
			vectors = append(vectors, v)
			if _, have := want[strings.ToLower(name)]; !have {
				want[strings.ToLower(name)] = v
			}
			text.WriteString(name)
			for _, x := range v {
				fmt.Fprintf(&text, " %v", x)
			}
			text.WriteByte('\n')
		}
		for _, in := range []string{text.String(), binaryWords(rapid.Bool().Draw(t, "ended"), dim, onlyFirstField(names), vectors)} {
			w, err := Read(strings.NewReader(in), lower)
			if err != nil {
				t.Fatalf("%q: %v", in, err)
			}
			if in != text.String() { // words of the binary form end at the first space
				want = map[string][]float32{}
				for i, name := range onlyFirstField(names) {
					if _, have := want[strings.ToLower(name)]; !have {
						want[strings.ToLower(name)] = vectors[i]
					}
				}
			}
			if w.Len() != len(want) {
				t.Fatalf("words: got %d, want %d", w.Len(), len(want))
			}
			for name, v := range want {
				sum := make([]float32, dim)
				if ok, err := w.Add(sum, name); !ok || err != nil || !near(sum, v) {
					t.Fatalf("%q: got %v, want %v", name, sum, v)
				}
			}
			if _, ok := w.find("not there"); ok {
				t.Fatal("a word that is not there must not be found")
			}
		}
	})
}

func onlyFirstField(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i], _, _ = strings.Cut(name, " ")
	}
	return out
}

// writeFile writes a test file and returns its path.
func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// vectorOf opens the word vectors at path and looks one word up.
func vectorOf(t *testing.T, path, word string) (sum []float32, digest [32]byte) {
	t.Helper()
	x, err := Open(path, lower)
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	sum = make([]float32, x.Dim())
	if ok, err := x.Add(sum, word); !ok || err != nil {
		t.Fatalf("%s: got %v, %v", word, ok, err)
	}
	return sum, x.Digest()
}

// The index is built once, again when the file has changed or the index is no good,
// and may be opened by itself.
func TestWordIndexIsBuiltOnce(t *testing.T) {
	path := writeFile(t, t.TempDir(), "v.txt", "red 3 0\nblue 0 4\n")
	_, id := vectorOf(t, path, "red")
	built, err := os.Stat(path + ".index")
	if err != nil {
		t.Fatal(err)
	}
	if v, again := vectorOf(t, path, "blue"); !near(v, []float32{0, 4}) || again != id {
		t.Errorf("opened again: %v, %v", v, again)
	}
	if now, err := os.Stat(path + ".index"); err != nil || !os.SameFile(built, now) {
		t.Errorf("the index must be the same file (%v)", err)
	}
	if v, own := vectorOf(t, path+".index", "red"); !near(v, []float32{3, 0}) || own != id {
		t.Errorf("the index itself: %v, %v", v, own)
	}

	writeFile(t, filepath.Dir(path), "v.txt", "red 0 -3\nblue 0 4\ngreen 1 1\n")
	if v, changed := vectorOf(t, path, "red"); !near(v, []float32{0, -3}) || changed == id {
		t.Errorf("changed file: %v, %v", v, changed)
	}
	whole, err := os.ReadFile(path + ".index")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", string(whole[:len(whole)-1]), string(whole[:60]), strings.Replace(string(whole), "blue", "bleu", 1)} {
		writeFile(t, filepath.Dir(path), "v.txt.index", bad)
		if v, _ := vectorOf(t, path, "blue"); !near(v, []float32{0, 4}) {
			t.Errorf("bad index of %d bytes: %v", len(bad), v)
		}
	}
}

// What a killed process left half built is deleted by the next build.
func TestKilledBuildLeavesNothing(t *testing.T) {
	path := writeFile(t, t.TempDir(), "v.txt", "red 3 0\nblue 0 4\n")
	half := writeFile(t, filepath.Dir(path), ".v.txt.index.tmp-123", "half")
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(half, long, long); err != nil {
		t.Fatal(err)
	}
	vectorOf(t, path, "red")
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s must be deleted (%v)", half, err)
	}
}

// A broken index that was named itself is an error, not a thing to build anew.
func TestBadWordIndex(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, dir, "v.txt", "red 3 0\nblue 0 4\n")
	vectorOf(t, path, "red")
	whole, err := os.ReadFile(path + ".index")
	if err != nil {
		t.Fatal(err)
	}
	flip := func(at int) string {
		b := bytes.Clone(whole)
		b[at] ^= 0x40
		return string(b)
	}
	for name, c := range map[string]struct{ text, want string }{
		"cut":     {string(whole[:len(whole)-1]), "must end in a trailer (is it cut short?)"},
		"head":    {string(whole[:20]), "must end in a trailer (is it cut short?)"},
		"tables":  {flip(len(whole) - indexTrailer - 1), "checksum of the words must match"},
		"trailer": {flip(len(whole) - 1), "checksum of the trailer must match"},
		"version": {flip(len(whole) - indexTrailer + 8), "version must be 1 (got 65)"},
		"longer":  {string(whole[:indexHead]) + string(whole[indexHead-8:]), "size must be that of its 2 words of 2 numbers (got 8404 bytes)"},
	} {
		_, err := Open(writeFile(t, dir, "bad", c.text), lower)
		if err == nil || !strings.HasSuffix(err.Error(), c.want) || !errors.Is(err, errIndex) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// Where the folder cannot be written, the index goes to the user's cache.
func TestWordIndexInTheCache(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Log("a folder that cannot be written needs an ordinary user: the choice is tested with a file in the way")
	}
	dir, cache := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv("LocalAppData", cache)
	path := writeFile(t, dir, "v.txt", "red 3 0\nblue 0 4\n")
	places := indexPlaces(path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	source, err := originOf(f)
	if err != nil {
		t.Fatal(err)
	}
	denied := func(f *os.File, s origin, place string) error {
		if place == places[0] {
			return &fs.PathError{Op: "open", Path: place, Err: fs.ErrPermission}
		}
		return buildAt(f, s, place, lower)
	}
	w, err := buildAnywhere(f, source, places, denied)
	if err != nil {
		t.Fatal(err)
	}
	w.close()
	if _, err := os.Stat(path + ".index"); err == nil {
		t.Error("no index must stand beside the file")
	}
	if w, err = Open(path, lower); err != nil || w.count != 2 {
		t.Fatalf("from the cache: %v", err)
	}
	w.close()
	if _, err := os.Stat(path + ".index"); err == nil {
		t.Error("the index in the cache must be taken")
	}
}

// Many goroutines read the same words.
func TestTogether(t *testing.T) {
	x, err := Read(strings.NewReader("red 3 0\nblue 0 4\ngreen 1 1\n"), lower)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 200 {
				sum := make([]float32, 2)
				for _, word := range []string{"red", "blue", "green"} {
					if ok, err := x.Add(sum, word); !ok || err != nil {
						t.Errorf("%s: got %v, %v", word, ok, err)
					}
				}
				if !near(sum, []float32{4, 5}) {
					t.Errorf("got %v", sum)
				}
			}
		})
	}
	group.Wait()
}

// failing is a writer that fails after some bytes.
type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestWordIndexWriteFails(t *testing.T) {
	var text strings.Builder
	for i := range 40000 {
		fmt.Fprintf(&text, "w%d %d 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n", i, i)
	}
	for _, left := range []int{0, 1 << 19, 2 << 20} {
		err := build(&failing{left}, strings.NewReader(text.String()), origin{}, lower)
		if err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%d bytes: got %v", left, err)
		}
	}
}

// A damaged index is an error or harmless, whatever the checksums say.
func FuzzWordIndex(f *testing.F) {
	var b bytes.Buffer
	if err := build(&b, strings.NewReader("red 3 0\nblue 0 4\n"), origin{}, lower); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), "red")
	f.Add(b.Bytes()[:100], "")
	f.Fuzz(func(t *testing.T, in []byte, word string) {
		file := bytes.NewReader(in)
		info, err := readTrailer(file, file.Size())
		if err != nil {
			return
		}
		w := &Index{trailer: info, file: file} // as newIndex, whose checksum says no
		w.split(in[info.tablesAt():][:info.tableBytes()])
		if _, err := w.Add(make([]float32, info.dim), word); err != nil {
			if row, _ := w.find(word); row < info.count {
				t.Errorf("row %d: %v", row, err)
			}
		}
	})
}
