package half

import (
	"math"
	"testing"
)

// TestF16 compares all finite float16 values with the definition.
func TestF16(t *testing.T) {
	for h := range 1 << 16 {
		exp, frac := h>>10&31, float64(h&1023)
		want := math.Ldexp(1+frac/1024, exp-15)
		if exp == 0 {
			want = math.Ldexp(frac, -24)
		}
		if exp == 31 {
			want = math.Inf(1)
			if frac != 0 {
				want = math.NaN()
			}
		}
		if h>>15 == 1 {
			want = -want
		}
		got := float64(Float(uint16(h)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != (h>>15 == 1) {
			t.Fatalf("%#04x: got %g, want %g", h, got, want)
		}
	}
}

// TestF16Written: every number of 16 bits is written as itself, and what lies
// between two is rounded to the nearer, ties to even.
func TestF16Written(t *testing.T) {
	for h := range 1 << 16 {
		v := Float(uint16(h))
		if v == v && F16(v) != uint16(h) {
			t.Fatalf("%#04x: %g became %#04x", h, v, F16(v))
		}
		if h&0x7fff >= 0x7bff {
			continue
		}
		next := Float(uint16(h + 1))
		mid := (v + next) / 2
		even := uint16(h) + uint16(h)&1
		for x, want := range map[float32]uint16{
			mid: even, math.Nextafter32(mid, v): uint16(h), math.Nextafter32(mid, next): uint16(h + 1),
		} {
			if got := F16(x); got != want {
				t.Fatalf("%g: got %#04x, want %#04x", x, got, want)
			}
		}
	}
	for v, want := range map[float32]uint16{65519.99: 0x7bff, 65520: 0x7c00, -1e30: 0xfc00, float32(math.Inf(1)): 0x7c00} {
		if got := F16(v); got != want {
			t.Errorf("%g: got %#04x, want %#04x", v, got, want)
		}
	}
	if got := F16(float32(math.NaN())); Float(got) == Float(got) {
		t.Errorf("NaN became %#04x", got)
	}
}

func TestBF16(t *testing.T) {
	cases := map[uint32]uint16{
		0x3f800000: 0x3f80, // 1
		0x3f808000: 0x3f80, // tie to even, down
		0x3f818000: 0x3f82, // tie to even, up
		0x3f808001: 0x3f81,
		0x7f7fffff: 0x7f80, // rounds to infinity
		0xff800000: 0xff80,
		0x80000001: 0x8000,
	}
	for in, want := range cases {
		if got := BF16(math.Float32frombits(in)); got != want {
			t.Errorf("%#08x: got %#04x, want %#04x", in, got, want)
		}
	}
	if got := BF16(math.Float32frombits(0x7f800001)); got&0x7f80 != 0x7f80 || got&0x7f == 0 {
		t.Errorf("NaN became %#04x", got)
	}
}
