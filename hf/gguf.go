package hf

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"pgsrm/gguf"
	"pgsrm/lm"
	"pgsrm/safetensors"
	"pgsrm/tokenizer"
)

// IsGGUF says whether a path names a GGUF file: a file whose name ends in .gguf.
func IsGGUF(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && HasGGUFName(path)
}

// HasGGUFName says whether a path is one that a GGUF file has.
func HasGGUFName(path string) bool { return strings.EqualFold(filepath.Ext(path), ".gguf") }

// openGGUF opens a GGUF file.
func openGGUF(path string) (*gguf.File, error) {
	return gguf.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
}

// loadGGUF is loadFS for a GGUF file, which counts as the folder with its content.
func loadGGUF(path string, bare bool) (*Model, error) {
	f, err := openGGUF(path)
	if err != nil {
		return decoder(nil, err)
	}
	m, err := loadOpenGGUF(f, bare)
	return decoder(m, errors.Join(err, f.Close()))
}

func loadOpenGGUF(f *gguf.File, bare bool) (*Model, error) {
	c, unknown, err := ggufConfig(f)
	if err != nil {
		return nil, err
	}
	files := filesInMemory{configFile: configJSON(c, "")}
	if _, has := f.Metadata.Value(keyModel); has || !bare {
		tokenizerFiles, err := ggufTokenizerFiles(f.Metadata)
		if err != nil {
			return nil, err
		}
		maps.Copy(files, tokenizerFiles)
	}
	m, err := loadFiles(files, bare, func() (*weightSet, error) { return ggufWeights(f), nil })
	if err != nil {
		return nil, err
	}
	m.unknown = append(m.unknown, inFile(ggufMetadata, unknown)...)
	return m, nil
}

// loadGGUFTokenizer reads the tokenizer of a GGUF file.
func loadGGUFTokenizer(path string) (*tokenizer.Tokenizer, error) {
	f, err := openGGUF(path)
	if err != nil {
		return nil, err
	}
	files, err := ggufTokenizerFiles(f.Metadata)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return tokenizer.LoadFS(filesInMemory(files))
}

// filesInMemory is a folder of small files in memory, by name.
type filesInMemory map[string][]byte

// Open implements fs.FS.
func (m filesInMemory) Open(name string) (fs.File, error) {
	content, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return fileInMemory{bytes.NewReader(content)}, nil
}

type fileInMemory struct{ *bytes.Reader }

// Close implements fs.File.
func (fileInMemory) Close() error { return nil }

// Stat implements fs.File: there is nothing to tell.
func (fileInMemory) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }

// ggufWeights are the tensors of a GGUF file.
func ggufWeights(f *gguf.File) *weightSet {
	set := &weightSet{of: map[string]source{}, gguf: true}
	for _, t := range f.Tensors() {
		dtype, ok := map[gguf.Type]safetensors.DType{gguf.F16: safetensors.F16, gguf.BF16: safetensors.BF16}[t.Type]
		if !ok {
			dtype = safetensors.F32
		}
		set.of[t.Name] = source{
			name: t.Name, file: f.Path, shape: t.Shape, dtype: dtype,
			read: func(lo, hi int, buf []float32) ([]float32, error) {
				buf = buf[:hi-lo]
				return buf, f.ReadFloats(t.Name, lo, buf)
			},
			drop: func(int, int) {},
		}
	}
	return set
}

// ropeFactors holds what the frequencies of rotary positions are divided by.
const ropeFactors = "rope_freqs.weight"

// ggufNaming: names are whole; the frequencies are read with the configuration, those
// of blocks are a table that old files have.
var ggufNaming = naming{"", regexp.MustCompile(`^(rope_freqs\.weight|blk\.\d+\.attn_rot_embd)$`), strings.NewReplacer()}

// ggufNames are GGUF's names for the parts of those of a folder, without prefix.
var ggufNames = map[string]*strings.Replacer{
	"gpt2": strings.NewReplacer("h.", "blk.", "wte.", "token_embd.", "wpe.", "position_embd.", headName, "output.weight",
		"ln_1", "attn_norm", "attn.c_attn", "attn_qkv", "attn.c_proj", "attn_output",
		"ln_2", "ffn_norm", "mlp.c_fc", "ffn_up", "mlp.c_proj", "ffn_down", "ln_f", "output_norm"),
	"llama": strings.NewReplacer("layers.", "blk.", "embed_tokens", "token_embd", headName, "output.weight",
		"input_layernorm", "attn_norm", "self_attn.q_proj", "attn_q", "self_attn.k_proj", "attn_k", "self_attn.v_proj", "attn_v",
		"self_attn.q_norm", "attn_q_norm", "self_attn.k_norm", "attn_k_norm", "self_attn.o_proj", "attn_output",
		"post_attention_layernorm", "ffn_norm", "mlp.gate_proj", "ffn_gate", "mlp.up_proj", "ffn_up", "mlp.down_proj", "ffn_down",
		"norm.weight", "output_norm.weight"),
}

// pairedName are the tensors whose rows are paired in files of architecture llama,
// which turn neighbours, not the halves of a head.
var pairedName = regexp.MustCompile(`^blk\.\d+\.attn_[qk]\.(weight|bias)$`)

// ggufTable is the table of a folder as a GGUF file has its tensors: by other names,
// all matrices as [out][in], of Llama's queries and keys the rows paired.
func ggufTable(c lm.Config, table []tensorMap) []tensorMap {
	names, ok := ggufNames[c.Family]
	if !ok {
		names = ggufNames["llama"]
	}
	out := make([]tensorMap, len(table))
	for i, t := range table {
		t.name = names.Replace(t.name)
		if !t.transposed && t.param.Packed { // Conv1D of GPT-2
			t.shape, t.transposed = []int{t.param.N, t.param.K}, true
		}
		if ggufArchitecture(c.Family) == "llama" && pairedName.MatchString(t.name) {
			t.paired = c.HeadDim
		}
		out[i] = t
	}
	return out
}

// ggufArchitecture is GGUF's name of a family.
func ggufArchitecture(family string) string {
	if family == "mistral" {
		return "llama"
	}
	return family
}
