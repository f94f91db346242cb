package dashboard

import (
	"encoding/json"
	"math"
	"strconv"
	"testing"
)

// What is read by itself is what encoding/json reads.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{`{"step":1,"episode":2,"a":-1.5e-7}`, `{}`, `{"a":1,}`, `{"a":01}`, `{"a" : 1}`, `{"a\n":1}`, `{"a":1e400}`, `{"a":null}`, `[1]`, `{"a":{"b":1}}`, `{"a":1e}`, `{"a":.}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := numbers(s, nil)
		var want map[string]any
		if json.Unmarshal([]byte(s), &want) != nil {
			return // what is no JSON may be read leniently, but must not panic
		}
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		read := map[string]float64{}
		for _, n := range got {
			read[n.name] = n.value
		}
		for name, v := range want {
			n, ok := v.(float64)
			if back, found := read[name]; ok && (!found || math.Abs(back-n) > 1e-14*math.Abs(n)+1e-320) {
				t.Errorf("%q: %q is %v, want %v", s, name, back, n)
			}
		}
	})
}

func TestParseNumber(t *testing.T) {
	for _, s := range []string{"0", "-0", "1", "-1.25", "0.10563850563758069", "123456789012345678901234567890", "0.00000000000000000000123", "1.7e-05", "9.99e307", "4.2e-310", "1E+3", "6.861962739893528"} {
		want, _ := strconv.ParseFloat(s, 64)
		if got, ok := parseNumber(s); !ok || math.Abs(got-want) > 1e-15*math.Abs(want)*4 {
			t.Errorf("%s: got %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "-", ".", "1.2.3", "1e", "x", "1e999999", "nul", "1x"} {
		if _, ok := parseNumber(s); ok {
			t.Errorf("%s must be no number", s)
		}
	}
}
