package wordvec

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pgsrm/internal/durable"
)

// Key is the form in which a word of a file is kept and found; ok is false for a
// word that is left out.
type Key func(word string) (key string, ok bool)

// Open opens a file of word vectors: GloVe (no header), word2vec as text or binary
// and fastText .vec (a header line "count dim"), ConceptNet Numberbatch, each also
// compressed with gzip; or an index made of one. The first time an index is built:
// PATH.index, or in the user's cache folder where that cannot be written. Errors
// name the line, not the file.
func Open(path string, key Key) (*Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, pathless(err)
	}
	defer f.Close()
	head := make([]byte, len(indexMagic))
	if n, _ := io.ReadFull(f, head); isIndex(head[:n]) {
		return openIndex(path)
	}
	source, err := originOf(f)
	if err != nil {
		return nil, err
	}
	places := indexPlaces(path)
	for _, place := range places {
		w, err := openIndex(place)
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
	return buildAnywhere(f, source, places, func(f *os.File, source origin, place string) error {
		return buildAt(f, source, place, key)
	})
}

// originOf is the identity of a file but for its digest.
func originOf(f *os.File) (origin, error) {
	st, err := f.Stat()
	if err != nil {
		return origin{}, err
	}
	return origin{size: st.Size(), mtime: st.ModTime().UnixNano()}, nil
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
func buildAnywhere(f *os.File, source origin, places []string, build func(*os.File, origin, string) error) (*Index, error) {
	var failed error
	for i, place := range places {
		if i > 0 {
			if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
				return nil, errors.Join(failed, err)
			}
		}
		err := build(f, source, place)
		if err == nil {
			w, err := openIndex(place)
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
func buildAt(f *os.File, source origin, place string, key Key) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_ = durable.RemoveAbandoned(place, time.Now()) // gigabytes of a killed build; what cannot be deleted does no other harm
	var wrong error                                // of the content, told without the place of the index
	err := durable.WriteFile(place, func(w io.Writer) error {
		wrong = build(w, f, source, key)
		return wrong
	})
	if wrong != nil {
		return wrong
	}
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if now, err := originOf(f); err != nil || now != source {
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

// Read reads word vectors into memory; see Open for the forms.
func Read(r io.Reader, key Key) (*Index, error) {
	var b bytes.Buffer
	if err := build(&b, r, origin{}, key); err != nil {
		return nil, err
	}
	file := bytes.NewReader(b.Bytes())
	h, err := readTrailer(file, file.Size())
	if err != nil {
		return nil, err
	}
	return newIndex(file, h, b.Bytes()[h.tablesAt():][:h.tableBytes()])
}
