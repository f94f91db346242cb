package hf

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	diff "github.com/google/go-cmp/cmp"

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

// ggufTokenizer loads the tokenizer of a GGUF file.
func ggufTokenizer(t testing.TB, path string) *tokenizer.Tokenizer {
	t.Helper()
	files, err := ggufTokenizerFiles(readMetadata(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return loadTokenizer(t, files)
}

// loadTokenizer loads the tokenizer of a folder.
func loadTokenizer(t testing.TB, files map[string][]byte) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.LoadFS(filesFS(files))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// vocabCase is a text and its ids; see testdata/gguf_vocab/make.py.
type vocabCase struct {
	Text           string // hex
	Special, Plain []int32
	Llama          *vocabCase // what llama.cpp says, where it was asked
}

// check compares one case.
func (c vocabCase) check(tok *tokenizer.Tokenizer) error {
	raw, err := hex.DecodeString(c.Text)
	if err != nil {
		return err
	}
	text := string(raw)
	if got := tok.EncodeSpecial(text); !slices.Equal(got, c.Special) {
		return fmt.Errorf("EncodeSpecial(%q)\n got %v\nwant %v", text, got, c.Special)
	}
	if got := tok.Encode(text); !slices.Equal(got, c.Plain) {
		return fmt.Errorf("Encode(%q)\n got %v\nwant %v", text, got, c.Plain)
	}
	if c.Llama != nil {
		return c.Llama.check(tok)
	}
	return nil
}

// vocabFiles are the files that make.py wrote: one for each way of splitting, and
// SentencePiece's with a blank before texts and without.
func vocabFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/gguf_vocab/*.gguf")
	if err != nil || len(files) != len(splittings)+2 {
		t.Fatal(files, err)
	}
	return files
}

// TestGGUFTokenizers: the ids of small files of each kind.
func TestGGUFTokenizers(t *testing.T) {
	for _, path := range vocabFiles(t) {
		tok := ggufTokenizer(t, path)
		cases := readCases(t, strings.TrimSuffix(path, ".gguf")+".json.gz")
		for _, c := range cases {
			if err := c.check(tok); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if len(cases) != 60 {
			t.Errorf("%s: %d cases", path, len(cases))
		}
	}
}

// readCases reads a packed list of cases.
func readCases(t *testing.T, path string) (cases []vocabCase) {
	t.Helper()
	readPacked(t, path, &cases)
	return cases
}

// readPacked reads a packed JSON file.
func readPacked(t *testing.T, path string, v any) {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(v); err != nil {
		t.Fatal(err)
	}
}

// vocabPeer runs make.py and gives its output, line by line, to each.
func vocabPeer(t *testing.T, each func(line []byte), args ...string) {
	t.Helper()
	cmd := exec.Command(parityPython(t, "tokenizers, transformers, gguf"), append([]string{"testdata/gguf_vocab/make.py"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes()[max(0, stderr.Len()-2000):])
	}
	for line := range bytes.Lines(out) {
		each(line)
	}
}

// TestSmolLM2Tokenizer: the tokenizer of a real file, SmolLM2-135M-Instruct, makes the
// ids of PyPI tokenizers and of llama.cpp on 20,000 texts, and becomes its metadata
// again, all of them; PGSRM_PARITY_CASES changes the number of texts.
func TestSmolLM2Tokenizer(t *testing.T) {
	path := os.Getenv("PGSRM_SMOLLM2")
	if path == "" {
		t.Skip("PGSRM_SMOLLM2 does not name the GGUF file of SmolLM2-135M-Instruct")
	}
	tok := ggufTokenizer(t, path)
	const text = "Hello world 1234 <|im_start|>" // digits one by one, special tokens where they are asked for
	got := [][]int32{tok.EncodeSpecial(text), tok.Encode(text)}
	want := [][]int32{{19556, 905, 216, 33, 34, 35, 36, 216, 1}, {19556, 905, 216, 33, 34, 35, 36, 2067, 108, 306, 79, 3738, 108, 46}}
	if d := diff.Diff(want, got); d != "" {
		t.Error(d)
	}
	files, err := ggufTokenizerFiles(readMetadata(t, path))
	if err != nil {
		t.Fatal(err)
	}
	written, err := ggufTokenizerMetadata(filesFS(files), tok.Size())
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(tokenizerPairs(readMetadata(t, path)), tokenizerPairs(written)); d != "" {
		t.Errorf("%.2000s", d)
	}
	count := cmp.Or(os.Getenv("PGSRM_PARITY_CASES"), "20000")
	n, bad, asked := 0, 0, 0
	vocabPeer(t, func(line []byte) {
		var c vocabCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		if err := c.check(tok); err != nil {
			if bad++; bad <= 3 {
				t.Error(err)
			}
		}
		if n++; c.Llama != nil {
			asked++
		}
	}, path, count, "1")
	if strconv.Itoa(n) != count || bad > 0 {
		t.Errorf("%d of %d texts differ, %s were asked for", bad, n, count)
	}
	t.Logf("%d texts, of llama.cpp too: %d", n, asked)
}

// tokenizerPairs are the pairs of a tokenizer, by key.
func tokenizerPairs(md gguf.Metadata) gguf.Metadata {
	md = slices.DeleteFunc(slices.Clone(md), func(p gguf.Pair) bool { return !strings.HasPrefix(p.Key, "tokenizer.") })
	slices.SortFunc(md, func(a, b gguf.Pair) int { return strings.Compare(a.Key, b.Key) })
	return md
}

// TestGGUFTokenizersInTransformers: AutoTokenizer loads the folders, with the same ids.
func TestGGUFTokenizersInTransformers(t *testing.T) {
	paths, dir := vocabFiles(t), t.TempDir()
	var folders []string
	for _, path := range paths {
		files, err := ggufTokenizerFiles(readMetadata(t, path))
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(dir, strings.TrimSuffix(filepath.Base(path), ".gguf"))
		files[configFile] = []byte(`{"model_type":"llama"}`)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, data := range files {
			if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		folders = append(folders, folder)
	}
	n := 0
	vocabPeer(t, func(line []byte) {
		var got []vocabCase
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if d := diff.Diff(readCases(t, strings.TrimSuffix(paths[n], ".gguf")+".json.gz"), got); d != "" {
			t.Errorf("%s: %.2000s", paths[n], d)
		}
		n++
	}, folders...)
	if n != len(paths) {
		t.Errorf("%d of %d folders", n, len(paths))
	}
}

// TestGGUFTokenizerRoundTrip: from a file to a folder and back nothing is lost; what a
// folder becomes is what the reference implementation wrote.
func TestGGUFTokenizerRoundTrip(t *testing.T) {
	for _, path := range vocabFiles(t) {
		original := readMetadata(t, path)
		files, err := ggufTokenizerFiles(original)
		if err != nil {
			t.Fatal(err)
		}
		tokens, _ := original.Value(keyTokens)
		written, err := ggufTokenizerMetadata(filesFS(files), len(tokens.([]string)))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, p := range original {
			got, ok := written.Value(p.Key)
			if strings.HasPrefix(p.Key, "tokenizer.") && p.Key != keyScores && ok != (p.Value != false || p.Key != keyAddEOS) {
				t.Errorf("%s: %s is there: %v", path, p.Key, ok)
			}
			if d := diff.Diff(p.Value, got); ok && p.Key != keyScores && d != "" {
				t.Errorf("%s: %s: %s", path, p.Key, d)
			}
		}
		again, err := ggufTokenizerFiles(written)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if d := diff.Diff(files, again); d != "" {
			t.Errorf("%s: %.2000s", path, d)
		}
		_, scores := written.Value(keyScores)
		_, merges := written.Value(keyMerges)
		if llama := strings.Contains(path, "llama") && !strings.Contains(path, "bpe"); scores != llama || merges == llama {
			t.Errorf("%s: scores %v, merges %v", path, scores, merges)
		}
	}
}
