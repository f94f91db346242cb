package embed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
)

// WordVectors embeds a text as the mean of its known words' vectors, scaled to
// unit length: the embedder of the paper's lexical tasks (there Numberbatch).
type WordVectors struct {
	dim      int
	identity string
	vectors  map[string][]float32 // [E] each, as read
}

// OpenWordVectors reads a text file of word vectors, also gzip-compressed:
// GloVe (no header), word2vec and fastText .vec (a header line "count dim"),
// ConceptNet Numberbatch (words with the prefix /c/en/; other languages are
// left out). Errors name the file and the line.
func OpenWordVectors(path string) (*WordVectors, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	defer f.Close()
	w, err := ReadWordVectors(f)
	if err != nil {
		return nil, fmt.Errorf("embed: %s: %w", path, err)
	}
	return w, nil
}

// ReadWordVectors reads word vectors; see OpenWordVectors for the forms. The
// first of several lines for one word counts (files are sorted by frequency).
func ReadWordVectors(r io.Reader) (*WordVectors, error) {
	digest := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(r, digest), 1<<16)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = bufio.NewReaderSize(z, 1<<16)
	}
	w := &WordVectors{vectors: map[string][]float32{}}
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if e := w.addLine(strings.TrimRight(line, " \r\n"), n); e != nil {
			return nil, fmt.Errorf("line %d: %w", n, e)
		}
		if err != nil {
			break
		}
	}
	if len(w.vectors) == 0 {
		return nil, errors.New("must hold at least one word vector")
	}
	w.identity = fmt.Sprintf("words:%x", digest.Sum(nil))
	return w, nil
}

// addLine takes one line "word x1 ... xE"; the first line may be a header.
func (w *WordVectors) addLine(line string, n int) error {
	fields := strings.Split(line, " ")
	if line == "" || n == 1 && len(fields) == 2 {
		return nil
	}
	if w.dim == 0 {
		w.dim = len(fields) - 1
	}
	cut := len(fields) - w.dim // GloVe 840B has a few words with spaces inside
	if cut < 1 || w.dim < 2 {
		return fmt.Errorf("must be a word and %d numbers (got %d fields)", max(2, w.dim), len(fields))
	}
	word, ok := plainWord(strings.Join(fields[:cut], " "))
	if _, have := w.vectors[word]; !ok || have {
		return nil
	}
	v := make([]float32, w.dim)
	for i, s := range fields[cut:] {
		x, err := strconv.ParseFloat(s, 32)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("must hold finite numbers after the word (got %q)", s)
		}
		v[i] = float32(x)
	}
	w.vectors[word] = v
	return nil
}

// plainWord removes Numberbatch's prefix and folds; false for a word of
// another language.
func plainWord(s string) (string, bool) {
	if rest, ok := strings.CutPrefix(s, "/c/"); ok {
		if s, ok = strings.CutPrefix(rest, "en/"); !ok {
			return "", false
		}
	}
	return fold(s), s != ""
}

// Embed gives each text the mean of its known words (see words); a text without
// one has ErrNoMeaning.
func (w *WordVectors) Embed(ctx context.Context, texts []string) []Result {
	if err := ctx.Err(); err != nil {
		return failAll(len(texts), err)
	}
	out := make([]Result, len(texts))
	for i, text := range texts {
		out[i] = w.one(text)
	}
	return out
}

func (w *WordVectors) one(text string) Result {
	sum := make([]float32, w.dim)
	for _, word := range words(text) {
		for i, x := range w.vectors[word] {
			sum[i] += x
		}
	}
	if !normalize(sum) {
		return Result{Err: fmt.Errorf("embed: no known word in %q: %w", text, ErrNoMeaning)}
	}
	return Result{Vector: sum}
}

// Identity is the digest of the file and the mean over words.
func (w *WordVectors) Identity() Identity {
	return Identity{Model: w.identity, Pooling: "word-mean", Normalize: true, Dim: w.dim}
}
