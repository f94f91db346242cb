package reward

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pgsrm/config"
	"pgsrm/custom"
)

// kind says what a term needs, which parameters it takes and which values it has.
type kind struct {
	name    string
	vectors bool    // needs embeddings
	input   bool    // and that of the input
	memory  bool    // depends on what the run has seen
	group   bool    // compares the answers to one prompt
	own     bool    // a reward of the user's own, see OpenScorers
	alpha   float64 // default exponent; 0: takes none
	tau     float64 // default temperature; 0: takes none
	text    textRule
	judge   bool                             // takes the parameters of a judge; its text ends at a comma
	check   func(text string) (check, error) // makes the term of its text; nil: none is made
	span    span
}

// ownSpan holds all rewards of the user's own: what is beyond is an error.
var ownSpan = span{-custom.Limit, custom.Limit}

// kinds are all terms, in the order of docs/rewards.md.
var kinds = []kind{
	{name: "exact", span: span{0, 1}},
	{name: "strict", span: span{0, 1}},
	{name: "cosine", vectors: true, alpha: 1, span: span{0, 1}},
	{name: "shifted", vectors: true, alpha: 4, span: span{0, 1}},
	{name: "euclidean", vectors: true, span: span{-1, 1}},
	{name: "calibrated", vectors: true, alpha: 1, span: span{0, 1}},
	{name: "centered", vectors: true, alpha: 1, span: span{0, 1}},
	{name: "moved", vectors: true, alpha: 1, input: true, span: span{0, 1}},
	{name: "nearer", vectors: true, alpha: 1, input: true, span: span{0, 1}},
	{name: "csls", vectors: true, alpha: 1, span: span{0, 1}},
	{name: "contrastive", vectors: true, tau: 0.1, span: span{0, 1}},
	{name: "domain", vectors: true, span: span{-1, 1}},
	{name: "chrf", span: span{0, 1}},
	{name: "contains", text: optionalText, span: span{0, 1}},
	{name: "regex", text: requiredText, check: regexCheck, span: span{0, 1}},
	{name: "json", text: optionalText, check: jsonCheck, span: span{0, 1}},
	{name: "numeric", span: span{0, 1}},
	{name: "levenshtein", span: span{0, 1}},
	{name: "rouge_l", span: span{0, 1}},
	{name: "bleu", span: span{0, 1}},
	{name: "length", span: span{0, 1}},
	{name: "brevity", span: span{0, 1}},
	{name: "ended", span: span{0, 1}},
	{name: "repetition", span: span{-1, 0}},
	{name: "copy_penalty", span: span{-1, 0}},
	{name: "overlap", span: span{0, 1}},
	{name: "repeats", group: true, span: span{0, 1}},
	{name: "novel", memory: true, span: span{0, 1}},
	{name: "success", memory: true, span: span{0, 1}},
	{name: "progress", memory: true, span: span{0, 1}},
	{name: custom.Exec, own: true, text: requiredText, span: ownSpan},
	{name: custom.HTTP, own: true, text: requiredText, span: ownSpan},
	{name: judgeTerm, own: true, text: requiredText, judge: true, span: span{0, 1}},
	{name: preferredTerm, own: true, span: span{0, 1}},
	{name: customTerm, own: true, span: ownSpan},
}

// Kinds lists the kinds of terms.
func Kinds() []string {
	out := make([]string, len(kinds))
	for i, k := range kinds {
		out[i] = k.name
	}
	return out
}

func findKind(name string) (kind, bool) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return kind{}, false
	}
	return kinds[i], true
}

// named are the rewards that have a name of their own.
var named = []struct{ name, formula string }{
	{"pgsrm", "where(exact > 0, 0.75 + 0.25*strict, 0.4*where(overlap > 0.5, moved^2, centered^2) + 0.1*novel)"},
	{"pgsrm-1", "0.5*exact + 0.5*centered^2"},
	{"pgsrm-paper", "shifted"},
	{"binary", "exact"},
}

// Names lists the rewards that have a name of their own.
func Names() []string {
	out := make([]string, len(named))
	for i, n := range named {
		out[i] = n.name
	}
	return out
}

// Named returns the reward of a name, or a kind of term by itself:
//
//	pgsrm        meaning, form and a bonus for new answers: the winner of docs/experiments.md
//	pgsrm-1      0.5*exact + 0.5*centered^2, what pgsrm was before
//	pgsrm-paper  ((1+cos)/2)^4, what the paper's notebooks do
//	binary       1 for an exact match, else 0: the baseline
func Named(name string) (Spec, error) {
	for _, n := range named {
		if n.name == name {
			return Spec{Name: name, Formula: n.formula}, nil
		}
	}
	if k, ok := findKind(name); ok {
		if k.text == requiredText {
			return Spec{}, Term{Kind: name, Weight: 1}.rules()
		}
		return Spec{Name: name, Formula: name}, nil
	}
	return Spec{}, unknownReward(name)
}

// unknownReward lists the rewards for a name that is none of them.
func unknownReward(name string) error {
	return &config.Error{
		Value: fmt.Sprintf("%q", name), Hint: config.Nearest(name, slices.Concat(Names(), Kinds(), functionNames())),
		Must: fmt.Sprintf("must be one of %s, a kind of term (%s) or an expression of these", strings.Join(Names(), ", "), strings.Join(Kinds(), ", ")),
	}
}

// ParseSpec reads a reward from one line: a name (see Named) or an expression such as
//
//	exact + 0.3*centered(no_clip) + 0.1*domain(m0=0.4)
//	0.5*exact + 0.5*fade(moved^2, k=4)
//	where(success > 0.5, exact, max(exact, 0.5*centered))
//
// Blanks do not count, but in the text of a term. What is left becomes the name.
func ParseSpec(text string) (Spec, error) {
	var spec Spec
	if err := spec.SetText(text); err != nil {
		return Spec{}, config.At("reward", err)
	}
	return spec, nil
}

// SetText is ParseSpec for a configuration, in which the text stands for a
// section (config.Short).
func (s *Spec) SetText(text string) error {
	compact := strings.Join(strings.Fields(text), "")
	if spec, err := Named(compact); err == nil {
		*s = spec
		return nil
	}
	if compact == "" {
		return unknownReward(compact)
	}
	p, err := compile(text)
	if err == nil {
		*s = Spec{Name: withoutBlanks(text, p.texts), Formula: p.root.String()}
	}
	return err
}

// Resolve fills in the formula: that of the name, or that of the terms, and puts it
// into its plainest form. A reward of no name is "custom".
func (s *Spec) Resolve() error {
	switch {
	case len(s.Terms) > 0 && s.Formula != "":
		return &config.Error{Key: "terms", Must: "must not be set beside formula"}
	case len(s.Terms) > 0:
		var sum []string
		for _, t := range s.Terms {
			sum = append(sum, strconv.FormatFloat(cmp.Or(t.Weight, 1), 'g', -1, 64)+"*"+t.withDefaults().String())
		}
		s.Formula, s.Terms = strings.ReplaceAll(strings.Join(sum, " + "), "+ -", "- "), nil
	case s.Formula == "":
		spec, err := Named(cmp.Or(s.Name, "pgsrm"))
		if err != nil {
			return config.At("name", err)
		}
		*s = spec
	}
	s.Name = cmp.Or(s.Name, "custom")
	p, err := compile(s.Formula)
	if err != nil {
		return config.At("formula", err)
	}
	s.Formula = p.root.String()
	return nil
}

// Validate reports the first value that cannot be used, its key from the root of
// the configuration.
func (s Spec) Validate() error { return config.At("reward", config.Check(s)) }

// Rules reports terms with values that their kind does not take, and a formula that
// cannot be read. A spec without either stands for the reward of its name.
func (s Spec) Rules() error {
	for i, t := range s.Terms {
		if err := config.At(fmt.Sprintf("terms[%d]", i), t.rules()); err != nil {
			return err
		}
	}
	return s.Resolve()
}

func (t Term) rules() error {
	k, _ := findKind(t.Kind)
	refuse := func(key, must string, got any) error {
		return &config.Error{Key: key, Must: must, Value: fmt.Sprint(got)}
	}
	switch {
	case t.Weight == 0:
		return refuse("weight", "must be other than 0", t.Weight)
	case t.Alpha != 0 && k.alpha == 0:
		return refuse("alpha", "must not be set for "+t.Kind, t.Alpha)
	case t.Tau != 0 && k.tau == 0:
		return refuse("tau", "must not be set for "+t.Kind, t.Tau)
	case t.Tau != 0 && t.Tau < minTau:
		return tooCold(t.Tau)
	case t.M0 != 0 && t.Kind != "domain":
		return refuse("m0", "must not be set for "+t.Kind, t.M0)
	case t.NoClip && t.Kind != "centered":
		return refuse("no_clip", "must not be set for "+t.Kind, t.NoClip)
	case t.Tol != 0 && t.Kind != "numeric":
		return refuse("tol", "must not be set for "+t.Kind, t.Tol)
	case t.Target != 0 && t.Kind != "length":
		return refuse("target", "must not be set for "+t.Kind, t.Target)
	case t.Text != "" && k.text == noText:
		return refuse("text", "must not be set for "+t.Kind, fmt.Sprintf("%q", t.Text))
	case t.Text == "" && k.text == requiredText:
		return refuse("text", fmt.Sprintf("must be given, as in %s(\"...\")", t.Kind), `""`)
	case t.Mode != "" && !k.judge:
		return refuse("mode", "must not be set for "+t.Kind, fmt.Sprintf("%q", t.Mode))
	case t.Rubric != "" && !k.judge:
		return refuse("rubric", "must not be set for "+t.Kind, fmt.Sprintf("%q", t.Rubric))
	case t.Scale != 0 && !k.judge:
		return refuse("scale", "must not be set for "+t.Kind, t.Scale)
	case t.NoClip && t.Alpha != 0 && t.Alpha != 1:
		return refuse("alpha", "must be 1 with no_clip", t.Alpha)
	}
	if t.Text == "" {
		return nil
	}
	err := checkText(t.Text)
	if err == nil && k.check != nil {
		_, err = k.check(t.Text)
	}
	if err == nil && k.judge {
		return t.judge().Validate()
	}
	return config.At("text", err)
}

// span is the interval of the term's values.
func (t Term) span() span {
	if t.NoClip {
		return span{-2, 2}
	}
	k, _ := findKind(t.Kind)
	return k.span
}

// minTau is the least temperature of a contrastive term: below it cosines divided
// by it differ by more than float32 vectors can tell.
const minTau = 1e-6

func tooCold(tau float64) error {
	return &config.Error{Key: "tau", Must: fmt.Sprintf("must be at least %g", minTau), Value: fmt.Sprint(tau)}
}

// withDefaults fills the parameters that were left 0.
func (t Term) withDefaults() Term {
	k, _ := findKind(t.Kind)
	if t.Alpha == 0 {
		t.Alpha = k.alpha
	}
	if t.Tau == 0 {
		t.Tau = k.tau
	}
	return t
}

// program is the formula of a spec that Validate approves of.
func (s Spec) program() (*program, error) {
	if err := s.Resolve(); err != nil {
		return nil, config.At("reward", err)
	}
	return compile(s.Formula)
}

// NeedsVectors reports whether any term needs an embedder.
func (s Spec) NeedsVectors() bool {
	p, err := s.program()
	return err == nil && p.vectors
}

// Columns names the values of Score.Terms: the kinds of the terms and the functions
// whose factor is logged, with a number after those that come again.
func (s Spec) Columns() []string {
	p, err := s.program()
	if err != nil {
		return nil
	}
	return p.columns
}

// Memory reports whether the reward depends on what the run has seen, so that it has
// state. Outside training it is that of a run that has seen nothing.
func (s Spec) Memory() bool {
	p, err := s.program()
	return err == nil && p.memory
}

// Timed reports whether the reward depends on how much of the run is done.
func (s Spec) Timed() bool {
	p, err := s.program()
	return err == nil && p.timed
}

// Groups reports whether the reward compares the answers to one prompt with each other.
func (s Spec) Groups() bool {
	p, err := s.program()
	return err == nil && p.group
}

// Range is an interval that holds every reward; it may be wider than needed.
func (s Spec) Range() (lo, hi float64) {
	p, err := s.program()
	if err != nil {
		return math.NaN(), math.NaN()
	}
	return p.root.span.lo, p.root.span.hi
}
