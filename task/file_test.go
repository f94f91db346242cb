package task

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readText reads the content of a file of that name.
func readText(name, content string, o Options) (*Task, error) {
	m, err := parseMap(o.Map)
	if err != nil {
		return nil, err
	}
	b := newBuilder(m, o)
	err = eachOf(part{title: name}, strings.NewReader(content), formatOf(name), b.addTo(""))
	if err != nil && err != errEnough {
		return nil, err
	}
	return b.task(name)
}

func TestReadJSONL(t *testing.T) {
	text := "\xef\xbb\xbf" + `{"prompt":"2+2=","reference":"4","accepted":["four"],"split":"held-out","id":"sum"}` + "\r\n\r\n" +
		`{"prompt":" 3+3= ","input":"3+3","reference":"6","split":"train"}` + "\n" + `{"prompt":"4+4="}`
	k, err := readText("dir/sums.jsonl", text, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{
		{ID: "sum", Prompt: "2+2=", Reference: "4", Accepted: []string{"four"}, Split: HeldOut},
		{ID: promptID(" 3+3= "), Prompt: " 3+3= ", Input: "3+3", Reference: "6", Split: Train},
		{ID: promptID("4+4="), Prompt: "4+4=", Split: HeldOut}, // by its hash,
	}
	if d := cmp.Diff(want, k.Items); d != "" {
		t.Error(d)
	}
	if k.Name != "sums" || k.Kind != Lexical || k.MaxNewTokens != 5 { // by the references that there are
		t.Errorf("name %q, kind %q, tokens %d", k.Name, k.Kind, k.MaxNewTokens)
	}
}

// The kind is that of the references that there are; without any it is not known,
// and there is room for a sentence.
func TestKindOfReferences(t *testing.T) {
	for _, c := range []struct {
		references []string
		want       Kind
		tokens     int
	}{
		{[]string{"red", "blue"}, Lexical, 5}, {[]string{"red", ""}, Lexical, 5}, {[]string{"it is red", ""}, Sentence, 16},
		{[]string{"red", "it is blue"}, Sentence, 16}, {[]string{"", ""}, Unknown, 16}, {[]string{" ", "red"}, Sentence, 16},
	} {
		var text strings.Builder
		for i, r := range c.references {
			fmt.Fprintf(&text, "{\"prompt\":\"p%d\",\"reference\":%q}\n", i, r)
		}
		k, err := readText("k.jsonl", text.String(), DefaultOptions())
		if err != nil || k.Kind != c.want || k.MaxNewTokens != c.tokens {
			t.Errorf("%q: got %+v, %v", c.references, k, err)
		}
	}
}

func TestReadCSV(t *testing.T) {
	text := "\xef\xbb\xbfreference,prompt,accepted,split\r\n4,\"2+2, then\r\nstop\",four|iv,train\r\n6,3+3=,,held-out\r\n"
	k, err := readText("sums.csv", text, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{
		{ID: promptID("2+2, then\nstop"), Prompt: "2+2, then\nstop", Reference: "4", Accepted: []string{"four", "iv"}, Split: Train},
		{ID: promptID("3+3="), Prompt: "3+3=", Reference: "6", Split: HeldOut},
	}
	if d := cmp.Diff(want, k.Items); d != "" {
		t.Error(d)
	}
	if k.Kind != Lexical || k.MaxNewTokens != 5 {
		t.Errorf("kind %q, tokens %d", k.Kind, k.MaxNewTokens)
	}
}

// TestBadFiles has one fault in each file and compares the whole error text.
func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.jsonl", "", "a.jsonl: must hold at least one prompt (got none)"},
		{"a.jsonl", "\n \r\n", "a.jsonl: must hold at least one prompt (got none)"},
		{"a.jsonl", "\n{\"prompt\":\" \"}", `a.jsonl:2: field "prompt": must not be empty`},
		{"a.jsonl", `{"reference":"x"}`, `a.jsonl:1: must have a prompt: a field prompt, question or messages, or one that --map prompt=COLUMN names (got reference)`},
		{"a.jsonl", `{"prompt":1}`, `a.jsonl:1: field "prompt": must be a string (got 1)`},
		{"a.jsonl", `{"prompt":null}`, `a.jsonl:1: field "prompt": must not be null`},
		{"a.jsonl", `{"prompt":"a","prompt":"b"}`, `a.jsonl:1: field "prompt": must stand once`},
		{"a.jsonl", `{"prompt":"a","anwser":"b"}`, `a.jsonl:1: field "anwser": is not known (did you mean "answer"? --map answer=anwser says so, --map answer= that there is none)`},
		{"a.jsonl", `{"prompt":"a","refrence":"b"}`, `a.jsonl:1: field "refrence": is not known (did you mean "reference"? --map reference=refrence says so, --map reference= that there is none)`},
		{"a.jsonl", `{"promt":"a"}`, `a.jsonl:1: field "promt": is not known (did you mean "prompt"? --map prompt=promt says so, --map prompt= that there is none)`},
		{"a.jsonl", `{"messages":[]}`, `a.jsonl:1: field "messages": must have 1 to 10000 messages (got 0)`},
		{"a.jsonl", `{"messages":"hi"}`, `a.jsonl:1: field "messages": must be a list of messages with role and content (got "hi")`},
		{"a.jsonl", `{"messages":[{"role":"tool","content":"x"}]}`, `a.jsonl:1: field "messages": message 1: role must be system, user or assistant (got "tool")`},
		{"a.jsonl", `{"messages":[{"role":"user","content":null}]}`, `a.jsonl:1: field "messages": message 1: content must be a string (got null)`},
		{"a.jsonl", `{"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, `a.jsonl:1: field "messages": message 1: content must have parts of type text alone (got "image_url")`},
		{"a.jsonl", `{"messages":[{"role":"assistant","content":"x"}]}`, `a.jsonl:1: field "messages": must have a message of the user last, before the answer`},
		{"a.jsonl", `{"messages":[{"role":"user","content":"x"},{"role":"user","content":"y"},{"role":"user","content":"z"}]}`, `a.jsonl:1: field "messages": user and assistant must take turns, after a system message if there is one (message 2 is of user)`},
		{"a.jsonl", `{"prompt":"a","completion":[{"role":"user","content":"x"}]}`, `a.jsonl:1: field "completion": must end with a message of the assistant (got one of user)`},
		{"a.jsonl", `{"prompt":"a","reference":{"b":1}}`, `a.jsonl:1: field "reference": must be a string (got {"b":1})`},
		{"a.jsonl", `{"chosen":"yes","rejected":"no"}`, `a.jsonl:1: must have a prompt: chosen and rejected do not begin alike`},
		{"a.json", `[{"prompt":"a"},{"prompt":1}]`, `a.json: row 2: field "prompt": must be a string (got 1)`},
		{"a.json", `[{"prompt":"a"},7]`, `a.json: row 2: must be a JSON object (got 7)`},
		{"a.json", `[{"prompt":"a"}`, `a.json: must be a JSON array: unexpected EOF`},
		{"a.json", `[{"prompt":"a"}] 1`, `a.json: nothing must follow the JSON array`},
		{"a.tsv", "prompt\treference\na\n", `a.tsv:2: must be valid CSV: wrong number of fields`},
		{"a.parquet", "PAR1", `a.parquet: must be a Parquet file: it has 4 bytes`},
		{"a.jsonl.gz", "\x1f\x8b\x08", `a.jsonl.gz: unexpected EOF`},
		{"a.jsonl.zst", "\x28\xb5\x2f\xfd\x04", `a.jsonl.zst:1: unexpected EOF`},
		{"a.jsonl", `{"prompt":"a","accepted":"b"}`, `a.jsonl:1: field "accepted": must be a list of strings (got "b")`},
		{"a.jsonl", `{"prompt":"a","accepted":["b",""]}`, `a.jsonl:1: field "accepted": must not hold an empty answer`},
		{"a.jsonl", `{"prompt":"a","split":"test"}`, `a.jsonl:1: field "split": must be train or held-out (got "test")`},
		{"a.jsonl", `["prompt"]`, `a.jsonl:1: must be a JSON object (got ["prompt"])`},
		{"a.jsonl", `{"prompt":"a"} {}`, `a.jsonl:1: must be a JSON object: invalid character '{' after top-level value`},
		{"a.jsonl", `{"prompt":"a"`, `a.jsonl:1: must be a JSON object: unexpected end of JSON input`},
		{"a.jsonl", `{"prompt":"a`, `a.jsonl:1: must be a JSON object: unexpected end of JSON input`},
		{"a.jsonl", "{\"prompt\":\"a\xff\"}", `a.jsonl:1: field "prompt": must be valid UTF-8`},
		{"a.jsonl", "{\"prompt\":\"a\",\"id\":\"x\"}\n{\"prompt\":\"b\",\"id\":\"x\"}", `a.jsonl:2: field "id": must be unique (a.jsonl:1 has it too, with another prompt)`},
		{"a.csv", "", "a.csv: must hold at least one prompt (got none)"},
		{"a.csv", "prompt\n", "a.csv: must hold at least one prompt (got none)"},
		{"a.csv", "reference\nx\n", `a.csv:2: must have a prompt: a field prompt, question or messages, or one that --map prompt=COLUMN names (got reference)`},
		{"a.csv", "prompt,anser\nx,y\n", `a.csv:2: field "anser": is not known (did you mean "answer"? --map answer=anser says so, --map answer= that there is none)`},
		{"a.csv", "prompt,prompt\nx,y\n", `a.csv:1: field "prompt": must stand once`},
		{"a.csv", "prompt,id\nx\n", `a.csv:2: must be valid CSV: wrong number of fields`},
		{"a.csv", "prompt\n\"x\n", `a.csv:2: must be valid CSV: extraneous or missing " in quoted-field`},
		{"a.csv", "prompt,id\nx,1\n ,2\n", `a.csv:3: field "prompt": must not be empty`},
		{"a.csv", "prompt\n\"x\ny\"\nz\xff\n", `a.csv:4: field "prompt": must be valid UTF-8`},
		{"a.csv", "prompt,accepted\nx,y|\n", `a.csv:2: field "accepted": must not hold an empty answer`},
	} {
		_, err := readText(c.name, c.text, DefaultOptions())
		if got := errText(err); got != c.want {
			t.Errorf("%s %q:\n got %s\nwant %s", c.name, c.text, got, c.want)
		}
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	for name, text := range map[string]string{"a.jsonl": `{"prompt":"` + long + `"}`, "a.csv": "prompt\n" + long + "\n"} {
		k, err := readText(name, text, DefaultOptions())
		if err != nil || k.Items[0].Prompt != long {
			t.Errorf("%s: a line of 3 MB is not read whole (error %v)", name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mine.JSONL")
	if err := os.WriteFile(path, []byte(`{"prompt":"a","reference":"b"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := Load(path, DefaultOptions())
	if err != nil || k.Name != "mine" || len(k.Select(Train)) != 1 {
		t.Errorf("Load(%s) = %+v, %v", path, k, err)
	}
	if k, err := Load("copy", DefaultOptions()); err != nil || k.Name != "copy" {
		t.Errorf("Load(copy) = %+v, %v", k, err)
	}
	_, err = Load("tasks.txt", DefaultOptions())
	if got, want := errText(err), `task: must be one of colors, opposites, categories, copy, sentiment, a file (.jsonl, .ndjson, .json, .csv, .tsv, .parquet, also with .gz or .zst), - or hf:datasets/ORG/NAME (got "tasks.txt")`; got != want {
		t.Errorf("error is %q, want %q", got, want)
	}
	if _, err := Load(filepath.Join(dir, "none.csv"), DefaultOptions()); err == nil {
		t.Error("a missing file gives no error")
	}
}

// check holds what every task read from a file promises.
func check(t *testing.T, k *Task) {
	seen := map[string]bool{}
	for _, it := range k.Items {
		if strings.TrimSpace(it.Prompt) == "" || it.ID == "" || seen[it.Prompt] || it.Split != Train && it.Split != HeldOut {
			t.Errorf("bad item %+v", it)
		}
		seen[it.Prompt] = true
	}
	if len(k.Items) == 0 || k.Digest() == "" {
		t.Error("a task without items")
	}
}

func FuzzJSONL(f *testing.F) {
	f.Add("\xef\xbb\xbf{\"prompt\":\"a\"}\r\n{\"prompt\":\"b\",\"accepted\":[\"c\"]}")
	f.Add(`{"prompt":"a","split":"train","id":"1","input":"i","reference":"r"}`)
	f.Add(`{"prompt":{"a":[1,2]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := readText("f.jsonl", text, DefaultOptions()); err == nil {
			check(t, k)
		} else if !strings.HasPrefix(err.Error(), "f.jsonl:") {
			t.Errorf("error names no file: %v", err)
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add("\xef\xbb\xbfprompt,accepted\r\na,b|c\r\n")
	f.Add("id,prompt\n1,\"a\nb\"\n")
	f.Add("prompt,split\na,test\n")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := readText("f.csv", text, DefaultOptions()); err == nil {
			check(t, k)
		} else if !strings.HasPrefix(err.Error(), "f.csv:") {
			t.Errorf("error names no file: %v", err)
		}
	})
}
