package rl

import (
	"math"

	"pgsrm/config"
)

// KLOptions says where the divergence from the reference model enters, how it
// is estimated per token, and how its coefficient moves.
type KLOptions struct {
	Place     string  `yaml:"place" oneof:"none, reward, loss"`      // none, reward (per token, as a part of the reward) or loss
	Estimator string  `yaml:"estimator" oneof:"k1, k2, k3"`          // k1, k2 or k3
	Coef      float64 `yaml:"coef" range:"[0, 1000000]"`             // coefficient, at the start if it moves
	Control   string  `yaml:"control" oneof:"fixed, adaptive, step"` // fixed, adaptive (Ziegler et al. 2019) or step (the paper's notebooks)
	Target    float64 `yaml:"target" range:"[0, 1000000]"`           // nats: per response for adaptive, per token for step
	Horizon   float64 `yaml:"horizon" range:"[0, 1000000000000]"`    // episodes, adaptive only
	Min       float64 `yaml:"min" range:"[0, 1000000]"`              // bounds of a moving coefficient
	Max       float64 `yaml:"max" range:"[0, 1000000]"`              // 0 = no upper bound
}

func (o KLOptions) active() bool {
	return o.Place != "none" && (o.Coef != 0 || o.Control != "fixed" && o.Min > 0)
}

// rules reports values that a moving coefficient cannot have.
func (o KLOptions) rules() (err error) {
	if o.Control == "fixed" {
		return nil
	}
	if o.Max > 0 {
		err = config.Between("coef", o.Coef, o.Min, o.Max)
	}
	if o.Control == "adaptive" {
		err = config.First(err, config.InRange("horizon", o.Horizon, "[1, 1000000000000]"))
	}
	return config.First(err, config.InRange("target", o.Target, "[1e-12, 1000000]"))
}

// klEstimate is the estimate of KL(policy || reference) from one sampled token
// and its derivative with respect to logp, x = logp - ref (Schulman 2020,
// "Approximating KL divergence"):
//
//	k1 = x                 unbiased, high variance; as a loss its expected gradient is 0
//	k2 = x^2/2             biased, its expected gradient is that of the KL
//	k3 = exp(-x) - 1 + x   unbiased, never negative
func klEstimate(estimator string, x float64) (kl, dkl float64) {
	switch estimator {
	case "k2":
		return x * x / 2, x
	case "k3":
		return math.Expm1(-x) + x, -math.Expm1(-x)
	}
	return x, 1
}

// update moves the coefficient after a rollout of n episodes.
//
//	adaptive  coef * (1 + clip(kl/target - 1, -0.2, 0.2) * n/horizon)   (Ziegler et al. 2019, section 2.2)
//	step      coef * 1.5 if kl > 1.5 target, coef / 1.5 if kl < target/1.5
//
// perSequence and perToken are means of k1: the sum over a response, and per token.
func (o KLOptions) update(coef, perSequence, perToken float64, n int) float64 {
	switch {
	case o.Control == "adaptive":
		proportionalError := clamp(perSequence/o.Target-1, -0.2, 0.2)
		coef *= max(0, 1+proportionalError*float64(n)/o.Horizon)
	case o.Control == "step" && perToken > 1.5*o.Target:
		coef *= 1.5
	case o.Control == "step" && perToken < o.Target/1.5:
		coef /= 1.5
	default:
		return coef
	}
	if o.Max > 0 {
		coef = min(coef, o.Max)
	}
	return max(coef, o.Min)
}

// EntropyOptions is a bonus on the mean entropy per token, with a fixed
// coefficient or one that keeps the entropy above a target.
type EntropyOptions struct {
	Coef        float64 `yaml:"coef" range:"[0, 1000000]"`            // coefficient, at the start if it moves
	Target      float64 `yaml:"target" range:"[0, 1000000]"`          // nats per token; 0 = fixed coefficient
	TargetFinal float64 `yaml:"target_final" range:"[0, 1000000]"`    // target after target_steps updates
	TargetSteps int     `yaml:"target_steps" range:"[0, 1000000000]"` // updates from target to target_final, linearly; 0 = target stays
	Rate        float64 `yaml:"rate" range:"[0, 1]"`                  // largest relative change per update
	Min         float64 `yaml:"min" range:"[0, 1000000]"`             // bounds of a moving coefficient; above 0, since it moves by factors
	Max         float64 `yaml:"max" range:"[0, 1000000]"`
}

// rules reports values that a moving coefficient cannot have.
func (o EntropyOptions) rules() error {
	if o.Target == 0 {
		return nil
	}
	return config.First(config.Between("min", o.Min, 1e-12, o.Max), config.Between("coef", o.Coef, o.Min, o.Max))
}

// targetAt is the target in force at an update.
func (o EntropyOptions) targetAt(step int) float64 {
	if o.TargetSteps == 0 {
		return o.Target
	}
	done := min(1, float64(step)/float64(o.TargetSteps))
	return o.Target + (o.TargetFinal-o.Target)*done
}

// update moves the coefficient: coef * exp(rate * clip((target-entropy)/target, -1, 1)),
// within the bounds; it rises while the entropy is below the target.
func (o EntropyOptions) update(coef, entropy float64, step int) float64 {
	target := o.targetAt(step)
	if o.Target == 0 || target <= 0 {
		return coef
	}
	lack := clamp((target-entropy)/target, -1, 1)
	return clamp(coef*math.Exp(o.Rate*lack), o.Min, o.Max)
}
