package rl

import (
	"math"
	"math/rand/v2"

	"pgsrm/lm"
)

// toy is a tabular softmax policy: one distribution over V words and one value
// for each prompt and token position.
type toy struct {
	logits, dLogits [][][]float64 // [P][T][V]
	values, dValues [][]float64   // [P][T]
	samples         []Sample
	last            []int
	forwards        int
	teacher         [][][]float64 // logits [P][T][V]; nil: the same for all words
}

func newToy(prompts, length, words int) *toy {
	t := &toy{}
	for range prompts {
		t.logits, t.dLogits = append(t.logits, table(length, words)), append(t.dLogits, table(length, words))
	}
	t.values, t.dValues = table(prompts, length), table(prompts, length)
	return t
}

func table(rows, columns int) [][]float64 {
	out := make([][]float64, rows)
	for i := range out {
		out[i] = make([]float64, columns)
	}
	return out
}

// distribution returns log-probabilities and entropy.
func (p *toy) distribution(prompt, t int) (logp []float64, entropy float64) {
	logits := p.logits[prompt][t]
	var sum float64
	for _, x := range logits {
		sum += math.Exp(x)
	}
	for _, x := range logits {
		lp := x - math.Log(sum)
		logp = append(logp, lp)
		entropy -= math.Exp(lp) * lp
	}
	return logp, entropy
}

// rollout samples g responses per prompt.
func (p *toy) rollout(g int, reward func(prompt int, tokens []int32) float64, rng *rand.Rand) *Batch {
	b := &Batch{Prompts: len(p.logits), G: g, MaxNewTokens: len(p.logits[0])}
	for prompt := range p.logits {
		b.PromptID = append(b.PromptID, string(rune('a'+prompt)))
		for range g {
			s := Sample{Prompt: prompt}
			for t := range p.logits[prompt] {
				logp, _ := p.distribution(prompt, t)
				u, w := rng.Float64(), 0
				for ; w < len(logp)-1 && u >= math.Exp(logp[w]); w++ {
					u -= math.Exp(logp[w])
				}
				s.Tokens = append(s.Tokens, int32(w))
				s.LogProbs = append(s.LogProbs, float32(logp[w]))
				s.RefLogProbs = append(s.RefLogProbs, float32(-math.Log(float64(len(logp)))))
				s.Values = append(s.Values, float32(p.values[prompt][t]))
			}
			s.Reward = reward(prompt, s.Tokens)
			b.Samples = append(b.Samples, s)
		}
	}
	p.samples = b.Samples
	return b
}

func (p *toy) Forward(samples []int) Eval {
	p.last, p.forwards = samples, p.forwards+1
	var e Eval
	for _, i := range samples {
		s := p.samples[i]
		for t, w := range s.Tokens {
			logp, entropy := p.distribution(s.Prompt, t)
			e.LogProbs = append(e.LogProbs, float32(logp[w]))
			e.Entropy = append(e.Entropy, float32(entropy))
			e.Values = append(e.Values, float32(p.values[s.Prompt][t]))
		}
	}
	return e
}

func (p *toy) Backward(g Grad) {
	k := 0
	for _, i := range p.last {
		s := p.samples[i]
		for t, w := range s.Tokens {
			logp, entropy := p.distribution(s.Prompt, t)
			dEntropy := 0.0
			if g.Entropy != nil {
				dEntropy = float64(g.Entropy[k])
			}
			for v := range logp {
				pv := math.Exp(logp[v])
				d := -float64(g.LogProbs[k]) * pv
				if v == int(w) {
					d += float64(g.LogProbs[k])
				}
				p.dLogits[s.Prompt][t][v] += d - dEntropy*pv*(logp[v]+entropy)
			}
			if g.Values != nil {
				p.dValues[s.Prompt][t] += float64(g.Values[k])
			}
			k++
		}
	}
}

// Distil implements distiller where the toy has a teacher.
func (p *toy) Distil(f lm.RowLoss) (float64, error) {
	var loss float64
	n := 0
	for _, i := range p.last {
		n += len(p.samples[i].Tokens)
	}
	for _, i := range p.last {
		s := p.samples[i]
		for t := range s.Tokens {
			var student, teacher []float32
			for v, x := range p.logits[s.Prompt][t] {
				student = append(student, float32(x))
				theirs := 0.0
				if p.teacher != nil {
					theirs = p.teacher[s.Prompt][t][v]
				}
				teacher = append(teacher, float32(theirs))
			}
			loss += f(student, teacher, 1/float32(n))
			for v, d := range student {
				p.dLogits[s.Prompt][t][v] += float64(d)
			}
		}
	}
	return loss, nil
}

func (p *toy) Step(lr, maxNorm float64) float64 {
	var ss float64
	for i := range p.dLogits {
		for t := range p.dLogits[i] {
			for v := range p.dLogits[i][t] {
				ss += p.dLogits[i][t][v] * p.dLogits[i][t][v]
			}
			ss += p.dValues[i][t] * p.dValues[i][t]
		}
	}
	norm := math.Sqrt(ss)
	scale := lr
	if maxNorm > 0 && norm > maxNorm {
		scale *= maxNorm / norm
	}
	for i := range p.dLogits {
		for t := range p.dLogits[i] {
			for v := range p.dLogits[i][t] {
				p.logits[i][t][v] -= scale * p.dLogits[i][t][v]
			}
			clear(p.dLogits[i][t])
			p.values[i][t] -= scale * p.dValues[i][t]
		}
		clear(p.dValues[i])
	}
	return norm
}

// chance is the probability of the words under the current policy.
func (p *toy) chance(prompt int, words ...int) float64 {
	total := 1.0
	for t, w := range words {
		logp, _ := p.distribution(prompt, t)
		total *= math.Exp(logp[w])
	}
	return total
}

// replay adds hits to the samples of a rollout, as ModelPolicy.Replay does.
func (p *toy) replay(b *Batch, hits []Replayed, o ReplayOptions) {
	for _, h := range hits {
		s := Sample{Prompt: h.Prompt, Tokens: h.Tokens, Reward: h.Reward, Replayed: true, RefLogProbs: h.LogProbs}
		for t, w := range h.Tokens {
			logp, _ := p.distribution(h.Prompt, t)
			s.LogProbs = append(s.LogProbs, float32(logp[w]))
			s.Values = append(s.Values, float32(p.values[h.Prompt][t]))
		}
		s.Weight = o.weight(s.LogProbs, h.LogProbs)
		b.Samples = append(b.Samples, s)
	}
	p.samples = b.Samples
}
