package reward

import (
	"slices"
	"strings"
	"testing"
)

// The ways to write a text, and its plainest form, which reads back as itself.
func TestTextOfATerm(t *testing.T) {
	for in, want := range map[string]struct{ text, formula, name string }{
		`contains("yes, sir")`:         {"yes, sir", `contains("yes, sir")`, `contains("yes, sir")`},
		` contains ( "a" ) `:           {"a", `contains("a")`, `contains("a")`},
		`contains(yes, sir)`:           {"yes, sir", `contains("yes, sir")`, `contains(yes, sir)`},
		`contains( f(x) = (1 + (2)) )`: {"f(x) = (1 + (2))", `contains("f(x) = (1 + (2))")`, `contains(f(x) = (1 + (2)))`},
		`contains(https://h:1/r?a=b)`:  {"https://h:1/r?a=b", `contains("https://h:1/r?a=b")`, `contains(https://h:1/r?a=b)`},
		`contains(k=1)`:                {"k=1", `contains("k=1")`, `contains(k=1)`},
		`contains(it's)`:               {"it's", `contains("it's")`, `contains(it's)`},
		`contains(')')`:                {")", `contains(")")`, `contains(')')`},
		`contains('a "b" \d')`:         {`a "b" \d`, `contains('a "b" \d')`, `contains('a "b" \d')`},
		`contains("a \"b\" \\d")`:      {`a "b" \d`, `contains('a "b" \d')`, `contains("a \"b\" \\d")`},
		`contains("it's \"b\"")`:       {`it's "b"`, `contains("it's \"b\"")`, `contains("it's \"b\"")`},
		`contains("a\nb\u00e9<&>")`:    {"a\nbé<&>", `contains("a\nbé<&>")`, `contains("a\nb\u00e9<&>")`},
		"contains('a\n\"b\"')":         {"a\n\"b\"", `contains("a\n\"b\"")`, "contains('a\n\"b\"')"},
		`contains(" a ")`:              {" a ", `contains(" a ")`, `contains(" a ")`},
		`contains("冷たい😀")`:             {"冷たい😀", `contains("冷たい😀")`, `contains("冷たい😀")`},
	} {
		spec, err := ParseSpec(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		p, err := spec.program()
		if err != nil || p.terms[0].Text != want.text || spec.Formula != want.formula || spec.Name != want.name {
			t.Errorf("%s: got the text %q, %q named %q, want %q; %v", in, p.terms[0].Text, spec.Formula, spec.Name, want, err)
		}
		if again, err := ParseSpec(spec.Formula); err != nil || again.Formula != spec.Formula {
			t.Errorf("%s: %s reads back as %s, %v", in, spec.Formula, again.Formula, err)
		}
		list := Spec{Terms: []Term{{Kind: "contains", Weight: 1, Text: want.text}}}
		if err := list.Resolve(); err != nil || list.Formula != "1*"+want.formula {
			t.Errorf("%s: as a list %s, %v", in, list.Formula, err)
		}
	}
}

// Terms with different texts are different terms; a text does not hide what follows.
func TestTextsTellTermsApart(t *testing.T) {
	spec, err := ParseSpec(`0.5*contains("a b") + 0.2*contains( a b ) - 0.1*contains(b)*length + contains`)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"contains", "contains_2", "length", "contains_3"}; !slices.Equal(spec.Columns(), want) {
		t.Errorf("columns: got %q, want %q", spec.Columns(), want)
	}
	if want := `0.5*contains("a b")+0.2*contains(a b)-0.1*contains(b)*length+contains`; spec.Name != want {
		t.Errorf("name: got %s, want %s", spec.Name, want)
	}
}

func TestBadTexts(t *testing.T) {
	for in, want := range map[string]string{
		`contains()`:             `reward.contains.text: must not be empty (got "")`,
		`contains("")`:           `reward.contains.text: must not be empty (got "")`,
		`contains(' ')`:          `reward.contains.text: must not be empty (got " ")`,
		`contains("a)`:           `reward.contains.text: must end with its quote " (got "\"a)")`,
		`contains('a\')`:         ``,
		`contains("a\")`:         `reward.contains.text: must end with its quote " (got "\"a\\\")")`,
		`contains("\x")`:         `reward.contains.text: must have in "..." the escapes of JSON, \" \\ \n \u00e9; in '...' it stands as it is (got "\x")`,
		"contains(\"a\nb\")":     `reward.contains.text: must have in "..." the escapes of JSON, \" \\ \n \u00e9; in '...' it stands as it is (got "a b")`,
		`contains(a(b)`:          `reward.contains.text: must end with ")", its parentheses balanced, or stand in quotes (got "a(b)")`,
		`contains("a" b)`:        `reward: must have "," or ")" behind the text at character 14 (got "b)")`,
		`contains("a", b)`:       `reward: must have a parameter alpha=X, tau=X, m0=X, tol=X, target=X or no_clip at character 15 (got "b)")`,
		`contains("a", tau=1)`:   `reward.contains.tau: must not be set for contains (got 1)`,
		`contains(tau=1)`:        `reward.contains.tau: must not be set for contains (got 1)`,
		"contains(\"\xff\")":     `reward.contains.text: must be UTF-8 (got "\xff")`,
		`exact("a")`:             `reward: must have no text, which exact does not take, at character 7 (got "\"a\")")`,
		`contains("a")^2`:        ``,
		`contains^2`:             `reward.contains.alpha: must not be set for contains (got 2)`,
		`contains("a") contains`: `reward: must have an operator (+ - * ^ < >) at character 15 (got "contains")`,
		`regex`:                  `reward.regex.text: must be given, as in regex("...") (got "")`,
		`regex("")`:              `reward.regex.text: must not be empty (got "")`,
		`0.5*regex(a[)`:          `reward.regex.text: must be a regular expression (RE2): error parsing regexp: missing closing ]: ` + "`[`" + ` (got "a[")`,
		`regex('(?=a)')`:         `reward.regex.text: must be a regular expression (RE2): error parsing regexp: invalid or unsupported Perl syntax: ` + "`(?=`" + ` (got "(?=a)")`,
		"contains('" + strings.Repeat("\x01", 1000) + "')": `reward: must have at most 4000 characters in its plainest form (got 6012)`,
	} {
		_, err := ParseSpec(in)
		if want == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != want {
			t.Errorf("%.40s: got %v\nwant %s", in, err, want)
		}
	}
	for name, c := range map[string]struct {
		term Term
		want string
	}{
		"of no such kind": {Term{Kind: "exact", Weight: 1, Text: "a"}, `reward.terms[0].text: must not be set for exact (got "a")`},
		"blank":           {Term{Kind: "contains", Weight: 1, Text: " "}, `reward.terms[0].text: must not be empty (got " ")`},
		"long":            {Term{Kind: "contains", Weight: 1, Text: strings.Repeat("a", 4001)}, "reward.terms[0].text: must have at most 4000 characters (got 4001)"},
	} {
		if err := (Spec{Terms: []Term{c.term}}).Validate(); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v\nwant %s", name, err, c.want)
		}
	}
}
