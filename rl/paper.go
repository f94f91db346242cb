package rl

import "pgsrm/config"

// PaperOptions configures the update of the notebooks of "Parent-Guided
// Semantic Reward Model" (arXiv 2512.06920, github.com/alexplash/project_adam).
type PaperOptions struct {
	VfCoef        float64        `yaml:"vf_coef" range:"[0, 1000000]"`         // weight of the value loss
	KL            KLOptions      `yaml:"kl"`                                   // in the loss, k1
	Entropy       EntropyOptions `yaml:"entropy"`                              // entropy bonus
	MaxGradNorm   float64        `yaml:"max_grad_norm" range:"[0, 1000000]"`   // 0 = no clipping
	ValueLRFactor float64        `yaml:"value_lr_factor" range:"[0, 1000000]"` // critic 1e-4 over actor 1e-5
}

func defaultPaper() PaperOptions {
	return PaperOptions{
		VfCoef:  0.5,
		KL:      KLOptions{Place: "loss", Estimator: "k1", Coef: 5e-5, Control: "step", Target: 0.8},
		Entropy: EntropyOptions{Coef: 0.01}, MaxGradNorm: 1, ValueLRFactor: 10,
	}
}

func (o PaperOptions) needs() Needs {
	return Needs{Values: true, Reference: o.KL.active(), Detached: true, ValueLRFactor: o.ValueLRFactor}
}

// rules reports values that do not go together.
func (o PaperOptions) rules() error {
	return config.First(config.OneOf("kl.place", o.KL.Place, "loss", "none"), config.At("kl", o.KL.rules()), config.At("entropy", o.Entropy.rules()))
}

type paper struct {
	o           PaperOptions
	klCoef      float64
	entropyCoef float64
}

func newPaper(o PaperOptions) *paper {
	return &paper{o: o, klCoef: o.KL.Coef, entropyCoef: o.Entropy.Coef}
}

// Update is one gradient step on the whole rollout.
func (a *paper) Update(p Policy, b *Batch, s Step) (Metrics, error) {
	kept, m, err := b.begin("paper", a.o.needs(), s)
	if err != nil || len(kept) == 0 {
		return m, err
	}
	m.addRewards(kept, make([]float64, len(b.Samples)))
	m["pgsrm/kl_coef"], m["pgsrm/entropy_coef"] = a.klCoef, a.entropyCoef

	e, err := forward(p, b, kept, true)
	if err != nil {
		return m, err
	}
	g, mm := a.loss(b, kept, e)
	if err := mm.finite(s); err != nil {
		return m, err
	}
	if m["pgsrm/first_ratio_max_dev"], err = firstRatio(b, kept, e, s); err != nil {
		return m, err
	}
	mm["pgsrm/steps"] = 1
	if mm["pgsrm/grad_norm"], err = apply(p, g, s, a.o.MaxGradNorm); err != nil {
		return m, err
	}
	for name, v := range mm {
		m[name] = v
	}
	a.klCoef = a.o.KL.update(a.klCoef, m["objective/kl"], m["pgsrm/kl_token"], len(kept))
	a.entropyCoef = a.o.Entropy.update(a.entropyCoef, m["policy/entropy_avg"], s.Index)
	return m, nil
}

// loss is the notebook's loss, its gradient and its metrics:
//
//	A = r - V(last token)          one number per response, not whitened, V without gradient here
//	L = -mean_t(logp * A) - entropyCoef*mean_t(entropy) + klCoef*mean_t(logp - ref) + vfCoef*mean_i((V - r)^2)
//
// There is no ratio and no clip: it is REINFORCE with a learned baseline.
func (a *paper) loss(b *Batch, kept []int, e Eval) (Grad, Metrics) {
	n := b.tokens(kept)
	perToken := 1 / float64(n)            // normaliser of the actor's terms: mean over the response tokens
	perResponse := 1 / float64(len(kept)) // of the value loss: mean over the responses
	g := Grad{LogProbs: make([]float32, n), Entropy: make([]float32, n), Values: make([]float32, n)}
	var policyLoss, valueLoss, entropy, kl float64
	var rewards, advantages []float64
	start := 0
	for _, i := range kept {
		smp := &b.Samples[i]
		last := start + len(smp.Tokens) - 1
		value := float64(e.Values[last])
		advantage := smp.Reward - value
		rewards, advantages = append(rewards, smp.Reward), append(advantages, advantage)

		valueLoss += advantage * advantage * perResponse
		g.Values[last] = float32(-2 * a.o.VfCoef * advantage * perResponse)
		for t := range smp.Tokens {
			logp := float64(e.LogProbs[start+t])
			policyLoss -= logp * advantage * perToken
			dLogp := -advantage
			if a.o.KL.active() {
				k, dk := klEstimate(a.o.KL.Estimator, logp-float64(smp.RefLogProbs[t]))
				kl += k * perToken
				dLogp += a.klCoef * dk
			}
			g.LogProbs[start+t] = float32(dLogp * perToken)
			entropy += float64(e.Entropy[start+t]) * perToken
			g.Entropy[start+t] = float32(-a.entropyCoef * perToken)
		}
		start = last + 1
	}
	m := Metrics{
		"loss/total_avg":  policyLoss - a.entropyCoef*entropy + a.klCoef*kl + a.o.VfCoef*valueLoss,
		"loss/policy_avg": policyLoss, "loss/value_avg": valueLoss, "policy/entropy_avg": entropy,
	}
	if a.o.KL.active() {
		m["loss/kl_avg"] = kl
	}
	_, m["pgsrm/advantage_std"] = meanStd(advantages)
	if _, std := meanStd(rewards); std > 0 {
		m["pgsrm/explained_variance"] = 1 - m["pgsrm/advantage_std"]*m["pgsrm/advantage_std"]/(std*std)
	}
	return g, m
}

// State implements Algorithm.
func (a *paper) State() State { return State{KLCoef: a.klCoef, EntropyCoef: a.entropyCoef} }

// Restore implements Algorithm.
func (a *paper) Restore(s State) { a.klCoef, a.entropyCoef = s.KLCoef, s.EntropyCoef }
