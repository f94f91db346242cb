package reward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"pgsrm/cache"
	"pgsrm/config"
	"pgsrm/custom"
	"pgsrm/judge"
	"pgsrm/remote"
)

// Scorers answer the terms of the user's own of one reward, in the order of Spec.own.
type Scorers []custom.Scorer

// ScorerOptions are what Scorers are opened with.
type ScorerOptions struct {
	Custom custom.Settings
	Judge  judge.Settings
	Cache  *cache.Cache // of what depends on its sample alone; nil = none
	// Preference answers the term preferred; nil where no run is at hand.
	Preference custom.Scorer
	// Warn, where set, is told what the user should know. It may be called from several
	// goroutines.
	Warn   func(text string)
	Remote remote.Deps // what tests replace
}

// source is a Scorer that was opened here.
type source interface {
	custom.Scorer
	Close()
	// Values are what was asked, as named numbers.
	Values() map[string]float64
}

// OpenScorers opens what answers the terms exec, http and judge; given answers the term
// custom, and must be nil where there is none. No process is started and nothing is sent
// before the first answer is scored. The caller closes them.
func (s Spec) OpenScorers(given custom.Scorer, o ScorerOptions) (Scorers, error) {
	var out Scorers
	used := false
	for _, t := range s.own() {
		switch {
		case t.Kind == preferredTerm && o.Preference == nil:
			return nil, &config.Error{Key: "reward", Must: "the term preferred is of a head that learns in a run: train or compare with it", Value: s.Name}
		case t.Kind == preferredTerm:
			out = append(out, lent{o.Preference})
		case t.Kind != customTerm:
			one, err := t.open(o)
			if err != nil {
				return nil, config.At("reward", config.Bad(err))
			}
			out = append(out, one)
		case given == nil:
			return nil, &config.Error{Key: "reward", Must: "the term custom is for programs in Go, which give a Scorer to the run; a command is exec(CMD), a server http(URL)", Value: s.Name}
		default:
			used = true
			out = append(out, lent{given})
		}
	}
	if given != nil && !used {
		return nil, &config.Error{Key: "reward", Must: "must have the term custom where a Scorer is given to the run", Value: s.Name}
	}
	return out, nil
}

// open opens what answers a term; every new kind of source gets its case here.
func (t Term) open(o ScorerOptions) (source, error) {
	if t.Kind == judgeTerm {
		return judge.Open(t.judge(), judge.Options{Settings: o.Judge, Cache: o.Cache, Warn: o.Warn, Remote: o.Remote})
	}
	return custom.Open(t.Kind, t.Text, custom.Options{Settings: o.Custom, Cache: o.Cache, Warn: o.Warn, Remote: o.Remote})
}

// judgeTerm is the term that a language model answers.
const judgeTerm = "judge"

// judge are the parameters of a term judge.
func (t Term) judge() judge.Spec {
	return judge.Spec{Model: t.Text, Mode: t.Mode, Rubric: t.Rubric, Scale: t.Scale}
}

// customTerm is the term that a Scorer in Go answers.
const customTerm = "custom"

// preferredTerm is the term that the preference head of a run answers.
const preferredTerm = "preferred"

// Preferred says whether the reward has a preference head.
func (s Spec) Preferred() bool {
	return slices.ContainsFunc(s.own(), func(t Term) bool { return t.Kind == preferredTerm })
}

// lent is a Scorer of the caller, who closes it.
type lent struct{ custom.Scorer }

// Close ends the processes.
func (s Scorers) Close() {
	for _, one := range s {
		if s, ok := one.(source); ok {
			s.Close()
		}
	}
}

// Values are what was asked of each term exec, http and judge, as named numbers.
func (s Scorers) Values(spec Spec) map[string]float64 {
	out := map[string]float64{}
	p, err := spec.program()
	if err != nil {
		return out
	}
	for k, one := range s {
		if s, ok := one.(source); ok {
			for name, x := range s.Values() {
				out[p.columns[p.own[k]]+"/"+name] = x
			}
		}
	}
	return out
}

// Judged are lines that say what each term judge was asked, and what that cost.
func (s Scorers) Judged(spec Spec) []string {
	p, err := spec.program()
	if err != nil {
		return nil
	}
	var out []string
	for k, one := range s {
		if j, ok := one.(*judge.Judge); ok {
			out = append(out, fmt.Sprintf("%s: %s", p.columns[p.own[k]], j))
		}
	}
	return out
}

// own are the terms that are the user's own.
func (s Spec) own() []Term {
	p, err := s.program()
	if err != nil {
		return nil
	}
	var out []Term
	for _, k := range p.own {
		out = append(out, p.terms[k])
	}
	return out
}

// Commands are the texts of the terms exec: what the reward starts processes of.
func (s Spec) Commands() []string {
	var out []string
	for _, t := range s.own() {
		if t.Kind == custom.Exec {
			out = append(out, t.Text)
		}
	}
	return out
}

// Remote says whether the reward asks processes or servers of the user's own.
func (s Spec) Remote() bool {
	return slices.ContainsFunc(s.own(), func(t Term) bool { return t.Kind != customTerm && t.Kind != preferredTerm })
}

// checkOwn demands a scorer for each term of the user's own.
func (p *program) checkOwn(scorers Scorers) error {
	if len(scorers) != len(p.own) {
		return fmt.Errorf("reward: must have a scorer for each of %d terms of the user's own (got %d)", len(p.own), len(scorers))
	}
	return nil
}

// ErrOwn is every error of a function of the user's own that gave no reward.
var ErrOwn = errors.New("a function of your own gave no reward")

// ownError is an error that is ErrOwn; its text is its own.
type ownError struct{ error }

func (ownError) Is(target error) bool { return target == ErrOwn }
func (e ownError) Unwrap() error      { return e.error }

// errVoid is the result of an answer that nobody is asked about.
var errVoid = errors.New("not asked")

// askOwn begins to ask about the live samples, as they were before anything was taken out
// of them; the function that it returns waits for the results. [own][len(samples)]
func (m *Model) askOwn(ctx context.Context, raw []Sample, live []bool) (wait func() [][]custom.Result) {
	if len(m.own) == 0 {
		return func() [][]custom.Result { return nil }
	}
	var asked []custom.Sample
	var at []int
	for i, s := range raw {
		if live[i] {
			asked = append(asked, custom.Sample{Prompt: s.Prompt, Response: s.Response, Reference: s.Reference, Columns: s.Columns})
			at = append(at, i)
		}
	}
	results := make([][]custom.Result, len(m.own))
	var all sync.WaitGroup
	for k, scorer := range m.own {
		results[k] = slices.Repeat([]custom.Result{{Err: errVoid}}, len(raw))
		all.Go(func() {
			if len(asked) == 0 {
				return
			}
			for j, r := range custom.Ask(ctx, scorer, asked) {
				results[k][at[j]] = r
			}
		})
	}
	return func() [][]custom.Result {
		all.Wait()
		return results
	}
}

// ownTerms fills in the terms of the user's own for sample i.
func (m *Model) ownTerms(i int, b *batch, results [][]custom.Result) error {
	for k, column := range m.program.own {
		r := results[k][i]
		if r.Err != nil {
			return ownError{fmt.Errorf("reward: %s: %w", m.program.columns[column], r.Err)}
		}
		b.columns[column][i] = r.Reward
	}
	return nil
}
