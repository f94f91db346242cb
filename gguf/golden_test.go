package gguf

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openGolden(t *testing.T, name string) *File {
	t.Helper()
	f, err := Open(os.DirFS("testdata"), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestTypesAgreeWithReference: every type becomes float32 as the reference
// implementation makes it, bit for bit, as a whole and in rows.
func TestTypesAgreeWithReference(t *testing.T) {
	for typ, l := range layouts {
		if l.decode == nil {
			continue
		}
		name := strings.ToLower(typ.String())
		raw, err := os.ReadFile(filepath.Join("testdata", name+".f32"))
		if err != nil {
			t.Fatal(err)
		}
		f := openGolden(t, name+".gguf")
		info, ok := f.Info("x")
		if d := cmp.Diff([]int{3, 2, 256}, info.Shape); !ok || d != "" || info.Type != typ || len(raw) != 4*info.Len() {
			t.Fatalf("%s: %+v, %d bytes", name, info, len(raw))
		}
		whole, err := f.Floats("x")
		if err != nil {
			t.Fatal(err)
		}
		rows := make([]float32, info.Len())
		for lo := 0; lo < len(rows); lo += 256 {
			if err := f.ReadFloats("x", lo, rows[lo:lo+256]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range whole {
			want := binary.LittleEndian.Uint32(raw[4*i:])
			if a, b := math.Float32bits(whole[i]), math.Float32bits(rows[i]); a != want || b != want {
				t.Errorf("%s[%d]: got %#08x, in rows %#08x, want %#08x", name, i, a, b, want)
				break
			}
		}
	}
}

// TestMetadata: every type of value, in the order of the file, in both versions.
func TestMetadata(t *testing.T) {
	want := Metadata{
		{"general.architecture", "test"},
		{"u8", uint8(255)}, {"i8", int8(-128)}, {"u16", uint16(65535)}, {"i16", int16(-32768)},
		{"u32", uint32(math.MaxUint32)}, {"i32", int32(math.MinInt32)},
		{"u64", uint64(math.MaxUint64)}, {"i64", int64(math.MinInt64)},
		{"f32", float32(1.5)}, {"f64", 0.1}, {"yes", true}, {"no", false},
		{"text", "größer\n"}, {"empty", "-"},
		{"ints", []int32{1, -2, 3}}, {"floats", []float32{0.5, -0.25}},
		{"texts", []string{"a", "", "Ġb"}}, {"bools", []bool{true, false}},
		{"nested", []any{[]int32{1, 2}, []int32{3}, []int32{4, 5, 6}}},
		{"general.alignment", uint32(64)},
	}
	for version, name := range map[int]string{3: "metadata.gguf", 2: "metadata-v2.gguf"} {
		f := openGolden(t, name)
		if d := cmp.Diff(want, f.Metadata); d != "" || f.Version != version {
			t.Errorf("%s of version %d: %s", name, f.Version, d)
		}
		b, err := f.Floats("b")
		if d := cmp.Diff([]float32{0, 1, 2, 3, 4, 5}, b); err != nil || d != "" {
			t.Errorf("%v, %s", err, d)
		}
	}
}

// TestWritesAsReference: the bytes of a file are those of the reference
// implementation, rounding to F16, BF16 and Q8_0 included.
func TestWritesAsReference(t *testing.T) {
	for _, name := range []string{"written.gguf", "metadata.gguf"} {
		f := openGolden(t, name)
		var tensors []Tensor
		for _, info := range f.Tensors() {
			data, err := f.Floats(info.Name)
			if source, ok := f.Info("source"); ok {
				data, err = f.Floats(source.Name)
			}
			if err != nil {
				t.Fatal(err)
			}
			tensors = append(tensors, Tensor{Name: info.Name, Shape: info.Shape, Type: info.Type, Data: data})
		}
		var b bytes.Buffer
		if err := Encode(&b, f.Metadata, tensors); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.Bytes()); d != "" {
			t.Errorf("%s: %.2000s", name, d)
		}
	}
}
