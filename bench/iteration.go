package bench

import (
	"fmt"
	"math"

	"pgsrm/kernel"
	"pgsrm/lm"
	"pgsrm/rl"
)

// klCoef is the coefficient of the divergence from the reference model.
const klCoef = 0.05

// algorithm returns an algorithm that makes one pass over a rollout, and what it needs.
func algorithm(name string) (rl.Algorithm, rl.Needs, error) {
	o := rl.DefaultOptions()
	o.PPO.NumPPOEpochs, o.PPO.KL.Coef = 1, klCoef
	o.GRPO.Beta, o.RLOO.Beta = klCoef, klCoef
	a, err := rl.New(name, o)
	return a, o.Needs(name), err
}

// sampling is the rollout of a training: G answers to each prompt, with what the backward needs.
type sampling struct {
	shape
	group   int // G
	m       *lm.Model
	state   *lm.State // of m, with training
	prompts [][]int32 // [batch/group][prompt] of the next run
}

// newSampling makes a model that samples groups of g.
func newSampling(s shape, p *kernel.Pool, g int) (*sampling, error) {
	m, err := s.model(p)
	if err != nil {
		return nil, err
	}
	return &sampling{shape: s, group: g, m: m, state: m.NewState(true)}, nil
}

// draw returns what makes the prompts of the next run.
func (x *sampling) draw() func() {
	rng := newRand(3)
	return func() { x.prompts = x.shape.prompts(rng, x.batch/x.group) }
}

// rollout samples answers to the prompts.
func (x *sampling) rollout() (rl.Rollout, error) {
	x.state.Reset()
	r := rl.Rollout{State: x.state, Prompts: x.prompts, G: x.group, Temperature: 1}
	var err error
	r.Generations, err = x.m.Generate(x.state, x.prompts, x.group,
		lm.SampleOptions{Temperature: 1, TopK: x.topK, MaxNewTokens: x.response}, sampleStream)
	return r, err
}

// work is one rollout a run.
func (x *sampling) work() work {
	return work{limit: x.rolloutCost(x.group), prepare: x.draw(), run: func() error {
		_, err := x.rollout()
		return err
	}}
}

// iteration is the training loop without files: rollout, reward, reference, update.
type iteration struct {
	sampling
	ref    *rl.Reference
	policy *rl.ModelPolicy
	algo   rl.Algorithm
	needs  rl.Needs
	index  int // of the next update
}

// newIteration makes a training with groups of g samples.
func newIteration(s shape, p *kernel.Pool, name string, g int) (*iteration, error) {
	x, err := newSampling(s, p, g)
	if err != nil {
		return nil, err
	}
	algo, needs, err := algorithm(name)
	if err != nil {
		return nil, err
	}
	ref := x.m.Frozen()
	if needs.Values {
		x.m.ValueHead(needs.Detached)
	}
	return &iteration{
		sampling: *x, ref: rl.NewReference(ref), algo: algo, needs: needs,
		policy: &rl.ModelPolicy{Model: x.m, Optimizer: lm.NewAdamW(), ValueLRFactor: needs.ValueLRFactor},
	}, nil
}

// work is one iteration a run, each with prompts of its own.
func (it *iteration) work() work {
	return work{limit: it.iterationCost(it.group), prepare: it.draw(), run: it.run}
}

// run is one iteration.
func (it *iteration) run() error {
	r, err := it.rollout()
	if err != nil {
		return err
	}
	samples, err := it.policy.Begin(r)
	if err != nil {
		return err
	}
	for i := range samples {
		samples[i].Reward = shareOfEven(samples[i].Tokens)
	}
	if it.needs.Reference {
		if err := it.ref.Score(r, samples); err != nil {
			return err
		}
	}
	_, err = it.algo.Update(it.policy, &rl.Batch{
		Prompts: len(it.prompts), G: it.group, MaxNewTokens: it.response, Samples: samples,
	}, rl.Step{Index: it.index, LR: rate, RNG: newRand(uint64(it.index))})
	it.index++
	return err
}

// shareOfEven is the reward: the share of even tokens.
func shareOfEven(tokens []int32) float64 {
	even := 0
	for _, t := range tokens {
		even += int(1 - t&1)
	}
	return float64(even) / float64(len(tokens))
}

// finite is an error that names what is not finite.
func finite(what string, x float64) error {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return fmt.Errorf("bench: %s must be finite (got %v)", what, x)
	}
	return nil
}
