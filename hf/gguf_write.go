package hf

import (
	"fmt"
	"io"
	"slices"

	"pgsrm/gguf"
	"pgsrm/internal/durable"
	"pgsrm/lm"
	"pgsrm/safetensors"
)

// SaveGGUF writes the model and its tokenizer as a GGUF file that llama.cpp and
// transformers load. The numbers are never rounded: matrices get the types that Save
// would give them; vectors and positions are F32, as llama.cpp has them. The file is replaced whole or
// not at all. Weights that are not finite in their type are ErrNonFinite, what the
// format cannot hold is an error.
func (m *Model) SaveGGUF(path string) error { return m.saveGGUF(path, nil) }

// SaveGGUFAs is SaveGGUF with the type of the matrices: F32, F16, BF16 or Q8_0, rounded
// to nearest. Under Q8_0 those with rows that are no multiple of its blocks are F16.
func (m *Model) SaveGGUFAs(path string, typ gguf.Type) error { return m.saveGGUF(path, &typ) }

func (m *Model) saveGGUF(path string, typ *gguf.Type) error {
	if err := m.writeGGUF(path, typ); err != nil {
		return fmt.Errorf("save GGUF: %w", err)
	}
	return nil
}

func (m *Model) writeGGUF(path string, typ *gguf.Type) error {
	if m.Tokenizer == nil {
		return fmt.Errorf("the model must have a tokenizer (what it was loaded from has none)")
	}
	if l, on := m.LoRA(); on {
		return fmt.Errorf("adapters must be merged first (the model has them on %s)", l.targetText())
	}
	if err := ggufHolds(m.Config); err != nil {
		return err
	}
	tokens, err := ggufTokenizerMetadata(filesInMemory(m.folderFiles("")), m.Config.Vocab)
	if err != nil {
		return err
	}
	tensors, err := m.ggufTensors(typ)
	if err != nil {
		return err
	}
	w := watcher{tell: m.Progress}
	for i := range tensors {
		tensors[i].Fill = w.fill(tensors[i].Fill)
		w.total += gguf.Info{Shape: tensors[i].Shape}.Len()
	}
	return durable.WriteFile(path, func(out io.Writer) error {
		return gguf.Encode(w.writer(out), slices.Concat(ggufPairs(m.Config, tensors), tokens), tensors)
	})
}

// ggufHolds reports what llama.cpp does not compute as the engine does.
func ggufHolds(c lm.Config) error {
	switch {
	case c.Family == "gpt2" && c.Act != lm.GELUTanh:
		return fmt.Errorf("the activation of a GPT-2 must be gelu_new, the one that llama.cpp has (got %q)", c.Act)
	case c.Family == "qwen3" && c.QKVBias:
		return fmt.Errorf("attention_bias of a Qwen3 must be false, as llama.cpp has no biases there (got true)")
	case c.Rope.Scaling == "llama3" && ggufArchitecture(c.Family) != "llama":
		return fmt.Errorf("rope_scaling llama3 must be that of a Llama or Mistral: llama.cpp has none for %s", c.Family)
	}
	return nil
}

// ggufTensors are the tensors of the file; nil as the type is that of each in the
// folder that the model came from, where these hold the weights exactly.
func (m *Model) ggufTensors(typ *gguf.Type) ([]gguf.Tensor, error) {
	exact := m.exactTypes()
	table := tensorTable(m.Model)
	var out []gguf.Tensor
	for i, t := range ggufTable(m.Config, table) {
		x := gguf.Tensor{Name: t.name, Shape: t.shape, Fill: func(dst []float32, lo int) { t.rows(dst, t.param.Value, lo) }}
		if matrix := len(t.shape) == 2 && t.name != "position_embd.weight"; matrix && typ != nil {
			x.Type = *typ
		} else if matrix {
			x.Type = map[safetensors.DType]gguf.Type{safetensors.F16: gguf.F16, safetensors.BF16: gguf.BF16}[exact[table[i].name]] // else F32
		}
		if x.Type == gguf.Q8_0 && t.shape[1]%32 != 0 {
			x.Type = gguf.F16
		}
		if err := checkFinite(t.param, map[gguf.Type]safetensors.DType{gguf.F16: safetensors.F16, gguf.BF16: safetensors.BF16}[x.Type]); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	if r := m.Config.Rope; r.Scaling == "llama3" {
		factors := ropeFactorsOf(r, m.Config.HeadDim)
		out = append(out, gguf.Tensor{Name: ropeFactors, Shape: []int{len(factors)}, Fill: func(dst []float32, lo int) { copy(dst, factors[lo:]) }})
	}
	return out, nil
}

// fileTypes are the numbers of general.file_type by the type of the matrices.
var fileTypes = map[gguf.Type]uint32{gguf.F32: 0, gguf.F16: 1, gguf.Q8_0: 7, gguf.BF16: 32}

// ggufPairs are the keys that describe a model; tensors begins with the token embedding.
func ggufPairs(c lm.Config, tensors []gguf.Tensor) gguf.Metadata {
	arch := ggufArchitecture(c.Family)
	md := gguf.Metadata{{Key: "general.architecture", Value: arch}, {Key: "general.type", Value: "model"}}
	put := func(key string, value any) { md = append(md, gguf.Pair{Key: arch + "." + key, Value: value}) }
	put("block_count", uint32(c.Layers))
	put("context_length", uint32(c.Positions))
	put("embedding_length", uint32(c.Width))
	put("feed_forward_length", uint32(c.FF))
	put("attention.head_count", uint32(c.Heads))
	put("vocab_size", uint32(c.Vocab))
	if arch == "gpt2" {
		put("attention.layer_norm_epsilon", float32(c.NormEps))
	} else {
		put("attention.head_count_kv", uint32(c.KVHeads))
		put("attention.key_length", uint32(c.HeadDim))
		put("attention.value_length", uint32(c.HeadDim))
		put("attention.layer_norm_rms_epsilon", float32(c.NormEps))
		put("rope.dimension_count", uint32(c.HeadDim))
		put("rope.freq_base", float32(c.Rope.Theta))
	}
	switch c.Rope.Scaling {
	case "linear":
		put("rope.scaling.type", "linear")
		put("rope.scaling.factor", float32(c.Rope.Factor))
	case "llama3":
		put("rope.scaling.original_context_length", uint32(c.Rope.OriginalPositions))
	}
	return append(md, gguf.Pair{Key: "general.file_type", Value: fileTypes[tensors[0].Type]}, gguf.Pair{Key: "general.quantization_version", Value: uint32(2)})
}
