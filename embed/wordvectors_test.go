package embed

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// All forms of word vector files say the same: red (3,0), blue (0,4).
func TestWordVectorForms(t *testing.T) {
	for name, in := range map[string]string{
		"glove":       "red 3 0\nblue 0 4\n",
		"no newline":  "red 3 0\r\nblue 0 4",
		"word2vec":    "2 2\nred 3 0\nblue 0 4\n",
		"fasttext":    "3 2\nred 3.0 0.0 \nRed 9 9 \nblue 0.0 4e0 \n",
		"numberbatch": "4 2\n/c/de/rot 1 1\n/c/en/red 3 0\n/c/en/blue 0 4\n/c/fr/bleu 1 1\n",
		"spaces":      "red 3 0\nat home . 1 1\nblue 0 4\n",
		"gzip":        zipped(t, "2 2\nred 3 0\nblue 0 4\n"),
		"cut rune":    "3 2\nred 3 0\nabcé 1 1\nblue 0 4\n", // half of é ends what is looked at to tell text from binary
		"tabs":        "red\t3\t0\nblue\t0\t4\n",
		"binary":      binaryWords(false, 2, []string{"red", "blue"}, [][]float32{{3, 0}, {0, 4}}),
		"binary, LF":  binaryWords(true, 2, []string{"red", "blue", "red"}, [][]float32{{3, 0}, {0, 4}, {9, 9}}),
		"binary gzip": zipped(t, binaryWords(true, 2, []string{"red", "blue"}, [][]float32{{3, 0}, {0, 4}})),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "vectors")
			if err := os.WriteFile(path, []byte(in), 0o600); err != nil {
				t.Fatal(err)
			}
			e, err := Open("file:"+path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if id := e.Identity(); id.Dim != 2 || !id.Normalize || id.Pooling != "word-mean" {
				t.Errorf("identity: %+v", id)
			}
			got := e.Embed(t.Context(), []string{"Red!", "red and BLUE", "green"})
			// (3,0) -> (1,0); (3,0)+(0,4) -> (0.6,0.8)
			for i, want := range [][]float32{{1, 0}, {0.6, 0.8}} {
				if got[i].Err != nil || !near(got[i].Vector, want) {
					t.Errorf("text %d: got %v, %v, want %v", i, got[i].Vector, got[i].Err, want)
				}
			}
			if !errors.Is(got[2].Err, ErrNoMeaning) || got[2].Vector != nil {
				t.Errorf("unknown word: got %v", got[2])
			}
		})
	}
}

func near(a, b []float32) bool {
	for i := range b {
		if math.Abs(float64(a[i]-b[i])) > 1e-6 {
			return false
		}
	}
	return len(a) == len(b)
}

func TestBadWordVectors(t *testing.T) {
	nan := float32(math.NaN())
	two := binaryWords(false, 2, []string{"red", "blue"}, [][]float32{{3, 0}, {0, 4}})
	for in, want := range map[string]string{
		"":                          "must hold at least one word vector",
		"\n\n":                      "must hold at least one word vector",
		"/c/de/rot 1 1\n":           "must hold at least one word vector",
		"red 1 2\nblue 1\n":         "line 2: must be a word and 2 numbers (got 2 fields)",
		"red 1 2\nblue x 1\n":       `line 2: must hold finite numbers after the word (got "x")`,
		"red 1 2\nblue 1 2x\n":      `line 2: must hold finite numbers after the word (got "2x")`,
		"red 1 2\nblue 1  2\n":      "line 2: must have one space between numbers",
		"red 1 NaN\n":               `line 1: must hold finite numbers after the word (got "NaN")`,
		"red 1 1e39\n":              `line 1: must hold finite numbers after the word (got "1e39")`,
		"red\n":                     "line 1: must be a word and 2 to 65536 numbers (got 1 fields)",
		"2 300\nred\n":              "line 2: must be a word and 300 numbers (got 1 fields)",
		"3 2\nred 1 2\nblue 1 2\n":  "must hold 3 words, as its first line says (got 2): is it cut short?",
		"2 1\nred 1\n":              "line 1: must say at most 2147483646 words and 2 to 65536 numbers for each (got 2 and 1)",
		"\x1f\x8bnot really zipped": "gzip: invalid header",
		"\xba\x16\x4f\x2f\x0c":      "must be word vectors (got a fastText model: take its .vec file)",
		two[:len(two)-1]:            "word 2 of 2: must have 2 numbers (got unexpected EOF)",
		two[:len(two)-12]:           "word 2 of 2: must be a word and a space (got unexpected EOF)",
		two + "red":                 "must end after 2 words, as its first line says",
		binaryWords(true, 2, []string{"red"}, [][]float32{{3, nan}}): `word 1 of 1, "red": must have finite numbers (number 2 is NaN)`,
	} {
		if _, err := ReadWordVectors(strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
	long := strings.Repeat("1 ", maxWordLine)
	if _, err := ReadWordVectors(strings.NewReader("red 1 2\n" + long)); err == nil || err.Error() != "line 2: must be shorter than 1048576 bytes" {
		t.Errorf("long line: got %v", err)
	}
	cut := zipped(t, "2 2\nred 3 0\nblue 0 4\n")
	if _, err := ReadWordVectors(strings.NewReader(cut[:len(cut)-9])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("gzip cut short: got %v", err)
	}
}

func TestVectorFile(t *testing.T) {
	f, err := ReadVectorFile(strings.NewReader(`{"text":"a","vector":[1,2]}` + "\n\n" + `{"text":"","vector":[0,1],"more":1}`))
	if err != nil {
		t.Fatal(err)
	}
	got := f.Embed(t.Context(), []string{"", "b", "a"})
	if !near(got[0].Vector, []float32{0, 1}) || got[1].Err == nil || errors.Is(got[1].Err, ErrNoMeaning) || !near(got[2].Vector, []float32{1, 2}) {
		t.Errorf("got %v", got)
	}
	for in, want := range map[string]string{
		"":               "must hold at least one vector",
		`{"vector":[1]}`: `line 1: must have "text"`,
		`{"text":"a"}`:   `line 1: text "a": embed: vector must not be zero`,
		"{\"text\":\"a\",\"vector\":[1]}\n{\"text\":\"b\",\"vector\":[1,2]}": `line 2: text "b": embed: vector must have 1 numbers (got 2)`,
		`[]`: `line 1: must be {"text": "...", "vector": [...]} (got json: cannot unmarshal array into Go value of type embed.vectorLine)`,
	} {
		if _, err := ReadVectorFile(strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}

func FuzzReadWordVectors(f *testing.F) {
	f.Add("2 2\n/c/en/red 1 0\nblue 0 1\n")
	f.Add("\x1f\x8b\x08\x00")
	f.Add(binaryWords(true, 2, []string{"red", "blue"}, [][]float32{{3, 0}, {0, 4}}))
	f.Add("at home . 1 1e-3\nred 0.5 -7\n")
	f.Fuzz(func(t *testing.T, in string) {
		w, err := ReadWordVectors(strings.NewReader(in))
		if err != nil {
			return
		}
		for _, r := range w.Embed(t.Context(), []string{"red and blue", in}) {
			if r.Err == nil && Check(r.Vector, w.Identity().Dim) != nil {
				t.Error("vector must be valid")
			}
		}
	})
}
