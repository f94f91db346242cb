package kernel

import (
	"os"
	"strings"
	"testing"
	"unsafe"

	"pgsrm/kernel/internal/generic"
)

// PGSRM_TEST_KERNELS names the variants that must have been tested (avx512,avx2,go), so that a
// machine without one of them cannot pass for one that has it.
func TestWantedVariantsAreAvailable(t *testing.T) {
	for name := range strings.SplitSeq(os.Getenv("PGSRM_TEST_KERNELS"), ",") {
		if _, err := choose(name, available()); err != nil {
			t.Errorf("variant %q was asked for: %v", name, err)
		}
	}
}

// PGSRM_KERNEL must not be ignored: the whole run would be one of another variant.
func TestForcedVariantIsInUse(t *testing.T) {
	if err := Check(); err != nil {
		t.Error(err)
	}
	if name := os.Getenv(Variable); name != "" && Name() != name {
		t.Errorf("PGSRM_KERNEL asks for %q but %q is in use", name, Name())
	}
}

// The assembly reads a Tile by these offsets (tiles.go in _asm).
func TestTileOffsets(t *testing.T) {
	var x generic.Tile
	for name, o := range map[string][2]uintptr{
		"A":         {unsafe.Offsetof(x.A), 0},
		"B":         {unsafe.Offsetof(x.B), 24},
		"C":         {unsafe.Offsetof(x.C), 48},
		"Bias":      {unsafe.Offsetof(x.Bias), 72},
		"Res":       {unsafe.Offsetof(x.Res), 96},
		"Ahead":     {unsafe.Offsetof(x.Ahead), 120},
		"M":         {unsafe.Offsetof(x.M), 144},
		"K":         {unsafe.Offsetof(x.K), 152},
		"AK":        {unsafe.Offsetof(x.AK), 160},
		"LDC":       {unsafe.Offsetof(x.LDC), 168},
		"LDRes":     {unsafe.Offsetof(x.LDRes), 176},
		"Tiles":     {unsafe.Offsetof(x.Tiles), 184},
		"Panels":    {unsafe.Offsetof(x.Panels), 192},
		"BStep":     {unsafe.Offsetof(x.BStep), 200},
		"CStep":     {unsafe.Offsetof(x.CStep), 208},
		"Load":      {unsafe.Offsetof(x.Load), 216},
		"AheadStep": {unsafe.Offsetof(x.AheadStep), 224}, "AStep": {unsafe.Offsetof(x.AStep), 232},
	} {
		if unsafe.Sizeof(int(0)) == 8 && o[0] != o[1] {
			t.Errorf("%s: got offset %d, want %d", name, o[0], o[1])
		}
	}
}

// The assembly reads an Attn and its segments by these offsets (attention.go in _asm).
func TestAttnOffsets(t *testing.T) {
	var x generic.Attn
	var seg generic.Seg
	for i, o := range [][2]uintptr{
		{unsafe.Offsetof(x.Paths), 0}, {unsafe.Offsetof(x.Segs), 24}, {unsafe.Offsetof(x.P), 48}, {unsafe.Offsetof(x.DP), 72},
		{unsafe.Offsetof(x.X), 96}, {unsafe.Offsetof(x.X2), 120}, {unsafe.Offsetof(x.Y), 144}, {unsafe.Offsetof(x.Y2), 168},
		{unsafe.Offsetof(x.Pitch), 192}, {unsafe.Offsetof(x.LDX), 200}, {unsafe.Offsetof(x.LDX2), 208}, {unsafe.Offsetof(x.LDY), 216},
		{unsafe.Offsetof(x.Width), 224}, {unsafe.Offsetof(x.From), 232}, {unsafe.Offsetof(x.To), 240},
		{unsafe.Offsetof(x.Scale), 248}, {unsafe.Offsetof(x.Fill), 252},
		{unsafe.Offsetof(seg.T0), 0}, {unsafe.Offsetof(seg.T1), 4}, {unsafe.Offsetof(seg.Row), 8}, {unsafe.Offsetof(seg.Rows), 12}, {unsafe.Sizeof(seg), 16},
	} {
		if unsafe.Sizeof(int(0)) == 8 && o[0] != o[1] {
			t.Errorf("field %d: got offset %d, want %d", i, o[0], o[1])
		}
	}
}

func TestShortSlicesPanic(t *testing.T) {
	x := make([]float32, 64)
	for name, f := range map[string]func(){
		"a":  func() { MatMul(nil, View(x, 2), View(x[:5], 3), 2, Packed{x, 3, 2}, Epilogue{}) },
		"c":  func() { MatMul(nil, View(x[:3], 2), View(x, 3), 2, Packed{make([]float32, 96), 3, 2}, Epilogue{}) },
		"w":  func() { MatMulT(nil, View(x, 3), View(x, 2), 2, Packed{x, 3, 2}, false) },
		"dw": func() { MatMulGrad(nil, Packed{x, 3, 2}, View(x, 3), View(x, 2), 2, true) },
		"strides": func() {
			Attention(nil, View(x, 4), QKV{View(x, 4), View(x, 4), View(x, 8)}, [][]int32{{0}}, AttnShape{1, 1, 4, 1})
		},
		"path": func() {
			Attention(nil, View(x, 4), QKV{View(x, 4), View(x, 4), View(x, 4)}, [][]int32{{99}}, AttnShape{1, 1, 4, 1})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: was accepted", name)
				}
			}()
			f()
		}()
	}
}
