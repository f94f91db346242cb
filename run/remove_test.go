package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Only what is a run directory and nothing else is removed, and only where no process
// trains in it.
func TestDoom(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := Start(context.Background(), testConfig(t, whole, "episodes=32", "best.metric=eval/train/chrf", "lora.rank=2"), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	file := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("mine"), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"a file":   {file("notes.txt"), "it holds notes.txt"},
		"a folder": {file("summary.json/x"), "it holds summary.json"},
		"many": {func(t *testing.T, dir string) {
			file("a")(t, dir)
			file("b")(t, dir)
			file("c/x")(t, dir)
			file("d")(t, dir)
			file("e")(t, dir)
		}, "it holds a, b, c, 2 more"},
		"among checkpoints": {file("checkpoints/mine/model.safetensors"), "it holds " + filepath.Join("checkpoints", "mine")},
		"in the child":      {file("child/model.gguf"), "it holds model.gguf"},
		"no run": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, EnvironmentFile)); err != nil {
				t.Fatal(err)
			}
		}, "must be a run directory"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			copyDir(t, whole, dir)
			c.spoil(t, dir)
			before := snapshot(t, dir)
			if _, err := Doom(dir); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			sameFiles(t, before, dir)
		})
	}

	dir := filepath.Join(t.TempDir(), "run")
	copyDir(t, whole, dir)
	for _, name := range []string{".x.tmp-17", "curves-colors.png", "report.html"} { // what is left of a process, and a report
		file(name)(t, dir)
	}
	if err := os.Remove(filepath.Join(dir, LockFile)); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(filepath.Dir(dir), "link")
	if err := os.Symlink(dir, link); err == nil {
		if _, err := Doom(link); !errors.Is(err, ErrConfig) {
			t.Errorf("a link: %v", err)
		}
	}
	before := snapshot(t, dir)
	d, err := Doom(dir)
	if err != nil || d.Bytes < 1000 {
		t.Fatalf("%+v, %v", d, err)
	}
	if _, err := Resume(context.Background(), testConfig(t, dir), testDeps(t)); !errors.Is(err, ErrLocked) {
		t.Errorf("a run in a directory that is to be removed: %v", err)
	}
	if err := d.Spare(); err != nil {
		t.Fatal(err)
	}
	sameFiles(t, before, dir)

	training, err := openDirectory(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Doom(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("a run that goes on: %v", err)
	}
	if err := training.close(); err != nil {
		t.Fatal(err)
	}
	if d, err = Doom(dir); err == nil {
		err = d.Remove()
	}
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(dir))
	for _, e := range left {
		if e.Name() != "link" {
			t.Errorf("%s is left, %v", e.Name(), err)
		}
	}
}
