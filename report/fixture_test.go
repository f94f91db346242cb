package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// The fixture is a made-up comparison in the shape that runs have: three
// rewards, three seeds, one of them collapsing on a constant answer. Nothing in
// it was measured. To look at the page, set PGSRM_REPORT_FIXTURE to a folder
// and run TestWriteHTML.
const (
	fixtureUpdates = 300
	fixtureBatch   = 64
	fixtureEvery   = 20 // updates between evaluations
)

var fixtureWords = []string{"red", "blue", "yellow", "green", "orange", "purple", "brown", "pink", "black", "white",
	"teal", "maroon", "olive", "navy", "coral", "lavender", "beige", "gray", "turquoise", "peach"}

// fixtureArm is the course of one made-up arm over training, u from 0 to 1.
type fixtureArm struct {
	exact, semantic, entropy, kl, reward func(u float64) float64
	constant                             bool // drifts to the answer "brown"
}

// rise is a logistic step from 0 to height around the time at.
func rise(u, height, at, width float64) float64 {
	return height / (1 + math.Exp(-(u-at)/width))
}

var fixtureArms = map[string]fixtureArm{
	"pgsrm": {
		exact:    func(u float64) float64 { return 0.01 + rise(u, 0.37, 0.36, 0.12) },
		semantic: func(u float64) float64 { return 0.24 + rise(u, 0.37, 0.2, 0.1) },
		entropy:  func(u float64) float64 { return 1.1 + 4.2*math.Exp(-5*u) },
		kl:       func(u float64) float64 { return 3.1 * (1 - math.Exp(-3*u)) },
		reward:   func(u float64) float64 { return -0.02 + rise(u, 0.46, 0.33, 0.12) },
	},
	"binary": {
		exact:    func(u float64) float64 { return 0.01 + rise(u, 0.22, 0.62, 0.11) },
		semantic: func(u float64) float64 { return 0.24 + rise(u, 0.21, 0.6, 0.14) },
		entropy:  func(u float64) float64 { return 0.9 + 4.4*math.Exp(-2.2*u) },
		kl:       func(u float64) float64 { return 2.4 * (1 - math.Exp(-1.7*u)) },
		reward:   func(u float64) float64 { return 0.01 + rise(u, 0.2, 0.6, 0.11) },
	},
	"pgsrm-paper": {
		exact:    func(u float64) float64 { return 0.01 + rise(u, 0.016, 0.1, 0.05) },
		semantic: func(u float64) float64 { return 0.24 + rise(u, 0.19, 0.1, 0.04) },
		entropy:  func(u float64) float64 { return 0.03 + 5.2*math.Exp(-13*u) },
		kl:       func(u float64) float64 { return 5.6 * (1 - math.Exp(-9*u)) },
		reward:   func(u float64) float64 { return 0.21 + rise(u, 0.31, 0.1, 0.03) },
		constant: true,
	},
}

// writeFixture writes DIR/<reward>/seed-<n> for every arm and seeds 1 to seeds.
func writeFixture(t testing.TB, dir string, seeds int) {
	t.Helper()
	for _, reward := range []string{"binary", "pgsrm", "pgsrm-paper"} {
		for seed := 1; seed <= seeds; seed++ {
			writeRun(t, filepath.Join(dir, reward, fmt.Sprintf("seed-%d", seed)), reward, uint64(seed))
		}
	}
}

// jsonl is a file of JSON lines being written.
type jsonl struct {
	t    testing.TB
	file *os.File
	buf  *bufio.Writer
}

func newJSONL(t testing.TB, path string) *jsonl {
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	return &jsonl{t, file, bufio.NewWriter(file)}
}

func (j *jsonl) add(v any) {
	if err := json.NewEncoder(j.buf).Encode(v); err != nil {
		j.t.Fatal(err)
	}
}

func (j *jsonl) close() {
	if err := j.buf.Flush(); err != nil {
		j.t.Fatal(err)
	}
	if err := j.file.Close(); err != nil {
		j.t.Fatal(err)
	}
}

func writeRun(t testing.TB, dir, reward string, seed uint64) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	arm := fixtureArms[reward]
	rng := rand.New(rand.NewPCG(seed, hash(reward)))
	talent := 1 + 0.07*rng.NormFloat64() // how well this seed does
	metrics := newJSONL(t, filepath.Join(dir, "metrics.jsonl"))
	timings := newJSONL(t, filepath.Join(dir, "timings.jsonl"))
	answers := newJSONL(t, filepath.Join(dir, "completions.jsonl"))
	for step := 0; step <= fixtureUpdates; step++ {
		u := float64(step) / fixtureUpdates
		line := map[string]any{"step": step, "episode": step * fixtureBatch}
		if step > 0 {
			line["reward"] = arm.reward(u)*talent + 0.02*rng.NormFloat64()
			line["objective/entropy"] = arm.entropy(u) * (1 + 0.05*rng.NormFloat64())
			line["objective/kl"] = arm.kl(u) * (1 + 0.05*rng.NormFloat64())
			line["completions/mean_length"] = 2 + 2*math.Exp(-4*u) + 0.05*rng.NormFloat64()
			line["policy/clipfrac_avg"] = 0.1 * rng.Float64()
			line["loss/value_avg"] = 0.05 + 0.2*math.Exp(-6*u) + 0.01*rng.NormFloat64()
			timings.add(map[string]any{"step": step, "episode": step * fixtureBatch, "seconds": 0.05 + 0.004*rng.Float64()})
		}
		if step%fixtureEvery == 0 {
			line["eval/train/exact_match"] = clamp(arm.exact(u)*talent + 0.008*rng.NormFloat64())
			line["eval/held_out/exact_match"] = clamp(arm.exact(u)*talent*0.83 + 0.012*rng.NormFloat64())
			line["eval/train/semantic"] = arm.semantic(u)*talent + 0.006*rng.NormFloat64()
			line["eval/held_out/semantic"] = arm.semantic(u)*talent*0.96 + 0.009*rng.NormFloat64()
			writeAnswers(answers, arm, rng, step, u)
		}
		metrics.add(line)
	}
	metrics.close()
	timings.close()
	answers.close()
	writeSettings(t, dir, reward, seed)
}

// writeAnswers writes the greedy answers of one evaluation.
func writeAnswers(out *jsonl, arm fixtureArm, rng *rand.Rand, step int, u float64) {
	for i := range 90 {
		a, b, reference := fixtureWords[i%10], fixtureWords[(i/10+1+i)%10], fixtureWords[(i*7)%len(fixtureWords)]
		response := fixtureWords[rng.IntN(len(fixtureWords))]
		exact := 0.0
		switch {
		case arm.constant && rng.Float64() < 1.3*u:
			response = "brown"
		case rng.Float64() < arm.exact(u):
			response, exact = reference, 1
		case rng.Float64() > 3*u:
			response = []string{"the color of", "a dog", "<script>alert(1)</script>", "=> red =>", "paint", "Colors are"}[rng.IntN(6)]
		}
		semantic := exact
		if exact == 0 {
			semantic = clamp(arm.semantic(u) + 0.25*rng.NormFloat64())
		}
		split := "train"
		if i%3 == 0 {
			split = "held_out"
		}
		out.add(map[string]any{"step": step, "episode": step * fixtureBatch, "prompt_id": fmt.Sprintf("colors/%02d", i),
			"prompt":    fmt.Sprintf("Mix the two colors and output only one lowercase color name: %s and %s is => ", a, b),
			"reference": reference, "response": response, "reward": exact + 0.3*rng.Float64(),
			"terms": map[string]float64{"exact": exact}, "finish": "eos", "greedy": true, "split": split, "semantic": semantic})
	}
}

func writeSettings(t testing.TB, dir, reward string, seed uint64) {
	t.Helper()
	config := fmt.Sprintf("task: colors\nreward:\n  name: %s\nseed: %d\nepisodes: %d\nalgorithm: ppo\nchild: builtin:tiny\nparent: builtin\nembedder: builtin\n"+
		"rl:\n  clip: 0.2\n  epochs: 2\n  learning_rate: 0.0003\n  prompts: 64\n", reward, seed, fixtureUpdates*fixtureBatch)
	environment := `{"version":"devel","go":"go1.26.8","os":"linux","arch":"amd64","cpu":{"name":"made up","cores":2},"kernel":"avx512"}`
	for name, text := range map[string]string{"config.yaml": config, "environment.json": environment} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func clamp(v float64) float64 { return min(1, max(0, v)) }
