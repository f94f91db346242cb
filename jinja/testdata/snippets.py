"""Writes snippets.json: what transformers makes of small templates.

python snippets.py [SEED COUNT] > snippets.json    (transformers 5.24, jinja2 3.1.6)

"hand" are written by hand: we must agree, errors included; "refuse" we must
refuse. "random" are drawn: we must agree or refuse.
"""
import copy, json, random, sys
from transformers.utils import chat_template_utils as ct

context = {
    "s": "Hello, World", "e": "", "u": "aé \U0001f600\u00a0", "w": "  x y\n", "n": 3, "z": 0, "neg": -7, "f": 2.5, "big": 1e16, "small": 0.00001,
    "t": True, "no": False, "nil": None, "l": [3, "a", None, 2.0, [1]], "el": [], "ss": ["b", "A", "b", "c"],
    "d": {"k": "v", "items": 1, "n": {"m": [1, 2]}}, "ed": {}, "ms": [{"r": "u", "c": "x"}, {"r": "a", "c": "y", "x": 1}, {"r": "u", "c": ""}],
    "q": "it's", "qq": "say \"it's\" \\ \x01\x7f\u200b\n\t", "given": "G", "html": "<b>&</b>",
}
hand = r"""
{{ s }}|{{ e }}|{{ u }}|{{ n }}|{{ f }}|{{ big }}|{{ small }}|{{ t }}|{{ nil }}|{{ l }}|{{ d }}|{{ missing }}
{{ [q, qq, u, html] }}
{{ (1,) }}{{ () }}{{ (1, 2) }}{{ 1, 2 }}{{ [] }}{{ {} }}{{ [(), [missing]] }}
{{ 1 + 2 * 3 ** 2 }}|{{ 7 // 2 }}|{{ neg // 2 }}|{{ neg % 3 }}|{{ 7 / 2 }}|{{ 6 / 3 }}|{{ -2 ** 2 }}|{{ 2 ** 3 ** 2 }}|{{ -n }}|{{ +f }}
{{ 0.1 + 0.2 }}|{{ 1e3 }}|{{ 1.5e-7 }}|{{ 1_000 }}|{{ 0x1f }}|{{ 0b11 }}|{{ 0o17 }}|{{ 1e16 }}|{{ 123456789012345.0 }}|{{ 100.0 * 3 }}
{{ t + 1 }}|{{ t * 2 }}|{{ t == 1 }}|{{ 1 == 1.0 }}|{{ "1" == 1 }}|{{ nil == false }}|{{ [1] == (1,) }}|{{ [1, true] == [1.0, 1] }}|{{ {"a": 1} == {"a": 1.0} }}
{{ "a" + "b" }}|{{ "a" * 3 }}|{{ 2 * "ab" }}|{{ [1] + [2] }}|{{ [0] * 2 }}|{{ (1,) + (2,) }}|{{ "a" ~ 1 ~ none ~ missing ~ 2.0 }}
{{ "a" + 1 }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ missing + 1 }}
{{ missing.x }}
{{ missing == missing2 }}|{{ missing == none }}|{{ not missing }}|{{ missing or 1 }}|{{ missing and 1 }}|{{ missing | length }}|{{ missing | list }}
{{ missing < 1 }}
{{ 1 < "a" }}
{{ none < 1 }}
{{ 1 < 2 < 3 }}|{{ 1 < 3 < 2 }}|{{ 1 == 1 != 2 }}|{{ "a" < "b" }}|{{ 1 < 2.5 }}|{{ t > 0 }}
{{ 1 in l }}|{{ "a" in l }}|{{ none in l }}|{{ 2 in l }}|{{ [1] in l }}|{{ "ell" in s }}|{{ "" in s }}|{{ "k" in d }}|{{ "v" not in d }}|{{ 1 in missing }}|{{ not "k" in d }}
{{ 1 in "abc" }}
{{ 1 in 2 }}
{{ s[0] }}|{{ s[-1] }}|{{ s[100] }}|{{ u[3] }}|{{ s[1:3] }}|{{ s[::-1] }}|{{ s[:-1] }}|{{ s[-3:] }}|{{ s[::2] }}|{{ s[5:1:-1] }}|{{ s[10:100] }}|{{ s[100:] }}|{{ s[:] }}|{{ u[1:] }}
{{ l[0] }}|{{ l[-1] }}|{{ l[9] }}|{{ l[1:] }}|{{ l[::-1] }}|{{ (1,2,3)[1:] }}|{{ l[true] }}|{{ l["x"] }}|{{ l.0 }}|{{ l[4][0] }}
{{ d.k }}|{{ d["k"] }}|{{ d["items"] }}|{{ d.n.m }}|{{ d.n.m[1] }}|{{ d.none }}|{{ d[0] }}|{{ none.x }}|{{ none["x"] }}|{{ n.x }}|{{ s.x }}
{{ none.x.y }}
{{ d.items() | list }}|{{ d.keys() | list }}|{{ d.values() | list }}|{{ d.get("k") }}|{{ d.get("x") }}|{{ d.get("x", 5) }}|{{ d | items | list }}|{{ d | list }}|{{ d | length }}
{{ "k" in d.keys() }}|{{ 1 in d.values() }}|{{ d.items() | length }}
{{ ed.items is defined }}|{{ ed["items"] is defined }}|{{ ed["nokey"] is defined }}|{{ s.upper is defined }}|{{ s.upper is callable }}
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in u %}[{{ c }}]{% endfor %}{% for x in missing %}x{% else %}none{% endfor %}
{% for x in 3 %}{% endfor %}
{% for a, b in [(1, 2), [3, 4], "xy"] %}{{ a }}{{ b }},{% endfor %}
{% for a, b in [(1, 2, 3)] %}{% endfor %}
{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}
{% for x in ss %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}
{% for x in ss %}{% for y in [1, 2] %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}
{% for x in l if x %}{{ x }}{{ loop.length }},{% endfor %}{% for x in l if x is none and true %}N{% else %}E{% endfor %}
{% for x in [1,2,3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}{% for x in [1,2,3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% else %}E{% endfor %}{% for x in [1] %}{% break %}{% else %}E{% endfor %}{% for x in [1] %}{% continue %}{% else %}E{% endfor %}
{% for x in range(3) %}{{ x }}{% endfor %}{% for x in range(1, 10, 4) %}{{ x }}{% endfor %}{% for x in range(3, 0, -1) %}{{ x }}{% endfor %}{{ range(4) | list }}{{ range(0) | list }}
{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}
{% set given = 2 %}{{ given }}
{{ given }}{% set given = 2 %}{{ given }}
{% if no %}{% set given = 2 %}{% endif %}{{ given }}
{% for i in [1] %}{{ given }}{% endfor %}{% set given = 2 %}{{ given }}
{% for i in [1] %}{% set given = 3 %}{{ given }}{% endfor %}{{ given }}
{% for i in [1, 2] %}{% if i == 2 %}{{ given }}{{ x }}{% endif %}{% set given = 3 %}{% set x = 4 %}{{ given }}{% endfor %}{{ given }}{{ x }}
{% for i in [1, 2] %}{% if i == 1 %}{% set y = 3 %}{% endif %}{{ y }}|{% endfor %}{{ y }}
{% for i in [1, 2] %}{% if i == 2 %}{% set given = 3 %}{% endif %}{{ given }}|{% endfor %}{{ given }}
{% macro m() %}{{ x }}{{ given }}{% endmacro %}{{ m() }}{% set x = 1 %}{{ m() }}{% set x = 2 %}{{ m() }}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}|{{ m(1, 3) }}|{{ m(1, c=5) }}|{{ m() }}|{{ m(a=1, b=missing) }}|{{ m(none) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}
{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}{{ m(2) | length }}{{ m(1) is string }}
{% macro m(x) %}{% set x = x ~ "!" %}{% set given = 5 %}{{ x }}{{ given }}{% endmacro %}{{ m("a") }}{{ given }}{{ x }}
{% set ns = namespace(a=1, b=[]) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% set ns.b = ns.b + [i] %}{% set ns.c = i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns.c }}{{ ns.x }}{{ ns["a"] }}{{ ns.x is defined }}
{% set ns = namespace({"a": 1}, b=2) %}{{ ns.a }}{{ ns.b }}
{% set ns = namespace(_a=1) %}
{% set d.k = 1 %}
{% set x %}a {{ n }} b{% endset %}{{ x }}|{% set y | upper | trim %}  a {% endset %}{{ y }}|{{ x is string }}
{% set x %}{% set inner = 1 %}{{ inner }}{% endset %}{{ inner }}{{ x }}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set a, b = b, a %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}{% set (p, q) = "xy" %}{{ p }}{{ q }}
{% set a, b = 1 %}
{% with a = 1, b = n %}{{ a }}{{ b }}{% set c = 5 %}{{ c }}{% endwith %}{{ a }}{{ c }}{% with %}{{ n }}{% endwith %}
{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% generation %}a{% set g = 1 %}{{ g }}{% endgeneration %}{{ g }}
{{ "a" if t }}|{{ "a" if no }}|{{ "a" if no else "b" }}|{{ "a" if no else "b" if no else "c" }}|{{ ("a" if no) is defined }}|{{ 1 if t else missing.x }}
{% if l %}a{% endif %}{% if el %}b{% elif ed %}c{% elif s %}d{% else %}e{% endif %}{% if missing %}f{% else %}g{% endif %}{% if 0.0 %}h{% endif %}{% if not no %}i{% endif %}{% if namespace() %}j{% endif %}
{{ t and s }}|{{ e or n }}|{{ not e }}|{{ no or none }}|{{ 1 and 2 or 3 }}|{{ not 1 == 2 }}|{{ t or missing.x }}
{{ s.upper() }}|{{ s.lower() }}|{{ w.strip() }}|{{ w.lstrip() }}|{{ w.rstrip() }}|{{ s.strip("Hd") }}|{{ s.lstrip("leH") }}|{{ u.strip() }}|{{ s.title() }}|{{ "heLLo wORLD's x1y".title() }}|{{ "heLLo".capitalize() }}
{{ s.split(",") }}|{{ s.split() }}|{{ s.split("l", 1) }}|{{ w.split() }}|{{ w.split(none, 1) }}|{{ e.split() }}|{{ e.split(",") }}|{{ s.rsplit("l", 1) }}|{{ s.split("o")[-1] }}|{{ "a\nb\r\nc\n".splitlines() }}|{{ s.split(maxsplit=1) }}
{{ s.split("") }}
{{ s.replace("l", "L") }}|{{ s.replace("l", "L", 1) }}|{{ s.replace("", "-") }}|{{ s.startswith("He") }}|{{ s.endswith(("x", "ld")) }}|{{ s.find("o") }}|{{ s.rfind("o") }}|{{ s.find("zz") }}|{{ s.count("l") }}|{{ u.find("\u00a0") }}|{{ s.removeprefix("He") }}|{{ s.removesuffix("ld") }}|{{ ", ".join(ss) }}
{{ ", ".join(l) }}
{{ w | trim }}|{{ u | trim }}|{{ n | trim }}|{{ s | trim("Hd") }}|{{ s | upper }}|{{ s | lower }}|{{ "aB cD-eF(gh" | title }}|{{ "hELLO wORLD" | capitalize }}|{{ missing | upper }}|{{ none | lower }}
{{ s | length }}|{{ l | length }}|{{ d | count }}|{{ u | length }}|{{ n | string }}|{{ l | string }}|{{ "12" | int }}|{{ " 7 " | int }}|{{ t | int }}|{{ n | int + 1 }}
{{ 3 | length }}
{{ l | first }}|{{ l | last }}|{{ s | first }}|{{ s | last }}|{{ el | first }}|{{ el | last }}|{{ l | reverse | list }}|{{ s | reverse }}|{{ ss | join }}|{{ ss | join(", ") }}|{{ l | join("-") }}|{{ ms | join("|", attribute="c") }}|{{ s | list }}
{{ missing | default("x") }}|{{ e | default("x") }}|{{ e | default("x", true) }}|{{ none | default("x") }}|{{ none | d("x", boolean=true) }}|{{ missing | default }}|{{ d.x | default(5) + 1 }}
{{ s | replace("l", "L") }}|{{ s | replace("l", "L", 1) }}|{{ n | replace(3, 4) }}
{{ "a\nb\n\nc" | indent }}|{{ "a\nb" | indent(2, true) }}|{{ "a\n\nb" | indent(2, blank=true) }}|{{ "a\nb\n" | indent("> ") }}|{{ "" | indent }}
{{ d | tojson }}|{{ l | tojson }}|{{ qq | tojson }}|{{ u | tojson }}|{{ html | tojson }}|{{ u | tojson(ensure_ascii=true) }}|{{ [1.0, 1e20, 1e-7, true, none] | tojson }}|{{ (1, 2) | tojson }}|{{ {} | tojson }}|{{ [] | tojson }}
{{ d | tojson(indent=2) }}|{{ {"b": [], "a": {}} | tojson(indent=4, sort_keys=true) }}|{{ d | tojson(separators=(",", ":")) }}|{{ l | tojson(indent=1) }}
{{ missing | tojson }}
{{ d.keys() | tojson }}
{{ ss | unique | list }}|{{ ms | map(attribute="c") | list }}|{{ ss | map("upper") | join }}|{{ ms | map(attribute="x", default=0) | list }}|{{ ms | map(attribute="x") | list }}|{{ [[1, 2]] | map(attribute=1) | list }}|{{ [d] | map(attribute="n.m.1") | list }}
{{ ms | selectattr("r", "equalto", "u") | list }}|{{ ms | selectattr("x") | list | length }}|{{ ms | rejectattr("x", "defined") | list | length }}|{{ l | select("string") | list }}|{{ l | reject("none") | list }}|{{ l | select | list }}|{{ [1,2,3] | select("odd") | list }}|{{ [1,2,3] | select("gt", 1) | list }}|{{ ms | selectattr("r", "in", ["a"]) | list | length }}
{% set g = ms | selectattr("r", "eq", "u") %}{% for m in g %}{{ m.c }}{% endfor %}{% for m in g %}again{% else %}used{% endfor %}{{ (ms | map(attribute="c")) | first }}
{{ (ss | map("upper")) | length }}
{{ x is defined }}{{ s is defined }}{{ s is not defined }}{{ x is undefined }}{{ none is none }}{{ nil is not none }}{{ t is true }}{{ 1 is true }}{{ no is false }}{{ t is boolean }}{{ 1 is boolean }}
{{ s is string }}{{ n is string }}{{ n is number }}{{ t is number }}{{ f is number }}{{ n is integer }}{{ t is integer }}{{ f is float }}{{ n is float }}{{ d is mapping }}{{ l is mapping }}{{ l is iterable }}{{ s is iterable }}{{ n is iterable }}{{ missing is iterable }}{{ nil is iterable }}
{{ l is sequence }}{{ s is sequence }}{{ d is sequence }}{{ n is sequence }}{{ missing is sequence }}{{ nil is sequence }}{{ (1,) is sequence }}{{ namespace is callable }}{{ n is callable }}{{ missing is callable }}
{{ 3 is odd }}{{ 3 is even }}{{ 4 is divisibleby 2 }}{{ 4 is divisibleby(3) }}{{ 1 is eq 1 }}{{ 1 is equalto 1.0 }}{{ 1 is ne 2 }}{{ 1 is lt 2 }}{{ 1 is ge(2) }}{{ "a" is in ["a"] }}{{ "a" is in "abc" }}{{ 1 is not in [2] }}
{{ "a" is string and "b" is string }}{{ (1 is odd) == true }}{{ 1 is odd == true }}{{ not 1 is odd }}{{ "a" ~ 1 is string }}
{{ s | length is odd }}{{ -1 | string }}{{ -n | string | length }}{{ 1 + 2 | string | length }}{{ "a" ~ "b" | upper }}{{ "a" + "b" | upper }}
{{ "a" "b" 'c' }}|{{ 'it\'s' }}|{{ "\n\t\\\"\x41\u00e9\U0001F600\101\q" }}|{{ 'a\
b' }}
{{ "<b>&'" }}{{ html }}{{ html ~ "<" }}
{{ dict(a=1, b="x") }}{{ dict({"k": 1}, c=2) }}{{ {"a": 1, "a": 2} }}{{ {"x": {"y": [1, {"z": none}]}}.x.y[1].z }}
{{ raise_exception("no") }}
{{ lipsum is defined }}{{ cycler is callable }}
{{ true }}{{ True }}{{ false }}{{ False }}{{ none }}{{ None }}{{ TRUE }}
{{ [1, 2, ] }}{{ (1, ) }}{{ {"a": 1, } }}{{ s.replace("l", "L", ) }}
{# comment #}a{#- b -#} c {#+ d +#}
e
{% raw %}{{ x }} {% if %}{% endraw %}|{%- raw -%}  a  {%- endraw -%} b
a {%- if t %} b {% endif -%} c
  {% if t %}
  x
  {% endif %}
y
  {%+ if t %}x{% endif +%}
y
a{{- " b " -}} c
  {{ n }}
{% if t %}

x{% endif %}
{%- if t -%}  x  {%- endif -%}  y
  {# c #}
x {# c #}
y
    {%- set x = 1 %}
    {%- set y = 2 %}
{{ x }}{{ y }}
{% for x in ss -%}
  {{ x }}
{%- endfor %}
{{'}}'}}{{ "%}" }}{{ {"a": {"b": 1}}["a"]["b"] }}{{ {'a':{'b':1}}}}
{{ ms[0].r }}{{ ms[-1]["r"] }}{{ ms | length - 1 }}{{ (ms | length) - 1 }}{{ ms[ms | length - 1].r }}{{ ms[1:] | length }}{{ ms[::-1][0].c }}
{% for m in ms[::-1] %}{{ (ms | length - 1) - loop.index0 }}{{ m.c }}{% endfor %}
{{ s | nofilter }}
{{ s is notest }}
{{ nofunction() }}
{{ s() }}
{{ l.append(1) }}
{{ d.update({}) }}
{% include "x" %}
{% extends "x" %}
{% do x %}
{% unknown %}
{% endif %}
{% if t %}
{% for x in l %}
{{ x
{{ 1 + }}
{{ (1 }}
{{ a b }}
{{ 'a }}
{% set %}
{% set x = %}
{% set true = 1 %}
{% break %}
{{ a..b }}
{{ $ }}
{# never
{% if t %}{% else %}{% else %}{% endif %}
{{ l[1:2:3:4] }}
{% for loop in l %}{% endfor %}
{% macro m(a=1, b) %}{% endmacro %}
{{ "a" * 99999999999 }}
{{ range(1000000) }}
{{ d.get() }}
{{ d.get(key="k") }}
{{ s | default(1, 2, 3) }}
{{ "x" is divisibleby 2 }}
"""

# What transformers renders and we refuse.
refuse = [
    '{{ d.items }}',
    '{{ ss | map("upper") }}',
    '{{ s.format(1) }}',
    '{{ "%s" % 1 }}',
    '{{ n.real }}',
    '{{ s.__class__ }}',
    '{{ d.__class__ }}',
    '{% block x %}{% endblock %}',
    '{% raw %}',
    '{{ l[] }}',
    '{{ 99999999999 * 99999999999 }}',
]

multiline = [
    "{# comment #}a{#- b -#} c {#+ d +#}\ne", "  {% if t %}\n  x\n  {% endif %}\ny", "  {%+ if t %}x{% endif +%}\ny", "{% if t %}\n\nx{% endif %}\n",
    "  {# c #}\nx {# c #}\ny", "    {%- set x = 1 %}\n    {%- set y = 2 %}\n{{ x }}{{ y }}", "{% for x in ss -%}\n  {{ x }}\n{%- endfor %}\n",
    "a\n{% if t %}\nb\n{% endif %}\nc\n\n", "a\r\nb\r{% if t %}\r\nc{% endif %}\r\n", "{% raw %}\n  {{ a }}\n  {% endraw %}\nb", " \u00a0{% if t %}x{% endif %}",
    "x\n \u00a0{% if t %}x{% endif %}", "x\n\u3000{%- if t %}x{% endif -%}\u2003y", "\n\n{{ n }}\n\n", "{%- raw %} a {% endraw -%}\n b", "\n  {% raw %}\n  a{% endraw %}",
    "{% if t -%}\n\n\n  a {%- endif +%}\nb", "{{ 'a\nb\r\nc' }}", "{{ [\n1,\n2\n] }}", "{#\n multi\n line #}\n{% if\nt\n%}x{%\nendif\n%}", "{% if t %}  {% endif %}  {% if t %}x{% endif %}\n  {% if t %}{% endif %}  y",
    "{%- for m in ms %}\n    {%- if m.r == 'u' %}\n        {{- m.c }}\n    {%- endif %}\n{%- endfor %}\n", "{{- '\\n' -}}\n\n x", "{#- a -#}\n\n{#- b #}\n c", "{{ 'a' }}\n{{ 'b' }}\n", "",  "\n", "{", "{ {", "a {% if t %}b{% endif %}\t\n",
    "{{ 'a\\\nb' }}",
]


class Draw:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, *xs):
        return self.r.choice(xs)

    def expr(self, d=3):
        p = self.pick
        if d == 0 or self.r.random() < 0.15:
            return p("s", "e", "u", "w", "n", "z", "neg", "f", "t", "no", "nil", "l", "el", "ss", "d", "ed", "ms", "q", "given", "missing", "v", "x",
                     "1", "2", "0", "-1", "1.5", "'a'", "'l'", "''", "' b '", "none", "true", "false", "[]", "{}", "'k'", "ns.a", "loop.index0")
        a = lambda: self.expr(d - 1)
        k = self.r.randrange(16)
        if k == 0: return f"{a()} {p('+', '-', '*', '/', '//', '%', '~')} {a()}"
        if k == 1: return f"{a()} {p('==', '!=', '<', '>=', 'in', 'not in')} {a()}"
        if k == 2: return f"{a()} {p('and', 'or')} {a()}"
        if k == 3: return f"not {a()}"
        if k == 4: return f"({a()} if {a()} else {a()})"
        if k == 5: return f"{a()}[{a()}]"
        if k == 6: return f"({a()})[{p('', a())}:{p('', a())}{p('', ':', ':-1', ':2')}]"
        if k == 7: return f"({a()}).{p('k', 'items', 'r', 'c', 'x', 'n', 'upper', 'index')}"
        if k == 8: return f"({a()}) | {self.filter(d)}"
        if k == 9: return f"({a()}) is {p('', 'not ')}{self.test(d)}"
        if k == 10: return f"[{a()}, {a()}]"
        if k == 11: return f"{{'a': {a()}, 'k': {a()}}}"
        if k == 12: return f"({a()}).{self.method(d)}"
        if k == 13: return f"({a()}, {a()})"
        if k == 14: return f"m({p('', a())}{p('', ', b=2')})" if self.r.random() < .7 else f"range({p('3', a())})"
        return f"({a()})"

    def filter(self, d):
        p, a = self.pick, lambda: self.expr(max(0, d - 2))
        return p("trim", "upper", "lower", "capitalize", "title", "string", "int", "length", "list", "items", "first", "last", "reverse", "join", f"join({a()})",
                 f"default({a()})", f"default({a()}, true)", f"replace({a()}, {a()})", "tojson", "tojson(indent=2)", "unique | list", "map('upper') | list",
                 "map(attribute='r') | list", f"map(attribute={a()}) | list", "select | list", "select('string') | list", "selectattr('r', 'equalto', 'u') | list",
                 "rejectattr('x') | list", "indent", "sort", "abs", "safe", "sum", "round", "dictsort", "length | string", "list | length", f"trim({a()})", "count", "escape")

    def test(self, d):
        p, a = self.pick, lambda: self.expr(0)
        return p("defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "iterable", "sequence", "callable", "odd", "even",
                 f"divisibleby {a()}", f"eq {a()}", f"in {a()}", f"lt({a()})", f"ne {a()}", "upper", "sameas none")

    def method(self, d):
        p, a = self.pick, lambda: self.expr(max(0, d - 2))
        return p("strip()", f"strip({a()})", "lstrip()", "rstrip('l')", "upper()", "lower()", "title()", "capitalize()", "split()", f"split({a()})", f"split({a()}, {a()})", "rsplit('l', 1)",
                 f"startswith({a()})", f"endswith({a()})", f"replace({a()}, {a()})", f"find({a()})", f"count({a()})", f"join({a()})", "items()", "keys()", "values() | list", f"get({a()})",
                 f"get({a()}, {a()})", "splitlines()", "isdigit()", "copy()", "zfill(5)", f"removeprefix({a()})", "items() | list", f"index({a()})")

    def space(self):
        return self.pick("", "", " ", "\n", "  \n", "\n  ", "a", "b\n", " c ", "\t", "\n\n", "\u00a0", "x\n  ")

    def tag(self, body):
        return "{%" + self.pick("", "", "-", "+") + " " + body + " " + self.pick("", "", "-", "+" if self.r.random() < .3 else "") + "%}"

    def out(self):
        return "{{" + self.pick("", "", "-") + " " + self.expr(self.pick(1, 2, 3)) + " " + self.pick("", "", "-") + "}}"

    def stmt(self, d):
        k, b = self.r.randrange(11), lambda: self.body(d - 1)
        x = self.pick("x", "v", "given", "s")
        if d == 0 or k < 3: return self.out()
        if k == 3: return self.tag(f"if {self.expr(2)}") + b() + self.pick("", self.tag("else") + b(), self.tag(f"elif {self.expr(1)}") + b()) + self.tag("endif")
        if k == 4: return self.tag(f"for {x} in {self.pick('l', 'ss', '[1, 2]', 'ms', self.expr(2))}{self.pick('', '', ' if ' + self.expr(1))}") + b() + self.pick("", self.tag("else") + b()) + self.tag("endfor")
        if k == 5: return self.tag(f"set {x} = {self.expr(2)}")
        if k == 6: return self.tag(f"set {x}") + b() + self.tag("endset")
        if k == 7: return self.tag(f"set ns.a = {self.expr(2)}")
        if k == 8: return self.tag(f"with {x} = {self.expr(1)}") + b() + self.tag("endwith")
        if k == 9: return self.tag(f"if loop is defined and loop.index > {self.pick('1', '2')}") + self.tag(self.pick("break", "continue")) + self.tag("endif")
        return self.tag(f"macro {self.pick('m', 'm', 'x')}(a, b=1)") + b() + self.tag("endmacro")

    def body(self, d):
        return "".join(self.space() + self.stmt(d) for _ in range(self.r.randrange(1, 4))) + self.space()

    def snippet(self):
        k = self.r.random()
        if k < .5: return "{{ " + self.expr(self.pick(1, 2, 3)) + " }}"
        begin = "{% set ns = namespace(a=0) %}" if k < .8 else ""
        return begin + self.body(self.pick(1, 2, 3))


def render(text):
    try:
        return {"text": ct._compile_jinja_template(text).render(**dict({"tools": None, "documents": None}, **copy.deepcopy(context)))}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"[:80]}


if __name__ == "__main__":
    seed, count = (int(x) for x in (sys.argv[1:] or [1, 1500]))
    draw = Draw(seed)
    rand = []
    while len(rand) < count:
        s = draw.snippet()
        got = render(s)
        if len(got.get("text", "")) < 2000 and " at 0x" not in str(got):
            rand.append(dict({"source": s}, **got))
    hands = multiline + [x for x in hand.strip("\n").split("\n")]
    json.dump({"context": context, "hand": [dict({"source": s}, **render(s)) for s in hands], "refuse": refuse, "random": rand}, sys.stdout, indent=0)
