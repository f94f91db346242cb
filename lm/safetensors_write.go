package lm

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"pgsrm/internal/durable"
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
func (t *Tensor) len() int { return TensorInfo{Shape: t.Shape}.Len() }

// WriteTensors writes a safetensors file to path, atomically: aside, synced,
// renamed. Tensors without a type get the type dtype; BF16 and F16 are rounded
// to nearest even. They are ordered by name, so that the same tensors give the
// same bytes.
func WriteTensors(path string, dtype DType, metadata map[string]string, tensors []Tensor) error {
	return durable.WriteFile(path, func(w io.Writer) error { return EncodeTensors(w, dtype, metadata, tensors) })
}

// EncodeTensors is WriteTensors to a stream.
func EncodeTensors(w io.Writer, dtype DType, metadata map[string]string, tensors []Tensor) error {
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
	var e tensorEncoder
	for i := range order {
		if err := e.tensor(w, &order[i]); err != nil {
			return fmt.Errorf("write tensors: %w", err)
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
	width := t.len() / t.Shape[0]
	step := max(1, blockLen/width)
	for lo := 0; lo < t.Shape[0]; lo += step {
		n := (min(lo+step, t.Shape[0]) - lo) * width
		e.rows = slices.Grow(e.rows[:0], n)[:n]
		t.Fill(e.rows, lo)
		if err := e.numbers(w, t.DType, e.rows); err != nil {
			return err
		}
	}
	return nil
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
		fmt.Fprintf(&b, `"__metadata__":%s,`, jsonText(metadata))
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
		fmt.Fprintf(&b, `%s:{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]},`, jsonText(t.Name), t.DType, jsonText(append([]int{}, t.Shape...)), at, end)
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

// jsonText is the JSON of a value that always has one, without HTML escapes.
func jsonText(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte("null")
	}
	return bytes.TrimSpace(b.Bytes())
}

// encoders write float32 to dst as little-endian numbers of a type.
var encoders = map[DType]func(dst []byte, src []float32){
	F32: func(dst []byte, src []float32) {
		for i, v := range src {
			binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
		}
	},
	F16: func(dst []byte, src []float32) {
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], floatToHalf(v))
		}
	},
	BF16: func(dst []byte, src []float32) {
		for i, v := range src {
			binary.LittleEndian.PutUint16(dst[2*i:], floatToBF16(v))
		}
	},
}

// floatToHalf rounds to IEEE 754 binary16, to nearest, ties to even; what is too
// large becomes infinite, a NaN stays a NaN.
func floatToHalf(v float32) uint16 {
	u := math.Float32bits(v)
	sign, a := uint16(u>>16)&0x8000, math.Float32frombits(u&^(1<<31))
	switch {
	case v != v:
		return sign | 0x7e00
	case a >= 65520:
		return sign | 0x7c00
	case a < 0x1p-14: // subnormal: the sum is rounded at 2^-24 by float32's own rounding
		return sign | uint16(math.Float32bits(a+0.5)-math.Float32bits(0.5))
	}
	u = math.Float32bits(a)
	u += 0xfff + u>>13&1 // round the 13 bits that go
	return sign | uint16(u>>13-112<<10)
}

// floatToBF16 rounds to nearest, ties to even; a NaN stays a NaN.
func floatToBF16(v float32) uint16 {
	u := math.Float32bits(v)
	if v != v {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}
