package jinja

import (
	"regexp"
	"strconv"
	"strings"
)

// lexer cuts a template into tokens with the settings of transformers: the first
// newline after a block tag goes (trim_blocks), white space before one at
// the start of a line goes (lstrip_blocks), one newline at the end goes.
type lexer struct {
	src       string // what is left
	line      int
	lineStart bool // the last token ended with a newline, or there was none
	depth     []byte
	out       []token
}

// Python's \s is Unicode; Go's is not, so white space is matched by hand.
var (
	openTag  = regexp.MustCompile(`\{\{|\{%|\{#`)
	number   = regexp.MustCompile(`^(?i:(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+))`)
	integer  = regexp.MustCompile(`^(?i:0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[0-9a-f])+|[1-9](?:_?\d)*|0(?:_?0)*)`)
	nameText = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
	quoted   = regexp.MustCompile(`^(?s:'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")`)
	operator = regexp.MustCompile(`^(?://|\*\*|==|!=|>=|<=|[-+/*%~\[\](){}<>=.:|,;])`)
)

// lex cuts a template into tokens, the last one kindEOF.
func lex(src string) ([]token, error) {
	src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	src = strings.TrimSuffix(src, "\n")
	x := &lexer{src: src, line: 1, lineStart: true}
	for x.src != "" {
		at := openTag.FindStringIndex(x.src)
		if at == nil {
			x.data(x.src)
			x.take(len(x.src))
			break
		}
		if err := x.tag(at[0]); err != nil {
			return nil, err
		}
	}
	x.emit(token{kind: kindEOF})
	return x.out, nil
}

// take drops n bytes of the source and counts their lines.
func (x *lexer) take(n int) {
	if n > 0 {
		x.line += strings.Count(x.src[:n], "\n")
		x.lineStart = x.src[n-1] == '\n'
		x.src = x.src[n:]
	}
}

func (x *lexer) emit(t token) {
	t.line = x.line
	x.out = append(x.out, t)
}

func (x *lexer) data(text string) {
	if text != "" {
		x.emit(token{kind: kindData, text: text})
	}
}

// tag reads the text up to the tag at that place, and the tag.
func (x *lexer) tag(at int) error {
	text, open := x.src[:at], x.src[at:at+2]
	sign := byte(0)
	if rest := x.src[at+2:]; rest != "" && (rest[0] == '-' || rest[0] == '+') {
		sign = rest[0]
	}
	switch {
	case sign == '-':
		text = strings.TrimRightFunc(text, isSpace)
	case sign == 0 && open != "{{":
		text = x.leftStrip(text)
	}
	x.data(text)
	n := at + 2
	if sign != 0 {
		n++
	}
	x.take(n)
	switch open {
	case "{#":
		return x.comment()
	case "{%":
		if ok, err := x.raw(); ok || err != nil {
			return err
		}
		x.emit(token{kind: kindBegin})
		return x.inside(kindEnd, "%}")
	}
	x.emit(token{kind: kindOpen})
	return x.inside(kindClose, "}}")
}

// leftStrip removes the white space between the start of a line and a tag.
func (x *lexer) leftStrip(text string) string {
	at := strings.LastIndexByte(text, '\n') + 1
	if (at > 0 || x.lineStart) && strings.TrimLeftFunc(text[at:], isSpace) == "" {
		return text[:at]
	}
	return text
}

// comment drops a comment with its end.
func (x *lexer) comment() error {
	at := strings.Index(x.src, "#}")
	if at < 0 {
		return errorAt(x.line, "comment must end with #}")
	}
	sign := byte(0)
	if at > 0 {
		sign = x.src[at-1]
	}
	x.take(at + 2)
	x.afterTag(sign == '-', sign == '+')
	return nil
}

// afterTag drops the white space after a block tag or comment: all of it after
// a minus, else one newline.
func (x *lexer) afterTag(strip, keep bool) {
	switch {
	case strip:
		x.take(len(x.src) - len(strings.TrimLeftFunc(x.src, isSpace)))
	case !keep && strings.HasPrefix(x.src, "\n"):
		x.take(1)
	}
}

// raw reads a raw block if one begins here, after "{%" and its sign.
func (x *lexer) raw() (bool, error) {
	rest, ok := strings.CutPrefix(strings.TrimLeftFunc(x.src, isSpace), "raw")
	if !ok {
		return false, nil
	}
	rest = strings.TrimLeftFunc(rest, isSpace)
	if after, ok := strings.CutPrefix(rest, "-%}"); ok {
		rest = strings.TrimLeftFunc(after, isSpace)
	} else if rest, ok = strings.CutPrefix(rest, "%}"); !ok {
		return false, nil
	}
	x.take(len(x.src) - len(rest))
	return true, x.rawBody()
}

// rawBody reads up to the end of a raw block.
func (x *lexer) rawBody() error {
	for from := 0; ; {
		at := strings.Index(x.src[from:], "{%")
		if at < 0 {
			return errorAt(x.line, "raw must end with endraw")
		}
		at += from
		from = at + 2
		rest, sign := x.src[from:], byte(0)
		if rest != "" && (rest[0] == '-' || rest[0] == '+') {
			sign, rest = rest[0], rest[1:]
		}
		rest, ok := strings.CutPrefix(strings.TrimLeftFunc(rest, isSpace), "endraw")
		if !ok {
			continue
		}
		rest = strings.TrimLeftFunc(rest, isSpace)
		end := byte(0)
		if rest != "" && (rest[0] == '-' || rest[0] == '+') {
			end, rest = rest[0], rest[1:]
		}
		if rest, ok = strings.CutPrefix(rest, "%}"); !ok {
			continue
		}
		text := x.src[:at]
		switch sign {
		case '-':
			text = strings.TrimRightFunc(text, isSpace)
		case 0:
			text = x.leftStrip(text)
		}
		x.data(text)
		x.take(len(x.src) - len(rest))
		x.afterTag(end == '-', end == '+')
		return nil
	}
}

// inside reads the tokens of a tag up to its end.
func (x *lexer) inside(end kind, text string) error {
	for {
		x.take(len(x.src) - len(strings.TrimLeftFunc(x.src, isSpace)))
		if x.src == "" {
			return errorAt(x.line, "tag must end with %s", text)
		}
		if len(x.depth) == 0 && x.endOf(end, text) {
			return nil
		}
		if err := x.one(); err != nil {
			return err
		}
	}
}

// endOf reads the end of a tag if it stands here.
func (x *lexer) endOf(end kind, text string) bool {
	sign := byte(0)
	rest := x.src
	if rest != "" && (rest[0] == '-' || rest[0] == '+' && end == kindEnd) {
		sign, rest = rest[0], rest[1:]
	}
	rest, ok := strings.CutPrefix(rest, text)
	if !ok {
		return false
	}
	x.emit(token{kind: end})
	x.take(len(x.src) - len(rest))
	x.afterTag(sign == '-', sign == '+' || end == kindClose)
	return true
}

// one reads one token inside a tag.
func (x *lexer) one() error {
	read := func(n int, t token) {
		x.emit(t)
		x.take(n)
	}
	afterDot := len(x.out) > 0 && x.out[len(x.out)-1].kind == kindOp && x.out[len(x.out)-1].text == "."
	if m := number.FindString(x.src); m != "" && !afterDot {
		v, err := strconv.ParseFloat(strings.ReplaceAll(m, "_", ""), 64)
		if err != nil {
			return errorAt(x.line, "number %s is too large", m)
		}
		read(len(m), token{kind: kindFloat, float: v})
		return nil
	}
	if m := integer.FindString(x.src); m != "" {
		v, err := strconv.ParseInt(decimalZero(m), 0, 64)
		if err != nil {
			return errorAt(x.line, "number %s is too large", m)
		}
		read(len(m), token{kind: kindInt, int: v})
		return nil
	}
	if m := nameText.FindString(x.src); m != "" {
		read(len(m), token{kind: kindName, text: m})
		return nil
	}
	if m := quoted.FindString(x.src); m != "" {
		text, err := unescape(m[1 : len(m)-1])
		if err != nil {
			return errorAt(x.line, "%w", err)
		}
		read(len(m), token{kind: kindString, text: text})
		return nil
	}
	return x.operator()
}

// decimalZero writes 00 as 0, which Go would read as octal.
func decimalZero(m string) string {
	if strings.Trim(m, "0_") == "" {
		return "0"
	}
	return m
}

// operator reads an operator and keeps the brackets balanced.
func (x *lexer) operator() error {
	m := operator.FindString(x.src)
	if m == "" {
		return errorAt(x.line, "unexpected character %q", []rune(x.src)[0])
	}
	switch m {
	case "(":
		x.depth = append(x.depth, ')')
	case "[":
		x.depth = append(x.depth, ']')
	case "{":
		x.depth = append(x.depth, '}')
	case ")", "]", "}":
		if n := len(x.depth); n == 0 || x.depth[n-1] != m[0] {
			return errorAt(x.line, "unexpected %q", m)
		}
		x.depth = x.depth[:len(x.depth)-1]
	}
	x.emit(token{kind: kindOp, text: m})
	x.take(len(m))
	return nil
}
