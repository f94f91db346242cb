package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgsrm/safetensors"
)

// folder is a copy of a golden model, to be spoilt.
type folder struct{ t *testing.T }

func (f folder) check(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// write, remove and rename change files; replace changes text that must be there.
func (f folder) write(name, text string) { f.check(os.WriteFile(name, []byte(text), 0o600)) }

func (f folder) remove(names ...string) {
	for _, name := range names {
		f.check(os.Remove(name))
	}
}

func (f folder) replace(name, old, new string) {
	f.t.Helper()
	text, err := os.ReadFile(name)
	f.check(err)
	if !strings.Contains(string(text), old) {
		f.t.Fatalf("%s must hold %q", name, old)
	}
	f.write(name, strings.Replace(string(text), old, new, 1))
}

// set changes a member of a JSON object; "" deletes it.
func (f folder) set(file, name, value string) {
	text, err := os.ReadFile(file)
	f.check(err)
	object := map[string]json.RawMessage{}
	f.check(json.Unmarshal(text, &object))
	if delete(object, name); value != "" {
		object[name] = json.RawMessage(value)
	}
	text, err = json.Marshal(object)
	f.check(err)
	f.write(file, string(text))
}

// tensors rewrites the weights.
func (f folder) tensors(edit func(list map[string]safetensors.Tensor)) {
	file, err := safetensors.Open(os.DirFS("."), "model.safetensors")
	f.check(err)
	list := map[string]safetensors.Tensor{}
	for _, info := range file.Tensors() {
		data, err := file.Floats(info.Name)
		f.check(err)
		list[info.Name] = safetensors.Tensor{Name: info.Name, Shape: info.Shape, Data: data}
	}
	f.check(file.Close())
	edit(list)
	var all []safetensors.Tensor
	for t := range maps.Values(list) {
		all = append(all, t)
	}
	f.check(safetensors.Write("model.safetensors", safetensors.F32, nil, all))
}

// header changes text in the header of the weights.
func (f folder) header(old, new string) {
	f.t.Helper()
	text, err := os.ReadFile("model.safetensors")
	f.check(err)
	n := binary.LittleEndian.Uint64(text)
	head, data := string(text[8:8+n]), text[8+n:]
	if !strings.Contains(head, old) {
		f.t.Fatalf("header must hold %q: %s", old, head)
	}
	head = strings.Replace(head, old, new, 1)
	f.write("model.safetensors", string(binary.LittleEndian.AppendUint64(nil, uint64(len(head))))+head+string(data))
}

func (f folder) truncate(name string, n int64) { f.check(os.Truncate(name, n)) }

// badFolders says what each spoilt copy of a model is refused with.
var badFolders = []struct {
	name, model string // model = folder in hf/testdata
	spoil       func(f folder)
	want        string // after "pgsrm: child: f: load model: "
}{
	// config.json
	{"no config", "gpt2", func(f folder) { f.remove("config.json") }, `config.json is missing`},
	{"config not JSON", "gpt2", func(f folder) { f.write("config.json", "model_type: gpt2") }, `config.json: not JSON: invalid character 'm' looking for beginning of value`},
	{"config cut", "gpt2", func(f folder) { f.truncate("config.json", 100) }, `config.json: not JSON at "architectures": unexpected EOF`},
	{"config a list", "gpt2", func(f folder) { f.write("config.json", "[]") }, `config.json: must be a JSON object (got [)`},
	{"member twice", "gpt2", func(f folder) { f.replace("config.json", `"n_embd": 24`, `"n_embd": 24, "n_embd": 25`) }, `config.json: name "n_embd" must be unique`},
	{"no model_type", "gpt2", func(f folder) { f.set("config.json", "model_type", "") }, `config.json: model_type must be "gpt2", "bert", "llama", "mistral", "qwen2" or "qwen3" (it is absent)`},
	{"unknown architecture", "gpt2", func(f folder) { f.set("config.json", "model_type", `"gpt_neox"`) }, `config.json: model_type must be "gpt2", "bert", "llama", "mistral", "qwen2" or "qwen3" (got "gpt_neox")`},
	{"member of another model", "llama", func(f folder) { f.set("config.json", "logit_scale", "0.5") }, `config.json: logit_scale must be 1 (got 0.5)`},
	{"unknown activation", "gpt2", func(f folder) { f.set("config.json", "activation_function", `"relu"`) }, `config.json: activation_function must be one of gelu, gelu_fast, gelu_new, gelu_python, gelu_pytorch_tanh (got "relu")`},
	{"scaled by layer", "gpt2", func(f folder) { f.set("config.json", "scale_attn_by_inverse_layer_idx", "true") }, `config.json: scale_attn_by_inverse_layer_idx must be false (got true)`},
	{"quantized", "llama", func(f folder) { f.set("config.json", "quantization_config", `{"bits":4}`) }, `config.json: quantization_config must be none (got {"bits":4})`},
	{"unknown rope type", "llama", func(f folder) { f.set("config.json", "rope_parameters", `{"rope_type":"yarn","factor":4}`) }, `config.json: rope_parameters: rope_type must be "default", "linear" or "llama3" (got "yarn")`},
	{"rope member of another kind", "llama", func(f folder) {
		f.set("config.json", "rope_parameters", `{"rope_type":"linear","factor":4,"attention_factor":2}`)
	}, `config.json: rope_parameters: attention_factor must be absent or null (got 2)`},
	{"rope without factor", "llama", func(f folder) { f.set("config.json", "rope_parameters", `{"rope_type":"linear"}`) }, `config.json: rope_parameters: factor must be given (it is absent)`},
	{"partial rotation", "llama", func(f folder) { f.set("config.json", "partial_rotary_factor", "0.5") }, `config.json: partial_rotary_factor must be 1 or 1.0 (got 0.5)`},
	{"text for a number", "gpt2", func(f folder) { f.set("config.json", "n_layer", `"2"`) }, `config.json: n_layer must be a whole number (got "2")`},
	{"fraction for a number", "gpt2", func(f folder) { f.set("config.json", "vocab_size", "45.5") }, `config.json: vocab_size must be a whole number (got 45.5)`},
	{"number for a flag", "gpt2", func(f folder) { f.set("config.json", "tie_word_embeddings", "1") }, `config.json: tie_word_embeddings must be true or false (got 1)`},
	{"heads do not divide", "gpt2", func(f folder) { f.set("config.json", "n_head", "5") }, `config.json: the width must be a multiple of the number of heads (got 24 and 5)`},
	{"key heads do not divide", "llama", func(f folder) { f.set("config.json", "num_key_value_heads", "3") }, `config.json: model config: heads must be a multiple of key/value heads (got 4 and 3)`},
	{"odd head size", "llama", func(f folder) { f.set("config.json", "head_dim", "7") }, `config.json: model config: head size must be even with rotary positions (got 7)`},
	{"negative size", "gpt2", func(f folder) { f.set("config.json", "n_layer", "-2") }, `config.json: model config: layers must be in 1..1024 (got -2)`},
	{"sizes of another model", "gpt2", func(f folder) {
		f.set("config.json", "n_embd", "65536")
		f.set("config.json", "n_head", "1024")
		f.set("config.json", "n_layer", "1000")
	}, `tensors must be those of config.json: 11976 missing: transformer.h.2.ln_1.weight, transformer.h.2.ln_1.bias, transformer.h.2.attn.c_attn.weight, transformer.h.2.attn.c_attn.bias, transformer.h.2.attn.c_proj.weight, ...; 28 mis-shaped: transformer.wte.weight must have shape [45 65536] (got [45 24]), transformer.wpe.weight must have shape [24 65536] (got [24 24]), transformer.h.0.ln_1.weight must have shape [65536] (got [24]), transformer.h.0.ln_1.bias must have shape [65536] (got [24]), transformer.h.0.attn.c_attn.weight must have shape [65536 196608] (got [24 72]), ...`},
	{"end token a text", "gpt2", func(f folder) { f.set("config.json", "eos_token_id", `"end"`) }, `config.json: eos_token_id must be a token id or a list of them (got "end")`},
	{"encoder", "bert", func(folder) {}, `model_type "bert" is an encoder and cannot write text: use it as an embedder`},
	// other JSON files
	{"generation config cut", "gpt2", func(f folder) { f.write("generation_config.json", "{") }, `generation_config.json: not JSON: EOF`},
	{"end tokens nested", "gpt2", func(f folder) { f.write("generation_config.json", `{"eos_token_id":[[1]]}`) }, `generation_config.json: eos_token_id must be a token id or a list of them (got [[1]])`},
	{"tokenizer config a list", "gpt2", func(f folder) { f.write("tokenizer_config.json", "[]") }, `tokenizer_config.json: must be a JSON object (got [)`},
	// tokenizer
	{"no tokenizer", "gpt2", func(f folder) { f.remove("tokenizer.json") }, `tokenizer: folder must have tokenizer.json, vocab.json with merges.txt, or vocab.txt (transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...) writes the first from others)`},
	{"tokenizer not JSON", "gpt2", func(f folder) { f.write("tokenizer.json", "<html>") }, `tokenizer.json: invalid character '<' looking for beginning of value`},
	{"unknown tokenizer", "gpt2", func(f folder) { f.replace("tokenizer.json", `"type": "BPE"`, `"type": "CharBPE"`) }, `tokenizer.json: model: type must be one of BPE, WordPiece, Unigram, WordLevel (got "CharBPE")`},
	{"unknown pre-tokenizer", "gpt2", func(f folder) { f.replace("tokenizer.json", `"type": "ByteLevel"`, `"type": "Jieba"`) }, `tokenizer.json: pre_tokenizer: type must be one of BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Sequence, Split, Whitespace, WhitespaceSplit (got "Jieba")`},
	{"broken merge", "gpt2", func(f folder) {
		f.set("tokenizer.json", "model", `{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a c"]}`)
	}, `tokenizer.json: merges[0]: "c" must be in the vocabulary`},
	{"broken merges.txt", "gpt2", func(f folder) {
		f.remove("tokenizer.json")
		f.write("vocab.json", `{"a":0}`)
		f.write("merges.txt", "#version: 0.2\na b c\n")
	}, `tokenizer.json: merges[1]: must be two tokens with one space between (got "a b c")`},
	{"vocab.json alone", "gpt2", func(f folder) { f.remove("tokenizer.json"); f.write("vocab.json", "{}") }, `tokenizer: open merges.txt: no such file or directory`},
	{"more tokens than vocabulary", "gpt2", func(f folder) { f.set("config.json", "vocab_size", "40") }, `tokenizer: ids must lie below vocab_size 40 of config.json (got 43 ids)`},
	// weights
	{"no weights", "gpt2", func(f folder) { f.remove("model.safetensors") }, `model.safetensors is missing`},
	{"pickle", "gpt2", func(f folder) { f.remove("model.safetensors"); f.write("pytorch_model.bin", "PK") }, `model.safetensors is missing: pytorch_model.bin is not read, since such files can run code or are of another kind; write the model anew with transformers' save_pretrained`},
	{"checkpoint", "gpt2", func(f folder) { f.remove("model.safetensors"); f.write("last.ckpt", "PK") }, `model.safetensors is missing: last.ckpt is not read, since such files can run code or are of another kind; write the model anew with transformers' save_pretrained`},
	{"pt", "gpt2", func(f folder) { f.remove("model.safetensors"); f.write("consolidated.00.pt", "PK") }, `model.safetensors is missing: consolidated.00.pt is not read, since such files can run code or are of another kind; write the model anew with transformers' save_pretrained`},
	{"file cut short", "gpt2", func(f folder) { f.truncate("model.safetensors", 5) }, `safetensors: model.safetensors: file must hold at least 8 bytes (got 5)`},
	{"header cut", "gpt2", func(f folder) { f.truncate("model.safetensors", 1000) }, `safetensors: model.safetensors: header must fit into the file of 1000 bytes and into 100000000 bytes (got a length of 2560)`},
	{"data cut", "gpt2", func(f folder) { f.truncate("model.safetensors", 30000) }, `safetensors: model.safetensors: tensor "transformer.h.0.mlp.c_proj.weight" must end within the data section of 27432 bytes (ends at 28896)`},
	{"data too long", "gpt2", func(f folder) {
		text, err := os.ReadFile("model.safetensors")
		f.check(err)
		f.write("model.safetensors", string(text)+"1234")
	}, `safetensors: model.safetensors: tensors must cover the data section of 64612 bytes (they end at 64608)`},
	{"header claims 2^60 bytes", "gpt2", func(f folder) {
		text, err := os.ReadFile("model.safetensors")
		f.check(err)
		binary.LittleEndian.PutUint64(text, 1<<60)
		f.write("model.safetensors", string(text))
	}, `safetensors: model.safetensors: header must fit into the file of 67176 bytes and into 100000000 bytes (got a length of 1152921504606846976)`},
	{"header not JSON", "gpt2", func(f folder) { f.header(`{`, `[`) }, `safetensors: model.safetensors: header must be a JSON object in UTF-8 (starts with "[\"__meta")`},
	{"pointer of git LFS", "gpt2", func(f folder) {
		f.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n")
	}, `safetensors: model.safetensors: file must be fetched: it is a pointer of git LFS (git lfs pull)`},
	{"overlap", "gpt2", func(f folder) { f.header(`"shape":[72],"data_offsets":[0,288]`, `"shape":[73],"data_offsets":[0,292]`) }, `safetensors: model.safetensors: tensor "transformer.h.0.attn.c_attn.weight" must not overlap another (begins at 288, the one before ends at 292)`},
	{"hole", "gpt2", func(f folder) { f.header(`"shape":[72],"data_offsets":[0,288]`, `"shape":[71],"data_offsets":[0,284]`) }, `safetensors: model.safetensors: tensor "transformer.h.0.attn.c_attn.weight" must follow the one before (begins at 288, the one before ends at 284)`},
	{"sizes disagree", "gpt2", func(f folder) { f.header(`"shape":[72],"data_offsets":[0,288]`, `"shape":[71],"data_offsets":[0,288]`) }, `safetensors: model.safetensors: header: tensor "transformer.h.0.attn.c_attn.bias": shape [71] of F32 needs 2272 bits (data_offsets span 288 bytes)`},
	{"unknown dtype", "gpt2", func(f folder) { f.header(`"F32"`, `"Q4_0"`) }, `safetensors: model.safetensors: header: tensor "transformer.h.0.attn.c_attn.bias": dtype must be one of the format's (got "Q4_0")`},
	{"integers", "gpt2", func(f folder) { f.header(`"F32"`, `"I32"`) }, `safetensors: model.safetensors: tensor "transformer.h.0.attn.c_attn.bias" must be F32, F16 or BF16 (got I32)`},
	{"tensor twice", "gpt2", func(f folder) { f.header(`"transformer.h.0.attn.c_attn.weight"`, `"transformer.h.0.attn.c_attn.bias"`) }, `safetensors: model.safetensors: header: name "transformer.h.0.attn.c_attn.bias" must be unique`},
	{"tensor missing", "gpt2", func(f folder) {
		f.tensors(func(l map[string]safetensors.Tensor) {
			delete(l, "transformer.h.1.ln_2.bias")
			delete(l, "transformer.wpe.weight")
		})
	}, `tensors must be those of config.json: 2 missing: transformer.wpe.weight, transformer.h.1.ln_2.bias`},
	{"tensor too many", "llama", func(f folder) {
		f.tensors(func(l map[string]safetensors.Tensor) {
			l["score.weight"] = safetensors.Tensor{Name: "score.weight", Data: []float32{1}}
		})
	}, `tensors must be those of config.json: 1 unexpected: score.weight`},
	{"bias too many", "llama", func(f folder) {
		f.tensors(func(l map[string]safetensors.Tensor) {
			l["model.layers.0.self_attn.q_proj.bias"] = safetensors.Tensor{Name: "model.layers.0.self_attn.q_proj.bias", Shape: []int{24}, Data: make([]float32, 24)}
		})
	}, `tensors must be those of config.json: 1 unexpected: model.layers.0.self_attn.q_proj.bias`},
	{"tensor of another shape", "llama", func(f folder) {
		f.tensors(func(l map[string]safetensors.Tensor) {
			x := l["model.norm.weight"]
			x.Shape = []int{4, 6}
			l["model.norm.weight"] = x
		})
	}, `tensors must be those of config.json: 1 mis-shaped: model.norm.weight must have shape [24] (got [4 6])`},
	{"NaN", "gpt2", func(f folder) {
		f.tensors(func(l map[string]safetensors.Tensor) {
			l["transformer.h.1.mlp.c_fc.weight"].Data[77] = float32(math.NaN())
		})
	}, `model.safetensors: tensor "transformer.h.1.mlp.c_fc.weight" must be finite (got NaN at 77)`},
	{"infinity", "llama", func(f folder) {
		f.tensors(func(l map[string]safetensors.Tensor) {
			l["model.layers.1.self_attn.v_proj.weight"].Data[5] = float32(math.Inf(-1))
		})
	}, `model.safetensors: tensor "model.layers.1.self_attn.v_proj.weight" must be finite (got -Inf at 5)`},
	{"tied head differs", "gpt2", func(f folder) {
		f.tensors(func(l map[string]safetensors.Tensor) {
			l["lm_head.weight"] = safetensors.Tensor{Name: "lm_head.weight", Shape: []int{45, 24}, Data: make([]float32, 45*24)}
		})
	}, `tensors: lm_head.weight must equal the token embedding, since config.json ties them (it does not)`},
	// shards
	{"shard missing", "gpt2-odd", func(f folder) { f.remove("model-00003-of-00005.safetensors") }, `open tensors: open model-00003-of-00005.safetensors: no such file or directory`},
	{"index not JSON", "gpt2-odd", func(f folder) { f.write("model.safetensors.index.json", "weight_map") }, `model.safetensors.index.json: not JSON: invalid character 'w' looking for beginning of value`},
	{"index without map", "gpt2-odd", func(f folder) { f.set("model.safetensors.index.json", "weight_map", "") }, `model.safetensors.index.json: weight_map must be given (it is absent)`},
	{"index names an absent tensor", "gpt2-odd", func(f folder) {
		f.replace("model.safetensors.index.json", `"weight_map": {`, `"weight_map": {"extra.weight": "model-00001-of-00005.safetensors",`)
	}, `model.safetensors.index.json: tensor "extra.weight" must be in model-00001-of-00005.safetensors (it is not)`},
	{"index names another shard", "gpt2-odd", func(f folder) {
		f.replace("model.safetensors.index.json", `"transformer.h.0.ln_1.bias": "model-00001`, `"transformer.h.0.ln_1.bias": "model-00002`)
	}, `model.safetensors.index.json: tensor "transformer.h.0.ln_1.bias" of model-00001-of-00005.safetensors must be listed under that file (got "model-00002-of-00005.safetensors")`},
	{"index leads out of the folder", "gpt2-odd", func(f folder) {
		f.replace("model.safetensors.index.json", `"transformer.h.0.ln_1.bias": "`, `"transformer.h.0.ln_1.bias": "../`)
	}, `model.safetensors.index.json: weight_map: file of tensor "transformer.h.0.ln_1.bias" must be a name in the folder (got "../model-00001-of-00005.safetensors")`},
}

// TestBadFolders: each fault is one clear line and exit code 3.
func TestBadFolders(t *testing.T) {
	source, err := filepath.Abs("../../hf/testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range badFolders {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "f"), os.DirFS(filepath.Join(source, c.model))); err != nil {
				t.Fatal(err)
			}
			t.Chdir(filepath.Join(dir, "f"))
			c.spoil(folder{t})
			t.Chdir(dir)
			var stdout, stderr bytes.Buffer
			code := execute([]string{"generate", "--child", "f", "--prompt", "red"}, strings.NewReader(""), &stdout, &stderr)
			if want := "pgsrm: child: f: load model: " + c.want + "\n"; code != exitInput || stderr.String() != want || stdout.Len() > 0 {
				t.Errorf("exit code %d, stdout %q, stderr\n%swant\n%s", code, stdout.String(), stderr.String(), want)
			}
		})
	}
}
