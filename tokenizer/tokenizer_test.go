package tokenizer

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus is a small training text.
var corpus = []string{
	strings.Repeat("the quick brown fox jumps over the lazy dog. ", 20),
	"What color is the sky? The sky is blue. What color is grass? Grass is green.",
	"don't they're we've I'm she'll he'd it's 12345 67 café naïve 日本語 🙂\n\n\tdef f(x):\n    return x",
}

func trained(t testing.TB, size int) *Tokenizer {
	t.Helper()
	tok, err := TrainBPE(corpus, size, []string{"<|endoftext|>"})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestTrainRoundTrip(t *testing.T) {
	tok := trained(t, 370)
	if tok.Size() != 370 {
		t.Errorf("size = %d, want 370", tok.Size())
	}
	if id, ok := tok.ID("<|endoftext|>"); !ok || id != 0 || !tok.IsSpecial(0) {
		t.Errorf("<|endoftext|> = %d, %v, special %v, want id 0", id, ok, tok.IsSpecial(0))
	}
	for _, text := range append(corpus, "", " ", "unseen Ω words\r\n  ", "a\x00b") {
		ids := tok.Encode(text)
		if got := tok.Decode(ids, false); got != text {
			t.Errorf("decode(encode(%q)) = %q", text, got)
		}
	}
	if n := len(tok.Encode("the quick brown fox")); n > 6 {
		t.Errorf("a trained phrase takes %d tokens, want at most 6", n)
	}
}

func TestSpecialInText(t *testing.T) {
	tok := trained(t, 300)
	text := "a<|endoftext|>b"
	if ids := tok.Encode(text); slices.Contains(ids, 0) {
		t.Errorf("Encode recognised a special token: %v", ids)
	}
	ids := tok.EncodeSpecial(text)
	if len(ids) != 3 || ids[1] != 0 {
		t.Errorf("EncodeSpecial = %v, want three ids with 0 in the middle", ids)
	}
	if got := tok.Decode(ids, true); got != "ab" {
		t.Errorf("decode without special tokens = %q, want ab", got)
	}
	if got := tok.Decode(ids, false); got != text {
		t.Errorf("decode = %q, want %q", got, text)
	}
}

func TestTrainDeterministic(t *testing.T) {
	a := trained(t, 350)
	turned := slices.Clone(corpus)
	slices.Reverse(turned)
	b, err := TrainBPE(turned, 350, []string{"<|endoftext|>"})
	if err != nil {
		t.Fatal(err)
	}
	if string(a.JSON()) != string(b.JSON()) {
		t.Error("the order of the texts changed the tokenizer")
	}
}

// TestTrainEqual compares with the trainer of the Hugging Face library.
func TestTrainEqual(t *testing.T) {
	var g struct {
		Texts   []string
		Special []string
		Vocab   map[string]int32
		Merges  [][2]string
	}
	readGzip(t, "testdata/train.json.gz", &g)
	tok, err := TrainBPE(g.Texts, len(g.Vocab), g.Special)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Model struct {
			Vocab  map[string]int32
			Merges [][2]string
		}
	}
	if err := json.Unmarshal(tok.JSON(), &f); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(g.Merges, f.Model.Merges); diff != "" {
		t.Errorf("merges (-library +ours):\n%s", diff)
	}
	if !maps.Equal(g.Vocab, f.Model.Vocab) {
		t.Error("vocabularies differ")
	}
}

func TestTrainErrors(t *testing.T) {
	for _, tc := range []struct {
		size    int
		special []string
		want    string
	}{
		{256, []string{"<s>"}, "tokenizer: vocabulary must have room for 256 bytes and the special tokens, 257 in all (got 256)"},
		{300, []string{"<s>", "<s>"}, `tokenizer: special tokens must be distinct and not empty (got ["<s>" "<s>"])`},
		{300, []string{""}, `tokenizer: special tokens must be distinct and not empty (got [""])`},
		{300, []string{"a"}, "tokenizer: special tokens must be longer than one byte"},
	} {
		if _, err := TrainBPE(corpus, tc.size, tc.special); err == nil || err.Error() != tc.want {
			t.Errorf("TrainBPE(%d, %q): %v, want %s", tc.size, tc.special, err, tc.want)
		}
	}
}
