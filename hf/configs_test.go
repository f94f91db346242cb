package hf

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgsrm/tokenizer"
)

// shape is what identifies a model in its config.json.
type shape struct {
	layers, width, heads, kvHeads, positions int
	theta                                    float64
	tied                                     bool
	unknown                                  string // members that are ignored
}

// realConfigs are the files of testdata/configs, with the members and values that
// the config.json of real models and of tools for fine-tuning have.
var realConfigs = map[string]shape{
	"gpt2":                        {12, 768, 12, 12, 1024, 0, true, ""},
	"distilgpt2":                  {6, 768, 12, 12, 1024, 0, true, ""},
	"gpt2-trl":                    {12, 768, 12, 12, 1024, 0, true, "neftune_noise_alpha"},
	"llama-2-7b":                  {32, 4096, 32, 32, 4096, 10000, false, ""},
	"llama-3-8b-instruct":         {32, 4096, 32, 8, 8192, 500000, false, ""},
	"llama-3.1-8b-axolotl":        {32, 4096, 32, 8, 131072, 500000, false, "remove_unused_columns"},
	"llama-3.2-1b-instruct":       {16, 2048, 32, 8, 131072, 500000, true, ""},
	"llama-3.2-1b-unsloth":        {16, 2048, 32, 8, 131072, 500000, true, "unsloth_fixed unsloth_version"},
	"tinyllama-1.1b-chat":         {22, 2048, 32, 4, 2048, 10000, false, ""},
	"smollm-135m":                 {30, 576, 9, 3, 2048, 10000, true, ""},
	"smollm2-135m-instruct":       {30, 576, 9, 3, 8192, 100000, true, "transformers.js_config"},
	"smollm2-135m-gguf":           {30, 576, 9, 3, 8192, 100000, true, "_model_name_or_path"},
	"smollm2-135m-trl":            {30, 576, 9, 3, 8192, 100000, true, "neftune_noise_alpha transformers.js_config"},
	"mistral-7b":                  {32, 4096, 32, 8, 4096, 10000, false, ""}, // the window
	"mistral-7b-instruct-v0.3":    {32, 4096, 32, 8, 32768, 1e6, false, ""},
	"qwen2-0.5b-instruct":         {24, 896, 14, 2, 32768, 1e6, true, ""},
	"qwen2.5-0.5b":                {24, 896, 14, 2, 32768, 1e6, true, ""},
	"qwen2.5-0.5b-instruct":       {24, 896, 14, 2, 32768, 1e6, true, ""},
	"qwen2.5-0.5b-transformers-5": {24, 896, 14, 2, 32768, 1e6, true, ""},
	"qwen3-0.6b":                  {28, 1024, 16, 8, 40960, 1e6, true, ""},
	"qwen3-0.6b-unsloth":          {28, 1024, 16, 8, 40960, 1e6, true, "unsloth_fixed unsloth_version"},
}

// refusedConfigs are the files of testdata/configs/refused, which change the
// mathematics, with what they are refused with.
var refusedConfigs = map[string]string{
	"gpt2-inverse-layer":      `scale_attn_by_inverse_layer_idx must be false (got true)`,
	"gpt2-multi-query":        `multi_query must be false (got true)`,
	"gpt2-pruned":             `pruned_heads must be {} (got {"0":[3,7]})`,
	"llama-awq":               `quantization_config must be none (got {"bits":4,"quant_method":"awq"})`,
	"llama-dynamic":           `rope_scaling: type must be "default", "linear" or "llama3" (got "dynamic")`,
	"llama-gelu":              `hidden_act must be "silu" (got "gelu_pytorch_tanh")`,
	"llama-softcap-attention": `attn_logit_softcapping must be absent or null (got 50.0)`,
	"llama-softcap-logits":    `final_logit_softcapping must be absent or null (got 30.0)`,
	"llama-granite-attention": `attention_multiplier must be absent or null (got 0.015625)`,
	"llama-granite-embedding": `embedding_multiplier must be 1 (got 12.0)`,
	"llama-granite-residual":  `residual_multiplier must be 1 (got 0.22)`,
	"llama-granite-logits":    `logits_scaling must be 1 (got 8.0)`,
	"llama-cohere":            `logit_scale must be 1 (got 0.0625)`,
	"llama-olmo":              `clip_qkv must be absent or null (got 8.0)`,
	"llama-experts":           `num_local_experts must be 0 (got 8)`,
	"llama-partial":           `partial_rotary_factor must be 1 or 1.0 (got 0.5)`,
	"llama-windows":           `layer_types must be of full_attention (got ["sliding_attention","full_attention","sliding_attention","full_attention","s...)`,
	"llama-chunks":            `attention_chunk_size must be absent or null (got 8192)`,
	"llama-no-rope":           `no_rope_layers must be [] (got [1,1,1,0])`,
	"mistral-longrope":        `rope_scaling: type must be "default", "linear" or "llama3" (got "longrope")`,
	"qwen2-bidirectional":     `is_causal must be true (got false)`,
	"qwen2-experts":           `num_experts must be 0 (got 60)`,
	"qwen2-mrope":             `use_mrope must be false (got true)`,
	"qwen2-mrope-scaling":     `rope_scaling: type must be "default", "linear" or "llama3" (got "mrope")`,
	"qwen2-mrope-section":     `rope_scaling: mrope_section must be absent or null (got [16,24,24])`,
	"qwen3-yarn":              `rope_scaling: rope_type must be "default", "linear" or "llama3" (got "yarn")`,
}

// eachConfig reads the files of a folder, whose names must be those of the table.
func eachConfig[V any](t *testing.T, dir string, table map[string]V, check func(name string, text []byte, want V)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	if slices.Sort(names); !slices.Equal(names, slices.Sorted(maps.Keys(table))) {
		t.Errorf("%s: files %q, table %q", dir, names, slices.Sorted(maps.Keys(table)))
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(files[i]), ".json")
		check(name, text, table[name])
	}
}

func TestRealConfigs(t *testing.T) {
	eachConfig(t, "testdata/configs", realConfigs, func(name string, text []byte, want shape) {
		c, unknown, err := parseConfig(text)
		got := shape{c.Layers, c.Width, c.Heads, c.KVHeads, c.Positions, c.Rope.Theta, c.Tied, strings.Join(unknown, " ")}
		if err != nil || got != want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, got, want)
		}
	})
}

func TestRefusedConfigs(t *testing.T) {
	eachConfig(t, "testdata/configs/refused", refusedConfigs, func(name string, text []byte, want string) {
		if _, err := ParseConfig(text); err == nil || err.Error() != "config.json: "+want {
			t.Errorf("%s: got\n%v, want\n%s", name, err, want)
		}
	})
}

// Every member of the tables is accepted as null and with each of its values, and
// refused by name with any other.
func TestMathematics(t *testing.T) {
	check := func(family, name string, values []string, build func(value string) string) {
		for _, value := range append([]string{"null"}, values...) {
			if c, unknown, err := parseConfig([]byte(build(value))); value != "none" && (err != nil || len(unknown) > 0) {
				t.Errorf("%s: %s %s: %v, unknown %q, %+v", family, name, value, err, unknown, c)
			}
		}
		if _, err := ParseConfig([]byte(build(`"other"`))); err == nil || !strings.Contains(err.Error(), name+" must be ") {
			t.Errorf("%s: %s: got %v", family, name, err)
		}
	}
	for _, family := range append([]string{"bert"}, decoders...) {
		for _, table := range mathematics {
			if table.families != nil && !slices.Contains(table.families, family) {
				continue
			}
			for _, d := range table.demands {
				check(family, d.name, d.values, func(value string) string {
					return `{"model_type":"` + family + `","` + d.name + `":` + value + `}`
				})
			}
		}
	}
	for _, d := range ropeMathematics {
		check("llama", "rope_scaling: "+d.name, d.values, func(value string) string {
			return `{"model_type":"llama","rope_scaling":{"rope_type":"linear","factor":2,"` + d.name + `":` + value + `}}`
		})
	}
}

// Unknown members of every file are told by name, in one line safe to show, and the
// files are saved as they were.
func TestUnknownMembers(t *testing.T) {
	m := copyWith(t, "testdata/chat", map[string]map[string]any{
		"config.json":            {"unsloth_fixed": true, "nothing": nil},
		"generation_config.json": {"magic\x1b[2J": 1, "top_k": 5},
		"tokenizer_config.json":  {"flavour\nof": "x"},
	})
	const want = `ignored, since what they mean is not known: config.json: unsloth_fixed, ` +
		`generation_config.json: magic\x1b[2J, tokenizer_config.json: flavour of`
	if got := m.Warning(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	dir := filepath.Join(t.TempDir(), "saved")
	if err := m.Save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := Load(dir)
	if err != nil || again.Warning() != want {
		t.Errorf("saved: %v, %v", again.Warning(), err)
	}
	plain, err := Load("testdata/chat")
	if err != nil || plain.Warning() != "" {
		t.Errorf("the plain folder: %q, %v", plain.Warning(), err)
	}
	many := unknownText(slices.Repeat([]string{strings.Repeat("é", 100)}, 5000))
	if len(many) > 2000 || !strings.HasSuffix(many, "and 4984 more") {
		t.Errorf("%d bytes: %.100s", len(many), many)
	}
}

// TestKnownMembers: of what transformers, sentence-transformers and PEFT write
// themselves nothing is unknown.
func TestKnownMembers(t *testing.T) {
	folders, err := filepath.Glob("testdata/*/config.json")
	if err != nil || len(folders) < 20 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for _, file := range folders {
		m, err := loadFolder(os.DirFS(filepath.Dir(file)), false)
		if err != nil || m.Warning() != "" {
			t.Errorf("%s: %v, %q", file, err, m.Warning())
		}
	}
	adapters, err := filepath.Glob("testdata/lora/*/" + adapterConfigFile)
	if err != nil || len(adapters) < 5 {
		t.Fatalf("%d adapters, %v", len(adapters), err)
	}
	for _, file := range adapters {
		c, err := readAdapterConfig(os.DirFS(filepath.Dir(file)))
		if err != nil || len(c.unknown) > 0 {
			t.Errorf("%s: %v, %q", file, err, c.unknown)
		}
	}
}

// TestUnknownAdapterMember: that of an adapter is told with those of its base.
func TestUnknownAdapterMember(t *testing.T) {
	m, _ := loadLoRA(t, "gpt2-attn")
	m.DropLoRA()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(loraDir("gpt2-attn"))); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, adapterConfigFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, adapterConfigFile), withMembers(text, map[string]any{"use_magic": true}), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a resumed run loads it again
		m.DropLoRA()
		if err := m.LoadAdapter(dir, true); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := m.Warning(), "ignored, since what they mean is not known: adapter_config.json: use_magic"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// copyWith loads a copy of a folder with members added to its JSON files.
func copyWith(t *testing.T, folder string, added map[string]map[string]any) *Model {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	for file, members := range added {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		v := map[string]any{}
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		maps.Copy(v, members)
		if err := os.WriteFile(filepath.Join(dir, file), indented(v), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLoadBare: a folder without a tokenizer gives the same model, which has no
// prompts and is not saved; any other fault of the folder is one here, too.
func TestLoadBare(t *testing.T) {
	want, err := Load("testdata/qwen2")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/qwen2")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, tokenizerFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); !errors.Is(err, tokenizer.ErrNone) {
		t.Errorf("Load: %v", err)
	}
	m, err := LoadBare(dir)
	if err != nil {
		t.Fatal(err)
	}
	if m.Tokenizer != nil || m.baseDigest() != want.baseDigest() || m.Config.Positions != want.Config.Positions {
		t.Errorf("got %+v", m.Config)
	}
	if _, err := m.Prompter("", DefaultTemplateOptions()); err == nil {
		t.Error("it must have no prompter")
	}
	out := filepath.Join(t.TempDir(), "out")
	if err := m.Save(out); err == nil {
		t.Error("it must not be saved")
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing must be written: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, tokenizerFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadBare(dir); err == nil {
		t.Error("a broken tokenizer must be an error")
	}
}
