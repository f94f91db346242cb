package corpus

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pgsrm/embed"
	"pgsrm/task"
	"pgsrm/tokenizer"
)

func TestWeights(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := newWeights([]float64{0, 1, 0, 3, 0})
	count := make([]float64, len(w))
	for range 10_000 {
		count[w.draw(r)]++
	}
	if count[0]+count[2]+count[4] != 0 {
		t.Errorf("an index of weight 0 was drawn: %v", count)
	}
	if math.Abs(count[1]-2500) > 200 { // standard deviation 43
		t.Errorf("drawn %v, want 2500 of index 1", count)
	}
}

// TestSoftmax: scores 0 and ln 3 at temperature 1 give weights 1:3, at
// temperature 1/2 weights 1:9.
func TestSoftmax(t *testing.T) {
	words := []string{"a", "b", "c"}
	score := func(w string) float64 { return map[string]float64{"a": 0, "b": math.Log(3), "c": 50}[w] }
	for temperature, ratio := range map[float64]float64{1: 3, 0.5: 9} {
		w := softmax(words, score, temperature, func(w string) bool { return w == "c" })
		if got := (w[1] - w[0]) / w[0]; math.Abs(got-ratio) > 1e-12 || w[2] != w[1] {
			t.Errorf("temperature %g: running sums %v, want ratio %g", temperature, w, ratio)
		}
	}
}

// TestKeepRates: the product over the words is the base rate, whatever the words.
func TestKeepRates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom(strings.Fields("a b c d e f")), 1, 8)
		happy, sad := words.Draw(t, "happy"), words.Draw(t, "sad")
		base := rapid.Float64Range(0, 1).Draw(t, "base")
		keep := rapid.Float64Range(0.01, 1).Draw(t, "keep")
		easy := func(w string) bool { return slices.Contains(happy, w) }
		product := 1.0
		for _, k := range keepRates(sad, easy, keep, base) {
			if !(k >= 0 && k <= 1) {
				t.Fatalf("keep rate %g", k)
			}
			product *= k
		}
		if math.Abs(product-base) > 1e-9 {
			t.Fatalf("product of the keep rates is %g, want %g", product, base)
		}
	})
}

func TestGrammar(t *testing.T) {
	g, err := parseGrammar([]string{"who: dog | cat", "end: came/never_came home", "s: the <who> <end>"})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	happy, sad := g.draw(r, "s")
	h, s := strings.Join(happy, " "), strings.Join(sad, " ")
	if h != "the dog came home" && h != "the cat came home" || s != strings.Replace(h, "came", "never came", 1) {
		t.Errorf("drawn %q and %q", h, s)
	}
	if d := cmp.Diff(strings.Fields("came cat dog home never the"), g.words()); d != "" {
		t.Error(d)
	}
}

func TestBadGrammar(t *testing.T) {
	for want, lines := range map[string][]string{
		`corpus: grammar rule 1 must have the form NAME: alternatives (got "a b")`: {"a b"},
		"corpus: grammar rule 2: <c> must have a rule above":                       {"a: b", "d: <c>"},
		"corpus: grammar rule 2: <a> must have a rule above":                       {"a: b", "a: <a>"},
		"corpus: grammar rule 3: the rules of a must stand together":               {"a: b", "d: <a>", "a: <d>"},
	} {
		if _, err := parseGrammar(lines); err == nil || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// TestPairsDiffer: every happy sentence of the grammar has another sad version, of
// eight words at most.
func TestPairsDiffer(t *testing.T) {
	l, err := readLists()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		happy, sad := l.grammar.draw(r, "pair")
		if slices.Equal(happy, sad) || len(happy) > 10 || len(sad) > 10 || len(happy) < 3 {
			t.Fatalf("%q and %q", happy, sad)
		}
	}
}

// TestLists checks the word lists against the tasks.
func TestLists(t *testing.T) {
	l, err := readLists()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(distinct(slices.Clone(l.colors))); n != len(l.colors) || n < 140 {
		t.Errorf("%d colors, %d of them distinct", len(l.colors), n)
	}
	for _, it := range l.tasks["colors"].Items {
		a, b, _ := strings.Cut(it.Input, " and ")
		for _, c := range append([]string{a, b, it.Reference}, it.Accepted...) {
			if !slices.Contains(l.colors, c) {
				t.Errorf("colors lacks %s", c)
			}
		}
	}
	if n := len(l.opposites()); n < 400 {
		t.Errorf("%d words for opposites, want several hundred", n)
	}
	if n := len(l.categoryNames()); n < 60 {
		t.Errorf("%d categories, want at least 60", n)
	}
	nouns := map[string]bool{}
	for _, it := range l.tasks["categories"].Items {
		nouns[it.Input] = true
	}
	for _, c := range l.categories {
		for _, noun := range c[1:] {
			if nouns[noun] {
				t.Errorf("noun %s stands twice", noun)
			}
			nouns[noun] = true
		}
	}
	for _, p := range l.pairs {
		if len(p) != 2 {
			t.Errorf("pair %q", p)
		}
	}
}

// TestWordsCoverSimilarity: Words names every word that New asks about.
func TestWordsCoverSimilarity(t *testing.T) {
	words, err := Words()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, w := range words {
		known[w] = true
	}
	unknown := ""
	_, err = New(DefaultOptions(), func(a, b string) float64 {
		for _, w := range []string{a, b} {
			if !known[w] {
				unknown = w
			}
		}
		return 0
	})
	if err != nil || unknown != "" {
		t.Errorf("Words lacks %q (error %v)", unknown, err)
	}
}

// TestAnswersFitTheirLength trains the tokenizer of the embedded child's size on
// the corpus: every answer and its end-of-text must fit the default length.
func TestAnswersFitTheirLength(t *testing.T) {
	opt := DefaultOptions()
	opt.Documents = 30_000
	g, err := New(opt, func(a, b string) float64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for d := range g.All() {
		texts = append(texts, d.Prompt, d.Answer)
	}
	tok, err := tokenizer.TrainBPE(texts, 2000, []string{"<|endoftext|>"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range task.Names() {
		k, err := task.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range k.Items {
			if n := len(tok.Encode(task.Joint(it.Prompt)+it.Reference)) + 1; n > k.MaxNewTokens {
				t.Errorf("%s: %q takes %d tokens, want at most %d", name, it.Reference, n, k.MaxNewTokens)
			}
		}
	}
}

// lengths embeds a word as its length and its first letter; it fails on one word.
type lengths struct{ fail string }

func (e lengths) Embed(_ context.Context, texts []string) []embed.Result {
	out := make([]embed.Result, len(texts))
	for i, s := range texts {
		out[i].Vector = []float32{float32(len(s)), float32(s[0])}
		if s == e.fail {
			out[i] = embed.Result{Err: errors.New("no such word")}
		}
	}
	return out
}

func (lengths) Identity() embed.Identity { return embed.Identity{Dim: 2} }

func TestCosine(t *testing.T) {
	sim, err := Cosine(t.Context(), lengths{})
	if err != nil {
		t.Fatal(err)
	}
	if got := sim("red", "red"); math.Abs(got-1) > 1e-12 {
		t.Errorf("similarity of a word to itself is %g", got)
	}
	if sim("red", "rose") != sim("rose", "red") || sim("red", "no word of the corpus") != 0 {
		t.Error("similarity must be symmetric, and 0 for an unknown word")
	}
	if _, err := Cosine(t.Context(), lengths{fail: "red"}); err == nil || err.Error() != `corpus: embedding "red": no such word` {
		t.Errorf("error is %v", err)
	}
}

// TestTwoNearestColors: where two colors are nearest to each other and the
// temperature is small, another color must still come out.
func TestTwoNearestColors(t *testing.T) {
	g := generator(t, func(o *Options) { o.Temperature, o.Own = 1e-3, 0 })
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		input, answer := g.lexical["colors"].mixOther(r)
		if slices.Contains(strings.Fields(input), answer) {
			t.Fatalf("%s gives %s", input, answer)
		}
	}
}
