package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// tiny returns shapes that take no time.
func tiny() (a, b shape) {
	a = shape{name: "A", layers: 2, width: 32, heads: 2, vocab: 71, batch: 6, prompt: 9, response: 2, group: 3, newTokens: 3, topK: 5, ownTokens: 6}
	b = shape{name: "B", layers: 1, width: 16, heads: 1, vocab: 40, batch: 8, prompt: 7, response: 4, group: 4, newTokens: 3, topK: 50, ownTokens: 6}
	return a, b
}

// tinyReal is a Llama that takes no time, in the place of shape C.
func tinyReal() shape {
	return shape{name: "C", layers: 2, width: 32, heads: 4, kvHeads: 2, ff: 48, vocab: 90, batch: 8, prompt: 9, response: 3, group: 4,
		newTokens: 3, ownTokens: 4, shared: true}
}

func tinyPlan() plan {
	a, b := tiny()
	c := tinyReal()
	return plan{
		rows:   table(a, b, c, product{50, 30, 40}, product{7, 8, 9}, encoderShape{1, 16, 2, 40}),
		shapes: []shape{a, b, c, c.adapted()}, rounds: 100, memory: 1 << 20,
	}
}

// helper is the environment variable that makes the test binary stand for the program.
const helper = "PGSRM_BENCH_TEST_ARGS"

// TestMain lets the test binary answer as the program, for the rows that start it.
func TestMain(m *testing.M) {
	if mode := os.Getenv(helper); mode != "" {
		switch {
		case mode == "fails":
			fmt.Fprintln(os.Stderr, "out of order")
			os.Exit(4)
		case mode == "talks":
			fmt.Println("  so much  ")
		case slices.Contains(os.Args, "--here"):
			_, b := tiny()
			gb, err := peakMemory(steps(b), 2)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(gb)
		default:
			fmt.Println("version")
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestEveryRow(t *testing.T) {
	t.Setenv(helper, "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	res, err := run(t.Context(), Options{
		Repeat: 2, Threads: 2, Self: []string{self}, Phases: true,
		Progress: func(name string, i, n int) { seen = append(seen, fmt.Sprintf("%d/%d %s", i, n, name)) },
	}, tinyPlan())
	if err != nil {
		t.Fatal(err)
	}
	if !(res.Peak > 0 && res.Memory > 0) || res.Threads != 2 || res.CPU == "" || res.Kernel == "" {
		t.Errorf("machine: got %+v", res.Machine)
	}
	var names []string
	for _, r := range res.Rows {
		names = append(names, r.Name)
		if !(r.Value > 0) || math.IsInf(r.Value, 0) || !(r.Best > 0) || r.Runs < 1 || r.Unit == "" {
			t.Errorf("row must have values: %+v", r)
		}
		if r.ShareOfLimit != nil && !(*r.ShareOfLimit > 0) {
			t.Errorf("%s: share of limit: got %v", r.Name, *r.ShareOfLimit)
		}
	}
	if len(res.Skipped) > 0 {
		t.Errorf("skipped: %v", res.Skipped)
	}
	slices.Sort(names)
	want := slices.Sorted(slices.Values(namesOf(tinyPlan().rows)))
	if !slices.Equal(names, want) {
		t.Errorf("rows: got %v, want %v", names, want)
	}
	if len(seen) != len(want) || seen[0] != "0/39 iteration_A_s" {
		t.Errorf("progress: got %q", seen)
	}
	checkPhases(t, res.Phases)
}

// checkPhases holds that both steps are taken apart into operations that they consist of.
func checkPhases(t *testing.T, phases []Phase) {
	t.Helper()
	share, seen := map[string]float64{}, map[string]bool{}
	for _, p := range phases {
		share[p.Shape] += p.ShareOfStep
		seen[p.Shape+" "+p.Part+" "+p.Name] = true
		limited := p.GFLOP > 0 || p.GB > 0
		if p.Calls > 0 && !(p.Seconds > 0) || limited != (p.ShareOfLimit > 0) || p.GFLOP > 0 && p.GB > 0 {
			t.Errorf("phase must have values: %+v", p)
		}
	}
	for _, want := range []string{
		"forward MatMul", "forward Attention", "forward LayerNorm", "forward between", "forward waiting", "score MatMul", "score Each",
		"backward MatMulGrads", "backward AttentionBackward", "backward LayerNormBackward", "backward GELUTanhBackward", "update AdamW", "update SumSquares",
	} {
		if !seen["A "+want] { // B has one layer, whose attention belongs to the score
			t.Errorf("no phase %s", want)
		}
	}
	for _, name := range []string{"A", "B", "C", "C_lora"} {
		if math.Abs(share[name]-1) > 1e-9 {
			t.Errorf("got %d phases with shares %v, want 1", len(phases), share)
		}
	}
}

// The names that other programs rely on.
func TestNames(t *testing.T) {
	names := rowNames()
	for _, want := range []string{
		"iteration_A_s", "iteration_B_s", "step_A_s", "step_B_s", "forward_A_s", "forward_B_s",
		"decode_A50_tok_s", "decode_A1_tok_s", "decode_B64_tok_s", "decode_B1_tok_s",
		"encode_2w_per_s", "encode_12w_per_s", "encode_one_per_s", "gemm_2048_gflops", "gemm_mlp_gflops",
		"iteration_C_ppo_s", "iteration_C_grpo_s", "rollout_C_s", "step_C_s",
		"iteration_C_lora_ppo_s", "iteration_C_lora_grpo_s", "rollout_C_lora_s", "step_C_lora_s",
		"peak_memory_iteration_C_ppo_gb", "peak_memory_iteration_C_grpo_gb", "peak_memory_rollout_C_gb", "peak_memory_step_C_gb",
		"peak_memory_iteration_C_lora_ppo_gb", "peak_memory_iteration_C_lora_grpo_gb", "peak_memory_rollout_C_lora_gb", "peak_memory_step_C_lora_gb",
	} {
		if !slices.Contains(names, want) {
			t.Errorf("no row %s", want)
		}
	}
	for _, name := range names {
		if _, ok := known[name]; !ok && !strings.Contains(name, "_C_") {
			t.Errorf("%s: must have a target", name)
		}
	}
	for name := range known {
		if !slices.Contains(names, name) {
			t.Errorf("a target for %s, which is no row", name)
		}
	}
	if err := CheckNames([]string{"step_A_s", "nosuch"}); err == nil || !strings.Contains(err.Error(), "iteration_A_s, ") {
		t.Errorf("unknown name: got %v", err)
	}
}

func TestJSONShape(t *testing.T) {
	res, err := run(t.Context(), Options{Repeat: 1, Threads: 1, Only: []string{"step_B_s", "start_s"}}, tinyPlan())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		CPU    *string
		Kernel *string
		FMA    *float64 `json:"fma_gflops"`
		Memory *float64 `json:"memory_gb_s"`
		Rows   []struct {
			Name, Unit *string
			Value      *float64
			Share      *float64 `json:"share_of_limit"`
			Allocs     *float64
		}
		Skipped []Skipped
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.CPU == nil || got.Kernel == nil || got.FMA == nil || got.Memory == nil || len(got.Rows) != 1 || len(got.Skipped) != 1 {
		t.Fatalf("got %s", text)
	}
	if r := got.Rows[0]; *r.Name != "step_B_s" || *r.Unit != "s" || r.Value == nil || r.Share == nil || r.Allocs == nil {
		t.Errorf("got %s", text)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := run(ctx, Options{
		Repeat: 1, Threads: 1, Progress: func(string, int, int) { cancel() },
	}, tinyPlan())
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}} {
		if got := median(c.x); got != c.want {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}

func TestHighWater(t *testing.T) {
	got, err := highWater("Name:\tx\nVmHWM:\t    1000 kB\nVmRSS:\t 5 kB\n")
	if err != nil || got != 1.024e-3 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := highWater("Name:\tx\n"); err == nil {
		t.Error("a status without VmHWM was accepted")
	}
}
