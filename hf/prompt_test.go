package hf

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/task"
)

// chatGolden is testdata/chat/golden.json: what transformers makes of prompts.
type chatGolden struct {
	Cases []struct {
		Template, System, Prompt string
		IDs                      []int32
		Error                    string
	}
	Answers []struct {
		Prompt      string
		IDs, Answer []int32
		Text        string
	}
}

func readChatGolden(t *testing.T) (g chatGolden) {
	t.Helper()
	text, err := os.ReadFile("testdata/chat/golden.json")
	if err == nil {
		err = json.Unmarshal(text, &g)
	}
	if err != nil || len(g.Cases) == 0 || len(g.Answers) == 0 {
		t.Fatalf("golden.json: got %d cases, %v", len(g.Cases), err)
	}
	return g
}

// The tokens of a prompt are those of apply_chat_template with a generation
// prompt: special tokens recognised, BOS where the template writes it alone.
func TestPrompterTokens(t *testing.T) {
	m, err := Load("testdata/chat")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range readChatGolden(t).Cases {
		source, err := os.ReadFile(filepath.Join("../tokenizer/chat/testdata/templates", c.Template))
		if err != nil {
			t.Fatal(err)
		}
		m.files["chat_template.jinja"] = source
		p, err := m.Prompter(c.System, DefaultTemplateOptions())
		var got []int32
		if err == nil {
			got, err = p.Tokens(c.Prompt)
		}
		switch {
		case (err != nil) != (c.Error != ""):
			t.Errorf("%s, system %q, %q: got %v, want %q", c.Template, c.System, c.Prompt, err, c.Error)
		case err == nil:
			if d := cmp.Diff(c.IDs, got); d != "" {
				t.Errorf("%s, system %q, %q: %s", c.Template, c.System, c.Prompt, d)
			}
		}
	}
}

// Greedy answers through the folder's template are those of transformers' generate.
func TestPrompterGreedy(t *testing.T) {
	m, err := Load("testdata/chat")
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Prompter("", DefaultTemplateOptions())
	if err != nil || !p.Templated() {
		t.Fatalf("got %v, %v", p, err)
	}
	var prompts [][]int32
	answers := readChatGolden(t).Answers
	for _, a := range answers {
		ids, err := p.Tokens(a.Prompt)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(a.IDs, ids); d != "" {
			t.Error(d)
		}
		prompts = append(prompts, ids)
	}
	gens, err := m.Greedy(t.Context(), prompts, 12, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		if d := cmp.Diff(a.Answer, gens[i].Tokens); d != "" {
			t.Errorf("%q: %s", a.Prompt, d)
		}
		if got := m.Tokenizer.Decode(gens[i].Tokens, true); got != a.Text {
			t.Errorf("%q: got %q, want %q", a.Prompt, got, a.Text)
		}
	}
}

// An answer to learn ends with the token that the template puts after answers,
// which need not be the first end token of the model.
func TestPrompterResponse(t *testing.T) {
	m, err := Load("testdata/chat")
	if err != nil {
		t.Fatal(err)
	}
	id := func(token string) int32 { id, _ := m.Tokenizer.ID(token); return id }
	m.Config.EOS = id("</s>")
	p, err := m.Prompter("", DefaultTemplateOptions())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(append(m.Tokenizer.Encode("cold"), id("<|im_end|>")), p.Response(" ", "cold")); d != "" {
		t.Error(d)
	}
	off, err := m.Prompter("", TemplateOptions{Use: "off"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(append(m.Tokenizer.Encode(" cold"), id("</s>")), off.Response(" ", "cold")); d != "" {
		t.Error(d)
	}
	if ids, err := off.Tokens("<s>x"); err != nil || cmp.Diff(m.Tokenizer.Encode("<s>x"), ids) != "" {
		t.Errorf("without a template: got %v, %v", ids, err)
	}
}

func TestPrompterErrors(t *testing.T) {
	jinja := func(s string) map[string]string { return map[string]string{"chat_template.jinja": s} }
	config := func(s string) map[string]string {
		return map[string]string{"chat_template.jinja": "", "tokenizer_config.json": s}
	}
	for _, c := range []struct {
		name   string
		files  map[string]string // "" removes the file
		opt    TemplateOptions
		system string
		want   string // "" = none
	}{
		{"use", nil, TemplateOptions{Use: "yes"}, "", `chat template: use: must be one of auto, on, off (got "yes")`},
		{"date", nil, TemplateOptions{Use: "on", Date: "today"}, "", `chat template: date: must be YYYY-MM-DD (got "today")`},
		{"variables", nil, TemplateOptions{Use: "on", Variables: "[]"}, "", `chat template: variables: must be a JSON object (got list)`},
		{"reserved variable", nil, TemplateOptions{Use: "on", Variables: `{"messages":[]}`}, "", `chat template: variables: must not set "messages"`},
		{"none, but on", jinja(""), TemplateOptions{Use: "on"}, "", "chat template: the folder has none, and use is on"},
		{"none, but a system message", jinja(""), TemplateOptions{Use: "auto"}, "x", "chat template: a system message needs one, and none is in use"},
		{"off, but a system message", nil, TemplateOptions{Use: "off"}, "x", "chat template: a system message needs one, and none is in use"},
		{"unsupported", jinja("a\n{{ messages | sort }}"), TemplateOptions{Use: "auto"}, "", `chat template: line 2: filter "sort" is not supported (to do without the chat template: use off)`},
		{"unsupported, but off", jinja("{{ messages | sort }}"), TemplateOptions{Use: "off"}, "", ""},
		{"date missing", jinja("{{ strftime_now('%Y') }}"), TemplateOptions{Use: "auto"}, "", "chat template: line 1: the chat template asks for today's date, and none is given: set its date"},
		{"date given", jinja("{{ strftime_now('%Y') }}{{ messages[-1].content }}"), TemplateOptions{Use: "auto", Date: "2026-11-23"}, "", ""},
		{"variable given", jinja("{{ x + messages[-1].content }}"), TemplateOptions{Use: "auto", Variables: `{"x":"y"}`}, "", ""},
		{"refused", jinja("{{ raise_exception('no ' + messages[0].role) }}"), TemplateOptions{Use: "auto"}, "s", "chat template: line 1: the chat template refuses the messages: no system"},
		{"no answer", jinja("{{ messages[0].content }}"), TemplateOptions{Use: "auto"}, "", ""},
		{"config", config(`{"chat_template":"{{ messages[-1].content }}"}`), TemplateOptions{Use: "on"}, "", ""},
		{"named", config(`{"chat_template":[{"name":"rag","template":"{{"},{"name":"default","template":"{{ messages[-1].content }}"}]}`), TemplateOptions{Use: "on"}, "", ""},
		{"no default", config(`{"chat_template":[{"name":"rag","template":"x"}]}`), TemplateOptions{Use: "auto"}, "", `tokenizer_config.json: chat_template must have one named default (got ["rag"]) (to do without the chat template: use off)`},
		{"number", config(`{"chat_template":3}`), TemplateOptions{Use: "auto"}, "", `tokenizer_config.json: chat_template must be a text or a list of objects with name and template (to do without the chat template: use off)`},
		{"token of the class", config(`{"tokenizer_class":"LlamaTokenizer","chat_template":"{{ bos_token }}"}`), TemplateOptions{Use: "auto"}, "", "chat template: line 1: bos_token must stand in tokenizer_config.json, as text or null: the chat template asks for it"},
		{"token null", config(`{"tokenizer_class":"LlamaTokenizer","bos_token":null,"chat_template":"{{ bos_token }}{{ messages[-1].content }}"}`), TemplateOptions{Use: "auto"}, "", ""},
		{"token object", config(`{"bos_token":{"content":"<s>"},"chat_template":"{{ bos_token + messages[-1].content }}"}`), TemplateOptions{Use: "auto"}, "", ""},
		{"bad token", config(`{"bos_token":3,"chat_template":"x"}`), TemplateOptions{Use: "auto"}, "", "bos_token must be a text or an object with content (got 3) (to do without the chat template: use off)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Load("testdata/chat")
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range c.files {
				if m.files[name] = []byte(text); text == "" {
					delete(m.files, name)
				}
			}
			_, err = m.Prompter(c.system, c.opt)
			if got := errorText(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return strings.TrimSpace(err.Error())
}

// A conversation is the messages in turn; without a template a text that the model
// continues.
func TestConversation(t *testing.T) {
	m, err := Load("testdata/chat")
	if err != nil {
		t.Fatal(err)
	}
	m.files["chat_template.jinja"] = []byte("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}")
	turns := []Turn{{"hot", "cold"}, {"big", "small"}, {User: "old"}}
	for use, want := range map[string]string{
		"on":  "[system]s[user]hot[assistant]cold[user]big[assistant]small[user]old>",
		"off": "hotcold\nbigsmall\nold",
	} {
		p, err := m.Prompter("", TemplateOptions{Use: use})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Conversation("s", turns); got != want || err != nil {
			t.Errorf("%s: got %q, %v", use, got, err)
		}
	}
}

// An item that is a conversation goes through the template as a whole; its system message
// comes before that of the prompter. Without a template it is its text.
func TestItemsThatAreConversations(t *testing.T) {
	m, err := Load("testdata/chat")
	if err != nil {
		t.Fatal(err)
	}
	m.files["chat_template.jinja"] = []byte("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{% if add_generation_prompt %}>{% endif %}")
	all := []task.Message{{Role: "user", Content: "hot"}, {Role: "assistant", Content: "cold"}, {Role: "user", Content: "big"}}
	with := append([]task.Message{{Role: "system", Content: "mine"}}, all...)
	for _, c := range []struct {
		use  string
		it   task.Item
		want string
	}{
		{"on", task.Item{Prompt: "hot\ncold\nbig", Messages: all}, "[system]given[user]hot[assistant]cold[user]big>"},
		{"on", task.Item{Prompt: "mine\nhot\ncold\nbig", Messages: with}, "[system]mine[user]hot[assistant]cold[user]big>"},
		{"on", task.Item{Prompt: "hot"}, "[system]given[user]hot>"},
		{"off", task.Item{Prompt: "hot\ncold\nbig", Messages: all}, "hot\ncold\nbig"},
	} {
		system := "given"
		if c.use == "off" {
			system = ""
		}
		p, err := m.Prompter(system, TemplateOptions{Use: c.use})
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Item(c.it)
		if want := p.Encode(c.want); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s %+v: got %v, %v, want %v", c.use, c.it, got, err, want)
		}
	}
}
