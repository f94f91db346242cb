// Package regex matches patterns as Oniguruma does, the regex engine of the
// Hugging Face library, with its character classes. The syntax is that which
// tokenizers use; anything else is refused (parse.go lists it).
//
// No pattern can make matching slow: a text of n bytes takes O(n) steps for the
// backtracking machine, and where those are not enough, one backward pass of
// O(n) that backtracks nowhere. Both find the same matches.
//
//	regex.go    the program, and what is known of its matches
//	parse.go    patterns to programs: alternatives, sequences, groups, anchors
//	class.go    classes, escapes, properties
//	quant.go    repetitions
//	set.go      sets of characters
//	machine.go  the backtracking machine
//	linear.go   the backward pass
package regex

import "unicode/utf8"

// Regexp is a compiled pattern. It is a program for a backtracking machine: the
// first alternative that leads to a match counts. It is read-only and safe for
// concurrent use.
type Regexp struct {
	prog  []inst
	graph *graph // the same for the backward pass
}

// opcode is the kind of an instruction.
type opcode uint8

const (
	opMatch     opcode = iota // done
	opSet                     // one character of set
	opRun                     // min to max characters of set
	opSplit                   // continue at x; if that fails, at y
	opJump                    // continue at x
	opLook                    // the program at pc+1 must match here, or must not if not is set; continue at x
	opAtomic                  // the program at pc+1 must match, with no way back into it; continue at x
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

// Size is how many steps a byte of the text may take.
func (re *Regexp) Size() int { return len(re.graph.nodes) }

// First says what matches may begin with: each ASCII character, any other
// character, or nothing at all for a match that is empty.
type First struct {
	ASCII [utf8.RuneSelf]bool
	Other bool
	Empty bool
}

// First returns an upper bound of what matches begin with: every beginning that
// occurs is in it.
func (re *Regexp) First() First {
	var first First
	seen := make([]bool, len(re.graph.nodes))
	todo := []int32{0}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		n := &re.graph.nodes[i]
		switch n.op {
		case nodeMatch:
			first.Empty = true
		case nodeSet, nodeWhile:
			for c, in := range n.set.ascii {
				first.ASCII[c] = first.ASCII[c] || in
			}
			first.Other = true
		}
		switch n.op {
		case nodeSplit, nodeWhile:
			todo = append(todo, n.y)
		}
		switch n.op {
		case nodeSplit, nodeJump, nodeAnchor, nodeLook, nodeKeep:
			todo = append(todo, n.x)
		case nodeAtomic:
			todo = append(todo, n.body)
		}
	}
	return first
}
