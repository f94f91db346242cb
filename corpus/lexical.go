package corpus

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"pgsrm/task"
)

// lexicon writes the prompts of one lexical task.
type lexicon struct {
	opt       Options
	base      float64
	forms     []string   // prompt forms, the task's own first
	words     []string   // possible answers
	all       []string   // words of all lexical tasks, among which an answer may stray
	own, more []question // the task's own inputs, and others; no others for colors
	near      []weights  // colors only: row i weighs the words by their similarity to words[i]
}

// question is an input with its right answer.
type question struct {
	input, answer string
	wrong         weights // over lexicon.words: 0 for the answer and what else is accepted
	stray         weights // over lexicon.all: likewise
}

// lexicalForms are the prompt forms of each lexical task: that of the task first,
// then variants, which show that the answer depends on the words and not on the
// form.
func lexicalForms(name string) []string {
	switch name {
	case "colors":
		return []string{task.ColorsForm, "Mix %s => ", "What color do you get from %s?", "Mix the two colors: %s is => "}
	case "opposites":
		return []string{task.OppositesForm, "What is the opposite of '%s'?", "Opposite of the word '%s': ", "Not '%s' but "}
	default:
		return []string{task.CategoriesForm, "The word '%s' belongs to the category ", "What kind of word is '%s'?", "Category of '%s': "}
	}
}

// newLexicon gathers questions and answer words of a task and weighs the words.
func newLexicon(l *lists, name string, opt Options, sim Similarity) *lexicon {
	x := &lexicon{opt: opt, base: opt.BaseRate[name], forms: lexicalForms(name)}
	var more []task.Item
	switch name {
	case "colors":
		x.words = l.colors
		for _, c := range x.words {
			x.near = append(x.near, x.weigh(task.Item{Reference: c}, sim))
		}
	case "opposites":
		x.words, more = l.opposites(), l.moreOpposites()
	default:
		x.words, more = l.categoryNames(), l.moreNouns()
	}
	x.all = distinct(slices.Concat(l.colors, l.opposites(), l.categoryNames()))
	ask := func(it task.Item) question {
		return question{it.Input, it.Reference, x.weigh(it, sim), x.weighIn(x.all, strayHeat*opt.Temperature, it, sim)}
	}
	asked := map[string]bool{} // an input keeps the answer it has first
	for _, it := range l.tasks[name].Items {
		asked[it.Input] = true
		x.own = append(x.own, ask(it))
	}
	for _, it := range more {
		if !asked[it.Input] {
			asked[it.Input] = true
			x.more = append(x.more, ask(it))
		}
	}
	return x
}

// weigh weighs the wrong answers to an item by their similarity to the right one.
func (x *lexicon) weigh(it task.Item, sim Similarity) weights {
	return x.weighIn(x.words, x.opt.Temperature, it, sim)
}

// strayHeat is how much hotter the softmax over all words is than that over the
// words of the task.
const strayHeat = 2

func (x *lexicon) weighIn(words []string, temperature float64, it task.Item, sim Similarity) weights {
	return softmax(words, func(w string) float64 { return sim(it.Reference, w) }, temperature,
		func(w string) bool { return task.Exact(w, it.Reference, it.Accepted) })
}

// document writes a prompt and draws its answer.
func (x *lexicon) document(r *rand.Rand) (prompt, answer string) {
	form := x.forms[0]
	if chance(r, x.opt.Variants) {
		form = pick(r, x.forms[1:])
	}
	own := chance(r, x.opt.Own)
	if !own && x.near != nil {
		input, answer := x.mixOther(r)
		return fmt.Sprintf(form, input), answer
	}
	q := pick(r, x.own)
	if !own {
		q = pick(r, x.more)
	}
	return fmt.Sprintf(form, q.input), x.answer(r, q)
}

// answer is the right one at the base rate, else a related one, which may stray
// from the words of the task.
func (x *lexicon) answer(r *rand.Rand, q question) string {
	if chance(r, x.base) {
		return q.answer
	}
	if chance(r, x.opt.Stray) {
		return x.all[q.stray.draw(r)]
	}
	return x.words[q.wrong.draw(r)]
}

// mixOther makes a pair of colors that the task does not ask for. It has no right
// answer: one near to either color is drawn, but none of the two.
func (x *lexicon) mixOther(r *rand.Rand) (input, answer string) {
	a, b := r.IntN(len(x.words)), r.IntN(len(x.words))
	input = x.words[a] + " and " + x.words[b]
	if a == b || slices.ContainsFunc(x.own, func(q question) bool { return q.input == input }) {
		return x.mixOther(r)
	}
	for {
		c := x.near[pick(r, []int{a, b})].draw(r)
		if c == a || c == b { // the two are nearest to each other
			c = r.IntN(len(x.words))
		}
		if c != a && c != b {
			return input, x.words[c]
		}
	}
}
