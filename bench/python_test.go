package bench

import (
	"os"
	"strings"
	"testing"
	"time"
)

// Every script measures what it is asked for, with the libraries themselves.
func TestPeersOfPython(t *testing.T) {
	python := os.Getenv("PGSRM_PYTHON")
	if python == "" {
		t.Skip("the scripts of peers not run: PGSRM_PYTHON names no python that has them")
	}
	plan, encoder := tinyPlan(), os.Getenv("PGSRM_MINILM")
	p, err := openPeers(t.Context(), python, plan.rows, Options{Encoder: encoder}, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, is := range map[string]string{
		"forward_A_s":                     "PyTorch",
		"step_B_s":                        "PyTorch",
		"step_C_s":                        "PyTorch",
		"peak_memory_B_gb":                "PyTorch: torch ",
		"decode_B8_shared_tok_s":          "generate of transformers: ",
		"iteration_B_grpo_s":              "TRL, GRPO: ",
		"iteration_B_rloo_s":              "TRL, RLOO: ",
		"peak_memory_iteration_C_grpo_gb": "TRL, GRPO: ",
		"rollout_C_s":                     "generate of transformers: ",
		"encode_one_per_s":                "sentence-transformers: ",
		"gemm_mlp_gflops":                 "torch.matmul: torch ",
	} {
		t.Run(name, func(t *testing.T) {
			r := plan.named(name)
			job := *r.peer
			job.Row, job.Unit, job.Units, job.Threads, job.Repeat, job.Encoder = r.name, r.unit, r.units, 2, 1, encoder
			job.Compile = false // most of a minute
			if lacks := p.lacks(job.Kind, encoder); len(lacks) > 0 {
				t.Skipf("not measured: %s has no module %s", python, strings.Join(lacks, ", "))
			}
			if job.Texts > 0 {
				job.Texts = 4
			}
			found, err := p.measure(t.Context(), job, func(text string) { t.Log(text) })
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v %s, %s", *found.Value, found.Unit, found.describe())
			if !strings.HasPrefix(found.describe(), is) || strings.Contains(found.describe(), "?") || *found.Value > 1e6 {
				t.Errorf("got %v, %s, want %s", *found.Value, found.describe(), is)
			}
		})
	}
}

// named is the row of a name.
func (p plan) named(name string) row { return p.chosen([]string{name})[0] }
