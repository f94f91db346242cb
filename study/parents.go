package study

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"pgsrm/config"
	"pgsrm/run"
	"pgsrm/task"
)

// Wrong is a parent whose answers are the references of the task but for some of them.
type Wrong struct {
	// Share of the answers that are the reference of another prompt, which is not right for
	// this one. Those of a smaller share are among those of a larger one.
	Share float64
	// Synonyms is the share of the answers in which each word that has a synonym in the
	// table of this package is replaced by it.
	Synonyms float64
	Seed     uint64
}

// readWrong reads an element of the section parents.
func readWrong(r *reader, n *yaml.Node, key string) (w Wrong, err error) {
	return w, r.section(n, key, []field{
		{"wrong", func(n *yaml.Node, key string) (err error) { w.Share, err = r.number(n, key, 0, 1); return err }},
		{"synonyms", func(n *yaml.Node, key string) (err error) { w.Synonyms, err = r.number(n, key, 0, 1); return err }},
		{"seed", func(n *yaml.Node, key string) error {
			seed, err := r.whole(n, key, 0, 1<<53)
			w.Seed = uint64(seed)
			return err
		}},
	})
}

// parentFile is the file with the answers of a parent to the task of a configuration.
func (p *Plan) parentFile(name string, cfg run.Config) string {
	return filepath.Join(p.Dir, parentsDir, name+"-"+run.FolderName(filepath.Base(cfg.Task))+".jsonl")
}

// answers are the parent's answers to the items of a task that have a reference, as
// parent files have them.
func (w Wrong) answers(t *task.Task) ([]byte, error) {
	var items []task.Item
	for _, it := range t.Items {
		if it.Reference != "" {
			items = append(items, it)
		}
	}
	if len(items) == 0 {
		return nil, config.Errorf("parents: task %s must have references, as wrong answers are those of other prompts", t.Name)
	}
	answers := make([]string, len(items))
	other := rand.New(rand.NewPCG(w.Seed, 0x6f74686572))
	changed := rand.New(rand.NewPCG(w.Seed, 0x7368617265)).Perm(len(items))
	for k, i := range changed {
		answers[i] = items[i].Reference
		at := (float64(k) + 0.5) / float64(len(items)) // the place among those that are changed first
		wrong := wrongAnswer(other, items, items[i])   // drawn for all, so that each has its own whatever the share
		switch {
		case at < w.Share:
			answers[i] = wrong
		case at < w.Share+(1-w.Share)*w.Synonyms:
			answers[i] = inOtherWords(items[i].Reference)
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, it := range items {
		line := map[string]string{"id": it.ID, "prompt": it.Prompt, "answer": answers[i]}
		if err := enc.Encode(line); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// wrongTries bounds the search for an answer that is wrong.
const wrongTries = 1000

// wrongAnswer is the reference of an item drawn at random that is not right for it.
func wrongAnswer(rng *rand.Rand, items []task.Item, it task.Item) string {
	for range wrongTries {
		if other := items[rng.IntN(len(items))].Reference; !task.Exact(other, it.Reference, it.Accepted) {
			return other
		}
	}
	return it.Reference // all have one answer
}

//go:embed data/synonyms.txt
var synonymsText string

// synonyms is the table of synonyms.
var synonyms = func() map[string]string {
	table := map[string]string{}
	for line := range strings.Lines(synonymsText) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, entry := range strings.Fields(line) {
			if word, other, ok := strings.Cut(entry, "="); ok && table[word] == "" {
				table[word] = other
			}
		}
	}
	return table
}()

// inOtherWords replaces each word of a text that has a synonym.
func inOtherWords(text string) string {
	words := strings.Fields(text)
	for i, w := range words {
		if other, ok := synonyms[w]; ok {
			words[i] = other
		}
	}
	return strings.Join(words, " ")
}

// makeParent writes the answers of a parent.
func (p *Plan) makeParent(c Cell) error {
	t, err := task.Load(c.Config.Task, c.Config.Data)
	if err != nil {
		return config.Bad(err)
	}
	text, err := p.parents[c.parent].answers(t)
	if err != nil {
		return err
	}
	if err := writeOnce(p.parentFile(c.parent, c.Config), text); err != nil {
		return fmt.Errorf("study: parent %s: %w", c.parent, err)
	}
	return nil
}
