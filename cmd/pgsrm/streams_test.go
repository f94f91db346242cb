package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// A result that cannot be written is a failure of every command, told once.
func TestResultsThatCannotBeWritten(t *testing.T) {
	t.Setenv("PGSRM_CACHE", "off")
	t.Chdir(t.TempDir())
	folder{t}.write("text", "red and blue")
	plantRun(t, "runs", `{"step":1,"episode":64,"eval/held_out/exact_match":0.5}`+"\n")
	for _, c := range []struct {
		stdin string
		args  []string
	}{
		{"", []string{"--help"}},
		{"", []string{"version"}},
		{"", []string{"version", "--json"}},
		{"", []string{"generate", "--prompt", "hot", "--max-new-tokens", "2"}},
		{"hot\n", []string{"generate", "--max-new-tokens", "2", "--json"}},
		{"hot\n", []string{"chat", "--max-new-tokens", "2"}},
		{"hot\n", []string{"chat", "--max-new-tokens", "2", "--json"}},
		{"hot\n", []string{"tokenize"}},
		{`{"text":"a b"}`, []string{"logprobs"}},
		{"red\n", []string{"embed"}},
		{`{"prompt":"p","response":"r","reference":"r"}`, []string{"score", "--task", "opposites", "--reward", "exact"}},
		{"", []string{"eval", "--text", "text"}},
		{"", []string{"probe", "--task", "opposites"}},
		{"", []string{"report", "runs"}},
		{"", []string{"report", "runs", "--json"}},
		{"", []string{"cache", "stats", "--cache", "c.bolt"}},
		{"", []string{"cache", "export", "--cache", "c.bolt"}},
		{"", []string{"doctor"}},
	} {
		var stderr strings.Builder
		code := execute(c.args, strings.NewReader(c.stdin), full{}, &stderr)
		last := stderr.String()[strings.LastIndexByte(strings.TrimSuffix(stderr.String(), "\n"), '\n')+1:]
		if code != exitFailure || !strings.HasPrefix(last, "pgsrm: ") || strings.Count(last, "no space left on device") != 1 {
			t.Errorf("%q: exit code %d, stderr %q", c.args, code, stderr.String())
		}
	}
}

// silent is an input that nobody writes to.
func silent(t *testing.T) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	return r
}

// One interrupt ends a command that waits for its input.
func TestInterruptEndsReading(t *testing.T) {
	dir := t.TempDir()
	sft := defaultSFTOptions()
	sft.Examples, sft.Out, sft.Child = "-", filepath.Join(dir, "out"), "builtin:tiny"
	generate := generateOptions{Samples: 1}
	generate.Child, generate.Template.Use = "builtin:tiny", "auto"
	generate.Sample.MaxNewTokens, generate.Sample.TopP = 1, 1
	for name, command := range map[string]func(ctx context.Context, g *globalOptions) error{
		"sft":          func(ctx context.Context, g *globalOptions) error { return runSFT(ctx, sft, g) },
		"generate":     func(ctx context.Context, g *globalOptions) error { return runGenerate(ctx, generate, g) },
		"cache import": runCacheImport,
		"tokenize": func(ctx context.Context, g *globalOptions) error {
			return runTokenize(ctx, tokenizeOptions{childOptions: childOptions{Child: "builtin:tiny"}}, g)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := quiet(io.Discard)
			g.Cache = filepath.Join(dir, "cache.bolt")
			defer func() { g.cache.Close() }()
			g.Stdin = silent(t)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- command(ctx, g) }()
			cancel()
			select {
			case err := <-ended:
				if exitCode(err) != exitInterrupted {
					t.Errorf("error %v, want an interrupt", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("must end at the first interrupt")
			}
		})
	}
}

// endless gives zero bytes for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// What is read is bounded.
func TestInputIsBounded(t *testing.T) {
	g := quiet(io.Discard)
	err := eachBatch(context.Background(), endless{}, g, 1, nil)
	if want := fmt.Sprintf("line 1: must have at most %d bytes", maxLine); err == nil || err.Error() != want || exitCode(err) != exitInput {
		t.Errorf("error %v, want %s", err, want)
	}
}

// inputs collects the texts of batches.
func inputs(got *[]string) func([]inputLine, *bufio.Writer) error {
	return func(batch []inputLine, _ *bufio.Writer) error {
		for _, line := range batch {
			*got = append(*got, line.Text)
		}
		return nil
	}
}

// The first batch that cannot be written ends the work.
func TestEachBatchEndsAtWriteError(t *testing.T) {
	calls := 0
	err := eachBatch(context.Background(), strings.NewReader("a\nb\nc\n"), quiet(full{}), 1, func(batch []inputLine, w *bufio.Writer) error {
		calls++
		w.WriteString(batch[0].Text)
		return nil
	})
	if err == nil || calls != 1 {
		t.Errorf("%d batches, error %v", calls, err)
	}
}

// The lines of a batch before a read error are worked on, and the error is told.
func TestReadErrorNamesLine(t *testing.T) {
	r := io.MultiReader(strings.NewReader("a\nb\n"), brokenReader{})
	var got []string
	err := eachBatch(context.Background(), r, quiet(io.Discard), 10, inputs(&got))
	if err == nil || err.Error() != "line 3: broken" || strings.Join(got, ",") != "a,b" {
		t.Errorf("lines %q, error %v", got, err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

// A folder is no file, a missing file is named.
func TestOpenInput(t *testing.T) {
	g := quiet(io.Discard)
	dir := t.TempDir()
	if _, err := g.openInput(dir); err == nil || err.Error() != dir+": must be a file (it is a folder)" || exitCode(err) != exitInput {
		t.Errorf("error %v", err)
	}
	if _, err := g.openInput(filepath.Join(dir, "none")); exitCode(err) != exitInput {
		t.Errorf("error %v", err)
	}
	g.Stdin = strings.NewReader("text")
	for _, name := range []string{"", "-"} {
		f, err := g.openInput(name)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if b.ReadFrom(f); name == "" && b.String() != "text" {
			t.Errorf("%q", b.String())
		}
	}
}
