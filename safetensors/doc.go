// Package safetensors reads and writes files of tensors in the safetensors format
// (https://github.com/huggingface/safetensors). It knows no model. A file is not
// trusted: its header is checked against its size before anything is allocated.
//
//	read.go     an open file: what it holds, numbers on demand or mapped into memory
//	header.go   the header, read and checked
//	write.go    files written; the same tensors give the same bytes
//	convert.go  float32 from and to F32, F16, BF16
//	map_*.go    files mapped into memory, where the system can
//
// docs/format/safetensors.md describes the format and what is checked.
package safetensors
