// Package corpus generates the text on which the embedded child is pretrained:
// plain sentences about the domains of the tasks, and the prompt forms of the
// tasks with answers that are mostly wrong but depend on the prompt. A wrong
// answer is drawn from the words of the domain by softmax of its similarity to
// the right one, so that the child starts like a real base model: its answers
// are related, seldom right, and there is something for the reward to build on.
//
// Prompts of both splits occur alike, with answers right at the base rate. plain
// sentences state true relations (red and blue paint make purple paint), as the
// text of a real base model does; Options.Facts turns them off.
package corpus

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"

	"pgsrm/task"
)

// plain is the kind of a document without a prompt; the others are task names.
const plain = "plain"

// Options says how much of what the corpus holds.
type Options struct {
	Seed        uint64
	Documents   int                // how many documents All yields
	BaseRate    map[string]float64 // task name -> probability that an answer is right, in [0, 1]
	Mix         map[string]float64 // kind -> weight among documents, not negative
	Temperature float64            // of the softmax over similarities; smaller is more related
	Stray       float64            // share of wrong answers drawn from the words of all lexical tasks, in [0, 1]
	Own         float64            // share of the task's own prompts among prompts in [0, 1]; the rest have other words
	Variants    float64            // share of prompts in another form than the task's, in [0, 1]
	Facts       float64            // share of plain sentences that state a relation of a task, in [0, 1]
	Keep        float64            // probability that a sad version keeps a word of the original, in (0, 1]
}

// DefaultOptions returns the recipe of the embedded child.
func DefaultOptions() Options {
	return Options{
		Documents:   200_000,
		BaseRate:    map[string]float64{"colors": 0.003, "opposites": 0.003, "categories": 0.003, "copy": 0.005, "sentiment": 0.005},
		Mix:         map[string]float64{plain: 2, "colors": 1, "opposites": 1, "categories": 1, "copy": 2, "sentiment": 1.5},
		Temperature: 0.07,
		Stray:       0.6,
		Own:         0.6,
		Variants:    0.15,
		Facts:       0.1,
		Keep:        0.85,
	}
}

// Validate reports the first option that is out of its range.
func (o Options) Validate() error {
	if o.Documents < 0 {
		return fmt.Errorf("corpus: documents must not be negative (got %d)", o.Documents)
	}
	for _, name := range task.Names() {
		if r, ok := o.BaseRate[name]; !ok || !(r >= 0 && r <= 1) {
			return fmt.Errorf("corpus: base rate of %s must be given and in [0, 1] (got %g)", name, r)
		}
	}
	for name := range o.BaseRate {
		if !slices.Contains(task.Names(), name) {
			return fmt.Errorf("corpus: base rate must be of one of %v (got %s)", task.Names(), name)
		}
	}
	return o.validateShares()
}

// validateShares checks the mix and the other shares.
func (o Options) validateShares() error {
	for kind := range o.Mix {
		if !slices.Contains(kinds(), kind) {
			return fmt.Errorf("corpus: mix must be of one of %v (got %s)", kinds(), kind)
		}
	}
	total := 0.0
	for _, kind := range kinds() {
		if !(o.Mix[kind] >= 0) {
			return fmt.Errorf("corpus: mix of %s must not be negative (got %g)", kind, o.Mix[kind])
		}
		total += o.Mix[kind]
	}
	if !(total > 0) || math.IsInf(total, 1) {
		return fmt.Errorf("corpus: mix must give one of %v a positive weight", kinds())
	}
	for _, s := range []struct {
		name  string
		share float64
	}{{"stray", o.Stray}, {"own", o.Own}, {"variants", o.Variants}, {"facts", o.Facts}, {"keep", o.Keep}} {
		if !(s.share >= 0 && s.share <= 1) {
			return fmt.Errorf("corpus: %s must be in [0, 1] (got %g)", s.name, s.share)
		}
	}
	if !(o.Temperature > 0) || !(o.Keep > 0) {
		return fmt.Errorf("corpus: temperature and keep must be positive (got %g and %g)", o.Temperature, o.Keep)
	}
	return nil
}

// kinds lists the kinds of documents in a fixed order.
func kinds() []string { return append([]string{plain}, task.Names()...) }

// Document is one training text in two pieces. The caller encodes each piece for
// itself, as sampling does (a prompt that ends with a space must not have that
// space drawn into the first token of the answer), and appends end-of-text.
type Document struct {
	Kind   string // plain or the name of a task
	Prompt string // empty for plain
	Answer string // the answer with task.Joint before it; the whole text for plain
}

// Text returns both pieces joined.
func (d Document) Text() string { return d.Prompt + d.Answer }

// Generator makes documents. It is read-only after New and may be used by many
// goroutines at once.
type Generator struct {
	opt     Options
	mix     weights // over kinds()
	write   []func(r *rand.Rand) (prompt, answer string)
	lexical map[string]*lexicon // by task name
	speech  *speech
}

// New prepares a generator: it reads the word lists and computes how near the
// words of each domain are to each answer.
func New(opt Options, sim Similarity) (*Generator, error) {
	if err := opt.Validate(); err != nil {
		return nil, err
	}
	l, err := readLists()
	if err != nil {
		return nil, err
	}
	g := &Generator{opt: opt, lexical: map[string]*lexicon{}, speech: newSpeech(l, opt, sim)}
	var mix []float64
	for _, kind := range kinds() {
		mix = append(mix, opt.Mix[kind])
	}
	g.mix = newWeights(mix)
	for _, name := range []string{"colors", "opposites", "categories"} {
		g.lexical[name] = newLexicon(l, name, opt, sim)
	}
	g.write = []func(r *rand.Rand) (string, string){
		g.plain, g.lexical["colors"].document, g.lexical["opposites"].document, g.lexical["categories"].document,
		g.speech.copyDocument, g.speech.sadDocument,
	}
	return g, nil
}

// Document returns the document of that index. It depends on the seed, the
// options and the index alone.
func (g *Generator) Document(index int) Document {
	r := rand.New(rand.NewPCG(scramble(g.opt.Seed), scramble(uint64(index)^0x9e3779b97f4a7c15)))
	kind := g.mix.draw(r)
	prompt, answer := g.write[kind](r)
	return Document{Kind: kinds()[kind], Prompt: prompt, Answer: task.Joint(prompt) + answer}
}

// All yields the documents 0 to Options.Documents-1.
func (g *Generator) All() iter.Seq[Document] {
	return func(yield func(Document) bool) {
		for i := range g.opt.Documents {
			if !yield(g.Document(i)) {
				return
			}
		}
	}
}

// scramble is the finaliser of SplitMix64 (Steele et al. 2014): neighbouring
// seeds and indices become unrelated states.
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
