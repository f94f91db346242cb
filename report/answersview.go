package report

import (
	"fmt"
	"slices"
	"strings"

	"pgsrm/internal/printable"
)

// What the table of answers holds at most, so that the page of a hundred runs stays small.
const (
	browserRows  = 24000
	browserBytes = 2 << 20 // of prompts and answers
	longestText  = 2000    // characters of one
	leastText    = 60
)

// browserData is the table of answers for the script: texts that repeat are kept once,
// and referred to by index.
type browserData struct {
	Tasks   []string       `json:"tasks"`
	Arms    []armName      `json:"arms"`
	Prompts []browsePrompt `json:"prompts"`
	Texts   []string       `json:"texts"` // of answers
	Runs    []browseRun    `json:"runs"`
}

// browsePrompt is task (index), prompt, reference, split.
type browsePrompt [4]any

// browseRun is the answers of one run: step, episode, prompt (index), answer (index),
// reward or null, grade.
type browseRun struct {
	Task int      `json:"task"`
	Arm  int      `json:"arm"`
	Seed string   `json:"seed"` // a number may be larger than the script's are exact
	Rows [][6]any `json:"rows"`
}

type armName struct {
	Label string `json:"label"`
	Slot  int    `json:"slot"`
}

// browserView is what the page says of the table of answers.
type browserView struct {
	Rows, Recorded int
	Longest        int // characters from which a text is cut
	First          []browseRow
}

// browseRow is one of the rows that stand in the page itself.
type browseRow struct {
	Slot                                         int
	Step                                         int
	Episode                                      string
	Arm                                          string
	Seed                                         int64
	Task, Split, Prompt, Reference, Text, Reward string
	Grade                                        answerGrade
}

// browser collects the chosen answers of all runs, of fewer prompts where there are many
// runs, and cuts long texts.
func (d *Data) browser(slots map[string]int) (browserData, browserView) {
	b := browserBuilder{
		data:    browserData{Tasks: []string{}, Arms: []armName{}, Prompts: []browsePrompt{}, Texts: []string{}, Runs: []browseRun{}},
		prompts: map[string]int{}, texts: map[string]int{}, arms: map[string]int{},
	}
	b.keep = d.shownPrompts()
	b.longest = d.longestText(b.keep)
	for i, g := range d.Groups {
		near, known := g.nearFrom()
		if !known {
			near = 2
		}
		b.data.Tasks = append(b.data.Tasks, g.Task)
		for _, arm := range g.Arms {
			for _, r := range arm.Runs {
				b.view.Recorded += r.Recorded
				b.run(i, arm, r, slots[arm.Label], near)
			}
		}
	}
	b.view.Longest = b.longest
	return b.data, b.view
}

// shownPrompts is of how many prompts answers are shown, fewer where there are many runs.
func (d *Data) shownPrompts() int {
	runs := 0
	for _, g := range d.Groups {
		for _, arm := range g.Arms {
			runs += len(arm.Runs)
		}
	}
	return max(1, min(answerPrompts, browserRows/(answerTimes*max(1, runs))))
}

type browserBuilder struct {
	data          browserData
	view          browserView
	prompts       map[string]int
	texts, arms   map[string]int
	keep, longest int
}

// run adds the answers of a run to its first prompts.
func (b *browserBuilder) run(task int, arm *Arm, r *Run, slot int, near float64) {
	at, known := b.arms[arm.Label]
	if !known {
		at = len(b.data.Arms)
		b.arms[arm.Label] = at
		b.data.Arms = append(b.data.Arms, armName{arm.Label, slot})
	}
	out := browseRun{Task: task, Arm: at, Seed: fmt.Sprint(r.Seed), Rows: [][6]any{}}
	for _, a := range firstPrompts(r.Answers, b.keep) {
		prompt, reference, response := pageText(a.Prompt, b.longest), pageText(a.Reference, b.longest), pageText(a.Response, b.longest)
		p := b.index(b.prompts, fmt.Sprintf("%d\x00%s\x00%s\x00%s\x00%s", task, a.PromptID, prompt, reference, a.Split), func() {
			b.data.Prompts = append(b.data.Prompts, browsePrompt{task, prompt, reference, a.Split})
		})
		t := b.index(b.texts, response, func() { b.data.Texts = append(b.data.Texts, response) })
		var reward any
		text := "dropped"
		if a.Reward != nil {
			reward, text = round4(*a.Reward), formatValue("score", *a.Reward)
		}
		grade := a.grade(near)
		out.Rows = append(out.Rows, [6]any{a.Step, a.Episode, p, t, reward, grade})
		if len(b.view.First) < browserPage && a.Episode == r.Episodes {
			b.view.First = append(b.view.First, browseRow{
				slot, a.Step, thousands(int64(a.Episode)), arm.Label, r.Seed, b.data.Tasks[task], a.Split, prompt, reference, response, text, grade,
			})
		}
	}
	b.view.Rows += len(out.Rows)
	b.data.Runs = append(b.data.Runs, out)
}

// browserPage is how many rows of the table of answers are shown at a time.
const browserPage = 25

// index is the place of a text in a list, to which add appends it where it is new.
func (b *browserBuilder) index(known map[string]int, text string, add func()) int {
	at, ok := known[text]
	if !ok {
		at = len(known)
		known[text] = at
		add()
	}
	return at
}

// firstPrompts are the answers to the first n prompts; they stand prompt by prompt.
func firstPrompts(answers []Answer, n int) []Answer {
	for i, a := range answers {
		if i == 0 || a.PromptID != answers[i-1].PromptID || a.Prompt != answers[i-1].Prompt {
			if n--; n < 0 {
				return answers[:i]
			}
		}
	}
	return answers
}

// longestText is how many characters of a text fit if all of those shown are to fit.
func (d *Data) longestText(prompts int) int {
	for longest := longestText; ; longest /= 2 {
		bytes := 0
		seen := map[string]bool{}
		for _, g := range d.Groups {
			for _, arm := range g.Arms {
				for _, r := range arm.Runs {
					for _, a := range firstPrompts(r.Answers, prompts) {
						for _, text := range []string{a.Prompt, a.Reference, a.Response} {
							if text = clip(text, longest); !seen[text] {
								seen[text] = true
								bytes += len(text)
							}
						}
					}
				}
			}
		}
		if bytes <= browserBytes || longest <= leastText {
			return longest
		}
	}
}

// pageText is a text of a run for the page: at most n characters, without control
// characters and marks that turn the direction of what stands beside it.
func pageText(text string, n int) string { return printable.Text(clip(text, n)) }

// story is how the answers to one prompt changed.
type story struct {
	Prompt    string
	Reference string
	Split     string
	Rows      []storyRow
}

// storyRow is that of one arm.
type storyRow struct {
	Slot    int
	Label   string
	Answers []storyAnswer
}

// storyAnswer is an answer and when it was given; one that is given several times in
// succession stands once.
type storyAnswer struct {
	When  string
	Text  string
	Grade answerGrade
	last  string
}

const (
	storyCount = 4   // prompts that the page follows through training
	storyText  = 300 // characters of a text in them
)

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
	near, known := g.nearFrom()
	if !known {
		near = 2
	}
	s := story{Prompt: pageText(about.Prompt, storyText), Reference: pageText(about.Reference, storyText), Split: about.Split}
	for _, arm := range g.Arms {
		row := storyRow{Slot: slots[arm.Label], Label: arm.Label}
		for _, a := range arm.Runs[0].Answers {
			if a.PromptID == about.PromptID && a.Prompt == about.Prompt {
				row.add(storyAnswer{timeLabel(a.Episode), pageText(strings.TrimSpace(a.Response), storyText), a.grade(near), timeLabel(a.Episode)})
			}
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

// add appends an answer, or prolongs the last one where it is the same.
func (r *storyRow) add(a storyAnswer) {
	if n := len(r.Answers); n > 0 && r.Answers[n-1].Text == a.Text && r.Answers[n-1].Grade == a.Grade {
		before := &r.Answers[n-1]
		before.When = strings.TrimSuffix(before.When, " to "+before.last) + " to " + a.When
		before.last = a.When
		return
	}
	r.Answers = append(r.Answers, a)
}

func flag(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func timeLabel(episode int) string {
	if episode == 0 {
		return "before"
	}
	return episodeLabel(float64(episode), 0)
}
