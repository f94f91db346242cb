package reward

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/config"
)

func TestParseSpec(t *testing.T) {
	for in, want := range map[string]Spec{
		"binary":      {Name: "binary", Terms: []Term{{Kind: "exact", Weight: 1}}},
		"pgsrm-paper": {Name: "pgsrm-paper", Terms: []Term{{Kind: "shifted", Weight: 1, Alpha: 4}}},
		"pgsrm":       {Name: "pgsrm", Terms: []Term{{Kind: "exact", Weight: 0.5}, {Kind: "centered", Weight: 0.5, Alpha: 2}}},
		"cosine":      {Name: "cosine", Terms: []Term{{Kind: "cosine", Weight: 1, Alpha: 1}}},
		"exact + 0.3*centered": {Name: "exact+0.3*centered", Terms: []Term{
			{Kind: "exact", Weight: 1}, {Kind: "centered", Weight: 0.3, Alpha: 1}}},
		"-2*cosine^1.5 + contrastive(tau=0.05) - domain(m0=0.4)": {Name: "-2*cosine^1.5+contrastive(tau=0.05)-domain(m0=0.4)", Terms: []Term{
			{Kind: "cosine", Weight: -2, Alpha: 1.5}, {Kind: "contrastive", Weight: 1, Tau: 0.05}, {Kind: "domain", Weight: -1, M0: 0.4}}},
		"centered(no_clip)+centered(alpha=2)": {Name: "centered(no_clip)+centered(alpha=2)", Terms: []Term{
			{Kind: "centered", Weight: 1, Alpha: 1, NoClip: true}, {Kind: "centered", Weight: 1, Alpha: 2}}},
	} {
		got, err := ParseSpec(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", in, d)
		}
	}
}

func TestBadSpecs(t *testing.T) {
	names := "reward: must be one of pgsrm, pgsrm-paper, binary, a kind of term (exact, cosine, shifted, euclidean, calibrated, centered, moved, contrastive, domain, chrf, length, repetition, copy_penalty) or a sum of these (got "
	for in, want := range map[string]string{
		"":                      names + `"")`,
		"bert":                  names + `"bert")`,
		"exact+":                names + `"")`,
		"x*exact":               `reward: weight must be a number (got "x")`,
		"0*exact":               "reward.terms[0].weight: must be other than 0 (got 0)",
		"exact^2":               "reward.terms[0].alpha: must not be set for exact (got 2)",
		"exact+cosine^-1":       "reward.terms[1].alpha: must be between 0 and 1000 (got -1)",
		"cosine(tau=1)":         "reward.terms[0].tau: must not be set for cosine (got 1)",
		"contrastive(tau=-1)":   "reward.terms[0].tau: must be between 0 and 1000 (got -1)",
		"contrastive(tau=NaN)":  "reward.terms[0].tau: must be between 0 and 1000 (got NaN)",
		"cosine(m0=1)":          "reward.terms[0].m0: must not be set for cosine (got 1)",
		"domain(m0=2)":          "reward.terms[0].m0: must be between 0 and 1 (got 2)",
		"contrastive(tau=1e-9)": "reward.terms[0].tau: must be at least 1e-06 (got 1e-09)",
		"1e300*exact":           "reward.terms[0].weight: must be between -1000000 and 1000000 (got 1e+300)",
		"cosin":                 names + `"cosin", did you mean cosine?)`,
		"cosine(no_clip)":       "reward.terms[0].no_clip: must not be set for cosine (got true)",
		"centered^2(no_clip)":   "reward.terms[0].alpha: must be 1 with no_clip (got 2)",
		"cosine(alpha=2":        `reward: term must end with its parenthesis (got "cosine(alpha=2")`,
		"cosine(beta=2)":        `reward: parameter must be alpha=X, tau=X, m0=X or no_clip (got "beta=2")`,
		"cosine(alpha=x)":       `reward: parameter must be alpha=X, tau=X, m0=X or no_clip (got "alpha=x")`,
		"cosine^x":              `reward: parameter must be alpha=X, tau=X, m0=X or no_clip (got "alpha=x")`,
	} {
		if _, err := ParseSpec(in); err == nil || err.Error() != want {
			t.Errorf("%q: got %v\nwant %s", in, err, want)
		}
	}
	if err := (Spec{Terms: []Term{{Kind: "bleu", Weight: 1}}}).Validate(); err == nil {
		t.Error("an unknown kind must be an error")
	}
	if err := (Spec{}).Validate(); err == nil || err.Error() != "reward: must have at least one term" {
		t.Errorf("no term: got %v", err)
	}
}

// The words in the tag of Term.Kind, which the schema shows, are the kinds.
func TestKindsOfTheTag(t *testing.T) {
	k := config.Keys(Term{})[0]
	if d := cmp.Diff(Kinds(), k.Words()); k.Name != "kind" || d != "" {
		t.Errorf("%s: %s", k.Name, d)
	}
}

// Every kind by itself is a reward.
func TestNamedKinds(t *testing.T) {
	for _, name := range append(Names(), Kinds()...) {
		spec, err := Named(name)
		if err != nil || spec.Name != name || spec.Validate() != nil {
			t.Errorf("%s: got %+v, %v", name, spec, err)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"pgsrm", "exact+0.3*centered(no_clip)", "-cosine^2(alpha=1,tau=2)", "1e-3*chrf", "((", "+-*^"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if spec, err := ParseSpec(in); err == nil && spec.Validate() != nil {
			t.Errorf("%q: must be valid (%v)", in, spec.Validate())
		}
	})
}
