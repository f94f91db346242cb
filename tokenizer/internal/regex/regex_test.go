package regex

import (
	"strings"
	"testing"
)

func TestRegexRefused(t *testing.T) {
	for _, pattern := range []string{`(`, `)`, `[`, `[a`, `a{2,1}`, `a**`, `(a?)*`, `\b`, `\1`, `(?i)a`, `[[:alpha:]]`, `[a&&b]`, `\p{Greek}`,
		`(?i:é)`, `(?i:ss)`, `(?i:[a-z])`, `x{3000}`, `((ab){900}){900}`, `\`, `[\d-z]`, `a{1,2}?+`, `\p{L`, `\xZZ`, strings.Repeat("(", 200)} {
		if _, err := Compile(pattern); err == nil {
			t.Errorf("Compile(%.40q) took a pattern that it does not support", pattern)
		}
	}
}

// FuzzRegex: a pattern compiles or is refused, and matching ends.
func FuzzRegex(f *testing.F) {
	for _, p := range []string{`a|b*?c`, `(?>a+)b{2,3}`, `[^\p{L}\s]+(?!x)$`, `(?i:'s|t)++`, `(ab?){1,3}`} {
		f.Add(p, "aab'S tbbc\n")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 20 || len(text) > 20 {
			return // backtracking may take exponential time
		}
		re, err := Compile(pattern)
		if err != nil {
			return
		}
		text = strings.ToValidUTF8(text, "?")
		for from := 0; from <= len(text); from++ {
			if a, b := re.Next(text, from); a >= 0 && (a < from || b < a || b > len(text)) {
				t.Fatalf("match [%d, %d) from %d", a, b, from)
			}
		}
	})
}
