package hf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"pgsrm/lm"
	"pgsrm/task"
)

// aMemory has a value in every field.
func aMemory() Memory {
	return Memory{
		Template: TemplateOptions{Use: "on", Date: "2026-11-28", Variables: `{"enable_thinking":false}`},
		System:   "Answer with \"one\" word: <&>\n", MaxNewTokens: 7, Stop: []string{"\n", "User:"},
		Answer: task.AnswerOptions{Normalize: "off", StripArticles: true, After: "####", FirstLine: true, Pattern: "(.*)"},
	}
}

// writeFile writes a file of a folder under test.
func writeFile(t *testing.T, text string, path ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path...), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A saved child remembers, its folder tells transformers the longest answer, and who
// saves it again without a word of the matter writes the same files.
func TestMemoryOfModel(t *testing.T) {
	m, err := Load("testdata/chat")
	if err != nil {
		t.Fatal(err)
	}
	if mem, ok := m.Memory(); ok {
		t.Errorf("a child that was not trained here must remember nothing, got %+v", mem)
	}
	if err := m.Remember(aMemory()); err != nil {
		t.Fatal(err)
	}
	first, again := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "again")
	if err := m.Save(first); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(first)
	if err != nil {
		t.Fatal(err)
	}
	if mem, ok := loaded.Memory(); !ok || !cmp.Equal(mem, aMemory()) {
		t.Errorf("got %+v, %v", mem, ok)
	}
	f, err := parseFields(generationFile, readText(t, first, generationFile))
	if err != nil || f.int(0, "max_new_tokens") != 7 || f.raw["stop_strings"] != nil || loaded.Config.EOS != m.Config.EOS {
		t.Errorf("got %s, %v", readText(t, first, generationFile), err)
	}
	if err := loaded.Save(again); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{memoryFile, generationFile, configFile} {
		if d := cmp.Diff(string(readText(t, first, name)), string(readText(t, again, name))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if text := loaded.Warning(); text != "" {
		t.Errorf("got %q", text)
	}
}

func readText(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Beside an adapter stand the tokenizer, the chat template and the memory, which
// come before those of the base.
func TestMemoryOfAdapter(t *testing.T) {
	load := func() *Model {
		m, err := Load("testdata/chat")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	adapted := func() *Model {
		m := load()
		if err := m.AddLoRA(LoRA{LoRA: lm.LoRA{Rank: 2, Alpha: 4}, Targets: []string{AllLinear}}, 1); err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := adapted()
	if err := m.Remember(aMemory()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := m.SaveAdapter(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{tokenizerFile, tokenizerConfigFile, "chat_template.jinja"} {
		if d := cmp.Diff(string(readText(t, "testdata/chat", name)), string(readText(t, dir, name))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
		t.Error("a folder with config.json is a model to transformers")
	}

	writeFile(t, "{{ messages[0].content }}!", dir, "chat_template.jinja")
	m = load()
	if err := m.LoadAdapter(dir, true); err != nil {
		t.Fatal(err)
	}
	if mem, ok := m.Memory(); !ok || !cmp.Equal(mem, aMemory()) {
		t.Errorf("got %+v, %v", mem, ok)
	}
	p, err := m.Prompter("", DefaultTemplateOptions())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Chat("", "hot"); got != "hot!" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	m.Merge()
	merged := filepath.Join(t.TempDir(), "merged")
	if err := m.Save(merged); err != nil {
		t.Fatal(err)
	}
	if got := string(readText(t, merged, "chat_template.jinja")); got != "{{ messages[0].content }}!" {
		t.Errorf("got %q", got)
	}
	if mem, ok, err := ReadMemory(os.DirFS(merged)); !ok || !cmp.Equal(mem, aMemory()) || err != nil {
		t.Errorf("got %+v, %v, %v", mem, ok, err)
	}
	if err := adapted().SaveAdapter(dir); err != nil {
		t.Errorf("over the folder of an adapter with more files: %v", err)
	}
}

// A memory that cannot be used is one line that says what is wrong where.
func TestBadMemory(t *testing.T) {
	for text, want := range map[string]string{
		``:                                "pgsrm.json: not JSON: EOF",
		`[]`:                              "pgsrm.json: must be a JSON object (got [)",
		`{}`:                              "pgsrm.json: version must be 1 (it is absent)",
		`{"version":2}`:                   "pgsrm.json: version must be 1 (got 2)",
		`{"version":"one"}`:               `pgsrm.json: version must be a whole number (got "one")`,
		`{"version":1,"chat_template":3}`: "pgsrm.json: chat_template: must be a JSON object (got 3)",
		`{"version":1,"chat_template":{"use":"never"}}`:                `pgsrm.json: chat_template.use: must be one of auto, on, off (got "never")`,
		`{"version":1,"chat_template":{"system":["x"]}}`:               `pgsrm.json: chat_template: system must be a text (got ["x"])`,
		`{"version":1,"chat_template":{"date":"soon"}}`:                `pgsrm.json: chat_template.date: must be YYYY-MM-DD (got "soon")`,
		`{"version":1,"max_new_tokens":-1}`:                            "pgsrm.json: max_new_tokens must be between 0 and 1048576 (got -1)",
		`{"version":1,"max_new_tokens":1.5}`:                           "pgsrm.json: max_new_tokens must be a whole number (got 1.5)",
		`{"version":1,"stop":"x"}`:                                     `pgsrm.json: stop must be a list of texts (got "x")`,
		`{"version":1,"stop":["a",""]}`:                                "pgsrm.json: stop: must hold texts of 1 to 1024 bytes (got one of 0)",
		`{"version":1,"stop":[` + strings.Repeat(`"a",`, 64) + `"a"]}`: "pgsrm.json: stop: must have at most 64 texts (got 65)",
		`{"version":1,"answer":{"normalize":"maybe"}}`:                 `pgsrm.json: answer.normalize: must be one of auto, on, off (got "maybe")`,
		`{"version":1,"answer":{"first_line":"yes"}}`:                  `pgsrm.json: answer: first_line must be true or false (got "yes")`,
		`{"version":1,"answer":{"pattern":"("}}`:                       "pgsrm.json: answer.pattern: must be a regular expression (RE2): error parsing regexp: missing closing ): `(` (got \"(\")",
		`{"version":1,"answer":[]}`:                                    "pgsrm.json: answer: must be a JSON object (got [)",
		strings.Repeat(" ", maxMemory+1):                               "pgsrm.json: must have at most 1048576 bytes",
	} {
		_, ok, err := ReadMemory(fstest.MapFS{memoryFile: {Data: []byte(text)}})
		if ok || err == nil || err.Error() != want {
			t.Errorf("%.80s: got %v, want %s", text, err, want)
		}
	}
	if _, ok, err := ReadMemory(fstest.MapFS{}); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if err := new(Model).Remember(Memory{Template: DefaultTemplateOptions(), Answer: task.DefaultAnswerOptions(), MaxNewTokens: -1}); err == nil {
		t.Error("a memory that could not be read must not be written")
	}
}

// Members that are not known are ignored and told, as those of other files.
func TestUnknownMemory(t *testing.T) {
	_, unknown, err := decodeMemory([]byte(`{"version":1,"mood":"good","chat_template":{"tools":[]},"answer":{"tone":1}}`))
	if d := cmp.Diff([]string{"pgsrm.json: mood", "pgsrm.json: chat_template: tools", "pgsrm.json: answer: tone"}, unknown); d != "" || err != nil {
		t.Errorf("%s%v", d, err)
	}
}

// A broken memory keeps a child from loading: its numbers would be others.
func TestBrokenMemory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "child")
	if err := os.CopyFS(dir, os.DirFS("testdata/chat")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, `{"version":1,"stop":3}`, dir, memoryFile)
	if _, err := Load(dir); err == nil || !strings.HasSuffix(err.Error(), "pgsrm.json: stop must be a list of texts (got 3)") {
		t.Errorf("got %v", err)
	}
}

func FuzzMemory(f *testing.F) {
	f.Add(aMemory().encode())
	f.Add([]byte(`{"version":1,"stop":["a"],"chat_template":{"use":"off","x":null}}`))
	f.Add([]byte(`{"version":1`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, _, err := decodeMemory(text)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("must be one line: %q", err)
			}
			return
		}
		again, unknown, err := decodeMemory(m.encode())
		if len(m.Stop) == 0 {
			m.Stop, again.Stop = nil, nil
		}
		if err != nil || len(unknown) > 0 || !cmp.Equal(m, again) {
			t.Errorf("%q: got %+v, %q, %v, want %+v", text, again, unknown, err, m)
		}
	})
}
