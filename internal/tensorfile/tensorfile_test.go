package tensorfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
)

// streamFS opens files that can only be read from the start.
type streamFS struct{ fs.FS }

type stream struct{ fs.File }

func (s streamFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return stream{f}, nil
}

// Files are read at any place, those that have only a stream too.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, fsys := range map[string]fs.FS{
		"folder": os.DirFS(dir), "memory": fstest.MapFS{"f": {Data: []byte("0123456789")}}, "stream": streamFS{os.DirFS(dir)},
	} {
		f, err := Open(fsys, "f")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b := make([]byte, 3)
		if _, err := f.ReadAt(b, 4); err != nil || string(b) != "456" || f.Size != 10 {
			t.Errorf("%s: got %q of %d bytes, %v", name, b, f.Size, err)
		}
		if _, err := f.ReadAt(b, 9); !errors.Is(err, io.EOF) {
			t.Errorf("%s: over the end: got %v", name, err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Open(fsys, "absent"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: an absent file: got %v", name, err)
		}
	}
}

// All rows are made once, in order, some at a time; an error of write ends it.
func TestRows(t *testing.T) {
	for _, c := range []struct{ rows, width, calls int }{{5, 3, 1}, {3, blockLen, 3}, {2, 2*blockLen + 1, 2}, {0, 7, 0}} {
		var buf, got []float32
		calls := 0
		fill := func(dst []float32, lo int) {
			for i := range dst {
				dst[i] = float32(lo*c.width + i)
			}
		}
		err := Rows(&buf, c.rows, c.width, fill, func(x []float32) error {
			calls++
			got = append(got, x...)
			return nil
		})
		want := make([]float32, c.rows*c.width)
		for i := range want {
			want[i] = float32(i)
		}
		if err != nil || calls != c.calls || !slices.Equal(got, want) {
			t.Errorf("%d rows of %d: got %d numbers in %d calls, %v", c.rows, c.width, len(got), calls, err)
		}
	}
	full := errors.New("full")
	var buf []float32
	calls := 0
	err := Rows(&buf, 9, blockLen, func([]float32, int) {}, func([]float32) error { calls++; return full })
	if !errors.Is(err, full) || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
}
