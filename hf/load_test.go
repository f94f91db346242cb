package hf

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgsrm/lm"
	"pgsrm/safetensors"
	"pgsrm/tokenizer"
)

// loadVariable makes the test binary load the folder that it names, and say how.
const loadVariable = "PGSRM_TEST_LOAD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(loadVariable); dir != "" {
		os.Exit(loadAndTell(dir))
	}
	os.Exit(m.Run())
}

// loadAndTell prints the seconds that Load takes and the peak memory in bytes.
func loadAndTell(dir string) int {
	start := time.Now()
	_, err := Load(dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(time.Since(start).Seconds(), peakMemory())
	return 0
}

// peakMemory is the largest size that the process had in memory, in bytes; 0
// where the system does not tell.
func peakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kb int64
	fmt.Sscan(rest, &kb)
	return kb << 10
}

// loadTimes writes a model of the configuration and loads it n times, each in a
// process of its own: seconds, and peak memory as a multiple of the weights' file.
func loadTimes(t *testing.T, cfg lm.Config, dtype safetensors.DType, n int) (seconds []float64, memory float64) {
	t.Helper()
	tok, err := tokenizer.TrainBPE([]string{"red and blue"}, 270, []string{"<|endoftext|>"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := lm.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params() {
		for i := range p.Value {
			p.Value[i] = float32(i%251) / 251
		}
	}
	dir := filepath.Join(t.TempDir(), "child")
	if err := (&Model{Model: m, Tokenizer: tok}).SaveAs(dir, dtype); err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(dir, weightsFile))
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), loadVariable+"="+dir)
		out, err := cmd.Output()
		if errors.Is(err, syscall.ENOEXEC) {
			t.Skip("memory and time of loading not tested: this machine only emulates the test")
		}
		var s float64
		var peak int64
		if _, scan := fmt.Sscan(string(out), &s, &peak); err != nil || scan != nil {
			t.Fatal(err, scan, string(out))
		}
		seconds, memory = append(seconds, s), max(memory, float64(peak)/float64(st.Size()))
	}
	return seconds, memory
}

// TestLoadMemory: loading needs little beside the weights, whichever way they
// lie in the file: GPT-2's matrices as ours, Llama's transposed, heads tied or free.
func TestLoadMemory(t *testing.T) {
	if peakMemory() == 0 {
		t.Skip("memory while loading not tested: the system does not tell it")
	}
	if raceDetector {
		t.Skip("memory while loading not tested: the race detector needs several times as much")
	}
	free := lm.GPT2(2, 512, 8, 20000, 64)
	free.Tied = false
	llama := lm.Config{
		Family: "llama", Layers: 4, Width: 512, Heads: 4, KVHeads: 2, HeadDim: 128, FF: 1500, Vocab: 20000, Positions: 40,
		Norm: lm.RMSNorm, NormEps: 1e-6, Act: lm.SiLU, Gated: true, Causal: true, Rope: lm.RopeConfig{Theta: 10000}, BOS: -1, EOS: -1,
	}
	for _, cfg := range []lm.Config{lm.GPT2(4, 512, 8, 20000, 64), free, llama} {
		_, memory := loadTimes(t, cfg, safetensors.F32, 1)
		t.Logf("%s tied=%v: %.2f times the file", cfg.Family, cfg.Tied, memory)
		if memory > 1.35 { // of a small file: the program and its buffers are some 15 MB
			t.Errorf("%s tied=%v: peak memory %.2f times the file, want at most 1.35", cfg.Family, cfg.Tied, memory)
		}
	}
}

// TestLoadGPT2 measures what the shape of GPT-2 small takes, on a quiet machine:
//
//	PGSRM_LARGE=1 go test ./hf -run TestLoadGPT2 -v
func TestLoadGPT2(t *testing.T) {
	if os.Getenv("PGSRM_LARGE") == "" {
		t.Skip("loading 500 MB not tested: PGSRM_LARGE is not set")
	}
	for _, dtype := range []safetensors.DType{safetensors.F32, safetensors.BF16} {
		seconds, memory := loadTimes(t, lm.GPT2(12, 768, 12, 50257, 1024), dtype, 5)
		t.Logf("%s: seconds %.3f, peak memory %.3f times the file", dtype, seconds, memory)
		if limit := 1.0; seconds[len(seconds)/2] > limit {
			t.Errorf("%s: %.3f s, want at most %v", dtype, seconds, limit)
		}
		if dtype == safetensors.F32 && memory > 1.2 {
			t.Errorf("peak memory %.3f times the file, want at most 1.2", memory)
		}
	}
}
