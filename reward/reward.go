// Package reward scores answers against parent answers (docs/rewards.md;
// arXiv 2512.06920, eq. 1 for the cosine form).
//
//	reward.go       what goes in and comes out        spec.go         the terms and the names of rewards
//	parse.go        the language of expressions       expr.go         an expression, its functions and its span
//	model.go        a reward calibrated for a task    evaluate.go     what an expression makes of its terms
//	terms.go        the semantic terms                argument.go     the texts and parameters of terms
//	shaping.go, contains.go, number.go, distance.go, bleu.go, chrf.go, text.go        the terms of texts alone
//	check.go        what a regular expression or a JSON schema allows (json.go, schema.go)
//	own.go          terms of the user's own
//	calibration.go  constants of a task               place.go        where texts stand among the parent answers
//	memory.go       what a run has seen               probe.go, auc.go, constant.go, dangers.go, variants.go, adversary.go, verdict.go    judging a reward before training
package reward

import "encoding/json"

// Term is one summand of a reward.
type Term struct {
	Kind   string  `yaml:"kind" json:"kind" oneof:"exact, strict, cosine, shifted, euclidean, calibrated, centered, moved, nearer, csls, contrastive, domain, chrf, contains, regex, json, numeric, levenshtein, rouge_l, bleu, length, brevity, ended, repetition, copy_penalty, overlap, repeats, novel, success, progress, exec, http, judge, preferred, custom"` // one of Kinds
	Weight float64 `yaml:"weight" json:"weight" range:"[-1000000, 1000000]"`                                                                                                                                                                                                                                                                                         // factor of the term in the sum
	Alpha  float64 `yaml:"alpha,omitempty" json:"alpha,omitempty" range:"[0, 1000]"`                                                                                                                                                                                                                                                                                 // exponent; 0 means the default of the kind
	Tau    float64 `yaml:"tau,omitempty" json:"tau,omitempty" range:"[0, 1000]"`                                                                                                                                                                                                                                                                                     // contrastive: temperature; 0 means 0.1
	M0     float64 `yaml:"m0,omitempty" json:"m0,omitempty" range:"[0, 1]"`                                                                                                                                                                                                                                                                                          // domain: saturation; 0 means calibrated
	NoClip bool    `yaml:"no_clip,omitempty" json:"no_clip,omitempty"`                                                                                                                                                                                                                                                                                               // centered: cos - m(c), negative part kept, not divided
	Text   string  `yaml:"text,omitempty" json:"text,omitempty" longest:"4000"`                                                                                                                                                                                                                                                                                      // what terms such as contains look for; "" = none
	Tol    float64 `yaml:"tol,omitempty" json:"tol,omitempty" range:"[0, 1]"`                                                                                                                                                                                                                                                                                        // numeric: how far off a number may be, as a share of the reference; 0 = not at all
	Mode   string  `yaml:"mode,omitempty" json:"mode,omitempty" longest:"20"`                                                                                                                                                                                                                                                                                        // judge: absolute or pairwise; "" = absolute
	Rubric string  `yaml:"rubric,omitempty" json:"rubric,omitempty" longest:"4000"`                                                                                                                                                                                                                                                                                  // judge: criteria, a template or file:PATH; "" = the default criteria
	Scale  float64 `yaml:"scale,omitempty" json:"scale,omitempty" range:"[0, 100]"`                                                                                                                                                                                                                                                                                  // judge: the best grade; 0 = 10
	Target float64 `yaml:"target,omitempty" json:"target,omitempty" range:"[0, 1000000]"`                                                                                                                                                                                                                                                                            // length: words; 0 = those of the reference
}

// Spec is a reward: a name and what it computes, as an expression of terms or as the
// list of the terms of a weighted sum.
type Spec struct {
	Name    string `yaml:"name" json:"name"`
	Formula string `yaml:"formula" json:"formula"`                 // an expression, see ParseSpec
	Terms   []Term `yaml:"terms,omitempty" json:"terms,omitempty"` // in the place of a formula, which Resolve makes of it
}

// Sample is one answer to score.
type Sample struct {
	Prompt    string   // the whole prompt, to detect echoes
	Input     string   // its part that varies, likewise where answers are normalised, and for the terms moved and nearer; may be empty
	Response  string   // the child's text, special tokens removed
	Reference string   // the parent's answer
	Accepted  []string // further answers that count as exact

	ID    string // names the prompt to the memory; "" = nothing is remembered of the sample
	Group int    // samples of one number above 0 are answers to one prompt; 0 = an answer by itself
	Cut   bool   // the length limit ended the response, not the child

	Columns json.RawMessage // object of what its file says of the prompt beside that, for terms of the user's own; nil = nothing
}

// Score is the reward of one sample. A sample whose embedding failed has Err
// and no reward: it is dropped and counted by the caller, never scored 0.
type Score struct {
	Reward float64
	Terms  []float64 // unweighted values, named by Spec.Columns
	Right  bool      // an exact match, whatever the reward says
	Err    error
}
