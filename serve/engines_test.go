package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pgsrm/reward"
	"pgsrm/serve/servetest"
)

// runPython runs a script of testdata and returns the JSON objects that it printed, one a
// line; what a library logs beside them does not count.
func runPython(t *testing.T, python, script, stdin string, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, append([]string{"testdata/" + script}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.String())
	}
	return slices.DeleteFunc(strings.Split(string(out), "\n"), func(line string) bool { return !strings.HasPrefix(line, "{") })
}

// The agent of OpenRLHF, unmodified, gets the very rewards of the model for samples sent one
// by one and together, with labels of any kind and prompts that were cut on the left; a sample
// that cannot be scored has 0 and says so.
func TestOpenRLHF(t *testing.T) {
	python := servetest.Engines(t)
	f := fixture(t, "default", "pgsrm", nil)
	s := start(t, nil, f)
	type asked struct {
		Prompt   string `json:"prompt"`
		Label    any    `json:"label"`
		Response string `json:"response"`
		Cut      int    `json:"cut,omitempty"` // tokens of the prompt that are left
	}
	var list []asked
	var samples []reward.Sample
	var errs []error
	add := func(a asked, given *string) {
		list = append(list, a)
		sample := reward.Sample{Prompt: a.Prompt, Response: a.Response}
		errs = append(errs, f.References.Fill(&sample, given))
		samples = append(samples, sample)
	}
	for i, it := range f.Task.Items[:40] {
		add(asked{Prompt: it.Prompt, Label: "", Response: f.Task.Items[(i*5+1)%len(f.Task.Items)].Reference}, nil)
	}
	seven, truth := "7", "true"
	add(asked{Prompt: "Q: 3+4?\nA:", Label: 7, Response: " 7"}, &seven)
	add(asked{Prompt: "Q: 3+4?\nA:", Label: true, Response: " true"}, &truth)
	add(asked{Prompt: "Long: é" + strings.Repeat("x", 80) + "\nA:", Label: "7", Response: " seven", Cut: 30}, &seven)
	add(asked{Prompt: "nobody knows:", Label: "", Response: " this"}, nil)
	want := f.Model.Score(context.Background(), samples)
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	lines := runPython(t, python, "openrlhf_client.py", string(body), s.url+"/openrlhf")
	if len(lines) != len(list)+2 {
		t.Fatalf("%d lines for %d samples", len(lines), len(list))
	}
	var many struct{ Rewards []float64 }
	if err := json.Unmarshal([]byte(lines[len(list)]), &many); err != nil || len(many.Rewards) != len(list) {
		t.Fatalf("%s: %v", lines[len(list)], err)
	}
	for i := range list {
		var got struct {
			Reward []float64            `json:"reward"`
			Logs   map[string][]float64 `json:"extra_logs"`
		}
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil || len(got.Reward) != 1 {
			t.Fatalf("%s: %v", lines[i], err)
		}
		reward, unscored := want[i].Reward, 0.0
		if errs[i] != nil {
			reward, unscored = 0, 1
		}
		if got.Reward[0] != reward || many.Rewards[i] != reward || got.Logs["pgsrm_unscored"][0] != unscored || len(got.Logs) != len(f.Model.Spec().Columns())+1 {
			t.Errorf("%+v: got %s and %v together, want %v", list[i], lines[i], many.Rewards[i], reward)
		}
	}
	if got := lines[len(list)+1]; !strings.HasPrefix(got, `{"rewards": [], "scores": [], "extra_logs": {"pgsrm_exact": []`) {
		t.Errorf("empty lists: %s", got)
	}
}

// The NeMo Gym task of verifiers, unmodified, begins its sessions and gets the rewards of the
// model, with the terms as metrics.
func TestVerifiers(t *testing.T) {
	python := servetest.Engines(t)
	f := fixture(t, "default", "pgsrm", nil)
	s := start(t, nil, f)
	type asked struct {
		Row      map[string]any `json:"row"`
		Response string         `json:"response"`
	}
	var list []asked
	var samples []reward.Sample
	for i, it := range f.Task.Items[:40] {
		row := map[string]any{"responses_create_params": map[string]any{"input": []any{
			map[string]any{"role": "system", "content": "Answer in one word."}, map[string]any{"role": "user", "content": it.Prompt}}}}
		var given *string
		if i%2 == 0 {
			row["expected_answer"], given = it.Reference, &it.Reference
		}
		a := asked{row, f.Task.Items[(i*3+i%2)%len(f.Task.Items)].Reference}
		sample := reward.Sample{Prompt: it.Prompt, Response: a.Response}
		if err := f.References.Fill(&sample, given); err != nil {
			t.Fatal(err)
		}
		list, samples = append(list, a), append(samples, sample)
	}
	want := f.Model.Score(context.Background(), samples)
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	lines := runPython(t, python, "verifiers_client.py", string(body), s.url)
	if len(lines) != len(list) {
		t.Fatalf("%d lines for %d samples", len(lines), len(list))
	}
	for i, line := range lines {
		var got struct {
			Reward  float64
			Metrics map[string]float64
			Cookies map[string]string
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if got.Reward != want[i].Reward || got.Metrics["pgsrm_exact"] != want[i].Terms[0] || len(got.Metrics) != len(f.Model.Spec().Columns())+1 || len(got.Cookies) > 0 {
			t.Errorf("%q: got %s, want %v", samples[i].Response, line, want[i].Reward)
		}
	}
}
