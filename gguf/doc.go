// Package gguf reads and writes files of tensors and metadata in the GGUF format,
// versions 2 and 3, little-endian
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). It knows no model. A
// file is not trusted: every count, length and offset is checked against its size
// before anything is allocated.
//
//	read.go      an open file: what it holds, numbers on demand
//	header.go    the header: magic, version, alignment
//	scan.go      numbers and texts of the header, never beyond the file
//	metadata.go  keys and values
//	entries.go   tensor entries: shapes, types, places
//	values.go    values as they are written
//	types.go     the types of tensors; F32, F16, BF16, Q8_0 from and to float32
//	legacy.go    blocks of 32 numbers: Q4_0, Q4_1, Q5_0, Q5_1
//	kquant.go    blocks of 256 numbers: Q2_K to Q6_K
//	write.go     files written; the same tensors give the same bytes
//
// docs/format/gguf.md describes the format and what is checked.
package gguf
