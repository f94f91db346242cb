package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgsrm/internal/printable"
)

// The characters of a hostile terminal text, as YAML and JSON write them.
const (
	hostileYAML = `\e]0;mine\a\e[2J\N2J\u202egnihton`
	hostileJSON = `\u001b]0;mine\u0007\u001b[2J\u009b2J\u202egnihton`
)

// megabyteRun writes a run directory in which every text is a megabyte long, that of a
// configuration a megabyte in all, which is its limit; and hostile.
func megabyteRun(t *testing.T, dir, reward string, seed string) {
	t.Helper()
	f := folder{t}
	f.check(os.MkdirAll(dir, 0o755))
	size := 1 << 20
	if testing.Short() {
		size = 1 << 16
	}
	long := strings.Repeat(`<script>x<\/script>`+hostileJSON+" ", size/70)
	longYAML := strings.Repeat("<script>x</script>"+hostileYAML+" ", size/3/70)
	arm := longYAML
	if reward == "pgsrm" { // the other's configuration breaks a rule, too, so that it is damaged to runs
		arm = hostileYAML
	}
	f.write(filepath.Join(dir, "config.yaml"), "preset: lexical\ntask: colors\nreward: "+reward+"\nseed: "+seed+"\narm: \""+reward+arm+"\"\nparent: \"file:"+longYAML+"\"\n"+
		"chat: {system: \""+longYAML+"\", user: \"{prompt}\"}\n")
	f.write(filepath.Join(dir, "environment.json"), `{"started":"`+long+`","program":"`+long+`","command":"`+long+`","kernel":"`+long+`"}`)
	f.write(filepath.Join(dir, "answers.jsonl"), "")
	f.write(filepath.Join(dir, "look.json"), `{"prompts":1,"samples":1,"common":"`+long+`","common_share":1,"unscored":"`+long+`","examples":[{"prompt":"`+long+`","response":"`+long+`"}],"advice":[{"rule":"`+long+`","seen":"`+long+`","do":"`+long+`"}]}`)
	f.write(filepath.Join(dir, "end.json"), `{"state":"failed","reason":"`+long+`"}`)
	f.write(filepath.Join(dir, "warnings.jsonl"), strings.Repeat(`{"step":1,"text":"`+long+`"}`+"\n", 3))
	f.write(filepath.Join(dir, "timings.jsonl"), `{"step":1,"episode":64,"seconds":1,"`+long+`":1}`+"\n")
	eval := `"eval/train/exact_match":0.25,"eval/train/semantic":0.5,"eval/held_out/exact_match":0.25,"eval/held_out/semantic":0.5,"reward":0.5`
	f.write(filepath.Join(dir, "metrics.jsonl"), `{"step":0,"episode":0,`+eval+"}\n"+`{"step":1,"episode":64,`+eval+`,"`+long+`":1}`+"\n"+`{"step":2,"episode":128,`+eval+"}\n")
	answer := func(step, prompt string) string {
		return `{"step":` + step + `,"episode":0,"prompt_id":"` + prompt + `","prompt":"` + prompt + long + `","reference":"` + long + `","response":"` + long + `","reward":0.5,"terms":{"` + long +
			`":1},"finish":"eos","greedy":true,"split":"held_out","semantic":0.5,"error":"` + long + `"}` + "\n"
	}
	f.write(filepath.Join(dir, "completions.jsonl"), answer("0", "a")+answer("0", "b")+answer("2", "a")+answer("2", "b"))
}

// Texts of a megabyte stay texts, and what is shown of them is bounded: in lists, in one run,
// in what differs, in the report and what it prints.
func TestMegabyteTexts(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dir := range []string{"a1", "a2", "b1", "b2"} {
		megabyteRun(t, filepath.Join("runs", dir), map[byte]string{'a': "pgsrm", 'b': "binary"}[dir[0]], dir[1:])
	}
	for _, c := range []struct {
		args []string
		most int // bytes
		wide int // columns of a line, 0 = any
	}{
		{[]string{"runs", "list"}, 10_000, 0}, {[]string{"runs", "show", "runs/a1"}, 10_000, 0}, {[]string{"runs", "diff", "runs/a1", "runs/a2"}, 10_000, 0},
		{[]string{"report", "runs"}, 10_000, 80},
	} {
		code, stdout, stderr := call(t, c.args...)
		if code != 0 {
			t.Errorf("%v: exit code %d: %.2000q", c.args, code, stderr)
		}
		if got := stdout + stderr; len(got) > c.most || strings.ContainsAny(got, "\x1b\x07\u009b\u202e") || !utf8.ValidString(got) {
			t.Errorf("%v: %d bytes: %.2000q", c.args, len(got), got)
		}
		for line := range strings.Lines(stdout) {
			if n := printable.Width(strings.TrimSuffix(line, "\n")); c.wide > 0 && n > c.wide && !strings.HasPrefix(line, "runs: ") {
				t.Errorf("%v: %d columns: %s", c.args, n, line)
			}
		}
	}
	page, err := os.ReadFile("runs/report.html")
	if err != nil {
		t.Fatal(err)
	}
	if len(page) > 5e6 || regexp.MustCompile(`<script>x|[\x1b\x07\x{9b}\x{202e}]`).Match(page) {
		t.Errorf("the page: %d bytes, or it has a text as it was", len(page))
	}
	for _, name := range []string{"summary.json", "curves-colors.png"} {
		if st, err := os.Stat(filepath.Join("runs", name)); err != nil || st.Size() > 5e6 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
}
