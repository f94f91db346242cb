package hf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strings"

	"pgsrm/lm"
)

// Names of the files that sentence-transformers adds to a model folder.
const (
	modulesFile  = "modules.json"
	poolingFile  = "1_Pooling/config.json"
	sentenceFile = "sentence_bert_config.json"
	promptsFile  = "config_sentence_transformers.json"
)

// recipeFiles are those that decide a vector beside the model and its tokenizer.
var recipeFiles = []string{modulesFile, poolingFile, sentenceFile, promptsFile}

// Kinds of pooling.
const (
	poolMean = "mean" // mean of all tokens, special ones included
	poolCLS  = "cls"  // the first token
)

// encoderRecipe is what happens around the transformer.
type encoderRecipe struct {
	pooling   string
	normalize bool
	maxTokens int
	prompt    string // put before every text
	prompts   map[string]string
}

// readRecipe reads modules.json and the files of its modules. Modules and poolings
// that the engine does not have are errors.
func readRecipe(fsys fs.FS, c lm.Config) (encoderRecipe, error) {
	r := encoderRecipe{pooling: poolMean}
	text, err := fs.ReadFile(fsys, modulesFile)
	switch {
	case err == nil:
		if err := r.readModules(fsys, text, c.Width); err != nil {
			return r, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return r, err
	}
	if err := r.readLength(fsys, c.Positions); err != nil {
		return r, err
	}
	return r, r.readPrompt(fsys)
}

// readModules reads the chain Transformer, Pooling, optionally Normalize.
func (r *encoderRecipe) readModules(fsys fs.FS, text []byte, width int) error {
	var modules []struct{ Path, Type string }
	if err := json.Unmarshal(text, &modules); err != nil {
		return fmt.Errorf("%s: %w", modulesFile, err)
	}
	var kinds []string
	for _, m := range modules {
		kinds = append(kinds, m.Type[strings.LastIndexByte(m.Type, '.')+1:])
	}
	chain := strings.Join(kinds, ", ")
	if chain != "Transformer, Pooling" && chain != "Transformer, Pooling, Normalize" {
		return fmt.Errorf("%s: modules must be Transformer, Pooling and optionally Normalize (got %s)", modulesFile, chain)
	}
	if modules[0].Path != "" || modules[1].Path+"/config.json" != poolingFile {
		return fmt.Errorf("%s: paths must be %q and %q (got %q and %q)", modulesFile, "", "1_Pooling", modules[0].Path, modules[1].Path)
	}
	r.normalize = len(modules) == 3
	return r.readPooling(fsys, width)
}

// readPooling reads the Pooling module, in its form before and since
// sentence-transformers 6.
func (r *encoderRecipe) readPooling(fsys fs.FS, width int) error {
	text, err := fs.ReadFile(fsys, poolingFile)
	if err != nil {
		return err
	}
	f, err := parseFields(poolingFile, text)
	if err != nil {
		return err
	}
	r.pooling = f.text("", "pooling_mode")
	if r.pooling == "" {
		r.pooling = poolMean
		if f.flag(false, "pooling_mode_cls_token") {
			r.pooling = poolCLS
		}
		f.only("pooling_mode_mean_tokens", map[string]string{poolMean: "true", poolCLS: "false"}[r.pooling])
	}
	f.skip("pooling_mode_cls_token", "pooling_mode_mean_tokens")
	for _, other := range []string{"max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken"} {
		f.only("pooling_mode_"+other, "false")
	}
	f.only("include_prompt", "true")
	if r.pooling != poolMean && r.pooling != poolCLS {
		f.fail("pooling_mode", `"mean" or "cls"`)
	}
	if f.int(width, "word_embedding_dimension", "embedding_dimension") != width {
		f.fail("word_embedding_dimension", fmt.Sprintf("the width of the model, %d", width))
	}
	return f.finish()
}

// readLength reads the longest text, in tokens: max_seq_length, else the
// tokenizer's model_max_length, at most the model's positions.
func (r *encoderRecipe) readLength(fsys fs.FS, positions int) error {
	r.maxTokens = positions
	f, err := optionalFields(fsys, tokenizerConfigFile)
	if err != nil {
		return err
	}
	limit := f.float(math.Inf(1), "model_max_length") // may be 1e30, "no limit"
	if f.err != nil {
		return f.err
	}
	if f, err = optionalFields(fsys, sentenceFile); err != nil {
		return err
	}
	limit = f.float(limit, "max_seq_length")
	if f.flag(false, "do_lower_case") && !lowers(fsys) {
		f.fail("do_lower_case", "false, or the normalizer of "+tokenizerFile+" must put texts into lower case")
	}
	if limit < 1 {
		f.fail("max_seq_length", "positive")
	}
	if limit < float64(positions) {
		r.maxTokens = int(limit)
	}
	return f.err
}

// lowers says whether the tokenizer puts texts into lower case, so that do_lower_case
// adds nothing.
func lowers(fsys fs.FS) bool {
	type normalizer struct {
		Type        string            `json:"type"`
		Lowercase   bool              `json:"lowercase"`
		Normalizers []json.RawMessage `json:"normalizers"`
	}
	text, err := fs.ReadFile(fsys, tokenizerFile)
	var file struct {
		Normalizer json.RawMessage `json:"normalizer"`
	}
	if err != nil || json.Unmarshal(text, &file) != nil {
		return false
	}
	for open := []json.RawMessage{file.Normalizer}; len(open) > 0; open = open[1:] {
		var n normalizer
		if json.Unmarshal(open[0], &n) != nil {
			return false
		}
		if n.Type == "Lowercase" || n.Type == "BertNormalizer" && n.Lowercase {
			return true
		}
		open = append(open, n.Normalizers...)
	}
	return false
}

// readPrompt reads the named prompts, and that which sentence-transformers puts
// before each text unless told otherwise.
func (r *encoderRecipe) readPrompt(fsys fs.FS) error {
	f, err := optionalFields(fsys, promptsFile)
	if err != nil {
		return err
	}
	name := f.text("", "default_prompt_name")
	f.take(&r.prompts, "an object of texts", "prompts")
	if _, ok := r.prompts[name]; name != "" && !ok {
		f.fail("default_prompt_name", "one of prompts")
	}
	r.prompt = r.prompts[name]
	return f.err
}

// optionalFields parses a JSON file that may be absent.
func optionalFields(fsys fs.FS, name string) (*fields, error) {
	text, err := fs.ReadFile(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte("{}")
	} else if err != nil {
		return nil, err
	}
	return parseFields(name, text)
}
