package hf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"pgsrm/lm"
)

// saveCard saves the chat model with a card and returns its front matter and its text.
func saveCard(t *testing.T, m *Model, c Card, save func(dir string) error) (head cardHead, text, dir string) {
	t.Helper()
	m.Describe(c)
	dir = filepath.Join(t.TempDir(), "child")
	if err := save(dir); err != nil {
		t.Fatal(err)
	}
	text = string(readText(t, dir, cardFile))
	front, _, ok := strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	if !ok || yaml.Unmarshal([]byte(front), &head) != nil {
		t.Fatalf("front matter of %s", text)
	}
	return head, text, dir
}

// A saved child has a model card as the hub reads it: licence and language of the base,
// and foreign text that stays text.
func TestCard(t *testing.T) {
	base := "---\nlicense: apache-2.0\nlanguage:\n- en\n- de\nbase_model: other/base\ntags:\n- x\n---\n# A model\n"
	m, err := loadFS(overlay(t, "testdata/chat", map[string]string{cardFile: base}), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Remember(aMemory()); err != nil {
		t.Fatal(err)
	}
	head, text, dir := saveCard(t, m, Card{
		Title: "a <b> child", Base: "org/name", Tags: []string{"sft"}, Made: [][]string{{"seed", "1"}},
		Command: "pgsrm sft --x '```'", Program: "pgsrm 1", Results: [][]string{{"", "before"}, {"exact", "1%"}},
		Samples: [][]string{{"prompt", "after"}, {"a | b\n# c", "<script>\x1b[2J`*" + strings.Repeat("x", 500)}}, Origin: "The weights.",
	}, m.Save)
	want := cardHead{
		License: "apache-2.0", Language: []string{"en", "de"}, Library: "transformers", Pipeline: "text-generation",
		Base: "org/name", Tags: []string{"pgsrm", "sft"},
	}
	if d := cmp.Diff(want, head); d != "" {
		t.Error(d)
	}
	for _, part := range []string{
		"\n# a &lt;b&gt; child\n", "\n| seed | 1 |\n", "\n````sh\npgsrm sft --x '```'\n````\n", "\n| exact | 1% |\n",
		`| a \| b \# c | &lt;script&gt;\\x1b\[2J` + "\\`\\*xxx", " ... |\n", "names the licence apache-2.0.\n",
		"max_new_tokens=7", `{"role": "system", "content": "Answer with \"one\" word: <&>\n"}`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("a control character in the card")
	}

	// a child that is trained on keeps what is known, and replaces the card
	again, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ = saveCard(t, again, Card{Title: "again"}, again.Save)
	if head.Base != "org/name" || head.License != "apache-2.0" {
		t.Errorf("got %+v", head)
	}
	if err := again.Save(dir); err != nil {
		t.Errorf("over a folder with a card of ours: %v", err)
	}
	writeFile(t, "# my own words", dir, cardFile)
	if err := again.Save(dir); err == nil || !strings.HasSuffix(err.Error(), "(it holds README.md)") {
		t.Errorf("a card of somebody else must not be replaced, got %v", err)
	}
}

// The card of an adapter says so, and where nothing is known nothing is said.
func TestCardOfAdapter(t *testing.T) {
	m, err := Load("testdata/gpt2")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.AddLoRA(LoRA{LoRA: lm.LoRA{Rank: 2, Alpha: 4}, Targets: []string{AllLinear}}, 1); err != nil {
		t.Fatal(err)
	}
	head, text, dir := saveCard(t, m, Card{Title: "x", Base: "not a name of the hub"}, m.SaveAdapter)
	if d := cmp.Diff(cardHead{Library: "peft", Pipeline: "text-generation", Tags: []string{"pgsrm", "lora"}}, head); d != "" {
		t.Error(d)
	}
	for _, part := range []string{"## Results", "## Sample", "## Command", "## How"} {
		if strings.Contains(text, part) {
			t.Errorf("an empty part %q", part)
		}
	}
	if !strings.Contains(text, "licence of the weights it began with is not known") {
		t.Error(text)
	}
	if err := m.SaveAdapter(dir); err != nil {
		t.Error(err)
	}
	m.DropLoRA()
	if err := m.LoadAdapter(dir, true); err != nil {
		t.Error(err)
	}
}

// What a card says that is no licence, language or name is taken for none.
func TestForeignCard(t *testing.T) {
	for text, want := range map[string]cardHead{
		"":                               {},
		"# no front matter":              {},
		"---\nlicense: mit\n":            {},
		"---\nlicense: [mit]\n---\n":     {},
		"---\nlicense: \"a b\"\n---\n":   {},
		"---\n: : :\n---\n":              {},
		"---\r\nlicense: mit\r\n---\r\n": {License: "mit"},
		"---\nlicense: other\nlicense_name: own-1\nlicense_link: https://example.org/LICENSE\nlanguage: en\n---\nx": {License: "other", LicenseName: "own-1", LicenseLink: "https://example.org/LICENSE", Language: []string{"en"}},
		"---\nlicense_link: javascript:alert(1)\nbase_model: a/b\n---\n":                                            {},
		"---\nbase_model: a/b\n---\n" + cardMark:                                                                    {Base: "a/b"},
	} {
		got := readCard(fstest.MapFS{cardFile: {Data: []byte(text)}})
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
	if got := readCard(os.DirFS(t.TempDir())); !cmp.Equal(got, cardHead{}) {
		t.Errorf("got %+v", got)
	}
}

func FuzzCard(f *testing.F) {
	f.Add([]byte("---\nlicense: mit\nlanguage: [en]\n---\n" + cardMark))
	f.Add([]byte("---\na: &a [x]\nb: [*a, *a]\n---\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		h := readCard(fstest.MapFS{cardFile: {Data: text}})
		for _, s := range append([]string{h.License, h.LicenseName, h.Base}, h.Language...) {
			if strings.ContainsAny(s, "\n\x1b:") {
				t.Errorf("got %q", s)
			}
		}
	})
}
