// Package judge has a language model on a chat server judge answers (LLM as a judge,
// Zheng et al. 2023, arXiv 2306.05685): the term judge of a reward (docs/judge.md). An
// answer has a reward in [0, 1] or an error of its own, never a reward that was made up.
//
//	judge.go      Judge: asking about samples, once for each question
//	spec.go       the parameters of a term
//	settings.go   the section "judge" of a configuration
//	template.go   rubrics and templates; texts as data
//	question.go   one conversation with the model
//	verdict.go    what is read from a reply
package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"

	"pgsrm/cache"
	"pgsrm/custom"
	"pgsrm/remote"
	"pgsrm/remote/completions"
)

// Options are what a Judge is opened with beside its term.
type Options struct {
	Settings Settings
	Cache    *cache.Cache // of verdicts; nil = none
	// Warn, where set, is told what the user should know. It may be called from several
	// goroutines.
	Warn   func(text string)
	Remote remote.Deps // what tests replace
}

// Judge is a custom.Scorer that asks a model. It is safe for concurrent use.
type Judge struct {
	template template
	form     form
	set      Settings
	client   *completions.Client
	through  *cache.Through[float64]
	again    atomic.Int64 // questions that were asked a second time
}

// Open makes the judge of a term and reads the file of its rubric. Nothing is sent yet.
// Errors name no secrets.
func Open(s Spec, o Options) (*Judge, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if err := o.Settings.Validate(); err != nil {
		return nil, fmt.Errorf("judge.%w", err)
	}
	t, err := s.template()
	if err != nil {
		return nil, fmt.Errorf("judge.rubric: %w", err)
	}
	client, err := completions.New(s.server(), o.Settings.client(), o.Warn, o.Remote)
	if err != nil {
		return nil, fmt.Errorf("judge: openai: %w", err)
	}
	return &Judge{template: t, form: s.form(), set: o.Settings, client: client, through: newThrough(client.Identity(), o.Cache)}, nil
}

// newThrough is the memory and the cache before the model; c may be nil.
func newThrough(identity string, c *cache.Cache) *cache.Through[float64] {
	source, err := json.Marshal(map[string]string{"term": "judge", "model": identity})
	if err != nil {
		panic(err) // texts always are JSON
	}
	return custom.NewThrough(string(source), c)
}

// Score judges samples, as many at once as the server may be asked: the grade as a share
// of the scale, or the mean over both orders of what the response earns beside the
// reference, 1 where it wins, 1/2 for a tie.
func (j *Judge) Score(ctx context.Context, samples []custom.Sample) []custom.Result {
	out := make([]custom.Result, len(samples))
	var all []question
	first := make([]int, len(samples)) // of the questions of a sample
	for i, s := range samples {
		questions, err := j.questions(s)
		first[i], out[i].Err = len(all), err
		all = append(all, questions...)
	}
	verdicts := j.verdicts(ctx, all)
	for i := range out {
		if out[i].Err == nil {
			out[i] = j.form.combine(verdicts[first[i]:][:j.form.orders()])
		}
	}
	return out
}

// verdicts are the answers to questions, each asked once.
func (j *Judge) verdicts(ctx context.Context, questions []question) []cache.Outcome[float64] {
	keys := make([]string, len(questions))
	for i, q := range questions {
		keys[i] = q.key(j.set)
	}
	return j.through.Do(ctx, keys, func(ctx context.Context, at []int) []cache.Outcome[float64] {
		got := make([]cache.Outcome[float64], len(at))
		j.client.Each(len(at), func(k int) {
			got[k].Value, got[k].Err = j.ask(ctx, questions[at[k]])
		})
		return got
	})
}

// errNoReference is the error of a sample that has nothing to be compared with.
var errNoReference = errors.New("mode=pairwise needs a reference")

// questions are what the model is asked about a sample: in pairwise mode twice, the
// response first and the reference first.
func (j *Judge) questions(s custom.Sample) ([]question, error) {
	if !j.form.pairwise {
		user, err := j.template.fill(s, j.set.MaxText, map[string]string{"response": s.Response, "reference": s.Reference})
		return []question{{j.form, user}}, err
	}
	if s.Reference == "" {
		return nil, errNoReference
	}
	var out []question
	for _, order := range [][2]string{{s.Response, s.Reference}, {s.Reference, s.Response}} {
		user, err := j.template.fill(s, j.set.MaxText, map[string]string{"answer_a": order[0], "answer_b": order[1]})
		if err != nil {
			return nil, err
		}
		out = append(out, question{j.form, user})
	}
	return out, nil
}

// Close closes idle connections.
func (j *Judge) Close() { j.client.Close() }

// Counts are what was asked and what it cost; Known are the verdicts that the cache gave.
func (j *Judge) Counts() completions.Counts {
	c := j.client.Counts()
	c.Known = j.through.Counts().Hits
	return c
}

// Values are the counts as named numbers.
func (j *Judge) Values() map[string]float64 {
	out := j.Counts().Values()
	if n := j.again.Load(); n > 0 {
		out["asked_again"] = float64(n)
	}
	return out
}

// String tells the counts that a user wants to see at the end.
func (j *Judge) String() string {
	c := j.Counts()
	text := c.String()
	if n := j.again.Load(); n > 0 {
		text += fmt.Sprintf(", %d asked again", n)
	}
	if n := c.Refused[unreadable]; n > 0 {
		text += fmt.Sprintf(", %d without a verdict", n)
	}
	return text
}
