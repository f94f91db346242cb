package rl

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var approx = cmpopts.EquateApprox(0, 1e-12)

func TestGAE(t *testing.T) {
	rewards, values := []float64{0, -1, 2}, []float64{0.5, 1, -0.5}
	cases := []struct {
		name          string
		gamma, lambda float64
		want          []float64
	}{
		// delta = r_t + gamma*V_{t+1} - V_t: 0+1-0.5, -1-0.5-1, 2-0+0.5
		{"lambda 0 is the TD error", 1, 0, []float64{0.5, -2.5, 2.5}},
		{"lambda 1 is the return less the value", 1, 1, []float64{0.5, 0, 2.5}},
		// 2.5; -2.5+0.5*2.5; 0.5+0.5*(-1.25)
		{"lambda 1/2", 1, 0.5, []float64{-0.125, -1.25, 2.5}},
		// delta = 0+0.5-0.5, -1-0.25-1, 2.5; 2.5; -2.25+0.25*2.5; 0.25*(-1.625)
		{"gamma 1/2, lambda 1/2", 0.5, 0.5, []float64{-0.40625, -1.625, 2.5}},
	}
	for _, c := range cases {
		got := make([]float64, 3)
		gae(rewards, values, c.gamma, c.lambda, got)
		if d := cmp.Diff(c.want, got, approx); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

func TestWhiten(t *testing.T) {
	// Kept values 1, 2, 6: mean 3, variance ((-2)^2+(-1)^2+3^2)/2 = 7.
	root := math.Sqrt(7 + 1e-8)
	cases := []struct {
		mode  string
		floor float64
		want  [][]float64
	}{
		{"none", 0.1, [][]float64{{1, 2}, nil, {6}}},
		{"mean", 0.1, [][]float64{{-2, -1}, nil, {3}}},
		{"std", 0.1, [][]float64{{-2 / root, -1 / root}, nil, {3 / root}}},
		{"floor", 0.1, [][]float64{{-2 / math.Sqrt(7), -1 / math.Sqrt(7)}, nil, {3 / math.Sqrt(7)}}},
		{"floor", 10, [][]float64{{-0.2, -0.1}, nil, {0.3}}},
	}
	for _, c := range cases {
		adv := [][]float64{{1, 2}, nil, {6}}
		if std := whiten(adv, []int{0, 2}, c.mode, c.floor); math.Abs(std-math.Sqrt(7)) > 1e-12 {
			t.Errorf("%s: deviation %v", c.mode, std)
		}
		if d := cmp.Diff(c.want, adv, approx); d != "" {
			t.Errorf("%s %g: %s", c.mode, c.floor, d)
		}
	}
}

// Nearly equal rewards: std makes their noise as large as any signal, floor does not.
func TestWhitenFloorKeepsNoiseSmall(t *testing.T) {
	std, floor := [][]float64{{1, 1.001, 0.999}}, [][]float64{{1, 1.001, 0.999}}
	whiten(std, []int{0}, "std", 0)
	whiten(floor, []int{0}, "floor", 0.1)
	if std[0][1] < 0.9 || floor[0][1] > 0.011 {
		t.Errorf("noise of 0.001 becomes %v with std, %v with floor 0.1", std[0][1], floor[0][1])
	}
}

func TestLeaveOneOut(t *testing.T) {
	cases := []struct{ x, want []float64 }{
		{[]float64{1, 2, 6}, []float64{4, 3.5, 1.5}},
		{[]float64{1, 0}, []float64{0, 1}},
		{[]float64{5}, []float64{5}}, // a lone sample: advantage 0
	}
	for _, c := range cases {
		if d := cmp.Diff(c.want, leaveOneOut(c.x), approx); d != "" {
			t.Errorf("%v: %s", c.x, d)
		}
	}
}

func TestHistory(t *testing.T) {
	h := newHistory(0.5)
	if got := h.baseline("a", 7); got != 7 {
		t.Errorf("nothing seen: %v, want the fallback 7", got)
	}
	h.observe("a", 1)
	h.overall = h.advance(h.overall, 3)
	// a: 1; then (1+2)/2; then 1.5 + 0.5*(5.5-1.5), since 1/3 < 1-decay
	for _, c := range []struct{ reward, want float64 }{{2, 1.5}, {5.5, 3.5}} {
		h.observe("a", c.reward)
		if got := h.baseline("a", 0); got != c.want {
			t.Errorf("after %v: %v, want %v", c.reward, got, c.want)
		}
	}
	if got := h.baseline("b", 0); got != 3 {
		t.Errorf("unknown prompt: %v, want the mean over all prompts 3", got)
	}
	h.observe("A", 1)
	again := newHistory(0.5)
	again.restore(h.save(), h.overall)
	if d := cmp.Diff([]PromptMean{{"A", 1, 1}, {"a", 3.5, 3}}, again.save()); d != "" {
		t.Error(d)
	}
}

// One prompt of rewards 1 and 3, one of a single sample 5.
func TestBaselines(t *testing.T) {
	b := &Batch{Prompts: 2, G: 2, PromptID: []string{"x", "y"}}
	for _, s := range []Sample{{Prompt: 0, Reward: 1}, {Prompt: 0, Reward: 3}, {Prompt: 1, Reward: 5}, {Prompt: 1, Reward: 99, Dropped: true}} {
		s.Tokens = []int32{0}
		b.Samples = append(b.Samples, s)
	}
	for _, c := range []struct {
		baseline string
		want     []float64
	}{
		{"value", []float64{0, 0, 0, 0}},
		{"batch", []float64{3, 3, 3, 0}},
		{"group", []float64{3, 1, 5, 0}},
		{"history", []float64{3, 3, 3, 0}}, // first rollout: nothing known
	} {
		o := DefaultOptions().PPO
		o.Baseline = c.baseline
		a := newPPO(o)
		if d := cmp.Diff(c.want, a.baseline(b, b.kept()), approx); d != "" {
			t.Errorf("%s: %s", c.baseline, d)
		}
		if c.baseline == "history" { // second rollout: x knows 2, y knows 5
			if d := cmp.Diff([]float64{2, 2, 5, 0}, a.baseline(b, b.kept()), approx); d != "" {
				t.Errorf("second rollout: %s", d)
			}
		}
	}
}

func TestGroupAdvantages(t *testing.T) {
	b := &Batch{Prompts: 2, G: 3, Samples: []Sample{
		{Prompt: 0, Reward: 1}, {Prompt: 0, Reward: 3}, {Prompt: 1, Reward: 5}, {Prompt: 0, Dropped: true, Reward: 9},
	}}
	// Group 0: mean 2, deviation sqrt(2); group 1 has one sample; batch 1, 3, 5: deviation 2.
	root := math.Sqrt2 + 1e-4
	for _, c := range []struct {
		scale string
		want  []float64
	}{
		{"none", []float64{-1, 1, 0, 0}},
		{"group", []float64{-1 / root, 1 / root, 0, 0}},
		{"batch", []float64{-1 / 2.0001, 1 / 2.0001, 0, 0}},
	} {
		o := DefaultOptions().GRPO
		o.ScaleRewards = c.scale
		if d := cmp.Diff(c.want, newGRPO(o).advantages(b, b.kept(), Metrics{}), approx); d != "" {
			t.Errorf("grpo %s: %s", c.scale, d)
		}
	}
	o := DefaultOptions().RLOO
	o.Beta = 0
	if d := cmp.Diff([]float64{-2, 2, 0, 0}, newRLOO(o).advantages(b, b.kept(), Metrics{}), approx); d != "" {
		t.Errorf("rloo: %s", d)
	}
}

// MaxRL: group 0 has rewards 1, 0, 0, 0 (mean 1/4, the floor too), group 1 has 3, 1
// (mean 2), group 2 is penalised below the floor of 1/2: -1, 0.5 (mean -1/4).
func TestMeanScaledAdvantages(t *testing.T) {
	b := &Batch{Prompts: 3, G: 4}
	for _, s := range []Sample{
		{Reward: 1}, {}, {}, {}, {Prompt: 1, Reward: 3}, {Prompt: 1, Reward: 9, Dropped: true}, {Prompt: 1, Reward: 1},
		{Prompt: 2, Reward: -1}, {Prompt: 2, Reward: 0.5},
	} {
		s.Tokens, s.LogProbs, s.RefLogProbs = []int32{0, 0}, []float32{-1, -2}, []float32{-1.5, -2.25}
		b.Samples = append(b.Samples, s)
	}
	kept := b.kept()
	o := DefaultOptions()
	o.GRPO.ScaleRewards, o.RLOO.ScaleRewards = "mean", "mean"
	o.PPO.ScaleRewards, o.PPO.Baseline, o.PPO.Gamma = "mean", "group", 0.5
	ofMean := []float64{3, -1, -1, -1, 0.5, 0, -0.5, -1.5, 1.5}           // (r - mean) / scale
	others := []float64{4, -4.0 / 3, -4.0 / 3, -4.0 / 3, 1, 0, -1, -3, 3} // (r - mean of the others) / scale
	if d := cmp.Diff(ofMean, newGRPO(o.GRPO).advantages(b, kept, Metrics{}), approx); d != "" {
		t.Errorf("grpo: %s", d)
	}
	m := Metrics{}
	if d := cmp.Diff(others, newRLOO(o.RLOO).advantages(b, kept, m), approx); d != "" { // the KL is the same in all
		t.Errorf("rloo: %s", d)
	}
	// before the scaling: 1, -1/3 three times, 2, -2, -1.5, 1.5
	if want := math.Sqrt((1 + 3.0/9 + 8 + 4.5) / 7); math.Abs(m["pgsrm/advantage_std"]-want) > 1e-12 {
		t.Errorf("rloo: deviation %v, want %v", m["pgsrm/advantage_std"], want)
	}
	a := newPPO(o.PPO)
	rewards, _ := a.rewards(b, kept)
	adv, _ := a.advantages(b, kept, rewards)
	for _, i := range kept { // the KL of 0.5 and 0.25 nats counts as it is
		kl := []float64{-0.05 * 0.5, -0.05 * 0.25}
		want := []float64{kl[0] + 0.5*(kl[1]+others[i]), kl[1] + others[i]}
		if d := cmp.Diff(want, adv[i], approx); d != "" {
			t.Errorf("ppo, sample %d: %s", i, d)
		}
	}
}

// Two responses of 1 and 3 tokens in one minibatch, a third of 4 tokens in another; limit 8.
func TestLossNormalisers(t *testing.T) {
	b := &Batch{Prompts: 1, G: 3, MaxNewTokens: 8, Samples: []Sample{{Tokens: make([]int32, 1)}, {Tokens: make([]int32, 3)}, {Tokens: make([]int32, 4)}}}
	for _, c := range []struct {
		lossType string
		want     []float64
	}{
		{"grpo", []float64{1.0 / 2, 1.0 / 6}},
		{"bnpo", []float64{1.0 / 4, 1.0 / 4}},
		{"dr_grpo", []float64{1.0 / 16, 1.0 / 16}},
		{"dapo", []float64{2.0 / 8, 2.0 / 8}},
	} {
		o := DefaultOptions().GRPO
		o.LossType = c.lossType
		if d := cmp.Diff(c.want, newGRPO(o).tokenWeights(b, []int{0, 1, 2}, []int{0, 1}, 2), approx); d != "" {
			t.Errorf("%s: %s", c.lossType, d)
		}
	}
}
