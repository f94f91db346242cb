package hf

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/lm"
	"pgsrm/safetensors"
)

// goldenNames are the folders of testdata that make_golden.py writes.
var goldenNames = []string{
	"gpt2", "gpt2-odd", "gpt2-half", "gpt2-free", "gpt2-deep", "llama", "llama-linear", "llama-bias", "mistral", "mistral-full", "mistral-half",
	"qwen2", "qwen2-free", "qwen2-deep", "qwen3", "qwen3-bias", "qwen3-wide",
}

// golden is what PyTorch computed with the model of one folder.
type golden struct {
	Base      string // of an adapter: the folder of its base
	Sequences [][]int32
	Response  int // the loss counts tokens from here on
	Losses    []float64
	Norms     []float64
	LR        float64
	MaxNorm   float64 `json:"max_norm"`
	Warpers   []struct {
		Temperature float32
		TopK        int     `json:"top_k"`
		TopP        float32 `json:"top_p"`
		MinP        float32 `json:"min_p"`
	}
	Policy struct {
		Temperature float32
		Targets     []goldenTarget
	}
	// most likely tokens after the first sequence's first Response tokens, the last sequence, and token 1
	Greedy  [][]int32
	tensors *safetensors.File
}

// goldenTarget is one token of a loss a*logp + b*entropy + c*value.
type goldenTarget struct {
	Sequence, At         int
	Support              []int32
	A, B, C              float32
	Logp, Entropy, Value float32
}

// loadGolden reads a model and its golden values.
func loadGolden(t *testing.T, name string) (*Model, golden) {
	t.Helper()
	dir := filepath.Join("testdata", name)
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m, readGolden(t, dir)
}

// readGolden reads the golden values of a folder.
func readGolden(t *testing.T, dir string) golden {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	if g.tensors, err = safetensors.Open(os.DirFS(dir), "golden.safetensors"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.tensors.Close() })
	return g
}

func forEachGolden(t *testing.T, f func(t *testing.T, m *Model, g golden)) {
	for _, name := range goldenNames {
		t.Run(name, func(t *testing.T) {
			m, g := loadGolden(t, name)
			f(t, m, g)
		})
	}
}

// want reads a golden tensor.
func (g *golden) want(t *testing.T, name string) []float32 {
	t.Helper()
	v, err := g.tensors.Floats(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// near fails unless the largest difference is at most tol times the largest
// wanted magnitude: sums of float32 err in proportion to their largest terms.
func near(t *testing.T, what string, got, want []float32, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d numbers, want %d", what, len(got), len(want))
	}
	var worst, scale float64
	for i := range want {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= worst) { // NaN counts
			worst = d
		}
		scale = max(scale, math.Abs(float64(want[i])))
	}
	if !(worst <= tol*scale) {
		t.Errorf("%s: largest difference %.3g, allowed %.3g (largest number %.3g)", what, worst, tol*scale, scale)
	}
}

// lesson is the golden batch as supervised sequences.
func (g *golden) lesson() []lm.Sequence {
	var out []lm.Sequence
	for _, s := range g.Sequences {
		out = append(out, lm.Sequence{Tokens: s, From: g.Response})
	}
	return out
}

// goldenLogits are our logits of all tokens of the golden sequences, packed.
func goldenLogits(m *Model, g golden) []float32 {
	s := m.NewState(false)
	var rows []int32
	for _, q := range g.Sequences {
		rows = append(rows, s.AddSequence(q)...)
	}
	m.Forward(s)
	V := m.Config.Vocab
	all := make([]float32, len(rows)*V)
	for i, r := range rows {
		m.Logits(s, r, all[i*V:(i+1)*V])
	}
	return all
}

func TestParityLogits(t *testing.T) {
	forEachGolden(t, func(t *testing.T, m *Model, g golden) {
		near(t, "logits", goldenLogits(m, g), g.want(t, "logits"), 3e-6)
	})
}

// TestParityGreedy: cached decoding of 64 tokens, all prompts in one batch.
func TestParityGreedy(t *testing.T) {
	families := map[string]int{}
	forEachGolden(t, func(t *testing.T, m *Model, g golden) {
		if g.Greedy == nil {
			return
		}
		families[m.Config.Family]++
		m.Config.EOS, m.Config.EndTokens = -1, nil
		prompts := [][]int32{g.Sequences[0][:g.Response], g.Sequences[len(g.Sequences)-1], {1}}
		got, err := m.Generate(m.NewState(false), prompts, 1, lm.SampleOptions{MaxNewTokens: 64}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range g.Greedy {
			if !slices.Equal(got[i].Tokens, want) || len(want) != 64 {
				t.Errorf("prompt %d: got %v, want %v", i, got[i].Tokens, want)
			}
		}
	})
	for _, f := range []string{"gpt2", "llama", "mistral", "qwen2", "qwen3"} {
		if families[f] < 2 {
			t.Errorf("%s: %d configurations", f, families[f])
		}
	}
}

func TestParityGradients(t *testing.T) {
	forEachGolden(t, func(t *testing.T, m *Model, g golden) {
		loss, _, _ := m.Supervised(m.NewState(true), g.lesson())
		if d := math.Abs(loss - g.Losses[0]); d > 2e-6*g.Losses[0] {
			t.Errorf("loss %.8f, want %.8f", loss, g.Losses[0])
		}
		compareGrads(t, m, g, "grad:")
	})
}

// compareGrads compares the gradients of all tensors with golden ones.
func compareGrads(t *testing.T, m *Model, g golden, prefix string) {
	t.Helper()
	n := namingOf(m.Config.Family)
	for _, x := range tensorTable(m.Model) {
		name := prefix + n.fullName(x.name)
		want := g.want(t, name)
		got := make([]float32, len(want))
		x.get(got, x.param.Grad)
		if strings.HasSuffix(name, "k_proj.bias") { // zero but for rounding: softmax ignores it
			continue
		}
		near(t, name, got, want, 2e-5)
	}
}

func TestParityTraining(t *testing.T) {
	forEachGolden(t, func(t *testing.T, m *Model, g golden) {
		s, opt := m.NewState(true), lm.NewAdamW()
		for i, want := range g.Losses {
			loss, _, _ := m.Supervised(s, g.lesson())
			if d := math.Abs(loss - want); d > 5e-4*want { // Adam divides small gradients by themselves
				t.Errorf("step %d: loss %.7f, want %.7f", i, loss, want)
			}
			norm := opt.Step(m.Model, g.LR, g.MaxNorm)
			if d := math.Abs(norm - g.Norms[i]); d > 1e-3*g.Norms[i] {
				t.Errorf("step %d: gradient norm %.7f, want %.7f", i, norm, g.Norms[i])
			}
		}
		n := namingOf(m.Config.Family)
		for _, x := range tensorTable(m.Model) {
			name := "trained:" + n.fullName(x.name)
			info, ok := g.tensors.Info(name)
			if !ok {
				continue
			}
			got := make([]float32, info.Len())
			x.get(got, x.param.Value)
			near(t, name, got, g.want(t, name), 1e-3)
		}
	})
}

// TestParitySampling compares the distributions that Generate draws from.
func TestParitySampling(t *testing.T) {
	forEachGolden(t, func(t *testing.T, m *Model, g golden) {
		prompt := g.Sequences[0]
		s := m.NewState(false)
		rows := s.AddSequence(prompt)
		m.Forward(s)
		m.Config.Positions++ // room for the token to be drawn: no row is computed for it
		for i, w := range g.Warpers {
			opt := lm.SampleOptions{Temperature: w.Temperature, TopK: w.TopK, TopP: w.TopP, MinP: w.MinP, MaxNewTokens: 1}
			drawn, err := m.Generate(m.NewState(false), [][]int32{prompt}, 1, opt, func(int, int) *rand.Rand { return rand.New(rand.NewPCG(1, 2)) })
			if err != nil {
				t.Fatal(err)
			}
			kept := drawn[0].Support[0]
			if kept == nil {
				for id := range m.Config.Vocab {
					kept = append(kept, int32(id))
				}
			}
			var targets []lm.Target
			for _, id := range kept {
				targets = append(targets, lm.Target{Row: rows[len(rows)-1], Token: id, Support: drawn[0].Support[0]})
			}
			var scores lm.Scores
			if err := m.Score(s, targets, opt.Temperature, &scores); err != nil {
				t.Fatal(err)
			}
			got := make([]float32, m.Config.Vocab)
			for j, id := range kept {
				got[id] = float32(math.Exp(float64(scores.LogProb[j])))
				if id == drawn[0].Tokens[0] && scores.LogProb[j] != drawn[0].LogProbs[0] {
					t.Errorf("warpers %+v: drawn with log-probability %v, scored with %v", w, drawn[0].LogProbs[0], scores.LogProb[j])
				}
			}
			near(t, fmt.Sprintf("warpers %+v", w), got, g.want(t, fmt.Sprintf("warped:%d", i)), 1e-5)
		}
	})
}

// TestParityPolicy compares scores and gradients of a loss of log-probabilities,
// entropies and values, at a temperature, every second target truncated.
func TestParityPolicy(t *testing.T) {
	forEachGolden(t, func(t *testing.T, m *Model, g golden) {
		if g.Policy.Targets == nil {
			return
		}
		backwardPolicy(t, m, g)
		compareGrads(t, m, g, "policy:")
		compareValueGrad(t, m, g)
	})
}

// backwardPolicy compares the scores of the golden policy loss and runs it backward.
func backwardPolicy(t *testing.T, m *Model, g golden) {
	t.Helper()
	m.ValueHead(false)
	copy(m.ValueWeights(), g.want(t, "value"))
	s := m.NewState(true)
	var targets []lm.Target
	var grads lm.ScoreGrads
	var logp, entropy, value []float32
	for _, x := range g.Policy.Targets {
		tokens := g.Sequences[x.Sequence]
		rows := s.AddSequence(tokens[:len(tokens)-1])
		targets = append(targets, lm.Target{Row: rows[x.At-1], Token: tokens[x.At], Support: x.Support})
		grads.LogProb, logp = append(grads.LogProb, x.A), append(logp, x.Logp)
		grads.Entropy, entropy = append(grads.Entropy, x.B), append(entropy, x.Entropy)
		grads.Value, value = append(grads.Value, x.C), append(value, x.Value)
	}
	m.Forward(s)
	var got lm.Scores
	m.Score(s, targets, g.Policy.Temperature, &got)
	near(t, "log-probabilities", got.LogProb, logp, 3e-6)
	near(t, "entropies", got.Entropy, entropy, 3e-6)
	near(t, "values", got.Value, value, 3e-6)
	m.Backward(s, targets, g.Policy.Temperature, grads)
}

// compareValueGrad compares the gradient of the value head, which the first moment
// of AdamW shows; the step leaves all weights as they are.
func compareValueGrad(t *testing.T, m *Model, g golden) {
	t.Helper()
	opt := lm.NewAdamW()
	opt.Step(m.Model, 0, 0)
	_, _, moment, _ := opt.Moments(m.Model)
	got := make([]float32, len(moment))
	for i, v := range moment {
		got[i] = v / float32(1-opt.Beta1)
	}
	near(t, "value head", got, g.want(t, "policy:value"), 1e-5)
}
