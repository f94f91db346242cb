package lm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestSaveLoad: what is saved is loaded to the bit, tokenizer.json is verbatim,
// and saving again gives the same bytes.
func TestSaveLoad(t *testing.T) {
	for _, name := range goldenNames {
		t.Run(name, func(t *testing.T) {
			m, tok, err := Load(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "child")
			if err := m.Save(dir, tok); err != nil {
				t.Fatal(err)
			}
			first := folderBytes(t, dir)
			if !bytes.Equal(first[tokenizerFile], tok.JSON()) {
				t.Error("tokenizer.json must be verbatim")
			}
			again, tok, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			if again.Config != m.Config {
				t.Errorf("config: got %+v, want %+v", again.Config, m.Config)
			}
			if !slices.Equal(again.value, m.value) {
				t.Error("weights must be equal")
			}
			if err := again.Save(dir, tok); err != nil { // over the folder itself
				t.Fatal(err)
			}
			for name, b := range folderBytes(t, dir) {
				if !bytes.Equal(b, first[name]) {
					t.Errorf("%s: saved twice, other bytes", name)
				}
			}
			onlyEntry(t, filepath.Dir(dir), "child")
		})
	}
}

func folderBytes(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestSaveBF16: half-precision weights are those of the model, rounded.
func TestSaveBF16(t *testing.T) {
	m, tok, err := Load("testdata/gpt2")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "child")
	if err := m.SaveAs(dir, tok, BF16); err != nil {
		t.Fatal(err)
	}
	again, _, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "weights", again.value, m.value, 0x1p-8)
	if err := m.SaveAs(dir, tok, F16); err == nil {
		t.Error("F16 must be refused")
	}
	if _, _, err := Load(dir); err != nil {
		t.Errorf("a failed save must leave the folder: %v", err)
	}
}

// TestSaveRefuses: a folder with anything else in it is never replaced.
func TestSaveRefuses(t *testing.T) {
	m, tok, err := Load("testdata/gpt2")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = m.Save(dir, tok)
	if err == nil || !strings.HasSuffix(err.Error(), "must be empty or hold nothing but a saved model (it holds thesis.tex)") {
		t.Errorf("got %v", err)
	}
	onlyEntry(t, dir, "thesis.tex")
}

// TestTransformersReadsOurs: transformers loads what Save wrote and gets our logits.
func TestTransformersReadsOurs(t *testing.T) {
	python := os.Getenv("PGSRM_PYTHON")
	if python == "" {
		t.Skip("reading our folders with transformers not tested: PGSRM_PYTHON names no python that has it")
	}
	tmp := t.TempDir()
	args := []string{"testdata/roundtrip.py"}
	logits := map[string][]float32{}
	for _, name := range goldenNames {
		m, g := loadGolden(t, name)
		_, tok, err := Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		m.Supervised(m.NewState(true), g.lesson())
		NewAdamW().Step(m, 1e-3, 1) // no longer the weights that transformers wrote
		dir := filepath.Join(tmp, name)
		if err := m.Save(dir, tok); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+".json", jsonText(g.Sequences), 0o600); err != nil {
			t.Fatal(err)
		}
		args, logits[name] = append(args, dir), goldenLogits(m, g)
	}
	cmd := exec.Command(python, args...)
	cmd.Env = append(os.Environ(), "HF_HUB_OFFLINE=1", "OMP_NUM_THREADS=1")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, name := range goldenNames {
		f, err := OpenTensors(os.DirFS(tmp), name+".safetensors")
		if err != nil {
			t.Fatal(err)
		}
		want, err := f.Floats("logits")
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		near(t, name, logits[name], want, 3e-6)
	}
}

// editTensors rewrites the weights of a folder in memory.
func editTensors(t *testing.T, dir string, edit func(list map[string]Tensor)) fstest.MapFS {
	t.Helper()
	fsys := overlay(t, dir, nil)
	f, err := OpenTensors(fsys, weightsFile)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]Tensor{}
	for _, info := range f.Tensors() {
		v, err := f.Floats(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		list[info.Name] = Tensor{Name: info.Name, Shape: info.Shape, Data: v}
	}
	edit(list)
	var tensors []Tensor
	for _, name := range sortedKeys(list) {
		tensors = append(tensors, list[name])
	}
	var b bytes.Buffer
	if err := EncodeTensors(&b, F32, nil, tensors); err != nil {
		t.Fatal(err)
	}
	fsys[weightsFile] = &fstest.MapFile{Data: b.Bytes()}
	return fsys
}

func TestLoadTensorFaults(t *testing.T) {
	cases := []struct {
		name string
		edit func(list map[string]Tensor)
		text string // "" = loads
	}{
		{"missing", func(l map[string]Tensor) { delete(l, "transformer.h.1.ln_2.bias") },
			"tensors must be those of config.json: 1 missing: transformer.h.1.ln_2.bias"},
		{"surplus", func(l map[string]Tensor) { l["score.weight"] = Tensor{Name: "score.weight", Data: []float32{1}} },
			"tensors must be those of config.json: 1 unexpected: score.weight"},
		{"mis-shaped", func(l map[string]Tensor) {
			x := l["transformer.wpe.weight"]
			x.Shape = []int{12, 48}
			l["transformer.wpe.weight"] = x
		}, "tensors must be those of config.json: 1 mis-shaped: transformer.wpe.weight must have shape [24 24] (got [12 48])"},
		{"a layer too many", func(l map[string]Tensor) {
			for _, name := range sortedKeys(l) {
				if rest, ok := strings.CutPrefix(name, "transformer.h.1."); ok {
					x := l[name]
					x.Name = "transformer.h.2." + rest
					l[x.Name] = x
				}
			}
		}, "tensors must be those of config.json: 12 unexpected: transformer.h.2.attn.c_attn.bias, transformer.h.2.attn.c_attn.weight, transformer.h.2.attn.c_proj.bias, transformer.h.2.attn.c_proj.weight, transformer.h.2.ln_1.bias, ..."},
		{"twice", func(l map[string]Tensor) { x := l["transformer.ln_f.bias"]; x.Name = "ln_f.bias"; l["ln_f.bias"] = x },
			"tensors must be those of config.json: 1 unexpected: transformer.ln_f.bias (beside ln_f.bias)"},
		{"not finite", func(l map[string]Tensor) { l["transformer.ln_f.bias"].Data[3] = float32(math.NaN()) },
			`model.safetensors: tensor "transformer.ln_f.bias" must be finite (got NaN at 3)`},
		{"equal head", func(l map[string]Tensor) {
			x := l["transformer.wte.weight"]
			x.Name = headName
			l[headName] = x
		}, ""},
		{"other head", func(l map[string]Tensor) {
			x := l["transformer.wte.weight"]
			x.Name, x.Data = headName, slices.Clone(x.Data)
			x.Data[0]++
			l[headName] = x
		}, "tensors: lm_head.weight must equal the token embedding, since config.json ties them (it does not)"},
	}
	for _, c := range cases {
		_, _, err := LoadFS(editTensors(t, "testdata/gpt2", c.edit))
		if c.text == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != "load model: "+c.text {
			t.Errorf("%s: got %v, want %s", c.name, err, c.text)
		}
	}
}

func TestLoadFileFaults(t *testing.T) {
	index := func(edit func(m map[string]string)) string {
		b, err := os.ReadFile("testdata/gpt2-odd/" + indexFile)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			WeightMap map[string]string `json:"weight_map"`
		}
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		edit(v.WeightMap)
		return string(jsonText(map[string]any{"weight_map": v.WeightMap}))
	}
	const bias = "transformer.h.0.ln_1.bias"
	cases := []struct {
		name, dir string
		files     map[string]string
		text      string
	}{
		{"no config", "gpt2", map[string]string{configFile: ""}, "open config.json: file does not exist"},
		{"no weights", "gpt2", map[string]string{weightsFile: ""}, "model.safetensors is missing"},
		{"pickle", "gpt2", map[string]string{weightsFile: "", "pytorch_model.bin": "PK"},
			"model.safetensors is missing: pytorch_model.bin is not read, since such files can run code or are of another kind; write the model anew with transformers' save_pretrained"},
		{"no tokenizer", "gpt2", map[string]string{tokenizerFile: ""},
			"open tokenizer.json: file does not exist: older folders get it from transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...)"},
		{"small vocabulary", "gpt2", map[string]string{configFile: `{"model_type":"gpt2","vocab_size":40,"n_embd":24,"n_head":2}`},
			"tokenizer.json: ids must lie below vocab_size 40 of config.json (got 43 ids)"},
		{"no shard", "gpt2-odd", map[string]string{"model-00003-of-00005.safetensors": ""},
			"open tensors: open model-00003-of-00005.safetensors: file does not exist"},
		{"shard elsewhere", "gpt2-odd", map[string]string{indexFile: index(func(m map[string]string) { m[bias] = "../x.safetensors" })},
			`model.safetensors.index.json: weight_map: file of tensor "transformer.h.0.ln_1.bias" must be a name in the folder (got "../x.safetensors")`},
		{"wrong shard", "gpt2-odd", map[string]string{indexFile: index(func(m map[string]string) { m[bias] = "model-00005-of-00005.safetensors" })},
			`model.safetensors.index.json: tensor "transformer.h.0.ln_1.bias" of model-00001-of-00005.safetensors must be listed under that file (got "model-00005-of-00005.safetensors")`},
		{"not in shard", "gpt2-odd", map[string]string{indexFile: index(func(m map[string]string) { m["x"] = "model-00001-of-00005.safetensors" })},
			`model.safetensors.index.json: tensor "x" must be in model-00001-of-00005.safetensors (it is not)`},
		{"no map", "gpt2-odd", map[string]string{indexFile: `{}`}, "model.safetensors.index.json: weight_map: not JSON: EOF"},
	}
	for _, c := range cases {
		_, _, err := LoadFS(overlay(t, "testdata/"+c.dir, c.files))
		if err == nil || err.Error() != "load model: "+c.text {
			t.Errorf("%s: got %v, want %s", c.name, err, c.text)
		}
	}
}

// TestLoadEOS: the end token may stand in generation_config.json alone.
func TestLoadEOS(t *testing.T) {
	config := `{"model_type":"gpt2","vocab_size":45,"n_embd":24,"n_head":2,"n_layer":2,"n_positions":24%s}`
	for _, c := range []struct {
		extra, generation string
		want              int32
	}{
		{`,"eos_token_id":7`, `{"eos_token_id":3}`, 7},
		{`,"eos_token_id":null`, `{"eos_token_id":[3,4]}`, 3},
		{``, `{}`, -1}, // the default 50256 lies outside this vocabulary
		{`,"eos_token_id":null`, ``, -1},
	} {
		m, _, err := LoadFS(overlay(t, "testdata/gpt2", map[string]string{configFile: fmt.Sprintf(config, c.extra), generationFile: c.generation}))
		if err != nil {
			t.Fatal(err)
		}
		if m.Config.EOS != c.want {
			t.Errorf("%s %s: got %d, want %d", c.extra, c.generation, m.Config.EOS, c.want)
		}
	}
}

// TestOldBertNames: gamma, beta, the prefix and the heads of bert-base-uncased.
func TestOldBertNames(t *testing.T) {
	want, err := LoadEncoder("testdata/bert")
	if err != nil {
		t.Fatal(err)
	}
	fsys := editTensors(t, "testdata/bert", func(l map[string]Tensor) {
		for _, name := range sortedKeys(l) {
			x := l[name]
			delete(l, name)
			x.Name = "bert." + strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name)
			l[x.Name] = x
		}
		for _, name := range []string{"cls.predictions.bias", "bert.embeddings.position_ids", "cls.seq_relationship.weight"} {
			l[name] = Tensor{Name: name, Data: []float32{1}}
		}
	})
	got, err := LoadEncoderFS(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.model.value, want.model.value) {
		t.Error("weights must be equal")
	}
}

// TestParamsMapped: every parameter is covered once by the table of its family.
func TestParamsMapped(t *testing.T) {
	for _, name := range append([]string{"bert"}, goldenNames...) {
		m, _, err := loadFolder(os.DirFS(filepath.Join("testdata", name)))
		if err != nil {
			t.Fatal(err)
		}
		covered := map[*Param]int{}
		for _, x := range m.tensorMaps() {
			if x.from != covered[x.param] {
				t.Errorf("%s: %s begins at %d, want %d", name, x.name, x.from, covered[x.param])
			}
			covered[x.param] = x.to
		}
		for _, p := range m.Params() {
			if covered[p] != p.N {
				t.Errorf("%s: %s is covered to %d of %d", name, p.Name, covered[p], p.N)
			}
		}
	}
}

// FuzzConfig: no text may panic, and an accepted one is of a model that can be.
func FuzzConfig(f *testing.F) {
	files, err := fs.Glob(os.DirFS("testdata"), "*/config.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseConfig(b)
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		again, err := ParseConfig(configJSON(c, F32))
		if err != nil || again != c {
			t.Fatalf("%v\n%+v\n%+v", err, again, c)
		}
	})
}
