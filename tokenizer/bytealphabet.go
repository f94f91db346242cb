package tokenizer

import "strings"

// byteRune is the byte alphabet of GPT-2: every byte has a printable character.
var byteRune = func() (runes [256]rune) {
	next := rune(256)
	for b := range runes {
		if b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE {
			runes[b] = rune(b)
		} else {
			runes[b] = next
			next++
		}
	}
	return runes
}()

// runeByte is the inverse of byteRune, -1 for characters outside the alphabet.
var runeByte = func() (bytes [324]int16) {
	for i := range bytes {
		bytes[i] = -1
	}
	for b, r := range byteRune {
		bytes[r] = int16(b)
	}
	return bytes
}()

// appendRaw appends the bytes that token spells in the byte alphabet; it reports
// false, and appends nothing of use, if a character is outside of it.
func appendRaw(dst []byte, token string) ([]byte, bool) {
	for _, r := range token {
		if int(r) >= len(runeByte) || runeByte[r] < 0 {
			return dst, false
		}
		dst = append(dst, byte(runeByte[r]))
	}
	return dst, true
}

// mapBytes spells text in the byte alphabet.
func mapBytes(text string) string {
	var b strings.Builder
	b.Grow(len(text) + len(text)/2)
	for i := range len(text) {
		b.WriteRune(byteRune[text[i]])
	}
	return b.String()
}
