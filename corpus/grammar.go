package corpus

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// grammar maps a name to its alternatives, each a list of terms. A term is a
// name in angle brackets, a word, or a happy/sad pair of words; in a word, _
// stands for a space, and alone for nothing.
type grammar map[string][][]string

// parseGrammar reads lines of the form NAME: alternative | alternative. The lines
// of one name stand together, below those of every name they refer to, so that
// no name comes back to itself.
func parseGrammar(lines []string) (grammar, error) {
	g := grammar{}
	last := ""
	for i, line := range lines {
		name, rest, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("corpus: grammar rule %d must have the form NAME: alternatives (got %q)", i+1, line)
		}
		if name != last && g[name] != nil {
			return nil, fmt.Errorf("corpus: grammar rule %d: the rules of %s must stand together", i+1, name)
		}
		last = name
		for alt := range strings.SplitSeq(rest, "|") {
			terms := strings.Fields(alt)
			for _, t := range terms {
				if ref, ok := reference(t); ok && (g[ref] == nil || ref == name) {
					return nil, fmt.Errorf("corpus: grammar rule %d: <%s> must have a rule above", i+1, ref)
				}
			}
			g[name] = append(g[name], terms)
		}
	}
	return g, nil
}

// reference returns the name that a term refers to.
func reference(term string) (string, bool) {
	if strings.HasPrefix(term, "<") && strings.HasSuffix(term, ">") {
		return term[1 : len(term)-1], true
	}
	return "", false
}

// draw expands a name and returns both readings, happy and sad, in words. Where
// no term has two forms they are the same.
func (g grammar) draw(r *rand.Rand, name string) (happy, sad []string) {
	for _, term := range pick(r, g[name]) {
		if ref, ok := reference(term); ok {
			h, s := g.draw(r, ref)
			happy, sad = append(happy, h...), append(sad, s...)
			continue
		}
		h, s := forms(term)
		happy, sad = append(happy, h...), append(sad, s...)
	}
	return happy, sad
}

// forms splits a term into the words of its happy and its sad form.
func forms(term string) (happy, sad []string) {
	h, s, two := strings.Cut(term, "/")
	if !two {
		s = h
	}
	split := func(form string) []string { return strings.Fields(strings.ReplaceAll(form, "_", " ")) }
	return split(h), split(s)
}

// words lists all words that the grammar can yield, sorted.
func (g grammar) words() []string {
	var out []string
	for _, alts := range g {
		for _, term := range slices.Concat(alts...) {
			if _, ok := reference(term); !ok {
				h, s := forms(term)
				out = append(append(out, h...), s...)
			}
		}
	}
	return distinct(out)
}
