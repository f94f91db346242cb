package reward

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgsrm/config"
)

// kind says what a term needs and which parameters it takes.
type kind struct {
	name    string
	vectors bool    // needs embeddings
	input   bool    // and that of the input
	alpha   float64 // default exponent; 0: takes none
	tau     float64 // default temperature; 0: takes none
}

// kinds are all terms, in the order of docs/rewards.md.
var kinds = []kind{
	{name: "exact"},
	{name: "cosine", vectors: true, alpha: 1},
	{name: "shifted", vectors: true, alpha: 4},
	{name: "euclidean", vectors: true},
	{name: "calibrated", vectors: true, alpha: 1},
	{name: "centered", vectors: true, alpha: 1},
	{name: "moved", vectors: true, alpha: 1, input: true},
	{name: "contrastive", vectors: true, tau: 0.1},
	{name: "domain", vectors: true},
	{name: "chrf"},
	{name: "length"},
	{name: "repetition"},
	{name: "copy_penalty"},
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

// Names lists the rewards that have a name of their own.
func Names() []string { return []string{"pgsrm", "pgsrm-paper", "binary"} }

// Named returns the reward of a name, or a kind of term by itself with weight 1:
//
//	pgsrm        0.5*exact + 0.5*centered^2: the winner of the search in docs/experiments.md
//	pgsrm-paper  ((1+cos)/2)^4, what the paper's notebooks do
//	binary       1 for an exact match, else 0: the baseline
func Named(name string) (Spec, error) {
	switch name {
	case "pgsrm":
		return Spec{Name: name, Terms: []Term{
			{Kind: "exact", Weight: 0.5}, {Kind: "centered", Weight: 0.5, Alpha: 2},
		}}, nil
	case "pgsrm-paper":
		return Spec{Name: name, Terms: []Term{{Kind: "shifted", Weight: 1, Alpha: 4}}}, nil
	case "binary":
		return Spec{Name: name, Terms: []Term{{Kind: "exact", Weight: 1}}}, nil
	}
	if k, ok := findKind(name); ok {
		return Spec{Name: name, Terms: []Term{{Kind: k.name, Weight: 1, Alpha: k.alpha, Tau: k.tau}}}, nil
	}
	return Spec{}, unknownReward(name)
}

// unknownReward lists the rewards for a name that is none of them.
func unknownReward(name string) error {
	return &config.Error{
		Value: fmt.Sprintf("%q", name), Hint: config.Nearest(name, append(Names(), Kinds()...)),
		Must: fmt.Sprintf("must be one of %s, a kind of term (%s) or a sum of these", strings.Join(Names(), ", "), strings.Join(Kinds(), ", ")),
	}
}

// ParseSpec reads a reward from one line: a name (see Named) or a sum such as
//
//	exact + 0.3*centered(no_clip) + 0.1*domain(m0=0.4)
//	shifted^4
//	0.5*contrastive(tau=0.05) - 0.2*length
//
// Blanks do not count. The text itself becomes the name.
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
	if slices.Contains(Names(), compact) {
		named, err := Named(compact)
		*s = named
		return err
	}
	spec := Spec{Name: compact}
	for _, part := range splitSum(compact) {
		t, err := parseTerm(part)
		if err != nil {
			return err
		}
		spec.Terms = append(spec.Terms, t)
	}
	*s = spec
	return config.Check(spec)
}

// splitSum cuts a sum before each + or - that stands outside parentheses and
// does not belong to the exponent of a number.
func splitSum(s string) []string {
	var out []string
	start, depth := 0, 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case (r == '+' || r == '-') && depth == 0 && i > start && s[i-1] != '^' && s[i-1] != '*':
			out, start = append(out, s[start:i]), i
		}
	}
	return append(out, s[start:])
}

// parseTerm reads [+|-][weight*]kind[^alpha][(key=value,...)].
func parseTerm(s string) (Term, error) {
	t := Term{Weight: 1}
	body := strings.TrimPrefix(s, "+")
	if rest, ok := strings.CutPrefix(body, "-"); ok {
		t.Weight, body = -1, rest
	}
	if w, rest, ok := strings.Cut(body, "*"); ok {
		x, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return Term{}, &config.Error{Must: "weight must be a number", Value: fmt.Sprintf("%q", w)}
		}
		t.Weight, body = t.Weight*x, rest
	}
	body, args, called := strings.Cut(body, "(")
	name, power, raised := strings.Cut(body, "^")
	k, ok := findKind(name)
	if !ok {
		return Term{}, unknownReward(name)
	}
	t.Kind, t.Alpha, t.Tau = k.name, k.alpha, k.tau
	if raised {
		if err := t.set("alpha", power); err != nil {
			return Term{}, err
		}
	}
	if !called {
		return t, nil
	}
	args, closed := strings.CutSuffix(args, ")")
	if !closed {
		return Term{}, &config.Error{Must: "term must end with its parenthesis", Value: fmt.Sprintf("%q", s)}
	}
	for arg := range strings.SplitSeq(args, ",") {
		key, value, _ := strings.Cut(arg, "=")
		if err := t.set(key, value); err != nil {
			return Term{}, err
		}
	}
	return t, nil
}

// set gives one parameter of a term its value.
func (t *Term) set(key, value string) error {
	if key == "no_clip" && (value == "" || value == "true") {
		t.NoClip = true
		return nil
	}
	field := map[string]*float64{"alpha": &t.Alpha, "tau": &t.Tau, "m0": &t.M0}[key]
	x, err := strconv.ParseFloat(value, 64)
	if field == nil || err != nil {
		return &config.Error{Must: "parameter must be alpha=X, tau=X, m0=X or no_clip", Value: fmt.Sprintf("%q", key+"="+value)}
	}
	*field = x
	return nil
}

// Validate reports the first value that cannot be used, its key from the root of
// the configuration.
func (s Spec) Validate() error {
	if len(s.Terms) == 0 {
		return &config.Error{Key: "reward", Must: "must have at least one term"}
	}
	return config.At("reward", config.Check(s))
}

// Rules reports terms with values that their kind does not take. A spec without
// terms stands for the reward of its name.
func (s Spec) Rules() error {
	for i, t := range s.Terms {
		if err := config.At(fmt.Sprintf("terms[%d]", i), t.rules()); err != nil {
			return err
		}
	}
	return nil
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
		return refuse("tau", fmt.Sprintf("must be at least %g", minTau), t.Tau)
	case t.M0 != 0 && t.Kind != "domain":
		return refuse("m0", "must not be set for "+t.Kind, t.M0)
	case t.NoClip && t.Kind != "centered":
		return refuse("no_clip", "must not be set for "+t.Kind, t.NoClip)
	case t.NoClip && t.Alpha != 0 && t.Alpha != 1:
		return refuse("alpha", "must be 1 with no_clip", t.Alpha)
	}
	return nil
}

// minTau is the least temperature of a contrastive term: below it cosines divided
// by it differ by more than float32 vectors can tell.
const minTau = 1e-6

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

// NeedsVectors reports whether any term needs an embedder.
func (s Spec) NeedsVectors() bool {
	return slices.ContainsFunc(s.Terms, func(t Term) bool {
		k, _ := findKind(t.Kind)
		return k.vectors
	})
}
