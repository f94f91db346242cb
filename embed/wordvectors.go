package embed

import (
	"context"
	"fmt"
	"io"
	"strings"

	"pgsrm/embed/internal/wordvec"
)

// wordVectors embeds a text as the mean of its known words' vectors, scaled to
// unit length: the embedder of the paper's lexical tasks (there Numberbatch). The
// vectors stay in an index file; see docs/format/word-vector-index.md.
type wordVectors struct {
	index *wordvec.Index
}

// openWordVectors opens a file of word vectors: GloVe (no header), word2vec as text
// or binary and fastText .vec (a header line "count dim"), ConceptNet Numberbatch
// (words with the prefix /c/en/; other languages are left out), each also
// compressed with gzip; or an index made of one. The first time an index is built:
// PATH.index, or in the user's cache folder where that cannot be written. Errors
// name the file and the line.
func openWordVectors(path string) (*wordVectors, error) {
	w, err := wordvec.Open(path, plainWord)
	if err != nil {
		return nil, fmt.Errorf("embed: %s: %w", path, err)
	}
	return &wordVectors{w}, nil
}

// readWordVectors reads word vectors into memory; see openWordVectors for the forms.
func readWordVectors(r io.Reader) (*wordVectors, error) {
	w, err := wordvec.Read(r, plainWord)
	if err != nil {
		return nil, err
	}
	return &wordVectors{w}, nil
}

// plainWord is the key of a word: without Numberbatch's prefix, folded; not ok for
// a word of another language.
func plainWord(s string) (key string, ok bool) {
	if rest, ok := strings.CutPrefix(s, "/c/"); ok {
		if s, ok = strings.CutPrefix(rest, "en/"); !ok {
			return "", false
		}
	}
	return fold(s), s != ""
}

// Len is the number of words.
func (w *wordVectors) Len() int { return w.index.Len() }

// Close gives the file back. Embed must not be called any more.
func (w *wordVectors) Close() error { return w.index.Close() }

// Embed gives each text the mean of its known words (see words); a text without
// one has ErrNoMeaning.
func (w *wordVectors) Embed(ctx context.Context, texts []string) []Result {
	return embedEach(ctx, texts, w.one)
}

func (w *wordVectors) one(text string) Result {
	sum := make([]float32, w.index.Dim())
	for _, word := range words(text) {
		if _, err := w.index.Add(sum, word); err != nil {
			return Result{Err: fmt.Errorf("embed: %w", err)}
		}
	}
	return direction(sum, text)
}

// Identity is the digest of the file of vectors, before its index was made, and
// the mean over words.
func (w *wordVectors) Identity() Identity {
	return Identity{Model: fmt.Sprintf("words:%x", w.index.Digest()), Pooling: "word-mean", Normalize: true, Dim: w.index.Dim()}
}
