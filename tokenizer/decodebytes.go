package tokenizer

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// byteDecoder reads tokens in the byte alphabet; a token with any character
// outside of it stands for itself. Broken UTF-8 becomes U+FFFD.
type byteDecoder struct{}

func (byteDecoder) decode(words []string) []string {
	var b []byte
	for _, w := range words {
		n := len(b)
		var ok bool
		if b, ok = appendRaw(b, w); !ok {
			b = append(b[:n], w...)
		}
	}
	return []string{validText(string(b))}
}

// fallbackDecoder joins runs of tokens <0x00> ... <0xFF> to characters; a run that
// is not UTF-8 becomes one U+FFFD for each byte.
type fallbackDecoder struct{}

func (fallbackDecoder) decode(words []string) []string {
	var out []string
	var b []byte
	flush := func() {
		switch {
		case len(b) == 0:
		case utf8.Valid(b):
			out = append(out, string(b))
		default:
			out = append(out, strings.Repeat("\uFFFD", len(b)))
		}
		b = b[:0]
	}
	for _, w := range words {
		if c, ok := fallbackByte(w); ok {
			b = append(b, c)
			continue
		}
		flush()
		out = append(out, w)
	}
	flush()
	return out
}

// fallbackByte reads <0xAB>.
func fallbackByte(w string) (byte, bool) {
	if len(w) != 6 || !strings.HasPrefix(w, "<0x") || w[5] != '>' {
		return 0, false
	}
	digits := w[3:5]
	if digits[0] == '+' { // the library reads a sign here
		digits = digits[1:]
	}
	n, err := strconv.ParseUint(digits, 16, 8)
	return byte(n), err == nil
}
