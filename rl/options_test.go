package rl

import (
	"reflect"
	"testing"
)

func TestDefaultsAreValid(t *testing.T) {
	for _, name := range Algorithms() {
		if _, err := New(name, DefaultOptions()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Options)
		want string
	}{
		{"dpo", func(o *Options) {}, `algorithm: must be one of ppo, grpo, rloo, paper, raft, sft, gkd, none (got "dpo")`},
		{"ppo", func(o *Options) { o.PPO.Cliprange = 0 }, `ppo.cliprange: must be between 1e-6 and 1 (got 0)`},
		{"ppo", func(o *Options) { o.PPO.Lambda = 1.5 }, `ppo.lambda: must be between 0 and 1 (got 1.5)`},
		{"ppo", func(o *Options) { o.PPO.NumPPOEpochs = 0 }, `ppo.num_ppo_epochs: must be between 1 and 1000 (got 0)`},
		{"ppo", func(o *Options) { o.PPO.Whiten = "yes" }, `ppo.whiten: must be one of none, mean, std, floor (got "yes")`},
		{"ppo", func(o *Options) { o.PPO.Baseline = "critic" }, `ppo.baseline: must be one of value, group, history, batch (got "critic")`},
		{"ppo", func(o *Options) { o.PPO.KL.Estimator = "k4" }, `ppo.kl.estimator: must be one of k1, k2, k3 (got "k4")`},
		{"ppo", func(o *Options) { o.PPO.KL.Control = "adaptive"; o.PPO.KL.Target = 0 }, `ppo.kl.target: must be between 1e-12 and 1000000 (got 0)`},
		{"ppo", func(o *Options) { o.PPO.KL.Control = "adaptive"; o.PPO.KL.Coef = 99 }, `ppo.kl.coef: must be between 0.0001 and 10 (got 99)`},
		{"ppo", func(o *Options) { o.PPO.Entropy.Target = 2 }, `ppo.entropy.coef: must be between 0.0001 and 0.1 (got 0)`},
		{"ppo", func(o *Options) { o.PPO.Entropy.Target = 2; o.PPO.Entropy.Min = 0 }, `ppo.entropy.min: must be between 1e-12 and 0.1 (got 0)`},
		{"ppo", func(o *Options) { o.PPO.ScaleRewards = "mean" }, `ppo.scale_rewards: must be none with a baseline other than group (got "mean")`},
		{"ppo", func(o *Options) { o.PPO.ScaleRewards = "group" }, `ppo.scale_rewards: must be one of none, mean (got "group")`},
		{"rloo", func(o *Options) { o.RLOO.ScaleRewards = "" }, `rloo.scale_rewards: must be one of none, mean (got "")`},
		{"grpo", func(o *Options) { o.GRPO.LossType = "mean" }, `grpo.loss_type: must be one of grpo, bnpo, dr_grpo, dapo (got "mean")`},
		{"grpo", func(o *Options) { o.GRPO.ScaleRewards = "true" }, `grpo.scale_rewards: must be one of group, batch, mean, none (got "true")`},
		{"grpo", func(o *Options) { o.GRPO.Beta = -1 }, `grpo.beta: must be between 0 and 1000000 (got -1)`},
		{"rloo", func(o *Options) { o.RLOO.NumMinibatches = 0 }, `rloo.num_minibatches: must be between 1 and 1000000 (got 0)`},
		{"paper", func(o *Options) { o.Paper.KL.Place = "reward" }, `paper.kl.place: must be one of loss, none (got "reward")`},
		{"raft", func(o *Options) { o.RAFT.NumEpochs = 0 }, `raft.num_epochs: must be between 1 and 1000 (got 0)`},
		{"raft", func(o *Options) { o.RAFT.Keep = -1 }, `raft.keep: must be between 0 and 65536 (got -1)`},
		{"gkd", func(o *Options) { o.GKD.Divergence = "kl" }, `gkd.divergence: must be one of forward, reverse, js (got "kl")`},
		{"gkd", func(o *Options) { o.GKD.Beta = 0.25 }, `gkd.beta: must be 0.5 without divergence: js (got 0.25)`},
		{"sft", func(o *Options) { o.SFT.Objective = "nll" }, `sft.objective: must be one of log_likelihood, likelihood, token_likelihood (got "nll")`},
	} {
		o := DefaultOptions()
		c.set(&o)
		if _, err := New(c.name, o); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestMalformedBatches(t *testing.T) {
	sample := func() Sample {
		return Sample{Tokens: []int32{1}, LogProbs: []float32{-1}, RefLogProbs: []float32{-1}, Values: []float32{0}}
	}
	history := DefaultOptions()
	history.PPO.Baseline = "history"
	for want, f := range map[string]func(b *Batch){
		"ppo: sample 0: prompt must be in 0..0 (got 1)":                               func(b *Batch) { b.Samples[0].Prompt = 1 },
		"ppo: sample 0: response must have a token (got none)":                        func(b *Batch) { b.Samples[0].Tokens = nil },
		"ppo: sample 0: log-probabilities must be one per token, 1 (got 0)":           func(b *Batch) { b.Samples[0].LogProbs = nil },
		"ppo: sample 0: reference log-probabilities must be one per token, 1 (got 0)": func(b *Batch) { b.Samples[0].RefLogProbs = nil },
		"ppo: sample 0: values must be one per token, 1 (got 2)":                      func(b *Batch) { b.Samples[0].Values = make([]float32, 2) },
		"ppo: batch must name 1 prompts (got 2)":                                      func(b *Batch) { b.PromptID = []string{"a", "b"} },
	} {
		a, _ := New("ppo", DefaultOptions())
		b := &Batch{Prompts: 1, G: 1, Samples: []Sample{sample()}}
		f(b)
		if _, err := a.Update(nil, b, Step{}); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	a, _ := New("ppo", history)
	b := &Batch{Prompts: 1, G: 1, Samples: []Sample{sample()}}
	if _, err := a.Update(nil, b, Step{}); err == nil || err.Error() != "ppo: batch must name 1 prompts (got 0)" {
		t.Errorf("history without names: %v", err)
	}
}

func TestForwardOfTheWrongLength(t *testing.T) {
	a, _ := New("rloo", DefaultOptions())
	b := &Batch{Prompts: 1, G: 1, Samples: []Sample{{Tokens: []int32{1}, LogProbs: []float32{-1}, RefLogProbs: []float32{-1}}}}
	_, err := a.Update(&script{evals: []Eval{{}}}, b, Step{})
	if err == nil || err.Error() != "rl: forward must evaluate 1 tokens (got 0 log-probabilities, 0 entropies, 0 values)" {
		t.Error(err)
	}
}

func TestNeeds(t *testing.T) {
	o := DefaultOptions()
	o.PPO.Baseline, o.PPO.KL.Coef = "group", 0
	for name, want := range map[string]Needs{
		"ppo":   {ValueLRFactor: 1},
		"grpo":  {},
		"rloo":  {Reference: true},
		"raft":  {},
		"sft":   {Parent: true},
		"gkd":   {Teacher: true},
		"none":  {},
		"paper": {Values: true, Reference: true, Detached: true, ValueLRFactor: 10},
	} {
		if got := o.Needs(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// Only the options of the named algorithm are kept.
func TestOptionsOnly(t *testing.T) {
	var changed Options
	for _, name := range Algorithms() {
		only := changed.Only(name) // zeros in the section of name, else defaults
		for i, section := range []string{"ppo", "grpo", "rloo", "paper", "raft", "sft", "gkd"} {
			got, defaults := reflect.ValueOf(only).Field(i), reflect.ValueOf(DefaultOptions()).Field(i)
			if section == name && !got.IsZero() || section != name && !got.Equal(defaults) {
				t.Errorf("%s: %s is %+v", name, section, got)
			}
		}
	}
}
