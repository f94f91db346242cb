package jinja

import (
	"strings"
	"testing"
	"time"
)

// A template that would run for ever, or fill the memory, is refused soon.
func TestBounds(t *testing.T) {
	loop := "{% for i in range(99999) %}"
	for name, source := range map[string]string{
		"loops":       loop + loop + "{% endfor %}{% endfor %}",
		"recursion":   "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"doubling":    "{% set ns = namespace(s='xx') %}" + loop + "{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		"nesting":     "{% set ns = namespace(l=[]) %}" + loop + "{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
		"sharing":     "{% set ns = namespace(l=[]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
		"shared JSON": "{% set ns = namespace(l=[]) %}{% for i in range(90) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
		"comparing":   "{% set n = namespace(a=[], b=[]) %}{% for i in range(90) %}{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
		"repeating":   "{% for i in range(99999) %}{{ 'x' * 4000000 }}{% endfor %}",
		"reading":     "{% set s = 'x' * 4000000 %}" + loop + "{% set t = s | trim %}{% endfor %}",
		"brackets":    "{{ " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + " }}",
		"signs":       "{{ " + strings.Repeat("-", 100000) + "1 }}",
		"nots":        "{{ " + strings.Repeat("not ", 100000) + "1 }}",
		"ifs":         strings.Repeat("{% if 1 %}", 5000) + strings.Repeat("{% endif %}", 5000),
		"elifs":       "{% if 0 %}" + strings.Repeat("{% elif 0 %}", 5000) + "{% endif %}",
		"source":      strings.Repeat("x", maxSource+1),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			tpl, err := Parse(source)
			if err == nil {
				_, err = tpl.Render(conversation("x"))
			}
			if err == nil {
				t.Error("got no error")
			}
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}
