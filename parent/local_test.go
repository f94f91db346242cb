package parent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/remote/completions"
	"pgsrm/task"
	"pgsrm/tokenizer"
)

// plainTemplate writes each message after its role, a line each.
const plainTemplate = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{{ 'assistant:' if add_generation_prompt }}"

// localFolder makes a tiny model that has learned to answer inputs, and returns
// its folder; template is its chat template, "" for none.
func localFolder(t *testing.T, template string, inputs map[string]string) string {
	t.Helper()
	var texts []string
	for in, answer := range inputs {
		texts = append(texts, in, answer)
	}
	tok, err := tokenizer.TrainBPE([]string{strings.Join(texts, " ")}, 280, []string{"<|end|>"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := lm.GPT2(1, 32, 2, tok.Size(), 256)
	cfg.EOS, _ = tok.ID("<|end|>")
	m, err := lm.NewRandom(cfg, 1)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []lm.Sequence
	for in, answer := range inputs {
		prompt := tok.Encode(in)
		seqs = append(seqs, lm.Sequence{Tokens: append(append(prompt, tok.Encode(answer)...), cfg.EOS), From: len(prompt)})
	}
	opt, state := lm.NewAdamW(), m.NewState(true)
	for range 150 {
		m.Supervised(state, seqs)
		opt.Step(m, 0.01, 1)
	}
	dir := filepath.Join(t.TempDir(), "model")
	if err := (&hf.Model{Model: m, Tokenizer: tok}).Save(dir); err != nil {
		t.Fatal(err)
	}
	if template != "" {
		if err := os.WriteFile(filepath.Join(dir, "chat_template.jinja"), []byte(template), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func openLocal(t *testing.T, dir string, change func(*ChatOptions)) *localParent {
	t.Helper()
	o := DefaultChatOptions()
	o.MaxTokens = 8
	if change != nil {
		change(&o)
	}
	l, err := loadLocal(dir, opposites, o, 2)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A local model answers what it has learned: instruction and prompt through its
// chat template, or a line each.
func TestLocalAnswers(t *testing.T) {
	for name, c := range map[string]struct{ template, system, user, in string }{
		"plain":        {"", "{instruction}", "{prompt}", "Give the opposite.\nThe opposite of '?' is "},
		"no system":    {"", "", "{input}", "?"},
		"template":     {plainTemplate, "{instruction}", "{prompt}", "system: Give the opposite.\nuser: The opposite of '?' is \nassistant:"},
		"template off": {plainTemplate, "", "{prompt}", "The opposite of '?' is "},
	} {
		t.Run(name, func(t *testing.T) {
			learned := map[string]string{}
			for in, answer := range map[string]string{"hot": "cold", "big": "small", "wet": "\n dry \nand more"} {
				learned[strings.ReplaceAll(c.in, "?", in)] = answer
			}
			l := openLocal(t, localFolder(t, c.template, learned), func(o *ChatOptions) {
				o.System, o.User = c.system, c.user
				o.MaxTokens = 40
				if name == "template off" {
					o.Template.Use = "off"
				}
			})
			want := []Result{{Answer: "cold"}, {Answer: "small"}, {Answer: "dry"}}
			if d := cmp.Diff(want, l.Answers(t.Context(), items)); d != "" {
				t.Error(d)
			}
			for i, it := range items { // an answer does not depend on those beside it
				if d := cmp.Diff(want[i:i+1], l.Answers(t.Context(), []task.Item{it})); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// A GGUF file answers as the folder that it was made of; its identity is that of the file.
func TestLocalGGUF(t *testing.T) {
	folder := localFolder(t, plainTemplate, map[string]string{"user: hot\nassistant:": "cold"})
	m, err := hf.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	var identities []string
	for _, name := range []string{"a.gguf", "b.GGUF"} {
		file := filepath.Join(t.TempDir(), name)
		if err := m.SaveGGUF(file); err != nil {
			t.Fatal(err)
		}
		l := openLocal(t, file, func(o *ChatOptions) { o.System, o.User, o.MaxTokens = "", "{input}", 40 })
		if d := cmp.Diff([]Result{{Answer: "cold"}}, l.Answers(t.Context(), items[:1])); d != "" {
			t.Error(d)
		}
		identities = append(identities, l.Identity())
	}
	if identities[0] != identities[1] || identities[0] == openLocal(t, folder, nil).Identity() {
		t.Errorf("identities %q, want the same twice, and not the folder's", identities)
	}
}

// The identity is of the folder's content, the request of all that is asked.
func TestLocalIdentity(t *testing.T) {
	learned := map[string]string{"hot": "cold"}
	a, b := localFolder(t, plainTemplate, learned), localFolder(t, plainTemplate, learned)
	one, other := openLocal(t, a, nil), openLocal(t, b, nil)
	if one.Identity() != other.Identity() || !strings.HasPrefix(one.Identity(), "local:") {
		t.Errorf("a copy must be the same parent (got %s and %s)", one.Identity(), other.Identity())
	}
	request := one.Request(items[0])
	for name, changed := range map[string]*localParent{
		"max tokens": openLocal(t, a, func(o *ChatOptions) { o.MaxTokens = 9 }),
		"max answer": openLocal(t, a, func(o *ChatOptions) { o.MaxAnswer = 9 }),
		"system":     openLocal(t, a, func(o *ChatOptions) { o.System = "" }),
		"template":   openLocal(t, a, func(o *ChatOptions) { o.Template.Use = "off" }),
	} {
		if changed.Request(items[0]) == request {
			t.Errorf("another %s must be another request", name)
		}
	}
	if one.Request(items[1]) == request {
		t.Error("another prompt must be another request")
	}
	if err := os.WriteFile(filepath.Join(b, "chat_template.jinja"), []byte(plainTemplate+" "), 0o600); err != nil {
		t.Fatal(err)
	}
	if openLocal(t, b, nil).Identity() == one.Identity() {
		t.Error("another template must be another parent")
	}
}

func TestLocalRead(t *testing.T) {
	l := openLocal(t, localFolder(t, "", map[string]string{"hot": "cold"}), nil)
	for _, c := range []struct {
		text, finish, want string
		reason             completions.Reason // "" = none
	}{
		{" cold ", "eos", "cold", ""},
		{"\n\n cold\nor so", "length", "cold", ""},
		{"<think>\nhm\n</think>\n\ncold", "eos", "cold", ""},
		{"<think>\nhm", "length", "", completions.CutShort},
		{"cold and", "length", "", completions.CutShort},
		{" \n ", "eos", "", emptyAnswer},
		{strings.Repeat("cold ", 20), "eos", "", tooLong},
		{"co\x01ld", "eos", "", noText},
	} {
		got, err := l.read(lm.Generation{Tokens: l.model.Tokenizer.Encode(c.text), Finish: c.finish})
		var refused *completions.RefusedError
		if errors.As(err, &refused); got != c.want || (err == nil) != (c.reason == "") || err != nil && refused.Reason != c.reason {
			t.Errorf("%q: got %q, %v, want %q, %s", c.text, got, err, c.want, c.reason)
		}
	}
}

// stack remembers the answers of a local model by what it is asked.
func TestLocalIsCostly(t *testing.T) {
	dir := localFolder(t, "", map[string]string{"hot": "cold", "big": "small"})
	o := DefaultChatOptions()
	o.System, o.User, o.MaxTokens = "", "{input}", 8
	p, err := Open(dir, opposites, Options{Chat: &o})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.(*cached); !ok {
		t.Fatalf("got %T, want a cached parent", p)
	}
	for range 2 {
		if d := cmp.Diff([]Result{{Answer: "cold"}, {Answer: "small"}}, p.Answers(t.Context(), items[:2])); d != "" {
			t.Error(d)
		}
	}
	if c := p.(*cached).Counts(); c.Misses != 2 {
		t.Errorf("must ask once for each prompt (got %+v)", c)
	}
}

func TestLocalErrors(t *testing.T) {
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	plain := localFolder(t, "", map[string]string{"hot": "cold"})
	strict := localFolder(t, "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ messages[-1].content }}", map[string]string{"hot": "cold"})
	broken := localFolder(t, "{{ x | sort }}", map[string]string{"hot": "cold"})
	for _, c := range []struct {
		spec, want string
		use        string
	}{
		{t.TempDir(), "config.json is missing", "auto"},
		{"hf:some/model", "parent: hf:some/model: must be in the cache", "auto"},
		{plain, "chat template: the folder has none, and use is on", "on"},
		{broken, `filter "sort" is not supported`, "auto"},
		{plain, `chat.template.use: must be one of auto, on, off (got "")`, ""},
	} {
		o := DefaultChatOptions()
		o.Template.Use = c.use
		if _, err := Open(c.spec, opposites, Options{Chat: &o}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want ...%s...", c.spec, err, c.want)
		}
	}
	l := openLocal(t, strict, nil)
	err := l.Answers(t.Context(), items[:1])[0].Err
	want := `parent: item "a": chat template: line 1: the chat template refuses the messages: no system (some know no system message: chat.system may be empty)`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	long := task.Item{ID: "long", Prompt: strings.Repeat("x", 300)}
	rs := openLocal(t, plain, nil).Answers(t.Context(), []task.Item{long})
	if rs[0].Err == nil || !strings.Contains(rs[0].Err.Error(), "must fit in the context of 256") {
		t.Errorf("got %v", rs)
	}
}

// What is not known in the folder is told once, when it is opened.
func TestLocalTellsUnknownMembers(t *testing.T) {
	dir := localFolder(t, "", map[string]string{"hot": "cold"})
	config := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(text), "{", `{"unsloth_fixed":true,`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []string
	if _, err := Open(dir, opposites, Options{Warn: func(text string) { told = append(told, text) }}); err != nil {
		t.Fatal(err)
	}
	want := []string{"parent: ignored, since what they mean is not known: config.json: unsloth_fixed"}
	if d := cmp.Diff(want, told); d != "" {
		t.Error(d)
	}
}

// A model that was trained here is asked as it was trained, unless the options say how.
func TestLocalRemembers(t *testing.T) {
	dir := localFolder(t, plainTemplate, map[string]string{"hot": "cold"})
	memory := `{"version":1,"chat_template":{"use":"auto","system":"Be brief."}}`
	if err := os.WriteFile(filepath.Join(dir, "pgsrm.json"), []byte(memory), 0o644); err != nil {
		t.Fatal(err)
	}
	item := task.Item{ID: "hot", Prompt: "hot", Input: "hot"}
	for name, c := range map[string]struct {
		change func(*ChatOptions)
		want   string
		told   bool
	}{
		"as trained":  {nil, "system: Be brief.\nuser: hot\nassistant:", true},
		"own system":  {func(o *ChatOptions) { o.System = "" }, "user: hot\nassistant:", false},
		"no template": {func(o *ChatOptions) { o.Template.Use = "off" }, "Give the opposite.\nhot", false},
	} {
		l := openLocal(t, dir, c.change)
		if got, err := l.input(item); got != c.want || err != nil || (l.told != "") != c.told {
			t.Errorf("%s: got %q, %v, told %q, want %q", name, got, err, l.told, c.want)
		}
	}
}
