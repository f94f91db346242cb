package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pgsrm/run"
)

// impatient is a context that ends once it was asked so often.
type impatient struct {
	context.Context
	left atomic.Int64
}

func (c *impatient) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestPretrainAndSFTResume: interrupted and resumed they write the bytes, and
// print the numbers, of a training that was left alone.
func TestPretrainAndSFTResume(t *testing.T) {
	dir := t.TempDir()
	child, text := filepath.Join(dir, "child"), filepath.Join(dir, "text.txt")
	if err := errors.Join(writeChild(child), os.WriteFile(text, []byte(strings.Repeat("red and blue\ngreen or grey\n", 9)), 0o644)); err != nil {
		t.Fatal(err)
	}
	small := []string{"--layers", "1", "--width", "8", "--heads", "2", "--vocab", "280", "--positions", "32", "--steps", "12", "--batch", "2"}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"pretrain on text", append([]string{"pretrain", "--text", text}, small...)},
		{"pretrain on the corpus", append([]string{"pretrain"}, small...)},
		{"pretrain a child", []string{"pretrain", "--init", child, "--text", text, "--steps", "12", "--batch", "2"}},
		{"sft", []string{"sft", "--child", child, "--task", "opposites", "--epochs", "1"}},
		{"sft of an adapter", []string{"sft", "--child", child, "--task", "opposites", "--epochs", "1", "--lora-rank", "2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && c.name == "pretrain on the corpus" {
				t.Skip("a tokenizer of the whole corpus; text of one's own takes the same paths")
			}
			out := filepath.Join(t.TempDir(), "out")
			args := append(c.args, "--out", out, "--checkpoint-every", "4", "--json", "--threads", "1")
			command := func(ctx context.Context, more ...string) (string, error) {
				var stdout, stderr bytes.Buffer
				g := &globalOptions{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Cache: "off"}
				root := newRootCommand(g)
				root.SetArgs(append(slices.Clone(args), more...))
				err := root.ExecuteContext(ctx)
				return stdout.String(), err
			}
			want, err := command(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			files := folderFiles(t, filepath.Dir(out))
			if err := os.RemoveAll(out); err != nil {
				t.Fatal(err)
			}
			interrupted, got := 0, ""
			for patience := int64(1); ; patience += 6 {
				ctx := &impatient{Context: t.Context()}
				ctx.left.Store(patience)
				if got, err = command(ctx, "--resume"); err == nil {
					break
				}
				if code := exitCode(err); code != exitInterrupted {
					t.Fatalf("exit code %d: %v", code, err)
				}
				if errors.Is(err, run.ErrInterrupted) {
					interrupted++
				}
				if _, err := os.Stat(out); err == nil {
					t.Fatal("an interrupted training must not write the child")
				}
			}
			if interrupted == 0 {
				t.Fatal("no training was interrupted between two updates")
			}
			if got != want {
				t.Errorf("printed %s, want %s", got, want)
			}
			if !maps.Equal(folderFiles(t, filepath.Dir(out)), files) {
				t.Error("the child must be that of a training that was left alone")
			}
		})
	}
}

// folderFiles are the contents of the files below dir.
func folderFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, dir)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
