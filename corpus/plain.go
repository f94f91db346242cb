package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// plain writes a text of one to four sentences without a prompt.
func (g *Generator) plain(r *rand.Rand) (prompt, text string) {
	var sentences []string
	for range 1 + r.IntN(4) {
		if chance(r, g.opt.Facts) {
			sentences = append(sentences, g.fact(r))
		} else {
			sentences = append(sentences, g.everyday(r))
		}
	}
	return "", strings.Join(sentences, ". ") + "."
}

// everyday is a sentence of the grammar, happy and sad ones among them.
func (g *Generator) everyday(r *rand.Rand) string {
	happy, sad := g.speech.grammar.draw(r, pick(r, []string{"sentence", "pair"}))
	if chance(r, 0.5) {
		happy = sad
	}
	return strings.Join(happy, " ")
}

// fact states a relation of one of the lexical tasks.
func (g *Generator) fact(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		q := pick(r, g.lexical["colors"].own)
		a, b, _ := strings.Cut(q.input, " and ")
		form := pick(r, []string{"%s paint and %s paint make %s paint", "%s and %s together look %s", "she mixed %s with %s and got %s"})
		return fmt.Sprintf(form, a, b, q.answer)
	case 1:
		return g.looks(r)
	case 2:
		q := g.lexical["opposites"].any(r)
		form := pick(r, []string{"it was not %s, it was %s", "some say %s and some say %s", "is it %s or %s", "%s and %s are opposites"})
		return fmt.Sprintf(form, q.input, q.answer)
	default:
		return g.group(r)
	}
}

// looks is a sentence that shows color names in their place, like ones together.
func (g *Generator) looks(r *rand.Rand) string {
	x := g.lexical["colors"]
	a := r.IntN(len(x.words))
	b := x.near[a].draw(r)
	thing := func() string { return strings.Join(first(g.speech.grammar.draw(r, "thing")), " ") }
	if chance(r, 0.5) {
		return fmt.Sprintf("the %s is %s and the %s is %s", thing(), x.words[a], thing(), x.words[b])
	}
	return fmt.Sprintf(pick(r, []string{"%s looks a bit like %s", "the color %s is close to %s", "i like %s and %s"}), x.words[a], x.words[b])
}

// group is a sentence that names a category with two of its nouns.
func (g *Generator) group(r *rand.Rand) string {
	x := g.lexical["categories"]
	a := x.any(r)
	b := x.any(r)
	for b.answer != a.answer || b.input == a.input {
		b = x.any(r)
	}
	form := pick(r, []string{"%s and %s are in the group %s", "words like %s and %s are for the category %s", "think of %s or %s when you hear %s"})
	return fmt.Sprintf(form, a.input, b.input, a.answer)
}

// any draws one of the questions, the task's own and others alike.
func (x *lexicon) any(r *rand.Rand) question {
	if i := r.IntN(len(x.own) + len(x.more)); i >= len(x.own) {
		return x.more[i-len(x.own)]
	} else {
		return x.own[i]
	}
}

// first returns the first of two.
func first[T any](a, _ T) T { return a }
