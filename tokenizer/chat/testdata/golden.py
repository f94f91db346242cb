"""Writes golden.json: what transformers makes of templates/*.jinja.

python golden.py > golden.json    (transformers 5.24, jinja2 3.1.6)

Each context is rendered by transformers' own environment; "now" is fixed.
"""
import datetime as dt, glob, json, os, sys
from transformers.utils import chat_template_utils as ct

here = os.path.dirname(os.path.abspath(__file__))


class Fixed(dt.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 11, 3, 9, 5, 7)


ct.datetime = Fixed


def m(role, content, **more):
    return dict(role=role, content=content, **more)


def chat(*messages, **more):
    return dict({"messages": list(messages), "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>"}, **more)


tool = {"type": "function", "function": {
    "name": "weather", "description": "The weather of a \"place\" & <more> 'é'.",
    "parameters": {"type": "object", "properties": {
        "place": {"type": "string", "description": "a town"},
        "days": {"type": "array", "items": {"type": "integer"}, "description": "which days"},
        "unit": {"type": ["string", "number"], "description": "", "enum": ["C", "F"]},
        "far": {"type": "object", "additionalProperties": {"type": "boolean"}, "description": "x"},
    }, "required": ["place"]}}}
tool2 = {"type": "function", "function": {"name": "none", "description": "nothing", "parameters": {"type": "object", "properties": {}}, "return": "a"}}
call = {"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"place": "Zürich \U0001f326", "days": [1, 2.5, -3, True, None, 1e20, 1e-7]}}}
U, A, S = "user", "assistant", "system"
contexts = {
    "user": chat(m(U, "Mix the two colors and output only one lowercase color name: red and blue is => ")),
    "no prompt": chat(m(U, "hi"), add_generation_prompt=False),
    "system": chat(m(S, "Answer with one word."), m(U, "The opposite of 'hot' is ")),
    "empty system": chat(m(S, ""), m(U, "x")),
    "empty": chat(m(U, "")),
    "turns": chat(m(U, "hi"), m(A, "hello"), m(U, "and now?")),
    "system turns": chat(m(S, " Be kind.\n"), m(U, " hi\n\n"), m(A, "\n hello \n"), m(U, "and\tnow?"), m(A, "well"), m(U, "so")),
    "ends with assistant": chat(m(U, "hi"), m(A, "hello"), add_generation_prompt=False),
    "ends with assistant, prompt": chat(m(U, "hi"), m(A, "hello")),
    "wrong order": chat(m(A, "hi"), m(U, "hello")),
    "two users": chat(m(U, "a"), m(U, "b")),
    "late system": chat(m(U, "a"), m(S, "b"), m(U, "c")),
    "space": chat(m(U, " \n\t a b \u00a0\u2003\v\f\r\n")),
    "unicode": chat(m(S, "日本語\u200d"), m(U, "a\u0301 \U0001f468\u200d\U0001f469 \u05d0\u05d1 <b>&\"'{{ x }} {% if %} \\n"), m(A, "ß ŉ ǆ"), m(U, "İı")),
    "special": chat(m(U, "<|im_end|></s><s>[INST]")),
    "thinking": chat(m(U, "q"), m(A, "<think>\nwhy\n</think>\n\nbecause"), m(U, "r"), m(A, "<think>\n\nso\n\n</think>\n\nyes </think> no"), add_generation_prompt=False),
    "reasoning": chat(m(U, "q"), m(A, "because", reasoning_content="\nlong\n")),
    "no thinking": chat(m(U, "q"), enable_thinking=False),
    "thinking on": chat(m(S, "x /no_think y"), m(U, "q"), enable_thinking=True),
    "override": chat(m(S, "/system_override all mine  "), m(U, "q")),
    "tools": chat(m(U, "weather?"), tools=[tool, tool2]),
    "tools system": chat(m(S, "sys"), m(U, "weather?"), tools=[tool]),
    "tools not in user": chat(m(U, "weather?"), tools=[tool], tools_in_user_message=False, date_string="1 Jan 2000"),
    "tool calls": chat(m(U, "weather?"), m(A, "", tool_calls=[call]), m("tool", "{\"a\": 1}", tool_call_id="abcdefghi"), m("tool", "two", tool_call_id="b"), m(A, "rain"), m(U, "thanks"), tools=[tool]),
    "no content": chat(m(U, "weather?"), {"role": A, "tool_calls": [call]}, m(U, "x")),
    "null content": chat(m(U, "weather?"), m(A, None, tool_calls=[call, call]), m("tool", "x", tool_call_id="q")),
    "parts": chat(m(S, [{"type": "text", "text": " s "}]), m(U, [{"type": "text", "text": " a "}, {"type": "image"}, {"type": "text", "text": "b"}])),
    "documents": chat(m(U, "q"), documents=[{"title": "t", "text": "one"}, {"title": "u", "text": "two"}], tools=[tool2], controls={"length": "long", "n": 1}),
    "unknown role": chat(m("bot", "q")),
    "no bos": {"messages": [m(U, "x")], "add_generation_prompt": True},
    "none": chat(),
    "numbers": chat(m(U, 3)),
}


def render(text, context):
    try:
        return {"text": ct._compile_jinja_template(text).render(**dict({"tools": None, "documents": None}, **context))}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


formats = ["%d %b %Y", "%Y-%m-%d %H:%M:%S %j %A %a %B %y %I %p %%", "%-d/%-m %e", "", "é", "%F %T %D", "%-H:%-M:%-S %-I %-j %-y", "%-d.%-m.%Y"]

if __name__ == "__main__":
    cases = []
    for path in sorted(glob.glob(os.path.join(here, "templates", "*.jinja"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for name, context in contexts.items():
            cases.append(dict({"template": os.path.basename(path), "context": name}, **render(text, context)))
    dates = [dict({"source": "{{ strftime_now(" + repr(f) + ") }}"}, **render("{{ strftime_now(" + repr(f) + ") }}", {})) for f in formats]
    json.dump({"contexts": contexts, "cases": cases, "dates": dates}, sys.stdout, ensure_ascii=True, indent=0)
