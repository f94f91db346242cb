package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	text := func(s string, err error) func(w io.Writer) error {
		return func(w io.Writer) error {
			_, werr := io.WriteString(w, s)
			return errors.Join(werr, err)
		}
	}
	broken := errors.New("broken")
	if err := WriteFile(path, text("one", nil)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, text("two", broken)); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if b, err := os.ReadFile(path); string(b) != "one" || err != nil {
		t.Fatalf("a failed write must leave the old content (got %q, %v)", b, err)
	}
	if err := WriteFile(path, text("three", nil)); err != nil {
		t.Fatal(err)
	}
	onlyEntry(t, filepath.Dir(path), "f")
}

func TestWriteDir(t *testing.T) {
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
		if err := WriteDir(path, fill(step.name, step.err)); !errors.Is(err, step.err) {
			t.Fatalf("%s: got %v", step.name, err)
		}
		onlyEntry(t, path, step.want)
		onlyEntry(t, filepath.Dir(path), "d")
	}
}

func onlyEntry(t *testing.T, dir, name string) {
	t.Helper()
	if got := names(t, dir); !slices.Equal(got, []string{name}) {
		t.Fatalf("%s must hold %q alone (got %q)", dir, name, got)
	}
}

// A killed process leaves temporary names; the rest of the folder is not touched.
func TestRemoveUnfinished(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		".a.tmp-17", ".b.tmp-removed", ".c.tmp-5.old", "c", // leftovers; c has taken its place
		".tmp-1", ".notes.tmp-draft", "x.tmp-1", // files of the user
	} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveUnfinished(dir); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), []string{".notes.tmp-draft", ".tmp-1", "c", "x.tmp-1"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if err := RemoveUnfinished(filepath.Join(dir, "absent")); err != nil {
		t.Fatal(err)
	}
}

// What others left beside a path is theirs.
func TestRemoveUnfinishedAt(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".a.tmp-17", ".b.tmp-17", ".b.tmp-removed", ".bb.tmp-1", "b.tmp-1"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveUnfinishedAt(filepath.Join(dir, "b") + string(filepath.Separator)); err != nil {
		t.Fatal(err)
	}
	if got, want := names(t, dir), []string{".a.tmp-17", ".bb.tmp-1", "b.tmp-1"}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if err := RemoveUnfinishedAt(filepath.Join(dir, "absent", "b")); err != nil {
		t.Fatal(err)
	}
}

// Killed after the old folder was moved away and before the new one has its name.
func TestRemoveUnfinishedGivesNameBack(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".d.tmp-5.old", ".d.tmp-5"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveUnfinished(dir); err != nil {
		t.Fatal(err)
	}
	onlyEntry(t, dir, "d")
}

func TestRemoveDir(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "d")
	if err := os.MkdirAll(filepath.Join(path, "deep", "er"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := RemoveDir(path); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); len(got) > 0 {
		t.Fatalf("got %q", got)
	}
}

// Who looks whether a lock is held does not make it held for others who look.
func TestHeldTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	looking, err := tryLock(path, os.O_RDWR|os.O_CREATE, 0o600, together)
	if err != nil {
		t.Fatal(err)
	}
	if held, err := Held(path); held || err != nil {
		t.Errorf("held %v, %v", held, err)
	}
	if _, err := TryLock(path, 0o600); !errors.Is(err, ErrHeld) {
		t.Errorf("a lock while somebody looks: %v", err)
	}
	if err := looking.Release(); err != nil {
		t.Error(err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if held, err := Held(path); held || err != nil {
		t.Fatalf("an absent file: held %v, %v", held, err)
	}
	if got := names(t, filepath.Dir(path)); len(got) > 0 {
		t.Fatalf("Held must make no file (got %q)", got)
	}
	l, err := TryLock(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Sign(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(path, 0o600); !errors.Is(err, ErrHeld) {
		t.Fatalf("a second lock: got %v", err)
	}
	if held, err := Held(path); !held || err != nil {
		t.Fatalf("held %v, %v", held, err)
	}
	if got, want := Owner(path), fmt.Sprintf("process %d on ", os.Getpid()); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, " since 2026-01-02T03:04:05Z") {
		t.Fatalf("got owner %q", got)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := TryLock(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(again.Sign(time.Time{}), again.Release()); err != nil {
		t.Fatal(err)
	}
	if got := Owner(path); strings.Contains(got, "since") {
		t.Fatalf("got owner %q", got)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// What a killed writer left is deleted; what is being written, what is new and what
// belongs to others stays.
func TestRemoveAbandoned(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vectors.index")
	now := time.Now()
	old := now.Add(-2 * abandonedAfter)
	put := func(name string, modified time.Time) string {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, modified, modified); err != nil {
			t.Fatal(err)
		}
		return p
	}
	abandoned := put(".vectors.index.tmp-17", old)
	kept := []string{
		put(".vectors.index.tmp-18", now), put(".other.index.tmp-19", old),
		put("vectors.index", old), put(".vectors.index.tmp-x", old),
	}
	err := WriteFile(path, func(w io.Writer) error {
		writing := w.(*os.File).Name()
		if err := os.Chtimes(writing, old, old); err != nil {
			return err
		}
		kept = append(kept, writing)
		if err := RemoveAbandoned(path, now); err != nil {
			t.Error(err)
		}
		for _, p := range kept {
			if _, err := os.Stat(p); err != nil {
				t.Errorf("must stay: %v", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abandoned); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s must be deleted (%v)", abandoned, err)
	}
	if err := RemoveAbandoned(filepath.Join(dir, "no", "such"), now); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent folder: got %v", err)
	}
}

// A file that its holder discards after another process has opened it is no lock any
// more: a third process makes a new one.
func TestDiscardedLockIsNoLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder, err := TryLock(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	late, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	if _, err := take(late, path, alone); !errors.Is(err, ErrHeld) {
		t.Fatalf("held: got %v", err)
	}
	if err := holder.Discard(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Dir(path)); len(got) > 0 {
		t.Fatalf("left %q", got)
	}
	if taken, err := take(late, path, alone); taken || err != nil {
		t.Fatalf("a discarded file was taken for the lock (%v)", err)
	}
	third, err := TryLock(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if taken, _ := take(late, path, alone); taken {
		t.Fatal("two hold one lock")
	}
	if err := third.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestSHA256(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, appendix B.1
	if got, err := SHA256(path); got != want || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}
