package regex

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// compiled compiles a pattern that must be supported.
func compiled(t testing.TB, pattern string) *Regexp {
	t.Helper()
	re, err := Compile(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return re
}

// found lists the matches in text, with the machine or the backward pass alone.
func found(re *Regexp, text string, linear bool) [][2]int {
	var out [][2]int
	f := re.Find(text)
	f.left = 1 << 30
	if linear {
		f.left = 0
	}
	for from := 0; from <= len(text); {
		a, b := f.Next(from)
		if a < 0 {
			break
		}
		out = append(out, [2]int{a, b})
		from = max(b, from+1)
		for from < len(text) && text[from]&0xC0 == 0x80 {
			from++
		}
	}
	return out
}

// TestMatches: each construct, by hand.
func TestMatches(t *testing.T) {
	for _, tc := range []struct{ pattern, text, want string }{
		{`a|ab`, "abab", "a a"},                  // the first way that matches counts, not the longest
		{`(?:a|ab)b`, "abb", "ab"},               // and is given back where it leads nowhere
		{`(?>a|ab)c`, "abc", ""},                 // but not out of an atomic group
		{`(?>a|ab)(?:c|b)`, "abc", "ab"},         //
		{`(?>(?>a|ab)b?|x)c`, "abc", "abc"},      // groups in groups
		{`(?>(?>ab|a)b|x)`, "ab x", "x"},         // a failed inner group fails the outer one's first way only
		{`x(?=yy)`, "xy xyy", "x"},               //
		{`x(?!yy)`, "xy xyy", "x"},               //
		{`(?!(?>a|ab)c)abc`, "abc", "abc"},       // an atomic group in a lookahead
		{`a*`, "aab", "aa"},                      //
		{`a*?b`, "aab", "aab"},                   //
		{`a++a`, "aaa", ""},                      //
		{`a+a`, "aaa", "aaa"},                    //
		{`a{2}`, "aaaaa", "aa aa"},               //
		{`a{2,3}`, "aaaaa", "aaa aa"},            //
		{`a{2,}`, "aaaaa", "aaaaa"},              //
		{`(ab)+?`, "ababab", "ab ab ab"},         //
		{`(ab){1,2}`, "ababab", "abab ab"},       //
		{`(?:ab)++a`, "ababa", "ababa"},          //
		{`(?:ab)++ab`, "abab", ""},               //
		{`(?:ab)?+b`, "abb b", "abb b"},          //
		{`^a|b$`, "ab\nab", "a b a b"},           // ^ and $ are those of lines
		{`\Aa|b\z`, "ab\nab", "a b"},             //
		{`.+`, "a\r\nb", "a\r b"},                // the dot takes all but a newline
		{`[^a-c\d]+`, "abx1y", "x y"},            //
		{`[\]\-x]+`, "]-x", "]-x"},               //
		{`\p{Lu}+|\P{L}+`, "ABcd12É", "AB 12 É"}, //
		{`\p{^L}`, "a1", "1"},                    //
		{`\x41\u0042\x{1F642}\t`, "AB🙂\t", "AB🙂\t"},
		{`(?i:don't)`, "DoN'T don't", "DoN'T don't"},
		{`(?i:k)+`, "kKK", "kKK"}, // with the kelvin sign
		{`\w+`, "aé_1²", "aé_1²"}, // outside brackets the raised digits count
		{`[\w]+`, "aé_1²", "aé_1"},
		{`\p{Han}+`, "a漢字b", "漢字"},
		{`\s+(?!\S)|\s`, "a\t\n\tb\n\t", "\t\n \t \n\t"},
	} {
		re := compiled(t, tc.pattern)
		for _, linear := range []bool{false, true} {
			var words []string
			for _, m := range found(re, tc.text, linear) {
				if m[0] < m[1] {
					words = append(words, tc.text[m[0]:m[1]])
				}
			}
			if got := strings.Join(words, " "); got != tc.want {
				t.Errorf("%s in %q (backward pass: %v): %q, want %q", tc.pattern, tc.text, linear, got, tc.want)
			}
		}
	}
}

// drawPattern draws a pattern of every construct.
func drawPattern(t *rapid.T, depth int) string {
	atoms := []string{"a", "b", "c", "é", ".", `\s`, `[ab]`, `[^b]`, `\p{L}`, "^", "$", `\A`, `\z`, ""}
	if depth == 0 {
		return rapid.SampledFrom(atoms).Draw(t, "atom")
	}
	sub := func() string { return drawPattern(t, depth-1) }
	many := rapid.SampledFrom([]string{"*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{0,3}", "{2,}"})
	switch rapid.IntRange(0, 8).Draw(t, "kind") {
	case 0:
		return sub() + "|" + sub()
	case 1:
		return "(?>" + sub() + ")"
	case 2:
		return "(?=" + sub() + ")"
	case 3:
		return "(?!" + sub() + ")"
	case 4:
		return "(?:" + sub() + ")" + many.Draw(t, "many")
	case 5:
		return rapid.SampledFrom(atoms[:9]).Draw(t, "atom") + many.Draw(t, "many")
	}
	return sub() + sub()
}

// TestEnginesAgree: the machine and the backward pass find the same matches.
func TestEnginesAgree(t *testing.T) {
	drawn, tried := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		drawn++
		pattern := drawPattern(t, rapid.IntRange(1, 5).Draw(t, "depth"))
		re, err := Compile(pattern)
		if err != nil {
			return // a repetition of what may be nothing
		}
		tried++
		for range 8 {
			text := rapid.StringOfN(rapid.SampledFrom([]rune("aaabbcé \n")), 0, 10, -1).Draw(t, "text")
			machine, linear := found(re, text, false), found(re, text, true)
			if !slices.Equal(machine, linear) {
				t.Fatalf("%s in %q: the machine finds %v, the backward pass %v", pattern, text, machine, linear)
			}
			checkFirst(t, re, text, machine)
		}
	})
	if 3*tried < drawn {
		t.Errorf("tried %d of %d patterns, want more", tried, drawn)
	}
}

// checkFirst: every match begins as First says.
func checkFirst(t *rapid.T, re *Regexp, text string, matches [][2]int) {
	first := re.First()
	for _, m := range matches {
		switch c := text[m[0]:m[1]]; {
		case c == "" && !first.Empty, c != "" && c[0] < 0x80 && !first.ASCII[c[0]], c != "" && c[0] >= 0x80 && !first.Other:
			t.Fatalf("match %q is not of %v", c, first)
		}
	}
}

// hostile are patterns that take exponential or quadratic time by backtracking,
// each with a text of n bytes.
var hostile = map[string]func(n int) string{
	`(a+)+$`:                 func(n int) string { return strings.Repeat("a", n) + "b" },
	`(a|a)*c`:                func(n int) string { return strings.Repeat("a", n) },
	`(a|aa)+$`:               func(n int) string { return strings.Repeat("a", n) + "b" },
	`(.*)(.*)(.*)(.*)(.*)x`:  func(n int) string { return strings.Repeat("a", n) },
	`(?:a+)+(?=b)c`:          func(n int) string { return strings.Repeat("a", n) + "b" },
	`(?!(a+)+c)a`:            func(n int) string { return strings.Repeat("a", n) + "b" },
	`(?>(a|aa)+b|a)`:         func(n int) string { return strings.Repeat("a", n) },
	`a*b`:                    func(n int) string { return strings.Repeat("a", n) },
	`a{0,1000}b`:             func(n int) string { return strings.Repeat("a", n) },
	`(?:a*?)(?:a*?)(?:a*?)b`: func(n int) string { return strings.Repeat("a", n) },
	`(?=(?:[^x]+)+x)a`:       func(n int) string { return strings.Repeat("é", n/2) },
	`(?:(?:a|b)|(?:b|a))+x`:  func(n int) string { return strings.Repeat("ab", n/2) },
}

// TestHostilePatterns: no pattern takes more than a time that grows with the text.
func TestHostilePatterns(t *testing.T) {
	n := 100_000
	if testing.Short() { // where the race detector multiplies the time
		n = 20_000
	}
	for pattern, text := range hostile {
		t.Run(pattern, func(t *testing.T) {
			re, start := compiled(t, pattern), time.Now()
			f := re.Find(text(n))
			for from := 0; from >= 0; {
				a, b := f.Next(from)
				if from = max(a, b); a == b && a >= 0 {
					from++
				}
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, pattern := range []string{`(`, `)`, `[`, `[a`, `a{2,1}`, `a**`, `(a?)*`, `\b`, `\1`, `(?i)a`, `[[:alpha:]]`, `[a&&b]`, `\p{Greek}`,
		`(?i:é)`, `(?i:ss)`, `(?i:[a-z])`, `x{3000}`, `((ab){900}){900}`, `\`, `[\d-z]`, `a{1,2}?+`, `\p{L`, `\xZZ`, strings.Repeat("(", 200),
		strings.Repeat("x", maxPattern+1), strings.Repeat("a{1000}", 10), `a(?<=b)`} {
		if _, err := Compile(pattern); err == nil {
			t.Errorf("Compile(%.40q) took a pattern that it does not support", pattern)
		}
	}
	if _, err := Compile(strings.Repeat("a|", 1000) + "b"); err != nil {
		t.Errorf("many alternatives: %v", err)
	}
}

// FuzzRegex: a pattern compiles or is refused, and matching ends soon.
func FuzzRegex(f *testing.F) {
	for _, p := range []string{`a|b*?c`, `(?>a+)b{2,3}`, `[^\p{L}\s]+(?!x)$`, `(?i:'s|t)++`, `(ab?){1,3}`, `(?!(?>a|ab)c)abc`} {
		f.Add(p, "aab'S tbbc\n")
	}
	for p := range hostile {
		f.Add(p, "aaaaaaaaaaaaab")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		start := time.Now()
		re, err := Compile(pattern)
		if err != nil {
			return
		}
		text = strings.ToValidUTF8(text, "?")
		linear := found(re, text, true)
		last := 0
		for _, m := range linear {
			if m[0] < last || m[1] < m[0] || m[1] > len(text) {
				t.Fatalf("%q: match %v after %d", pattern, m, last)
			}
			last = m[1]
		}
		long := re.Find(strings.Repeat(text, 1+4096/(len(text)+1)))
		for from := 0; from >= 0; {
			a, b := long.Next(from)
			if from = max(a, b); a == b && a >= 0 {
				from++
			}
		}
		if len(pattern) < 20 && len(text) < 20 {
			if machine := found(re, text, false); fmt.Sprint(machine) != fmt.Sprint(linear) {
				t.Fatalf("%q in %q: the machine finds %v, the backward pass %v", pattern, text, machine, linear)
			}
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%q took %v", pattern, took)
		}
	})
}
