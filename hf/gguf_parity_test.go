package hf

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pgsrm/gguf"
	"pgsrm/kernel"
)

// parityPython is a Python with the packages, or the test skips.
func parityPython(t *testing.T, packages string) string {
	t.Helper()
	python := os.Getenv("PGSRM_PYTHON")
	if python == "" {
		t.Skip("PGSRM_PYTHON is not set: GGUF files were not compared with PyPI " + packages)
	}
	if out, err := exec.Command(python, "-c", "import "+packages).CombinedOutput(); err != nil {
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		t.Skipf("GGUF files were not compared with PyPI %s: %s", packages, lines[len(lines)-1])
	}
	return python
}

// parityTask is a line for gguf_parity.py, parityAnswer one of it.
type parityTask struct {
	Model   string    `json:"model"`
	Prompts [][]int32 `json:"prompts"`
	Tokens  int       `json:"tokens"`
	Probs   int       `json:"probs"`
	Threads int       `json:"threads"`
}

type parityAnswer struct {
	Tokens   []int32
	LogProbs []map[string]float32 // likeliest tokens of each place
}

// ggufParity runs gguf_parity.py; one answer for each prompt.
func ggufParity(t *testing.T, python string, tasks []parityTask, args ...string) []parityAnswer {
	t.Helper()
	var in, out, log bytes.Buffer
	for _, task := range tasks {
		if err := json.NewEncoder(&in).Encode(task); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(python, append([]string{"testdata/gguf_parity.py"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, log.Bytes()[max(0, log.Len()-3000):])
	}
	var answers []parityAnswer
	for line := range bytes.Lines(out.Bytes()) {
		var a parityAnswer
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	want := 0
	for _, task := range tasks {
		want += len(task.Prompts)
	}
	if len(answers) != want {
		t.Fatalf("%d answers for %d prompts", len(answers), want)
	}
	return answers
}

// tolerance is how far log-probabilities may be from those of another program.
type tolerance struct {
	said  float64 // of the tokens of its answer
	all   float64 // of all tokens that it gives one of
	loose bool    // its tokens need not be the likeliest
}

// followed compares what another program made of a prompt with what the model makes of
// the same tokens.
func followed(t *testing.T, m *Model, prompt []int32, a parityAnswer, tol tolerance) {
	t.Helper()
	s := m.NewState(false)
	rows := s.AddSequence(slices.Concat(prompt, a.Tokens))
	m.Forward(s)
	logits, said, worst := make([]float32, m.Config.Vocab), 0.0, 0.0
	for i, token := range a.Tokens {
		m.Logits(s, rows[len(prompt)+i-1], logits)
		peak, sum := slices.Max(logits), 0.0
		for _, x := range logits {
			sum += math.Exp(float64(x - peak))
		}
		if likeliest := int32(slices.Index(logits, peak)); likeliest != token && !tol.loose {
			t.Errorf("prompt %v: token %d is %d, want %d (%v behind)", prompt, i, likeliest, token, peak-logits[token])
		}
		for name, want := range a.LogProbs[i] {
			id, err := strconv.Atoi(name)
			if err != nil {
				t.Fatal(err)
			}
			d := math.Abs(float64(logits[id]-peak) - math.Log(sum) - float64(want))
			worst = max(worst, d)
			if int32(id) == token {
				said = max(said, d)
			}
		}
	}
	if !(said <= tol.said && worst <= tol.all) {
		t.Errorf("prompt %v: log-probabilities differ by up to %.2g, of its tokens by %.2g; allowed are %.2g and %.2g", prompt, worst, said, tol.all, tol.said)
	}
}

// Our GGUF files of all families have, for transformers' loader, the tensors of their
// folders.
func TestGGUFTransformers(t *testing.T) {
	python := parityPython(t, "transformers, gguf")
	dir := t.TempDir()
	args := []string{"same"}
	for _, name := range goldenNames {
		m, err := Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if ggufHolds(m.Config) != nil {
			continue
		}
		path := filepath.Join(dir, name+".gguf")
		if err := m.SaveGGUF(path); err != nil {
			t.Fatal(err)
		}
		args = append(args, filepath.Join("testdata", name)+"="+path)
	}
	ggufParity(t, python, nil, args...)
}

// llama.cpp computes with our GGUF files of all families what the engine does. Its GELU
// is a table of F16, so GPT-2 is less exact there.
func TestGGUFLlamaCpp(t *testing.T) {
	python := parityPython(t, "xllamacpp")
	dir := t.TempDir()
	var models []*Model
	var tasks []parityTask
	for _, name := range goldenNames {
		m, err := Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if ggufHolds(m.Config) != nil {
			continue
		}
		path := filepath.Join(dir, name+".gguf")
		if err := m.SaveGGUFAs(path, gguf.F32); err != nil {
			t.Fatal(err)
		}
		models, tasks = append(models, m), append(tasks, parityTask{path, [][]int32{{5, 6, 7, 8}, {1}}, 8, m.Config.Vocab, 1})
	}
	for i, a := range ggufParity(t, python, tasks, "llamacpp") {
		task, m := tasks[i/2], models[i/2]
		tol := 1e-4
		if m.Config.Family == "gpt2" {
			tol = 5e-3
		}
		t.Run(filepath.Base(task.Model), func(t *testing.T) { followed(t, m, task.Prompts[i%2], a, tolerance{tol, tol, false}) })
	}
}

// smolPrompts are beginnings of texts of many kinds.
var smolPrompts = []string{
	"The capital of France is", "The opposite of hot is", "Once upon a time", "def fibonacci(n):", "Dear Sir or Madam,", "1, 2, 3, 4,",
	"Water boils at", "The quick brown fox", "In 1969,", "To make bread you need", "<|im_start|>user\nName a colour.<|im_end|>\n<|im_start|>assistant\n",
	"<|im_start|>user\nWho wrote Hamlet?<|im_end|>\n<|im_start|>assistant\n", "Photosynthesis is", "SELECT name FROM", "Guten Tag, ich heiße",
	"The sun rises in the", "A dog is an animal that", "My favourite season is", "The moral of the story:", "Question: What is 2+2?\nAnswer:",
}

// TestSmolLM2GGUF compares a real model, a GGUF file with types Q4_1 and Q8_0, with
// transformers and llama.cpp: the folder that is converted from it has transformers'
// tensors to the bit, greedy answers are the same over 64 tokens; in llama.cpp our F32
// file has the same 64 tokens and log-probabilities within 0.001. Of our F16 file, as the
// engine computes with it, those of the answers are within 0.01 (0.007 was seen), those of
// the five likeliest tokens within 0.05 (0.025; 99% are within 0.009).
func TestSmolLM2GGUF(t *testing.T) {
	path := os.Getenv("PGSRM_SMOLLM2")
	if path == "" {
		t.Skip("PGSRM_SMOLLM2 does not name the GGUF file of SmolLM2-135M-Instruct")
	}
	python := parityPython(t, "transformers, gguf, xllamacpp")
	m, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	m.Pool = kernel.NewPool(2)
	defer m.Pool.Close()
	dir := t.TempDir()
	folder, f32, f16 := filepath.Join(dir, "folder"), filepath.Join(dir, "f32.gguf"), filepath.Join(dir, "f16.gguf")
	for _, err := range []error{m.Save(folder), m.SaveGGUF(f32), m.SaveGGUFAs(f16, gguf.F16)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ggufParity(t, python, nil, "same", folder+"="+path)
	var prompts [][]int32
	for _, text := range smolPrompts {
		prompts = append(prompts, m.Tokenizer.EncodeSpecial(text))
	}
	ours, err := m.Greedy(context.Background(), prompts, 64, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log("tensors are the same")
	for i, a := range ggufParity(t, python, []parityTask{{folder, prompts, 64, 0, 0}}, "transformers") {
		if !slices.Equal(ours[i].Tokens, a.Tokens) {
			t.Errorf("%q: got %v, transformers %v", smolPrompts[i], ours[i].Tokens, a.Tokens)
		}
	}
	t.Log("greedy answers compared with transformers")
	rounded, err := Load(f16)
	if err != nil {
		t.Fatal(err)
	}
	rounded.Pool = m.Pool
	// With one thread: more wait for each other in a loop, which takes minutes where others want the processors.
	for i, a := range ggufParity(t, python, []parityTask{{f32, prompts, 64, 5, 1}, {f16, prompts, 32, 5, 1}}, "llamacpp") {
		if i < len(prompts) {
			followed(t, m, prompts[i], a, tolerance{1e-3, 1e-3, false})
		} else { // llama.cpp multiplies F16 matrices with F16 rows: activations are rounded as well
			followed(t, rounded, prompts[i-len(prompts)], a, tolerance{1e-2, 5e-2, true})
		}
	}
}
