package reward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"pgsrm/config"
	"pgsrm/custom"
)

// Scorers answer the terms of the user's own of one reward, in the order of Spec.own.
type Scorers []custom.Scorer

// OpenScorers opens what answers the terms exec and http; given answers the term custom, and
// must be nil where there is none. No process is started and nothing is sent before the
// first answer is scored. The caller closes them.
func (s Spec) OpenScorers(given custom.Scorer, o custom.Options) (Scorers, error) {
	var out Scorers
	used := false
	for _, t := range s.own() {
		switch {
		case t.Kind != customTerm:
			source, err := custom.Open(t.Kind, t.Text, o)
			if err != nil {
				return nil, config.At("reward", config.Bad(err))
			}
			out = append(out, source)
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

// customTerm is the term that a Scorer in Go answers.
const customTerm = "custom"

// lent is a Scorer of the caller, who closes it.
type lent struct{ custom.Scorer }

// Close ends the processes.
func (s Scorers) Close() {
	for _, one := range s {
		if source, ok := one.(*custom.Source); ok {
			source.Close()
		}
	}
}

// Values are what was asked of each term exec and http, as named numbers.
func (s Scorers) Values(spec Spec) map[string]float64 {
	out := map[string]float64{}
	p, err := spec.program()
	if err != nil {
		return out
	}
	for k, one := range s {
		if source, ok := one.(*custom.Source); ok {
			for name, x := range source.Counts().Values() {
				out[p.columns[p.own[k]]+"/"+name] = x
			}
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
	return slices.ContainsFunc(s.own(), func(t Term) bool { return t.Kind != customTerm })
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
