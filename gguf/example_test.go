package gguf_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"pgsrm/gguf"
)

// A file is opened, which checks it, and its tensors are read as float32.
func ExampleOpen() {
	f, err := gguf.Open(os.DirFS("testdata"), "metadata.gguf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	architecture, _ := f.Metadata.Value("general.architecture")
	fmt.Println("version", f.Version, architecture)
	for _, info := range f.Tensors() {
		x, err := f.Floats(info.Name)
		fmt.Println(info.Name, info.Type, info.Shape, x, err)
	}
	// Output:
	// version 3 test
	// b F32 [2 3] [0 1 2 3 4 5] <nil>
	// a F16 [1] [-1.5] <nil>
}

// A tensor is written from a function that fills some rows at a time, so that it is
// never in memory as a whole.
func ExampleWrite() {
	dir, err := os.MkdirTemp("", "gguf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	metadata := gguf.Metadata{{Key: "general.architecture", Value: "test"}, {Key: "test.block_count", Value: uint32(1)}}
	rows := func(dst []float32, lo int) {
		for i := range dst {
			dst[i] = float32(lo + i/32)
		}
	}
	err = gguf.Write(filepath.Join(dir, "x.gguf"), metadata, []gguf.Tensor{{Name: "x", Shape: []int{1000, 32}, Type: gguf.Q8_0, Fill: rows}})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := gguf.Open(os.DirFS(dir), "x.gguf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	row := make([]float32, 32)
	err = f.ReadFloats("x", 127*32, row)
	fmt.Println(row[0], row[31], err)
	// Output: 127 127 <nil>
}

// Wrong input is one line that names the tensor.
func ExampleEncode() {
	fmt.Println(gguf.Encode(new(bytes.Buffer), nil, []gguf.Tensor{{Name: "x", Shape: []int{2}, Data: []float32{1}}}))
	// Output: write GGUF: tensor "x": shape [2] must have 2 numbers (got 1)
}
