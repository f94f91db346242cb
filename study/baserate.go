package study

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/run"
	"pgsrm/task"
)

// atBaseRate teaches a child to be right in the share c.Right of its sampled answers, on
// each of the five built-in tasks, and otherwise to answer as it does:
//
//   - the answers that the start child samples, those that are right left out, by cross-entropy;
//   - the probability P of the right answers, by (log P - log P*)^2/2 within 3 nats and in a
//     line beyond (Huber): the odds of P* are k times those of the start child's P, k by task
//     so that the mean of P* over the task's train prompts is the share.
//
// P is the sum over the reference and the accepted answers in their usual tokens, with the
// end token, and over those in unusual tokens that come up among the samples. The child
// keeps the threads that it has; the result does not depend on them.
func atBaseRate(ctx context.Context, m *hf.Model, c Child) error {
	a := &rateTeacher{m: m, steps: cmp.Or(c.Steps, 300), lr: cmp.Or(c.LR, 3e-4), adam: lm.NewAdamW(), rng: rand.New(rand.NewPCG(7+c.Seed, 7))}
	a.start = m.Clone()
	a.start.Pool = m.Pool
	a.adam.WeightDecay = 0
	a.state, a.sampling = m.NewState(true), a.start.NewState(false)
	if err := a.open(c.Right); err != nil {
		return err
	}
	for step := 1; step <= a.steps; step++ {
		if ctx.Err() != nil {
			return run.ErrInterrupted
		}
		if err := a.update(step); err != nil {
			return fmt.Errorf("update %d: %w", step, err)
		}
	}
	return nil
}

// What an update of atBaseRate takes; found by trial, as the learning rate.
const (
	ratePrompts = 24  // of each task
	rateGroup   = 8   // the start child's answers to each of them
	rateWeight  = 0.3 // of the second loss, a mean over prompts, beside cross-entropy per token
	rateClip    = 3   // nats
)

// rateTeacher is one atBaseRate on its way.
type rateTeacher struct {
	m, start        *hf.Model
	state, sampling *lm.State
	adam            *lm.AdamW
	rng             *rand.Rand
	steps           int
	lr              float64
	tasks           [][]rateItem
}

// rateItem is a prompt with its right answers.
type rateItem struct {
	it     task.Item
	limit  int       // tokens of an answer
	prompt []int32   // its tokens
	right  [][]int32 // responses, with the end token
	goal   float64   // log P*, nats
}

// open finds the right answers to all prompts and how probable they are to become.
func (a *rateTeacher) open(share float64) error {
	p, err := a.m.Prompter("", hf.DefaultTemplateOptions())
	if err != nil {
		return err
	}
	for _, name := range task.Names() {
		t, err := task.Builtin(name)
		if err != nil {
			return err
		}
		items, err := rateItems(p, t)
		if err != nil {
			return err
		}
		if err := a.setGoals(items, share); err != nil {
			return err
		}
		a.tasks = append(a.tasks, items)
	}
	return nil
}

// rateItems are the prompts of a task, both splits, with their right answers in usual tokens.
func rateItems(p *hf.Prompter, t *task.Task) ([]rateItem, error) {
	items := make([]rateItem, len(t.Items))
	for i, it := range t.Items {
		items[i] = rateItem{it: it, limit: t.MaxNewTokens, right: rightAnswers(p, it)}
		var err error
		if items[i].prompt, err = p.Item(it); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// rightAnswers are the right answers to an item in their usual tokens, with the end token.
func rightAnswers(p *hf.Prompter, it task.Item) [][]int32 {
	var out [][]int32
	seen := map[string]bool{}
	for _, answer := range append([]string{it.Reference}, it.Accepted...) {
		if k := task.Normalize(answer); !seen[k] {
			seen[k] = true
			out = append(out, p.Response(task.Joint(it.Prompt), answer))
		}
	}
	return out
}

// leastRight is the smallest probability that odds are multiplied from.
const leastRight = 1e-9

// setGoals moves the odds of the start child's right answers alike, to the share.
func (a *rateTeacher) setGoals(items []rateItem, share float64) error {
	var odds, train []float64
	for i := range items {
		one := &items[i]
		logs, err := responseLogs(a.start.Model, a.sampling, one.prompt, one.right)
		if err != nil {
			return err
		}
		q := max(math.Exp(logSum(logs)), leastRight)
		odds = append(odds, q/(1-q))
		if one.it.Split == task.Train {
			train = append(train, q/(1-q))
		}
	}
	k := oddsFactor(train, share)
	for i := range items {
		items[i].goal = math.Log(k * odds[i] / (1 + k*odds[i]))
	}
	return nil
}

// oddsFactor finds k so that the mean of k*o/(1+k*o) is the share.
func oddsFactor(odds []float64, share float64) float64 {
	lo, hi := 1e-8, 1e8
	for range 200 {
		k, sum := math.Sqrt(lo*hi), 0.0
		for _, o := range odds {
			sum += k * o / (1 + k*o) / float64(len(odds))
		}
		if sum < share {
			lo = k
		} else {
			hi = k
		}
	}
	return math.Sqrt(lo * hi)
}

// update learns from some prompts of each task.
func (a *rateTeacher) update(step int) error {
	var chosen []*rateItem
	for _, items := range a.tasks {
		for _, i := range a.rng.Perm(len(items))[:min(ratePrompts, len(items))] {
			chosen = append(chosen, &items[i])
		}
	}
	wrong, err := a.sampleWrong(step, chosen)
	if err != nil {
		return err
	}
	a.state.Reset()
	var targets []lm.Target
	for _, w := range wrong {
		targets = addResponse(a.state, targets, w.prompt, w.response)
	}
	taught := len(targets)
	for _, x := range chosen {
		for _, r := range x.right {
			targets = addResponse(a.state, targets, x.prompt, r)
		}
	}
	a.m.Forward(a.state)
	var sc lm.Scores
	if err := a.m.Score(a.state, targets, 1, &sc); err != nil {
		return err
	}
	a.m.Backward(a.state, targets, 1, lm.ScoreGrads{LogProb: rateGradient(sc.LogProb, taught, chosen)})
	frac := float64(step) / float64(a.steps)
	a.adam.Step(a.m.Model, a.lr*min(1, float64(step)/20)*(0.03+0.97*0.5*(1+math.Cos(math.Pi*frac))), 1)
	return nil
}

// rateGradient is the derivative of both losses with respect to the log-probabilities: the
// first taught ones are those of wrong answers, then come those of the right answers.
func rateGradient(logProbs []float32, taught int, chosen []*rateItem) []float32 {
	grad := make([]float32, len(logProbs))
	for i := range taught {
		grad[i] = -1 / float32(taught)
	}
	at := taught
	for _, x := range chosen {
		begin, each := at, make([]float64, len(x.right))
		for k, r := range x.right {
			for range r {
				each[k] += float64(logProbs[at])
				at++
			}
		}
		all := logSum(each)
		d := max(-rateClip, min(rateClip, all-x.goal))
		at = begin
		for k, r := range x.right {
			for range r {
				grad[at] = float32(rateWeight * d * math.Exp(each[k]-all) / float64(len(chosen)))
				at++
			}
		}
	}
	return grad
}

// answered is a prompt with a response, in tokens.
type answered struct{ prompt, response []int32 }

// sampleWrong are the start child's answers to the chosen prompts that are not right;
// right ones in unusual tokens are added to the right answers.
func (a *rateTeacher) sampleWrong(step int, chosen []*rateItem) ([]answered, error) {
	var wrong []answered
	for k := range a.tasks {
		some := chosen[:min(ratePrompts, len(a.tasks[k]))]
		chosen = chosen[len(some):]
		var prompts [][]int32
		for _, x := range some {
			prompts = append(prompts, x.prompt)
		}
		a.sampling.Reset()
		gens, err := a.start.Generate(a.sampling, prompts, rateGroup, lm.SampleOptions{Temperature: 1, MaxNewTokens: some[0].limit},
			func(p, g int) *rand.Rand { return rand.New(rand.NewPCG(uint64(step), uint64((k*1000+p)*1000+g))) })
		if err != nil {
			return nil, err
		}
		for i, g := range gens {
			x := some[i/rateGroup]
			if !task.Exact(a.m.Answer(g.Tokens, nil), x.it.Reference, x.it.Accepted) {
				wrong = append(wrong, answered{x.prompt, g.Tokens})
			} else if !slices.ContainsFunc(x.right, func(r []int32) bool { return slices.Equal(r, g.Tokens) }) {
				x.right = append(x.right, g.Tokens)
			}
		}
	}
	return wrong, nil
}

// addResponse adds the tokens of a response after its prompt to the state and to the targets.
func addResponse(s *lm.State, targets []lm.Target, prompt, response []int32) []lm.Target {
	all := slices.Concat(prompt, response)
	rows := s.AddSequence(all[:len(all)-1])
	for i := len(prompt); i < len(all); i++ {
		targets = append(targets, lm.Target{Row: rows[i-1], Token: all[i]})
	}
	return targets
}

// responseLogs are the log-probabilities of whole responses to a prompt, nats.
func responseLogs(m *lm.Model, s *lm.State, prompt []int32, responses [][]int32) ([]float64, error) {
	s.Reset()
	var targets []lm.Target
	for _, r := range responses {
		targets = addResponse(s, targets, prompt, r)
	}
	m.Forward(s)
	var sc lm.Scores
	if err := m.Score(s, targets, 1, &sc); err != nil {
		return nil, err
	}
	out, at := make([]float64, len(responses)), 0
	for k, r := range responses {
		for range r {
			out[k] += float64(sc.LogProb[at])
			at++
		}
	}
	return out, nil
}

// logSum is the logarithm of the sum of the exponentials.
func logSum(v []float64) float64 {
	top, sum := slices.Max(v), 0.0
	for _, x := range v {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum)
}
