package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"pgsrm/internal/durable"
	"pgsrm/internal/tensorfile"
)

// Tensor is one tensor to be written.
type Tensor struct {
	Name  string
	Shape []int                       // row-major, at most 4 dimensions
	Type  Type                        // F32, F16, BF16 or Q8_0, whose rows must be multiples of 32 long
	Data  []float32                   // row-major, product of Shape; or nil and
	Fill  func(dst []float32, lo int) // Fill, called for some rows at a time, from row lo on
}

// len is the number of elements.
func (t *Tensor) len() int { return Info{Shape: t.Shape}.Len() }

// Write writes a GGUF file of version 3 to path, atomically: aside, synced, renamed.
// Pairs and tensors are written in the order given, at the alignment that the
// metadata have under "general.alignment", else at 32 bytes. F16 and BF16 are rounded
// to nearest even, Q8_0 as the reference implementation does it.
func Write(path string, metadata Metadata, tensors []Tensor) error {
	return durable.WriteFile(path, func(w io.Writer) error { return Encode(w, metadata, tensors) })
}

// Encode is Write to a stream.
func Encode(w io.Writer, metadata Metadata, tensors []Tensor) error {
	alignment, err := metadata.alignment()
	if err != nil {
		return fmt.Errorf("write GGUF: %w", err)
	}
	head, err := encodeHeader(metadata, tensors, alignment)
	if err != nil {
		return fmt.Errorf("write GGUF: %w", err)
	}
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("write GGUF: %w", err)
	}
	var e encoder
	for i := range tensors {
		if err := e.tensor(w, &tensors[i], alignment); err != nil {
			return fmt.Errorf("write GGUF: tensor %q: %w", tensors[i].Name, err)
		}
	}
	return nil
}

// encodeHeader is everything before the data section, padded to the alignment.
func encodeHeader(metadata Metadata, tensors []Tensor, alignment int64) ([]byte, error) {
	b := append([]byte("GGUF"), 3, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(tensors)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(metadata)))
	seen := map[string]bool{}
	for _, p := range metadata {
		if err := checkName("key", p.Key, maxKey, seen); err != nil {
			return nil, err
		}
		var err error
		if b, err = appendValue(appendText(b, p.Key), p.Value); err != nil {
			return nil, fmt.Errorf("key %.100q: %w", p.Key, err)
		}
	}
	clear(seen)
	at := int64(0)
	for i := range tensors {
		t := &tensors[i]
		if err := checkName("tensor name", t.Name, maxName-1, seen); err != nil { // llama.cpp keeps a final zero
			return nil, err
		}
		size, err := t.size()
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		b = t.appendInfo(b, at)
		at = align(at+size, alignment)
	}
	return append(b, make([]byte, align(int64(len(b)), alignment)-int64(len(b)))...), nil
}

// checkName holds that a key or name is in the format's limits and new.
func checkName(what, name string, limit int, seen map[string]bool) error {
	if name == "" || len(name) > limit || !utf8.ValidString(name) {
		return fmt.Errorf("%s must be UTF-8 of 1 to %d bytes (got %.100q)", what, limit, name)
	}
	if seen[name] {
		return fmt.Errorf("%s %.100q must be unique", what, name)
	}
	seen[name] = true
	return nil
}

// size checks the tensor and says how many bytes it needs.
func (t *Tensor) size() (int64, error) {
	if len(t.Shape) > maxDims {
		return 0, fmt.Errorf("shape must have at most %d dimensions (got %v)", maxDims, t.Shape)
	}
	if layouts[t.Type].encode == nil {
		return 0, fmt.Errorf("type must be one of %s (got %s)", typeNames(func(l layout) bool { return l.encode != nil }), t.Type)
	}
	size, err := byteLen(t.Type, t.Shape)
	if err == nil && (t.Fill == nil && len(t.Data) != t.len() || t.Fill != nil && len(t.Shape) == 0) {
		return 0, fmt.Errorf("shape %v must have %d numbers (got %d)", t.Shape, t.len(), len(t.Data))
	}
	return size, err
}

// appendInfo appends the header entry of a tensor whose data begin at byte at of the
// data section.
func (t *Tensor) appendInfo(b []byte, at int64) []byte {
	b = appendText(b, t.Name)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Shape)))
	for _, d := range slices.Backward(t.Shape) {
		b = binary.LittleEndian.AppendUint64(b, uint64(d))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(t.Type))
	return binary.LittleEndian.AppendUint64(b, uint64(at))
}

// encoder holds the buffers of writing: no tensor is copied as a whole.
type encoder struct {
	rows  []float32 // of one tensor
	bytes [chunkBytes]byte
}

// tensor writes the numbers of a tensor and pads them to the alignment.
func (e *encoder) tensor(w io.Writer, t *Tensor, alignment int64) error {
	if err := e.rowsOf(w, t); err != nil {
		return err
	}
	size, err := t.size()
	if err != nil {
		return err
	}
	_, err = w.Write(make([]byte, align(size, alignment)-size))
	return err
}

// rowsOf writes the numbers of a tensor.
func (e *encoder) rowsOf(w io.Writer, t *Tensor) error {
	if t.Fill == nil || t.len() == 0 {
		return e.numbers(w, t.Type, t.Data)
	}
	return tensorfile.Rows(&e.rows, t.Shape[0], t.len()/t.Shape[0], t.Fill, func(x []float32) error {
		return e.numbers(w, t.Type, x)
	})
}

// numbers writes numbers of a type, whole blocks.
func (e *encoder) numbers(w io.Writer, typ Type, x []float32) error {
	l := layouts[typ]
	for len(x) > 0 {
		n := min(len(x)/l.block, len(e.bytes)/l.bytes)
		if err := l.encode(e.bytes[:], x[:n*l.block]); err != nil {
			return err
		}
		if _, err := w.Write(e.bytes[:n*l.bytes]); err != nil {
			return err
		}
		x = x[n*l.block:]
	}
	return nil
}
