package lm

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
)

// Tensor is one tensor to be written.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32           // row-major, product of Shape; or nil and
	Fill  func(dst []float32) // Fill, called once with a buffer of that size
}

// len is the number of elements.
func (t *Tensor) len() int { return TensorInfo{Shape: t.Shape}.Len() }

// WriteTensors writes a safetensors file to path, atomically: aside, synced,
// renamed. All tensors get the type dtype (F32, or BF16 rounded to nearest even)
// and are ordered by name, so that the same tensors give the same bytes.
func WriteTensors(path string, dtype DType, metadata map[string]string, tensors []Tensor) error {
	return AtomicFile(path, func(w io.Writer) error { return EncodeTensors(w, dtype, metadata, tensors) })
}

// EncodeTensors is WriteTensors to a stream.
func EncodeTensors(w io.Writer, dtype DType, metadata map[string]string, tensors []Tensor) error {
	encode, ok := encoders[dtype]
	if !ok {
		return fmt.Errorf("write tensors: dtype must be F32 or BF16 (got %q)", dtype)
	}
	order := slices.Clone(tensors)
	slices.SortFunc(order, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	head, err := encodeHeader(dtype, metadata, order)
	if err != nil {
		return fmt.Errorf("write tensors: %w", err)
	}
	out := bufio.NewWriterSize(w, chunkBytes)
	out.Write(head) // errors are kept by the buffer until Flush
	var buf []float32
	for i := range order {
		encode(out, order[i].values(&buf))
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write tensors: %w", err)
	}
	return nil
}

// values returns the tensor's numbers, filled into buf where they are not at hand.
func (t *Tensor) values(buf *[]float32) []float32 {
	if t.Fill == nil {
		return t.Data
	}
	*buf = slices.Grow((*buf)[:0], t.len())[:t.len()]
	t.Fill(*buf)
	return *buf
}

// encodeHeader is the length and the JSON object, padded with spaces to 8 bytes.
func encodeHeader(dtype DType, metadata map[string]string, tensors []Tensor) ([]byte, error) {
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
		if t.Fill == nil && len(t.Data) != t.len() {
			return nil, fmt.Errorf("tensor %q of shape %v must have %d numbers (got %d)", t.Name, t.Shape, t.len(), len(t.Data))
		}
		end := at + int64(t.len())*dtypeBits[dtype]/8
		fmt.Fprintf(&b, `%s:{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]},`, jsonText(t.Name), dtype, jsonText(append([]int{}, t.Shape...)), at, end)
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

// encoders write float32 as little-endian numbers of a type.
var encoders = map[DType]func(w *bufio.Writer, src []float32){
	F32: func(w *bufio.Writer, src []float32) {
		var b [4]byte
		for _, v := range src {
			binary.LittleEndian.PutUint32(b[:], math.Float32bits(v))
			w.Write(b[:])
		}
	},
	BF16: func(w *bufio.Writer, src []float32) {
		var b [2]byte
		for _, v := range src {
			binary.LittleEndian.PutUint16(b[:], floatToBF16(v))
			w.Write(b[:])
		}
	},
}

// floatToBF16 rounds to nearest, ties to even; a NaN stays a NaN.
func floatToBF16(v float32) uint16 {
	u := math.Float32bits(v)
	if v != v {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}
