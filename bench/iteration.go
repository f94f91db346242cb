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

// iteration is the training loop without files: rollout, reward, reference, update.
type iteration struct {
	shape
	group   int
	m       *lm.Model
	ref     *rl.Reference
	state   *lm.State // of m, with training
	policy  *rl.ModelPolicy
	algo    rl.Algorithm
	needs   rl.Needs
	prompts [][]int32 // [batch/group][prompt] of the next run
	index   int       // of the next update
}

// newIteration makes a training with groups of g samples.
func newIteration(s shape, p *kernel.Pool, name string, g int) (*iteration, error) {
	m, err := lm.NewRandom(s.config(), 1)
	if err != nil {
		return nil, err
	}
	m.Pool = p
	algo, needs, err := algorithm(name)
	if err != nil {
		return nil, err
	}
	ref := m.Clone()
	if needs.Values {
		m.ValueHead(needs.Detached)
	}
	return &iteration{
		shape: s, group: g, m: m, ref: rl.NewReference(ref), state: m.NewState(true), algo: algo, needs: needs,
		policy: &rl.ModelPolicy{Model: m, Optimizer: lm.NewAdamW(), ValueLRFactor: needs.ValueLRFactor},
	}, nil
}

// work is one iteration a run, each with prompts of its own.
func (it *iteration) work() work {
	rng := newRand(3)
	return work{
		limit:   it.iterationCost(it.group),
		prepare: func() { it.prompts = it.shape.prompts(rng, it.batch/it.group) },
		run:     it.run,
	}
}

// run is one iteration.
func (it *iteration) run() error {
	it.state.Reset()
	r := rl.Rollout{State: it.state, Prompts: it.prompts, G: it.group, Temperature: 1}
	var err error
	r.Generations, err = it.m.Generate(it.state, it.prompts, it.group,
		lm.SampleOptions{Temperature: 1, TopK: it.topK, MaxNewTokens: it.response}, sampleStream)
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
