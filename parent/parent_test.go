package parent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgsrm/task"
)

var items = []task.Item{
	{ID: "a", Prompt: "The opposite of 'hot' is ", Input: "hot", Reference: "cold"},
	{ID: "b", Prompt: "The opposite of 'big' is ", Input: "big", Reference: "small"},
	{ID: "c", Prompt: "The opposite of 'wet' is ", Input: "wet"},
}

// texts replaces each result by its answer, or "!" for a missing answer.
func texts(t *testing.T, rs []Result) []string {
	t.Helper()
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = r.Answer
		if r.Err != nil {
			if !errors.Is(r.Err, errNoAnswer) || r.Answer != "" {
				t.Errorf("result %d: got %q, %v, want errNoAnswer alone", i, r.Answer, r.Err)
			}
			out[i] = "!"
		}
	}
	return out
}

func TestTable(t *testing.T) {
	got := texts(t, tableParent{}.Answers(t.Context(), items))
	if d := cmp.Diff([]string{"cold", "small", "!"}, got); d != "" {
		t.Error(d)
	}
}

func TestFileKeys(t *testing.T) {
	for name, in := range map[string]string{
		"id":             `{"id":"a","answer":"x"}` + "\n" + `{"id":"c","answer":"y"}`,
		"prompt":         "\xef\xbb\xbf" + `{"prompt":"The opposite of 'hot' is ","reference":"x"}` + "\r\n\r\n" + `{"id":"c","answer":"y","extra":1}` + "\n",
		"input":          `{"input":"hot","answer":"x"}` + "\n" + `{"input":"wet","answer":"y"}`,
		"id over prompt": `{"id":"a","answer":"x"}` + "\n" + `{"prompt":"The opposite of 'hot' is ","answer":"no"}` + "\n" + `{"id":"c","answer":"y"}`,
	} {
		t.Run(name, func(t *testing.T) {
			f, err := readJSONL(strings.NewReader(in))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"x", "!", "y"}, texts(t, f.Answers(t.Context(), items))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCSV(t *testing.T) {
	f, err := readCSV(strings.NewReader("\xef\xbb\xbfInput,note, Answer\r\nhot,\"one, two\",cold\r\nwet,,\"very \"\"dry\"\"\"\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"cold", "!", `very "dry"`}, texts(t, f.Answers(t.Context(), items))); d != "" {
		t.Error(d)
	}
}

// Every fault of a file is one line that names the line and the fault.
func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ name, file, in, want string }{
		{"no answer", "x.jsonl", "{\"id\":\"a\",\"answer\":\"x\"}\n{\"id\":\"b\"}", `line 2: must have a text "answer" (or "reference")`},
		{"empty answer", "x.jsonl", `{"id":"b","answer":" "}`, `line 1: must have a text "answer" (or "reference")`},
		{"no key", "x.jsonl", `{"answer":"x"}`, `line 1: must have "id", "prompt" or "input"`},
		{"not json", "x.jsonl", "hello", "line 1: must be a JSON object with text fields (got invalid character 'h' looking for beginning of value)"},
		{"number", "x.jsonl", `{"id":"a","answer":3}`, "line 1: must be a JSON object with text fields (got json: cannot unmarshal number into Go struct field row.answer of type string)"},
		{"two answers", "x.jsonl", "{\"id\":\"a\",\"answer\":\"x\"}\n\n{\"id\":\"a\",\"answer\":\"y\"}", `line 3: id "a" must have one answer (got "x" and "y")`},
		{"empty", "x.jsonl", "\n", "must hold at least one answer (got an empty file)"},
		{"empty csv", "x.csv", "", "line 1: must be a header line (got EOF)"},
		{"csv without answer", "x.CSV", "id,text\na,b\n", `line 2: must have a text "answer" (or "reference")`},
		{"short csv line", "x.csv", "id,answer\na\n", "record on line 2: wrong number of fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(path, []byte(c.in), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open("file:"+path, &task.Task{}, Options{})
			want := "parent: " + path + ": " + c.want
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	full := &task.Task{Name: "opposites", Items: items}
	p, err := Open("builtin", full, Options{})
	if err != nil || p.Identity() != "builtin" {
		t.Fatalf("got %v, %v", p, err)
	}
	for spec, want := range map[string]string{
		"":            `parent: must be one of builtin, file:PATH, openai:MODEL@URL, hf:ORG/NAME, a GGUF file or a folder (got "")`,
		"file:":       `parent: must be one of builtin, file:PATH, openai:MODEL@URL, hf:ORG/NAME, a GGUF file or a folder (got "file:")`,
		"gpt":         `parent: must be one of builtin, file:PATH, openai:MODEL@URL, hf:ORG/NAME, a GGUF file or a folder (got "gpt")`,
		"file:/no/so": "parent: open /no/so: no such file or directory",
	} {
		if _, err := Open(spec, full, Options{}); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", spec, err, want)
		}
	}
	want := `parent: builtin needs a task with reference answers (task "mine" has none)`
	if _, err := Open("builtin", &task.Task{Name: "mine", Items: items[2:]}, Options{}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// flaky fails every item on its first call.
type flaky struct{ calls [][]string }

func (f *flaky) Identity() string { return "flaky" }

func (f *flaky) Answers(ctx context.Context, items []task.Item) []Result {
	var ids []string
	out := make([]Result, len(items))
	for i, it := range items {
		ids = append(ids, it.ID)
		out[i] = Result{Answer: "about " + it.Input}
		if len(f.calls) == 0 && it.ID == "b" {
			out[i] = Result{Err: itemError(it, errors.New("timeout"))}
		}
	}
	f.calls = append(f.calls, ids)
	return out
}

// Answers are remembered, errors are not.
func TestMemo(t *testing.T) {
	f := &flaky{}
	p := stack(f, Options{})
	first := p.Answers(t.Context(), items)
	if first[1].Err == nil || first[0].Answer != "about hot" || first[2].Answer != "about wet" {
		t.Errorf("first: %v", first)
	}
	for range 2 {
		if got := p.Answers(t.Context(), items); got[1].Answer != "about big" || got[0].Answer != "about hot" {
			t.Errorf("later: %v", got)
		}
	}
	if d := cmp.Diff([][]string{{"a", "b", "c"}, {"b"}}, f.calls); d != "" {
		t.Error(d)
	}
}

func FuzzReadJSONL(f *testing.F) {
	f.Add(`{"id":"a","answer":"x"}` + "\n" + `{"prompt":"p","reference":"y"}`)
	f.Add("\xef\xbb\xbf{}\n")
	f.Fuzz(func(t *testing.T, in string) {
		if p, err := readJSONL(strings.NewReader(in)); err == nil {
			p.Answers(t.Context(), items)
		}
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add("input,answer\nhot,cold\n")
	f.Add("id,answer\n\"a")
	f.Fuzz(func(t *testing.T, in string) {
		if p, err := readCSV(strings.NewReader(in)); err == nil {
			p.Answers(t.Context(), items)
		}
	})
}
