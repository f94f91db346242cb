package remote

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// minSecret is the length from which a key is taken for a secret; servers that
// need none are given words such as EMPTY.
const minSecret = 12

// escapeLevels is how often a text is read as JSON before it is used: a reply, and
// JSON within its texts. Two more leave room.
const escapeLevels = 4

// holdsKey says whether a text holds the key, as it is or spelled with the escapes
// of JSON, which decoding would turn into the key.
func holdsKey(text []byte, key string) bool {
	if key == "" {
		return false
	}
	for level := 0; ; level++ {
		if bytes.Contains(text, []byte(key)) {
			return true
		}
		if level == escapeLevels || bytes.IndexByte(text, '\\') < 0 {
			return false
		}
		text = unescape(text)
	}
}

// hideKey replaces the key in a text. Where the key is spelled with escapes, the
// text comes back without them.
func hideKey(text, key string) string {
	if key == "" {
		return text
	}
	text = strings.ReplaceAll(text, key, "[key]")
	plain := []byte(text)
	for level := 0; level < escapeLevels && bytes.IndexByte(plain, '\\') >= 0; level++ {
		if plain = unescape(plain); bytes.Contains(plain, []byte(key)) {
			plain = bytes.ReplaceAll(plain, []byte(key), []byte("[key]"))
			text = string(plain)
		}
	}
	return text
}

// unescape replaces the escapes of JSON once, wherever they stand; the text need
// not be JSON. What is no escape stays.
func unescape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		switch c := text[i]; c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b', 'f', 'n', 'r', 't':
			out = append(out, ' ') // no part of any key
		case 'u':
			if code, err := strconv.ParseUint(string(text[i+1:min(i+5, len(text))]), 16, 16); err == nil && i+5 <= len(text) {
				out, i = utf8.AppendRune(out, rune(code)), i+4
				continue
			}
			out = append(out, '\\', c)
		default:
			out = append(out, '\\', c)
		}
	}
	return out
}

// cutBody makes a text that was cut at a limit safe: what could be the beginning of
// the key at its end goes, however it is spelled (`\u0073` is six bytes for one).
func cutBody(text []byte, key string) []byte {
	return text[:max(0, len(text)-8*len(key))]
}

// errorMost is the longest text of a cause that is shown as it is.
const errorMost = 2 * excerptLen

// scrub keeps what a server can put into the text of an error (a header, a status
// line, the name of a host) from showing the key or filling the screen.
func (e *Error) scrub(key string) *Error {
	if e == nil || e.Err == nil {
		return e
	}
	text := e.Err.Error()
	if len(text) > errorMost || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || holdsKey([]byte(text), key) {
		e.Err = errors.New(clean(text, key))
	}
	return e
}

// keepsKey refuses a reply that repeats the key: what it says would be stored.
func (c *Client) keepsKey(reply []byte) error {
	if key := c.key(); len(key) >= minSecret && holdsKey(reply, key) {
		return Permanent(errors.New("reply must not repeat the key"))
	}
	return nil
}
