package embed

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// planar is an encoder of tokens in the plane, plus a constant third number that
// the centring must take away.
func planar(t *testing.T) Embedder {
	t.Helper()
	f, err := readVectorFile(strings.NewReader(`
		{"text":"red","vector":[2,0,5]}
		{"text":"blue","vector":[0,1,5]}
		{"text":"not","vector":[-2,0,5]}
		{"text":"s","vector":[0,-1,5]}`))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func smallStatic(t *testing.T) *Static {
	t.Helper()
	opt := DistillOptions{Contexts: []string{"%s"}, Dim: 2, Batch: 3, Origin: "test", License: "none", Source: "here"}
	s, err := Distill(t.Context(), planar(t), []string{"red", "blue", "not", "##s"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The four vectors are centred and lie on the axes, so the principal axes are x
// and y (variance 8 and 2 of 10), and cosines are those of the plane.
func TestDistillByHand(t *testing.T) {
	s := smallStatic(t)
	h := s.Header()
	if h.Variance != 1 || h.Dim != 2 || h.Tokens != 4 || h.Origin != "test" {
		t.Errorf("header: %+v", h)
	}
	vec := func(text string) []float32 {
		r := s.Embed(t.Context(), []string{text})[0]
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		return r.Vector
	}
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"red", "RED ", 1},
		{"red", "blue", 0},
		{"red", "not", -1},
		{"red blue", "red", 2 / math.Sqrt(5)},       // (2,1).(1,0)
		{"blue red", "red blue", 1},                 // no word order
		{"reds", "red", 2 / math.Sqrt(5)},           // red + ##s = (2,-1)
		{"red blue", "not blue", -3. / 5},           // (2,1).(-2,1)/5
		{"red green", "red", 1},                     // an unknown word does not count
		{"redblue", "redblue blue red", math.NaN()}, // blue cannot continue a word
	} {
		if math.IsNaN(c.want) {
			if r := s.Embed(t.Context(), []string{c.a})[0]; !errors.Is(r.Err, ErrNoMeaning) {
				t.Errorf("%q: got %v, want ErrNoMeaning", c.a, r)
			}
			continue
		}
		if got := Dot(vec(c.a), vec(c.b)); math.Abs(got-c.want) > 0.01 { // int8
			t.Errorf("%q.%q: got %.4f, want %.4f", c.a, c.b, got, c.want)
		}
	}
}

// Zipf weights: the frequent token weighs less. With a = 0.1 and four tokens,
// p = 1/2.7, 1/3.7, 1/4.7, 1/5.7 over their sum 1.0288.
func TestZipfWeights(t *testing.T) {
	got := zipfWeights(4, 0.1)
	for i, p := range []float64{0.36001, 0.26271, 0.20682, 0.17053} {
		if want := 0.1 / (0.1 + p); math.Abs(got[i]-want) > 1e-4 {
			t.Errorf("weight %d: got %v, want %v", i, got[i], want)
		}
	}
	if w := zipfWeights(2, 0); w[0] != 1 || w[1] != 1 {
		t.Errorf("without frequency: got %v", w)
	}
}

func TestDistillErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		vocab []string
		dim   int
		want  string
	}{
		{"empty", nil, 1, "embed: distill: must have tokens and contexts (got 0 and 1)"},
		{"failed token", []string{"red", "green"}, 1, `embed: distill: token "green": embed: text "green" must be in the file of vectors`},
		{"dimension", []string{"red", "blue"}, 3, "embed: distill: dimension must be 1..2 (got 3)"},
		{"one vector", []string{"red", "##red"}, 1, "embed: distill: token vectors must differ"},
		{"twice", []string{"red", "blue", "red"}, 1, `embed: distill: tokens: must be distinct and not empty (got "red")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Distill(t.Context(), planar(t), c.vocab, DistillOptions{Contexts: []string{"%s"}, Dim: c.dim})
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// A file holds the very same embedder; saving it again gives the same bytes.
func TestStaticRoundTrip(t *testing.T) {
	s := smallStatic(t)
	path := filepath.Join(t.TempDir(), "s.static")
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	back, err := openStatic(path)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := s.Encode()
	b, _ := back.Encode()
	if !bytes.Equal(a, b) || s.Identity() != back.Identity() {
		t.Errorf("identity %+v, read back %+v", s.Identity(), back.Identity())
	}
	e, err := Open("file:"+path, Options{})
	if err != nil || e.Identity() != s.Identity() {
		t.Errorf("open by content: got %v, %v", e, err)
	}
	if err := s.Save(filepath.Join(path, "x")); err == nil {
		t.Error("saving below a file must fail")
	}
}

// Any changed, missing or added byte is an error, never a panic.
func TestDamagedStatic(t *testing.T) {
	b, err := smallStatic(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		if _, err := decodeStatic(bad); err == nil {
			t.Errorf("byte %d changed: must be an error", i)
		}
		if _, err := decodeStatic(b[:i]); err == nil {
			t.Errorf("cut to %d bytes: must be an error", i)
		}
	}
	if _, err := decodeStatic(append(bytes.Clone(b), 0)); err == nil {
		t.Error("one byte more: must be an error")
	}
	bad := bytes.Clone(b)
	bad[len(staticMagic)] = 2
	if _, err := decodeStatic(bad); err == nil || err.Error() != "version must be 1 (got 2)" {
		t.Errorf("version: got %v", err)
	}
}

// sealed puts magic, version and a right checksum round a body.
func sealed(body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(staticMagic), staticVersion)
	b = append(b, body...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func FuzzDecodeStatic(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00{}\x00\x00\x00\x00"))
	f.Add([]byte("\x17\x00\x00\x00{\"dim\":1,\"tokens\":1}  \n\x01\x00\x00\x00a\x00\x00\x80\x3f\x01"))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := decodeStatic(sealed(body))
		if err != nil {
			return
		}
		for _, r := range s.Embed(t.Context(), []string{"a", "red and blue", string(body)}) {
			if r.Err == nil && Check(r.Vector, s.Identity().Dim) != nil {
				t.Error("vector must be valid")
			}
		}
	})
}

// The embedded file opens, names its origin and licence, and knows plain words.
func TestBuiltin(t *testing.T) {
	s, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	h := s.Header()
	if h.License != "Apache-2.0" || h.Origin != "sentence-transformers/all-MiniLM-L6-v2" {
		t.Errorf("header: %+v", h)
	}
	r := s.Embed(t.Context(), []string{"purple", "violet", "elephant", "", "☃☃"})
	if Dot(r[0].Vector, r[1].Vector) < Dot(r[0].Vector, r[2].Vector)+0.2 {
		t.Error("purple must be much nearer to violet than to elephant")
	}
	for _, i := range []int{3, 4} {
		if !errors.Is(r[i].Err, ErrNoMeaning) {
			t.Errorf("text %d: got %v, want ErrNoMeaning", i, r[i])
		}
	}
}

// Frequent words first, whole words of the texts last, each token once.
func TestVocabulary(t *testing.T) {
	got := Vocabulary([]string{"[PAD]", "[unused0]", "!", "7", "a", "b", "é", "the", "##s", "the", "cat", "##1"}, []string{"The cat's vermilion, café", "vermilion 42"})
	want := "a the ##s cat ##1 7 b s vermilion cafe 42"
	if strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, " "), want)
	}
}

// Cutting a word takes time in proportion to its length: the longest token bounds
// how far a piece is looked for. Quadratic or worse, this would not end.
func TestStaticLongWord(t *testing.T) {
	s := smallStatic(t)
	for _, c := range []struct {
		word  string
		known bool
	}{
		{"red" + strings.Repeat("s", 1_000_000), true},
		{strings.Repeat("x", 1_000_000), false},
		{"red" + strings.Repeat("s", 1_000_000) + "x", false},
	} {
		if r := s.Embed(t.Context(), []string{c.word})[0]; (r.Err == nil) != c.known {
			t.Errorf("%.10s... of %d letters: got %v, want known %v", c.word, len(c.word), r.Err, c.known)
		}
	}
}

// A token that is longer than any word would make looking for pieces slow.
func TestStaticLongToken(t *testing.T) {
	long := strings.Repeat("y", maxToken+1)
	for _, token := range []string{long, continuation + long} {
		s := &Static{header: Header{Tokens: 1}}
		if err := s.setTokens([]string{token}); err == nil || !strings.Contains(err.Error(), "at most 100 bytes") {
			t.Errorf("token of %d bytes: got %v", len(token), err)
		}
		if got := Vocabulary([]string{token, "red"}, nil); len(got) != 1 {
			t.Errorf("vocabulary: got %v, want red alone", got)
		}
	}
}

// Cutting a long word takes steps in proportion to its length, also where the vocabulary
// has long tokens that nearly fit everywhere. A step that looks for a long continuation
// makes one text, so that allocations count the steps.
func TestLongWordsTakeLinearSteps(t *testing.T) {
	s := &Static{header: Header{Dim: 1, Tokens: 3}}
	if err := s.setTokens([]string{"a", "##a", "##" + strings.Repeat("a", maxToken-1) + "b"}); err != nil {
		t.Fatal(err)
	}
	steps := func(n int) float64 {
		word := strings.Repeat("a", n)
		if got := len(s.pieces(word)); got != n {
			t.Fatalf("%d letters in %d pieces", n, got)
		}
		return testing.AllocsPerRun(1, func() { s.pieces(word) })
	}
	short, long := steps(2_000), steps(16_000)
	if short < 2_000 || long > 8.5*short {
		t.Errorf("eight times the letters took %v steps, once %v", long, short)
	}
}
