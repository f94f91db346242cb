package tokenizer

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"pgsrm/tokenizer/internal/regex"
)

// naiveMerges joins the pair with the lowest rank, leftmost first, as the paper says.
func naiveMerges(ids []int32, merges *pairTable) []int32 {
	ids = slices.Clone(ids)
	for {
		best, at := uint64(noPair), -1
		for i := range len(ids) - 1 {
			if v := merges.get(ids[i], ids[i+1]); v>>32 < best>>32 {
				best, at = v, i
			}
		}
		if at < 0 {
			return ids
		}
		ids = slices.Replace(ids, at, at+2, int32(uint32(best)))
	}
}

// TestMergesAgree: looking at every pair, the heap and the definition agree.
func TestMergesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		merges := newPairTable(40)
		size := int32(3) // ids 0..2 are characters, each merge makes a new one
		for range rapid.IntRange(0, 40).Draw(t, "merges") {
			pick := rapid.Int32Range(0, size-1)
			a, b := pick.Draw(t, "left"), pick.Draw(t, "right")
			if merges.get(a, b) == noPair {
				merges.set(a, b, int(size), size)
				size++
			}
		}
		ids := rapid.SliceOfN(rapid.Int32Range(0, 2), 2, 80).Draw(t, "word")
		want := naiveMerges(ids, &merges)
		var st mergeState
		for name, run := range map[string]func([]int32, *pairTable) int{"pairs": st.runShort, "heap": st.runHeap} {
			got := slices.Clone(ids)
			if got = got[:run(got, &merges)]; !slices.Equal(got, want) {
				t.Fatalf("%s: %v, want %v", name, got, want)
			}
		}
	})
}

// TestScannersAgree: each hand-written scanner matches what its pattern matches.
func TestScannersAgree(t *testing.T) {
	alphabet := []string{"a", "Z", "é", "中", "1", "²", "٣", " ", "\t", "\n", "\r", "\u3000", "'", "'s", "'LL", "'ſ", "!", "🙂", "\u0301", "re", "_"}
	for _, expr := range []string{PatternGPT2, PatternLlama3, PatternQwen2} {
		re, err := regex.Compile(expr)
		if err != nil {
			t.Fatal(err)
		}
		scan := scanMatcher{scannerOf(expr)}
		rapid.Check(t, func(t *rapid.T) {
			text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(alphabet), 0, 12).Draw(t, "parts"), "")
			var got, want [][2]int
			for a, b := range matches(scan, text) {
				got = append(got, [2]int{a, b})
			}
			for a, b := range matches(pattern{re}, text) {
				want = append(want, [2]int{a, b})
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%q: %v, the pattern %s says %v", text, got, expr, want)
			}
		})
	}
}

// TestFormsAgree: on characters that both know, the forms are those of x/text.
func TestFormsAgree(t *testing.T) {
	alphabet := []rune("aeoA \u00e9\u1e9b\u0323\u0301\u0327\u0345\u0334가각ᄀ\u1161\u11a8ﬁ①\u212bΩ\u0344\u2126か\u3099")
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOfN(rapid.SampledFrom(alphabet), 0, 12).Draw(t, "text"))
		for form, std := range map[unicodeForm]norm.Form{{}: norm.NFD, {compose: true}: norm.NFC,
			{compat: true}: norm.NFKD, {compose: true, compat: true}: norm.NFKC} {
			if got := form.normalize(piece{text: text}).text; got != std.String(text) {
				t.Fatalf("%v of %+q = %+q, want %+q", std, text, got, std.String(text))
			}
		}
	})
}

// TestLongMarks: no grapheme joiner is put into a long run of marks.
func TestLongMarks(t *testing.T) {
	text := "e" + strings.Repeat("\u0301", 40)
	want := "é" + strings.Repeat("\u0301", 39)
	if got := (unicodeForm{compose: true}).normalize(piece{text: text}).text; got != want {
		t.Errorf("NFC = %+q, want %+q", got, want)
	}
}

// TestModes cuts "the-final--countdown" at each hyphen.
func TestModes(t *testing.T) {
	for _, tc := range []struct {
		mode mode
		want string
	}{
		{removed, "the final countdown"},
		{isolated, "the - final - - countdown"},
		{mergedPrev, "the- final- - countdown"},
		{mergedNext, "the -final - -countdown"},
		{contiguous, "the - final -- countdown"},
	} {
		var got []string
		for _, p := range (cutter{find: literal("-"), mode: tc.mode}).split(nil, piece{text: "the-final--countdown"}) {
			got = append(got, p.text)
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("mode %d: %q, want %q", tc.mode, s, tc.want)
		}
	}
}

// TestValidText: one U+FFFD for each maximal broken part (Unicode 15, table 3-8).
func TestValidText(t *testing.T) {
	for _, tc := range [][2]string{
		{"a\xf1\x80\x80\xe1\x80\xc2b\x80c\x80\xbfd", "a???b?c??d"},
		{"\xed\xa0\x80", "???"},
		{"\xf4\x90\x80\x80", "????"},
		{"\xe2\x82", "?"},
		{"\uFFFD", "?"},
	} {
		if got, want := validText(tc[0]), strings.ReplaceAll(tc[1], "?", "\uFFFD"); got != want {
			t.Errorf("validText(%q) = %q, want %q", tc[0], got, want)
		}
	}
}

// TestConcurrent: one tokenizer serves many goroutines.
func TestConcurrent(t *testing.T) {
	tok, cases := readGolden(t, "testdata/golden/llama3.json.gz")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, c := range cases {
				if err := c.check(tok); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
