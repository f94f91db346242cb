package task

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The same prompts and answers in every shape and format give the same items; the script
// testdata/shapes.py wrote the files.
func TestShapes(t *testing.T) {
	plain, err := Load("testdata/shapes/plain.jsonl", DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	if n := len(plain.Items); n != 5 || plain.Items[0].Reference != "Paris" {
		t.Fatalf("got %d items, %+v", n, plain.Items)
	}
	files, err := filepath.Glob("testdata/shapes/*")
	if err != nil || len(files) != 16 {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, path := range files {
		o := DefaultOptions()
		if strings.Contains(path, "mapped") {
			o.Map = []string{"prompt=instruction,reference=output"}
		}
		k, err := Load(path, o)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		want := slices.Clone(plain.Items)
		if strings.HasSuffix(path, ".tsv") { // which cannot hold a line break
			want = slices.DeleteFunc(want, func(it Item) bool { return strings.Contains(it.Prompt, "\n") })
		}
		got := slices.Clone(k.Items)
		for i := range got {
			got[i].Columns, got[i].Rejected = nil, ""
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", path, d)
		}
	}
}

// What a row says beside the item goes to rewards, under the names of the file.
func TestColumns(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a.jsonl", `{"prompt":"a","id":"1","answer":"b","n":[1, 2],"s":null}`, `{"answer":"b","n":[1, 2],"s":null}`},
		{"a.jsonl", `{"prompt":"a","reference":"b"}`, ""},
		{"a.csv", "prompt,level,x\"y\na,1,\"q\"\"\"\n", ""},
		{"a.csv", "prompt,level\na,\"q\"\"\"\n", `{"level":"q\""}`},
		{"a.json", `[{"chosen":"a b c","rejected":"a b d"}]`, `{"chosen":"a b c","rejected":"a b d"}`},
	} {
		k, err := readText(c.name, c.text, DefaultOptions())
		if err != nil {
			if c.want != "" {
				t.Errorf("%s: %v", c.text, err)
			}
			continue
		}
		if got := string(k.Items[0].Columns); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}

func TestConversations(t *testing.T) {
	k, err := readText("a.jsonl", `{"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"},{"role":"user","content":"2+2"},{"role":"assistant","content":"4"}]}
{"prompt":[{"role":"user","content":"one"}],"reference":"1"}
{"chosen":"Human: say a word\n\nAssistant: yes","rejected":"Human: say a word\n\nAssistant: yesterday"}`, DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	want := Item{
		Prompt: "Be brief.\nHi\nYes?\n2+2", Input: "2+2", Reference: "4",
		Messages: []Message{{"system", "Be brief."}, {"user", "Hi"}, {"assistant", "Yes?"}, {"user", "2+2"}},
	}
	got := k.Items[0]
	got.ID, got.Split = "", ""
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if it := k.Items[1]; it.Prompt != "one" || it.Messages != nil || it.Reference != "1" {
		t.Errorf("got %+v", it)
	}
	if it := k.Items[2]; it.Prompt != "Human: say a word\n\nAssistant:" || it.Reference != "yes" || it.Rejected != "yesterday" {
		t.Errorf("got %+v", it)
	}
}

func TestMap(t *testing.T) {
	for _, c := range []struct {
		maps []string
		want Item
	}{
		{[]string{"prompt=q,reference=a"}, Item{Prompt: "x, y", Reference: "1.50"}},
		{[]string{"prompt=Q: {q}\nA:, please", "reference={a} {{or so}}"}, Item{Prompt: "Q: x, y\nA:, please", Reference: "1.50 {or so}"}},
		{[]string{"prompt={q}", "reference=", "input=q"}, Item{Prompt: "x, y", Input: "x, y"}},
		{[]string{"prompt=q", "reference=none"}, Item{Prompt: "x, y"}},
	} {
		o := DefaultOptions()
		o.Map = c.maps
		k, err := readText("a.jsonl", `{"q":"x, y","a":1.50,"answer":"other","none":null}`, o)
		if err != nil {
			t.Errorf("%q: %v", c.maps, err)
			continue
		}
		it := k.Items[0]
		if it.Prompt != c.want.Prompt || it.Reference != c.want.Reference || it.Input != c.want.Input {
			t.Errorf("%q: got %+v", c.maps, it)
		}
	}
	for text, want := range map[string]string{
		"promt=q":            `must be FIELD=COLUMN or FIELD='text with {COLUMN}', and FIELD one of prompt, input, reference, accepted, split, id, messages, completion, response, question, answer, chosen, rejected (got "promt=q", did you mean prompt?)`,
		"prompt":             `must be FIELD=COLUMN or FIELD='text with {COLUMN}', and FIELD one of prompt, input, reference, accepted, split, id, messages, completion, response, question, answer, chosen, rejected (got "prompt")`,
		"prompt=a,prompt=b":  `must name each field once (got "prompt=b")`,
		"prompt=a {b":        `must have each {COLUMN} in braces, and {{ or }} for a brace itself (got "a {b")`,
		"prompt=a } b":       `must have each {COLUMN} in braces, and {{ or }} for a brace itself (got "a } b")`,
		"prompt={q}{}":       `must have each {COLUMN} in braces, and {{ or }} for a brace itself (got "{q}{}")`,
		"prompt=q,reference": `a.jsonl:1: field "q,reference": must be there, as the mapping of prompt says (got q)`,
	} {
		o := DefaultOptions()
		o.Map = []string{text}
		_, err := readText("a.jsonl", `{"q":"x"}`, o)
		if got := errText(err); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

// Rows with one prompt are one item; further references are accepted.
func TestRepeatedPrompts(t *testing.T) {
	k, err := readText("a.jsonl", `{"prompt":"a"}
{"prompt":"a","reference":"b","accepted":["c"]}
{"prompt":"a","reference":"d","accepted":["b"]}`, Options{})
	if err != nil || len(k.Items) != 1 {
		t.Fatalf("got %+v, %v", k, err)
	}
	if it := k.Items[0]; it.Reference != "b" || !slices.Equal(it.Accepted, []string{"c", "d"}) {
		t.Errorf("got %+v", it)
	}
	if want := []string{"rows that repeat a prompt: 2 (they were joined, and all their references are accepted)"}; !slices.Equal(k.Warnings, want) {
		t.Errorf("got %q", k.Warnings)
	}
}

func TestSplitOptions(t *testing.T) {
	var text bytes.Buffer
	for i := range 400 {
		text.WriteString(`{"prompt":"p` + strings.Repeat("x", i) + `"}` + "\n")
	}
	held := func(o Options) (n int, ids []string) {
		k, err := readText("a.jsonl", text.String(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range k.Select(HeldOut) {
			ids = append(ids, it.ID)
		}
		return len(k.Items), ids
	}
	_, fifth := held(DefaultOptions())
	if n := len(fifth); n < 60 || n > 100 {
		t.Errorf("a fifth of 400: got %d", n)
	}
	if _, ids := held(Options{HeldOut: 0}); len(ids) != 0 {
		t.Errorf("none: got %d", len(ids))
	}
	if _, ids := held(Options{HeldOut: 0.5}); len(ids) < 160 || len(ids) > 240 || !slices.Contains(ids, fifth[0]) {
		t.Errorf("half: got %d", len(ids))
	}
	if _, ids := held(Options{HeldOut: 0.2, SplitSeed: 7}); slices.Equal(ids, fifth) || len(ids) < 60 {
		t.Errorf("another seed: got %d, or the same split", len(ids))
	}
	if n, _ := held(Options{Limit: 7}); n != 7 {
		t.Errorf("limit: got %d", n)
	}
}

// Standard input may be any of the formats.
func TestStandardInput(t *testing.T) {
	files, err := filepath.Glob("testdata/shapes/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		o := DefaultOptions()
		if strings.Contains(path, "mapped") {
			o.Map = []string{"prompt=instruction", "reference=output"}
		}
		o.Stdin = bytes.NewReader(text)
		if k, err := Load("-", o); err != nil || len(k.Items) < 4 || k.Items[0].Reference != "Paris" || k.Name != "standard input" {
			t.Errorf("%s: got %+v, %v", path, k, err)
		}
	}
	if _, err := Load("-", DefaultOptions()); errText(err) != "standard input: must be given (there is none here)" {
		t.Errorf("got %v", err)
	}
}

// What is read from a damaged file of any format is an error that names it, never a panic.
func FuzzFormats(f *testing.F) {
	files, err := filepath.Glob("testdata/shapes/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o := DefaultOptions()
		o.Stdin, o.Limit = bytes.NewReader(text), 1000
		if k, err := Load("-", o); err == nil {
			check(t, k)
		} else if !strings.HasPrefix(err.Error(), "standard input") {
			t.Errorf("error names no file: %v", err)
		}
	})
}

// A list that claims to have more elements than the metadata has bytes is refused before
// room is made for it.
func TestParquetFooterIsBounded(t *testing.T) {
	for name, footer := range map[string]string{
		"huge list":    "\x29\xfc\xff\xff\xff\xff\x07\x00",
		"deep structs": strings.Repeat("\x1c", 5000),
		"long text":    "\x18\xff\xff\xff\xff\x07x\x00",
		"no end":       "\x15\x02",
	} {
		text := "PAR1" + footer + string([]byte{byte(len(footer)), byte(len(footer) >> 8), 0, 0}) + "PAR1"
		_, err := readText("a.parquet", text, DefaultOptions())
		if got := errText(err); got != "a.parquet: must be a Parquet file: its metadata is damaged" {
			t.Errorf("%s: got %s", name, got)
		}
	}
	_, err := readText("a.parquet", "PAR1aaaa\xff\xff\xff\xffPAR1", DefaultOptions())
	if got, want := errText(err), "a.parquet: must be a Parquet file: its metadata must have at most 4 bytes (got 4294967295)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
