package hf

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/internal/jsonobject"
	"pgsrm/lm"
	"pgsrm/safetensors"
)

// loraNames are the folders of testdata/lora that make_lora_golden.py writes.
var loraNames = []string{"gpt2-attn", "gpt2-all", "gpt2-odd-part", "llama-qv", "llama-all", "qwen3-some", "qwen2-pattern"}

func loraDir(name string) string { return filepath.Join("testdata", "lora", name) }

// loadLoRA loads the base of a golden adapter with the adapter on it.
func loadLoRA(t *testing.T, name string) (*Model, golden) {
	t.Helper()
	g := readGolden(t, loraDir(name))
	m, err := Load(filepath.Join("testdata", g.Base))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.LoadAdapter(loraDir(name), true); err != nil {
		t.Fatal(err)
	}
	return m, g
}

func forEachLoRA(t *testing.T, f func(t *testing.T, m *Model, g golden)) {
	for _, name := range loraNames {
		t.Run(name, func(t *testing.T) {
			m, g := loadLoRA(t, name)
			f(t, m, g)
		})
	}
}

// compareAdapters compares numbers of A and B with PEFT's.
func compareAdapters(t *testing.T, m *Model, g golden, prefix string, tol float64, get func(p *lm.Param, dst []float32, transposed bool)) {
	t.Helper()
	for _, p := range m.LoRAParams() {
		name := prefix + adapterPrefix + p.Name
		got := make([]float32, p.K*p.N)
		get(p, got, true)
		near(t, name, got, g.want(t, name), tol)
	}
}

func TestLoRAParityLogits(t *testing.T) {
	forEachLoRA(t, func(t *testing.T, m *Model, g golden) {
		near(t, "logits", goldenLogits(m, g), g.want(t, "logits"), 3e-6)
	})
}

func TestLoRAParityGradients(t *testing.T) {
	forEachLoRA(t, func(t *testing.T, m *Model, g golden) {
		loss, _, _ := m.Supervised(m.NewState(true), g.lesson())
		if d := math.Abs(loss - g.Losses[0]); d > 2e-6*g.Losses[0] {
			t.Errorf("loss %.8f, want %.8f", loss, g.Losses[0])
		}
		compareAdapters(t, m, g, "grad:", 2e-5, (*lm.Param).GetGrad)
		for _, p := range m.Params() {
			if p.Grad != nil {
				t.Errorf("%s: a frozen weight must have no gradient", p.Name)
			}
		}
	})
}

func TestLoRAParityPolicy(t *testing.T) {
	forEachLoRA(t, func(t *testing.T, m *Model, g golden) {
		backwardPolicy(t, m, g)
		compareAdapters(t, m, g, "policy:", 2e-5, (*lm.Param).GetGrad)
		compareValueGrad(t, m, g)
	})
}

// TestLoRAParityTraining: ten steps of AdamW change the adapters as PyTorch does
// and no bit of the base.
func TestLoRAParityTraining(t *testing.T) {
	forEachLoRA(t, func(t *testing.T, m *Model, g golden) {
		base := values(m)
		s, opt := m.NewState(true), lm.NewAdamW()
		for i, want := range g.Losses {
			loss, _, _ := m.Supervised(s, g.lesson())
			if d := math.Abs(loss - want); d > 1e-4*want {
				t.Errorf("step %d: loss %.7f, want %.7f", i, loss, want)
			}
			norm := opt.Step(m.Model, g.LR, g.MaxNorm)
			if d := math.Abs(norm - g.Norms[i]); d > 1e-3*g.Norms[i] {
				t.Errorf("step %d: gradient norm %.7f, want %.7f", i, norm, g.Norms[i])
			}
		}
		compareAdapters(t, m, g, "trained:", 1e-3, (*lm.Param).Get)
		if !slices.Equal(base, values(m)) {
			t.Error("the base must be as it was")
		}
		var size int
		for _, p := range m.LoRAParams() {
			size += len(p.Value)
		}
		if m1, _, _, _ := opt.Moments(m.Model); len(m1) != size {
			t.Errorf("moments of the adapters alone: got %d, want %d", len(m1), size)
		}
		for _, p := range m.Params() {
			if p.Grad != nil {
				t.Errorf("%s: a frozen weight must have no gradient", p.Name)
			}
		}
	})
}

// TestMerge: merging changes what the model computes by rounding only.
func TestMerge(t *testing.T) {
	forEachLoRA(t, func(t *testing.T, m *Model, g golden) {
		m.Merge()
		if _, on := m.LoRA(); on {
			t.Error("no adapter must be left")
		}
		near(t, "logits", goldenLogits(m, g), g.want(t, "logits"), 5e-6)
	})
}

// TestSaveAdapter: PEFT's adapter is written back to the bit, twice to the same
// bytes, and read again.
func TestSaveAdapter(t *testing.T) {
	forEachLoRA(t, func(t *testing.T, m *Model, g golden) {
		dir := filepath.Join(t.TempDir(), "adapter")
		if err := m.SaveAdapter(dir); err != nil {
			t.Fatal(err)
		}
		first := folderBytes(t, dir)
		if err := m.SaveAdapter(dir); err != nil {
			t.Fatal(err)
		}
		for name, text := range folderBytes(t, dir) {
			if !bytes.Equal(text, first[name]) {
				t.Errorf("%s: saved twice, other bytes", name)
			}
		}
		base, err := Load(filepath.Join("testdata", g.Base))
		if err != nil {
			t.Fatal(err)
		}
		if err := base.LoadAdapter(dir, true); err != nil {
			t.Fatal(err)
		}
		for i, p := range m.LoRAParams() {
			if !slices.Equal(base.LoRAParams()[i].Value, p.Value) {
				t.Errorf("%s: must be equal", p.Name)
			}
		}
		if name, _, err := AdapterBase(dir); err != nil || name != g.Base {
			t.Errorf("base: got %q and %v, want %q", name, err, g.Base)
		}
	})
}

// TestAddLoRARefuses: targets and sizes that cannot be.
func TestAddLoRARefuses(t *testing.T) {
	for _, c := range []struct {
		l    LoRA
		want string
	}{
		{LoRA{LoRA: lm.LoRA{Rank: 2, Alpha: 2}, Targets: []string{"c_attn", "q_proj"}}, `lora: target must be all-linear or one of c_attn, c_fc, c_proj (got "q_proj")`},
		{LoRA{LoRA: lm.LoRA{Rank: 2, Alpha: 2}, Targets: []string{"lm_head"}}, `lora: target must be all-linear or one of c_attn, c_fc, c_proj (got "lm_head")`},
		{LoRA{LoRA: lm.LoRA{Rank: 2, Alpha: 2}}, `lora: targets must name at least one of c_attn, c_fc, c_proj (got )`},
		{LoRA{LoRA: lm.LoRA{Rank: 0, Alpha: 2}, Targets: []string{"c_attn"}}, `lora: rank must be in 1..4096 (got 0)`},
		{LoRA{LoRA: lm.LoRA{Rank: 1, Alpha: math.NaN()}, Targets: []string{"c_attn"}}, `lora: alpha must be a finite number above 0 (got NaN)`},
	} {
		m := gptModel(t)
		if err := m.AddLoRA(c.l, 1); err == nil || err.Error() != c.want {
			t.Errorf("%+v:\n got %v\nwant %s", c.l, err, c.want)
		}
		if _, on := m.LoRA(); on {
			t.Error("a refused adapter must leave the model as it was")
		}
	}
	m, l := gptModel(t), LoRA{LoRA: lm.LoRA{Rank: 3, Alpha: 6}, Targets: []string{AllLinear}}
	if err := m.AddLoRA(l, 1); err != nil {
		t.Fatal(err)
	}
	if err := m.AddLoRA(l, 1); err == nil || !strings.Contains(err.Error(), "must have no adapters yet (it has them on c_attn, c_fc, c_proj)") {
		t.Errorf("got %v", err)
	}
}

// TestBadAdapters: each fault of a folder is an error that names it.
func TestBadAdapters(t *testing.T) {
	set := func(key string, value any) func(map[string]any, []safetensors.Tensor) []safetensors.Tensor {
		return func(c map[string]any, tensors []safetensors.Tensor) []safetensors.Tensor {
			c[key] = value
			return tensors
		}
	}
	const at = "adapter_config.json: "
	for _, c := range []struct {
		name   string
		change func(c map[string]any, tensors []safetensors.Tensor) []safetensors.Tensor
		want   string
	}{
		{"dora", set("use_dora", true), at + "use_dora must be false (got true)"},
		{"bias", set("bias", "lora_only"), at + `bias must be "none" (got "lora_only")`},
		{"lora bias", set("lora_bias", true), at + "lora_bias must be false (got true)"},
		{"modules to save", set("modules_to_save", []string{"lm_head"}), at + `modules_to_save must be [] (got ["lm_head"])`},
		{"layers", set("layers_to_transform", []int{0}), at + "layers_to_transform must be null (got [0])"},
		{"layers pattern", set("layers_pattern", "h"), at + `layers_pattern must be null (got "h")`},
		{"rank pattern", set("rank_pattern", map[string]int{"c_fc": 2}), at + `rank_pattern must be {} (got {"c_fc":2})`},
		{"alpha pattern", set("alpha_pattern", map[string]int{"c_fc": 2}), at + `alpha_pattern must be {} (got {"c_fc":2})`},
		{"kind", set("peft_type", "IA3"), at + `peft_type must be "LORA" (got "IA3")`},
		{"no kind", set("peft_type", nil), at + `peft_type must be "LORA" (it is absent)`},
		{"pissa", set("init_lora_weights", "pissa"), at + `init_lora_weights must be true or false or "gaussian" or "orthogonal" (got "pissa")`},
		{"rank", set("r", 0), at + "lora: rank must be in 1..4096 (got 0)"},
		{"rank text", set("r", "four"), at + `r must be a whole number (got "four")`},
		{"alpha", set("lora_alpha", 0), at + "lora: alpha must be a finite number above 0 (got 0)"},
		{"targets", set("target_modules", []string{"query"}), at + "lora: targets must name at least one of c_attn, c_fc, c_proj (got query)"},
		{"no targets", set("target_modules", nil), at + "target_modules must be a list of names or a text (it is absent)"},
		{"pattern", set("target_modules", "(?<=x)c_attn"), at + "lora: target_modules must be a list or a regular expression of RE2's syntax"},
		{"orientation", set("fan_in_fan_out", false), at + `fan_in_fan_out must be true for a base of model_type "gpt2" (got false)`},
		{"other rank", set("r", 5), "adapter_model.safetensors: tensors must be those of adapter_config.json on this base: 4 mis-shaped: " +
			"base_model.model.transformer.h.0.attn.c_attn.lora_A.weight must have shape [5 24] (got [4 24])"},
		{"more targets", set("target_modules", []string{"c_attn", "c_fc"}), "4 missing: base_model.model.transformer.h.0.mlp.c_fc.lora_A.weight"},
		{"surplus", func(_ map[string]any, tensors []safetensors.Tensor) []safetensors.Tensor {
			return append(tensors, safetensors.Tensor{Name: "base_model.model.lm_head.lora_A.weight", Shape: []int{1}, Data: []float32{0}})
		}, "1 unexpected: base_model.model.lm_head.lora_A.weight"},
		{"missing", func(_ map[string]any, tensors []safetensors.Tensor) []safetensors.Tensor { return tensors[1:] }, "1 missing: base_model.model.transformer.h.0.attn.c_attn.lora_A.weight"},
		{"not finite", func(_ map[string]any, tensors []safetensors.Tensor) []safetensors.Tensor {
			n := len(tensors[0].Data)
			tensors[0].Fill, tensors[0].Data = nil, slices.Repeat([]float32{float32(math.Inf(1))}, n)
			return tensors
		}, `tensor "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight" must be finite (got +Inf at 0)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := loadLoRA(t, "gpt2-attn")
			var config map[string]any
			text, err := os.ReadFile(filepath.Join(loraDir("gpt2-attn"), adapterConfigFile))
			if err == nil {
				err = json.Unmarshal(text, &config)
			}
			if err != nil {
				t.Fatal(err)
			}
			tensors := c.change(config, m.adapterTensors())
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, adapterConfigFile), jsonobject.Text(config), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := safetensors.Write(filepath.Join(dir, adapterWeightsFile), safetensors.F32, nil, tensors); err != nil {
				t.Fatal(err)
			}
			m.DropLoRA()
			if err := m.LoadAdapter(dir, true); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if _, on := m.LoRA(); on {
				t.Error("a refused adapter must leave the model as it was")
			}
		})
	}
}

// TestAdapterFiles: a folder without tensors, with a pickle file, or with another base.
func TestAdapterFiles(t *testing.T) {
	m, _ := loadLoRA(t, "gpt2-attn")
	dir := filepath.Join(t.TempDir(), "adapter")
	if err := m.SaveAdapter(dir); err != nil {
		t.Fatal(err)
	}
	m.DropLoRA()
	param(m, "norm.weight").Value[0] += 1
	if err := m.LoadAdapter(dir, true); err == nil || !strings.Contains(err.Error(), "must have the weights that the adapter was trained on") {
		t.Errorf("another base: got %v", err)
	}
	if err := m.LoadAdapter(dir, false); err != nil {
		t.Errorf("another base, given: %v", err)
	}
	m.DropLoRA()
	if err := os.Rename(filepath.Join(dir, adapterWeightsFile), filepath.Join(dir, "adapter_model.bin")); err != nil {
		t.Fatal(err)
	}
	if err := m.LoadAdapter(dir, true); err == nil || !strings.Contains(err.Error(), "adapter_model.bin is not read, since such files can run code") {
		t.Errorf("pickle: got %v", err)
	}
}

// TestSaveRefusesAdapters: a model folder has no place for adapters, so they are
// not left out in silence.
func TestSaveRefusesAdapters(t *testing.T) {
	m, _ := loadLoRA(t, "gpt2-attn")
	dir := filepath.Join(t.TempDir(), "child")
	if err := m.Save(dir); err == nil || err.Error() != "save model: adapters must be merged first, or saved alone (the model has them on c_attn)" {
		t.Errorf("got %v", err)
	}
	if err := gptModel(t).SaveAdapter(dir); err == nil {
		t.Error("a model without adapters has none to save")
	}
}

// FuzzAdapterConfig: no adapter_config.json brings the reader down, and what is
// read is valid.
func FuzzAdapterConfig(f *testing.F) {
	for _, name := range loraNames {
		text, err := os.ReadFile(filepath.Join(loraDir(name), adapterConfigFile))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseAdapterConfig(text)
		if err == nil {
			err = c.lora.Validate()
			if err == nil && !(c.lora.Scale() >= 0) {
				t.Errorf("scale must be a number (got %v)", c.lora.Scale())
			}
			if err != nil {
				t.Errorf("accepted, but %v", err)
			}
		}
	})
}

// TestDropoutIsNotTrained: an adapter that PEFT trained with dropout is used, not
// trained on.
func TestDropoutIsNotTrained(t *testing.T) {
	m, _ := loadLoRA(t, "qwen2-pattern")
	if err := m.Trainable(); err == nil || err.Error() != "lora: lora_dropout must be 0 to train the adapter on, as the engine has no dropout (got 0.05)" {
		t.Errorf("got %v", err)
	}
	m, _ = loadLoRA(t, "llama-all")
	if err := m.Trainable(); err != nil {
		t.Error(err)
	}
}

// TestPEFTReadsOurs: PEFT loads what SaveAdapter wrote, and transformers what was
// merged; both get our logits.
func TestPEFTReadsOurs(t *testing.T) {
	python := os.Getenv("PGSRM_PYTHON")
	if python == "" {
		t.Skip("reading our adapters with PEFT not tested: PGSRM_PYTHON names no python that has it")
	}
	tmp := t.TempDir()
	args := []string{"testdata/lora_roundtrip.py"}
	want := map[string][]float32{}
	for _, name := range loraNames {
		m, g := loadLoRA(t, name)
		m.Supervised(m.NewState(true), g.lesson())
		lm.NewAdamW().Step(m.Model, 1e-2, 1) // no longer what PEFT wrote
		dir := filepath.Join(tmp, name)
		if err := m.SaveAdapter(dir + ".adapter"); err != nil {
			t.Fatal(err)
		}
		want[name] = goldenLogits(m, g)
		m.Merge()
		if err := m.Save(dir + ".merged"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+".json", jsonobject.Text(map[string]any{"base": filepath.Join("testdata", g.Base), "sequences": g.Sequences}), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, dir)
	}
	cmd := exec.Command(python, args...)
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "OMP_NUM_THREADS=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, name := range loraNames {
		f, err := safetensors.Open(os.DirFS(tmp), name+".safetensors")
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"adapter", "merged"} {
			got, err := f.Floats(kind)
			if err != nil {
				t.Fatal(err)
			}
			near(t, name+" "+kind, want[name], got, 5e-6)
		}
		f.Close()
	}
}
