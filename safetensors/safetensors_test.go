package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// rawTensors is a safetensors file of the header text and data.
func rawTensors(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

func parseTensors(b []byte) (*File, error) {
	return newFile("m.safetensors", bytes.NewReader(b), int64(len(b)))
}

func TestTensorsRead(t *testing.T) {
	header := `{"__metadata__":{"format":"pt"},"b":{"dtype":"F16","shape":[2,2],"data_offsets":[8,16]},` +
		`"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"c":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]},` +
		`"i":{"dtype":"I64","shape":[0],"data_offsets":[16,16]}}   `
	f, err := parseTensors(rawTensors(header,
		0, 0, 0xc0, 0x3f, // 1.5
		0x20, 0x40, 0x80, 0xff, // 2.5, -Inf
		0x00, 0x3c, 0x01, 0x00, 0xff, 0x83, 0xff, 0x7b)) // 1, 2^-24, largest negative subnormal, 65504
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float32{
		"a": {1.5}, "c": {2.5, float32(math.Inf(-1))},
		"b": {1, 0x1p-24, -1023 * 0x1p-24, 65504},
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, err := f.Floats(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want[name], got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if f.Metadata["format"] != "pt" || len(f.Tensors()) != 4 {
		t.Errorf("metadata %v, %d tensors", f.Metadata, len(f.Tensors()))
	}
	for name, text := range map[string]string{
		"i": `safetensors: m.safetensors: tensor "i" must be F32, F16 or BF16 (got I64)`,
		"x": `safetensors: m.safetensors: tensor "x" is missing`,
	} {
		if _, err := f.Floats(name); err == nil || err.Error() != text {
			t.Errorf("%s: got %v, want %s", name, err, text)
		}
	}
}

func TestTensorsBad(t *testing.T) {
	one := `{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`
	cases := []struct {
		name string
		file []byte
		text string
	}{
		{"empty", nil, "file must hold at least 8 bytes (got 0)"},
		{"huge header", binary.LittleEndian.AppendUint64(nil, 1<<60), "header must fit into the file of 8 bytes and into 100000000 bytes (got a length of 1152921504606846976)"},
		{"negative header", binary.LittleEndian.AppendUint64(nil, 1<<63), "(got a length of 9223372036854775808)"},
		{"truncated header", rawTensors(one)[:20], "header must fit into the file of 20 bytes"},
		{"truncated data", rawTensors(one, 1, 2, 3), `tensor "a" must end within the data section of 3 bytes (ends at 4)`},
		{"surplus data", rawTensors(one, 1, 2, 3, 4, 5), "tensors must cover the data section of 5 bytes (they end at 4)"},
		{"no object", rawTensors(`[]`), `header must be a JSON object in UTF-8 (starts with "[]")`},
		{"not JSON", rawTensors(`{"a":`), `header: not JSON at "a": EOF`},
		{"pickle", append([]byte("PK\x03\x04"), make([]byte, 90)...), "header must fit"},
		{"after the object", rawTensors(`{}{}`), "header: nothing must follow the JSON object"},
		{"unclosed", rawTensors(`{`), "header: not JSON: "},
		{"not UTF-8", rawTensors("{\"\xff\":1}"), "header must be a JSON object in UTF-8"},
		{"duplicate", rawTensors(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`), `header: name "a" must be unique`},
		{"metadata", rawTensors(`{"__metadata__":{"a":1}}`), "header: __metadata__ must hold strings"},
		{"dtype", rawTensors(`{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4), `header: tensor "a": dtype must be one of the format's (got "F33")`},
		{"dtype size", rawTensors(`{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4), `header: tensor "a": shape [1] of F16 needs 16 bits (data_offsets span 4 bytes)`},
		{"negative shape", rawTensors(`{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, 1, 2, 3, 4), `header: tensor "a": shape must be of reasonable size (got [-1 -1])`},
		{"shape overflow", rawTensors(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`), `header: tensor "a": shape must be of reasonable size (got [4294967296 4294967296])`},
		{"fraction", rawTensors(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 1, 2, 3, 4), `header: tensor "a": json: cannot unmarshal number 1.5`},
		{"no shape", rawTensors(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, 1, 2, 3, 4), `header: tensor "a": shape and two ascending data_offsets must be given (got [], [0 4])`},
		{"one offset", rawTensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}`, 1, 2, 3, 4), "shape and two ascending data_offsets must be given (got [1], [4])"},
		{"descending", rawTensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 1, 2, 3, 4), "(got [1], [4 0])"},
		{"unknown member", rawTensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]}}`, 1, 2, 3, 4), `header: tensor "a": json: unknown field "strides"`},
		{"overlap", rawTensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}`, 1, 2, 3, 4), `tensor "b" must not overlap another (begins at 2, the one before ends at 4)`},
		{"hole", rawTensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, 1, 2, 3, 4, 5, 6), `tensor "a" must follow the one before (begins at 2, the one before ends at 0)`},
		{"beyond", rawTensors(`{"a":{"dtype":"U8","shape":[1152921504606846975],"data_offsets":[0,1152921504606846975]}}`, 1), `tensor "a" must end within the data section of 1 bytes`},
	}
	for _, c := range cases {
		_, err := parseTensors(c.file)
		if err == nil || !strings.Contains(err.Error(), c.text) || !errors.Is(err, errFormat) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s", c.name, err, c.text)
		}
	}
}

func TestTensorsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.safetensors")
	fill := func(dst []float32, lo int) {
		for i := range dst {
			dst[i] = float32(lo*257+i) / 3
		}
	}
	tensors := []Tensor{
		{Name: "z", Shape: []int{3000, 257}, Fill: fill},
		{Name: `q"<é`, Shape: nil, Data: []float32{-0.5}},
		{Name: "none", Shape: []int{0, 5}, Data: nil},
	}
	for _, dtype := range []DType{F32, BF16} {
		if err := Write(path, dtype, map[string]string{"format": "pt"}, tensors); err != nil {
			t.Fatal(err)
		}
		f, err := Open(os.DirFS(dir), "x.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Floats("z")
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, 3000*257)
		fill(want, 0)
		tolerance := map[DType]float64{F32: 0, BF16: 0x1p-8}[dtype] // half a unit of 8 bits
		for i := range want {
			if d := math.Abs(float64(got[i] - want[i])); d > tolerance*math.Abs(float64(want[i])) {
				t.Fatalf("%s: z[%d] = %g, want %g", dtype, i, got[i], want[i])
			}
		}
		if s, err := f.Floats(`q"<é`); err != nil || s[0] != -0.5 {
			t.Errorf("%v, %v", s, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("folder must hold one file (got %v, %v)", left, err)
	}
}

func TestTensorsWriteBad(t *testing.T) {
	for text, tensors := range map[string][]Tensor{
		`write tensors: tensor name "a" must be unique`:                      {{Name: "a"}, {Name: "a"}},
		`write tensors: tensor "a" of shape [2] must have 2 numbers (got 1)`: {{Name: "a", Shape: []int{2}, Data: make([]float32, 1)}},
		`write tensors: tensor name "__metadata__" must be unique`:           {{Name: "__metadata__"}},
	} {
		for i := range tensors {
			if tensors[i].Data == nil {
				tensors[i].Data = []float32{0}
			}
		}
		if err := Encode(io.Discard, F32, nil, tensors); err == nil || err.Error() != text {
			t.Errorf("got %v, want %s", err, text)
		}
	}
	want := `write tensors: tensor "a": dtype must be F32, F16 or BF16 (got "I8")`
	if err := Encode(io.Discard, "I8", nil, []Tensor{{Name: "a", Data: []float32{0}}}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestTensorsProperty: what is written in F32 is read back to the bit.
func TestTensorsProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := map[string][]float32{}
		var tensors []Tensor
		for i := range rapid.IntRange(0, 5).Draw(t, "n") {
			d := rapid.SliceOfN(rapid.Float32(), 0, 40).Draw(t, "data")
			name := fmt.Sprint(i, rapid.String().Draw(t, "name"))
			if strings.ContainsRune(name, '\uFFFD') {
				continue
			}
			data[name] = d
			tensors = append(tensors, Tensor{Name: name, Shape: []int{1, len(d)}, Data: d})
		}
		var b bytes.Buffer
		if err := Encode(&b, F32, nil, tensors); err != nil {
			t.Fatal(err)
		}
		f, err := parseTensors(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range data {
			got, err := f.Floats(name)
			if err != nil || len(got) != len(want) {
				t.Fatalf("%q: %v", name, err)
			}
			for i := range want {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
					t.Fatalf("%q[%d]: got %g, want %g", name, i, got[i], want[i])
				}
			}
		}
	})
}

// plainFS hides every method of its files but those of fs.File.
type plainFS struct{ fs.FS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	return struct{ fs.File }{f}, err
}

func TestTensorsPlainFS(t *testing.T) {
	fsys := fstest.MapFS{"a": {Data: rawTensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 0, 0, 0x80, 0x3f)}}
	for _, x := range []fs.FS{fsys, plainFS{fsys}} {
		f, err := Open(x, "a")
		if err != nil {
			t.Fatal(err)
		}
		if v, err := f.Floats("a"); err != nil || v[0] != 1 {
			t.Errorf("%v, %v", v, err)
		}
	}
}

// FuzzSafetensors: no input may panic or make the reader allocate beyond the
// input's size, and what parses can be read and, if F32, written and read again.
func FuzzSafetensors(f *testing.F) {
	f.Add(rawTensors(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	f.Add(rawTensors(`{"__metadata__":{"a":"b"},"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]},"b":{"dtype":"F16","shape":[],"data_offsets":[4,6]}}`, 1, 2, 3, 4, 5, 6))
	f.Add(rawTensors(`{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}`, 1))
	f.Add(binary.LittleEndian.AppendUint64(nil, 1<<60))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := parseTensors(b)
		if err != nil {
			return
		}
		var again []Tensor
		for _, info := range file.Tensors() {
			v, err := file.Floats(info.Name)
			if decoders[info.DType] == nil {
				if err == nil {
					t.Fatalf("%q of %s was read", info.Name, info.DType)
				}
				continue
			}
			if err != nil || len(v) != info.Len() {
				t.Fatalf("%q: %d numbers, %v", info.Name, len(v), err)
			}
			again = append(again, Tensor{Name: info.Name, Shape: info.Shape, Data: v})
		}
		var out bytes.Buffer
		if err := Encode(&out, F32, file.Metadata, again); err != nil {
			t.Fatal(err)
		}
		if _, err := parseTensors(out.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}
