package tokenizer

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// unicodeTxt lists the character classes as the Hugging Face library sees them;
// testdata/make_unicode.py says why they are not those of package unicode.
//
//go:embed unicode.txt
var unicodeTxt string

// charTable holds the properties of every character.
type charTable struct {
	pages [0x1100]*[256]uint32 // by r>>8, then r&255: properties
	lower map[rune]string      // characters that Lowercase changes
	class [256]class           // by category bits of the properties
	names map[string]uint32    // category or property by name
}

// Properties: the general category in the low five bits, flags above.
const (
	categoryBits = 1<<5 - 1 // 0: not assigned

	isHan        = 1 << (iota + 4) // \p{Han}
	isSpaceFlag                    // \s, White_Space
	isRegexWord                    // [\w] of the regex engine of Split and Replace
	isWordFlag                     // \w of the pre-tokenizer Whitespace and of added tokens
	isPunctFlag                    // punctuation of the pre-tokenizers
	isNumeric                      // numeric characters of the pre-tokenizer Digits
	isControl                      // characters that BertNormalizer removes
	isNonspacing                   // marks that BertNormalizer strips
	isMark                         // marks that StripAccents strips
	isNonstarter                   // has a combining class
	isDecomposed                   // has a compatibility decomposition
	isJoining                      // never begins a grapheme cluster
	isExtending                    // joining, and not a spacing mark
	isPict                         // joins another one behind a zero-width joiner
	isLinker                       // joins consonants, as the virama
	isConsonant                    // what linkers join
	isPrepended                    // joins what follows
	isBreak                        // a cluster of its own: control characters
)

// flagNames are the names of the flags in unicode.txt.
var flagNames = map[string]uint32{"han": isHan, "space": isSpaceFlag, "regexword": isRegexWord, "word": isWordFlag,
	"punct": isPunctFlag, "numeric": isNumeric, "control": isControl, "nonspacing": isNonspacing, "mark": isMark,
	"nonstarter": isNonstarter, "decomposes": isDecomposed, "joins": isJoining, "extends": isExtending, "pict": isPict,
	"linker": isLinker, "consonant": isConsonant, "prepends": isPrepended, "breaks": isBreak}

// chars returns the table, made at its first use.
var chars = sync.OnceValue(func() *charTable {
	t := &charTable{lower: map[rune]string{}, names: map[string]uint32{}}
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
func (t *charTable) read(list string, bits uint32, empty *[256]uint32) {
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
func (t *charTable) readLower(list string) {
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
func (t *charTable) classify() {
	for name, bits := range t.names {
		switch name[0] {
		case 'L':
			t.class[bits] = letter
		case 'N':
			t.class[bits] = number
		}
	}
}

// shrink lets equal pages share their memory: planes of private use are alike.
func (t *charTable) shrink() {
	seen := map[[256]uint32]*[256]uint32{}
	for i, p := range t.pages {
		if q, ok := seen[*p]; ok {
			t.pages[i] = q
		} else {
			seen[*p] = p
		}
	}
}

// of returns the properties of a character.
func (t *charTable) of(r rune) uint32 { return t.pages[r>>8][r&255] }

// has reports whether a character has one of the flags.
func (t *charTable) has(r rune, flags uint32) bool { return t.of(r)&flags != 0 }

// trimSpace returns the length of the white space that s ends with, or begins
// with if left is set.
func (t *charTable) trimSpace(s string, left bool) int {
	space := func(r rune) bool { return t.has(r, isSpaceFlag) }
	if left {
		return len(s) - len(strings.TrimLeftFunc(s, space))
	}
	return len(s) - len(strings.TrimRightFunc(s, space))
}
