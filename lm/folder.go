package lm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"pgsrm/tokenizer"
)

// Names of the other files of a Hugging Face folder.
const (
	configFile          = "config.json"
	tokenizerFile       = "tokenizer.json"
	tokenizerConfigFile = "tokenizer_config.json"
	generationFile      = "generation_config.json"
)

// Load reads a language model and its tokenizer from a Hugging Face folder. What
// the engine cannot represent exactly is an error that names it. A folder
// never runs code: weights are read from safetensors files only.
func Load(dir string) (*Model, *tokenizer.Tokenizer, error) {
	m, tok, err := LoadFS(os.DirFS(dir))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", dir, err)
	}
	return m, tok, nil
}

// LoadFS is Load for a folder in a file system, such as an embedded one.
func LoadFS(fsys fs.FS) (*Model, *tokenizer.Tokenizer, error) {
	m, tok, err := loadFolder(fsys)
	if err != nil {
		return nil, nil, fmt.Errorf("load model: %w", err)
	}
	if m.Config.NoHead {
		return nil, nil, fmt.Errorf("load model: model_type %q is an encoder and cannot write text: use it as an embedder", m.Config.Family)
	}
	return m, tok, nil
}

// loadFolder reads config, weights and tokenizer of any family.
func loadFolder(fsys fs.FS) (*Model, *tokenizer.Tokenizer, error) {
	text, err := fs.ReadFile(fsys, configFile)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := ParseConfig(text)
	if err != nil {
		return nil, nil, err
	}
	if cfg.EOS < 0 {
		if cfg.EOS, err = generationEOS(fsys, cfg.Vocab); err != nil {
			return nil, nil, err
		}
	}
	tok, err := loadTokenizer(fsys, cfg.Vocab)
	if err != nil {
		return nil, nil, err
	}
	set, err := openWeights(fsys)
	if err != nil {
		return nil, nil, err
	}
	m, err := New(cfg)
	if err == nil {
		err = m.loadWeights(set)
	}
	if err := errors.Join(err, set.close()); err != nil {
		return nil, nil, err
	}
	return m, tok, nil
}

// generationEOS is the end token that generation_config.json names, if any.
func generationEOS(fsys fs.FS, vocab int) (int32, error) {
	text, err := fs.ReadFile(fsys, generationFile)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	f, err := parseFields(generationFile, text)
	if err != nil {
		return -1, err
	}
	return f.token("eos_token_id", -1, vocab), f.err
}

// loadTokenizer reads tokenizer.json, whose ids must lie in the vocabulary.
func loadTokenizer(fsys fs.FS, vocab int) (*tokenizer.Tokenizer, error) {
	text, err := fs.ReadFile(fsys, tokenizerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: older folders get it from transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...)", err)
	}
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.Parse(text)
	if err != nil {
		return nil, err
	}
	if tok.Size() > vocab {
		return nil, fmt.Errorf("%s: ids must lie below vocab_size %d of %s (got %d ids)", tokenizerFile, vocab, configFile, tok.Size())
	}
	return tok, nil
}

// Save writes the model and its tokenizer as a Hugging Face folder that
// transformers loads, in F32. The folder appears whole or not at all; an existing
// folder is replaced if it is empty or a model folder.
func (m *Model) Save(dir string, tok *tokenizer.Tokenizer) error { return m.SaveAs(dir, tok, F32) }

// SaveAs is Save with the type of the weights: F32, or BF16 rounded to nearest.
func (m *Model) SaveAs(dir string, tok *tokenizer.Tokenizer, dtype DType) error {
	if err := replaceable(dir); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	err := AtomicDir(dir, func(tmp string) error {
		for _, f := range []struct {
			name string
			text []byte
		}{
			{configFile, configJSON(m.Config, dtype)},
			{generationFile, generationJSON(m.Config)},
			{tokenizerFile, tok.JSON()},
			{tokenizerConfigFile, tokenizerConfigJSON(m.Config, tok)},
		} {
			if err := AtomicFile(filepath.Join(tmp, f.name), func(w io.Writer) error {
				_, err := w.Write(f.text)
				return err
			}); err != nil {
				return err
			}
		}
		return WriteTensors(filepath.Join(tmp, weightsFile), dtype, map[string]string{"format": "pt"}, m.tensors())
	})
	if err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return nil
}

// replaceable holds that nothing but a model folder is ever replaced.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known := []string{configFile, generationFile, tokenizerFile, tokenizerConfigFile, weightsFile}
	for _, e := range entries {
		if !e.Type().IsRegular() || !slices.Contains(known, e.Name()) {
			return fmt.Errorf("%s exists and must be empty or hold nothing but a saved model (it holds %s)", dir, e.Name())
		}
	}
	return nil
}

// generationJSON is the generation_config.json of a saved model.
func generationJSON(c Config) []byte {
	return indented(map[string]any{"bos_token_id": tokenOrNull(c.BOS), "eos_token_id": tokenOrNull(c.EOS)})
}

// tokenizerConfigJSON is the tokenizer_config.json of a saved model: just what
// transformers needs beside tokenizer.json.
func tokenizerConfigJSON(c Config, tok *tokenizer.Tokenizer) []byte {
	v := map[string]any{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": c.Positions, "clean_up_tokenization_spaces": false}
	for name, id := range map[string]int32{"bos_token": c.BOS, "eos_token": c.EOS} {
		if token, ok := tok.Token(id); ok {
			v[name] = token
		}
	}
	return indented(v)
}
