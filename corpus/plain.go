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

// fact states a relation of one of the lexical tasks. Words stand in quotes half
// of the time: after a quote a word is encoded as in the prompts, without the
// space that belongs to its token elsewhere.
func (g *Generator) fact(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		q := pick(r, g.lexical["colors"].own)
		a, b, _ := strings.Cut(q.input, " and ")
		form := pick(r, []string{"%s paint and %s paint make %s paint", "she mixed %s with %s and got %s", "the color of %s and %s is called '%s'", "%s with %s we call '%s'"})
		return fmt.Sprintf(form, a, b, q.answer)
	case 1:
		return g.looks(r)
	case 2:
		q := g.lexical["opposites"].any(r)
		form := pick(r, []string{"it was not %s, it was %s", "is it %s or %s", "'%s' and '%s' are opposites", "he said '%s' and she said '%s'", "'%s' is not '%s'"})
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
	thing := func() string {
		words, _ := g.speech.grammar.draw(r, "thing")
		return strings.Join(words, " ")
	}
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
	form := pick(r, []string{"'%s' and '%s' are in the group %s", "words like '%s' and '%s' are for the category %s", "%s and %s are kinds of %s", "think of %s or %s when you hear %s"})
	return fmt.Sprintf(form, a.input, b.input, a.answer)
}

// any draws one of the questions, the task's own and others alike.
func (x *lexicon) any(r *rand.Rand) question {
	i := r.IntN(len(x.own) + len(x.more))
	if i < len(x.own) {
		return x.own[i]
	}
	return x.more[i-len(x.own)]
}
