package lm

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestAtomicFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	text := func(s string, err error) func(w io.Writer) error {
		return func(w io.Writer) error {
			_, werr := io.WriteString(w, s)
			return errors.Join(werr, err)
		}
	}
	broken := errors.New("broken")
	if err := AtomicFile(path, text("one", nil)); err != nil {
		t.Fatal(err)
	}
	if err := AtomicFile(path, text("two", broken)); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if b, err := os.ReadFile(path); string(b) != "one" || err != nil {
		t.Fatalf("a failed write must leave the old content (got %q, %v)", b, err)
	}
	if err := AtomicFile(path, text("three", nil)); err != nil {
		t.Fatal(err)
	}
	onlyEntry(t, filepath.Dir(path), "f")
}

func TestAtomicDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d")
	fill := func(name string, err error) func(tmp string) error {
		return func(tmp string) error {
			return errors.Join(os.WriteFile(filepath.Join(tmp, name), nil, 0o600), err)
		}
	}
	broken := errors.New("broken")
	for _, step := range []struct {
		name, want string
		err        error
	}{{"a", "a", nil}, {"b", "a", broken}, {"c", "c", nil}} {
		if err := AtomicDir(path, fill(step.name, step.err)); !errors.Is(err, step.err) {
			t.Fatalf("%s: got %v", step.name, err)
		}
		onlyEntry(t, path, step.want)
		onlyEntry(t, filepath.Dir(path), "d")
	}
}

func onlyEntry(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("%s must hold %q alone (got %v, %v)", dir, name, entries, err)
	}
}
