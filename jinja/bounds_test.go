package jinja

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestBounds: a template that would run for ever or fill the memory is refused
// soon, by the bound that it runs into.
func TestBounds(t *testing.T) {
	repeat, many := strings.Repeat, 300_000
	if raceDetector { // which multiplies the time
		many = 30_000
	}
	loop := func(body string) string { return "{% for i in range(99999) %}" + body + "{% endfor %}" }
	shared := func(n string) string { // a list in a list in a list, each twice
		return "{% set " + n + " = namespace(l=[]) %}{% for i in range(90) %}{% set " + n + ".l = [" + n + ".l, " + n + ".l] %}{% endfor %}"
	}
	const big, list = "{% set s = 'x' * 4000000 %}", "{% set l = [1] * 1000000 %}"
	for _, tc := range []struct {
		name, source string
		want         *LimitError
	}{
		{"loops", loop(loop("")), errSteps},
		{"loops of text", loop("x"), nil}, // not hostile
		{"recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", errCalls},
		{"doubling text", "{% set ns = namespace(s='xx') %}" + loop("{% set ns.s = ns.s ~ ns.s %}"), errText},
		{"doubling list", "{% set ns = namespace(s=[1]) %}" + loop("{% set ns.s = ns.s + ns.s %}"), errSteps},
		{"nesting", "{% set ns = namespace(l=[]) %}{% for i in range(600) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}", errNesting},
		{"nested JSON", "{% set ns = namespace(l=[]) %}{% for i in range(600) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l | tojson }}", errNesting},
		{"sharing", shared("n") + "{{ n.l }}", errSteps},
		{"sharing in text", shared("n") + "{{ n.l ~ n.l }}", errSteps},
		{"sharing in JSON", shared("n") + "{{ n.l | tojson }}", errSteps},
		{"sharing in join", shared("n") + "{{ n.l | join }}", errSteps},
		{"comparing", shared("a") + shared("b") + "{{ a.l == b.l }}", errSteps},
		{"searching", shared("a") + shared("b") + "{{ a.l in [b.l] }}", errSteps},
		{"missing items", shared("a") + loop("{% set x = d[a.l] %}"), errSteps},
		{"repeating", loop("{{ 'x' * 4000000 }}"), errOutput},
		{"output", loop("{{ 'x' * 1000 }}"), errOutput},
		{"captured output", "{% set c %}" + loop(repeat("x", 100)) + "{% endset %}", errOutput},
		{"reading", big + loop("{% set t = s | trim %}"), errSteps},
		{"constants", loop("{% if '" + repeat("x", 9000) + "' == '" + repeat("x", 9000) + "' %}{% endif %}"), errSteps},
		{"long text", "{% macro m(n) %}" + repeat("x", 900000) + "{{ m(n) }}{% endmacro %}{{ m(1) }}", errSteps},
		{"mapping", "{% set l = ['x' * 4000000] * 1000000 %}{% for x in l | map('upper') %}{% endfor %}", errSteps},
		{"mapping attributes", "{% set l = [{}] * 1000000 %}{{ l | map(attribute='a' * 1000000) | list }}", errSteps},
		{"selecting", "{% set l = ['x' * 4000000] * 1000000 %}{{ l | select('in', 'x') | list | length }}", errSteps},
		{"unique", "{% set l = ['x' * 4000000] * 1000000 %}{{ l | unique | list }}", errSteps},
		{"joining", "{% set l = ['x' * 4000000] * 1000000 %}{{ l | join }}", errText},
		{"joining by a method", "{% set l = ['x' * 4000000] * 1000000 %}{{ ''.join(l) }}", errText},
		{"separator", list + "{{ l | join('x' * 100) }}", errSteps},
		{"characters", big + "{% for c in s %}{% endfor %}", errItems},
		{"characters in a list", big + "{{ s | list }}", errItems},
		{"splitting", big + "{{ s.split('x') }}", errItems},
		{"splitting at spaces", "{{ ('x ' * 2000000).split() }}", errItems},
		{"lines", "{{ ('\\n' * 4000000).splitlines() }}", errItems},
		{"replacing", big + "{{ s | replace('x', 'xx') }}", errText},
		{"indenting", "{{ ('\\n' * 1000000) | indent(1000) }}", errText},
		{"indent of JSON", big + "{{ [[[1]]] | tojson(indent=s) }}", errText},
		{"separator of JSON", big + "{{ [1, 2, 3] | tojson(separators=(s, s)) }}", errText},
		{"lists", list + "{% set m = l + l %}", errSteps},
		{"list times", list + "{{ l * 2 }}", errItems},
		{"dicts", "{% set d = dict(a=1) %}{% set n = namespace(d={" + keys(5000) + "}) %}" + loop("{% set n.d = dict(n.d) %}"), errSteps},
		{"names", loop("{% if 0 %}" + names(5000) + "{% endif %}"), errSteps},
		{"brackets", "{{ " + repeat("(", 5000) + "1" + repeat(")", 5000) + " }}", errDepth},
		{"signs", "{{ " + repeat("-", many/3) + "1 }}", errDepth},
		{"nots", "{{ " + repeat("not ", many/3) + "1 }}", errDepth},
		{"ifs", repeat("{% if 1 %}", 5000) + repeat("{% endif %}", 5000), errDepth},
		{"elifs", "{% if 0 %}" + repeat("{% elif 0 %}", 5000) + "{% endif %}", errDepth},
		{"sums", "{{ 1" + repeat("+1", many) + " }}", errChain},
		{"ands", "{{ 1" + repeat(" and 1", many/3) + " }}", errChain},
		{"conditions", "{{ 1" + repeat(" if 1", many/3) + " }}", errChain},
		{"attributes", "{{ x" + repeat(".x", many) + " }}", errChain},
		{"filters", "{{ x" + repeat("|d", many) + " }}", errChain},
		{"arguments", "{{ dict(" + repeat("1,", many) + ") }}", errArgs},
		{"parameters", "{% macro m(" + keywordsList(1000) + ") %}{% endmacro %}", errArgs},
		{"source", repeat("x", maxSource+1), &LimitError{"bytes", maxSource}},
		{"literals", "{{ " + repeat("'a'", many) + " }}", nil},
		{"branches", names(20000) + repeat("{% if 1 %}{% endif %}", 20000), nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			tpl, err := Parse(tc.source)
			if err == nil {
				_, err = tpl.Render(conversation("x"), Vars{"d": Dict()})
			}
			runtime.ReadMemStats(&after)
			var limit *LimitError
			switch {
			case tc.want == nil && err != nil:
				t.Errorf("got %v", err)
			case tc.want != nil && (!errors.As(err, &limit) || *limit != *tc.want):
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if took := time.Since(start); took > 20*time.Second && !raceDetector {
				t.Errorf("took %v", took)
			}
			if made := (after.TotalAlloc - before.TotalAlloc) >> 20; made > 800 && !raceDetector {
				t.Errorf("made %d MiB", made)
			}
		})
	}
}

// keys, names and keywordsList write n different ones.
func keys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("'" + word(i) + "': 1, ")
	}
	return b.String()
}

func names(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("{% set " + word(i) + " = 1 %}")
	}
	return b.String()
}

func keywordsList(n int) string {
	var all []string
	for i := range n {
		all = append(all, word(i)+"=1")
	}
	return strings.Join(all, ", ")
}

// word is a name for a number.
func word(i int) string {
	return "v" + strings.NewReplacer("0", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7", "h", "8", "i", "9", "j").Replace(itoa(i))
}

func itoa(i int) string {
	s, _ := new(meter).text(int64(i))
	return s
}
