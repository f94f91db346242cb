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
{{ -7 // 2 }}|{{ 7 // -2 }}|{{ -7 % 3 }}|{{ 7 % -3 }}|{{ -6 % 3 }}|{{ 0 // 5 }}|{{ -1 // 1 }}|{{ 6 // -3 }}
{{ 2 ** 0 }}|{{ 0 ** 0 }}|{{ (-2) ** 3 }}|{{ 1 ** 100 }}|{{ 2 ** 62 }}|{{ (-1) ** 63 }}|{{ 0 ** 70 }}
{{ 7 / 2 }}|{{ -7 / 2 }}|{{ 1 / 3 }}|{{ 0 / 4 }}|{{ 4 / 2 }}|{{ 1e300 * 10 }}|{{ 2.5 + 1 }}|{{ 2.5 - 1 }}|{{ 1 - 2.5 }}|{{ 2.5 / 2 }}|{{ true / 2 }}|{{ false - 1 }}
{{ 9223372036854775807 }}|{{ 9223372036854775806 + 1 }}|{{ -9223372036854775807 - 1 }}|{{ -9223372036854775807 }}
{{ 1e15 }}|{{ 1e16 }}|{{ 1e22 }}|{{ 123456789.125 }}|{{ 0.0001 }}|{{ 0.00001 }}|{{ 1e-10 }}|{{ -0.0 }}|{{ 0.0 }}|{{ 5e-324 }}|{{ 1.7976931348623157e308 }}|{{ 9007199254740993.0 }}
{{ 0x_ff }}|{{ 0XFF }}|{{ 0b1_0 }}|{{ 0O17 }}|{{ 1_0.5_0 }}|{{ 1E5 }}|{{ 1e+5 }}|{{ 00 }}|{{ 0_0 }}|{{ 12_34 }}
{{ 1.5.x }}
{{ 1.x }}
{{ 1..x }}
{{ "" + "" }}|{{ "a" * 0 }}|{{ "a" * -1 }}|{{ "ab" * true }}|{{ [1] * 0 }}|{{ [1] * -3 }}|{{ () + () }}|{{ (1,) * 2 }}|{{ 2 * [1, 2] }}
{{ [1] + (1,) }}
{{ "a" - "b" }}
{{ "a" * "b" }}
{{ [1] * [2] }}
{{ {} + {} }}
{{ none + 1 }}
{{ -"a" }}
{{ +none }}
{{ -true }}|{{ +true }}|{{ -false }}|{{ - 1.5 }}|{{ --1 }}|{{ -+-2 }}
{{ "a" < "B" }}|{{ "" < "a" }}|{{ "a" <= "a" }}|{{ "b" > "a" }}|{{ "é" > "z" }}|{{ "a" >= "b" }}|{{ 1 <= 1.0 }}|{{ 2 >= 3 }}|{{ 2.5 > 2 }}|{{ true < 2 }}
{{ [1] < [2] }}
{{ {} < {} }}
{{ "1" < 2 }}
{{ 1 == "1" }}|{{ 1 != 1.0 }}|{{ none == none }}|{{ none != 0 }}|{{ "a" == "a" }}|{{ [] == [] }}|{{ [] == {} }}|{{ {} == {} }}|{{ [1, [2]] == [1, [2.0]] }}|{{ (1, 2) == (1, 2) }}|{{ (1, 2) == (2, 1) }}|{{ {"a": 1} == {"a": 2} }}|{{ {"a": 1} == {"b": 1} }}|{{ {"a": 1, "b": 2} == {"b": 2, "a": 1} }}|{{ true == 1.0 }}|{{ "a" != "b" }}
{{ namespace == namespace }}|{{ namespace() == namespace() }}|{{ s.upper == s.upper }}
{{ "" in "" }}|{{ "a" in "" }}|{{ 1 in [] }}|{{ 1.0 in [1] }}|{{ true in [1] }}|{{ none in [none] }}|{{ "a" in ("a",) }}|{{ "x" in {"x": none} }}|{{ 1 in {"x": 1} }}|{{ missing in [1] }}|{{ "a" not in "b" }}|{{ "a" in {"b": "a"} }}
{{ [] in {} }}
{{ none in "a" }}
{{ 1 in none }}
{{ s[-100] is defined }}|{{ e[0] is defined }}|{{ e[-1] is defined }}|{{ s[12] is defined }}|{{ s[11] }}|{{ s[-12] }}|{{ l[-5] }}|{{ l[-6] is defined }}|{{ l[5] is defined }}
{{ s[2:-2] }}|{{ s[-2:2] }}|{{ s[4:2] }}|{{ s[::-2] }}|{{ s[-1::-1] }}|{{ s[:3:-1] }}|{{ s[3::-1] }}|{{ s[-100:100] }}|{{ s[none:3] }}|{{ s[1:none:2] }}|{{ s[100::-1] }}|{{ s[-100::-1] }}|{{ s[true:] }}|{{ e[:] }}|{{ e[::-1] }}
{{ l[::2] }}|{{ l[1::2] }}|{{ l[-2:] }}|{{ l[:-100] }}|{{ (1, 2, 3)[::-1] }}|{{ ()[1:] }}|{{ l[0:0] }}|{{ [1, 2, 3][:2][0] }}|{{ l[::100] }}|{{ l[::-100] }}
{{ s[::0] }}
{{ l["a":] }}
{{ l[1.5:] }}
{{ n[0] }}
{{ n[0:1] }}
{{ none[0] is defined }}
{{ d["n"]["m"][0] }}|{{ d["n"].m[-1] }}|{{ d.get("n").get("m") }}|{{ d.get("n", {}).get("zz", [])[0] is defined }}|{{ d["zz"] is defined }}|{{ d.zz is none }}|{{ d.keys() | list | last }}
{{ d[1] is defined }}|{{ d[none] is defined }}|{{ l["append"] is defined }}|{{ s["upper"] is defined }}|{{ d["keys"] is callable }}|{{ d["get"]("k") }}
{{ d.zz.y }}
{{ d["zz"]["y"] }}
{{ missing[0] }}
{{ missing() }}
{{ missing + "a" }}
{{ "a" + missing }}
{{ missing * 2 }}
{{ -missing }}
{{ missing ~ "a" }}|{{ missing | string }}|{{ missing | trim }}|{{ missing | list }}|{{ missing | join }}|{{ missing | first }}|{{ missing | replace("a", "b") }}|{{ missing | int }}
{{ missing | last }}
{{ missing | items | list }}
{{ missing | reverse | list }}
{{ missing | tojson }}
{{ missing | map("upper") | list }}|{{ missing | selectattr("a") | list }}|{{ missing | unique | list }}|{{ missing | default }}|{{ missing | length }}
{{ missing in "abc" }}
{{ "a" in missing }}|{{ 1 not in missing }}
{{ missing > 1 }}
{{ missing == "" }}|{{ missing != "" }}|{{ missing == missing }}|{{ [missing] == [missing] }}
{{ (missing.x if no else "ok") }}|{{ ("ok" if t else missing.x) }}|{{ no and missing.x }}|{{ t or missing.x }}
{{ not missing.x }}
{{ 1 if 2 if 3 else 4 else 5 }}|{{ 1 if no }}|{{ (1 if no) | default("d") }}|{{ 1 if no else 2 if no else 3 }}
{{ not not t }}|{{ not t or t }}|{{ not (t or t) }}|{{ t and not no }}|{{ 1 and 0 or "x" }}|{{ "" or [] or {} or 0 }}|{{ [] and 1 }}|{{ none and 1 }}|{{ "a" and "b" and "c" }}
{{ 1 + 2 ~ 3 + 4 }}|{{ 1 ~ 2 * 3 }}|{{ "a" ~ ["b"] ~ {"c": 1} ~ none ~ true ~ 1.0 }}|{{ 2 * 3 ~ 4 }}|{{ 1 - 2 - 3 }}|{{ 2 * 3 % 4 }}|{{ 2 + 3 * 4 - 5 }}|{{ 100 / 10 / 2 }}|{{ 7 // 2 * 2 }}
{{ 1 < 2 == true }}|{{ 1 == 1 == 1 }}|{{ 3 > 2 > 1 }}|{{ 3 > 2 < 1 }}|{{ 1 in [1] == true }}|{{ 1 < 2 in [2] }}|{{ not 1 < 2 }}|{{ not "a" in "b" }}
{{ s | upper | lower | title }}|{{ (s | upper).lower() }}|{{ s.upper() | lower }}
{{ "a,b,,c".split(",") }}|{{ "a,b,,c".split(",", 2) }}|{{ "a,b,,c".split(",", 0) }}|{{ "a,b,,c".split(",", -1) }}|{{ "a,b,,c".rsplit(",", 2) }}|{{ "a,b,,c".rsplit(",") }}|{{ "aXXbXXc".split("XX") }}|{{ "".split("a") }}|{{ "a".split("a") }}|{{ "  a  b ".split() }}|{{ "  a  b  c ".split(none, 1) }}|{{ "a b".split(" ", maxsplit=1) }}|{{ "a b c".split(sep=" ") }}|{{ "a\u00a0b\u3000c".split() }}|{{ "   ".split() }}
{{ "a b c".rsplit() }}|{{ "abc".rsplit("x", 1) }}|{{ "abc".rsplit("b", 5) }}
{{ "a\nb\r\nc\rd\u2028e\x0bf\x1cg\x85h".splitlines() }}|{{ "\n".splitlines() }}|{{ "".splitlines() }}|{{ "a\n\nb\n".splitlines() }}|{{ "a\r\n".splitlines() }}
{{ "  a ".strip() }}|{{ "xxaxx".strip("x") }}|{{ "xyaxy".strip("yx") }}|{{ "xxaxx".lstrip("x") }}|{{ "xxaxx".rstrip("x") }}|{{ "a".strip("") }}|{{ " a ".strip(none) }}|{{ "éaé".strip("é") }}|{{ "\u2003a\x1f".strip() }}|{{ "\u200ba".strip() | length }}
{{ "a".strip(1) }}
{{ "abc".startswith("ab") }}|{{ "abc".startswith("") }}|{{ "abc".startswith(("x", "a")) }}|{{ "abc".startswith(()) }}|{{ "abc".endswith("bc") }}|{{ "abc".endswith(("c",)) }}|{{ "abc".endswith("abcd") }}
{{ "abc".startswith(1) }}
{{ "abc".startswith(["a"]) }}
{{ "abcabc".find("c") }}|{{ "abcabc".rfind("c") }}|{{ "abc".find("") }}|{{ "abc".rfind("") }}|{{ "éa".find("a") }}|{{ "abc".find("x") }}|{{ "aaa".count("aa") }}|{{ "abc".count("") }}|{{ "é".count("") }}
{{ "abc".find(1) }}
{{ "abc".replace("b", "") }}|{{ "aaa".replace("a", "b", 2) }}|{{ "aaa".replace("a", "b", 0) }}|{{ "aaa".replace("a", "b", -1) }}|{{ "abc".replace("", "-", 2) }}|{{ "".replace("", "x") }}|{{ "é".replace("", "x") }}|{{ "abc".replace("x", "y") }}
{{ "abc".replace("a", 1) }}
{{ "abc".removeprefix("ab") }}|{{ "abc".removeprefix("x") }}|{{ "abc".removesuffix("bc") }}|{{ "abc".removesuffix("") }}|{{ "aab".removeprefix("a") }}
{{ ",".join(["a", "b"]) }}|{{ "".join([]) }}|{{ ",".join("abc") }}|{{ ",".join({"a": 1, "b": 2}) }}|{{ ",".join(("x",)) }}|{{ ",".join(ss | unique) }}
{{ ",".join(1) }}
{{ ",".join([none]) }}
{{ "hello world".title() }}|{{ "they're bill's".title() }}|{{ "a1b c2d".title() }}|{{ "HELLO".title() }}|{{ "hello-world foo_bar".title() }}|{{ "hELLO wORLD".capitalize() }}|{{ "".capitalize() }}|{{ "1abc".capitalize() }}
{{ "hello-world foo_bar (baz) [qux] {a} <b> \"c\" 'd'" | title }}|{{ "they're bill's" | title }}|{{ "a\tb\nc" | title }}|{{ "HELLO wORLD" | title }}|{{ "1abc" | capitalize }}|{{ "" | title }}|{{ 12 | title }}|{{ none | capitalize }}
{{ s.upper(1) }}
{{ s.nosuch() }}
{{ s.nosuch }}|{{ l.nosuch }}|{{ d.nosuch }}|{{ n.nosuch }}|{{ f.nosuch }}|{{ t.nosuch }}
{{ "x" | trim("x") }}|{{ "  x " | trim }}|{{ "xax" | trim("x") }}|{{ [1] | trim }}|{{ "  " | trim | length }}
{{ "abc" | replace("b", "X") }}|{{ "aaa" | replace("a", "b", 1) }}|{{ "a1" | replace(1, 2) }}|{{ 123 | replace("2", "") }}|{{ "abc" | replace(old="b", new="c") }}
{{ "abc" | replace("a") }}
{{ "a" | upper(1) }}
{{ "12abc" | int }}
{{ "0x10" | int }}|{{ "" | int }}|{{ none | int }}|{{ [] | int }}|{{ "1.9" | int }}|{{ 1.9 | int }}|{{ -1.9 | int }}|{{ "abc" | int(5) }}|{{ "abc" | int(default=7) }}
{{ "-5" | int }}|{{ "+5" | int }}|{{ "1_000" | int }}|{{ true | int }}|{{ "  12  " | int }}
{{ 5 | string | length }}|{{ [1, "a"] | string }}|{{ none | string }}|{{ true | string }}|{{ 1.50 | string }}|{{ missing | string | length }}
{{ "abc" | first }}|{{ "abc" | last }}|{{ [1, 2] | first }}|{{ (1, 2) | last }}|{{ {"a": 1, "b": 2} | first }}|{{ {"a": 1, "b": 2} | last }}|{{ "é" | first }}|{{ "aé" | last }}|{{ range(3) | last }}|{{ range(3) | first }}
{{ [] | first }}|{{ "" | first }}|{{ "" | last }}|{{ {} | first }}|{{ [] | first is defined }}
{{ 1 | first }}
{{ 1 | last }}
{{ "abc" | reverse }}|{{ [1, 2, 3] | reverse | list }}|{{ (1, 2) | reverse | list }}|{{ "éa" | reverse }}|{{ [] | reverse | list }}
{{ 5 | reverse }}
{{ [1, 2] | join }}|{{ [1, 2] | join(",") }}|{{ ["a", none, true] | join("|") }}|{{ "abc" | join("-") }}|{{ [] | join(",") }}|{{ [[1], {}] | join(";") }}|{{ ms | join(",", attribute="r") }}|{{ ms | join(attribute="c", d="/") }}|{{ [1] | join(1) }}|{{ (1, 2) | join(none) }}
{{ 1 | join }}
{{ "abc" | list }}|{{ {"a": 1} | list }}|{{ (1, 2) | list }}|{{ range(2) | list }}|{{ "" | list }}|{{ [1] | list == [1] }}
{{ 1 | list }}
{{ [3] | length }}|{{ "é" | length }}|{{ {} | length }}|{{ () | count }}|{{ range(5) | length }}|{{ missing | count }}
{{ none | length }}
{{ d | items | list | length }}|{{ d | items | first }}|{{ {} | items | list }}
{{ "x" | default("y") }}|{{ "" | default("y") }}|{{ "" | default("y", true) }}|{{ false | default("y", true) }}|{{ none | default("y", boolean=true) }}|{{ missing | default("y", false) }}|{{ d.zz | default(none) }}|{{ missing | default(default_value="q") }}|{{ 0 | d(1) }}|{{ 0 | d(1, 1) }}
{{ "a\nb" | indent }}|{{ "a\nb" | indent(2) }}|{{ "a\nb" | indent(first=true) }}|{{ "a\n\nb\n" | indent(1, blank=true) }}|{{ "a\n\nb\n" | indent(1) }}|{{ "a" | indent("--", true) }}|{{ "a\r\nb" | indent(1) }}|{{ "" | indent(2, true) }}|{{ "a\nb" | indent(0) }}|{{ "a\nb" | indent(width="\t") }}
{{ 5 | indent }}
{{ [1, [2, {"a": none}], "x", true, 1.5] | tojson }}|{{ {"b": 1, "a": [1, 2]} | tojson(indent=2) }}|{{ {"b": 1, "a": 2} | tojson(sort_keys=true) }}|{{ "é\u2028\"\\/" | tojson }}|{{ "é😀" | tojson(ensure_ascii=true) }}|{{ "\x00\x1f\x7f\b\f\t" | tojson }}
{{ [[], {}, [[]], [{}]] | tojson(indent=1) }}|{{ {"a": {"b": {"c": []}}} | tojson(indent=2) }}|{{ [1, 2] | tojson(indent="--") }}|{{ [1, 2] | tojson(separators=(",", ":")) }}|{{ {"a": 1, "b": [1]} | tojson(separators=("; ", " = ")) }}|{{ {"a": 1, "b": [1]} | tojson(indent=1, separators=(";", "=")) }}|{{ [1, 2] | tojson(indent=none) }}
{{ 1e16 | tojson }}|{{ 0.1 | tojson }}|{{ -0.0 | tojson }}|{{ 1e-7 | tojson }}|{{ 123456789012 | tojson }}|{{ (1, (2,)) | tojson }}|{{ none | tojson }}|{{ "" | tojson }}|{{ true | tojson }}
{{ namespace() | tojson }}
{{ range(2) | tojson }}
{{ ss | map("upper") | map("lower") | join }}|{{ [[1, 2], [3]] | map("length") | list }}|{{ [[1, 2], [3]] | map("join", "-") | list }}|{{ ["a b"] | map("replace", " ", "_") | first }}|{{ [{"a": {"b": 5}}] | map(attribute="a.b") | list }}|{{ [[5, 6]] | map(attribute="1") | list }}|{{ ms | map(attribute="x", default="none") | list }}|{{ ["a"] | map("default", "b") | list }}|{{ [1, 2] | map("string") | join }}
{{ ss | map("nofilter") | list }}
{{ ss | map | list }}
{{ 1 | map("upper") | list }}
{{ [1, 0, "", "a", none] | select | list }}|{{ [1, 0, "", "a", none] | reject | list }}|{{ [1, 2, 3, 4] | select("even") | list }}|{{ [1, 2, 3] | reject("odd") | list }}|{{ [1, 2, 3] | select("ge", 2) | list }}|{{ [1, "a", none] | select("number") | list }}|{{ ms | selectattr("x", "undefined") | list | length }}|{{ ms | selectattr("c", "ne", "") | map(attribute="c") | list }}|{{ ms | rejectattr("r", "equalto", "u") | map(attribute="c") | list }}|{{ [1, 2, 3] | select("in", [1, 3]) | list }}|{{ [1, 2, 3, 6] | select("divisibleby", 3) | list }}|{{ [{"a": [1]}, {"a": []}] | selectattr("a") | list | length }}|{{ [{"a": {"b": 1}}, {"a": {}}] | selectattr("a.b") | list | length }}
{{ [1] | select("notest") | list }}
{{ ms | selectattr | list }}
{{ ["a", "A", "b", "B", "a"] | unique | list }}|{{ [] | unique | list }}|{{ "abA" | unique | join }}
{{ 5 is odd }}|{{ -3 is odd }}|{{ 0 is even }}|{{ -2 is even }}|{{ 6 is divisibleby 3 }}|{{ -6 is divisibleby(4) }}|{{ true is odd }}
{{ 1.5 is odd }}
{{ "a" is even }}
{{ 6 is divisibleby 0 }}
{{ 1 is eq 1.0 }}|{{ 1 is equalto "1" }}|{{ 1 is ne 1 }}|{{ 1 is lt 2 }}|{{ 1 is lessthan 1 }}|{{ 1 is le 1 }}|{{ 2 is gt 1 }}|{{ 2 is greaterthan 2 }}|{{ 2 is ge 2 }}|{{ "a" is in ("a", "b") }}|{{ "a" is in {"a": 1} }}|{{ 3 is not in [1, 2] }}
{{ 1 is lt "a" }}
{{ none is none }}|{{ 0 is none }}|{{ missing is none }}|{{ none is defined }}|{{ missing is defined }}|{{ missing is undefined }}|{{ d.zz is undefined }}|{{ "" is string }}|{{ none is string }}|{{ missing is string }}|{{ 1.0 is float }}|{{ 1 is float }}|{{ 1 is integer }}|{{ true is integer }}|{{ 1.0 is integer }}|{{ true is number }}|{{ "1" is number }}|{{ true is boolean }}|{{ 1 is boolean }}|{{ 1 is true }}|{{ true is true }}|{{ 0 is false }}|{{ false is false }}|{{ {} is mapping }}|{{ [] is mapping }}|{{ namespace() is mapping }}
{{ "a" is iterable }}|{{ 1 is iterable }}|{{ {} is iterable }}|{{ none is iterable }}|{{ range(2) is iterable }}|{{ (ss | map("upper")) is iterable }}|{{ [] is sequence }}|{{ {} is sequence }}|{{ "a" is sequence }}|{{ 1 is sequence }}|{{ () is sequence }}|{{ raise_exception is callable }}|{{ "a" is callable }}|{{ dict is callable }}
{{ 1 is defined is defined }}
{{ 1 is not defined }}|{{ not 1 is defined }}|{{ 1 is defined and 2 is defined }}|{{ missing is defined or t }}|{{ (1 is defined) ~ "x" }}|{{ "a" if missing is defined else "b" }}
{% for x in [1, 2, 3] %}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}|{% for x in [1, 2] %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{% endfor %}|{% for x in [] %}x{% else %}empty{% endfor %}
{% for x in [1, 2, 3] %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{{ loop.nextitem | default("-") }}{% endfor %}
{% for x in [1] %}{{ loop.depth }}{% for y in [1] %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}{% endfor %}
{% for x in [1, 2, 3, 4] if x is even %}{{ loop.index }}{{ x }}{{ loop.last }}{% endfor %}|{% for x in [1] if no %}a{% else %}b{% endfor %}|{% for k, v in {"a": 1, "b": 2}.items() if v > 1 %}{{ k }}{% endfor %}
{% for x in [1, 2] %}{% for y in [3, 4] if y > x + 2 %}{{ x }}{{ y }};{% endfor %}{% endfor %}
{% for x in [1, 2, 3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}|{% for x in [1, 2, 3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}|{% for x in [1, 2] %}{% for y in [1, 2] %}{% if y == 2 %}{% break %}{% endif %}{{ x }}{{ y }}{% endfor %};{% endfor %}
{% for x in [1, 2] %}{% break %}{% else %}e{% endfor %}|{% for x in [1, 2] %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% else %}e{% endfor %}
{% for x in "ab" %}{% set y = x %}{% endfor %}{{ y is defined }}|{% set ns = namespace(y=0) %}{% for x in [1, 2] %}{% set ns.y = ns.y + x %}{% endfor %}{{ ns.y }}
{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}|{% for a, b in {"k": 1}.items() %}{{ a }}{{ b }}{% endfor %}|{% for a, in [(1,)] %}{{ a }}{% endfor %}
{% for x in none %}{% endfor %}
{% for x in d %}{{ x }}{% endfor %}|{% for x in (1, 2) %}{{ x }}{% endfor %}|{% for x in 1, 2 %}{{ x }}{% endfor %}|{% for x in ss | unique %}{{ loop.length }}{{ x }}{% endfor %}
{% for x in [1, 2] %}{{ x }}{% endfor %}{{ x is defined }}|{% set x = 9 %}{% for x in [1, 2] %}{{ x }}{% endfor %}{{ x }}
{% for x in [3] %}{% for y in [4] %}{% set z = loop.index %}{% endfor %}{{ loop.index }}{{ z is defined }}{% endfor %}
{{ loop is defined }}
{% if 0 %}a{% elif "" %}b{% elif [] %}c{% elif none %}d{% else %}e{% endif %}|{% if [0] %}a{% endif %}|{% if "0" %}a{% endif %}|{% if 0.0 %}a{% else %}b{% endif %}|{% if namespace() %}n{% endif %}|{% if range(0) %}a{% else %}b{% endif %}
{% if a is defined and a %}{{ a }}{% else %}no{% endif %}
{% set x = [] %}{% if x %}a{% else %}{% set x = 5 %}{% endif %}{{ x }}
{% set a = b = 1 %}
{% set a, b = (1, 2) %}{{ a }}{{ b }}|{% set (a, b) = [3, 4] %}{{ a }}{{ b }}|{% set a = (1, 2) %}{{ a }}|{% set a = 1, %}{{ a }}|{% set [a, b] = [1, 2] %}
{% set a %}x{{ n }}{% endset %}{{ a }}{{ a | length }}|{% set a | trim | upper %} x {% endset %}{{ a }}|{% set a | replace("x", "y") %}xx{% endset %}{{ a }}
{% set ns = namespace() %}{% set ns.x = 1 %}{{ ns.x }}{{ ns.y is defined }}|{% set ns = namespace({"a": 1, "b": 2}, b=3) %}{{ ns.a }}{{ ns.b }}|{% set ns.c %}t{% endset %}{{ ns.c }}
{% set x = namespace(a=1) %}{% set y = x %}{% set y.a = 2 %}{{ x.a }}
{% set missing.x = 1 %}
{% set s.x = 1 %}
{% macro m(a, b="x") %}[{{ a }}{{ b }}]{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=1, a=2) }}{{ m() }}
{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}{{ m(1) }}|{% macro k(a=n) %}{{ a }}{% endmacro %}{{ k() }}{% set n = 9 %}{{ k() }}
{% macro outer() %}{% macro inner() %}i{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}
{% macro m() %}x{% endmacro %}{{ m() ~ m() }}|{{ m() | upper }}|{% set y = m() %}{{ y }}{{ y is string }}|{{ [m()] }}
{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * (fact(n - 1) | int) }}{% endif %}{% endmacro %}{{ fact(5) }}
{% macro m(a, a) %}{% endmacro %}
{% macro m(a %}{% endmacro %}
{{ m }}{% macro m() %}{% endmacro %}
{% with %}a{% endwith %}|{% with a=1 %}{{ a }}{% with a=2 %}{{ a }}{% endwith %}{{ a }}{% endwith %}|{% with a=1, b=2 %}{{ a + b }}{% endwith %}|{{ a is defined }}
{% with a = 1 b = 2 %}{% endwith %}
{% generation %}x{% endgeneration %}|{% for i in [1, 2] %}{% generation %}{{ i }}{{ loop.index }}{% endgeneration %}{% endfor %}
{% raw %}{{ a }}{% b %}{# c #}{% endraw %}|{% raw -%}  x {%- endraw %} y|{%- raw %} z {% endraw -%} w
a {#- c -#} b|a {# c #} b|{# {{ x }} {% if %} #}|{##}|{#-#}|{# a # b } c #}
a {{- 1 -}} b|a {{ 1 }} b|a {{+ 1 }} b
a  {%- if t -%}  b  {%- endif -%}  c|a {% if t %} b {% endif %} c|  {%+ if t %}x{% endif %}
{{ "a" "b" }}|{{ 'a' "b" }}|{{ "\'" }}|{{ '\"' }}|{{ "\a\b\f\v\0\7\77\777" | tojson }}|{{ "\x4a\u00e9\U0001F600" }}|{{ "\z\ " }}|{{ "{{ }} {% %} {# #}" }}|{{ "" '' | length }}
{{ "\x4" }}
{{ "\u12" }}
{{ "a
b" }}|{{ 'x' }}
{{ (1) }}|{{ (1,) }}|{{ (1, 2,) }}|{{ ((1, 2), 3) }}|{{ [[1], [2, [3]]] }}|{{ {"a": (1,), "b": {}} }}|{{ {"a": 1}["a"] }}|{{ [1, 2][0] }}|{{ "abc"[1] }}|{{ (1, 2)[1] }}|{{ {1: 2} is mapping if no else "x" }}
{{ {"a": 1, "a": 2} }}|{{ {"a" ~ "b": 1} }}|{{ {s: 1} }}
{{ dict() }}|{{ dict(a=1) }}|{{ dict({"a": 1}, a=2) }}
{{ range(3) | list }}|{{ range(1, 3) | list }}|{{ range(5, 0, -2) | list }}|{{ range(0, -3, -1) | list }}|{{ range(3, 3) | list }}|{{ range(-2, 2) | list }}|{{ 2 in range(3) }}|{{ range(3) | join(",") }}
{{ range(1, 2, 0) }}
{{ range("a") }}
{{ range() }}
{{ range(1.5) }}
{{ true }}{{ True }}{{ false }}{{ False }}{{ none }}{{ None }}|{{ [true, none, false] }}|{{ not true }}{{ not None }}
{{ true.x }}|{{ none.x }}|{{ 1 .x }}|{{ "a".x }}
{{ [1, 2].x }}|{{ [1, 2].0 }}|{{ [[1], 2].0.0 }}|{{ {"a": [5]}.a.0 }}|{{ "abc".1 }}
{{ "it's" }}|{{ ["it's"] }}|{{ ['say "hi"'] }}|{{ ['both \' and "'] }}|{{ ["\\"] }}|{{ ["\n\t\r\x00\x1b\x7f\xa0\xad"] }}|{{ ["é\u200b\u2028\ue000\U0001F600"] }}|{{ {"k'": 'v"'} }}
{{ [1.0, 1e20, 1e-5, 100000.0, 0.1, true, none] }}|{{ {"a": none, "b": [true]} }}|{{ [[[]]] }}|{{ [()] }}|{{ [(1,)] }}|{{ ({},) }}
{{ [missing, 1] }}
{{ raise_exception("a" ~ 1) }}
{{ raise_exception() }}
{{ raise_exception(1, 2) }}
{{ s.upper().lower().title()[0:2] | upper }}|{{ (s | upper)[0] }}|{{ ms[0]["r"] ~ ms[-1].c ~ (ms | length) }}|{{ (ms | first).r }}|{{ (ms | last)["r"] }}|{{ ms | map(attribute="c") | join("") | length }}
{{ s[:1] == "H" and s[-1:] == "d" }}|{{ s.split(", ")[1][0] }}|{{ (s ~ s).count("l") }}|{{ s.find("o") + s.rfind("o") }}
{{ s
 }}|{%
 if t
 %}x{%
 endif
 %}
{{ 1 +
2 }}|{{ [
1,
2 ] }}
{{ a.b.c is defined }}
{{ (a or {}).b is defined }}|{{ (d.zz or {}).y is none }}|{{ (d.get("zz") or "x") }}
{{ foo bar }}
{{ 1 2 }}
{{ }}
{{ , }}
{{ (1, }}
{{ [1 2] }}
{{ {"a" 1} }}
{{ {"a": } }}
{{ a. }}
{{ a[ }}
{{ a[1 }}
{{ a | }}
{{ a is }}
{{ not }}
{{ 1 + }}
{{ * 1 }}
{{ a = 1 }}
{{ a := 1 }}
{{ a if }}
{{ "abc }}
{{ a @ b }}
{{ a & b }}
{{ a ? b : c }}
{{ lambda x: x }}
{{ [x for x in l] }}
{{ f(*l) }}
{{ f(a=1, 2) }}
{{ dict(a=1, a=2) }}
{% %}
{% if %}{% endif %}
{% if t }x{% endif %}
{% if t %}x{% endfor %}
{% for %}{% endfor %}
{% for x %}{% endfor %}
{% for x in %}{% endfor %}
{% for 1 in l %}{% endfor %}
{% for x.y in l %}{% endfor %}
{% else %}
{% endfor %}
{% set 1 = 2 %}
{% set x %}
{% set x == 1 %}
{% macro %}{% endmacro %}
{% macro m %}{% endmacro %}
{% macro 1() %}{% endmacro %}
{% continue %}
{% raw %}x
{% endraw %}
{% if t %}x{% elif %}y{% endif %}
{% if t %}{% else %}{% elif t %}{% endif %}
{% import "x" as y %}
{% from "x" import y %}
{# x
{{ s }
{% if t %}x
a { b } c {{ "d" }} { % if % } %} }} #}
{% for a, in [(1,)] %}{{ a }}{% endfor %}
{% for (a,) in [(1,)] %}{{ a }}{% endfor %}
{% set a, = [1] %}{{ a }}
{{ l.append is defined }}{{ l.clear is defined }}{{ l.sort is defined }}{{ l.copy is defined }}{{ l.count is defined }}{{ l.index is defined }}
{{ d.update is defined }}{{ d.clear is defined }}{{ d.copy is defined }}{{ d.setdefault is defined }}{{ d.pop is defined }}{{ d.fromkeys is defined }}{{ d.popitem is defined }}
{{ l.append }}|{{ d.update }}|{{ d["pop"] }}
{{ [1, 2] < [1, 3] }}|{{ [1] < [1, 0] }}|{{ (1, "a") >= (1, "b") }}|{{ [] <= [] }}|{{ [2] > [1, 5] }}
{{ [1] < ["a"] }}
{{ [[1]] < [[2]] }}|{{ [none] <= [none] }}
{{ [none] < [1] }}
{{ [1] < (2,) }}
{{ 3.0 is odd }}|{{ 1.5 is even }}|{{ -1.0 is odd }}|{{ 4.0 is even }}|{{ -1.5 is odd }}
{{ ["a"] | int }}
{{ "1e3" | int }}|{{ " -7 " | int }}|{{ "1__0" | int }}|{{ "_1" | int }}|{{ "inf" | int }}|{{ "nan" | int }}|{{ ".5" | int }}|{{ "5." | int }}|{{ "1_0.5" | int }}|{{ "- 7" | int }}|{{ "x" | int(none) }}|{{ 2.9 | int }}|{{ d | int }}|{{ "." | int }}|{{ "e5" | int }}|{{ "1e" | int }}
{{ missing | int }}
{{ loop.x }}
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
    '{{ [1] | items }}',
    '{% for x in [1, 2] recursive %}{{ x }}{% endfor %}',
    '{% for x in [1] %}{{ loop }}{% endfor %}',
    '{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}',
    '{{ "\\ud800" }}',
    '{{ {1: 2} }}',
    '{{ {a: 1} }}',
    '{{ dict([("a", 1)]) }}',
    '{{ [range(2)] }}',
    '{{ d.items() }}',
    '{{ ss | map("upper") }}',
    '{{ dict }}',
    '{{ s.upper }}',
    '{% filter upper %}a{% endfilter %}',
    '{% autoescape true %}{% endautoescape %}',
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
