package hf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgsrm/internal/jsonobject"
	"pgsrm/lm"
	"pgsrm/safetensors"
)

// TestSaveLoad: what is saved is loaded to the bit, tokenizer.json is verbatim,
// and saving again gives the same bytes.
func TestSaveLoad(t *testing.T) {
	for _, name := range goldenNames {
		t.Run(name, func(t *testing.T) {
			m, err := Load(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "child")
			if err := m.Save(dir); err != nil {
				t.Fatal(err)
			}
			first := folderBytes(t, dir)
			if !bytes.Equal(first[tokenizerFile], m.Tokenizer.JSON()) {
				t.Error("tokenizer.json must be verbatim")
			}
			again, err := Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again.Config, m.Config) {
				t.Errorf("config: got %+v, want %+v", again.Config, m.Config)
			}
			if !slices.Equal(values(again), values(m)) {
				t.Error("weights must be equal")
			}
			if err := again.Save(dir); err != nil { // over the folder itself
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

// TestSaveTypes: an untrained model keeps the types of its folder, whatever they
// are; one of whose numbers only F32 holds is written in F32 as a whole.
func TestSaveTypes(t *testing.T) {
	types := map[string]safetensors.DType{"transformer.wte.weight": safetensors.BF16, "transformer.ln_f.bias": safetensors.F16, "transformer.h.0.ln_1.weight": safetensors.F32}
	fsys := editTensors(t, "testdata/gpt2", func(l map[string]safetensors.Tensor) {
		for _, name := range slices.Sorted(maps.Keys(l)) {
			x := l[name]
			x.DType = types[name]
			l[name] = x
		}
	})
	m, err := loadFS(fsys, false)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "child")
	for _, trained := range []bool{false, true} {
		if trained {
			param(m, "norm.bias").Value[0] = 1.0 / 3
		}
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(os.DirFS(dir), weightsFile)
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range f.Tensors() {
			want := types[info.Name]
			if want == "" || trained {
				want = safetensors.F32
			}
			if info.DType != want {
				t.Errorf("trained=%v: %s has type %s, want %s", trained, info.Name, info.DType, want)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		again, err := Load(dir)
		if err != nil || !slices.Equal(values(again), values(m)) {
			t.Errorf("trained=%v: weights must be equal (%v)", trained, err)
		}
	}
}

// TestSaveKeeps: the other files of a folder are written back, config.json with
// the type of the weights only; one that is no longer true is written anew.
func TestSaveKeeps(t *testing.T) {
	config := "{\n  \"model_type\": \"gpt2\",\n  \"n_embd\": 24,\n  \"n_head\": 2,\n  \"n_layer\": 2,\n  \"n_positions\": 24,\n" +
		"  \"vocab_size\": 45,\n  \"layer_norm_epsilon\": 1e-05,\n  \"eos_token_id\": 0,\n  \"task_specific_params\": {\n    \"a\": \"<b>\"\n  },\n" +
		"  \"dtype\": %q,\n  \"architectures\": [\n    \"GPT2LMHeadModel\"\n  ]\n}\n"
	files := map[string]string{configFile: fmt.Sprintf(config, "float32"), "README.md": "a card"}
	for _, name := range keptFiles[1:] {
		files[name] = "{ \"a\" :1}\n"
	}
	files[memoryFile] = "{ \"version\" :1}\n"
	m, err := loadFS(overlay(t, "testdata/gpt2", files), false)
	if err != nil {
		t.Fatal(err)
	}
	check := func(how, name string, got []byte, want string) {
		t.Helper()
		if string(got) != want {
			t.Errorf("%s: %s is %q, want %q", how, name, got, want)
		}
	}
	dir := filepath.Join(t.TempDir(), "child")
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	saved := folderBytes(t, dir)
	for _, name := range keptFiles {
		check("kept", name, saved[name], files[name])
	}
	if len(saved) != len(keptFiles)+2 {
		t.Errorf("saved %v", slices.Sorted(maps.Keys(saved)))
	}
	if err := m.SaveAs(dir, safetensors.BF16); err != nil { // over the same folder
		t.Fatal(err)
	}
	check("BF16", configFile, folderBytes(t, dir)[configFile], fmt.Sprintf(config, "bfloat16"))
	m.files[configFile] = []byte(`{"model_type":"gpt2","n_embd":24,"n_head":2,"n_layer":2,"n_positions":24,"vocab_size":45,"eos_token_id":0,"architectures":null}`)
	check("partial", configFile, m.folderFiles(safetensors.F32)[configFile], `{
  "model_type": "gpt2",
  "n_embd": 24,
  "n_head": 2,
  "n_layer": 2,
  "n_positions": 24,
  "vocab_size": 45,
  "eos_token_id": 0,
  "architectures": [
    "GPT2LMHeadModel"
  ],
  "torch_dtype": "float32"
}
`)
	m.Config.EOS, m.Config.EndTokens = 4, []int32{4, 5}
	got, err := ParseConfig(m.folderFiles(safetensors.F32)[configFile])
	if err != nil || !reflect.DeepEqual(got, m.Config) {
		t.Errorf("changed: %v %+v", err, got)
	}
}

// TestSaveBF16: half-precision weights are those of the model, rounded.
func TestSaveBF16(t *testing.T) {
	m, err := Load("testdata/gpt2")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "child")
	if err := m.SaveAs(dir, safetensors.BF16); err != nil {
		t.Fatal(err)
	}
	again, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "weights", values(again), values(m), 0x1p-8)
	if err := m.SaveAs(dir, safetensors.F16); err == nil {
		t.Error("F16 must be refused")
	}
	if _, err := Load(dir); err != nil {
		t.Errorf("a failed save must leave the folder: %v", err)
	}
}

// TestSaveRefuses: a folder with anything else in it is never replaced.
func TestSaveRefuses(t *testing.T) {
	m, err := Load("testdata/gpt2")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = m.Save(dir)
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
		kept := filepath.Join(tmp, name+"-kept")
		if err := m.Save(kept); err != nil {
			t.Fatal(err)
		}
		args = append(args, filepath.Join("testdata", name)+"="+kept)
		m.Supervised(m.NewState(true), g.lesson())
		lm.NewAdamW().Step(m.Model, 1e-3, 1) // no longer the weights that transformers wrote
		dir := filepath.Join(tmp, name)
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+".json", jsonobject.Text(g.Sequences), 0o600); err != nil {
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
		f, err := safetensors.Open(os.DirFS(tmp), name+".safetensors")
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
func editTensors(t *testing.T, dir string, edit func(list map[string]safetensors.Tensor)) fstest.MapFS {
	t.Helper()
	fsys := overlay(t, dir, nil)
	f, err := safetensors.Open(fsys, weightsFile)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]safetensors.Tensor{}
	for _, info := range f.Tensors() {
		v, err := f.Floats(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		list[info.Name] = safetensors.Tensor{Name: info.Name, Shape: info.Shape, Data: v}
	}
	edit(list)
	var tensors []safetensors.Tensor
	for _, name := range slices.Sorted(maps.Keys(list)) {
		tensors = append(tensors, list[name])
	}
	var b bytes.Buffer
	if err := safetensors.Encode(&b, safetensors.F32, nil, tensors); err != nil {
		t.Fatal(err)
	}
	fsys[weightsFile] = &fstest.MapFile{Data: b.Bytes()}
	return fsys
}

func TestLoadTensorFaults(t *testing.T) {
	cases := []struct {
		name string
		edit func(list map[string]safetensors.Tensor)
		text string // "" = loads
	}{
		{"missing", func(l map[string]safetensors.Tensor) { delete(l, "transformer.h.1.ln_2.bias") },
			"tensors must be those of config.json: 1 missing: transformer.h.1.ln_2.bias"},
		{"surplus", func(l map[string]safetensors.Tensor) {
			l["score.weight"] = safetensors.Tensor{Name: "score.weight", Data: []float32{1}}
		},
			"tensors must be those of config.json: 1 unexpected: score.weight"},
		{"mis-shaped", func(l map[string]safetensors.Tensor) {
			x := l["transformer.wpe.weight"]
			x.Shape = []int{12, 48}
			l["transformer.wpe.weight"] = x
		}, "tensors must be those of config.json: 1 mis-shaped: transformer.wpe.weight must have shape [24 24] (got [12 48])"},
		{"a layer too many", func(l map[string]safetensors.Tensor) {
			for _, name := range slices.Sorted(maps.Keys(l)) {
				if rest, ok := strings.CutPrefix(name, "transformer.h.1."); ok {
					x := l[name]
					x.Name = "transformer.h.2." + rest
					l[x.Name] = x
				}
			}
		}, "tensors must be those of config.json: 12 unexpected: transformer.h.2.attn.c_attn.bias, transformer.h.2.attn.c_attn.weight, transformer.h.2.attn.c_proj.bias, transformer.h.2.attn.c_proj.weight, transformer.h.2.ln_1.bias, ..."},
		{"twice", func(l map[string]safetensors.Tensor) {
			x := l["transformer.ln_f.bias"]
			x.Name = "ln_f.bias"
			l["ln_f.bias"] = x
		},
			"tensors must be those of config.json: 1 unexpected: transformer.ln_f.bias (beside ln_f.bias)"},
		{"not finite", func(l map[string]safetensors.Tensor) { l["transformer.ln_f.bias"].Data[3] = float32(math.NaN()) },
			`model.safetensors: tensor "transformer.ln_f.bias" must be finite (got NaN at 3)`},
		{"equal head", func(l map[string]safetensors.Tensor) {
			x := l["transformer.wte.weight"]
			x.Name = headName
			l[headName] = x
		}, ""},
		{"other head", func(l map[string]safetensors.Tensor) {
			x := l["transformer.wte.weight"]
			x.Name, x.Data = headName, slices.Clone(x.Data)
			x.Data[0]++
			l[headName] = x
		}, "tensors: lm_head.weight must equal the token embedding, since config.json ties them (it does not)"},
	}
	for _, c := range cases {
		_, err := loadFS(editTensors(t, "testdata/gpt2", c.edit), false)
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
		return string(jsonobject.Text(map[string]any{"weight_map": v.WeightMap}))
	}
	const bias = "transformer.h.0.ln_1.bias"
	cases := []struct {
		name, dir string
		files     map[string]string
		text      string
	}{
		{"no config", "gpt2", map[string]string{configFile: ""}, "config.json is missing"},
		{"no weights", "gpt2", map[string]string{weightsFile: ""}, "model.safetensors is missing"},
		{"GGUF", "gpt2", map[string]string{weightsFile: "", "m.gguf": "GGUF"}, "model.safetensors is missing: to use m.gguf name the file itself, not its folder"},
		{"GGUF alone", "gpt2", map[string]string{configFile: "", "m.gguf": "GGUF"}, "config.json is missing: to use m.gguf name the file itself, not its folder"},
		{"pickle", "gpt2", map[string]string{weightsFile: "", "pytorch_model.bin": "PK"},
			"model.safetensors is missing: pytorch_model.bin is not read, since such files can run code or are of another kind; write the model anew with transformers' save_pretrained"},
		{"no tokenizer", "gpt2", map[string]string{tokenizerFile: ""},
			"tokenizer: folder must have tokenizer.json, vocab.json with merges.txt, or vocab.txt " +
				"(transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...) writes the first from others)"},
		{"small vocabulary", "gpt2", map[string]string{configFile: `{"model_type":"gpt2","vocab_size":40,"n_embd":24,"n_head":2}`},
			"tokenizer: ids must lie below vocab_size 40 of config.json (got 43 ids)"},
		{"no shard", "gpt2-odd", map[string]string{"model-00003-of-00005.safetensors": ""},
			"open tensors: open model-00003-of-00005.safetensors: file does not exist"},
		{"shard elsewhere", "gpt2-odd", map[string]string{indexFile: index(func(m map[string]string) { m[bias] = "../x.safetensors" })},
			`model.safetensors.index.json: weight_map: file of tensor "transformer.h.0.ln_1.bias" must be a name in the folder (got "../x.safetensors")`},
		{"wrong shard", "gpt2-odd", map[string]string{indexFile: index(func(m map[string]string) { m[bias] = "model-00005-of-00005.safetensors" })},
			`model.safetensors.index.json: tensor "transformer.h.0.ln_1.bias" of model-00001-of-00005.safetensors must be listed under that file (got "model-00005-of-00005.safetensors")`},
		{"not in shard", "gpt2-odd", map[string]string{indexFile: index(func(m map[string]string) { m["x"] = "model-00001-of-00005.safetensors" })},
			`model.safetensors.index.json: tensor "x" must be in model-00001-of-00005.safetensors (it is not)`},
		{"no map", "gpt2-odd", map[string]string{indexFile: `{}`}, "model.safetensors.index.json: weight_map must be given (it is absent)"},
	}
	for _, c := range cases {
		_, err := loadFS(overlay(t, "testdata/"+c.dir, c.files), false)
		if err == nil || err.Error() != "load model: "+c.text {
			t.Errorf("%s: got %v, want %s", c.name, err, c.text)
		}
	}
}

// TestLoadEOS: the end tokens of generation_config.json come before those of
// config.json, and the tokenizer says which of several is the one to teach.
func TestLoadEOS(t *testing.T) {
	config := `{"model_type":"gpt2","vocab_size":45,"n_embd":24,"n_head":2,"n_layer":2,"n_positions":24%s}`
	for _, c := range []struct {
		extra, generation, tokenizer string
		eos                          int32
		all                          []int32
	}{
		{`,"eos_token_id":7`, `{"eos_token_id":3}`, ``, 3, nil},
		{`,"eos_token_id":[7,8,7,99]`, `{"eos_token_id":null}`, ``, 7, []int32{7, 8}},
		{`,"eos_token_id":null`, `{"eos_token_id":[3,4]}`, ``, 3, []int32{3, 4}},
		{`,"eos_token_id":[9,0]`, ``, `{"eos_token":{"content":"<|endoftext|>"}}`, 0, []int32{9, 0}},
		{`,"eos_token_id":[9,8]`, ``, `{"eos_token":"<|endoftext|>"}`, 9, []int32{9, 8}},
		{``, `{}`, ``, -1, nil}, // the default 50256 lies outside this vocabulary
		{`,"eos_token_id":null`, ``, `{"eos_token":null}`, -1, nil},
	} {
		m, err := loadFS(overlay(t, "testdata/gpt2", map[string]string{
			configFile: fmt.Sprintf(config, c.extra), generationFile: c.generation, tokenizerConfigFile: c.tokenizer,
		}), false)
		if err != nil {
			t.Fatal(err)
		}
		if m.Config.EOS != c.eos || !slices.Equal(m.Config.EndTokens, c.all) {
			t.Errorf("%+v: got %d of %d", c, m.Config.EOS, m.Config.EndTokens)
		}
		for id := int32(-1); id < 45; id++ {
			if want := id >= 0 && id == c.eos || slices.Contains(c.all, id); m.Config.EndsWith(id) != want {
				t.Errorf("%+v: token %d ends: %v", c, id, !want)
			}
		}
		dir := filepath.Join(t.TempDir(), "child")
		if err := m.Save(dir); err != nil {
			t.Fatal(err)
		}
		again, err := Load(dir)
		if err != nil || !reflect.DeepEqual(again.Config, m.Config) {
			t.Errorf("%+v: saved and loaded: %v %+v", c, err, again.Config)
		}
	}
}

// TestOldBertNames: gamma, beta, the prefix and the heads of bert-base-uncased.
func TestOldBertNames(t *testing.T) {
	want, err := LoadEncoder("testdata/bert")
	if err != nil {
		t.Fatal(err)
	}
	fsys := editTensors(t, "testdata/bert", func(l map[string]safetensors.Tensor) {
		for _, name := range slices.Sorted(maps.Keys(l)) {
			x := l[name]
			delete(l, name)
			x.Name = "bert." + strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta").Replace(name)
			l[x.Name] = x
		}
		for _, name := range []string{"cls.predictions.bias", "bert.embeddings.position_ids", "cls.seq_relationship.weight"} {
			l[name] = safetensors.Tensor{Name: name, Data: []float32{1}}
		}
	})
	got, err := loadEncoderFS(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(values(&Model{Model: got.model}), values(&Model{Model: want.model})) {
		t.Error("weights must be equal")
	}
}

// TestParamsMapped: every parameter is covered once by the table of its family.
func TestParamsMapped(t *testing.T) {
	for _, name := range append([]string{"bert"}, goldenNames...) {
		m, err := loadFolder(os.DirFS(filepath.Join("testdata", name)), false)
		if err != nil {
			t.Fatal(err)
		}
		covered := map[*lm.Param]int{}
		for _, x := range tensorTable(m.Model) {
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
		again, err := ParseConfig(configJSON(c, safetensors.F32))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%v\n%+v\n%+v", err, again, c)
		}
	})
}

// onlyEntry demands that dir holds that name alone.
func onlyEntry(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("%s must hold %q alone (got %v, %v)", dir, name, entries, err)
	}
}

// values are all weights of a model, as they lie in memory.
func values(m *Model) []float32 {
	var out []float32
	for _, p := range m.Params() {
		out = append(out, p.Value...)
	}
	return out
}

// param is the parameter of that name.
func param(m *Model, name string) *lm.Param {
	for _, p := range m.Params() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// gptModel is a small GPT-2 with random weights.
func gptModel(t *testing.T) *Model {
	t.Helper()
	m, err := lm.NewRandom(lm.GPT2(2, 24, 2, 45, 24), 1)
	if err != nil {
		t.Fatal(err)
	}
	return &Model{Model: m}
}
