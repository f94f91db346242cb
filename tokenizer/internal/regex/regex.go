// Package regex matches patterns as Oniguruma does, the regex engine of the
// Hugging Face library, with its character classes. The syntax is that which
// tokenizers use; anything else is refused (parse.go lists it).
//
//	regex.go  the program and the machine that runs it
//	parse.go  patterns to programs: alternatives, sequences, groups, anchors
//	class.go  classes, escapes, properties
//	quant.go  repetitions
package regex

import (
	"unicode/utf8"

	"pgsrm/tokenizer/internal/chars"
)

// Regexp is a compiled pattern. It is a program for a backtracking machine: the
// first alternative that leads to a match counts.
type Regexp struct {
	prog []inst
}

// opcode is the kind of an instruction.
type opcode uint8

const (
	opMatch     opcode = iota // done
	opSet                     // one character of set
	opRun                     // min to max characters of set
	opSplit                   // go on at x; if that fails, at y
	opJump                    // go on at x
	opLook                    // the program at pc+1 must match here, or must not if not is set; go on at x
	opAtomic                  // the program at pc+1 must match, with no way back into it; go on at x
	opStart                   // start of the text
	opEnd                     // end of the text
	opLineStart               // start of a line
	opLineEnd                 // end of a line
)

// inst is one instruction.
type inst struct {
	op       opcode
	x, y     int
	set      *charSet
	min, max int // of opRun; max < 0: no limit
	style    style
	not      bool
}

// style says how much a repetition takes at first.
type style uint8

const (
	greedy     style = iota // as much as possible, giving back
	lazy                    // as little as possible, taking more
	possessive              // as much as possible, keeping it
)

// frame is a point to go back to: pc at pos. One of a run stands for every
// position from pos to limit, a character apart; step is +1 to grow, -1 to shrink.
type frame struct {
	pc, pos, limit int
	step           int8
	set            *charSet
}

// Next finds the first match in text[from:]; a is -1 if there is none.
func (re *Regexp) Next(text string, from int) (a, b int) {
	var stack []frame
	for i := from; i <= len(text); {
		if end := re.run(0, text, i, &stack); end >= 0 {
			return i, end
		}
		_, n := utf8.DecodeRuneInString(text[i:])
		i += max(n, 1)
	}
	return -1, -1
}

// run matches the program at pc against text[pos:] and returns the end of the
// match, -1 if there is none. Frames below the given stack are not touched.
func (re *Regexp) run(pc int, text string, pos int, stack *[]frame) int {
	base := len(*stack)
	for {
		in := &re.prog[pc]
		ok := true
		switch in.op {
		case opMatch:
			*stack = (*stack)[:base]
			return pos
		case opSet:
			n := in.set.at(text, pos)
			ok, pos, pc = n > 0, pos+n, pc+1
		case opRun:
			pos, ok = in.repeat(text, pos, pc+1, stack)
			pc++
		case opSplit:
			*stack = append(*stack, frame{pc: in.y, pos: pos})
			pc = in.x
		case opJump:
			pc = in.x
		case opLook:
			ok = (re.run(pc+1, text, pos, stack) < 0) == in.not
			pc = in.x
		case opAtomic:
			end := re.run(pc+1, text, pos, stack)
			ok, pos, pc = end >= 0, end, in.x
		default:
			ok = in.op.anchored(text, pos)
			pc++
		}
		if ok {
			continue
		}
		if len(*stack) == base {
			return -1
		}
		pc, pos = back(text, stack)
	}
}

// anchored tests an anchor.
func (op opcode) anchored(text string, pos int) bool {
	switch op {
	case opStart:
		return pos == 0
	case opEnd:
		return pos == len(text)
	case opLineStart:
		return pos == 0 || text[pos-1] == '\n' && pos < len(text)
	}
	return pos == len(text) || text[pos] == '\n'
}

// repeat matches a run of characters and leaves a frame for its other lengths.
func (in *inst) repeat(text string, pos, pc int, stack *[]frame) (int, bool) {
	count, least := 0, pos
	for ; in.max < 0 || count < in.max; count++ {
		if count == in.min {
			least = pos
			if in.style == lazy {
				break
			}
		}
		n := in.set.at(text, pos)
		if n == 0 {
			break
		}
		pos += n
	}
	if count <= in.min {
		least = pos
	}
	switch {
	case count < in.min:
		return pos, false
	case in.style == lazy && (in.max < 0 || in.max > in.min):
		limit := -1
		if in.max >= 0 {
			limit = in.max - in.min
		}
		*stack = append(*stack, frame{pc, pos, limit, 1, in.set})
	case in.style == greedy && pos > least:
		*stack = append(*stack, frame{pc, pos, least, -1, nil})
	}
	return pos, true
}

// back takes the next way to try off the stack; a frame that has no more of them
// goes. A lazy run that cannot grow hands the search down to the frame below.
func back(text string, stack *[]frame) (pc, pos int) {
	f := &(*stack)[len(*stack)-1]
	switch {
	case f.step < 0: // shrink by one character
		_, n := utf8.DecodeLastRuneInString(text[:f.pos])
		f.pos -= n
		pc, pos = f.pc, f.pos
		if f.pos <= f.limit {
			*stack = (*stack)[:len(*stack)-1]
		}
		return pc, pos
	case f.step > 0: // grow by one character
		n := f.set.at(text, f.pos)
		if n == 0 {
			*stack = (*stack)[:len(*stack)-1]
			return failPC, 0
		}
		f.pos += n
		pc, pos = f.pc, f.pos
		if f.limit--; f.limit == 0 {
			*stack = (*stack)[:len(*stack)-1]
		}
		return pc, pos
	}
	pc, pos = f.pc, f.pos
	*stack = (*stack)[:len(*stack)-1]
	return pc, pos
}

// failPC is the place of the instruction that never matches: the last one of
// every program.
const failPC = 1

// charSet is a set of characters.
type charSet struct {
	chars *chars.Table
	not   bool
	items []setItem
	ascii [128]bool // the answer for ASCII
}

// setItem is a range, categories or a flag, or the rest of all characters.
type setItem struct {
	lo, hi     rune   // hi < lo: no range
	categories uint32 // bit by category
	flags      uint32
	not        bool
}

// at returns the length of the character at text[pos] if it is in the set, else 0.
func (s *charSet) at(text string, pos int) int {
	if pos >= len(text) {
		return 0
	}
	if c := text[pos]; c < utf8.RuneSelf {
		if s.ascii[c] {
			return 1
		}
		return 0
	}
	r, n := utf8.DecodeRuneInString(text[pos:])
	if s.contains(r) {
		return n
	}
	return 0
}

// contains decides without the table for ASCII.
func (s *charSet) contains(r rune) bool {
	p := s.chars.Of(r)
	for _, it := range s.items {
		in := r >= it.lo && r <= it.hi || it.categories>>(p&chars.CategoryBits)&1 != 0 || p&it.flags != 0
		if in != it.not {
			return !s.not
		}
	}
	return s.not
}

// finish fills the table for ASCII.
func (s *charSet) finish() *charSet {
	for c := range s.ascii {
		s.ascii[c] = s.contains(rune(c))
	}
	return s
}
