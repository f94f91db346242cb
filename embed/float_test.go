package embed

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// sameAsStrconv compares parseFloat with the standard library, bit by bit.
func sameAsStrconv(t *testing.T, s string) {
	t.Helper()
	field, _, _ := strings.Cut(s, " ")
	field, _, _ = strings.Cut(field, "\t")
	want, err := strconv.ParseFloat(field, 32)
	finite := err == nil && !math.IsNaN(want) && !math.IsInf(want, 0)
	got, n, ok := parseFloat([]byte(s))
	if ok != finite || n != len(field) {
		t.Fatalf("%q: got %v, %d bytes, ok %v, want %v, %d bytes", s, got, n, ok, want, len(field))
	}
	if ok && math.Float32bits(got) != math.Float32bits(float32(want)) {
		t.Fatalf("%q: got %b, want %b", s, got, float32(want))
	}
}

func TestParseFloat(t *testing.T) {
	for _, s := range []string{
		"0", "-0", "+0.0", "1", "-1.5", "+2", ".5", "5.", ".", "-", "", "e5", "1e", "1e+", "1e5", "1E-5", "1e99999", "0e99999",
		"0.123456789", "123456789012345678", "1234567890123456789012", "1e22", "1e23", "1e-22", "1e-45", "1e-46", "1e38", "4e38",
		"3.4028235e38", "3.4028236e38", "3.40282357e38", "1.17549435e-38", "1.17549429e-38", "16777217", "16777217.0000001", "33554435",
		"0.000000059604645", "1 2 3", "1\t2", "nan", "NaN", "inf", "-Inf", "0x1p-2", "1_000", "1,5", "1..2", "--1", "0.1 0.2", " 1",
		"9007199254740993", "9007199254740992", "00000000000000000001", "0.00000000000000000000001",
	} {
		sameAsStrconv(t, s)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200000 {
		x := math.Float32frombits(rng.Uint32())
		sameAsStrconv(t, strconv.FormatFloat(float64(x), "efg"[rng.IntN(3)], rng.IntN(12)-1, 32))
		sameAsStrconv(t, strconv.FormatFloat(rng.NormFloat64(), 'f', rng.IntN(19), 64))
	}
}

// Numbers right between two float32 values round to the even one, and the
// slightest bit beside them to the nearer one.
func TestParseFloatBetween(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		a := math.Float32frombits(rng.Uint32()&0x007fffff | (120+rng.Uint32N(16))<<23)
		b := math.Nextafter32(a, 2*a)
		middle := (float64(a) + float64(b)) / 2
		exact := strconv.FormatFloat(middle, 'f', -1, 64)
		sameAsStrconv(t, exact)
		sameAsStrconv(t, exact+"1")
		sameAsStrconv(t, strconv.FormatFloat(math.Nextafter(middle, 0), 'f', -1, 64))
		sameAsStrconv(t, strconv.FormatFloat(middle, 'f', 12, 64))
	}
}

func FuzzParseFloat(f *testing.F) {
	for _, s := range []string{"0.12345 1", "-1e-5", "16777217", "1e", "nan"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { sameAsStrconv(t, s) })
}

func BenchmarkParseFloat(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var line []byte
	for range 300 {
		line = append(strconv.AppendFloat(line, rng.NormFloat64()*0.1, 'f', 5, 64), ' ')
	}
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		for at := 0; at < len(line); {
			_, n, _ := parseFloat(line[at:])
			at += n + 1
		}
	}
}
