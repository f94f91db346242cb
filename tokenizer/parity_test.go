package tokenizer

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// goldenCase is what the Hugging Face library makes of one text; see
// testdata/make_golden.py.
type goldenCase struct {
	Text    string    `json:"text"` // hex
	Special []int32   `json:"special"`
	Plain   []int32   `json:"plain"`
	IDs     []int32   `json:"ids"`
	Decoded [4]string `json:"decoded"`
}

// check compares one case.
func (c goldenCase) check(tok *Tokenizer) error {
	raw, err := hex.DecodeString(c.Text)
	if err != nil {
		return err
	}
	text := string(raw)
	if got := tok.EncodeSpecial(text); !slices.Equal(got, c.Special) {
		return fmt.Errorf("EncodeSpecial(%q)\n got %v\nwant %v\n got %q\nwant %q", text, got, c.Special, names(tok, got), names(tok, c.Special))
	}
	if got := tok.Encode(text); !slices.Equal(got, c.Plain) {
		return fmt.Errorf("Encode(%q)\n got %v\nwant %v\n got %q\nwant %q", text, got, c.Plain, names(tok, got), names(tok, c.Plain))
	}
	for i, want := range c.Decoded {
		ids := [][]int32{c.Special, c.IDs}[i/2]
		if got := tok.Decode(ids, i%2 == 1); got != want {
			return fmt.Errorf("Decode(%v, %v)\n got %q\nwant %q\ntokens %q", ids, i%2 == 1, got, want, names(tok, ids))
		}
	}
	return nil
}

func names(tok *Tokenizer, ids []int32) []string {
	var out []string
	for _, id := range ids {
		s, _ := tok.Token(id)
		out = append(out, s)
	}
	return out
}

// TestGolden compares with ids and texts made beforehand, 40 strings a kind.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.json.gz")
	if err != nil || len(files) < 30 {
		t.Fatalf("golden files: %d, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json.gz"), func(t *testing.T) {
			tok, cases := readGolden(t, path)
			for _, c := range cases {
				if err := c.check(tok); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// readGolden reads a golden file.
func readGolden(t testing.TB, path string) (*Tokenizer, []goldenCase) {
	t.Helper()
	var g struct {
		Tokenizer json.RawMessage
		Cases     []goldenCase
	}
	readGzip(t, path, &g)
	tok, err := Parse(g.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	return tok, g.Cases
}

// readGzip reads a packed JSON file.
func readGzip(t testing.TB, path string, v any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(v); err != nil {
		t.Fatal(err)
	}
}

// TestParity asks the Hugging Face library itself, 20,000 strings a kind. It needs
// PGSRM_PYTHON, a Python with the package tokenizers; PGSRM_PARITY_CASES and
// PGSRM_PARITY_SEED change the number and the seed, PGSRM_PARITY_FILES adds
// tokenizer.json files, separated by colons.
func TestParity(t *testing.T) {
	python := os.Getenv("PGSRM_PYTHON")
	if python == "" {
		t.Skip("PGSRM_PYTHON is not set: the comparison with PyPI tokenizers on 20,000 strings a kind was skipped")
	}
	count, seed := envOr("PGSRM_PARITY_CASES", "20000"), envOr("PGSRM_PARITY_SEED", "1")
	list, err := exec.Command(python, "testdata/make_golden.py", "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	kinds := strings.Fields(string(list))
	if extra := os.Getenv("PGSRM_PARITY_FILES"); extra != "" {
		kinds = append(kinds, strings.Split(extra, ":")...)
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { parity(t, python, kind, count, seed) })
	}
}

func envOr(name, value string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return value
}

// parity streams the cases of one kind.
func parity(t *testing.T, python, kind, count, seed string) {
	cmd := exec.Command(python, "testdata/make_golden.py", kind, count, seed)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bufio.NewReaderSize(out, 1<<20))
	tok := parityTokenizer(t, d, kind)
	n, bad := 0, 0
	for ; ; n++ {
		var c goldenCase
		if err := d.Decode(&c); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if err := c.check(tok); err != nil {
			if bad++; bad <= 3 {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if want, _ := strconv.Atoi(count); n != want || bad > 0 {
		t.Errorf("%d of %d strings differ (asked for %s)", bad, n, count)
	}
}

// parityTokenizer reads the first line: the tokenizer, null for a file.
func parityTokenizer(t *testing.T, d *json.Decoder, kind string) *Tokenizer {
	var first struct{ Tokenizer json.RawMessage }
	if err := d.Decode(&first); err != nil {
		t.Fatal(err)
	}
	data := []byte(first.Tokenizer)
	if string(data) == "null" {
		var err error
		if data, err = os.ReadFile(kind); err != nil {
			t.Fatal(err)
		}
	}
	tok, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}
