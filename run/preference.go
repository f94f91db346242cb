package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"pgsrm/custom"
	"pgsrm/hf"
	"pgsrm/internal/durable"
	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/task"
)

// preferenceDir holds the reward head in a checkpoint, of a run whose reward has the term
// preferred: its trunk, the head and the moments of both.
const preferenceDir = "preference"

// preference answers the term preferred of the reward: a head on a copy of the start child,
// which learns to prefer the parent's answers.
type preference struct {
	o       rl.PreferenceOptions
	model   *hf.Model
	head    *rl.PreferenceHead
	prompts map[string][]int32 // tokens of each prompt
	input   *hf.Prompter
}

// openPreference makes the head as it is before it has learned anything.
func (r *run) openPreference() {
	p := r.preference
	if p == nil {
		return
	}
	p.model, p.input = r.model.Clone(), r.prompter
	p.prompts = map[string][]int32{}
	for _, s := range r.evals {
		for _, one := range s.prompts {
			p.prompts[one.item.Prompt] = one.tokens
		}
	}
	for _, one := range r.prompts {
		p.prompts[one.item.Prompt] = one.tokens
	}
	p.begin(lm.NewAdamW())
}

// begin puts a value head that knows nothing on the trunk.
func (p *preference) begin(adam *lm.AdamW) {
	p.model.ValueHead(false)
	p.head = &rl.PreferenceHead{Model: p.model.Model, Optimizer: adam}
}

// learnPreference is what the head learns before the first step: the answers of the start
// child to the prompts of the first steps, drawn for it alone, against the parent's.
func (r *run) learnPreference(ctx context.Context) error {
	if r.preference == nil {
		return nil
	}
	n := r.cfg.Rollout.SamplesPerPrompt
	var loss, right float64
	for update := 1; update <= r.preference.o.Updates; update++ {
		if ctx.Err() != nil {
			return fmt.Errorf("preference head: update %d of %d: %w", update, r.preference.o.Updates, ErrInterrupted)
		}
		prompts, ids := r.choose(update)
		rollout, err := r.sample(prompts, n, func(p, g int) *rand.Rand {
			return stream(r.cfg.Seed, forPreference, update, ids[p].item, ids[p].repeat*n+g)
		})
		if err == nil {
			loss, right, err = r.prefer(update, prompts, rollout, r.texts(prompts, rollout))
		}
		if err != nil {
			return fmt.Errorf("preference head: update %d: %w", update, err)
		}
	}
	r.note("preference head: %d updates, loss %.3f nats, %s of the last pairs right", r.preference.o.Updates, loss, percent(right))
	return nil
}

// prefer lets the head learn that the parent's answers are better than those of a rollout that
// are not right. It returns the loss and the share of the pairs that it had right; of a rollout
// without such answers nothing is learned, and both are those of a sure head.
func (r *run) prefer(step int, prompts []prompt, rollout rl.Rollout, texts []reward.Sample) (loss, right float64, err error) {
	p := r.preference
	var pairs []rl.Pair
	for i, text := range texts {
		q := prompts[i/rollout.G]
		if r.match.Exact(text.Response, text.Reference, text.Accepted) {
			continue
		}
		joint := task.Joint(q.item.Prompt)
		pairs = append(pairs, rl.Pair{Prompt: q.tokens, Chosen: p.input.Response(joint, q.reference), Rejected: p.input.Response(joint, text.Response)})
	}
	if len(pairs) == 0 {
		return 0, 1, nil
	}
	return p.head.Learn(pairs, p.o, rl.Step{Index: step - 1})
}

// Score implements custom.Scorer: the probability by Bradley and Terry that an answer is
// preferred to the parent's, sigmoid(s(prompt, answer) - s(prompt, parent's answer)).
func (p *preference) Score(_ context.Context, samples []custom.Sample) []custom.Result {
	out := make([]custom.Result, len(samples))
	var prompts, answers [][]int32 // of the child and of the parent in turn
	for _, s := range samples {
		tokens, err := p.tokens(s.Prompt)
		if err != nil {
			return failed(out, err)
		}
		joint := task.Joint(s.Prompt)
		prompts = append(prompts, tokens, tokens)
		answers = append(answers, p.input.Response(joint, s.Response), p.input.Response(joint, s.Reference))
	}
	scores, err := p.head.Scores(prompts, answers)
	if err != nil {
		return failed(out, err)
	}
	for i := range out {
		out[i].Reward = rl.Sigmoid(scores[2*i] - scores[2*i+1])
	}
	return out
}

// tokens are those of a prompt, also of one that the run does not have.
func (p *preference) tokens(prompt string) ([]int32, error) {
	if tokens, ok := p.prompts[prompt]; ok {
		return tokens, nil
	}
	return p.input.Tokens(prompt)
}

// failed gives all results the same error.
func failed(out []custom.Result, err error) []custom.Result {
	for i := range out {
		out[i].Err = err
	}
	return out
}

// savePreference writes the head into the folder of a checkpoint, of a run that has one.
func (r *run) savePreference(dir string) error {
	if r.preference == nil {
		return nil
	}
	dir = filepath.Join(dir, preferenceDir)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := saveTrained(dir, r.preference.model, r.preference.head.Optimizer); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

// loadPreference puts back what savePreference wrote; steps are the updates of its optimiser.
func (r *run) loadPreference(dir string, steps int) error {
	p := r.preference
	if p == nil {
		return nil
	}
	dir = filepath.Join(dir, preferenceDir)
	var err error
	if p.model, err = reloadChild(p.model, filepath.Join(dir, childDir)); err != nil {
		return err
	}
	adam := lm.NewAdamW()
	p.begin(adam)
	adam.Steps = steps
	return loadTrainer(dir, p.model.Model, adam)
}
