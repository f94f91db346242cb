package tokenizer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folder writes files into a new folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// byteVocab is a vocab.json of the 256 bytes, "ab" and "abc".
func byteVocab(t *testing.T) string {
	t.Helper()
	tokens := []string{}
	for _, r := range byteRune {
		tokens = append(tokens, string(r))
	}
	data, err := orderedVocab(append(tokens, "ab", "abc", "<|endoftext|>"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLoadOldFiles(t *testing.T) {
	bert := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n##lo\nhel\nÉ\ne\n"
	bpe := map[string]string{"vocab.json": byteVocab(t), "merges.txt": "#version: 0.2\na b\nab c\n"}
	with := func(files map[string]string, config string) map[string]string {
		out := map[string]string{"tokenizer_config.json": config}
		for k, v := range files {
			out[k] = v
		}
		return out
	}
	for _, tc := range []struct {
		name  string
		files map[string]string
		text  string
		want  []int32
	}{
		{"bert", map[string]string{"vocab.txt": bert}, "Hello HELLO é [MASK]", []int32{2, 5, 5, 9, 4, 3}},
		{"bert cased", with(map[string]string{"vocab.txt": bert}, `{"do_lower_case":false,"tokenizer_class":"BertTokenizer"}`), "Hello hello É", []int32{2, 1, 5, 8, 3}},
		{"gpt2", bpe, "abcab<|endoftext|>", []int32{257, 256, 258}},
		{"gpt2 with a first token", with(bpe, `{"add_bos_token":true}`), "ab", []int32{258, 256}},
		{"gpt2 with a blank", with(bpe, `{"add_prefix_space":true,"tokenizer_class":"GPT2TokenizerFast"}`), "ab", []int32{32, 256}},
		{"qwen2", with(bpe, `{"tokenizer_class":"Qwen2Tokenizer","added_tokens_decoder":{"259":{"content":"<|im_start|>","special":true}}}`),
			"<|im_start|>1abc\n", []int32{259, '1', 257, '\n'}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tok, err := Load(folder(t, tc.files))
			if err != nil {
				t.Fatal(err)
			}
			if got := tok.EncodeSpecial(tc.text); !slices.Equal(got, tc.want) {
				t.Errorf("EncodeSpecial(%q) = %v, want %v", tc.text, got, tc.want)
			}
			again, err := Parse(tok.JSON())
			if err != nil || again.Size() != tok.Size() {
				t.Errorf("the file made does not load again: %v", err)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"empty", nil, "must have tokenizer.json, vocab.json with merges.txt, or vocab.txt " +
			"(transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...) writes the first from others)"},
		{"no merges", map[string]string{"vocab.json": "{}"}, "merges.txt: no such file or directory"},
		{"class", map[string]string{"vocab.json": "{}", "merges.txt": "", "tokenizer_config.json": `{"tokenizer_class":"CTRLTokenizer"}`},
			`tokenizer_class with vocab.json must be GPT2Tokenizer or Qwen2Tokenizer (got "CTRLTokenizer")`},
		{"class of vocab.txt", map[string]string{"vocab.txt": "a", "tokenizer_config.json": `{"tokenizer_class":"MPNetTokenizer"}`},
			`tokenizer_class with vocab.txt must be BertTokenizer (got "MPNetTokenizer")`},
		{"no [CLS]", map[string]string{"vocab.txt": "[UNK]\na"}, `special token: "[CLS]" must be in the vocabulary`},
		{"config", map[string]string{"vocab.txt": "a", "tokenizer_config.json": "{"}, "tokenizer_config.json: unexpected end of JSON input"},
		{"merge", map[string]string{"vocab.json": byteVocab(t), "merges.txt": "#version: 0.2\na b c\n"}, `merges[1]: must be two tokens with one space between (got "a b c")`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(folder(t, tc.files))
			if err == nil || !strings.HasSuffix(err.Error(), tc.want) {
				t.Errorf("error = %v, want ... %s", err, tc.want)
			}
		})
	}
}
