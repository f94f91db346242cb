package hf

import (
	"path/filepath"
	"testing"
)

// TestDigest: one function identifies models, encoders and adapters.
func TestDigest(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"gpt2", "gpt2-odd", "chat", "bert", "lora/gpt2-attn", "lora/gpt2-all"} {
		sum, err := Digest(filepath.Join("testdata", name))
		if err != nil || len(sum) != 64 || seen[sum] != "" {
			t.Errorf("%s: got %q and %v, the same as %q", name, sum, err, seen[sum])
		}
		seen[sum] = name
	}
	for _, change := range []string{tokenizerFile, configFile, "chat_template.jinja", weightsFile} {
		whole := overlay(t, "testdata/chat", nil)
		before, err := digestFS(whole)
		if err != nil {
			t.Fatal(err)
		}
		whole[change].Data = append([]byte{}, whole[change].Data...)
		whole[change].Data[len(whole[change].Data)/2] ^= 1
		if after, err := digestFS(whole); err != nil || after == before {
			t.Errorf("%s: a flipped bit must change the digest (%v)", change, err)
		}
	}
	e, err := LoadEncoder("testdata/bert")
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := Digest("testdata/bert"); err != nil || sum != e.Digest() {
		t.Errorf("encoder: got %s, its folder %s (%v)", e.Digest(), sum, err)
	}
}
