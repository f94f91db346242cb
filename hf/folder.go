package hf

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"pgsrm/internal/durable"
	"pgsrm/lm"
	"pgsrm/safetensors"
	"pgsrm/tokenizer"
)

// Names of the other files of a Hugging Face folder.
const (
	configFile          = "config.json"
	tokenizerFile       = "tokenizer.json"
	tokenizerConfigFile = "tokenizer_config.json"
	generationFile      = "generation_config.json"
	templateFile        = "chat_template.jinja"
)

// Load reads a language model and its tokenizer from a Hugging Face folder or a GGUF
// file (see IsGGUF). What the engine cannot represent exactly is an error that names
// it. A folder never runs code: weights are read from safetensors files only.
func Load(path string) (*Model, error) { return load(path, false) }

// LoadBare is Load for work on token ids: the model may lack a tokenizer, which is nil
// then. Such a model has no prompter and is not saved.
func LoadBare(path string) (*Model, error) { return load(path, true) }

func load(path string, bare bool) (m *Model, err error) {
	if IsGGUF(path) {
		m, err = loadGGUF(path, bare)
	} else {
		m, err = loadFS(os.DirFS(path), bare)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// LoadTokenizer reads the tokenizer of a folder or a GGUF file without the weights.
func LoadTokenizer(path string) (*tokenizer.Tokenizer, error) {
	if !IsGGUF(path) {
		return tokenizer.Load(path)
	}
	tok, err := loadGGUFTokenizer(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tok, nil
}

// loadFS is Load, or with bare LoadBare, for a folder in a file system, such as an
// embedded one.
func loadFS(fsys fs.FS, bare bool) (*Model, error) {
	return decoder(loadFolder(fsys, bare))
}

// decoder says what failed, and holds that the model can write text.
func decoder(m *Model, err error) (*Model, error) {
	if err != nil {
		return nil, fmt.Errorf("load model: %w", err)
	}
	if m.Config.NoHead {
		return nil, fmt.Errorf("load model: model_type %q is an encoder and cannot write text: use it as an embedder", m.Config.Family)
	}
	return m, nil
}

// loadFolder reads config, weights and tokenizer of any family; a bare one may lack
// the tokenizer.
func loadFolder(fsys fs.FS, bare bool) (*Model, error) {
	return loadFiles(fsys, bare, func() (*weightSet, error) { return openWeights(fsys) })
}

// loadFiles is loadFolder with weights from anywhere.
func loadFiles(fsys fs.FS, bare bool, open func() (*weightSet, error)) (*Model, error) {
	files, err := readKept(fsys, keptFiles)
	if err != nil {
		return nil, err
	}
	if files[configFile] == nil {
		return nil, missing(fsys, configFile)
	}
	if _, err := ParseConfig(files[configFile]); err != nil {
		return nil, err
	}
	tok, err := tokenizer.LoadFS(fsys)
	if err != nil && !(bare && errors.Is(err, tokenizer.ErrNone)) {
		return nil, err
	}
	cfg, err := folderConfig(files, tok)
	if err != nil {
		return nil, err
	}
	if tok != nil && tok.Size() > cfg.Vocab {
		return nil, fmt.Errorf("tokenizer: ids must lie below vocab_size %d of %s (got %d ids)", cfg.Vocab, configFile, tok.Size())
	}
	set, err := open()
	if err != nil {
		return nil, err
	}
	m, types, err := loadModel(cfg, set)
	if err := errors.Join(err, set.close()); err != nil {
		return nil, err
	}
	loaded := &Model{Model: m, Tokenizer: tok, types: types, files: files, unknown: unknownMembers(files), head: readCard(fsys)}
	unknown, err := loaded.recall(files)
	loaded.unknown = append(loaded.unknown, unknown...)
	return loaded, err
}

// missing says that a folder lacks a file, and what to do about GGUF files in it.
func missing(fsys fs.FS, name string) error {
	if found, err := fs.Glob(fsys, "*.gguf"); err == nil && len(found) > 0 {
		return fmt.Errorf("%s is missing: to use %s name the file itself, not its folder", name, found[0])
	}
	return fmt.Errorf("%s is missing", name)
}

// Save writes the model and its tokenizer as a Hugging Face folder that
// transformers loads, with the files of the folder that it came from. The numbers
// are never rounded: the weights get the types of that folder where these hold
// all of them exactly, as for a model that was not trained, else F32. The folder
// appears whole or not at all; an existing one is replaced if it is empty or a
// model folder. Weights that are not finite are ErrNonFinite and nothing is written.
func (m *Model) Save(dir string) error {
	types := m.exactTypes()
	if types == nil {
		return m.save(dir, safetensors.F32, nil)
	}
	return m.save(dir, "", types)
}

// SaveAs is Save with the type of all weights: F32, or BF16 rounded to nearest.
func (m *Model) SaveAs(dir string, dtype safetensors.DType) error {
	if dtype != safetensors.F32 && dtype != safetensors.BF16 {
		return fmt.Errorf("save model: dtype must be F32 or BF16 (got %q)", dtype)
	}
	return m.save(dir, dtype, nil)
}

// save writes the folder with weights of one type, or of a type for each.
func (m *Model) save(dir string, dtype safetensors.DType, types map[string]safetensors.DType) error {
	if m.Tokenizer == nil {
		return fmt.Errorf("save model: it must have a tokenizer (the folder that it was loaded from has none)")
	}
	if l, on := m.LoRA(); on {
		return fmt.Errorf("save model: adapters must be merged first, or saved alone (the model has them on %s)", l.targetText())
	}
	if err := Replaceable(dir); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	if err := m.checkWeights(dtype); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	err := durable.WriteDir(dir, func(tmp string) error {
		if err := writeFiles(tmp, m.folderFiles(dtype)); err != nil {
			return err
		}
		return m.writeWeights(filepath.Join(tmp, weightsFile), dtype, types)
	})
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}

// writeWeights writes the file of weights.
func (m *Model) writeWeights(path string, dtype safetensors.DType, types map[string]safetensors.DType) error {
	w, list := watcher{tell: m.Progress}, tensors(m.Model, types)
	for i := range list {
		list[i].Fill = w.fill(list[i].Fill)
		w.total += safetensors.Info{Shape: list[i].Shape}.Len()
	}
	return durable.WriteFile(path, func(out io.Writer) error {
		return safetensors.Encode(w.writer(out), dtype, map[string]string{"format": "pt"}, list)
	})
}

// writeFiles writes files into a folder, by name.
func writeFiles(dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := durable.WriteBytes(filepath.Join(dir, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}

// Replaceable reports what keeps a model from being saved at dir: nothing but an
// empty folder or a saved model is ever replaced.
func Replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known := append([]string{tokenizerFile, weightsFile, adapterConfigFile, adapterWeightsFile}, keptFiles...)
	if ownCard(os.DirFS(dir)) {
		known = append(known, cardFile)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !slices.Contains(known, e.Name()) {
			return fmt.Errorf("%s exists and must be empty or hold nothing but a saved model (it holds %s)", dir, e.Name())
		}
	}
	return nil
}

// generationJSON is the generation_config.json of a saved model.
func generationJSON(c lm.Config) []byte {
	return indented(map[string]any{"bos_token_id": tokenOrNull(c.BOS), "eos_token_id": endTokens(c)})
}

// tokenizerConfigJSON is the tokenizer_config.json of a saved model: just what
// transformers needs beside tokenizer.json.
func tokenizerConfigJSON(c lm.Config, tok *tokenizer.Tokenizer) []byte {
	v := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": c.Positions, "clean_up_tokenization_spaces": false}
	for name, id := range map[string]int32{"bos_token": c.BOS, "eos_token": c.EOS} {
		if token, ok := tok.Token(id); ok {
			v[name] = token
		}
	}
	return indented(v)
}
