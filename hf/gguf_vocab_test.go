package hf

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"

	"pgsrm/gguf"
	"pgsrm/internal/jsonobject"
	"pgsrm/tokenizer"
)

// pairs are metadata with some keys set and, where the value is nil, left out.
func pairs(base map[string]any, set map[string]any) gguf.Metadata {
	all := maps.Clone(base)
	maps.Copy(all, set)
	var md gguf.Metadata
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if all[key] != nil {
			md = append(md, gguf.Pair{Key: key, Value: all[key]})
		}
	}
	return md
}

// smallGPT2 and smallLlama are tokenizers of a few tokens.
var (
	smallGPT2 = map[string]any{keyModel: "gpt2", keyPre: "gpt-2", keyTokens: []string{"a", "b", "ab", "<e>"},
		keyTypes: []int32{1, 1, 1, 3}, keyMerges: []string{"a b"}}
	smallLlama = map[string]any{keyModel: "llama", keyTokens: []string{"<unk>", "<s>", "</s>", "<0x61>", "▁", "b", "▁b", "bb"},
		keyTypes: []int32{2, 3, 3, 6, 1, 1, 1, 1}, keyScores: []float32{0, 0, 0, 0, -3, -4, -1, -2}}
)

// TestGGUFVocabErrors: what a file must hold, in one line that names the key.
func TestGGUFVocabErrors(t *testing.T) {
	gpt2, llama := smallGPT2, smallLlama
	set := func(key string, value any) map[string]any { return map[string]any{key: value} }
	for _, c := range []struct {
		base, set map[string]any
		want      string
	}{
		{gpt2, set(keyModel, nil), "tokenizer.ggml.model must be there: the file has no tokenizer"},
		{gpt2, set(keyModel, "bert"), `tokenizer.ggml.model must be one of gpt2, llama (got "bert")`},
		{gpt2, set(keyModel, uint32(1)), "tokenizer.ggml.model must be of type string (got uint32)"},
		{gpt2, set(keyPre, "x"), "tokenizer.ggml.pre must be one of codeshell, command-r, dbrx, deepseek-coder, deepseek-r1-qwen, deepseek-v3, " +
			`default, gpt-2, gpt-4o, llama-bpe, llama-v3, llama3, mpt, olmo, phi-2, qwen2, refact, smaug-bpe, smollm, starcoder, tekken (got "x")`},
		{gpt2, set(keyTokens, nil), "tokenizer.ggml.tokens must not be empty"},
		{gpt2, set(keyTokens, []int32{1}), "tokenizer.ggml.tokens must be of type []string (got []int32)"},
		{gpt2, set(keyTokens, []string{"a", "b", "ab", "a"}), `tokenizer.ggml.tokens: each must be there once (got "a" at 0 and 3)`},
		{gpt2, set(keyTokens, []string{"a", "b", "ab", "\xff"}), `tokenizer.ggml.tokens[3] must be UTF-8 of at most 2048 bytes (got "\xff")`},
		{gpt2, set(keyTokens, []string{"a", "b", "ab", strings.Repeat("x", 2049)}), `tokenizer.ggml.tokens[3] must be UTF-8 of at most 2048 bytes (got "` + strings.Repeat("x", 40) + `")`},
		{gpt2, set(keyTypes, []int32{1}), "tokenizer.ggml.token_type must have one type for each of the 4 tokens (got 1)"},
		{gpt2, set(keyTypes, []int32{1, 1, 7, 3}), "tokenizer.ggml.token_type[2] must be 0 to 6 (got 7)"},
		{gpt2, set(keyMerges, nil), "tokenizer.ggml.merges must be there"},
		{gpt2, set(keyMerges, []string{"ab"}), `tokenizer.ggml.merges[0] must be two tokens with one space between (got "ab")`},
		{gpt2, set(keyMerges, []string{""}), `tokenizer.ggml.merges[0] must be two tokens with one space between (got "")`},
		{gpt2, set(keyMerges, []string{" "}), `tokenizer.ggml.merges[0] must be two tokens with one space between (got " ")`},
		{gpt2, set(keyMerges, []string{"a b", "b a"}), `tokenizer.ggml.merges[1]: "ba" must be one of the tokens (got "b a")`},
		{gpt2, set(keyEOS, uint32(4)), "tokenizer.ggml.eos_token_id must be the id of one of the 4 tokens (got 4)"},
		{gpt2, set(keyBOS, int32(-1)), "tokenizer.ggml.bos_token_id must be the id of one of the 4 tokens (got -1)"},
		{gpt2, set(keyBOS, uint64(math.MaxUint64)), "tokenizer.ggml.bos_token_id must be a whole number (got uint64)"},
		{gpt2, set(keyPadding, "3"), "tokenizer.ggml.padding_token_id must be a whole number (got string)"},
		{gpt2, map[string]any{keyEOS: uint32(3), keyTokens: []string{"a", "b", "ab", ""}}, "tokenizer.ggml.eos_token_id must be the id of a token (got 3, which has none)"},
		{gpt2, set(keyAddBOS, true), "tokenizer.ggml.bos_token_id must be there: tokenizer.ggml.add_bos_token is true"},
		{gpt2, set(keyAddEOS, true), "tokenizer.ggml.eos_token_id must be there: tokenizer.ggml.add_eos_token is true"},
		{gpt2, set(keyPre, "llama-bpe"), "tokenizer.ggml.bos_token_id must be there: tokenizer.ggml.add_bos_token is true"},
		{gpt2, set(keyTemplate, "\xff"), "tokenizer.chat_template must be UTF-8"},
		{llama, set(keyScores, []float32{1}), "tokenizer.ggml.scores must have one score for each of the 8 tokens (got 1)"},
		{llama, set(keyScores, append([]float32{float32(math.NaN())}, make([]float32, 7)...)), "tokenizer.ggml.scores[0] must be a number (got NaN)"},
		{llama, set(keyTokens, []string{"<unk>", "", "</s>", "<0x61>", "▁", "b", "▁b", "bb"}), "tokenizer.ggml.bos_token_id must be there: tokenizer.ggml.add_bos_token is true"},
	} {
		_, err := ggufTokenizerFiles(pairs(c.base, c.set))
		if err == nil || err.Error() != "tokenizer: "+c.want {
			t.Errorf("%v\n got %v\nwant %s", c.set, err, c.want)
		}
	}
}

// TestGGUFMergeWork: tokens whose cuts would take long to try are refused at once.
func TestGGUFMergeWork(t *testing.T) {
	tokens := []string{"<unk>", "<s>", "</s>"}
	for i := range 20 {
		tokens = append(tokens, strings.Repeat(string(rune('a'+i)), maxTokenBytes))
	}
	md := gguf.Metadata{{Key: keyModel, Value: "llama"}, {Key: keyTokens, Value: tokens}}
	const want = "tokenizer: tokenizer.ggml.tokens must be shorter: to find the merges of these would take long"
	if _, err := ggufTokenizerFiles(md); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := ggufTokenizerFiles(md[:1:1]); err == nil {
		t.Error("no tokens: no error")
	}
}

// vocabFilesOf makes the files of metadata.
func vocabFilesOf(t *testing.T, base, set map[string]any) map[string][]byte {
	t.Helper()
	files, err := ggufTokenizerFiles(pairs(base, set))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestGGUFSpecialTokens: tokens that begin and end texts are special whatever their
// type; any other is named only where it is special, for transformers would make it so.
func TestGGUFSpecialTokens(t *testing.T) {
	files := vocabFilesOf(t, smallGPT2, map[string]any{keyBOS: uint32(2), keyEOS: uint16(3), keyPadding: int64(0), keyUnknown: uint8(1)})
	tok := loadTokenizer(t, files)
	if got := tok.EncodeSpecial("abab<e>"); !slices.Equal(got, []int32{2, 2, 3}) {
		t.Errorf("got %v", got)
	}
	if !tok.IsSpecial(2) || !tok.IsSpecial(3) || tok.IsSpecial(0) || tok.IsSpecial(1) {
		t.Error("special tokens")
	}
	var c map[string]any
	if err := json.Unmarshal(files[tokenizerConfigFile], &c); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"bos_token": "ab", "eos_token": "<e>", "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false}
	if d := diff.Diff(want, c); d != "" {
		t.Error(d)
	}
}

// TestGGUFEnds: the tokens that end an answer: by id, and by the name of the end of a
// turn that the template writes.
func TestGGUFEnds(t *testing.T) {
	base := maps.Clone(smallGPT2)
	base[keyTokens], base[keyTypes] = []string{"a", "<|end|>", "<|im_end|>", "<e>"}, []int32{1, 3, 3, 3}
	base[keyMerges], base[keyEOS] = []string{}, uint32(3)
	for _, c := range []struct {
		set  map[string]any
		want string
	}{
		{nil, "3"},
		{map[string]any{keyEOS: nil}, "null"},
		{map[string]any{keyEOM: uint32(1)}, "[3,1]"},
		{map[string]any{keyEOT: uint32(2), keyEOM: uint32(1)}, "[3,2,1]"},
		{map[string]any{keyEOT: uint32(3)}, "3"},
		{map[string]any{keyEOS: nil, keyEOT: uint32(2)}, "2"},
		{map[string]any{keyTemplate: "<|im_end|> <|eot_id|>"}, "[3,2]"},
		{map[string]any{keyTemplate: "<|im_end|>", keyEOT: uint32(1)}, "[3,1]"},
		{map[string]any{keyTemplate: "<|im_end|>", keyTypes: []int32{1, 3, 4, 3}}, "3"},
	} {
		var got struct {
			Ends json.RawMessage `json:"eos_token_id"`
		}
		if err := json.Unmarshal(vocabFilesOf(t, base, c.set)[generationFile], &got); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(strings.Fields(string(got.Ends)), ""); text != c.want {
			t.Errorf("%v: got %s, want %s", c.set, text, c.want)
		}
	}
}

// TestGGUFMerges: merges come from the scores, without them from the order of the ids;
// merges in a file count before either, and survive the way to a folder and back.
func TestGGUFMerges(t *testing.T) {
	for _, c := range []struct {
		set  map[string]any
		text string
		want []int32
	}{
		{nil, "bbb", []int32{6, 7}}, // ▁b is better than bb
		{map[string]any{keyScores: []float32{0, 0, 0, 0, -3, -4, -2, -1}}, "bbb", []int32{4, 7, 5}},
		{map[string]any{keyScores: nil}, "bbb", []int32{6, 7}},
		{map[string]any{keyScores: slices.Repeat([]float32{-1000}, 8)}, "bbb", []int32{6, 7}},
		{map[string]any{keyMerges: []string{"b b"}}, "bbb", []int32{4, 7, 5}},
		{map[string]any{keyAddSpace: false}, "bbb", []int32{7, 5}},
		{nil, "ab", []int32{4, 3, 5}},         // a is a byte
		{nil, "<s>", []int32{4, 0}},           // special tokens are text here, and no merge makes one
		{nil, "xb x", []int32{4, 0, 5, 4, 0}}, // x has no byte
	} {
		files := vocabFilesOf(t, smallLlama, c.set)
		tok := loadTokenizer(t, files)
		if got := tok.Encode(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q: got %v, want %v", c.set, c.text, got, c.want)
		}
		if got := tok.EncodeSpecial(c.text); c.text != "<s>" && (got[0] != 1 || !slices.Equal(got[1:], c.want)) {
			t.Errorf("%v: %q with special tokens: %v", c.set, c.text, got)
		}
		if got := tok.Decode(c.want, false); !slices.Contains(c.want, 0) && got != c.text {
			t.Errorf("%v: %q: decoded %q", c.set, c.text, got)
		}
		sameAgain(t, files, 8)
	}
}

// TestGGUFMergesByScore: each token by its longest left part first; neither made nor
// made of special tokens and bytes.
func TestGGUFMergesByScore(t *testing.T) {
	files := vocabFilesOf(t, smallLlama, map[string]any{
		keyTokens: []string{"<unk>", "<s>", "</s>", "a", "aa", "aaa", "<s>a", "a</s>", "ab", "b", "<0x00>", "<0x00>b"},
		keyTypes:  []int32{2, 3, 3, 1, 1, 0, 1, 1, 1, 1, 6, 1}, keyScores: []float32{0, 0, 0, -9, -2, -1, -3, -3, -3, -9, 0, -3}, keyBOS: uint32(8)})
	var got tokenizerJSON
	if err := json.Unmarshal(files[tokenizerFile], &got); err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff([]mergeJSON{{"aa", "a"}, {"a", "aa"}, {"a", "a"}}, got.Model.Merges); d != "" {
		t.Error(d)
	}
}

// TestGGUFAround: tokens around a text, there and back.
func TestGGUFAround(t *testing.T) {
	for _, c := range []struct {
		bos, eos bool
		want     []int32
	}{{false, false, []int32{2}}, {true, false, []int32{1, 2}}, {false, true, []int32{2, 3}}, {true, true, []int32{1, 2, 3}}} {
		files := vocabFilesOf(t, smallGPT2, map[string]any{keyBOS: uint32(1), keyEOS: uint32(3), keyAddBOS: c.bos, keyAddEOS: c.eos,
			keyTokens: []string{"c", "<b>", "a", "<e>"}, keyMerges: []string{}})
		if got := loadTokenizer(t, files).EncodeSpecial("a"); !slices.Equal(got, c.want) {
			t.Errorf("%v, %v: got %v, want %v", c.bos, c.eos, got, c.want)
		}
		sameAgain(t, files, 4)
	}
}

// edited are files with texts of one replaced, the first occurrence of each.
func edited(t *testing.T, files map[string][]byte, name string, pairs ...string) map[string][]byte {
	t.Helper()
	files = maps.Clone(files)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(files[name]), pairs[i]) {
			t.Fatalf("%s does not hold %s", name, pairs[i])
		}
		files[name] = []byte(strings.Replace(string(files[name]), pairs[i], pairs[i+1], 1))
	}
	return files
}

// TestGGUFOfFolders: what metadata say of a folder.
func TestGGUFOfFolders(t *testing.T) {
	base := vocabFilesOf(t, smallGPT2, map[string]any{keyEOS: uint32(3)})
	llama := vocabFilesOf(t, smallLlama, nil)
	metaspace := func(scheme string) map[string][]byte {
		var j map[string]any
		if err := json.Unmarshal(llama[tokenizerFile], &j); err != nil {
			t.Fatal(err)
		}
		j["normalizer"] = nil
		j["pre_tokenizer"] = object{"type": "Metaspace", "replacement": mark, "prepend_scheme": scheme, "split": false}
		files := maps.Clone(llama)
		files[tokenizerFile] = jsonobject.Text(j)
		return files
	}
	for _, c := range []struct {
		files map[string][]byte
		key   string
		want  any
	}{
		{base, keyPre, "gpt-2"},
		{base, keyAddSpace, false},
		{base, keyTokens, []string{"a", "b", "ab", "<e>", "[PAD4]", "[PAD5]", "[PAD6]", "[PAD7]"}},
		{base, keyTypes, []int32{1, 1, 1, 3, 5, 5, 5, 5}},
		{base, keyPadding, nil},
		{edited(t, base, generationFile, `"eos_token_id"`, `"pad_token_id": 4, "eos_token_id"`), keyPadding, nil}, // an id without a token
		{edited(t, base, generationFile, `"eos_token_id"`, `"pad_token_id": 1, "eos_token_id"`), keyPadding, uint32(1)},
		{edited(t, base, generationFile, `3`, `[1, 3, 2]`), keyEOS, uint32(3)}, // the tokenizer's comes first
		{edited(t, base, generationFile, `3`, `[1, 3, 2]`), keyEOT, uint32(1)},
		{edited(t, base, generationFile, `3`, `[1, 3, 2]`), keyEOM, uint32(2)},
		{edited(t, base, tokenizerFile, `["a","b"]`, `"a b"`), keyMerges, []string{"a b"}}, // as older files spell it
		{llama, keyModel, "llama"},
		{llama, keyMerges, nil},
		{llama, keyScores, []float32{-2, -3, -4, -5, -6, -7, 0, -1}},
		{llama, keyTypes, []int32{2, 3, 3, 6, 1, 1, 1, 1}},
		{llama, keyUnknown, uint32(0)},
		{llama, keyAddSpace, true},
		{metaspace("first"), keyAddSpace, true},
		{metaspace("always"), keyAddSpace, true},
		{metaspace("never"), keyAddSpace, false},
	} {
		md, err := ggufTokenizerMetadata(filesFS(c.files), 8)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := md.Value(c.key)
		if d := diff.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.key, d)
		}
	}
}

// sameAgain demands that files survive the way into metadata and back.
func sameAgain(t *testing.T, files map[string][]byte, size int) {
	t.Helper()
	md, err := ggufTokenizerMetadata(filesFS(files), size)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ggufTokenizerFiles(md)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff(files, again); d != "" {
		t.Errorf("%.2000s", d)
	}
}

// FuzzGGUFTokenizer: no metadata may panic; those that are accepted make a tokenizer
// that loads, and come back from its folder.
func FuzzGGUFTokenizer(f *testing.F) {
	f.Add("gpt2", "smollm", "a\nb\nab\n<e>", "a b", []byte{1, 1, 1, 3}, []byte{}, int64(3), int64(3), int64(-1), "", byte(0))
	f.Add("gpt2", "llama-bpe", "a\n\n[PAD2]\n <x>", "", []byte{1, 1, 5, 4}, []byte{}, int64(0), int64(3), int64(3), "<|im_end|>", byte(1))
	f.Add("llama", "", "<unk>\n<s>\n</s>\n<0x61>\n▁\nb\n▁b\nbb", "", []byte{2, 3, 3, 6, 1, 1, 1, 1}, []byte{9, 9, 9, 9, 3, 4, 1, 2}, int64(1), int64(2), int64(0), "x", byte(2))
	f.Fuzz(func(t *testing.T, model, pre, tokens, merges string, types, scores []byte, bos, eos, unk int64, template string, flags byte) {
		md := gguf.Metadata{{Key: keyModel, Value: model}, {Key: keyPre, Value: pre}, {Key: keyTokens, Value: strings.Split(tokens, "\n")},
			{Key: keyTemplate, Value: template},
			{Key: keyAddBOS, Value: flags&1 != 0}, {Key: keyAddEOS, Value: flags&2 != 0}, {Key: keyAddSpace, Value: flags&4 != 0}}
		for key, id := range map[string]int64{keyBOS: bos, keyEOS: eos, keyUnknown: unk} {
			if id != -1 { // -1 is none
				md = append(md, gguf.Pair{Key: key, Value: id})
			}
		}
		if merges != "" || flags&8 == 0 {
			md = append(md, gguf.Pair{Key: keyMerges, Value: slices.DeleteFunc(strings.Split(merges, "\n"), func(s string) bool { return s == "" && flags&16 == 0 })})
		}
		if flags&32 == 0 {
			var list []int32
			for _, b := range types {
				list = append(list, int32(int8(b)))
			}
			md = append(md, gguf.Pair{Key: keyTypes, Value: list})
		}
		if flags&64 == 0 && len(scores) > 0 {
			var list []float32
			for len(scores) >= 4 {
				list = append(list, math.Float32frombits(binary.LittleEndian.Uint32(scores)))
				scores = scores[4:]
			}
			for _, b := range scores {
				list = append(list, float32(b))
			}
			md = append(md, gguf.Pair{Key: keyScores, Value: list})
		}
		files, err := ggufTokenizerFiles(md)
		if err != nil {
			return
		}
		tok, err := tokenizer.LoadFS(filesFS(files))
		if err != nil {
			t.Fatalf("%v\n%s", err, files[tokenizerFile])
		}
		tok.EncodeSpecial(template + tokens)
		back, err := ggufTokenizerMetadata(filesFS(files), strings.Count(tokens, "\n")+1)
		if err != nil {
			return // what a folder says beside the tokenizer may be wanting
		}
		again, err := ggufTokenizerFiles(back)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff.Diff(files[tokenizerFile], again[tokenizerFile]); d != "" {
			t.Fatal(d)
		}
	})
}

// foldersOfTokenizers are folders of the tokenizers that package tokenizer is tested
// with, by name, with the texts and ids that the Hugging Face library gives for them.
func foldersOfTokenizers(t *testing.T, each func(name string, files map[string][]byte, cases []vocabCase)) {
	t.Helper()
	paths, err := filepath.Glob("../tokenizer/testdata/golden/*.json.gz")
	if err != nil || len(paths) < 30 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		var golden struct {
			Tokenizer json.RawMessage
			Cases     []vocabCase
		}
		readPacked(t, path, &golden)
		files := map[string][]byte{tokenizerFile: golden.Tokenizer,
			tokenizerConfigFile: []byte(`{"bos_token":"<s>","eos_token":{"content":"</s>"},"chat_template":"x"}`),
			configFile:          []byte(`{"eos_token_id":2,"pad_token_id":0}`)}
		each(strings.TrimSuffix(filepath.Base(path), ".json.gz"), files, golden.Cases)
	}
}

// TestGGUFOfTokenizers: a tokenizer of the Hugging Face library either becomes metadata
// with the same ids, or is refused. Mistral's puts its blank elsewhere, as told.
func TestGGUFOfTokenizers(t *testing.T) {
	exact := []string{"digits-bytes", "gemma", "gpt2", "llama2", "llama3", "o200k", "qwen2"}
	foldersOfTokenizers(t, func(name string, files map[string][]byte, cases []vocabCase) {
		size := loadTokenizer(t, files).Size() + 3
		md, err := ggufTokenizerMetadata(filesFS(files), size)
		if known := slices.Contains(exact, name); known != (err == nil) {
			if name != "mistral" || err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return
		} else if !known {
			return
		}
		again, err := ggufTokenizerFiles(md)
		if err != nil {
			t.Fatal(name, err)
		}
		tok := loadTokenizer(t, again)
		for _, c := range cases {
			if err := c.check(tok); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		tokens, _ := md.Value(keyTokens)
		if list := tokens.([]string); list[size-1] != placeholder(size-1) || len(cases) != 40 || string(again[templateFile]) != "x" {
			t.Errorf("%s: %q, %d cases, template %q", name, list[size-3:], len(cases), again[templateFile])
		}
	})
}

// TestGGUFMetadataErrors: what a folder must hold, in one line.
func TestGGUFMetadataErrors(t *testing.T) {
	base := vocabFilesOf(t, smallGPT2, map[string]any{keyEOS: uint32(3)})
	llama := vocabFilesOf(t, smallLlama, map[string]any{keyTemplate: "x"})
	const names = "must be those of a name known for GGUF, as in gpt-2, smollm, llama-bpe, qwen2"
	for _, c := range []struct {
		files map[string][]byte
		size  int
		want  string
	}{
		{nil, 4, "tokenizer: folder must have tokenizer.json, vocab.json with merges.txt, or vocab.txt " +
			"(transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...) writes the first from others)"},
		{base, 3, "tokenizer.json: ids must lie below the 3 of the model (got 4 ids)"},
		{edited(t, base, tokenizerFile, `"pre_tokenizer":{"add_prefix_space":false`, `"pre_tokenizer":{"add_prefix_space":true`), 4,
			"tokenizer.json: normalizer, pre_tokenizer and ignore_merges " + names + ` (got null, {"add_prefix_space":true,"trim_offsets":true,"type":"ByteLevel","use_regex":t..., false)`},
		{edited(t, base, tokenizerFile, `"normalizer":null`, `"normalizer":{"type":"Lowercase"}`), 4,
			"tokenizer.json: normalizer, pre_tokenizer and ignore_merges " + names + ` (got {"type":"Lowercase"}, {"add_prefix_space":false,"trim_offsets":true,"type":"ByteLevel","use_regex":..., false)`},
		{edited(t, base, tokenizerFile, `"lstrip":false`, `"lstrip":true`), 4,
			`tokenizer.json: added_tokens[0] must be found everywhere and alone: single_word, lstrip and rstrip of "<e>" have no place in GGUF`},
		{edited(t, base, tokenizerFile, `"rstrip":false`, `"rstrip":true`), 4,
			`tokenizer.json: added_tokens[0] must be found everywhere and alone: single_word, lstrip and rstrip of "<e>" have no place in GGUF`},
		{edited(t, base, tokenizerFile, `"single_word":false`, `"single_word":true`), 4,
			`tokenizer.json: added_tokens[0] must be found everywhere and alone: single_word, lstrip and rstrip of "<e>" have no place in GGUF`},
		{edited(t, base, tokenizerFile, `"end_of_word_suffix":null`, `"end_of_word_suffix":"</w>"`), 4,
			`tokenizer.json: model must be BPE without prefix and suffix of its tokens (got "BPE")`},
		{edited(t, base, generationFile, `"eos_token_id": 3`, `"eos_token_id": [0,1,2,3]`), 4,
			"generation_config.json: eos_token_id must have at most 3 ids, more have no place in GGUF (got 4)"},
		{edited(t, base, generationFile, `"eos_token_id": 3`, `"eos_token_id": "x"`), 4,
			`generation_config.json: eos_token_id must be a token id or a list of them (got "x")`},
		{map[string][]byte{tokenizerFile: llama[tokenizerFile]}, 8,
			"tokenizer_config.json: bos_token, eos_token and unk_token must be tokens, as in every tokenizer of SentencePiece"},
		{edited(t, llama, tokenizerFile, `"prepend":"▁"`, `"prepend":"x"`), 8,
			`tokenizer.json: normalizer and pre_tokenizer with byte_fallback must be those of Llama (got {"normalizers":[{"prepend":"x","type":"Prepend"},{"content":"▁","pattern":{..., null)`},
		{edited(t, llama, tokenizerFile, `"ignore_merges":false`, `"ignore_merges":true`), 8, "tokenizer.json: ignore_merges must be false with byte_fallback"},
		{edited(t, llama, tokenizerFile, `{"Sequence":{"id":"A","type_id":0}}]`, `{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<s>","type_id":0}}]`), 8,
			`tokenizer.json: post_processor must put at most one token before a text and the end token after it (of "a" it makes [1 4 3 1], which is [4 3])`},
		{vocabFilesOf(t, smallGPT2, map[string]any{keyTokens: []string{"a", "b", "ab", "[PAD4]"}}), 5,
			`tokenizer.json: "[PAD4]" must not be a token: in GGUF it stands for id 4, which has none`},
		{edited(t, base, tokenizerFile, `["a","b"]`, `["a"," b"]`, `"b":1`, `" b":1`, `"ab":2`, `"a b":2`), 4,
			`tokenizer.json: merges[0] must be two tokens without blanks (got ["a" " b"])`},
		{edited(t, llama, templateFile, "x", "\xff"), 8, "chat template: must be UTF-8"},
	} {
		_, err := ggufTokenizerMetadata(filesFS(c.files), c.size)
		if err == nil || err.Error() != "tokenizer for GGUF: "+c.want {
			t.Errorf("\n got %v\nwant %s", err, c.want)
		}
	}
}

// TestGGUFNamesAreDocumented: docs/format/gguf.md has each row of the table of names.
func TestGGUFNamesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/format/gguf.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range splittings {
		if row := "\n| `" + strings.Join(s.names, "`, `") + "`"; !strings.Contains(string(page), row) {
			t.Errorf("no row %q", row)
		}
	}
}
