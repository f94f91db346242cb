// Package avx2 holds the primitives of package kernel in AVX2 and FMA assembly. Each computes what the function
// of its name in package generic does. kernels_amd64.s, stubs_amd64.go and attn_amd64.go are generated.
package avx2

//go:generate go run -C ../../_asm . -isa avx2 -pkg avx2 -out ../internal/avx2/kernels_amd64.s -stubs ../internal/avx2/stubs_amd64.go
