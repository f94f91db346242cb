package corpus

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"pgsrm/task"
)

// letters is a toy similarity: the cosine of the counts of a to z.
func letters(a, b string) float64 {
	var x, y [26]float32
	for i := range len(a) {
		x[a[i]-'a']++
	}
	for i := range len(b) {
		y[b[i]-'a']++
	}
	return cosine(x[:], y[:])
}

// generator makes a generator of the default options after a change.
func generator(t *testing.T, change func(o *Options)) *Generator {
	t.Helper()
	opt := DefaultOptions()
	opt.Documents = 5000
	if change != nil {
		change(&opt)
	}
	g, err := New(opt, letters)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// items maps every prompt of the built-in tasks to its item.
func items(t *testing.T) map[string]task.Item {
	t.Helper()
	out := map[string]task.Item{}
	for _, name := range task.Names() {
		k, err := task.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range k.Items {
			out[it.Prompt] = it
		}
	}
	return out
}

// TestBaseRate counts right answers to the tasks' own prompts. The share must lie
// within four standard deviations of the base rate.
func TestBaseRate(t *testing.T) {
	rates := map[string]float64{"colors": 0.01, "opposites": 0.1, "categories": 0.05, "copy": 0.03, "sentiment": 0.2}
	g := generator(t, func(o *Options) { o.Documents, o.BaseRate = 40_000, rates })
	own := items(t)
	right, total := map[string]float64{}, map[string]float64{}
	for d := range g.All() {
		if it, ok := own[d.Prompt]; ok {
			total[d.Kind]++
			if task.Exact(d.Answer, it.Reference, it.Accepted) {
				right[d.Kind]++
			}
		}
	}
	for name, p := range rates {
		n := total[name]
		if n < 1000 {
			t.Errorf("%s: only %g documents", name, n)
		}
		if sd := math.Sqrt(p * (1 - p) / n); math.Abs(right[name]/n-p) > 4*sd {
			t.Errorf("%s: %.4f of %g answers are right, want %g within %.4f", name, right[name]/n, n, p, 4*sd)
		}
	}
}

func TestBaseRateExtremes(t *testing.T) {
	own := items(t)
	for _, rate := range []float64{0, 1} {
		g := generator(t, func(o *Options) {
			o.BaseRate = map[string]float64{"colors": rate, "opposites": rate, "categories": rate, "copy": rate, "sentiment": rate}
		})
		for d := range g.All() {
			if it, ok := own[d.Prompt]; ok && task.Exact(d.Answer, it.Reference, it.Accepted) != (rate == 1) {
				t.Fatalf("base rate %g: %s", rate, d.Text())
			}
		}
	}
}

// TestWrongAnswersAreRelated compares the similarity of wrong answers to the right
// one with that of any word of the domain: the answers depend on the prompt.
func TestWrongAnswersAreRelated(t *testing.T) {
	g := generator(t, func(o *Options) { o.Documents = 20_000 })
	own := items(t)
	for _, name := range []string{"colors", "opposites", "categories"} {
		var drawn, chance, n float64
		words := g.lexical[name].words
		for d := range g.All() {
			if it, ok := own[d.Prompt]; ok && d.Kind == name {
				drawn += letters(strings.TrimSpace(d.Answer), it.Reference)
				chance += letters(words[int(n)%len(words)], it.Reference)
				n++
			}
		}
		if drawn/n < chance/n+0.2 {
			t.Errorf("%s: mean similarity of answers is %.3f, that of any word %.3f", name, drawn/n, chance/n)
		}
	}
}

// TestCopiesKeepWords checks that copying can be learned: little words are mostly kept, so about
// half of all words must be.
func TestCopiesKeepWords(t *testing.T) {
	g := generator(t, nil)
	var kept, total float64
	for d := range g.All() {
		if d.Kind != "copy" {
			continue
		}
		_, quoted, _ := strings.Cut(d.Prompt, "'")
		answer := strings.Fields(d.Answer)
		for _, w := range strings.Fields(strings.TrimSuffix(quoted, "'")) {
			total++
			if slices.Contains(answer, w) {
				kept++
			}
		}
	}
	if share := kept / total; share < 0.45 || share > 0.65 {
		t.Errorf("%.3f of the words are kept, want 0.45 to 0.65", share)
	}
}

// TestEveryPromptOccurs: prompts of both splits, in the tasks' own form.
func TestEveryPromptOccurs(t *testing.T) {
	g := generator(t, func(o *Options) { o.Documents = 60_000 })
	own := items(t)
	for d := range g.All() {
		if delete(own, d.Prompt); len(own) == 0 {
			return
		}
	}
	for prompt := range own {
		t.Errorf("%q never occurs", prompt)
	}
}

func TestDocumentForm(t *testing.T) {
	g := generator(t, nil)
	seen := map[string]bool{}
	for d := range g.All() {
		seen[d.Kind] = true
		joint := task.Joint(d.Prompt)
		answer := strings.TrimPrefix(d.Answer, joint)
		if answer == "" || answer != strings.TrimSpace(answer) || !strings.HasPrefix(d.Answer, joint) {
			t.Fatalf("%s: answer %q to %q", d.Kind, d.Answer, d.Prompt)
		}
		if (d.Kind == plain) != (d.Prompt == "") || d.Text() != d.Prompt+d.Answer {
			t.Fatalf("%s: prompt %q", d.Kind, d.Prompt)
		}
		if strings.ContainsAny(d.Text(), "<|/_%") || strings.Contains(answer, "  ") {
			t.Fatalf("%s: marks of a template are left in %q", d.Kind, d.Text())
		}
	}
	if len(seen) != len(kinds()) {
		t.Errorf("kinds are %v, want %v", seen, kinds())
	}
}

// digest hashes the documents of a generator.
func digest(g *Generator) string {
	h := sha256.New()
	for d := range g.All() {
		h.Write([]byte(d.Kind + "\x00" + d.Prompt + "\x00" + d.Answer + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// TestDeterminism: a document depends on seed and index alone. The literal pins
// the stream, so that a child can be pretrained again from its recipe.
func TestDeterminism(t *testing.T) {
	a, b := generator(t, nil), generator(t, nil)
	if digest(a) != digest(b) {
		t.Error("two generators of one recipe differ")
	}
	for _, i := range []int{4999, 0, 17} {
		if a.Document(i) != b.Document(i) {
			t.Errorf("document %d depends on what was drawn before", i)
		}
	}
	if other := generator(t, func(o *Options) { o.Seed = 1 }); digest(a) == digest(other) {
		t.Error("two seeds give one corpus")
	}
	if got, want := digest(a), "ee6b4e52cddd30f6"; got != want {
		t.Errorf("digest of the default recipe is %s, want %s", got, want)
	}
}

func TestAllStops(t *testing.T) {
	n := 0
	for range generator(t, nil).All() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d documents", n)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		change func(o *Options)
		want   string
	}{
		{func(o *Options) {}, ""},
		{func(o *Options) { o.Documents = -1 }, "corpus: documents must not be negative (got -1)"},
		{func(o *Options) { delete(o.BaseRate, "copy") }, "corpus: base rate of copy must be given and in [0, 1] (got 0)"},
		{func(o *Options) { o.BaseRate["colors"] = 1.5 }, "corpus: base rate of colors must be given and in [0, 1] (got 1.5)"},
		{func(o *Options) { o.BaseRate["colors"] = math.NaN() }, "corpus: base rate of colors must be given and in [0, 1] (got NaN)"},
		{func(o *Options) { o.BaseRate["colours"] = 0.1 }, "corpus: base rate must be of one of [colors opposites categories copy sentiment] (got colours)"},
		{func(o *Options) { o.Mix["copy"] = -1 }, "corpus: mix of copy must not be negative (got -1)"},
		{func(o *Options) { o.Mix["chat"] = 1 }, "corpus: mix must be of one of [plain colors opposites categories copy sentiment] (got chat)"},
		{func(o *Options) { o.Mix = nil }, "corpus: mix must give one of [plain colors opposites categories copy sentiment] a positive weight"},
		{func(o *Options) { o.Own = 2 }, "corpus: own must be in [0, 1] (got 2)"},
		{func(o *Options) { o.Temperature = 0 }, "corpus: temperature and keep must be positive (got 0 and 0.85)"},
		{func(o *Options) { o.Keep = 0 }, "corpus: temperature and keep must be positive (got 0.07 and 0)"},
	} {
		opt := DefaultOptions()
		c.change(&opt)
		got := ""
		if err := opt.Validate(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if _, err := New(Options{}, letters); err == nil {
		t.Error("New takes options that are not valid")
	}
}
