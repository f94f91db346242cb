package dashboard

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"pgsrm/run"
)

// made is a made-up run directory. Nothing in it was measured.
type made struct {
	arm      string
	seed     int
	rows     int    // steps that are done
	steps    int    // 0 = as many
	config   string // further lines of config.yaml
	finished bool
	answers  []run.Completion // of each evaluation; nil = two plain ones
	warnings []run.Warning
}

const madeBatch = 128 // episodes of a step

// madeNames are metrics of a step, as many as runs have.
var madeNames = []string{
	"completions/clipped_ratio", "completions/max_length", "completions/mean_length", "completions/min_length", "loss/policy_avg", "loss/total_avg", "loss/value_avg", "lr",
	"objective/entropy", "objective/kl", "objective/non_score_reward", "objective/rlhf_reward", "objective/scores", "pgsrm/advantage_std", "pgsrm/dropped", "pgsrm/early_stop",
	"pgsrm/entropy_coef", "pgsrm/explained_variance", "pgsrm/first_ratio_max_dev", "pgsrm/frac_groups_without_signal", "pgsrm/grad_norm", "pgsrm/kl_coef", "pgsrm/kl_token",
	"pgsrm/replayed", "pgsrm/steps", "policy/approxkl_avg", "policy/clipfrac_avg", "policy/entropy_avg", "reward", "reward_std", "rewards/exact/mean", "rewards/exact/std",
	"val/clipfrac_avg", "val/num_eos_tokens", "val/ratio",
}

// write makes the directory.
func (m made) write(t testing.TB, dir string) {
	t.Helper()
	if m.steps == 0 {
		m.steps = m.rows
	}
	put := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	arm, _ := json.Marshal(m.arm)
	put(run.ConfigFile, fmt.Sprintf("task: colors\nreward: binary\narm: %s\nseed: %d\nepisodes: %d\n%s", arm, m.seed, m.steps*madeBatch, m.config))
	put(run.EnvironmentFile, `{"started":"2026-11-29T12:00:00Z"}`+"\n")
	if m.finished {
		put("child/config.json", "{}")
		put("child/model.safetensors", "{}")
	}
	m.append(t, dir, 0, m.rows)
	for _, w := range m.warnings {
		appendLine(t, filepath.Join(dir, run.WarningsFile), w)
	}
}

// append writes the lines of the steps after from up to to, the metrics last.
func (m made) append(t testing.TB, dir string, from, to int) {
	t.Helper()
	for _, name := range []string{run.TimingsFile, run.CompletionsFile, run.MetricsFile} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriterSize(f, 1<<20)
		for step := from + 1; step <= to; step++ {
			m.line(w, name, step)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// line writes what one of the files has of a step.
func (m made) line(w *bufio.Writer, name string, step int) {
	evaluated := step%100 == 0 || step == 1
	switch name {
	case run.TimingsFile:
		fmt.Fprintf(w, `{"step":%d,"episode":%d,"episodes_per_second":1024,"reward":0.01,"rollout":0.05,"seconds":0.125,"update":0.065}`+"\n", step, step*madeBatch)
	case run.MetricsFile:
		fmt.Fprintf(w, `{"step":%d,"episode":%d`, step, step*madeBatch)
		for k, metric := range madeNames {
			fmt.Fprintf(w, `,%q:%.16g`, metric, m.value(k, step))
		}
		w.WriteString("}\n")
		if evaluated {
			v := m.value(3, step)
			fmt.Fprintf(w, `{"step":%d,"episode":%d,"eval/held_out/exact_match":%.16g,"eval/held_out/semantic":%.16g,"eval/train/exact_match":%.16g,"eval/train/semantic":%.16g}`+"\n", step, step*madeBatch, v*0.8, v, v*0.9, v)
		}
	case run.CompletionsFile:
		if !evaluated {
			return
		}
		answers := m.answers
		if answers == nil {
			yes, reward := true, 0.5
			answers = []run.Completion{{Prompt: "red and blue", Reference: "purple", Response: "purple", Reward: &reward, ExactMatch: &yes, Finish: "eos", Greedy: true, Split: "train"}, {Prompt: "red and white", Reference: "pink", Response: "brown", Finish: "eos"}}
		}
		for _, c := range answers {
			c.Step, c.Episode = step, step*madeBatch
			text, _ := json.Marshal(c)
			w.Write(append(text, '\n'))
		}
	}
}

// value is that of metric k at a step: a rise with something like noise.
func (m made) value(k, step int) float64 {
	u := float64(step) / float64(max(1, m.steps))
	noise := math.Sin(float64(step)*12.9898+float64(m.seed)*78.233+float64(k)) * 0.05
	return 0.1 + 0.7/(1+math.Exp(-(u-0.3-0.02*float64(m.seed%5))*10)) + noise + 0.01*float64(k%7)
}

func appendLine(t testing.TB, path string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = appendText(path, string(text)+"\n")
	}
	if err != nil {
		t.Fatal(err)
	}
}

func appendText(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
