package rl

import (
	"fmt"
	"math"

	"pgsrm/config"
)

// GKDOptions configures on-policy distillation from the distributions of a teacher (Agarwal et
// al. 2024, "On-policy distillation of language models", arXiv 2306.13649, algorithm 1 with
// lambda 1: all answers are the child's own).
type GKDOptions struct {
	Teacher     string  `yaml:"teacher"`                                 // model with the child's vocabulary; "" = the parent, a local one
	Divergence  string  `yaml:"divergence" oneof:"forward, reverse, js"` // of the teacher from the child: forward, reverse KL, or the Jensen-Shannon divergence
	Beta        float64 `yaml:"beta" range:"(0, 1)"`                     // js: weight of the teacher in the mixture
	MaxGradNorm float64 `yaml:"max_grad_norm" range:"[0, 1000000]"`      // 0 = no clipping
}

func defaultGKD() GKDOptions { return GKDOptions{Divergence: "forward", Beta: 0.5, MaxGradNorm: 1} }

type gkd struct {
	stateless
	o GKDOptions
}

// Update takes one step that brings the child's distributions at the tokens of its own answers
// nearer to the teacher's. Rewards are measured and take no part.
func (a gkd) Update(p Policy, b *Batch, s Step) (Metrics, error) {
	kept, m, err := b.begin("gkd", Needs{}, s)
	if err != nil || len(kept) == 0 {
		return m, err
	}
	m.addRewards(kept, make([]float64, len(b.Samples)))
	student, ok := p.(distiller)
	if !ok {
		return m, fmt.Errorf("gkd: policy must have a teacher")
	}
	e, err := forward(p, b, kept, false)
	if err != nil {
		return m, err
	}
	if m["pgsrm/first_ratio_max_dev"], err = firstRatio(b, kept, e, s); err != nil {
		return m, err
	}
	for _, h := range e.Entropy {
		m["policy/entropy_avg"] += float64(h) / float64(len(e.Entropy))
	}
	// L = mean over the tokens of the divergence at each.
	loss, err := student.Distil(a.loss)
	if err != nil {
		return m, err
	}
	m["loss/policy_avg"], m["loss/total_avg"] = loss, loss
	if err := m.finite(s); err != nil {
		return m, err
	}
	norm := p.Step(s.LR, a.o.MaxGradNorm)
	if !isFinite(norm) {
		return m, &NonFiniteError{Step: s.Index, What: "pgsrm/grad_norm", Value: norm}
	}
	m["pgsrm/grad_norm"], m["pgsrm/steps"] = norm, 1
	return m, nil
}

// loss is lm.RowLoss: with q the child's distribution, p the teacher's, and their mixture
// r = beta*p + (1-beta)*q,
//
//	forward   D = KL(p || q)                            dD/dx = q - p
//	reverse   D = KL(q || p)                            dD/dx = q * (log q - log p - D)
//	js        D = beta*KL(p || r) + (1-beta)*KL(q || r)   dD/dx = q * (g - sum q*g), g = (1-beta)*log(q/r)
func (a gkd) loss(student, teacher []float32, weight float32) float64 {
	ofStudent, ofTeacher := logSumExp(student), logSumExp(teacher)
	beta, w := a.o.Beta, float64(weight)
	var d, mean float64 // the divergence, and sum q*g
	at := func(i int) (q, p, logq, logp float64) {
		logq, logp = float64(student[i])-ofStudent, float64(teacher[i])-ofTeacher
		return math.Exp(logq), math.Exp(logp), logq, logp
	}
	for i := range student {
		q, p, logq, logp := at(i)
		switch a.o.Divergence {
		case "forward":
			d += p * (logp - logq)
		case "reverse":
			d += q * (logq - logp)
		case "js":
			logr := math.Log(beta*p + (1-beta)*q)
			if p > 0 {
				d += beta * p * (logp - logr)
			}
			if q > 0 {
				d += (1 - beta) * q * (logq - logr)
				mean += q * (1 - beta) * (logq - logr)
			}
		}
	}
	for i := range student {
		q, p, logq, logp := at(i)
		slope := 0.0
		switch a.o.Divergence {
		case "forward":
			slope = q - p
		case "reverse":
			slope = q * (logq - logp - d)
		case "js":
			if q > 0 {
				slope = q * ((1-beta)*(logq-math.Log(beta*p+(1-beta)*q)) - mean)
			}
		}
		student[i] = float32(w * slope)
	}
	return w * d
}

// logSumExp is log sum exp(x[i]).
func logSumExp(x []float32) float64 {
	most := math.Inf(-1)
	for _, v := range x {
		most = max(most, float64(v))
	}
	var sum float64
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// rules reports values that do not go together.
func (o GKDOptions) rules() error {
	if o.Beta != 0.5 && o.Divergence != "js" {
		return &config.Error{Key: "beta", Must: "must be 0.5 without divergence: js", Value: fmt.Sprint(o.Beta)}
	}
	return nil
}
