package wordvec

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestWordVectorsAtSize measures on a generated file of PGSRM_WORDS words of 300
// numbers (500000 is the size of the promise: 1.4 GB, half a minute).
func TestWordVectorsAtSize(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("PGSRM_WORDS"))
	if err != nil {
		t.Skip("PGSRM_WORDS is not set: speed and memory of word vectors were not measured")
	}
	path := filepath.Join(t.TempDir(), "words.txt")
	size := generateWords(t, path, n, 300)

	start := time.Now()
	w, err := Open(path, lower)
	if err != nil {
		t.Fatal(err)
	}
	built := time.Since(start)
	t.Logf("built: %.1f s, %.0f MB/s, %s", built.Seconds(), float64(size)/1e6/built.Seconds(), processMemory(t))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	start = time.Now()
	if w, err = Open(path, lower); err != nil {
		t.Fatal(err)
	}
	t.Logf("opened: %.1f ms", 1e3*time.Since(start).Seconds())
	defer w.Close()
	if w.Len() != n {
		t.Errorf("words: got %d, want %d", w.Len(), n)
	}
	uniform := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(uniform, 1.1, 2.7, uint64(n-1)) // as words come in texts
	for _, c := range []struct {
		name string
		next func() int
	}{
		{"as in texts (Zipf)", func() int { return int(zipf.Uint64()) }},
		{"among the first 15000", func() int { return uniform.IntN(min(n, 15000)) }},
		{"among all", func() int { return uniform.IntN(n) }},
	} {
		rate := lookupRate(t, w, c.next)
		t.Logf("looked up %s: %.2f million words/s, %s", c.name, rate/1e6, processMemory(t))
	}
}

// lookupRate looks a million words up, each vector added to a sum; in one thread.
func lookupRate(t *testing.T, x *Index, next func() int) (perSecond float64) {
	t.Helper()
	const lookups = 1_000_000
	asked := make([]string, 10_000)
	sum := make([]float32, x.Dim())
	var took time.Duration
	for range lookups / len(asked) {
		for i := range asked {
			asked[i] = generatedWord(next())
		}
		start := time.Now()
		for _, word := range asked {
			if ok, err := x.Add(sum, word); !ok || err != nil {
				t.Fatalf("%q must be there (%v)", word, err)
			}
		}
		took += time.Since(start)
	}
	return lookups / took.Seconds()
}

func generatedWord(i int) string { return "w" + strconv.FormatInt(int64(i)*7919+13, 36) }

// generateWords writes n words of dim normal numbers with 5 decimals.
func generateWords(t *testing.T, path string, n, dim int) (size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintf(out, "%d %d\n", n, dim)
	rng := rand.New(rand.NewPCG(5, 6))
	var line []byte
	for i := range n {
		line = append(line[:0], generatedWord(i)...)
		for range dim {
			line = strconv.AppendFloat(append(line, ' '), 0.1*rng.NormFloat64(), 'f', 5, 64)
		}
		out.Write(append(line, '\n'))
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return st.Size()
}

// processMemory is the peak of resident memory where the system tells it, and the heap.
func processMemory(t *testing.T) string {
	t.Helper()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	status, _ := os.ReadFile("/proc/self/status")
	peak := ""
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") || strings.HasPrefix(line, "RssAnon") || strings.HasPrefix(line, "RssFile") {
			peak += strings.Join(strings.Fields(line), " ") + ", "
		}
	}
	return fmt.Sprintf("%sheap in use %.0f MB", peak, float64(m.HeapInuse)/1e6)
}
