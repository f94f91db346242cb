package task

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pgsrm/config"
)

// normalizing are the options of a real language model.
func normalizing(change func(*AnswerOptions)) AnswerOptions {
	o := DefaultAnswerOptions()
	o.Normalize = "on"
	if change != nil {
		change(&o)
	}
	return o
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"cold":                          "cold",
		`"cold."`:                       "cold",
		`"cold".`:                       "cold",
		"“Cold!”":                       "Cold",
		"„kalt“":                        "kalt",
		"«froid»…":                      "froid",
		"'cold'":                        "cold",
		"‘cold’":                        "cold",
		`"cold`:                         "cold",
		"don't":                         "don't",
		"don’t":                         "don't",
		"the dogs' bowl":                "the dogs bowl",
		`it is the "cold" one.`:         "it is the cold one",
		"**cold**":                      "cold",
		"**cold.**":                     "cold",
		"***cold***":                    "cold",
		"_cold_":                        "cold",
		"__cold__":                      "cold",
		"*cold*":                        "cold",
		"~~cold~~":                      "cold",
		"**_cold_**":                    "cold",
		"** cold **":                    "cold",
		"**cold":                        "cold",
		"`cold`":                        "cold",
		"# cold":                        "cold",
		"### **cold**":                  "cold",
		"- cold":                        "cold",
		"* cold":                        "cold",
		"1. cold":                       "cold",
		"2) cold":                       "cold",
		"> cold":                        "cold",
		"- **cold**":                    "cold",
		"```\ncold\n```":                "cold",
		"```python\nprint(1)\n```":      "print(1)",
		"```cold":                       "cold",
		"```cold```":                    "cold",
		"- red\n- blue":                 "red\nblue",
		"cold ?!":                       "cold",
		"冷たい。":                          "冷たい",
		"2*3":                           "2*3",
		"2 * 3":                         "2 * 3",
		"snake_case":                    "snake_case",
		"~5":                            "~5",
		"-5":                            "-5",
		"3.5":                           "3.5",
		"1.":                            "1",
		"#1":                            "#1",
		"f(x)":                          "f(x)",
		"a, b":                          "a, b",
		"":                              "",
		" ":                             "",
		"...":                           "...",
		`"`:                             `"`,
		"*":                             "*",
		"\"- cold\"":                    "cold",
		"'1'. cold":                     "cold",
		"The cat is good.":              "The cat is good",
		"He said \"no\", then \"yes\".": "He said no, then yes",
	} {
		if got := normalizing(nil).clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// Each member takes out its own kind alone.
func TestCleanByMember(t *testing.T) {
	const in = "- **\"The cold.\"**"
	for name, c := range map[string]struct {
		keep func(*AnswerOptions)
		want string
	}{
		"nothing":     {func(o *AnswerOptions) { *o = AnswerOptions{Normalize: "on"} }, "- **\"the cold.\"**"},
		"quotes":      {func(o *AnswerOptions) { *o = AnswerOptions{StripQuotes: true} }, "- **the cold.**"},
		"markdown":    {func(o *AnswerOptions) { *o = AnswerOptions{StripMarkdown: true} }, "\"the cold.\""},
		"punctuation": {func(o *AnswerOptions) { *o = AnswerOptions{StripPunctuation: true} }, "- **\"the cold.\"**"},
		"all":         {func(*AnswerOptions) {}, "cold"},
		"no articles": {func(o *AnswerOptions) { o.StripArticles = false }, "the cold"},
	} {
		if got := normalizing(c.keep).normalize(in); got != c.want {
			t.Errorf("%s: normalize(%q) = %q, want %q", name, in, got, c.want)
		}
	}
}

func TestArticles(t *testing.T) {
	for in, want := range map[string]string{
		"The cat": "cat", "a  cat and an owl": "cat and owl", "A": "a", "the": "the", "(A)": "(a)", "another": "another", "The.": "the", "the, cold": "cold",
	} {
		if got := normalizing(nil).normalize(in); got != want {
			t.Errorf("normalize(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestMatcher(t *testing.T) {
	for _, c := range []struct {
		response, reference string
		accepted            []string
		strict, normalized  bool
	}{
		{"cold", "cold", nil, true, true},
		{`"cold."`, "cold", nil, false, true},
		{"cold", `"Cold."`, nil, false, true},
		{"**a cold**", "cold", nil, false, true},
		{"chilly!", "cold", []string{"Chilly"}, false, true},
		{"warm", "cold", nil, false, false},
		{"", "cold", nil, false, false},
		{"", "", nil, false, false},
		{`""`, "cold", []string{""}, false, false},
		{"B.", "b", nil, false, true},
	} {
		on, off := normalizing(nil).Matcher(), DefaultAnswerOptions().Matcher()
		for name, m := range map[string]*Matcher{"on": on, "off": off, "nil": nil} {
			if got := m.Strict(c.response, c.reference, c.accepted); got != c.strict {
				t.Errorf("%s: Strict(%q, %q) = %t", name, c.response, c.reference, got)
			}
			if got := m.Normalized(c.response, c.reference, c.accepted); got != c.normalized {
				t.Errorf("%s: Normalized(%q, %q) = %t", name, c.response, c.reference, got)
			}
		}
		if got := on.Exact(c.response, c.reference, c.accepted); got != c.normalized {
			t.Errorf("Exact(%q, %q) = %t with normalize on", c.response, c.reference, got)
		}
		if got := off.Exact(c.response, c.reference, c.accepted); got != c.strict {
			t.Errorf("Exact(%q, %q) = %t with normalize off", c.response, c.reference, got)
		}
	}
}

func TestExtract(t *testing.T) {
	for _, c := range []struct {
		name     string
		options  func(*AnswerOptions)
		in, want string
	}{
		{"after", func(o *AnswerOptions) { o.After = "####" }, "2+2=4\n#### 4", "4"},
		{"after the last", func(o *AnswerOptions) { o.After = "Answer:" }, "Answer: no. Answer: yes", "yes"},
		{"after none", func(o *AnswerOptions) { o.After = "####" }, "4", ""},
		{"first line", func(o *AnswerOptions) { o.FirstLine = true }, "\n \n cold \nthe end", "cold"},
		{"first line in a block", func(o *AnswerOptions) { o.FirstLine = true }, "```text\ncold\n```", "cold"},
		{"first line of none", func(o *AnswerOptions) { o.FirstLine = true }, " \n", ""},
		{"pattern", func(o *AnswerOptions) { o.Pattern = `\\boxed\{([^}]*)\}` }, `so \boxed{7} holds`, "7"},
		{"pattern without a group", func(o *AnswerOptions) { o.Pattern = `[A-D]\b` }, "it is B or C", "B"},
		{"pattern whose group is empty", func(o *AnswerOptions) { o.Pattern = `x(y)?` }, "xz", ""},
		{"pattern none", func(o *AnswerOptions) { o.Pattern = `[A-D]` }, "none", ""},
		{"all in order", func(o *AnswerOptions) {
			o.After, o.FirstLine, o.Pattern, o.LastNumber = "Answer:", true, `(.*) apples`, true
		}, "7\nAnswer:\n 1 and 12 apples, 5 pears\n9 apples", "12"},
		{"the number before the marker", func(o *AnswerOptions) { o.After, o.LastNumber = "####", true }, "5 #### none", ""},
	} {
		o := DefaultAnswerOptions()
		c.options(&o)
		if got := o.Matcher().Answer(c.in); got != c.want {
			t.Errorf("%s: the answer in %q is %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestLastNumber(t *testing.T) {
	for in, want := range map[string]string{
		"72": "72", "72.0": "72", "$1,234.50": "1234.5", "12,345,678": "12345678", "1,2": "2", "1,2345": "2345",
		"from 10-5": "5", "it is -5": "-5", "−5": "-5", "$-5": "-5", "-$5": "-5", "-0.0": "0", "007": "7", ".5": "0.5",
		"50%": "50", "3 or 4.": "4", "x2": "2", "(3)-2": "2", "none": "", "": "",
	} {
		got, ok := lastNumber(in)
		if got != want || ok != (want != "") {
			t.Errorf("lastNumber(%q) = %q, %t, want %q", in, got, ok, want)
		}
	}
}

// What is taught has the answer of the reference, or is refused.
func TestTarget(t *testing.T) {
	for _, c := range []struct {
		options         func(*AnswerOptions)
		reference, want string
		ok              bool
	}{
		{func(o *AnswerOptions) {}, `**"Cold."**`, `**"Cold."**`, true},
		{func(o *AnswerOptions) { o.FirstLine = true }, "\ncold\nas ice", "cold", true},
		{func(o *AnswerOptions) { o.After = "####" }, "72", "#### 72", true},
		{func(o *AnswerOptions) { o.After, o.FirstLine = "####", true }, "48+24=72\n#### 72\nthat is all", "48+24=72\n#### 72\nthat is all", true},
		{func(o *AnswerOptions) { o.LastNumber = true }, "seven", "seven", false},
		{func(o *AnswerOptions) { o.Pattern = `<(.*)>` }, "seven", "seven", false},
		{func(o *AnswerOptions) { o.Pattern = `<(.*)>` }, "<7>", "<7>", true},
	} {
		m := normalizing(c.options).Matcher()
		got, ok := m.Target(c.reference)
		if got != c.want || ok != c.ok {
			t.Errorf("%q is taught as %q, %t, want %q, %t", c.reference, got, ok, c.want, c.ok)
		}
		if ok && !m.Strict(got, c.reference, nil) {
			t.Errorf("%q is taught as %q, which is not right", c.reference, got)
		}
	}
	var none *Matcher
	if got, ok := none.Target("x\ny"); got != "x\ny" || !ok {
		t.Errorf("without options a reference is taught as it is (got %q)", got)
	}
}

// A reference need not be written as a response is asked for.
func TestReferenceStandsWhole(t *testing.T) {
	o := DefaultAnswerOptions()
	o.After, o.LastNumber = "####", true
	m := o.Matcher()
	for in, want := range map[string]string{"72": "72", "72.0 apples": "72", "48+24=72 #### 72.0": "72", "none": "none"} {
		if got := m.Reference(in); got != want {
			t.Errorf("the answer in the reference %q is %q, want %q", in, got, want)
		}
	}
	if !m.Exact("so 1,072 #### 1,072.0", "1 #### 1072", nil) || m.Exact("72", "72", nil) {
		t.Error("a response needs the marker, and numbers are compared by their value")
	}
	if !m.Agree("72", "#### 72.0", nil) || m.Agree("71", "72", nil) {
		t.Error("what the parent says needs no marker")
	}
	if !m.OfAnswers().Exact("72", "72", nil) {
		t.Error("an answer needs no marker")
	}
}

func TestAnswerRules(t *testing.T) {
	for want, o := range map[string]AnswerOptions{
		"": DefaultAnswerOptions(),
		`answer.normalize: must be one of auto, on, off (got "yes")`:                                                     {Normalize: "yes"},
		"answer.after: must have at most 200 characters (got 201)":                                                       {Normalize: "on", After: strings.Repeat("#", 201)},
		"answer.pattern: must have at most 1000 characters (got 1001)":                                                   {Normalize: "on", Pattern: strings.Repeat("a", 1001)},
		"answer.pattern: must be a regular expression (RE2): error parsing regexp: missing closing ): `(a` (got \"(a\")": {Normalize: "on", Pattern: "(a"},
	} {
		err := config.Check(struct {
			Answer AnswerOptions `yaml:"answer"`
		}{o})
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// marked draws texts full of what the options are about.
func marked() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{
		"cold", "A", "the", "don't", " ", "\n", "*", "**", "_", "~~", "`", "```", "\"", "'", "’", "“", ".", "!", "- ", "# ", "> ", "1. ", "12)", "x", "é", "。", "\t",
	})
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.OneOf(piece, piece, rapid.String()), 0, 12).Draw(t, "pieces"), "")
	})
}

// Normalising twice is normalising once, keeps something of every answer that has
// something, and does not depend on case and white space.
func TestNormalizeAnswerProperties(t *testing.T) {
	o := normalizing(nil)
	rapid.Check(t, func(t *rapid.T) {
		s := marked().Draw(t, "answer")
		checkNormalized(t, o, s)
	})
}

// However many marks an answer has, few passes clean it: the time is that of its length.
func TestCleanTakesFewPasses(t *testing.T) {
	o := normalizing(nil)
	count := func(s string) int {
		s = strings.Map(plainSpace, strings.TrimSpace(s))
		for n := 1; ; n++ {
			next := o.cleanOnce(s)
			if next == s || next == "" {
				return n
			}
			s = next
		}
	}
	if s := "x" + strings.Repeat("? a", 1<<18); o.normalize(s) != "x" { // minutes, article by article
		t.Error("articles with punctuation are left")
	}
	for _, unit := range []string{" ~```.'", "_\n\u00a0", "*• \u00a0_ \u00a0", "\n`\u00a0#", "x *. ", "- .", "'1'. "} {
		if n := count("x" + strings.Repeat(unit, 100)); n > 5 {
			t.Errorf("%q a hundred times takes %d passes", unit, n)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		unit := marked().Draw(t, "unit")
		if n := count("x" + strings.Repeat(unit, 20)); n > 5 {
			t.Fatalf("%q twenty times takes %d passes", unit, n)
		}
	})
}

func checkNormalized(t interface{ Fatalf(string, ...any) }, o AnswerOptions, s string) {
	cleaned := o.clean(s)
	if again := o.clean(cleaned); again != cleaned {
		t.Fatalf("clean(%q) = %q, and again %q", s, cleaned, again)
	}
	once := o.normalize(s)
	if again := o.normalize(once); again != once {
		t.Fatalf("normalize(%q) = %q, and again %q", s, once, again)
	}
	if (once == "") != (strings.TrimSpace(s) == "") {
		t.Fatalf("normalize(%q) = %q", s, once)
	}
	if Exact(s, s, nil) && !o.Matcher().Normalized(s, s, nil) {
		t.Fatalf("%q is not right against itself", s)
	}
}

func FuzzNormalizeAnswer(f *testing.F) {
	for _, s := range []string{"cold", `"cold."`, "```\n**x**\n```", "- * x", "x *.", "'1'. x", "a'\"b", "\xff\"", "The a"} {
		f.Add(s)
	}
	o := normalizing(nil)
	f.Fuzz(func(t *testing.T, s string) { checkNormalized(t, o, s) })
}

func FuzzExtract(f *testing.F) {
	f.Add("####", `(\d+)`, "so 7 #### 8\n9")
	f.Fuzz(func(t *testing.T, after, pattern, text string) {
		o := normalizing(func(o *AnswerOptions) { o.After, o.Pattern, o.FirstLine = after, pattern, true })
		if config.Check(o) != nil {
			return
		}
		m := o.Matcher()
		if taught, ok := m.Target(text); ok && m.Answer(taught) != m.Reference(text) {
			t.Fatalf("%q is taught as %q", text, taught)
		}
		if a := m.Answer(text); !strings.Contains(text, a) || strings.Contains(a, "\n") {
			t.Fatalf("the answer in %q is %q", text, a)
		}
		o.LastNumber = true
		if a := o.Matcher().Answer(text); a != "" && o.Matcher().Reference(a+"x") == "" {
			t.Fatalf("number %q", a)
		}
	})
}
