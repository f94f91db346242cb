package report

import (
	"slices"
	"strings"
)

// answersData is the table of answers for the script: texts that repeat are
// kept once, a row refers to them by index.
type answersData struct {
	Group    int         `json:"group"`
	Arms     []armName   `json:"arms"`
	Prompts  [][4]string `json:"prompts"` // id, prompt, reference, split
	Rows     []answerRow `json:"rows"`
	Recorded int         `json:"recorded"`
}

type armName struct {
	Label string `json:"label"`
	Slot  int    `json:"slot"`
}

// answerRow is arm, seed, step, episode, prompt, answer, reward, exact, greedy,
// as a JSON array.
type answerRow [9]any

// answers collects the chosen answers of all runs of the task.
func (g *Group) answers(id int, slots map[string]int) answersData {
	d := answersData{Group: id, Arms: []armName{}, Prompts: [][4]string{}, Rows: []answerRow{}}
	index := map[[4]string]int{}
	for k, arm := range g.Arms {
		d.Arms = append(d.Arms, armName{arm.Label, slots[arm.Label]})
		for _, r := range arm.Runs {
			d.Recorded += r.Recorded
			for _, a := range r.Answers {
				key := [4]string{a.PromptID, a.Prompt, a.Reference, a.Split}
				at, known := index[key]
				if !known {
					at = len(d.Prompts)
					index[key] = at
					d.Prompts = append(d.Prompts, key)
				}
				d.Rows = append(d.Rows, answerRow{k, r.Seed, a.Step, a.Episode, at, a.Response, a.Reward, flag(a.Exact()), flag(a.Greedy)})
			}
		}
	}
	return d
}

func flag(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// story is how the answers to one prompt changed, one row for each arm.
type story struct {
	Prompt    string
	Reference string
	Split     string
	Times     []string // [windows]
	Rows      []storyRow
}

type storyRow struct {
	Slot    int
	Label   string
	Answers []storyAnswer // [windows]
}

type storyAnswer struct {
	Text  string
	Exact bool
	Known bool
}

// storyCount is how many prompts the page follows through training.
const storyCount = 4

// stories follows a few prompts that every arm answered, held-out ones first,
// through the first seed of each arm.
func (g *Group) stories(slots map[string]int) []story {
	counts := map[[2]string]int{}
	var order []Answer
	for _, arm := range g.Arms {
		seen := map[[2]string]bool{}
		for _, a := range arm.Runs[0].Answers {
			key := [2]string{a.PromptID, a.Prompt}
			if seen[key] {
				continue
			}
			seen[key] = true
			if counts[key]++; counts[key] == len(g.Arms) {
				order = append(order, a)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b Answer) int { return flag(a.Split == "train") - flag(b.Split == "train") })
	var out []story
	for _, a := range order[:min(storyCount, len(order))] {
		out = append(out, g.story(a, slots))
	}
	return out
}

func (g *Group) story(about Answer, slots map[string]int) story {
	s := story{Prompt: about.Prompt, Reference: about.Reference, Split: about.Split, Times: make([]string, answerTimes)}
	for _, arm := range g.Arms {
		r := arm.Runs[0]
		row := storyRow{Slot: slots[arm.Label], Label: arm.Label, Answers: make([]storyAnswer, answerTimes)}
		for _, a := range r.Answers {
			if a.PromptID != about.PromptID || a.Prompt != about.Prompt {
				continue
			}
			w := window(a.Episode, r.Episodes)
			row.Answers[w] = storyAnswer{strings.TrimSpace(a.Response), a.Exact(), true}
			s.Times[w] = first(s.Times[w], timeLabel(a.Episode))
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

func timeLabel(episode int) string {
	if episode == 0 {
		return "before"
	}
	return episodeLabel(float64(episode), 0)
}
