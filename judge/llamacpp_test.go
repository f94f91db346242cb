package judge_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pgsrm/custom"
	"pgsrm/judge"
)

// A real server holds even a model that is no judge to a verdict where it is asked again:
// SmolLM2-135M-Instruct on llama.cpp gives every sample a reward.
func TestLlamaCpp(t *testing.T) {
	python, weights := os.Getenv("PGSRM_PYTHON"), os.Getenv("PGSRM_SMOLLM2")
	if python == "" || weights == "" {
		t.Skip("PGSRM_PYTHON and PGSRM_SMOLLM2 do not name a python and the GGUF file of SmolLM2-135M-Instruct")
	}
	if exec.Command(python, "-c", "import xllamacpp").Run() != nil {
		t.Skip("judges were not asked through llama.cpp: PGSRM_PYTHON has no xllamacpp")
	}
	url := startLlama(t, python, weights)
	for _, mode := range []string{"absolute", "pairwise"} {
		var told []string
		o := judge.Options{Settings: judge.DefaultSettings(), Warn: func(text string) { told = append(told, text) }}
		o.Settings.MaxTokens = 16
		j, err := judge.Open(judge.Spec{Model: "openai:smollm2@" + url, Mode: mode, Rubric: "Which answer is polite?"}, o)
		if err != nil {
			t.Fatal(err)
		}
		got := custom.Ask(t.Context(), j, []custom.Sample{{Prompt: "Say hello.", Response: "Hello, dear.", Reference: "Good morning."}})[0]
		if got.Err != nil || !(got.Reward >= 0 && got.Reward <= 1) || len(told) > 0 || j.Counts().Uncounted > 0 {
			t.Errorf("%s: got %v, told %q, %s", mode, got, told, j)
		}
		t.Logf("%s: %v, %s", mode, got.Reward, j)
	}
}

// startLlama starts llama.cpp's server and gives its address.
func startLlama(t *testing.T, python, weights string) (url string) {
	cmd := exec.Command(python, "testdata/llama_server.py", weights)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("llama.cpp must give its address: %v", err)
	}
	return strings.TrimSpace(line)
}
