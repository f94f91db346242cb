package chars

import (
	"strings"
	"testing"
)

// TestUnicodeTable reads all of the embedded table.
func TestUnicodeTable(t *testing.T) {
	if strings.Contains(unicodeTxt, "\uFFFD") || len(Load().names) != 28 {
		t.Errorf("%d categories, want 28", len(Load().names))
	}
	for _, tc := range []struct {
		r    rune
		flag uint32
		want bool
	}{
		{'_', Word, true}, {'²', Numeric, true}, {'²', RegexWord, false}, {'\u0301', Nonspacing | Mark, true},
		{'中', Han, true}, {'!', Punct, true}, {'$', Punct, true}, {'\u00a0', Space, true}, {'a', Space, false},
		{'é', Decomposed, true}, {'\u0301', Nonstarter, true}, {'\u0007', Control, true},
	} {
		if got := Load().Has(tc.r, tc.flag); got != tc.want {
			t.Errorf("%U has %x: %v, want %v", tc.r, tc.flag, got, tc.want)
		}
	}
}
