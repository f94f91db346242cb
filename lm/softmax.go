package lm

import (
	"fmt"
	"math"
	"slices"

	"pgsrm/kernel"
)

// distribution is what is kept of the softmax of one row of logits x: all that a token's
// log-probability and the gradient need beside the logits.
//
//	lse = log sum exp(x)     logp[i] = x[i] - lse     entropy = -sum p*logp     p = exp(logp)
type distribution struct {
	lse, entropy float64
	kept         []float32 // logits over the support, in its order; the row itself without one
}

// distributionOf computes the statistics of a row of logits over a support
// (nil = whole row).
func distributionOf(logits []float32, support []int32) distribution {
	kept := gather(logits, support)
	lse, h := kernel.SoftmaxStats(kept)
	return distribution{lse, h, kept}
}

// logProb is the log-probability of a token with this logit. The sampler and
// Score both take it from here, hence the same bits.
func (d distribution) logProb(logit float32) float32 { return float32(float64(logit) - d.lse) }

// check returns an error of the kind ErrNonFinite if a logit is NaN or +Inf, or all are -Inf.
func (d distribution) check() error {
	if math.IsNaN(d.lse) || math.IsInf(d.lse, 0) {
		return fmt.Errorf("%w: log-sum-exp of the logits is %v", ErrNonFinite, d.lse)
	}
	return nil
}

// sampledRow is the distribution that the sampler drew the token after a row from: as long as the
// row stands, its logits need not be computed again.
type sampledRow struct {
	distribution
	support     []int32
	temperature float32
	known       bool // there is one
}

// logitOf is the logit of a token of the support.
func (d *sampledRow) logitOf(token int32) float32 {
	if d.support == nil {
		return d.kept[token]
	}
	at, _ := slices.BinarySearch(d.support, token)
	return d.kept[at]
}

// sampledGrad is rowGrad for a row whose targets the sampler drew.
func sampledGrad(d []float32, dist *sampledRow, targets []Target, of []int32, g ScoreGrads) {
	var gLogp, gEnt float32
	for _, t := range of {
		gLogp += gradOf(g.LogProb, t)
		gEnt += gradOf(g.Entropy, t)
	}
	if dist.support == nil {
		kernel.SoftmaxGrad(d, dist.kept, dist.lse, dist.entropy, -1, gLogp, gEnt)
	} else {
		clear(d)
		addSupportGrad(d, dist.distribution, dist.support, gLogp, gEnt)
	}
	for _, t := range of {
		d[targets[t].Token] += gradOf(g.LogProb, t)
	}
	scaleByTemperature(d, dist.temperature)
}

// gradOf is a derivative that may be missing as a whole.
func gradOf(x []float32, t int32) float32 {
	if x == nil {
		return 0
	}
	return x[t]
}

func scaleByTemperature(d []float32, temperature float32) {
	if temperature != 0 && temperature != 1 {
		kernel.Scale(d, 1/temperature)
	}
}

// rowGrad writes the gradient of one row of logits, a sum over the targets of the row:
//
//	dx = sum(dlogp*(onehot(token) - p) - dentropy*p*(logp + entropy)) / temperature
func rowGrad(d, logits []float32, targets []Target, of []int32, temperature float32, g ScoreGrads) {
	for lo := 0; lo < len(of); {
		support := targets[of[lo]].Support
		var gLogp, gEnt float32
		hi := lo
		for ; hi < len(of) && sameSupport(support, targets[of[hi]].Support); hi++ {
			gLogp += gradOf(g.LogProb, of[hi])
			gEnt += gradOf(g.Entropy, of[hi])
		}
		softmaxGrad(d, logits, support, gLogp, gEnt, lo > 0)
		for _, t := range of[lo:hi] {
			d[targets[t].Token] += gradOf(g.LogProb, t)
		}
		lo = hi
	}
	scaleByTemperature(d, temperature)
}

// softmaxGrad writes (or adds) the part of rowGrad that all targets of one
// support share.
func softmaxGrad(d, logits []float32, support []int32, gLogp, gEnt float32, add bool) {
	if support == nil && !add {
		lse, h := kernel.SoftmaxStats(logits)
		kernel.SoftmaxGrad(d, logits, lse, h, -1, gLogp, gEnt)
		return
	}
	if !add {
		clear(d)
	}
	addSupportGrad(d, distributionOf(logits, support), support, gLogp, gEnt)
}

// addSupportGrad adds the gradient of a distribution over a support to d. [V]
func addSupportGrad(d []float32, dist distribution, support []int32, gLogp, gEnt float32) {
	part := make([]float32, len(dist.kept))
	kernel.SoftmaxGrad(part, dist.kept, dist.lse, dist.entropy, -1, gLogp, gEnt)
	for i, v := range part {
		if support == nil {
			d[i] += v
		} else {
			d[support[i]] += v
		}
	}
}
