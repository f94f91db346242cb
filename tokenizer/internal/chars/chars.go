// Package chars knows the properties of characters as the Hugging Face library
// sees them: its regex engine and its Rust crates carry Unicode data of different
// ages, so that no single Unicode version says them all.
//
//	chars.go     the table, read once from unicode.txt, and its properties
//	class.go     letter, number, white space or none of them, for the scanners
//	grapheme.go  the end of a grapheme cluster
package chars

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// unicodeTxt is written by testdata/make_unicode.py of package tokenizer, which
// says why the classes are not those of package unicode.
//
//go:embed unicode.txt
var unicodeTxt string

// Table holds the properties of every character.
type Table struct {
	pages [0x1100]*[256]uint32 // by r>>8, then r&255: properties
	lower map[rune]string      // characters that Lowercase changes
	class [256]Class           // by category bits of the properties
	names map[string]uint32    // category by name
}

// Properties: the general category in the low five bits, flags above.
const (
	CategoryBits = 1<<5 - 1 // 0: not assigned

	Han         = 1 << (iota + 4) // \p{Han}
	Space                         // \s, White_Space
	RegexWord                     // [\w] of the regex engine of Split and Replace
	Word                          // \w of the pre-tokenizer Whitespace and of added tokens
	Punct                         // punctuation of the pre-tokenizers
	Numeric                       // numeric characters of the pre-tokenizer Digits
	Control                       // characters that BertNormalizer removes
	Nonspacing                    // marks that BertNormalizer strips
	Mark                          // marks that StripAccents strips
	Nonstarter                    // has a combining class
	Decomposed                    // has a compatibility decomposition
	isJoining                     // never begins a grapheme cluster
	isExtending                   // joining, and not a spacing mark
	isPict                        // joins another one after a zero-width joiner
	isLinker                      // joins consonants, as the virama
	isConsonant                   // what linkers join
	isPrepended                   // joins what follows
	isBreak                       // a cluster of its own: control characters
)

// flagNames are the names of the flags in unicode.txt.
var flagNames = map[string]uint32{"han": Han, "space": Space, "regexword": RegexWord, "word": Word,
	"punct": Punct, "numeric": Numeric, "control": Control, "nonspacing": Nonspacing, "mark": Mark,
	"nonstarter": Nonstarter, "decomposes": Decomposed, "joins": isJoining, "extends": isExtending, "pict": isPict,
	"linker": isLinker, "consonant": isConsonant, "prepends": isPrepended, "breaks": isBreak}

// Load returns the table, made at its first use.
var Load = sync.OnceValue(func() *Table {
	t := &Table{lower: map[rune]string{}, names: map[string]uint32{}}
	empty := new([256]uint32)
	for i := range t.pages {
		t.pages[i] = empty
	}
	for line := range strings.Lines(unicodeTxt) {
		name, list, _ := strings.Cut(strings.TrimSpace(line), " ")
		flag, isFlag := flagNames[name]
		switch {
		case name == "#":
		case name == "lower":
			t.readLower(list)
		case isFlag:
			t.read(list, flag, empty)
		default: // a category
			t.names[name] = uint32(len(t.names) + 1)
			t.read(list, t.names[name], empty)
		}
	}
	t.classify()
	t.shrink()
	return t
})

// read adds bits to the characters of a list of ranges in hex.
func (t *Table) read(list string, bits uint32, empty *[256]uint32) {
	for item := range strings.FieldsSeq(list) {
		a, b, two := strings.Cut(item, "-")
		lo := hexRune(a)
		hi := lo
		if two {
			hi = hexRune(b)
		}
		for r := lo; r <= hi; r++ {
			if t.pages[r>>8] == empty {
				t.pages[r>>8] = new([256]uint32)
			}
			t.pages[r>>8][r&255] |= bits
		}
	}
}

// readLower reads pairs from>to+to.
func (t *Table) readLower(list string) {
	for item := range strings.FieldsSeq(list) {
		from, to, _ := strings.Cut(item, ">")
		var s []rune
		for part := range strings.SplitSeq(to, "+") {
			s = append(s, hexRune(part))
		}
		t.lower[hexRune(from)] = string(s)
	}
}

func hexRune(s string) rune {
	n, err := strconv.ParseUint(s, 16, 21)
	if err != nil {
		return utf8.RuneError // not in the embedded file, a test reads all of it
	}
	return rune(n)
}

// classify notes which categories are letters and numbers.
func (t *Table) classify() {
	for name, bits := range t.names {
		switch name[0] {
		case 'L':
			t.class[bits] = Letter
		case 'N':
			t.class[bits] = Number
		}
	}
}

// shrink lets equal pages share their memory: planes of private use are alike.
func (t *Table) shrink() {
	seen := map[[256]uint32]*[256]uint32{}
	for i, p := range t.pages {
		if q, ok := seen[*p]; ok {
			t.pages[i] = q
		} else {
			seen[*p] = p
		}
	}
}

// Of returns the properties of a character.
func (t *Table) Of(r rune) uint32 { return t.pages[r>>8][r&255] }

// Has reports whether a character has one of the flags.
func (t *Table) Has(r rune, flags uint32) bool { return t.Of(r)&flags != 0 }

// Lower is what Lowercase makes of a character; ok is false where it stays.
func (t *Table) Lower(r rune) (s string, ok bool) {
	s, ok = t.lower[r]
	return s, ok
}

// Categories returns the general categories of a name such as Lu, or L for all
// of its letter, as a set: bit k for the category whose properties have k in
// their low bits. It is 0 for an unknown name.
func (t *Table) Categories(name string) uint32 {
	set := uint32(0)
	for category, k := range t.names {
		if name == category || name == category[:1] {
			set |= 1 << k
		}
	}
	if name == "C" || name == "Cn" {
		set |= 1 // not assigned
	}
	return set
}

// TrimSpace returns the length of the white space that s ends with, or begins
// with if left is set.
func (t *Table) TrimSpace(s string, left bool) int {
	space := func(r rune) bool { return t.Has(r, Space) }
	if left {
		return len(s) - len(strings.TrimLeftFunc(s, space))
	}
	return len(s) - len(strings.TrimRightFunc(s, space))
}
