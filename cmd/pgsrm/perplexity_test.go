package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/eval"
	"pgsrm/run"
)

// Perplexity over strided windows is that of transformers on the same tokens.
// The loop of its documentation, which weights the mean of each window by one
// token less than it has, is within a few percent for small strides and the same
// where windows do not overlap.
func TestPerplexityGolden(t *testing.T) {
	var g struct {
		Text       string
		Perplexity []struct {
			Context, Stride, Tokens   int
			Perplexity, Documentation float64
		}
	}
	b, err := os.ReadFile("../../hf/testdata/chat/golden.json")
	if err == nil {
		err = json.Unmarshal(b, &g)
	}
	if err != nil || len(g.Perplexity) == 0 {
		t.Fatalf("golden.json: got %d cases, %v", len(g.Perplexity), err)
	}
	m, err := run.OpenChild("../../hf/testdata/chat")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range g.Perplexity {
		values, err := textLogProbs(t.Context(), m.Model, windows(m.Tokenizer.Encode(g.Text), c.Context, c.Stride), c.Context)
		if err != nil {
			t.Fatal(err)
		}
		got, err := eval.Perplexity(values)
		if err != nil || len(values) != c.Tokens || math.Abs(math.Log(got/c.Perplexity)) > 1e-4 {
			t.Errorf("context %d, stride %d: got %v over %d tokens, %v, want %v over %d", c.Context, c.Stride, got, len(values), err, c.Perplexity, c.Tokens)
		}
		if c.Context == c.Stride && math.Abs(math.Log(got/c.Documentation)) > 1e-4 {
			t.Errorf("context %d: got %v, want the documentation's %v", c.Context, got, c.Documentation)
		}
	}
}

// Windows are as long as the context and overlap by half where no flag says otherwise.
func TestResolveWindows(t *testing.T) {
	for _, c := range []struct{ context, stride, wantContext, wantStride int }{
		{0, 0, 64, 32}, {16, 0, 16, 8}, {16, 16, 16, 16}, {2, 1, 2, 1},
	} {
		o := evalOptions{Context: c.context, Stride: c.stride}
		if err := o.resolveWindows(64); err != nil || o.Context != c.wantContext || o.Stride != c.wantStride {
			t.Errorf("%+v: %d, %d, %v", c, o.Context, o.Stride, err)
		}
	}
}

// Text that is none is refused with its place, and nothing is trained or measured.
func TestTextMustBeUTF8(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.txt": "hot\ncold \xff\n", "a.jsonl": "{\"text\":\"hot\"}\n{\"text\":\"\xc3\"}\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"eval", "--text", path}, {"pretrain", "--text", path, "--out", filepath.Join(dir, "out")}} {
			var out, log bytes.Buffer
			if code := execute(args, strings.NewReader(""), &out, &log); code != exitInput || !strings.Contains(log.String(), path+":2: must be valid UTF-8") || out.Len() > 0 {
				t.Errorf("%s: exit code %d, %q %q", args[0], code, out.String(), log.String())
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); err == nil {
		t.Error("a child was written")
	}
}
