package wordvec

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// lower is the key of the tests: lower case; words of the form /c/... but English
// ones are left out, as of Numberbatch.
func lower(word string) (string, bool) {
	if rest, ok := strings.CutPrefix(word, "/c/"); ok {
		word, ok = strings.CutPrefix(rest, "en/")
		return strings.ToLower(word), ok
	}
	return strings.ToLower(word), true
}

// binaryWords is word2vec's binary form of words and their vectors; ended puts a
// line feed after each vector, as some programs do.
func binaryWords(ended bool, dim int, words []string, vectors [][]float32) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %d\n", len(words), dim)
	for i, word := range words {
		b.WriteString(word + " ")
		for _, x := range vectors[i] {
			b.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
		}
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

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
		"mark":        "\ufeffred 3 0\nblue 0 4\n", // a byte order mark is no part of the first word
		"mark, count": "\ufeff2 2\nred 3 0\nblue 0 4\n",
		"mark, gzip":  zipped(t, "\ufeffred 3 0\nblue 0 4\n"),
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
			x, err := Open(path, lower)
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			if x.Dim() != 2 {
				t.Errorf("dimension: got %d, want 2", x.Dim())
			}
			sum := make([]float32, 2)
			for _, step := range []struct {
				word  string
				known bool
				want  []float32 // of the sum so far
			}{{"red", true, []float32{3, 0}}, {"green", false, []float32{3, 0}}, {"blue", true, []float32{3, 4}}, {"rot", false, []float32{3, 4}}} {
				if ok, err := x.Add(sum, step.word); err != nil || ok != step.known || !near(sum, step.want) {
					t.Errorf("%s: got %v, %v, sum %v, want %v, sum %v", step.word, ok, err, sum, step.known, step.want)
				}
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

func TestBadFiles(t *testing.T) {
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
		if _, err := Read(strings.NewReader(in), lower); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
	long := strings.Repeat("1 ", maxWordLine)
	if _, err := Read(strings.NewReader("red 1 2\n"+long), lower); err == nil || err.Error() != "line 2: must be shorter than 1048576 bytes" {
		t.Errorf("long line: got %v", err)
	}
	cut := zipped(t, "2 2\nred 3 0\nblue 0 4\n")
	if _, err := Read(strings.NewReader(cut[:len(cut)-9]), lower); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("gzip cut short: got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("2 2\n/c/en/red 1 0\nblue 0 1\n")
	f.Add("\x1f\x8b\x08\x00")
	f.Add(binaryWords(true, 2, []string{"red", "blue"}, [][]float32{{3, 0}, {0, 4}}))
	f.Add("at home . 1 1e-3\nred 0.5 -7\n")
	f.Fuzz(func(t *testing.T, in string) {
		x, err := Read(strings.NewReader(in), lower)
		if err != nil {
			return
		}
		sum := make([]float32, x.Dim())
		for _, word := range []string{"red", "at home .", in} {
			if _, err := x.Add(sum, word); err != nil {
				t.Errorf("%q: %v", word, err)
			}
		}
		for _, x := range sum {
			if v := float64(x); math.IsNaN(v) {
				t.Errorf("numbers must be finite (got %v)", sum)
			}
		}
	})
}

// A number is the float32 nearest to the decimal number, whichever way it is read.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`-?[0-9]{0,9}(\.[0-9]{0,9})?`),
			rapid.StringMatching(`[-+]?[0-9]{0,20}(\.[0-9]{0,25})?([eE][-+]?[0-9]{1,3})?`),
			rapid.Map(rapid.Float32(), func(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) }),
			rapid.StringMatching(`[-+.0-9eEinfNaxp_]{0,12}`),
		).Draw(t, "number")
		want, err := strconv.ParseFloat(s, 32)
		wantOK := err == nil && !math.IsInf(want, 0) && !math.IsNaN(want)
		for _, rest := range []string{"", " 2", "\tx"} {
			got, n, ok := number([]byte(s + rest))
			if ok != wantOK || ok && (n != len(s) || math.Float32bits(got) != math.Float32bits(float32(want))) {
				t.Fatalf("%q: got %v, %d bytes, %v; want %v, %d bytes, %v", s+rest, got, n, ok, float32(want), len(s), wantOK)
			}
		}
	})
}
