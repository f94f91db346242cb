package gguf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

func parse(b []byte) (*File, error) {
	return newFile("m.gguf", bytes.NewReader(b), int64(len(b)))
}

// raw builds a file of the parts: strings get their length before them, numbers are
// little-endian, []byte stand as they are.
func raw(parts ...any) []byte {
	b := []byte("GGUF")
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = appendText(b, p)
		default:
			var err error
			if b, err = binary.Append(b, binary.LittleEndian, p); err != nil {
				panic(err)
			}
		}
	}
	return b
}

// u32 and u64 name the widths of the numbers of a raw file.
type (
	u32 = uint32
	u64 = uint64
)

// single is a file of one tensor: its entry, then 64 bytes of data at byte 64.
func single(entry ...any) []byte {
	b := raw(append([]any{u32(3), u64(1), u64(0)}, entry...)...)
	return append(b, make([]byte, max(0, 128-len(b)))...)
}

func TestBad(t *testing.T) {
	key := func(parts ...any) []byte { return raw(append([]any{u32(3), u64(0), u64(1)}, parts...)...) }
	deep := []any{"k", u32(9)}
	for range 20 {
		deep = append(deep, u32(9), u64(1))
	}
	names := "F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, BF16"
	cases := []struct {
		name string
		file []byte
		text string
	}{
		{"empty", nil, "file of 0 bytes is truncated at byte 0: 24 more must follow"},
		{"magic", make([]byte, 24), `file must begin with "GGUF" (got "\x00\x00\x00\x00")`},
		{"pointer", []byte("version https://git-lfs" + strings.Repeat(" ", 20)), "file must be fetched: it is a pointer of git LFS (git lfs pull)"},
		{"version 1", raw(u32(1), u64(0), u64(0)), "version must be 2 or 3 (got 1)"},
		{"big-endian", raw(u32(3<<24), u64(0), u64(0)), "file must be little-endian (it is big-endian)"},
		{"tensor count", raw(u32(3), u64(1<<60), u64(0)), "tensor count must fit into the 0 bytes left of the file (got 1152921504606846976)"},
		{"key count", raw(u32(3), u64(0), u64(1<<63)), "count of keys must fit into the 0 bytes left of the file (got 9223372036854775808)"},
		{"key length", key(u64(1<<62), make([]byte, 20)), "key 1 of 1: text at byte 32 must have at most 20 bytes (got a length of 4611686018427387904)"},
		{"long key", key(strings.Repeat("k", 70000), u32(0), uint8(1)), "key 1 of 1: text at byte 32 must have at most 65535 bytes (got a length of 70000)"},
		{"empty key", key("", u32(0), make([]byte, 20)), `key 1 of 1: name before byte 32 must be UTF-8 and not empty (got "")`},
		{"key not UTF-8", key("\xff", u32(0), make([]byte, 20)), `key 1 of 1: name before byte 33 must be UTF-8 and not empty (got "\xff")`},
		{"same key", raw(u32(3), u64(0), u64(2), "k", u32(0), uint8(1), "k", u32(0), uint8(1), make([]byte, 20)), `key "k" must be unique`},
		{"kind", key("k", u32(13), uint8(1)), `key "k": type of values must be 0 to 12 (got 13)`},
		{"no value", key("k", u32(10), uint8(1)), `key "k": file of 38 bytes is truncated at byte 37: 8 more must follow`},
		{"text length", key("k", u32(8), u64(1<<63), uint8(1)), `key "k": text at byte 45 must have at most 1 bytes (got a length of 9223372036854775808)`},
		{"array length", key("k", u32(9), u32(10), u64(3), u64(0), u64(0)), `key "k": length of an array must fit into the 16 bytes left of the file (got 3)`},
		{"array overflow", key("k", u32(9), u32(8), u64(1<<61)), `key "k": length of an array must fit into the 0 bytes left of the file (got 2305843009213693952)`},
		{"array kind", key("k", u32(9), u32(77), u64(0)), `key "k": type of values must be 0 to 12 (got 77)`},
		{"deep", key(deep...), `key "k": arrays must be nested at most 8 deep`},
		{"alignment", key("general.alignment", u32(4), u32(24)), `key "general.alignment" must be a power of two up to 1048576 (got 24)`},
		{"alignment 0", key("general.alignment", u32(4), u32(0)), `must be a power of two up to 1048576 (got 0)`},
		{"alignment 2^31", key("general.alignment", u32(4), u32(1<<31)), `up to 1048576 (got 2147483648)`},
		{"alignment text", key("general.alignment", u32(8), "32"), `key "general.alignment" must be of type uint32 (got string)`},
		{"long name", single(strings.Repeat("n", 65), u32(0), u32(0), u64(0)), "tensor 1 of 1: text at byte 32 must have at most 64 bytes (got a length of 65)"},
		{"same name", raw(u32(3), u64(2), u64(0), "a", u32(0), u32(0), u64(0), "a", u32(0), u32(0), u64(0), make([]byte, 64)), `tensor name "a" must be unique`},
		{"dimensions", single("a", u32(5), u32(0), u64(0)), `tensor "a": shape must have at most 4 dimensions (got 5)`},
		{"cut entry", raw(u32(3), u64(1), u64(0), "a-long-name", u32(4), u64(1)), `tensor "a-long-name": file of 55 bytes is truncated at byte 47: 32 more must follow`},
		{"type", single("a", u32(1), u64(32), u32(20), u64(0)), `tensor "a": type must be one of ` + names + ` (got IQ4_NL)`},
		{"unknown type", single("a", u32(1), u64(32), u32(99), u64(0)), `(got type 99)`},
		{"offset", single("a", u32(1), u64(1), u32(0), u64(8)), `tensor "a": offset must be a multiple of 32 within the file of 128 bytes (got 8)`},
		{"far offset", single("a", u32(1), u64(1), u32(0), u64(1<<63)), `tensor "a": offset must be a multiple of 32 within the file of 128 bytes (got 9223372036854775808)`},
		{"overflow", single("a", u32(4), u64(1<<32), u64(1<<32), u64(1), u64(1), u32(0), u64(0)), `tensor "a": shape must be of reasonable size (got [1 1 4294967296 4294967296])`},
		{"negative", single("a", u32(1), u64(1<<63), u32(0), u64(0)), `tensor "a": shape must be of reasonable size (got [9223372036854775808])`},
		{"zero, then huge", single("a", u32(2), u64(1<<63), u64(0), u32(0), u64(0)), `tensor "a": shape must be of reasonable size (got [0 9223372036854775808])`},
		{"rows", single("a", u32(2), u64(16), u64(2), u32(2), u64(0)), `tensor "a": rows of Q4_0 must be a multiple of 32 long (got shape [2 16])`},
		{"beyond the file", single("a", u32(1), u64(33), u32(0), u64(0)), `tensor "a": shape [33] of F32 must fit into the file of 128 bytes`},
		{"beyond the data", single("a", u32(1), u64(17), u32(0), u64(0)), `tensor "a" must end within the data of 64 bytes (ends at 68)`},
		{"overlap", raw(u32(3), u64(2), u64(0), "a", u32(1), u64(9), u32(0), u64(0), "b", u32(1), u64(1), u32(0), u64(32), make([]byte, 200)), `tensor "b" must not overlap another (begins at 32 of the data, the one before ends at 36)`},
	}
	for _, c := range cases {
		_, err := parse(c.file)
		if err == nil || !strings.Contains(err.Error(), c.text) || !errors.Is(err, errFormat) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s:\ngot  %v\nwant %s", c.name, err, c.text)
		}
	}
}

func TestReadBad(t *testing.T) {
	f := openGolden(t, "q4_0.gguf")
	for text, err := range map[string]error{
		`gguf: q4_0.gguf: tensor "y" is missing`:                                                         f.ReadFloats("y", 0, nil),
		`gguf: q4_0.gguf: tensor "x" of 1536 numbers must be read in blocks of 32 (got 32 from 1536 on)`: f.ReadFloats("x", 1536, make([]float32, 32)),
		`gguf: q4_0.gguf: tensor "x" of 1536 numbers must be read in blocks of 32 (got 32 from 16 on)`:   f.ReadFloats("x", 16, make([]float32, 32)),
		`gguf: q4_0.gguf: tensor "x" of 1536 numbers must be read in blocks of 32 (got 31 from 0 on)`:    f.ReadFloats("x", 0, make([]float32, 31)),
		`gguf: q4_0.gguf: tensor "x" of 1536 numbers must be read in blocks of 32 (got 32 from -32 on)`:  f.ReadFloats("x", -32, make([]float32, 32)),
	} {
		if err == nil || err.Error() != text {
			t.Errorf("got %v, want %s", err, text)
		}
	}
	b, err := os.ReadFile(filepath.Join("testdata", "q4_0.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	cut, err := newFile("m.gguf", bytes.NewReader(b[:600]), int64(len(b))) // cut short after it was opened
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cut.Floats("x"); err == nil || err.Error() != `gguf: m.gguf: tensor "x": file is truncated at byte 600: EOF` {
		t.Error(err)
	}
}

func TestWriteBad(t *testing.T) {
	x := []float32{1}
	inf := make([]float32, 64)
	inf[40] = float32(math.Inf(-1))
	cycle := []any{nil}
	cycle[0] = cycle
	for text, c := range map[string]struct {
		metadata Metadata
		tensors  []Tensor
	}{
		`tensor name "a" must be unique`:                                                      {nil, []Tensor{{Name: "a", Data: x}, {Name: "a", Data: x}}},
		`tensor name must be UTF-8 of 1 to 63 bytes (got "")`:                                 {nil, []Tensor{{Data: x}}},
		`tensor "a": shape [2] must have 2 numbers (got 1)`:                                   {nil, []Tensor{{Name: "a", Shape: []int{2}, Data: x}}},
		`tensor "a": shape must be of reasonable size (got [-1])`:                             {nil, []Tensor{{Name: "a", Shape: []int{-1}, Data: x}}},
		`tensor "a": shape must have at most 4 dimensions (got [1 1 1 1 1])`:                  {nil, []Tensor{{Name: "a", Shape: []int{1, 1, 1, 1, 1}, Data: x}}},
		`tensor "a": type must be one of F32, F16, Q8_0, BF16 (got Q4_0)`:                     {nil, []Tensor{{Name: "a", Type: Q4_0, Data: x}}},
		`tensor "a": rows of Q8_0 must be a multiple of 32 long (got shape [2 16])`:           {nil, []Tensor{{Name: "a", Type: Q8_0, Shape: []int{2, 16}, Data: make([]float32, 32)}}},
		`tensor "a": numbers of Q8_0 must be finite and at most 127*65504`:                    {nil, []Tensor{{Name: "a", Type: Q8_0, Shape: []int{2, 32}, Data: inf}}},
		`key "k" must be unique`:                                                              {Metadata{{"k", true}, {"k", true}}, nil},
		`key must be UTF-8 of 1 to 65535 bytes (got "\xff")`:                                  {Metadata{{"\xff", true}}, nil},
		`key "k": value must be of a type that Pair lists (got int)`:                          {Metadata{{"k", 1}}, nil},
		`key "k": value must be of a type that Pair lists (got <nil>)`:                        {Metadata{{"k", nil}}, nil},
		`key "k": value must be of a type that Pair lists (got []int)`:                        {Metadata{{"k", []int{1}}}, nil},
		`key "k": arrays must hold arrays alone or none, at most 8 deep (got []interface {})`: {Metadata{{"k", cycle}}, nil},
		`key "k": arrays must hold arrays alone or none, at most 8 deep (got bool)`:           {Metadata{{"k", []any{true}}}, nil},
		`key "general.alignment" must be a power of two up to 1048576 (got 5)`:                {Metadata{{"general.alignment", uint32(5)}}, nil},
	} {
		if err := Encode(io.Discard, c.metadata, c.tensors); err == nil || err.Error() != "write GGUF: "+text {
			t.Errorf("got %v, want %s", err, text)
		}
	}
}

// TestFill: a tensor written in pieces, and one written to a file, are what one piece
// and a stream give.
func TestFill(t *testing.T) {
	const rows, width = 3000, 288
	data := make([]float32, rows*width)
	for i := range data {
		data[i] = float32(i%7919) / 3
	}
	fill := func(dst []float32, lo int) { copy(dst, data[lo*width:]) }
	for _, typ := range []Type{F32, F16, BF16, Q8_0} {
		var want bytes.Buffer
		if err := Encode(&want, nil, []Tensor{{Name: "x", Shape: []int{rows, width}, Type: typ, Data: data}}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "x.gguf")
		if err := Write(path, nil, []Tensor{{Name: "x", Shape: []int{rows, width}, Type: typ, Fill: fill}}); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s: %d bytes, %v", typ, len(got), err)
		}
	}
}

// TestQ8_0Small: what is too small for a scale becomes zero.
func TestQ8_0Small(t *testing.T) {
	x := make([]float32, 32)
	x[3], x[4] = 1e-40, -1e-39
	got := make([]byte, 34)
	if err := encodeQ8_0(got, x); err != nil || !bytes.Equal(got, make([]byte, 34)) {
		t.Errorf("%v, %v", got, err)
	}
}

// plainFS hides every method of its files but those of fs.File.
type plainFS struct{ fs.FS }

func (p plainFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	return struct{ fs.File }{f}, err
}

func TestPlainFS(t *testing.T) {
	fsys := fstest.MapFS{"a": {Data: single("x", u32(0), u32(0), u64(0))}}
	for _, x := range []fs.FS{fsys, plainFS{fsys}} {
		f, err := Open(x, "a")
		if err != nil {
			t.Fatal(err)
		}
		if v, err := f.Floats("x"); err != nil || len(v) != 1 || v[0] != 0 {
			t.Errorf("%v, %v", v, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := Open(fsys, "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestRoundTrip: what is written in F32 is read back to the bit, with its metadata.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tensors []Tensor
		metadata := Metadata{{alignmentKey, uint32(1) << rapid.IntRange(0, 8).Draw(t, "alignment")}}
		for i := range rapid.IntRange(0, 5).Draw(t, "n") {
			d := rapid.SliceOfN(rapid.Float32(), 0, 40).Draw(t, "data")
			tensors = append(tensors, Tensor{Name: fmt.Sprint("t", i), Shape: []int{1, len(d)}, Data: d})
			metadata = append(metadata, Pair{fmt.Sprint("k", i), rapid.String().Draw(t, "text")}, Pair{fmt.Sprint("a", i), d})
		}
		var b bytes.Buffer
		if err := Encode(&b, metadata, tensors); err != nil {
			t.Fatal(err)
		}
		f, err := parse(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(metadata, f.Metadata); d != "" {
			t.Fatal(d)
		}
		for i, want := range tensors {
			got, err := f.Floats(want.Name)
			if err != nil || !slices.Equal(got, want.Data) || !slices.Equal(f.Tensors()[i].Shape, want.Shape) {
				t.Fatalf("%q: %v, %v", want.Name, got, err)
			}
		}
	})
}
