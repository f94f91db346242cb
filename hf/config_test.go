package hf

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"pgsrm/lm"
)

// badConfigs says what each file of testdata/bad_config, an otherwise plain
// config.json with one fault, must be refused with.
var badConfigs = map[string]string{
	"not_json":           `config.json: not JSON: invalid character 'm'`,
	"list":               `config.json: must be a JSON object (got [)`,
	"twice":              `config.json: name "n_embd" must be unique`,
	"family":             `config.json: model_type must be "gpt2", "bert", "llama", "mistral", "qwen2" or "qwen3" (got "gpt_neox")`,
	"no_family":          `config.json: model_type must be "gpt2", "bert", "llama", "mistral", "qwen2" or "qwen3" (it is absent)`,
	"activation":         `config.json: activation_function must be one of gelu, gelu_fast, gelu_new, gelu_python, gelu_pytorch_tanh (got "relu")`,
	"inverse_layer":      `config.json: scale_attn_by_inverse_layer_idx must be false (got true)`,
	"unscaled":           `config.json: scale_attn_weights must be true (got false)`,
	"cross_attention":    `config.json: add_cross_attention must be false (got true)`,
	"text_number":        `config.json: n_layer must be a whole number (got "2")`,
	"fraction":           `config.json: n_layer must be a whole number (got 2.5)`,
	"two_spellings":      `config.json: hidden_size must be the same as n_embd (got 25)`,
	"heads":              `config.json: the width must be a multiple of the number of heads (got 24 and 5)`,
	"no_epsilon":         `config.json: the epsilon of the norms must be in 0..1 (got 0)`,
	"no_heads":           `config.json: the width must be a multiple of the number of heads (got 24 and 0)`,
	"negative":           `config.json: model config: layers must be in 1..1024 (got -2)`,
	"eos_text":           `config.json: eos_token_id must be a token id or a list of them (got "</s>")`,
	"quantized":          `config.json: quantization_config must be none (got {"bits":4})`,
	"bert_decoder":       `config.json: is_decoder must be false (got true)`,
	"bert_relative":      `config.json: position_embedding_type must be "absolute" (got "relative_key")`,
	"llama_activation":   `config.json: hidden_act must be "silu" (got "gelu")`,
	"llama_yarn":         `config.json: rope_scaling: rope_type must be "default", "linear" or "llama3" (got "yarn")`,
	"llama_rope_unknown": `config.json: rope_scaling: beta_fast must be absent or null (got 32)`,
	"llama_rope_text":    `config.json: rope_scaling must be an object (got "linear")`,
	"llama_no_factor":    `config.json: rope_scaling: factor must be given (it is absent)`,
	"llama_frequencies":  `config.json: rope_parameters: high_freq_factor must be greater than low_freq_factor, and that positive (got 1)`,
	"mistral_window":     `config.json: sliding_window must be positive (got 0)`,
	"llama_partial":      `config.json: partial_rotary_factor must be 1 or 1.0 (got 0.5)`,
	"llama_kv_heads":     `config.json: model config: heads must be a multiple of key/value heads (got 4 and 3)`,
	"qwen_layer_types":   `config.json: layer_types must be of full_attention or sliding_attention (got ["full_attention","linear_attention"])`,
}

func TestBadConfigs(t *testing.T) {
	files, err := filepath.Glob("testdata/bad_config/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(badConfigs) {
		t.Errorf("%d files for %d messages", len(files), len(badConfigs))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(file[:len(file)-len(".json")])
		if _, err := ParseConfig(text); err == nil || err.Error() != badConfigs[name] {
			t.Errorf("%s: got\n%v, want\n%s", name, err, badConfigs[name])
		}
	}
}

// TestConfigGolden: partial and unusual files mean what they mean to transformers.
func TestConfigGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/config_golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Config json.RawMessage
		Want   struct {
			Layers, Width, Heads, Vocab, FF, Positions int
			KVHeads                                    int `json:"kv_heads"`
			HeadDim                                    int `json:"head_dim"`
			Eps                                        float64
			Tied                                       bool
			BOS                                        int32
			EOS                                        []int32
			InvFreq                                    []float64 `json:"inv_freq"`
			QKVBias                                    bool      `json:"qkv_bias"`
			OutBias                                    bool      `json:"out_bias"`
			MLPBias                                    bool      `json:"mlp_bias"`
			QKNorm                                     bool      `json:"qk_norm"`
		}
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		got, err := ParseConfig(c.Config)
		if err != nil {
			t.Errorf("%s: %v", c.Config, err)
			continue
		}
		w := c.Want
		want := got
		want.Layers, want.Width, want.Heads, want.KVHeads, want.FF, want.Vocab = w.Layers, w.Width, w.Heads, w.KVHeads, w.FF, w.Vocab
		want.Positions, want.NormEps, want.Tied, want.BOS = w.Positions, w.Eps, w.Tied, w.BOS
		setEnds(&want, w.EOS, -1)
		if got.Family != "gpt2" {
			want.HeadDim, want.QKVBias, want.OutBias, want.MLPBias, want.QKNorm = w.HeadDim, w.QKVBias, w.OutBias, w.MLPBias, w.QKNorm
			freq := got.Rope.Frequencies(got.HeadDim)
			same := len(freq) == len(w.InvFreq)
			for i := range freq {
				same = same && math.Abs(float64(freq[i])-w.InvFreq[i]) <= 1e-6*w.InvFreq[i]
			}
			if !same {
				t.Errorf("%s: frequencies %v, want %v", c.Config, freq, w.InvFreq)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.Config, got, want)
		}
	}
}

// TestConfigDefaults: an almost empty config.json means the defaults of transformers.
func TestConfigDefaults(t *testing.T) {
	gpt := lm.GPT2(12, 768, 12, 50257, 1024)
	gpt.EOS, gpt.BOS = 50256, 50256
	bert := lm.Config{
		Family: "bert", Layers: 12, Width: 768, Heads: 12, KVHeads: 12, HeadDim: 64, FF: 3072, Vocab: 30522, Positions: 512, Types: 2,
		Norm: lm.LayerNorm, NormEps: 1e-12, PostNorm: true, Act: lm.GELUErf, NoHead: true, QKVBias: true, OutBias: true, MLPBias: true, BOS: -1, EOS: -1,
	}
	llama := lm.Config{
		Family: "llama", Layers: 32, Width: 4096, Heads: 32, KVHeads: 32, HeadDim: 128, FF: 11008, Vocab: 32000, Positions: 2048,
		Norm: lm.RMSNorm, NormEps: 1e-6, Act: lm.SiLU, Gated: true, Causal: true, Rope: lm.RopeConfig{Theta: 10000}, BOS: 1, EOS: 2,
	}
	mistral := llama
	mistral.Family, mistral.KVHeads, mistral.FF, mistral.Positions = "mistral", 8, 14336, 4096 // the window
	unbounded := mistral
	unbounded.Positions = 131072
	qwen := llama
	qwen.Family, qwen.FF, qwen.Vocab, qwen.Positions, qwen.BOS, qwen.EOS, qwen.QKVBias = "qwen2", 22016, 151936, 32768, -1, -1, true
	scaled := llama
	scaled.Rope = lm.RopeConfig{Theta: 500000, Scaling: "llama3", Factor: 32, LowFreqFactor: 1, HighFreqFactor: 4, OriginalPositions: 8192}
	for text, want := range map[string]lm.Config{
		`{"model_type":"gpt2"}`: gpt,
		`{"model_type":"gpt2","n_inner":null,"task_specific_params":{"x":1}}`: gpt,
		`{"model_type":"bert"}`:                          bert,
		`{"model_type":"llama"}`:                         llama,
		`{"model_type":"mistral"}`:                       mistral,
		`{"model_type":"mistral","sliding_window":null}`: unbounded,
		`{"model_type":"qwen2"}`:                         qwen,
		`{"model_type":"qwen2","use_sliding_window":false,"sliding_window":16}`: qwen,
		`{"model_type":"llama","rope_theta":500000.0,"rope_scaling":{"factor":32.0,"high_freq_factor":4.0,"low_freq_factor":1.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}}`: scaled,
	} {
		got, err := ParseConfig([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", text, err, got, want)
		}
	}
}
