// Package rl holds the algorithms: PPO, GRPO, RLOO and the paper's update, and what they are
// compared with, RAFT and learning from the parent's answers, each
// in one file that can be read alone against its paper. They work in plain Go
// on numbers per response token and hand the engine the gradient of the loss
// with respect to log-probabilities, entropies and values.
//
//	ppo.go, grpo.go, rloo.go, paper.go   one algorithm each: options, update, loss with its gradient
//	raft.go, sft.go, gkd.go, none.go     the best answers, the parent's answers, its distributions, no training
//	preference.go  a reward head that learns the parent's taste
//	advantage.go   GAE, whitening, baselines        kl.go        KL estimators and controllers, entropy bonus
//	algorithm.go   batch, step, errors              policy.go    the policy over a language model
//	replay.go      hits that are trained on again
//	schedule.go    learning rate                    table.go     every metric: name, unit, formula
//
// What holds for all of them: a dropped sample takes part in nothing; a replayed one
// only in the policy's term of the loss; the first
// minibatch of an update sees ratio 1 exactly; a number that is not finite ends
// the update before the weights change; sums are in float64, in the order of the
// samples. Deviations from each paper stand in docs/algorithms.
package rl

import "pgsrm/lm"

// Sample is one response with what the rollout knows of it. T is the number of
// response tokens, EOS included.
type Sample struct {
	Prompt      int       // index of its prompt, 0..P-1
	Tokens      []int32   // [T]
	LogProbs    []float32 // [T] of the sampler
	RefLogProbs []float32 // [T] of the reference model, same temperature and support; nil without reference
	Values      []float32 // [T] value head before the token; nil without value head
	Reward      float64   // of the whole response
	Dropped     bool      // the reward could not be had: no gradient, no part in any mean
	Replayed    bool      // a hit of an earlier rollout: LogProbs and Values are those of the current weights, Reward what it earned then
	Weight      float64   // of a replayed sample, the factor of its advantage
}

// Eval is what the policy says now about the response tokens of some samples,
// flat in the order of the samples. [sum of T]
type Eval struct {
	LogProbs []float32
	Entropy  []float32
	Values   []float32 // nil without value head
}

// Grad is the derivative of the loss with respect to Eval; nil = zero. [sum of T]
type Grad struct {
	LogProbs []float32
	Entropy  []float32
	Values   []float32
}

// distiller is a Policy with a teacher.
type distiller interface {
	Policy
	// Distil adds the gradient of the mean over the tokens of the samples of the last Forward
	// of a loss of the child's logits against the teacher's, in the place of Backward, and
	// returns the loss.
	Distil(f lm.RowLoss) (loss float64, err error)
}

// Policy is the model in training as an algorithm sees it.
type Policy interface {
	// Forward evaluates the samples with the given indices under the current weights.
	Forward(samples []int) Eval
	// Backward adds the gradient for the samples of the last Forward.
	Backward(g Grad)
	// Step clips the gradient to maxNorm (0 = no clipping), updates the weights and
	// returns the norm before clipping; a norm that is not finite changes nothing.
	Step(lr, maxNorm float64) (gradNorm float64)
}
