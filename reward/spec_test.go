package reward

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/config"
)

// What a text is read as: its name, and its plainest form, which reads back as itself.
func TestParseSpec(t *testing.T) {
	for in, want := range map[string]Spec{
		"binary":               {Name: "binary", Formula: "exact"},
		"pgsrm-paper":          {Name: "pgsrm-paper", Formula: "shifted"},
		"pgsrm":                {Name: "pgsrm", Formula: "where(exact > 0, 0.75 + 0.25*strict, 0.4*where(overlap > 0.5, moved^2, centered^2) + 0.1*novel)"},
		"pgsrm-1":              {Name: "pgsrm-1", Formula: "0.5*exact + 0.5*centered^2"},
		"cosine":               {Name: "cosine", Formula: "cosine"},
		"exact + 0.3*centered": {Name: "exact+0.3*centered", Formula: "exact + 0.3*centered"},
		"-2*cosine^1.5 + contrastive(tau=0.05) - domain(m0=0.4)": {
			Name: "-2*cosine^1.5+contrastive(tau=0.05)-domain(m0=0.4)", Formula: "-2*cosine^1.5 + contrastive(tau=0.05) - domain(m0=0.4)"},
		"centered(no_clip)+centered(alpha=2)": {Name: "centered(no_clip)+centered(alpha=2)", Formula: "centered(no_clip) + centered^2"},
		"+exact-(chrf-length)":                {Name: "+exact-(chrf-length)", Formula: "exact - (chrf - length)"},
		"-(exact+chrf)*-0.5":                  {Name: "-(exact+chrf)*-0.5", Formula: "-(exact + chrf)*(-0.5)"},
		"(0.5*exact + 0.5*chrf)^2":            {Name: "(0.5*exact+0.5*chrf)^2", Formula: "pow(0.5*exact + 0.5*chrf, 2)"},
		"max(exact, fade(centered^2, k=8, half=20))": {
			Name: "max(exact,fade(centered^2,k=8,half=20))", Formula: "max(exact, fade(centered^2, k=8, half=20))"},
		"length(target=50)*numeric(tol=0.010) + numeric(tol=0)": {
			Name: "length(target=50)*numeric(tol=0.010)+numeric(tol=0)", Formula: "length(target=50)*numeric(tol=0.01) + numeric"},
		"fade(moved,k=4)":                      {Name: "fade(moved,k=4)", Formula: "fade(moved)"},
		"where(success>=0.5,exact,1-progress)": {Name: "where(success>=0.5,exact,1-progress)", Formula: "where(success >= 0.5, exact, 1 - progress)"},
		"exact + linear(0.5, 0, until=0.8)*clip(csls - 0.1, 0, 1)": {
			Name: "exact+linear(0.5,0,until=0.8)*clip(csls-0.1,0,1)", Formula: "exact + linear(0.5, 0, until=0.8)*clip(csls - 0.1, 0, 1)"},
	} {
		got, err := ParseSpec(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", in, d)
		}
		if again, err := ParseSpec(got.Formula); err != nil || again.Formula != got.Formula {
			t.Errorf("%q: %q reads back as %q, %v", in, got.Formula, again.Formula, err)
		}
	}
}

// The terms of a list are the same as their sum.
func TestTermsAreASum(t *testing.T) {
	spec := Spec{Name: "mine", Terms: []Term{
		{Kind: "exact", Weight: 0.5}, {Kind: "shifted", Weight: -2}, {Kind: "contrastive", Weight: 1, Tau: 0.05}, {Kind: "centered", Weight: 1, NoClip: true}}}
	if err := spec.Resolve(); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Spec{Name: "mine", Formula: "0.5*exact - 2*shifted + 1*contrastive(tau=0.05) + 1*centered(no_clip)"}, spec); d != "" {
		t.Error(d)
	}
	both := Spec{Formula: "exact", Terms: []Term{{Kind: "exact", Weight: 1}}}
	if err := both.Validate(); err == nil || err.Error() != "reward.terms: must not be set beside formula" {
		t.Errorf("both: got %v", err)
	}
}

func TestBadSpecs(t *testing.T) {
	names := "reward: must be one of pgsrm, pgsrm-1, pgsrm-paper, binary, a kind of term (exact, strict, cosine, shifted, euclidean, calibrated, centered, moved, nearer, csls, contrastive, domain, chrf, contains, regex, json, numeric, levenshtein, rouge_l, bleu, length, brevity, ended, repetition, copy_penalty, overlap, repeats, novel, success, progress, exec, http, judge, preferred, custom) or an expression of these (got "
	for in, want := range map[string]string{
		"":                                      names + `"")`,
		"bert":                                  names + `"bert")`,
		"exact+":                                `reward: must go on with a term, a function, a number or a parenthesis at its end (got "exact+")`,
		"x*exact":                               names + `"x")`,
		"0*exact":                               "reward: weight must be other than 0 (got 0)",
		"exact^2":                               "reward.exact.alpha: must not be set for exact (got 2)",
		"exact+cosine^-1":                       "reward.cosine.alpha: must be between 0 and 1000 (got -1)",
		"cosine(tau=1)":                         "reward.cosine.tau: must not be set for cosine (got 1)",
		"contrastive(tau=-1)":                   "reward.contrastive.tau: must be between 0 and 1000 (got -1)",
		"contrastive(tau=NaN)":                  `reward: must have a number at character 17 (got "NaN)")`,
		"cosine(m0=1)":                          "reward.cosine.m0: must not be set for cosine (got 1)",
		"domain(m0=2)":                          "reward.domain.m0: must be between 0 and 1 (got 2)",
		"contrastive(tau=1e-9)":                 "reward.contrastive.tau: must be at least 1e-06 (got 1e-09)",
		"numeric(tol=2)":                        "reward.numeric.tol: must be between 0 and 1 (got 2)",
		"length(tol=0.1)":                       "reward.length.tol: must not be set for length (got 0.1)",
		"length(target=0)":                      "reward.length.target: must be above 0 (got 0)",
		"length(target=-1)":                     "reward.length.target: must be between 0 and 1000000 (got -1)",
		"chrf(target=5)":                        "reward.chrf.target: must not be set for chrf (got 5)",
		"contrastive(tau=0)":                    "reward.contrastive.tau: must be at least 1e-06 (got 0)",
		"1e300*exact":                           "reward: numbers must be between -1000000 and 1000000 (got 1e+300)",
		"1e6*1e6*exact":                         `reward: must stay between -1e+09 and 1e+09 (got "1e+06*1e+06")`,
		"cosin":                                 names + `"cosin", did you mean cosine?)`,
		"fad(exact)":                            names + `"fad")`,
		"stratta(exact)":                        names + `"stratta", did you mean strata?)`,
		"cosine(no_clip)":                       "reward.cosine.no_clip: must not be set for cosine (got true)",
		"centered^2(no_clip)":                   "reward.centered.alpha: must be 1 with no_clip (got 2)",
		"cosine(alpha=2":                        `reward: must go on with "," or ")" at its end (got "cosine(alpha=2")`,
		"cosine(beta=2)":                        `reward: parameter must be alpha=X, tau=X, m0=X, tol=X, target=X or no_clip (got "beta")`,
		"cosine(alpha=x)":                       `reward: must have a number at character 14 (got "x)")`,
		"cosine^x":                              `reward: must have a number at character 8 (got "x")`,
		"exact cosine":                          `reward: must have an operator (+ - * ^ < >) at character 7 (got "cosine")`,
		"exact > 0.5":                           `reward: a comparison must stand first in where(condition, x, y), and nowhere else (got "exact > 0.5")`,
		"where(exact, 1, 0)":                    `reward: where must begin with a comparison, as in where(exact > 0, x, y) (got "where(exact, 1, 0)")`,
		"where(exact > 0, cosine)":              "reward: where must have 3 arguments (got 2)",
		"min(exact)":                            "reward: min must have 2 to 20 arguments (got 1)",
		"fade":                                  `reward: fade must be called with its arguments: fade(...) (got "fade")`,
		"fade(exact, k=0)":                      "reward: k of fade must be above 0 and at most 1000000 (got 0)",
		"fade(exact, x=1)":                      `reward: parameter of fade must be k=X or near=X or half=X (got "x")`,
		"rank(exact, k=1)":                      `reward: rank takes no parameters (got "k")`,
		"fade(exact,half=2)+fade(chrf,half=3)":  "reward: half of fade must be the same throughout (got 2 and 3)",
		"euclidean^2":                           "reward.euclidean.alpha: must not be set for euclidean (got 2)",
		"(euclidean)^0.5":                       `reward: base of a power that is no whole number must not fall below 0: max(0, x) or clip(x, 0, 1) cut it (got "euclidean")`,
		"(exact)^-1":                            `reward: must have a number as exponent at character 9 (got "-1")`,
		"pow(exact, chrf)":                      `reward: argument of pow must be a number (got "chrf")`,
		"clip(exact, 1, 0)":                     "reward: lower bound of clip must not be above the upper one (got 1 and 0)",
		"linear(exact, 1)":                      `reward: argument of linear must be a number (got "exact")`,
		"1 + 2":                                 `reward: must have at least one term (got "1 + 2")`,
		"(1000*exact)^10":                       `reward: must stay between -1e+09 and 1e+09 (got "pow(1000*exact, 10)")`,
		strings.Repeat("(", 50):                 "reward: must have at most 40 parentheses within each other",
		strings.Repeat("-", 5000):               "reward: must have at most 4000 characters (got 5000)",
		"exact" + strings.Repeat("+exact", 400): "reward: must have at most 500 parts",
	} {
		if _, err := ParseSpec(in); err == nil || err.Error() != want {
			t.Errorf("%q: got %v\nwant %s", in, err, want)
		}
	}
	if err := (Spec{Terms: []Term{{Kind: "meteor", Weight: 1}}}).Validate(); err == nil {
		t.Error("an unknown kind must be an error")
	}
}

// The words in the tag of Term.Kind, which the schema shows, are the kinds.
func TestKindsOfTheTag(t *testing.T) {
	k := config.Keys(Term{})[0]
	if d := cmp.Diff(Kinds(), k.Words()); k.Name != "kind" || d != "" {
		t.Errorf("%s: %s", k.Name, d)
	}
}

// Every kind by itself is a reward, but those that need a text.
func TestNamedKinds(t *testing.T) {
	for _, name := range append(Names(), Kinds()...) {
		spec, err := Named(name)
		if k, _ := findKind(name); k.text == requiredText {
			if want := fmt.Sprintf(`text: must be given, as in %s("...") (got "")`, name); err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", name, err, want)
			}
			continue
		}
		if err != nil || spec.Name != name || spec.Validate() != nil {
			t.Errorf("%s: got %+v, %v", name, spec, err)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, s := range []string{"pgsrm", "exact+0.3*centered(no_clip)", "-cosine^2(alpha=1,tau=2)", "1e-3*chrf", "((", "+-*^", "where(success>0.5,exact,fade(moved,k=4))", "strata(max(exact,0.1*rank(csls)))", `contains("a\n", tau=1)`, `contains(f(x))+contains('\"')`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if spec, err := ParseSpec(in); err == nil && spec.Validate() != nil {
			t.Errorf("%q: must be valid (%v)", in, spec.Validate())
		}
	})
}
