package report

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/run"
)

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestReadMetrics(t *testing.T) {
	good := `{"step":1,"episode":64,"reward":0.5}` + "\n"
	for _, c := range []struct {
		name, text, wantErr string
		points              int
		partial             bool
	}{
		{"whole", good + `{"step":2,"episode":128,"reward":0.6,"objective/kl":null}` + "\n", "", 2, false},
		{"empty", "", "", 0, false},
		{"last line without newline but whole", good + `{"step":2,"episode":128,"reward":0.6}`, "", 2, false},
		{"last line cut off", good + `{"step":2,"epis`, "", 1, true},
		{"broken in the middle", good + "{\"step\":2,\n" + good, ":2: must be a JSON object: unexpected end of JSON input", 0, false},
		{"broken last line with newline", good + "{\"step\":2,\n", ":2: must be a JSON object: unexpected end of JSON input", 0, false},
		{"zero bytes", good + "\x00\x00\x00\n", ":2: must be a JSON object: invalid character '\\x00' looking for beginning of value", 0, false},
		{"no step", `{"episode":1}` + "\n", ":1: must have the field \"step\"", 0, false},
		{"text as value", `{"step":1,"episode":1,"reward":"x"}` + "\n", ":1: reward must be a number (got \"x\")", 0, false},
		{"negative step", `{"step":-1,"episode":1}` + "\n", ":1: step must be a whole number of at least 0 (got -1)", 0, false},
		{"step falls", good + `{"step":0,"episode":1}` + "\n", ":2: step must not fall (got 0 after 1)", 0, false},
		{"list", "[1]\n", ":1: must be a JSON object: json: cannot unmarshal array into Go value of type map[string]json.RawMessage", 0, false},
	} {
		r := &Run{Dir: t.TempDir()}
		path := filepath.Join(r.Dir, run.MetricsFile)
		write(t, path, c.text)
		partial, err := r.loadMetrics()
		if c.wantErr != "" {
			if err == nil || !strings.HasSuffix(err.Error(), c.wantErr) || !strings.HasPrefix(err.Error(), "report: "+path) {
				t.Errorf("%s: got error %v, want report: %s%s", c.name, err, path, c.wantErr)
			}
			continue
		}
		if err != nil || partial != c.partial || len(r.Series["reward"]) != c.points {
			t.Errorf("%s: got %d points, partial %v, error %v", c.name, len(r.Series["reward"]), partial, err)
		}
	}
}

// Whatever a metrics.jsonl holds, it is refused, or there is a report of it.
func FuzzMetrics(f *testing.F) {
	f.Add([]byte(`{"step":1,"episode":64,"reward":0.5}`))
	f.Add([]byte(`{"step":1,"episode":64,"reward":null,"x":1e999}`))
	f.Add([]byte(`{"step":1,"episode":64,"reward":1e308,"objective/kl":-1e308}` + "\n" + `{"step":2,"episode":128,"reward":-1e149,"objective/kl":5e-324}`))
	f.Add([]byte(`{"step":1.5,"episode":"1"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, run.MetricsFile), string(text)+"\n")
		data, err := Load(dir)
		if err != nil {
			return
		}
		if _, err := data.Write(dir); err != nil {
			t.Error(err)
		}
	})
}

func TestLoadNamesWhatIsMissing(t *testing.T) {
	empty := t.TempDir()
	for dir, want := range map[string]string{
		empty:                          "report: " + empty + " must hold a run, a folder with metrics.jsonl",
		filepath.Join(empty, "absent"): "report: run directory must exist (got \"" + filepath.Join(empty, "absent") + "\")",
	} {
		if _, err := Load(dir); err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

// Runs without a configuration get their names from the path.
func TestLoadFromPathAlone(t *testing.T) {
	dir := t.TempDir()
	line := `{"step":1,"episode":64,"reward":0.5}` + "\n"
	write(t, filepath.Join(dir, "binary", "seed-7", run.MetricsFile), line)
	write(t, filepath.Join(dir, "binary", "seed-10", run.MetricsFile), line)
	data, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	arm := data.Groups[0].Arms[0]
	if arm.Label != "binary" || len(arm.Runs) != 2 || arm.Runs[0].Seed != 7 || arm.Runs[1].Seed != 10 {
		t.Errorf("got arm %q with %d runs", arm.Label, len(arm.Runs))
	}
}

// Runs of several folders merge into one arm where only the seed differs, and
// into arms of their own where a setting does.
func TestLoadMerges(t *testing.T) {
	dir := t.TempDir()
	line := `{"step":1,"episode":64,"reward":0.5}` + "\n"
	for _, r := range []struct{ path, config string }{
		{"a/binary/seed-1", "task: colors\nreward: binary\nseed: 1\nparent: {noise: 0}\n"},
		{"b/binary/seed-2", "task: colors\nreward: binary\nseed: 2\nparent: {noise: 0}\n"},
		{"b/again/seed-2", "task: colors\nreward: binary\nseed: 2\nparent: {noise: 0}\n"},
		{"b/noisy/seed-2", "task: colors\nreward: binary\nseed: 2\nparent: {noise: 0.2}\n"},
		{"b/pgsrm/seed-2", "task: colors\nreward: {name: pgsrm, terms: [{kind: exact}]}\nseed: 2\nparent: {noise: 0.2}\n"},
		{"b/copy/seed-2", "task: copy\nreward: binary\nseed: 2\n"},
	} {
		write(t, filepath.Join(dir, r.path, run.MetricsFile), line)
		write(t, filepath.Join(dir, r.path, "config.yaml"), r.config)
	}
	data, err := Load(filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "b"))
	if err != nil {
		t.Fatal(err)
	}
	if len(data.Groups) != 2 || data.Groups[0].Task != "colors" || data.Groups[1].Task != "copy" {
		t.Fatalf("got groups %v", data.Groups)
	}
	var labels []string
	for _, arm := range data.Groups[0].Arms {
		labels = append(labels, arm.Label)
	}
	if want := []string{"pgsrm", "binary (parent.noise=0)", "binary (parent.noise=0.2)"}; !slices.Equal(labels, want) {
		t.Errorf("got arms %q, want %q", labels, want)
	}
	if n := len(data.Groups[0].Arms[1].Runs); n != 2 {
		t.Errorf("seeds of two folders must merge (got %d runs)", n)
	}
	if w := data.Groups[0].Warnings; len(w) != 1 || !strings.Contains(w[0], "repeats seed 2") {
		t.Errorf("got warnings %q", w)
	}
}
