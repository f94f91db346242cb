package reward

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// kind says what a term needs and which parameters it takes.
type kind struct {
	name    string
	vectors bool    // needs embeddings
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
	return Spec{}, fmt.Errorf("reward: must be one of %s, a kind of term (%s) or a sum of these (got %q)",
		strings.Join(Names(), ", "), strings.Join(Kinds(), ", "), name)
}

// ParseSpec reads a reward from one line: a name (see Named) or a sum such as
//
//	exact + 0.3*centered(no_clip) + 0.1*domain(m0=0.4)
//	shifted^4
//	0.5*contrastive(tau=0.05) - 0.2*length
//
// Blanks do not count. The text itself becomes the name.
func ParseSpec(text string) (Spec, error) {
	compact := strings.Join(strings.Fields(text), "")
	if slices.Contains(Names(), compact) {
		return Named(compact)
	}
	spec := Spec{Name: compact}
	for _, part := range splitSum(compact) {
		t, err := parseTerm(part)
		if err != nil {
			return Spec{}, err
		}
		spec.Terms = append(spec.Terms, t)
	}
	return spec, spec.Validate()
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
			return Term{}, fmt.Errorf("reward: weight must be a number (got %q)", w)
		}
		t.Weight, body = t.Weight*x, rest
	}
	body, args, called := strings.Cut(body, "(")
	name, power, raised := strings.Cut(body, "^")
	k, ok := findKind(name)
	if !ok {
		_, err := Named(name)
		return Term{}, err
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
		return Term{}, fmt.Errorf("reward: term must end with its parenthesis (got %q)", s)
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
		return fmt.Errorf("reward: parameter must be alpha=X, tau=X, m0=X or no_clip (got %q)", key+"="+value)
	}
	*field = x
	return nil
}

// Validate says what is wrong with a spec.
func (s Spec) Validate() error {
	if len(s.Terms) == 0 {
		return errors.New("reward: must have at least one term")
	}
	for i, t := range s.Terms {
		if err := t.validate(); err != nil {
			return fmt.Errorf("reward: term %d (%s): %w", i+1, t.Kind, err)
		}
	}
	return nil
}

func (t Term) validate() error {
	k, ok := findKind(t.Kind)
	switch {
	case !ok:
		return fmt.Errorf("kind must be one of %s (got %q)", strings.Join(Kinds(), ", "), t.Kind)
	case math.IsNaN(t.Weight) || math.IsInf(t.Weight, 0) || t.Weight == 0:
		return fmt.Errorf("weight must be a finite number other than 0 (got %v)", t.Weight)
	case t.Alpha != 0 && k.alpha == 0:
		return fmt.Errorf("alpha must not be set for this kind (got %v)", t.Alpha)
	case t.Alpha < 0 || math.IsNaN(t.Alpha) || math.IsInf(t.Alpha, 0):
		return fmt.Errorf("alpha must be above 0 (got %v)", t.Alpha)
	case t.Tau != 0 && k.tau == 0:
		return fmt.Errorf("tau must not be set for this kind (got %v)", t.Tau)
	case t.Tau < 0 || math.IsNaN(t.Tau) || math.IsInf(t.Tau, 0):
		return fmt.Errorf("tau must be above 0 (got %v)", t.Tau)
	case t.M0 != 0 && t.Kind != "domain":
		return fmt.Errorf("m0 must not be set for this kind (got %v)", t.M0)
	case t.M0 < 0 || t.M0 > 1 || math.IsNaN(t.M0):
		return fmt.Errorf("m0 must be 0..1 (got %v)", t.M0)
	case t.NoClip && t.Kind != "centered":
		return errors.New("no_clip must not be set for this kind")
	case t.NoClip && t.Alpha != 0 && t.Alpha != 1:
		return fmt.Errorf("alpha must be 1 with no_clip (got %v)", t.Alpha)
	}
	return nil
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

// NeedsVectors reports whether any term needs an embedder.
func (s Spec) NeedsVectors() bool {
	return slices.ContainsFunc(s.Terms, func(t Term) bool {
		k, _ := findKind(t.Kind)
		return k.vectors
	})
}
