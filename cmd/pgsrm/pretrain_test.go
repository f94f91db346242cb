package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/run"
)

// quiet are global options for a run function called in process.
func quiet(stdout io.Writer) *globalOptions {
	return &globalOptions{
		Threads: 1, Cache: "off",
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: io.Discard, Log: slog.New(slog.DiscardHandler),
	}
}

// A child of any legal size can be loaded again and has the size that was asked for.
func TestPretrainedChildLoads(t *testing.T) {
	text := filepath.Join(t.TempDir(), "lines.txt")
	folder{t}.write(text, "red and blue is purple\nyellow and blue is green\n")
	for _, c := range []struct {
		layers, width, heads, vocab, positions int
		dtype                                  string
	}{
		{1, 1, 1, 257, 1, "F32"},
		{1, 1, 1, 257, 2, "BF16"},
		{2, 17, 1, 258, 3, "F32"},
		{1, 5, 5, 300, 7, "BF16"},
		{3, 6, 2, 261, 64, "F32"},
		{1, 33, 11, 1000, 129, "BF16"},
		{1, 130, 1, 257, 5, "F32"},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			o := defaultPretrainOptions()
			o.Out, o.Text, o.DType = filepath.Join(t.TempDir(), "child"), text, c.dtype
			o.Layers, o.Width, o.Heads, o.Vocab, o.Positions = c.layers, c.width, c.heads, c.vocab, c.positions
			o.Train.Steps, o.Train.Batch = 2, 3
			if err := runPretrain(context.Background(), o, quiet(io.Discard)); err != nil {
				t.Fatal(err)
			}
			m, err := run.OpenChild(o.Out)
			if err != nil {
				t.Fatal(err)
			}
			got := m.Config
			if got.Layers != c.layers || got.Width != c.width || got.Heads != c.heads || got.Positions != c.positions || got.Vocab > c.vocab {
				t.Errorf("config %+v", got)
			}
		})
	}
}
