package tokenizer

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// BenchmarkEncode measures one text of about 100 KB; b.SetBytes gives MB/s.
// PGSRM_BENCH_TOKENIZER (a folder) and PGSRM_BENCH_TEXT (a file) replace both.
func BenchmarkEncode(b *testing.B) {
	if dir := os.Getenv("PGSRM_BENCH_TOKENIZER"); dir != "" {
		tok, err := Load(dir)
		if err != nil {
			b.Fatal(err)
		}
		text, err := os.ReadFile(os.Getenv("PGSRM_BENCH_TEXT"))
		if err != nil {
			b.Fatal(err)
		}
		encodeMany(b, tok, string(text))
		return
	}
	for _, name := range []string{"gpt2", "llama3", "qwen2", "o200k", "llama2", "bert-uncased", "unigram"} {
		b.Run(name, func(b *testing.B) {
			tok, cases := readGolden(b, "testdata/golden/"+name+".json.gz")
			raw, _ := hex.DecodeString(cases[0].Text)
			encodeMany(b, tok, strings.Repeat(strings.Join(corpus, "\n")+string(raw), 30))
		})
	}
}

// encodeMany encodes text line by line.
func encodeMany(b *testing.B, tok *Tokenizer, text string) {
	lines := strings.SplitAfter(text, "\n")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			tok.Encode(line)
		}
	}
}

// BenchmarkTrain measures the trainer on a small corpus.
func BenchmarkTrain(b *testing.B) {
	for b.Loop() {
		trained(b, 370)
	}
}
