package gguf

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzGGUF: no input may panic, take long or make the reader allocate far beyond the
// input's size, and what parses can be read, written and read again.
func FuzzGGUF(f *testing.F) {
	files, err := filepath.Glob("testdata/*.gguf")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		start := time.Now()
		file, err := parse(b)
		if err == nil {
			again(t, file)
		}
		if d := time.Since(start); d > 5*time.Second && len(b) < 1<<20 {
			t.Fatalf("%d bytes took %s", len(b), d)
		}
	})
}

// again reads every tensor, writes them as F32 and compares the metadata of the two
// files.
func again(t *testing.T, file *File) {
	var tensors []Tensor
	for _, info := range file.Tensors() {
		x, err := file.Floats(info.Name)
		if err != nil || len(x) != info.Len() {
			t.Fatalf("%q: %d numbers, %v", info.Name, len(x), err)
		}
		if len(info.Name) < maxName {
			tensors = append(tensors, Tensor{Name: info.Name, Shape: info.Shape, Data: x})
		}
	}
	var out bytes.Buffer
	if err := Encode(&out, file.Metadata, tensors); err != nil {
		t.Fatal(err)
	}
	second, err := parse(out.Bytes())
	if err != nil || len(second.Tensors()) != len(tensors) {
		t.Fatal(err)
	}
	if d := cmp.Diff(file.Metadata, second.Metadata, cmpopts.EquateNaNs()); d != "" {
		t.Fatal(d)
	}
}
