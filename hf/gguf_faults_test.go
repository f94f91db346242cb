package hf

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgsrm/gguf"
)

// loadGGUFBytes loads the content of a GGUF file.
func loadGGUFBytes(b []byte, bare bool) (*Model, error) {
	f, err := gguf.Open(fstest.MapFS{"m.gguf": {Data: b}}, "m.gguf")
	if err != nil {
		return nil, err
	}
	return loadOpenGGUF(f, bare)
}

// editedGGUF is a file of testdata/gguf with keys set (".x" is one of the architecture),
// or left out where the value is nil, and with its tensors changed by edit.
func editedGGUF(t *testing.T, name string, keys map[string]any, edit func([]gguf.Tensor) []gguf.Tensor) []byte {
	t.Helper()
	b, err := encodeGGUF(t, name, keys, edit)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// encodeGGUF is editedGGUF, which fails where there is no such file.
func encodeGGUF(t *testing.T, name string, keys map[string]any, edit func([]gguf.Tensor) []gguf.Tensor) ([]byte, error) {
	t.Helper()
	f, err := gguf.Open(os.DirFS("testdata/gguf"), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	arch, _ := f.Metadata.Value("general.architecture")
	var md gguf.Metadata
	for _, p := range f.Metadata {
		_, set := keys[p.Key]
		if _, ofArch := keys[strings.TrimPrefix(p.Key, fmt.Sprint(arch))]; !set && !ofArch {
			md = append(md, p)
		}
	}
	for key, value := range keys {
		if strings.HasPrefix(key, ".") {
			key = fmt.Sprint(arch, key)
		}
		if value != nil {
			md = append(md, gguf.Pair{Key: key, Value: value})
		}
	}
	var tensors []gguf.Tensor
	for _, info := range f.Tensors() {
		x, err := f.Floats(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, gguf.Tensor{Name: info.Name, Shape: info.Shape, Type: info.Type, Data: x})
	}
	if edit != nil {
		tensors = edit(tensors)
	}
	var b bytes.Buffer
	err = gguf.Encode(&b, md, tensors)
	return b.Bytes(), err
}

// What the engine does not compute, and what does not fit together, is an error that
// names key or tensor.
func TestGGUFKeyFaults(t *testing.T) {
	for _, c := range []struct {
		file, key string
		value     any
		want      string
	}{
		{"llama", "general.architecture", "falcon", `metadata: general.architecture must be "llama", "qwen2", "qwen3" or "gpt2" (got "falcon")`},
		{"llama", "general.architecture", nil, `metadata: general.architecture must be "llama", "qwen2", "qwen3" or "gpt2" (it is absent)`},
		{"llama", "general.architecture", uint32(1), `metadata: general.architecture must be a text (got 1)`},
		{"llama", "general.type", "adapter", `metadata: general.type must be "model" (got "adapter")`},
		{"llama", "split.count", uint16(3), `metadata: split.count must be 0 or 1 (got 3)`},
		{"llama", "llama.block_count", nil, `metadata: llama.block_count must be given (it is absent)`},
		{"llama", "llama.block_count", uint32(1 << 31), `metadata: model config: layers must be in 1..1024 (got 2147483648)`},
		{"llama", "llama.block_count", uint64(1 << 63), `metadata: llama.block_count must be a whole number (got 9223372036854775808)`},
		{"llama", "llama.block_count", uint32(1), `tensors must be those of the metadata: 9 unexpected: blk.1.attn_k.weight, blk.1.attn_norm.weight, blk.1.attn_output.weight, blk.1.attn_q.weight, blk.1.attn_v.weight, ...`},
		{"llama", "llama.block_count", uint32(3), `tensors must be those of the metadata: 9 missing: blk.2.attn_norm.weight, blk.2.attn_q.weight, blk.2.attn_k.weight, blk.2.attn_v.weight, blk.2.attn_output.weight, ...`},
		{"llama", "llama.block_count", float32(2.5), `metadata: llama.block_count must be a whole number (got 2.5)`},
		{"llama", "llama.attention.head_count", uint32(0), `metadata: model config: heads must be in 1..1024 (got 0)`},
		{"llama", "llama.attention.head_count_kv", uint32(3), `metadata: model config: heads must be a multiple of key/value heads (got 4 and 3)`},
		{"llama", "llama.attention.head_count_kv", []int32{2, 4}, `metadata: llama.attention.head_count_kv must be the same in all layers (got [2,4])`},
		{"llama", "llama.attention.key_length", uint32(8), `metadata: llama.attention.value_length must be the same as attention.key_length (got 6)`},
		{"llama", "llama.embedding_length", uint32(23), `tensors must be those of the metadata: 21 mis-shaped: token_embd.weight must have shape [51 23] (got [51 24])`},
		{"llama", "llama.vocab_size", uint32(50), `metadata: llama.vocab_size must be the rows of token_embd.weight, 51 (got 50)`},
		{"llama", "llama.attention.layer_norm_rms_epsilon", nil, `metadata: llama.attention.layer_norm_rms_epsilon must be given (it is absent)`},
		{"llama", "llama.attention.layer_norm_rms_epsilon", float32(0), `metadata: the epsilon of the norms must be in 0..1 (got 0)`},
		{"llama", "llama.rope.dimension_count", uint32(4), `metadata: llama.rope.dimension_count must be the size of a head, 6 (got 4)`},
		{"llama", "llama.rope.freq_base", float32(-1), `metadata: llama.rope.freq_base must be positive (got -1)`},
		{"llama", "llama.rope.scaling.type", "yarn", `metadata: llama.rope.scaling.type must be "none" or "linear" (got "yarn")`},
		{"llama", "llama.rope.scaling.factor", float32(4), `tensor "rope_freqs.weight" must not be there beside rope.scaling.type "linear"`},
		{"llama-linear", "llama.rope.scaling.factor", float32(0.5), `metadata: llama.rope.scaling.factor must be at least 1 (got 0.5)`},
		{"llama", "llama.expert_count", uint32(8), `metadata: llama.expert_count must be 0 (got 8)`},
		{"qwen2", "qwen2.attention.causal", false, `metadata: qwen2.attention.causal must be true (got false)`},
		{"qwen3", "qwen3.final_logit_softcapping", float32(30), `metadata: qwen3.final_logit_softcapping must be 0 (got 30)`},
		{"gpt2", "gpt2.attention.head_count", uint32(5), `metadata: the width must be a multiple of the number of heads (got 24 and 5)`},
		{"gpt2", "gpt2.context_length", uint32(12), `tensors must be those of the metadata: 1 mis-shaped: position_embd.weight must have shape [12 24] (got [24 24])`},
		{"llama", "tokenizer.ggml.pre", "no such", `tokenizer: tokenizer.ggml.pre must be one of `},
		{"llama", "tokenizer.ggml.model", nil, `tokenizer: tokenizer.ggml.model must be there: the file has no tokenizer`},
	} {
		_, err := loadGGUFBytes(editedGGUF(t, c.file+".gguf", map[string]any{c.key: c.value}, nil), false)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s, %s = %v: got\n%v, want\n%s", c.file, c.key, c.value, err, c.want)
		}
	}
}

// Tensors that are missing, of another shape or not finite are errors by name.
func TestGGUFTensorFaults(t *testing.T) {
	set := func(name string, change func(*gguf.Tensor)) func([]gguf.Tensor) []gguf.Tensor {
		return func(list []gguf.Tensor) []gguf.Tensor {
			for i := range list {
				if list[i].Name == name {
					change(&list[i])
				}
			}
			return list
		}
	}
	renamed := func(to string) func(*gguf.Tensor) { return func(x *gguf.Tensor) { x.Name = to } }
	for _, c := range []struct {
		edit func([]gguf.Tensor) []gguf.Tensor
		want string
	}{
		{set("blk.0.attn_q.weight", renamed("blk.0.attn_x.weight")), `tensors must be those of the metadata: 1 missing: blk.0.attn_q.weight; 1 unexpected: blk.0.attn_x.weight`},
		{set("token_embd.weight", renamed("x")), `tensor "token_embd.weight" must be there, a matrix (got shape [])`},
		{set("blk.1.attn_k.weight", func(x *gguf.Tensor) { x.Data[0] /= 0 }), `m.gguf: tensor "blk.1.attn_k.weight" must be finite (got `},
		{set("blk.1.ffn_up.weight", func(x *gguf.Tensor) { x.Shape = []int{24, 36} }), `tensors must be those of the metadata: 1 mis-shaped: blk.1.ffn_up.weight must have shape [36 24] (got [24 36])`},
		{set("rope_freqs.weight", func(x *gguf.Tensor) { x.Data[1] = 0.5 }), `tensor "rope_freqs.weight" must hold the factors of Llama 3.1's scaling (they are of another kind)`},
		{set("rope_freqs.weight", func(x *gguf.Tensor) { x.Data[1] /= 0; x.Data[2] *= -1 }), `tensor "rope_freqs.weight" must hold the factors of Llama 3.1's scaling (they are of another kind)`},
		{set("rope_freqs.weight", func(x *gguf.Tensor) { x.Shape = []int{3, 1} }), `tensor "rope_freqs.weight" must have shape [3] (got [3 1])`},
	} {
		_, err := loadGGUFBytes(editedGGUF(t, "llama.gguf", nil, c.edit), true)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got\n%v, want\n%s", err, c.want)
		}
	}
}

// What has no effect, or has one that the engine has too, loads; unknown keys are told.
func TestGGUFKeys(t *testing.T) {
	m, err := loadGGUFBytes(editedGGUF(t, "llama-linear.gguf", map[string]any{
		"tokenizer.ggml.model": nil, "general.name": "x", "llama.expert_count": uint32(0), "llama.attention.scale": float32(0), "llama.logit_scale": 1.0,
		"llama.attention.head_count": []uint32{3, 3}, "llama.attention.sliding_window": uint32(20), "llama.rope.scaling.type": nil, "llama.novelty": uint8(1),
	}, nil), true)
	if err != nil {
		t.Fatal(err)
	}
	if c := m.Config; m.Tokenizer != nil || c.Heads != 3 || c.Positions != 20 || c.Rope.Scaling != "linear" || c.Rope.Factor != 4 {
		t.Errorf("tokenizer %v, configuration %+v", m.Tokenizer, c)
	}
	if got, want := m.Warning(), "ignored, since what they mean is not known: metadata: llama.novelty"; got != want {
		t.Errorf("warning %q, want %q", got, want)
	}
}

// FuzzGGUFModel: no key and no tensor may panic or make more of a file than it holds, and
// what loads is written and loads again. Package gguf sees to bytes that are no such file.
func FuzzGGUFModel(f *testing.F) {
	files := ggufFiles(f)
	keys := []string{"general.architecture", "split.count", ".block_count", ".context_length", ".embedding_length", ".feed_forward_length", ".attention.head_count",
		".attention.head_count_kv", ".attention.key_length", ".attention.value_length", ".attention.layer_norm_epsilon", ".attention.layer_norm_rms_epsilon",
		".attention.sliding_window", ".vocab_size", ".rope.dimension_count", ".rope.freq_base", ".rope.scaling.type", ".rope.scaling.factor",
		".rope.scaling.original_context_length", ".expert_count", keyBOS, keyEOS, keyTokens}
	for i := range files {
		f.Add(byte(i), byte(i), byte(i), int64(i), "linear", byte(i), byte(i), uint16(i))
	}
	f.Fuzz(func(t *testing.T, file, key, kind byte, n int64, text string, tensor, change byte, size uint16) {
		name := filepath.Base(files[int(file)%len(files)])
		choices := []any{nil, uint32(n), uint64(n), int32(n), math.Float32frombits(uint32(n)), float64(n), text, n&1 != 0, []int32{int32(n), int32(n)}, []string{text}, []any{}}
		edit := func(list []gguf.Tensor) []gguf.Tensor {
			x := &list[int(tensor)%len(list)]
			switch change % 4 {
			case 1:
				x.Data[int(size)%len(x.Data)] = math.Float32frombits(uint32(n))
			case 2:
				x.Shape = []int{int(size % 64), 32}
				x.Data = make([]float32, 32*(size%64))
			case 3:
				x.Name += text[:min(len(text), 8)]
			}
			return list
		}
		b, err := encodeGGUF(t, name, map[string]any{keys[int(key)%len(keys)]: choices[int(kind)%len(choices)]}, edit)
		if err != nil {
			return // no such file
		}
		m, err := loadGGUFBytes(b, size&1 != 0)
		if err != nil {
			return
		}
		if m.NumParams() > len(b) {
			t.Fatalf("%d weights of %d bytes", m.NumParams(), len(b))
		}
		path := filepath.Join(t.TempDir(), "m.gguf")
		if m.Tokenizer == nil || ggufHolds(m.Config) != nil || m.SaveGGUF(path) != nil {
			return
		}
		again, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(values(again), values(m), sameBits) {
			t.Error("weights differ")
		}
	})
}
