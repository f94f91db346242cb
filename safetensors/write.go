package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"pgsrm/internal/durable"
	"pgsrm/internal/jsonobject"
	"pgsrm/internal/tensorfile"
)

// Tensor is one tensor to be written.
type Tensor struct {
	Name  string
	Shape []int
	DType DType                       // "" = that of the file
	Data  []float32                   // row-major, product of Shape; or nil and
	Fill  func(dst []float32, lo int) // Fill, called for some rows at a time, from row lo on
}

// len is the number of elements.
func (t *Tensor) len() int { return Info{Shape: t.Shape}.Len() }

// Write writes a safetensors file to path, atomically: aside, synced,
// renamed. Tensors without a type get the type dtype; BF16 and F16 are rounded
// to nearest even. They are ordered by name, so that the same tensors give the
// same bytes.
func Write(path string, dtype DType, metadata map[string]string, tensors []Tensor) error {
	return durable.WriteFile(path, func(w io.Writer) error { return Encode(w, dtype, metadata, tensors) })
}

// Encode is Write to a stream.
func Encode(w io.Writer, dtype DType, metadata map[string]string, tensors []Tensor) error {
	order := slices.Clone(tensors)
	for i := range order {
		order[i].DType = cmp.Or(order[i].DType, dtype)
	}
	slices.SortFunc(order, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	head, err := encodeHeader(metadata, order)
	if err != nil {
		return fmt.Errorf("write tensors: %w", err)
	}
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("write tensors: %w", err)
	}
	if err := WriteNumbers(w, order); err != nil {
		return fmt.Errorf("write tensors: %w", err)
	}
	return nil
}

// WriteNumbers writes the numbers of the tensors, each of its own type, one after
// the other and without a header.
func WriteNumbers(w io.Writer, tensors []Tensor) error {
	var e tensorEncoder
	for i := range tensors {
		if err := e.tensor(w, &tensors[i]); err != nil {
			return err
		}
	}
	return nil
}

// tensorEncoder holds the buffers of writing: no tensor is copied as a whole.
type tensorEncoder struct {
	rows  []float32 // of one tensor
	bytes [chunkBytes]byte
}

// tensor writes the numbers of a tensor.
func (e *tensorEncoder) tensor(w io.Writer, t *Tensor) error {
	if t.Fill == nil || t.len() == 0 {
		return e.numbers(w, t.DType, t.Data)
	}
	return tensorfile.Rows(&e.rows, t.Shape[0], t.len()/t.Shape[0], t.Fill, func(x []float32) error {
		return e.numbers(w, t.DType, x)
	})
}

// numbers writes numbers of a type.
func (e *tensorEncoder) numbers(w io.Writer, dtype DType, x []float32) error {
	width := int(dtypeBits[dtype] / 8)
	for len(x) > 0 {
		n := min(len(x), len(e.bytes)/width)
		encoders[dtype](e.bytes[:], x[:n])
		if _, err := w.Write(e.bytes[:n*width]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

// encodeHeader is the length and the JSON object, padded with spaces to 8 bytes.
func encodeHeader(metadata map[string]string, tensors []Tensor) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	if len(metadata) > 0 {
		fmt.Fprintf(&b, `"__metadata__":%s,`, jsonobject.Text(metadata))
	}
	at := int64(0)
	for i, t := range tensors {
		if i > 0 && tensors[i-1].Name == t.Name || t.Name == "__metadata__" {
			return nil, fmt.Errorf("tensor name %q must be unique", t.Name)
		}
		if t.Fill == nil && len(t.Data) != t.len() || t.Fill != nil && len(t.Shape) == 0 {
			return nil, fmt.Errorf("tensor %q of shape %v must have %d numbers (got %d)", t.Name, t.Shape, t.len(), len(t.Data))
		}
		if encoders[t.DType] == nil {
			return nil, fmt.Errorf("tensor %q: dtype must be F32, F16 or BF16 (got %q)", t.Name, t.DType)
		}
		end := at + int64(t.len())*dtypeBits[t.DType]/8
		fmt.Fprintf(&b, `%s:{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]},`, jsonobject.Text(t.Name), t.DType, jsonobject.Text(append([]int{}, t.Shape...)), at, end)
		at = end
	}
	b.Truncate(len(bytes.TrimSuffix(b.Bytes(), []byte(","))))
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	return b.Bytes(), nil
}
