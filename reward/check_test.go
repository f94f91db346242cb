package reward

import (
	"strings"
	"testing"
	"time"

	"pgsrm/task"
)

func TestChecksByHand(t *testing.T) {
	const person = `json({"type":"object","required":["name"],"properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0}},"additionalProperties":false})`
	const tree = `json({"properties":{"of":{"items":{"$ref":"#"}},"n":{"type":"number"}}})`
	const twice = `json({"items":{"allOf":[{"minimum":0},{"maximum":9}]}})`
	for _, c := range []struct {
		term, response string
		want           float64
	}{
		{`regex("\\d+")`, "a 1", 1},
		{`regex('\d+')`, "a", 0},
		{`regex((?i)^yes\b)`, "Yes, sir", 1},
		{`regex('^"\*\*')`, `"**bold**"`, 1}, // as it is written
		{`regex('(?s)^<a>.*</a>$')`, "<a>\n</a>", 1},
		{"json", `{"a": [1, 2.5e3, "é\n", null, true]}`, 1},
		{"json", `"text"`, 1},
		{"json", " 1 ", 1},
		{"json", "```json\n{\"a\": 1}\n```", 1},
		{"json", "```\n[]\n```\n", 1},
		{"json", "```json\n{\"a\": 1}", 0},
		{"json", "Here: {}", 0},
		{"json", `{"a": 1} {}`, 0},
		{"json", `{"a": 1,}`, 0},
		{"json", `{'a': 1}`, 0},
		{"json", "NaN", 0},
		{"json", "\"\xff\"", 0},
		{"json", "1e999", 1},
		{"json", strings.Repeat("[", 100) + strings.Repeat("]", 100), 1},
		{"json", strings.Repeat("[", 101) + strings.Repeat("]", 101), 0},
		{"json", `"` + strings.Repeat("[", 101) + `"`, 1},
		{"json", `"` + strings.Repeat("a", maxJSON) + `"`, 0},
		{person, `{"name": "Ada", "age": 36}`, 1},
		{person, "```json\n{\"name\": \"Ada\"}\n```", 1},
		{person, `{"name": "Ada", "age": -1}`, 0},
		{person, `{"name": "Ada", "age": 1.0}`, 1},
		{person, `{"name": "Ada", "x": 1}`, 0},
		{person, `{"age": 36}`, 0},
		{person, `["name"]`, 0},
		{person, `{"name"`, 0},
		{tree, `{"of": [{"n": 1}, {"of": [{"n": 2}]}]}`, 1},
		{tree, `{"of": [{"n": 1}, {"of": [{"n": "2"}]}]}`, 0},
		{tree, `{"n": 1e999999}`, 0}, // no ordinary number
		{`json(true)`, "1", 1},
		{`json({"items":{"enum":[1,2]},"uniqueItems":true})`, "[1, 2]", 1},
		{`json({"items":{"enum":[1,2]},"uniqueItems":true})`, "[1, 1.0]", 0},
		{twice, "[1" + strings.Repeat(",1", 60_000) + "]", 1},
		{twice, "[1" + strings.Repeat(",1", 70_000) + "]", 0}, // 3 places each
	} {
		spec, err := ParseSpec(c.term)
		if err != nil {
			t.Errorf("%s: %v", c.term, err)
			continue
		}
		m, err := New(t.Context(), spec, mixing, answers, nil, matcher(func(*task.AnswerOptions) {})) // which takes out quotes
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Score(t.Context(), []Sample{{Response: c.response, Reference: "red"}})[0]; got.Err != nil || got.Reward != c.want {
			t.Errorf("%s of %.60q: got %v, %v, want %v", c.term, c.response, got.Reward, got.Err, c.want)
		}
	}
}

// A check sees the answer, not the response.
func TestChecksOfAnswers(t *testing.T) {
	spec, err := ParseSpec(`json + regex(^blue$) + numeric + rouge_l`)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(t.Context(), spec, mixing, answers, nil, matcher(func(o *task.AnswerOptions) { o.After = "Answer:" }))
	if err != nil {
		t.Fatal(err)
	}
	for response, want := range map[string]float64{"7 Answer: blue": 1, `no JSON Answer: {"red": 7}`: 1 + 1 + 2./3, "7": 0, "{}": 0, "Answer: ": 0} {
		if got := m.Score(t.Context(), []Sample{{Response: response, Reference: "7"}})[0]; got.Err != nil || got.Reward != want {
			t.Errorf("%q: got %v, %v, want %v", response, got.Reward, got.Terms, want)
		}
	}
}

func TestBadSchemas(t *testing.T) {
	levels := func(part string) string { // each level refers twice to the next
		var b strings.Builder
		b.WriteString(`{"$ref":"#/$defs/0","$defs":{`)
		for i := range 20 {
			b.WriteString(`"` + string(rune('0'+i)) + `":` + strings.ReplaceAll(part, "N", string(rune('1'+i))) + ",")
		}
		return b.String() + `"` + string(rune('0'+20)) + `":{"type":"string"}}}`
	}
	for schema, want := range map[string]string{
		`{`:                 "must be JSON, at most 100 deep, with numbers up to 1e400",
		`{"minimum":1e999}`: "must be JSON, at most 100 deep, with numbers up to 1e400",
		strings.Repeat(`{"not":`, 101) + "true" + strings.Repeat("}", 101): "must be JSON, at most 100 deep, with numbers up to 1e400",
		`{"type":"objec"}`:                          "at '/type': value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'",
		`{"properties":{"a":{"type":3}}}`:           "at '/properties/a/type': value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string'",
		`{"pattern":"("}`:                           "at '/pattern': '(' is not valid regex: error parsing regexp: missing closing ): `(`",
		`[]`:                                        "at '': got array, want boolean or object",
		`{"$ref":"#/$defs/a"}`:                      `json-pointer in "#/$defs/a" not found`,
		`{"$ref":"other.json"}`:                     "must name nothing outside of itself (other.json)",
		`{"$ref":"/etc/passwd"}`:                    "must name nothing outside of itself (etc/passwd)",
		`{"$ref":"file:///etc/passwd"}`:             "must name nothing outside of itself (file:///etc/passwd)",
		`{"$ref":"https://example.com/a"}`:          "must name nothing outside of itself (https://example.com/a)",
		`{"$schema":"http://example.com"}`:          "must name nothing outside of itself (http://example.com)",
		`{"$id":"http://a/b","$ref":"c"}`:           "must name nothing outside of itself (http://a/c)",
		`{"$ref":"#"}`:                              "must not refer to itself for the same value",
		`{"allOf":[{"not":{"$ref":"#"}}]}`:          "must not refer to itself for the same value",
		`{"$dynamicRef":"#a","$dynamicAnchor":"a"}`: "must not have $dynamicRef or $recursiveRef",
		levels(`{"anyOf":[{"$ref":"#/$defs/N"},{"$ref":"#/$defs/N"}]}`): "must not check one value in more than 1000 places",
		`{"items":{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}}`:               "must not check one value in more than 1000 places",
	} {
		_, err := jsonCheck(schema)
		got := ""
		if err != nil {
			got, _, _ = strings.Cut(err.Error(), " (got ")
		}
		if got != "must be a JSON schema: "+want {
			t.Errorf("%.80s: got %v\nwant %s", schema, err, want)
		}
	}
}

// Two long texts are compared in a moment, the rest of what is longer is left out.
func TestLongTextsAreBounded(t *testing.T) {
	a, b := strings.Repeat("ab ", 100_000), strings.Repeat("ba ", 100_000)
	start := time.Now()
	if got := levenshtein(a, b); got <= 0.3 || got >= 0.9 {
		t.Errorf("levenshtein: got %v", got)
	}
	if got := rougeL(a, b); got != 0 {
		t.Errorf("rouge_l: got %v", got)
	}
	if x := strings.Repeat("x", maxUnits); levenshtein(x+"a", x+"b") != 1 {
		t.Error("what stands behind the limit must not count")
	}
	t.Logf("%v", time.Since(start))
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2]}`, "```json\n{}\n```", `{"type":"object","properties":{"a":{"$ref":"#"}}}`, `{"anyOf":[{"type":"string"},{"minimum":1e3}]}`,
		`{"$defs":{"a":{"items":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/a"}`, `{"patternProperties":{"^a":{"uniqueItems":true}},"unevaluatedProperties":false}`} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, schema, answer string) {
		if schema == "" {
			return
		}
		if allows, err := jsonCheck(schema); err == nil {
			any, _ := jsonCheck("")
			if allows(answer) > any(answer) {
				t.Errorf("%q allows %q, which is no JSON", schema, answer)
			}
		} else if strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%q: %v is not one line", schema, err)
		}
	})
}
