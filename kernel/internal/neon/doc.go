// Package neon holds the primitives of package kernel in NEON assembly, for arm64. Each computes what the function
// of its name in package generic does, with the bits of packages avx512 and avx2. kernels_arm64.s, stubs_arm64.go and
// attn_arm64.go are generated; docs/performance.md counts their instructions.
package neon

//go:generate go run -C ../../_asm . -neon ../internal/neon
