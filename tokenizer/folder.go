package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Load reads the tokenizer of a model folder: tokenizer.json; where there is none,
// vocab.json with merges.txt, or vocab.txt, from which the tokenizer.json is made
// that transformers makes of them. These older files leave much unsaid: the class
// in tokenizer_config.json says it, GPT2Tokenizer, Qwen2Tokenizer or
// BertTokenizer; any other is an error.
func Load(dir string) (*Tokenizer, error) {
	t, err := LoadFS(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return t, nil
}

// LoadFS is Load for a folder in a file system.
func LoadFS(dir fs.FS) (*Tokenizer, error) {
	data, err := readFile(dir, "tokenizer.json")
	if errors.Is(err, fs.ErrNotExist) {
		data, err = oldFiles(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return Parse(data)
}

// object is a JSON object to be written.
type object = map[string]any

// oldConfig has the fields of tokenizer_config.json that change ids.
type oldConfig struct {
	Class     string               `json:"tokenizer_class"`
	Added     map[string]oldToken  `json:"added_tokens_decoder"` // by id
	AddSpace  bool                 `json:"add_prefix_space"`
	AddBOS    bool                 `json:"add_bos_token"`
	Lower     *bool                `json:"do_lower_case"`
	Chinese   *bool                `json:"tokenize_chinese_chars"`
	Accents   *bool                `json:"strip_accents"`
	BOS       *oldToken            `json:"bos_token"`
	EOS       *oldToken            `json:"eos_token"`
	Unk       *oldToken            `json:"unk_token"`
	Sep       *oldToken            `json:"sep_token"`
	Pad       *oldToken            `json:"pad_token"`
	Cls       *oldToken            `json:"cls_token"`
	Mask      *oldToken            `json:"mask_token"`
	More      []oldToken           `json:"additional_special_tokens"`
	byContent map[string]*oldToken // tokens gathered so far
	list      []*oldToken          // in order
}

// oldFiles makes a tokenizer.json of a folder without one.
func oldFiles(dir fs.FS) ([]byte, error) {
	var c oldConfig
	for _, name := range []string{"special_tokens_map.json", "tokenizer_config.json"} {
		if err := readJSON(dir, name, &c); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if _, err := fs.Stat(dir, "vocab.txt"); err == nil {
		return oldBert(dir, &c)
	}
	if _, err := fs.Stat(dir, "vocab.json"); err == nil {
		return oldBPE(dir, &c)
	}
	return nil, ErrNone
}

// ErrNone is a folder without any tokenizer that is read.
var ErrNone = errors.New("folder must have tokenizer.json, vocab.json with merges.txt, or vocab.txt " +
	"(transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...) writes the first from others)")

// readFile reads a file of at most maxFile bytes.
func readFile(dir fs.FS, name string) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: must have at most %d bytes", name, maxFile)
	}
	return data, err
}

func readJSON(dir fs.FS, name string, v any) error {
	data, err := readFile(dir, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", name, jsonError(err))
	}
	return nil
}

// oldBPE reads vocab.json and merges.txt.
func oldBPE(dir fs.FS, c *oldConfig) ([]byte, error) {
	var vocab map[string]int32
	if err := readJSON(dir, "vocab.json", &vocab); err != nil {
		return nil, err
	}
	merges, err := readLines(dir, "merges.txt")
	if err != nil {
		return nil, err
	}
	level := object{"type": "ByteLevel", "add_prefix_space": c.AddSpace, "trim_offsets": true, "use_regex": true}
	file := object{"normalizer": nil, "pre_tokenizer": level}
	end := &oldToken{Content: "<|endoftext|>", Special: true}
	switch strings.TrimSuffix(c.Class, "Fast") {
	case "", "GPT2Tokenizer":
		c.gather(orToken(c.BOS, end), orToken(c.EOS, end), orToken(c.Unk, end), c.Pad)
	case "Qwen2Tokenizer":
		c.gather(c.BOS, orToken(c.EOS, end), orToken(c.Unk, end), orToken(c.Pad, end))
		level["use_regex"] = false
		file["normalizer"] = object{"type": "NFC"}
		file["pre_tokenizer"] = object{"type": "Sequence", "pretokenizers": []object{{"type": "Split",
			"pattern": object{"Regex": PatternQwen2}, "behavior": "Isolated", "invert": false}, level}}
	default:
		return nil, fmt.Errorf("tokenizer_config.json: tokenizer_class with vocab.json must be GPT2Tokenizer or Qwen2Tokenizer (got %q)", c.Class)
	}
	file["decoder"] = object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}
	if c.AddBOS {
		file["post_processor"], err = template(vocab, orToken(c.BOS, end), nil)
		if err != nil {
			return nil, fmt.Errorf("vocab.json: %w", err)
		}
	}
	file["model"] = object{"type": "BPE", "vocab": vocab, "merges": append([]string{}, merges...)}
	return c.write(file, vocab)
}

// oldBert reads vocab.txt, a token a line.
func oldBert(dir fs.FS, c *oldConfig) ([]byte, error) {
	switch strings.TrimSuffix(c.Class, "Fast") {
	case "", "BertTokenizer", "DistilBertTokenizer":
	default:
		return nil, fmt.Errorf("tokenizer_config.json: tokenizer_class with vocab.txt must be BertTokenizer (got %q)", c.Class)
	}
	lines, err := readLines(dir, "vocab.txt")
	if err != nil {
		return nil, err
	}
	vocab := make(map[string]int32, len(lines))
	for i, token := range lines {
		vocab[token] = int32(i)
	}
	name := func(t *oldToken, content string) *oldToken {
		return orToken(t, &oldToken{Content: content, Special: true})
	}
	unk, sep, cls := name(c.Unk, "[UNK]"), name(c.Sep, "[SEP]"), name(c.Cls, "[CLS]")
	c.gather(c.BOS, c.EOS, unk, sep, name(c.Pad, "[PAD]"), cls, name(c.Mask, "[MASK]"))
	post, err := template(vocab, cls, sep)
	if err != nil {
		return nil, fmt.Errorf("vocab.txt: %w", err)
	}
	isSet := func(b *bool) bool { return b == nil || *b }
	return c.write(object{
		"normalizer": object{"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": isSet(c.Chinese),
			"strip_accents": c.Accents, "lowercase": isSet(c.Lower)},
		"pre_tokenizer":  object{"type": "BertPreTokenizer"},
		"post_processor": post,
		"decoder":        object{"type": "WordPiece", "prefix": "##", "cleanup": true},
		"model": object{"type": "WordPiece", "unk_token": unk.Content, "continuing_subword_prefix": "##",
			"max_input_chars_per_word": 100, "vocab": vocab},
	}, vocab)
}

// readLines reads a file of lines; empty ones at the end are left out.
func readLines(dir fs.FS, name string) ([]string, error) {
	data, err := readFile(dir, name)
	if err != nil {
		return nil, err
	}
	text := strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	if text == "" {
		return nil, nil
	}
	return strings.Split(text, "\n"), nil
}
