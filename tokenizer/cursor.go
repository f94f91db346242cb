package tokenizer

import (
	"encoding/json"
	"strconv"
)

// cursor reads the long lists of a file, vocabulary and merges, in one pass. The
// text is JSON that encoding/json has checked, so only types are left to see.
type cursor struct {
	text []byte
	pos  int
}

// peek skips white space and returns the next byte, 0 at the end.
func (c *cursor) peek() byte {
	for ; c.pos < len(c.text); c.pos++ {
		if b := c.text[c.pos]; b != ' ' && b != '\n' && b != '\t' && b != '\r' {
			return b
		}
	}
	return 0
}

// take skips b if it comes next.
func (c *cursor) take(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.pos++
	return true
}

// string reads a string; ok is false if the next value is none.
func (c *cursor) string() (s string, ok bool) {
	if c.peek() != '"' {
		return "", false
	}
	start, plain := c.pos, true
	for c.pos++; c.text[c.pos] != '"'; c.pos++ {
		if c.text[c.pos] == '\\' {
			plain = false
			c.pos++
		}
	}
	c.pos++
	if plain {
		return string(c.text[start+1 : c.pos-1]), true
	}
	return s, json.Unmarshal(c.text[start:c.pos], &s) == nil
}

// whole reads a whole number of at most 64 bits.
func (c *cursor) whole() (int64, bool) {
	c.peek()
	start := c.pos
	for c.pos < len(c.text) && (c.text[c.pos] == '-' || c.text[c.pos] >= '0' && c.text[c.pos] <= '9') {
		c.pos++
	}
	n, err := strconv.ParseInt(string(c.text[start:c.pos]), 10, 64)
	if c.pos < len(c.text) && (c.text[c.pos] == '.' || c.text[c.pos]|0x20 == 'e') {
		return 0, false
	}
	return n, err == nil
}

// value skips one value of any kind and returns its text.
func (c *cursor) value() []byte {
	c.peek()
	start, depth := c.pos, 0
	for c.pos < len(c.text) {
		switch b := c.peek(); {
		case b == '"':
			c.string()
		case b == '[' || b == '{':
			c.pos++
			depth++
			continue
		case b == ']' || b == '}':
			c.pos++
			depth--
		case b == ',' || b == ':':
			c.pos++
			continue
		default:
			for c.pos < len(c.text) && !isDelimiter(c.text[c.pos]) {
				c.pos++
			}
		}
		if depth == 0 {
			break
		}
	}
	return c.text[start:c.pos]
}

// isDelimiter tells what ends a number or a literal.
func isDelimiter(b byte) bool {
	return b == ',' || b == ']' || b == '}' || b == ' ' || b == '\n' || b == '\t' || b == '\r'
}
