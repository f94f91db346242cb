// Package avx512 holds the primitives of package kernel in AVX-512 (F, BW, DQ, VL) assembly. Each computes what the function
// of its name in package generic does. kernels_amd64.s, stubs_amd64.go and attn_amd64.go are generated.
package avx512

//go:generate go run -C ../../_asm . -isa avx512 -pkg avx512 -out ../internal/avx512/kernels_amd64.s -stubs ../internal/avx512/stubs_amd64.go
