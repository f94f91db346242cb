package chat

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// No template makes the parser or the renderer panic, hang or write broken text.
func FuzzTemplate(f *testing.F) {
	paths, err := filepath.Glob("testdata/templates/*.jinja")
	if err != nil || len(paths) == 0 {
		f.Fatalf("must have templates (got %v, %v)", paths, err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	for _, s := range []string{
		"{% raw %}{{ x }}{% endraw %}", "{{ [1, 2][::-1] | tojson(indent=2) }}", "{%- macro m(a, b=a) -%}{{ m(b) }}{%- endmacro -%}{{ m(1) }}",
		"{% set ns = namespace(x=[]) %}{% for i in range(9) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}", `{{ "\u00e9\x41\101" ~ 'a' 'b' }}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tpl, err := Parse(source)
		if err != nil {
			return
		}
		got, err := tpl.Render([]Message{{"user", "hi é"}, {"assistant", "x"}}, Options{Generation: true, Now: goldenNow})
		if err == nil && !utf8.ValidString(got) {
			t.Errorf("got %q, want UTF-8", got)
		}
	})
}

func FuzzVariables(f *testing.F) {
	f.Add(`{"enable_thinking": false, "x": [1, 2.5, null, {"a": "b"}]}`)
	f.Add("{")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := ParseVariables(text)
		if err != nil || v == nil {
			return
		}
		if _, err := variablesJSON(v); err != nil {
			t.Error(err)
		}
	})
}

// variablesJSON writes the variables back.
func variablesJSON(v *Variables) (value, error) {
	return tojsonFilter(nil, v.values, call{})
}
