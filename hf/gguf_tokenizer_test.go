package hf

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"pgsrm/gguf"
	"pgsrm/tokenizer"
)

// filesFS is a folder that holds files.
func filesFS(files map[string][]byte) fstest.MapFS {
	dir := fstest.MapFS{}
	for name, data := range files {
		dir[name] = &fstest.MapFile{Data: data}
	}
	return dir
}

// readMetadata reads the metadata of a GGUF file.
func readMetadata(t testing.TB, path string) gguf.Metadata {
	t.Helper()
	f, err := gguf.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Metadata
}

// TestSmolLM2Tokenizer: the tokenizer of a real file, SmolLM2-135M-Instruct, makes the
// ids of llama.cpp: digits one by one, special tokens where they are asked for.
func TestSmolLM2Tokenizer(t *testing.T) {
	path := os.Getenv("PGSRM_SMOLLM2")
	if path == "" {
		t.Skip("PGSRM_SMOLLM2 does not name the GGUF file of SmolLM2-135M-Instruct")
	}
	files, err := ggufTokenizerFiles(readMetadata(t, path))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.LoadFS(filesFS(files))
	if err != nil {
		t.Fatal(err)
	}
	const text = "Hello world 1234 <|im_start|>"
	got := [][]int32{tok.EncodeSpecial(text), tok.Encode(text)}
	want := [][]int32{{19556, 905, 216, 33, 34, 35, 36, 216, 1}, {19556, 905, 216, 33, 34, 35, 36, 2067, 108, 306, 79, 3738, 108, 46}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
