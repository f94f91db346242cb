package jinja

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// No template makes the parser or the renderer panic, hang or write broken text.
func FuzzTemplate(f *testing.F) {
	paths, err := filepath.Glob("../tokenizer/chat/testdata/templates/*.jinja")
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
		got, err := tpl.Render(standard, conversation("hi é", "x"))
		if err == nil && !utf8.ValidString(got) {
			t.Errorf("got %q, want UTF-8", got)
		}
	})
}

// conversation are the variables of a chat template, user and assistant in turn.
func conversation(contents ...string) Vars {
	var all []Value
	for i, text := range contents {
		all = append(all, Dict(Pair{"role", [2]string{"user", "assistant"}[i%2]}, Pair{"content", text}))
	}
	return Vars{"messages": List(all...), "add_generation_prompt": true}
}

// Variables are an error or can be written back.
func FuzzVars(f *testing.F) {
	f.Add(`{"enable_thinking": false, "x": [1, 2.5, null, {"a": "b"}]}`)
	f.Add("{")
	f.Fuzz(func(t *testing.T, text string) {
		vars, err := ParseVars(text)
		if err != nil {
			return
		}
		for name, v := range vars {
			if _, err := tojsonFilter(new(renderer), v, call{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
