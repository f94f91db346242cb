package hf

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgsrm/safetensors"
)

// encoderTexts are the texts of the golden vectors.
func encoderTexts(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/texts.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

// checkVectors compares with sentence-transformers: every number within 1e-4 and
// the cosine at least 0.99999.
func checkVectors(t *testing.T, e *Encoder, dir, file string) {
	t.Helper()
	checkSome(t, e, encoderTexts(t), dir, file, "vectors")
}

func checkSome(t *testing.T, e *Encoder, texts []string, dir, file, tensor string) {
	t.Helper()
	got, err := e.Encode(texts)
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(os.DirFS(dir), file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.Floats(tensor)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(texts) || len(all) != len(texts)*e.Dim() {
		t.Fatalf("%d texts, %d vectors, %d numbers", len(texts), len(got), len(all))
	}
	var worst float64
	lowest := 1.0
	for i := range texts {
		want := all[i*e.Dim() : (i+1)*e.Dim()]
		for j := range want {
			worst = max(worst, math.Abs(float64(got[i][j]-want[j])))
		}
		lowest = min(lowest, cosine(got[i], want))
	}
	if !(worst <= 1e-4) || !(lowest >= 0.99999) {
		t.Errorf("largest difference %.3g, smallest cosine %.8f", worst, lowest)
	}
	t.Logf("largest difference %.3g, smallest cosine %.8f", worst, lowest)
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestEncoderParity(t *testing.T) {
	for _, name := range []string{"bert", "bert-cls"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join("testdata", name)
			e, err := LoadEncoder(dir)
			if err != nil {
				t.Fatal(err)
			}
			checkVectors(t, e, dir, "golden.safetensors")
			if e.Truncated() == 0 || e.MaxTokens() != 24 || e.Dim() != 36 {
				t.Errorf("truncated %d, at most %d tokens, dim %d", e.Truncated(), e.MaxTokens(), e.Dim())
			}
		})
	}
}

// TestEncoderFamilies: models in the shapes of bge, e5 and gte, with the files of
// theirs, and every prompt that these name.
func TestEncoderFamilies(t *testing.T) {
	texts := encoderTexts(t)[:70]
	for _, c := range []struct {
		name    string
		prompts []string
		pooling string
		tokens  int
	}{
		{"bge", []string{"query"}, "cls", 48},
		{"e5", []string{"query", "passage"}, "mean", 40},
		{"gte", nil, "mean", 64},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join("testdata", c.name)
			e, err := LoadEncoder(dir)
			if err != nil {
				t.Fatal(err)
			}
			if e.Pooling() != c.pooling || !e.Normalized() || e.MaxTokens() != c.tokens {
				t.Errorf("%s, normalised %v, %d tokens", e.Pooling(), e.Normalized(), e.MaxTokens())
			}
			checkSome(t, e, texts, dir, "golden.safetensors", "default")
			for _, prompt := range c.prompts {
				if err := e.UsePrompt(prompt); err != nil {
					t.Fatal(err)
				}
				checkSome(t, e, texts, dir, "golden.safetensors", prompt)
			}
			if err := e.UsePrompt("none"); err == nil || !strings.Contains(err.Error(), `(got "none")`) {
				t.Errorf("unknown prompt: %v", err)
			}
		})
	}
	e, err := LoadEncoder("testdata/e5")
	if err != nil {
		t.Fatal(err)
	}
	e.UseTemplate("passage: ")
	checkSome(t, e, texts, "testdata/e5", "golden.safetensors", "passage")
	if n := e.Tokens("red"); n != len(e.encode("red")) || n < 4 {
		t.Errorf("tokens of a prompt and a word: %d", n)
	}
}

// TestEncoderMiniLM is the same with the real all-MiniLM-L6-v2.
func TestEncoderMiniLM(t *testing.T) {
	dir := os.Getenv("PGSRM_MINILM")
	if dir == "" {
		t.Skip("parity with all-MiniLM-L6-v2 not tested: PGSRM_MINILM names no folder of it")
	}
	e, err := LoadEncoder(dir)
	if err != nil {
		t.Fatal(err)
	}
	checkVectors(t, e, "testdata", "minilm.safetensors")
	if e.MaxTokens() != 256 || e.Pooling() != "mean" || !e.Normalized() || e.Truncated() != 2 {
		t.Errorf("%d tokens, %s, normalised %v, truncated %d", e.MaxTokens(), e.Pooling(), e.Normalized(), e.Truncated())
	}
}

// TestEncoderAlone: the vector of a text has the same bits whatever stands
// beside it.
func TestEncoderAlone(t *testing.T) {
	e, err := LoadEncoder("testdata/bert")
	if err != nil {
		t.Fatal(err)
	}
	texts := encoderTexts(t)[:60]
	together, err := e.Encode(texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		alone, err := e.Encode([]string{text})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone[0], together[i]) {
			t.Errorf("text %d, %q: another vector alone", i, text)
		}
	}
	if none, err := e.Encode(nil); err != nil || len(none) != 0 {
		t.Errorf("no texts: %v, %v", none, err)
	}
}

// overlay is a copy of a folder in memory with files replaced; nil removes one.
func overlay(t *testing.T, dir string, files map[string]string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	fsys := os.DirFS(dir)
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		out[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if text == "" {
			delete(out, name)
		} else {
			out[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return out
}

func TestEncoderRecipe(t *testing.T) {
	const st = "sentence_transformers.models."
	modules := func(kinds ...string) string {
		var list []string
		for _, k := range kinds {
			path := map[string]string{"Pooling": "1_Pooling", "Normalize": "2_Normalize"}[k]
			list = append(list, fmt.Sprintf(`{"path":%q,"type":%q}`, path, st+k))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	text, err := os.ReadFile("testdata/bert/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	cased := strings.Replace(string(text), `"lowercase": true`, `"lowercase": false`, 1)
	cases := []struct {
		name  string
		files map[string]string
		want  string // recipe, or an error
	}{
		{"as it is", nil, "mean true 24 "},
		{"plain folder", map[string]string{"modules.json": "", "1_Pooling/config.json": "", "sentence_bert_config.json": ""}, "mean false 40 "},
		{"new style", map[string]string{"1_Pooling/config.json": `{"embedding_dimension":36,"pooling_mode":"cls","include_prompt":true}`, "sentence_bert_config.json": `{"transformer_task":"feature-extraction"}`}, "cls true 40 "},
		{"length of the tokenizer", map[string]string{"sentence_bert_config.json": "", "tokenizer_config.json": `{"model_max_length":30}`}, "mean true 30 "},
		{"length beyond the model", map[string]string{"sentence_bert_config.json": `{"max_seq_length":512}`}, "mean true 40 "},
		{"prompt", map[string]string{"config_sentence_transformers.json": `{"prompts":{"query":"query: "},"default_prompt_name":"query"}`}, "mean true 24 query: "},
		{"dense", map[string]string{"modules.json": modules("Transformer", "Pooling", "Dense")}, "load encoder: modules.json: modules must be Transformer, Pooling and optionally Normalize (got Transformer, Pooling, Dense)"},
		{"max pooling", map[string]string{"1_Pooling/config.json": `{"pooling_mode_mean_tokens":true,"pooling_mode_max_tokens":true}`}, "load encoder: 1_Pooling/config.json: pooling_mode_max_tokens must be false (got true)"},
		{"both", map[string]string{"1_Pooling/config.json": `{"pooling_mode_mean_tokens":true,"pooling_mode_cls_token":true}`}, "load encoder: 1_Pooling/config.json: pooling_mode_mean_tokens must be false (got true)"},
		{"other pooling", map[string]string{"1_Pooling/config.json": `{"pooling_mode":"lasttoken"}`}, `load encoder: 1_Pooling/config.json: pooling_mode must be "mean" or "cls" (got "lasttoken")`},
		{"wrong width", map[string]string{"1_Pooling/config.json": `{"word_embedding_dimension":384}`}, "load encoder: 1_Pooling/config.json: word_embedding_dimension must be the width of the model, 36 (got 384)"},
		{"lower case", map[string]string{"sentence_bert_config.json": `{"do_lower_case":1}`}, "load encoder: sentence_bert_config.json: do_lower_case must be true or false (got 1)"},
		{"lower case twice", map[string]string{"sentence_bert_config.json": `{"do_lower_case":true,"max_seq_length":24}`}, "mean true 24 "},
		{"lower case alone", map[string]string{"sentence_bert_config.json": `{"do_lower_case":true}`, "tokenizer.json": cased}, "load encoder: sentence_bert_config.json: do_lower_case must be false, or the normalizer of tokenizer.json must put texts into lower case (got true)"},
		{"no length", map[string]string{"sentence_bert_config.json": `{"max_seq_length":0}`}, "load encoder: sentence_bert_config.json: max_seq_length must be positive (got 0)"},
		{"specials only", map[string]string{"sentence_bert_config.json": `{"max_seq_length":2}`}, "load encoder: max_seq_length must exceed the 2 special tokens (got 2)"},
		{"unknown prompt", map[string]string{"config_sentence_transformers.json": `{"prompts":{},"default_prompt_name":"q"}`}, `load encoder: config_sentence_transformers.json: default_prompt_name must be one of prompts (got "q")`},
	}
	for _, c := range cases {
		e, err := loadEncoderFS(overlay(t, "testdata/bert", c.files))
		var got string
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(e.Pooling(), " ", e.Normalized(), " ", e.MaxTokens(), " ", e.Template())
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestEncoderDigest: everything that changes a vector changes the digest.
func TestEncoderDigest(t *testing.T) {
	digest := func(files map[string]string) string {
		e, err := loadEncoderFS(overlay(t, "testdata/bert", files))
		if err != nil {
			t.Fatal(err)
		}
		return e.Digest()
	}
	base := digest(nil)
	if again := digest(map[string]string{"README.md": "x"}); again != base || len(base) != 64 {
		t.Errorf("digest %s, then %s", base, again)
	}
	for name, text := range map[string]string{
		"sentence_bert_config.json": `{"max_seq_length":23}`, "modules.json": "", "1_Pooling/config.json": `{"pooling_mode":"cls"}`,
	} {
		if digest(map[string]string{name: text}) == base {
			t.Errorf("%s: the digest must change", name)
		}
	}
}

func TestEncoderRefusesLanguageModels(t *testing.T) {
	_, err := LoadEncoder("testdata/gpt2")
	if err == nil || !strings.Contains(err.Error(), `model_type must be that of an encoder (got "gpt2")`) {
		t.Errorf("got %v", err)
	}
	_, err = Load("testdata/bert")
	if err == nil || !strings.Contains(err.Error(), `model_type "bert" is an encoder and cannot write text`) {
		t.Errorf("got %v", err)
	}
}
