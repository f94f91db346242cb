package run

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/hf"
	"pgsrm/lm"
	"pgsrm/tokenizer"
)

// teacherFolder saves a model with the tokenizer of testDeps, which is no copy of their child.
func teacherFolder(t testing.TB) string {
	t.Helper()
	tok, err := colorTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	cfg := lm.GPT2(1, 32, 2, tok.Size(), 64)
	cfg.EOS = 0
	model, err := lm.NewRandom(cfg, 9)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "teacher")
	if err := SaveChild(&hf.Model{Model: model, Tokenizer: tok}, dir, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestGKDResumesToTheSameBits(t *testing.T) {
	folder := teacherFolder(t)
	for name, set := range map[string][]string{
		"forward":     {"algorithm=gkd", "gkd.teacher=" + folder},
		"js adapters": {"algorithm=gkd", "gkd.teacher=" + folder, "gkd.divergence=js", "gkd.beta=0.25", "lora.rank=2"},
	} {
		t.Run(name, func(t *testing.T) { resumesToTheSameBits(t, testDeps, set...) })
	}
}

// The child comes nearer to the teacher, whose answers nobody asked for.
func TestGKDComesNearer(t *testing.T) {
	steps, _ := metricsOf(t, "algorithm=gkd", "gkd.teacher="+teacherFolder(t), "episodes=640", "schedule.lr=0.01")
	first, last := steps[0]["loss/total_avg"], steps[len(steps)-1]["loss/total_avg"]
	if !(first > 0 && last < first/2) || steps[0]["objective/scores"] != steps[0]["reward"] {
		t.Errorf("the divergence goes from %v to %v", first, last)
	}
}

// A teacher that cannot be had, or speaks another language, is one line.
func TestGKDRefuses(t *testing.T) {
	other := teacherFolder(t)
	tok, err := tokenizer.TrainBPE([]string{"no color at all, but quite other words"}, 270, []string{"<|endoftext|>"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := lm.NewRandom(lm.GPT2(1, 16, 2, tok.Size(), 64), 1)
	if err == nil {
		err = SaveChild(&hf.Model{Model: m, Tokenizer: tok}, other+"2", "")
	}
	if err != nil {
		t.Fatal(err)
	}
	for want, set := range map[string]string{
		"gkd.teacher: must name a model with the child's vocabulary, where the parent is no local model (got parent builtin)": "gkd.teacher=",
		"gkd.teacher: child: ": "gkd.teacher=" + other + "3",
		"gkd.teacher: must have the vocabulary of the child, whose token ": "gkd.teacher=" + other + "2",
	} {
		if _, err := DryRun(t.Context(), testConfig(t, t.TempDir(), "algorithm=gkd", set), false, testDeps(t)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s, tried: got %v, want %s", set, err, want)
		}
		if _, err := Start(t.Context(), testConfig(t, t.TempDir(), "algorithm=gkd", set), testDeps(t)); !errors.Is(err, ErrConfig) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", set, err, want)
		}
	}
	dir := t.TempDir()
	if _, err := Start(t.Context(), testConfig(t, dir, "algorithm=gkd", "gkd.teacher="+other), testDeps(t)); err != nil {
		t.Fatal(err)
	}
	if e, err := ReadEnvironment(dir); err != nil || len(e.Teacher) != 64 {
		t.Errorf("environment.json: teacher %q, %v", e.Teacher, err)
	}
}
