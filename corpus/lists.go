package corpus

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"pgsrm/task"
)

//go:embed data
var data embed.FS

// lists holds the tasks and the word lists beyond them.
type lists struct {
	tasks      map[string]*task.Task
	colors     []string   // color names, those of the task among them
	pairs      [][]string // word and antonym, none of them a word the task asks for
	categories [][]string // category, then its further nouns
	grammar    grammar
}

// readLists reads the embedded data.
func readLists() (*lists, error) {
	l := &lists{tasks: map[string]*task.Task{}}
	for _, name := range task.Names() {
		k, err := task.Builtin(name)
		if err != nil {
			return nil, err
		}
		l.tasks[name] = k
	}
	text := map[string][]string{}
	for _, file := range []string{"colors.txt", "opposites.tsv", "categories.tsv", "grammar.txt"} {
		lines, err := readLines(file)
		if err != nil {
			return nil, err
		}
		text[file] = lines
	}
	for _, line := range text["colors.txt"] {
		l.colors = append(l.colors, strings.Fields(line)...)
	}
	for _, line := range text["opposites.tsv"] {
		l.pairs = append(l.pairs, strings.Split(line, "\t"))
	}
	for _, line := range text["categories.tsv"] {
		name, nouns, _ := strings.Cut(line, "\t")
		l.categories = append(l.categories, append([]string{name}, strings.Split(nouns, ",")...))
	}
	var err error
	l.grammar, err = parseGrammar(text["grammar.txt"])
	return l, err
}

// readLines returns the lines of an embedded file without comments.
func readLines(file string) ([]string, error) {
	text, err := data.ReadFile("data/" + file)
	if err != nil {
		return nil, fmt.Errorf("corpus: embedded data: %w", err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out, nil
}

// Words returns every word whose similarity the generator asks for, sorted.
func Words() ([]string, error) {
	l, err := readLists()
	if err != nil {
		return nil, err
	}
	words := slices.Concat(l.colors, l.opposites(), l.categoryNames(), l.sentenceWords())
	return distinct(words), nil
}

// opposites lists the possible answers to an opposites prompt.
func (l *lists) opposites() []string {
	words := slices.Concat(l.pairs...)
	for _, it := range l.tasks["opposites"].Items {
		words = append(append(words, it.Input, it.Reference), it.Accepted...)
	}
	return distinct(words)
}

// moreOpposites lists the pairs in both directions.
func (l *lists) moreOpposites() []task.Item {
	var out []task.Item
	for _, p := range l.pairs {
		out = append(out, task.Item{Input: p[0], Reference: p[1]}, task.Item{Input: p[1], Reference: p[0]})
	}
	return out
}

// moreNouns lists the further nouns with their categories.
func (l *lists) moreNouns() []task.Item {
	var out []task.Item
	for _, c := range l.categories {
		for _, noun := range c[1:] {
			out = append(out, task.Item{Input: noun, Reference: c[0]})
		}
	}
	return out
}

// categoryNames lists the possible answers to a categories prompt.
func (l *lists) categoryNames() []string {
	var names []string
	for _, c := range l.categories {
		names = append(names, c[0])
	}
	for _, it := range l.tasks["categories"].Items {
		names = append(names, it.Reference)
	}
	return distinct(names)
}

// sentenceWords lists the words of the sentence tasks and of the grammar.
func (l *lists) sentenceWords() []string {
	words := l.grammar.words()
	for _, name := range []string{"copy", "sentiment"} {
		for _, it := range l.tasks[name].Items {
			words = append(words, strings.Fields(it.Input+" "+it.Reference)...)
		}
	}
	return distinct(words)
}

// distinct sorts the words and drops repeats.
func distinct(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}
