package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a configuration with every kind of field.
type sample struct {
	Name  string   `yaml:"name" empty:"no" longest:"12"`
	Mode  string   `yaml:"mode" oneof:"auto, on, off"`
	Count int      `yaml:"count" range:"[1, 10]"`
	Seed  uint64   `yaml:"seed" range:"[0, 18446744073709551615]"`
	Rate  float64  `yaml:"rate" range:"(0, 1]"`
	Quiet bool     `yaml:"quiet"`
	Tags  []string `yaml:"tags"`
	Inner inner    `yaml:"inner"`
	Extra extra    `yaml:",inline"`
	Sum   sum      `yaml:"sum"`
	notes string   //lint:ignore U1000 a field without export is no key
}

type inner struct {
	Low  int `yaml:"low" range:"[0, 100]"`
	High int `yaml:"high" range:"[0, 100]"`
}

func (i inner) Rules() error {
	if i.Low > i.High {
		return &Error{Key: "low", Must: "must be at most high", Value: fmt.Sprint(i.Low)}
	}
	return nil
}

type extra struct {
	Depth float64 `yaml:"depth" range:"[0, 1)"`
}

// sum can stand in a text such as "1+2".
type sum struct {
	Parts []part `yaml:"parts"`
}

type part struct {
	N int `yaml:"n" range:"[0, 9]"`
}

func (s *sum) SetText(text string) error {
	s.Parts = nil
	for word := range strings.SplitSeq(text, "+") {
		var p part
		if _, err := fmt.Sscan(word, &p.N); err != nil {
			return &Error{Must: "must be a sum of numbers", Value: fmt.Sprintf("%q", text)}
		}
		s.Parts = append(s.Parts, p)
	}
	return Check(*s)
}

func defaults() sample {
	return sample{Name: "a", Mode: "auto", Count: 2, Seed: 1, Rate: 0.5, Inner: inner{1, 2}}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*sample)
	}{
		{"", func(s *sample) { s.Seed, s.Rate, s.Count = math.MaxUint64, 1, 10 }},
		{"name: must not be empty", func(s *sample) { s.Name = "" }},
		{"name: must have at most 12 characters (got 13)", func(s *sample) { s.Name = strings.Repeat("é", 13) }},
		{`mode: must be one of auto, on, off (got "atuo", did you mean auto?)`, func(s *sample) { s.Mode = "atuo" }},
		{"count: must be between 1 and 10 (got 9223372036854775807)", func(s *sample) { s.Count = math.MaxInt64 }},
		{"count: must be between 1 and 10 (got 0)", func(s *sample) { s.Count = 0 }},
		{"rate: must be above 0 and at most 1 (got 0)", func(s *sample) { s.Rate = 0 }},
		{"rate: must be above 0 and at most 1 (got NaN)", func(s *sample) { s.Rate = math.NaN() }},
		{"rate: must be above 0 and at most 1 (got +Inf)", func(s *sample) { s.Rate = math.Inf(1) }},
		{"depth: must be at least 0 and below 1 (got 1)", func(s *sample) { s.Extra.Depth = 1 }},
		{"inner.high: must be between 0 and 100 (got -1)", func(s *sample) { s.Inner.High = -1 }},
		{"inner.low: must be at most high (got 3)", func(s *sample) { s.Inner.Low = 3 }},
		{"sum.parts[1].n: must be between 0 and 9 (got 12)", func(s *sample) { s.Sum.Parts = []part{{1}, {12}} }},
	} {
		s := defaults()
		c.change(&s)
		got := ""
		if err := Check(&s); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestIntervals(t *testing.T) {
	for text, want := range map[string]struct {
		text, short string
		in, out     []float64
	}{
		"[0, 1]": {"between 0 and 1", "0 to 1", []float64{0, 0.5, 1}, []float64{-1e-300, 1.0000001, math.NaN(), math.Inf(1), math.Inf(-1)}},
		"(0, 1]": {"above 0 and at most 1", "above 0 to 1", []float64{1e-300, 1}, []float64{0, 1.1}},
		"[0, 1)": {"at least 0 and below 1", "0 to below 1", []float64{0, 0.999}, []float64{1, -1}},
		"(0, 1)": {"above 0 and below 1", "above 0 to below 1", []float64{0.5}, []float64{0, 1}},
	} {
		i := ParseInterval(text)
		if i.String() != want.text || i.short() != want.short {
			t.Errorf("%s: got %q, %q", text, i, i.short())
		}
		for _, x := range want.in {
			if !i.Contains(x) {
				t.Errorf("%s must contain %g", text, x)
			}
		}
		for _, x := range want.out {
			if i.Contains(x) {
				t.Errorf("%s must not contain %g", text, x)
			}
		}
	}
	for _, bad := range []string{"", "0, 1", "[0 1]", "[1, 0]", "[a, 1]", "[NaN, 1]", "[[0, 1]"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q must panic", bad)
				}
			}()
			ParseInterval(bad)
		}()
	}
}

func TestLayersRememberOrigins(t *testing.T) {
	s := defaults()
	l := Over(&s)
	l.Preset("big", func() { s.Count, s.Inner.High, s.Sum.Parts = 9, 50, []part{{3}} })
	if got := l.Origin("inner.low").String(); got != "default" {
		t.Errorf("inner.low: beside a key that the preset sets: got %q, want default", got)
	}
	file := "mode: on\ninner:\n  low: 7\ntags: [x, y]\nquiet:\n"
	if err := l.File(File{Name: "f.yaml", Text: []byte(strings.Replace(file, "quiet:\n", "", 1))}); err != nil {
		t.Fatal(err)
	}
	for _, set := range []Setting{{"--low", "inner.low", "8"}, {"--sum", "sum", "1+2"}, {"--set tags", "tags", "p, q"}} {
		if err := l.Set(set); err != nil {
			t.Fatal(err)
		}
	}
	want := defaults()
	want.Count, want.Inner, want.Mode, want.Tags, want.Sum.Parts = 9, inner{8, 50}, "on", []string{"p", "q"}, []part{{1}, {2}}
	if d := cmp.Diff(want, s, cmp.AllowUnexported(sample{})); d != "" {
		t.Error(d)
	}
	for key, want := range map[string]string{
		"name": "default", "count": "preset big", "inner.high": "preset big", "mode": "f.yaml:1", "inner.low": "--low", "sum.parts": "--sum", "tags": "--set tags", "nothing": "default",
	} {
		if got := l.Origin(key).String(); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
}

// Errors found after all layers are placed where the value came from.
func TestPlace(t *testing.T) {
	for _, c := range []struct{ file, key, value, want string }{
		{"inner:\n  low: 70", "", "", "f.yaml:2: inner.low: must be at most high (got 70)"},
		{"inner: {high: 0}", "", "", "f.yaml: inner.low: must be at most high (got 1)"},
		{"", "inner.low", "70", "--flag: must be at most high (got 70)"},
		{"", "sum", "1+12", "--flag: parts[1].n: must be between 0 and 9 (got 12)"},
		{"sum: 1+12", "", "", "f.yaml:1: sum.parts[1].n: must be between 0 and 9 (got 12)"},
		{"sum: {parts: [{n: 1},\n  {n: 12}]}", "", "", "f.yaml:2: sum.parts[1].n: must be between 0 and 9 (got 12)"},
		{"sum: one", "", "", `f.yaml:1: sum: must be a sum of numbers (got "one")`},
		{"", "count", "two", `--flag: must be a whole number between 1 and 10 (got "two")`},
		{"", "count", "99999999999999999999", `--flag: must be a whole number between 1 and 10 (got "99999999999999999999")`},
		{"", "mode", "[", `--flag: must be one of auto, on, off (got "[")`},
		{"", "quiet", "yes!", `--flag: must be true or false (got "yes!")`},
		{"", "inner.depth", "1", `--flag: unknown key "inner.depth", must be one of low, high (did you mean depth?)`},
		{"", "velocity", "1", `--flag: unknown key "velocity", must be one of name, mode, count, seed, rate, quiet, tags, inner, depth, sum (did you mean rate?)`},
		{"cuont: 1", "", "", `f.yaml:1: unknown key "cuont", must be one of name, mode, count, seed, rate, quiet, tags, inner, depth, sum (did you mean count?)`},
		{"low: 1", "", "", `f.yaml:1: unknown key "low", must be one of name, mode, count, seed, rate, quiet, tags, inner, depth, sum (did you mean inner.low?)`},
		{"notes: 1", "", "", `f.yaml:1: unknown key "notes", must be one of name, mode, count, seed, rate, quiet, tags, inner, depth, sum`},
		{"a: [", "", "", "f.yaml: not YAML: yaml: line 2: did not find expected node content"},
	} {
		s := defaults()
		l := Over(&s)
		l.Aliases = map[string]string{"velocity": "rate"}
		err := l.File(File{Name: "f.yaml", Text: []byte(c.file)})
		if err == nil && c.key != "" {
			err = l.Set(Setting{From: "--flag", Key: c.key, Value: c.value})
		}
		if err == nil {
			err = l.Place(Check(s))
		}
		if err == nil || err.Error() != c.want || !errors.Is(err, ErrBad) {
			t.Errorf("%q %s=%s:\n got %v\nwant %s", c.file, c.key, c.value, err, c.want)
		}
	}
}

func TestParseSetting(t *testing.T) {
	if s, err := ParseSetting("a.b=c=d"); err != nil || s != (Setting{"--set a.b", "a.b", "c=d"}) {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, bad := range []string{"", "a", "=b"} {
		if _, err := ParseSetting(bad); err == nil || err.Error() != fmt.Sprintf("--set: must be KEY=VALUE (got %q)", bad) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("no such file")
	for want, err := range map[string]error{
		"a.b.c: must be 1":   At("a", At("b", &Error{Key: "c", Must: "must be 1"})),
		"task: no such file": At("task", cause),
		"no such file":       Bad(cause),
		"f: 3 of x":          Errorf("f: %d of %s", 3, "x"),
		"two lines":          &Error{Must: "two\n  lines"},
		`k: x (got ` + strings.Repeat("a", maxShown) + "...)": &Error{Key: "k", Must: "x", Value: strings.Repeat("a", 5000)},
	} {
		if err.Error() != want || !errors.Is(err, ErrBad) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	if !errors.Is(At("task", cause), cause) {
		t.Error("the cause must be kept")
	}
	if At("a", nil) != nil || Bad(nil) != nil || First(nil, nil) != nil {
		t.Error("no error must stay none")
	}
}

func TestNearest(t *testing.T) {
	words := []string{"colors", "opposites", "categories", "copy", "ppo", "on"}
	for in, want := range map[string]string{
		"colours": "colors", "Colors": "colors", "oposite": "opposites", "copi": "copy", "cpoy": "copy", "dpo": "", "no": "", "": "",
		"sentences": "", strings.Repeat("colors", 1000): "",
	} {
		if got := Nearest(in, words); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("a: 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, stdin, name, text string }{
		{"", "b", "", ""}, {"-", "b: 2", "<stdin>", "b: 2"}, {path, "b", path, "a: 1"},
	} {
		f, err := ReadFile(c.path, strings.NewReader(c.stdin))
		if err != nil || f.Name != c.name || string(f.Text) != c.text {
			t.Errorf("%q: got %q %q, %v", c.path, f.Name, f.Text, err)
		}
	}
	if _, err := ReadFile("-", strings.NewReader(strings.Repeat("#", maxFile+1))); err == nil || err.Error() != "<stdin>: must be at most 1048576 bytes long" {
		t.Errorf("got %v", err)
	}
	if _, err := ReadFile(path+".no", nil); !errors.Is(err, ErrBad) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestDifference(t *testing.T) {
	a, b := defaults(), defaults()
	if key, _, _ := Difference(a, b); key != "" {
		t.Errorf("equal configurations: got %q", key)
	}
	b.Inner.High = 7
	if key, inA, inB := Difference(a, b); key != "inner.high" || inA != "2" || inB != "7" {
		t.Errorf("got %q %q %q", key, inA, inB)
	}
}

func TestKeyTexts(t *testing.T) {
	s := defaults()
	s.Tags, s.Sum.Parts, s.Name = []string{"x", "y: z"}, []part{{1}}, "line\nbreak"
	want := map[string][2]string{
		"name": {"<text, at most 12 characters>", `"line\nbreak"`}, "mode": {"auto | on | off", "auto"}, "count": {"<int, 1 to 10>", "2"},
		"seed": {"<int, 0 to 18446744073709551615>", "1"}, "rate": {"<number, above 0 to 1>", "0.5"}, "quiet": {"<bool>", "false"},
		"tags": {"<list>", "[x, 'y: z']"}, "inner": {"<section>", "{low: 1, high: 2}"}, "inner.low": {"<int, 0 to 100>", "1"},
		"inner.high": {"<int, 0 to 100>", "2"}, "depth": {"<number, 0 to below 1>", "0"}, "sum": {"<section>", `{parts: [{"n": 1}]}`}, "sum.parts": {"<list>", `[{"n": 1}]`},
	}
	got := map[string][2]string{}
	for _, k := range Keys(&s) {
		got[k.Name] = [2]string{k.Type(), k.Text()}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParsePage(t *testing.T) {
	page := ParsePage("# Title\n\n## Keys\n\n    # The name.\n    [ name: <text> | default =  ]\n\n    # An inner section,\n    # with text.\n    inner:\n" +
		"      # Both bounds.\n      [ low: <int> | default = 1 ]\n      [ high: <int> | default = 2 ]\n    [ last: a | b | default = a ]\n\n## More\n\n    [ no: <text> | default = 1 ]\n")
	both := []string{"Both bounds."}
	want := []Entry{
		{Key: "name", Text: []string{"The name."}, Type: "<text>"},
		{Key: "inner", Text: []string{"An inner section,", "with text."}, Section: true},
		{Key: "inner.low", Text: both, Type: "<int>", Default: "1", depth: 1},
		{Key: "inner.high", Text: both, Type: "<int>", Default: "2", depth: 1, shared: true},
		{Key: "last", Type: "a | b", Default: "a"},
	}
	if d := cmp.Diff(want, page.Entries, cmp.AllowUnexported(Entry{})); d != "" {
		t.Error(d)
	}
	if e := page.Find("inner.high"); e == nil || e.Default != "2" || page.Find("nothing") != nil {
		t.Errorf("got %+v", e)
	}
}
