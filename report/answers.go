package report

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"pgsrm/run"
	"pgsrm/task"
)

// Answer is one line of completions.jsonl.
type Answer run.Completion

const (
	answerPrompts = 60 // prompts whose answers the page shows, per run
	answerTimes   = 8  // points in time for each of them
)

// Exact tells whether the answer is right, where the line says so after normalising.
// Else it is where it is the reference (see task.Normalize) or earned the exact term;
// where the reward has no such term, a further accepted answer is not known to be
// one: the line does not carry the list.
func (a Answer) Exact() bool {
	if a.Normalized != nil {
		return *a.Normalized
	}
	return a.Terms["exact"] == 1 || task.Exact(a.Response, a.Reference, nil)
}

// loadAnswers reads completions.jsonl and keeps a choice of it.
func (r *Run) loadAnswers() (torn bool, err error) {
	var all []Answer
	torn, err = run.ReadCompletions(r.Dir, func(c run.Completion) error {
		all = append(all, Answer(c))
		return nil
	})
	if err != nil {
		return torn, fmt.Errorf("report: %w", err)
	}
	r.Recorded = len(all)
	r.First, r.Final = greedyAt(all, false), greedyAt(all, true)
	r.Answers = chooseAnswers(all, r.Episodes)
	r.Early, r.Late = pairsWithin(all, r.Episodes)
	r.Grid = newGrid(all)
	return torn, nil
}

// Pairs counts pairs of answers that were sampled for one prompt in one step.
type Pairs struct{ Differing, All int }

// pairsWithin counts those among the recorded samples of the first and of the second half of
// a run. Which samples are recorded is chosen at random, so the share of differing pairs is
// that of all samples but for chance.
func pairsWithin(all []Answer, episodes int) (early, late Pairs) {
	type place struct {
		step   int
		prompt string
	}
	said := map[place][]string{}
	for _, a := range all {
		if a.Greedy {
			continue
		}
		p, half := place{a.Step, a.PromptID + "\x00" + a.Prompt}, &early
		if 2*a.Episode > episodes {
			half = &late
		}
		text := task.Normalize(a.Response)
		for _, other := range said[p] {
			half.All++
			if other != text {
				half.Differing++
			}
		}
		said[p] = append(said[p], text)
	}
	return early, late
}

// greedyAt returns the greedy answers of the first or the last step that has
// any; the lines stand in the order of the steps.
func greedyAt(all []Answer, last bool) []Answer {
	step := -1
	for _, a := range all {
		if a.Greedy && (step < 0 || last) {
			step = a.Step
		}
	}
	var out []Answer
	for _, a := range all {
		if a.Greedy && a.Step == step {
			out = append(out, a)
		}
	}
	return out
}

// window numbers the points in time: 0 is before training, then equal
// stretches of the run.
func window(episode, episodes int) int {
	if episode <= 0 || episodes <= 0 {
		return 0
	}
	return 1 + min(answerTimes-2, (episode-1)*(answerTimes-1)/episodes)
}

// chooseAnswers keeps, for a fixed choice of prompts and each window of time,
// the last answer: a greedy one where there is one. The prompts are those with
// the smallest hash, so that all runs of a task show the same ones.
func chooseAnswers(all []Answer, episodes int) []Answer {
	type place struct {
		prompt uint64
		window int
	}
	chosen := map[place]int{}
	names := map[uint64]bool{}
	for i, a := range all {
		p := place{hash(a.PromptID, a.Prompt), window(a.Episode, episodes)}
		names[p.prompt] = true
		if at, taken := chosen[p]; !taken || a.Greedy || !all[at].Greedy {
			chosen[p] = i
		}
	}
	limit := ^uint64(0)
	if len(names) > answerPrompts {
		hashes := make([]uint64, 0, len(names))
		for h := range names {
			hashes = append(hashes, h)
		}
		slices.Sort(hashes)
		limit = hashes[answerPrompts-1]
	}
	var out []Answer
	for p, at := range chosen {
		if p.prompt <= limit {
			out = append(out, all[at])
		}
	}
	slices.SortFunc(out, func(a, b Answer) int {
		return cmp.Or(cmp.Compare(hash(a.PromptID, a.Prompt), hash(b.PromptID, b.Prompt)),
			cmp.Compare(a.Step, b.Step), cmp.Compare(a.Episode, b.Episode))
	})
	return out
}

func hash(texts ...string) uint64 {
	h := fnv.New64a()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
	return h.Sum64()
}

// Top is the most frequent of some answers.
type Top struct {
	Answer string  `json:"answer"`
	Share  float64 `json:"share"` // of all answers
}

// quote shows an answer in a sentence.
func (t Top) quote() string {
	if t.Answer == "" {
		return "the empty answer"
	}
	return "“" + clip(t.Answer, 60) + "”"
}

// topText returns the most frequent text after normalising, ties by text.
func topText(texts []string) Top {
	counts := map[string]int{}
	for _, t := range texts {
		counts[task.Normalize(t)]++
	}
	best := Top{}
	most := 0
	for t, n := range counts {
		if n > most || n == most && t < best.Answer {
			most, best = n, Top{t, float64(n) / float64(len(texts))}
		}
	}
	return best
}

// constant tells whether one text makes up most of the answers whatever the
// prompt: at least half of them, and more than twice the share that any one
// reference has. It needs eight answers.
func constant(answers []Answer) (Top, bool) {
	var said, meant []string
	for _, a := range answers {
		said = append(said, a.Response)
		meant = append(meant, a.Reference)
	}
	if len(said) < 8 {
		return Top{}, false
	}
	top := topText(said)
	return top, top.Share >= 0.5 && top.Share > 2*topText(meant).Share
}

// Collapsed tells whether training ended in one constant answer, other than one that the
// child gave from the start, by the greedy answers of the first and the last evaluation.
func Collapsed(first, final []Answer) bool {
	end, isConstant := constant(final)
	start, wasConstant := constant(first)
	return isConstant && !(wasConstant && start.Answer == end.Answer)
}

func (r *Run) collapsed() bool { return Collapsed(r.First, r.Final) }
