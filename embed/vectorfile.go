package embed

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// vectorFile holds vectors made elsewhere, for whole texts: JSON lines
// {"text": "...", "vector": [...]}, as `pgsrm embed --with-text` writes them.
type vectorFile struct {
	dim     int
	digest  string
	vectors map[string][]float32 // [E] each, as read
}

// openVectorFile reads a file of texts with their vectors. Errors name the file
// and the line.
func openVectorFile(path string) (*vectorFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	defer f.Close()
	v, err := readVectorFile(f)
	if err != nil {
		return nil, fmt.Errorf("embed: %s: %w", path, err)
	}
	return v, nil
}

// readVectorFile reads texts with their vectors, all of one dimension.
func readVectorFile(r io.Reader) (*vectorFile, error) {
	digest := sha256.New()
	in := bufio.NewReaderSize(io.TeeReader(r, digest), 1<<16)
	out := &vectorFile{vectors: map[string][]float32{}}
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if e := out.addLine(bytes.TrimSpace(line)); e != nil {
			return nil, fmt.Errorf("line %d: %w", n, e)
		}
		if err != nil {
			break
		}
	}
	if len(out.vectors) == 0 {
		return nil, errors.New("must hold at least one vector")
	}
	out.digest = fmt.Sprintf("%x", digest.Sum(nil))
	return out, nil
}

// vectorLine is one line of the file.
type vectorLine struct {
	Text   *string   `json:"text"`
	Vector []float32 `json:"vector"`
}

func (f *vectorFile) addLine(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	var one vectorLine
	if err := json.Unmarshal(line, &one); err != nil {
		return fmt.Errorf(`must be {"text": "...", "vector": [...]} (got %w)`, err)
	}
	if one.Text == nil {
		return errors.New(`must have "text"`)
	}
	if f.dim == 0 {
		f.dim = len(one.Vector)
	}
	if err := Check(one.Vector, f.dim); err != nil {
		return fmt.Errorf("text %q: %w", *one.Text, err)
	}
	f.vectors[*one.Text] = one.Vector
	return nil
}

// Embed looks texts up as they are. A text that is not in the file is a failed
// call, not one without meaning: the file says nothing about it.
func (f *vectorFile) Embed(ctx context.Context, texts []string) []Result {
	out := make([]Result, len(texts))
	for i, text := range texts {
		v, ok := f.vectors[text]
		if !ok {
			out[i].Err = fmt.Errorf("embed: text %q must be in the file of vectors", text)
			continue
		}
		out[i].Vector = v
	}
	return out
}

// Identity is the digest of the file; the vectors are handed on as they are.
func (f *vectorFile) Identity() Identity {
	return Identity{Model: "vectors:" + f.digest, Pooling: "given", Dim: f.dim}
}
