// Package reward scores answers against parent answers (docs/rewards.md;
// arXiv 2512.06920, eq. 1 for the cosine form). It holds the terms, their
// weighted sum, the constants that are calibrated once on a task's parent
// answers, and the probe that judges a reward before training.
package reward

// Term is one summand of a reward.
type Term struct {
	Kind   string  `yaml:"kind" json:"kind" oneof:"exact, cosine, shifted, euclidean, calibrated, centered, moved, contrastive, domain, chrf, length, repetition, copy_penalty"` // one of Kinds
	Weight float64 `yaml:"weight" json:"weight" range:"[-1000000, 1000000]"`                                                                                                     // factor of the term in the sum
	Alpha  float64 `yaml:"alpha,omitempty" json:"alpha,omitempty" range:"[0, 1000]"`                                                                                             // exponent; 0 means the default of the kind
	Tau    float64 `yaml:"tau,omitempty" json:"tau,omitempty" range:"[0, 1000]"`                                                                                                 // contrastive: temperature; 0 means 0.1
	M0     float64 `yaml:"m0,omitempty" json:"m0,omitempty" range:"[0, 1]"`                                                                                                      // domain: saturation; 0 means calibrated
	NoClip bool    `yaml:"no_clip,omitempty" json:"no_clip,omitempty"`                                                                                                           // centered: cos - m(c), negative part kept, not divided
}

// Spec is a reward: a name and the terms of its weighted sum.
type Spec struct {
	Name  string `yaml:"name" json:"name"`
	Terms []Term `yaml:"terms" json:"terms"`
}

// Sample is one answer to score.
type Sample struct {
	Prompt    string   // the whole prompt, to detect echoes
	Input     string   // its part that varies, likewise where answers are normalised, and for the term moved; may be empty
	Response  string   // the child's text, special tokens removed
	Reference string   // the parent's answer
	Accepted  []string // further answers that count as exact
}

// Score is the reward of one sample. A sample whose embedding failed has Err
// and no reward: it is dropped and counted by the caller, never scored 0.
type Score struct {
	Reward float64
	Terms  []float64 // unweighted value of Spec.Terms[i], same order
	Err    error
}
