package embed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"pgsrm/internal/durable"
)

// WordVectors embeds a text as the mean of its known words' vectors, scaled to
// unit length: the embedder of the paper's lexical tasks (there Numberbatch). The
// vectors stay in an index file; see docs/format/word-vector-index.md.
type WordVectors struct {
	index *wordIndex
}

// OpenWordVectors opens a file of word vectors: GloVe (no header), word2vec as text
// or binary and fastText .vec (a header line "count dim"), ConceptNet Numberbatch
// (words with the prefix /c/en/; other languages are left out), each also
// compressed with gzip; or an index made of one. The first time an index is built:
// PATH.index, or in the user's cache folder where that cannot be written. Errors
// name the file and the line.
func OpenWordVectors(path string) (*WordVectors, error) {
	w, err := openWordVectors(path)
	if err != nil {
		return nil, fmt.Errorf("embed: %s: %w", path, err)
	}
	return &WordVectors{w}, nil
}

func openWordVectors(path string) (*wordIndex, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, pathless(err)
	}
	defer f.Close()
	head := make([]byte, len(indexMagic))
	if n, _ := io.ReadFull(f, head); isIndex(head[:n]) {
		return openWordIndex(path)
	}
	source, err := sourceOf(f)
	if err != nil {
		return nil, err
	}
	places := indexPlaces(path)
	for _, place := range places {
		w, err := openWordIndex(place)
		if err == nil && w.source.size == source.size && w.source.mtime == source.mtime {
			return w, nil
		}
		if err == nil {
			err = w.close()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errIndex) {
			return nil, err
		}
	}
	return buildAnywhere(f, source, places, buildAt)
}

// sourceOf is the identity of a file but for its digest.
func sourceOf(f *os.File) (wordSource, error) {
	st, err := f.Stat()
	if err != nil {
		return wordSource{}, err
	}
	return wordSource{size: st.Size(), mtime: st.ModTime().UnixNano()}, nil
}

// indexPlaces are where the index of a file may be, the first choice first.
func indexPlaces(path string) []string {
	places := []string{path + ".index"}
	abs, err := filepath.Abs(path)
	cache, err2 := os.UserCacheDir()
	if err == nil && err2 == nil {
		name := fmt.Sprintf("%x.index", sha256.Sum256([]byte(abs)))
		places = append(places, filepath.Join(cache, "pgsrm", "words", name))
	}
	return places
}

// buildAnywhere builds the index of f at the first place that can be written.
func buildAnywhere(f *os.File, source wordSource, places []string, build func(*os.File, wordSource, string) error) (*wordIndex, error) {
	var failed error
	for i, place := range places {
		if i > 0 {
			if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
				return nil, errors.Join(failed, err)
			}
		}
		err := build(f, source, place)
		if err == nil {
			w, err := openWordIndex(place)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", place, err)
			}
			return w, nil
		}
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, errReadOnly) {
			return nil, err
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// buildAt builds the index of f at one place, atomically.
func buildAt(f *os.File, source wordSource, place string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var wrong error // of the content, told without the place of the index
	err := durable.WriteFile(place, func(w io.Writer) error {
		wrong = buildIndex(w, f, source)
		return wrong
	})
	if wrong != nil {
		return wrong
	}
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if now, err := sourceOf(f); err != nil || now != source {
		return errors.Join(errors.New("must not change while it is read"), err, os.Remove(place))
	}
	return nil
}

// pathless is an error of the file system without its path, which stands before.
func pathless(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// ReadWordVectors reads word vectors into memory; see OpenWordVectors for the forms.
func ReadWordVectors(r io.Reader) (*WordVectors, error) {
	var b bytes.Buffer
	if err := buildIndex(&b, r, wordSource{}); err != nil {
		return nil, err
	}
	file := bytes.NewReader(b.Bytes())
	info, err := readIndexInfo(file, file.Size())
	if err != nil {
		return nil, err
	}
	w, err := newWordIndex(file, info, b.Bytes()[info.tablesAt():][:info.tableBytes()])
	if err != nil {
		return nil, err
	}
	return &WordVectors{w}, nil
}

// Len is the number of words.
func (w *WordVectors) Len() int { return w.index.count }

// Close gives the file back. Embed must not be called any more.
func (w *WordVectors) Close() error { return w.index.close() }

// Embed gives each text the mean of its known words (see words); a text without
// one has ErrNoMeaning.
func (w *WordVectors) Embed(ctx context.Context, texts []string) []Result {
	out := make([]Result, len(texts))
	for i, text := range texts {
		if i%256 == 0 && ctx.Err() != nil {
			copy(out[i:], failAll(len(texts)-i, ctx.Err()))
			break
		}
		out[i] = w.one(text)
	}
	return out
}

func (w *WordVectors) one(text string) Result {
	sum := make([]float32, w.index.dim)
	for _, word := range words(text) {
		row, ok := w.index.find(word)
		if !ok {
			continue
		}
		if err := w.index.add(sum, row); err != nil {
			return Result{Err: fmt.Errorf("embed: %w", err)}
		}
	}
	if !normalize(sum) {
		return Result{Err: fmt.Errorf("embed: no known word in %q: %w", text, ErrNoMeaning)}
	}
	return Result{Vector: sum}
}

// Identity is the digest of the file of vectors, before its index was made, and
// the mean over words.
func (w *WordVectors) Identity() Identity {
	return Identity{Model: fmt.Sprintf("words:%x", w.index.source.digest), Pooling: "word-mean", Normalize: true, Dim: w.index.dim}
}
