package regex

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The backward pass. Whether and where a match ends from an instruction at a
// position depends on that pair alone: there are no references to groups. So the
// ends for all instructions at one position follow from those at the next
// character, and a pass from the end of the text to its start finds the matches
// that begin anywhere, in O(n) for a text of n bytes, with no backtracking.
//
// Atomic groups cut what an instruction may fall back on. The body of one is a
// level; each end is the end of the whole match, or says at which level the
// match failed. A choice takes its second way only if the first one failed at
// its own level: a failure of a level further out has left the body, to which
// there is no way back.

// nodeOp is the kind of a node.
type nodeOp uint8

const (
	nodeMatch  nodeOp = iota // done, or the body of a lookahead is
	nodeSet                  // one character of set, then x
	nodeWhile                // a character of set, then x; without one y
	nodeSplit                // x; if that fails, y
	nodeJump                 // x
	nodeLook                 // the body must match here, or must not if not is set; then x
	nodeAtomic               // the body, whose end leads on
	nodeKeep                 // the end of an atomic body: x, at the level outside
	nodeAnchor               // the anchor holds here, then x
)

// node is an instruction with what follows it.
type node struct {
	op         nodeOp
	anchor     opcode
	not        bool
	level      int32
	set        *charSet
	x, y, body int32
}

// graph is a program for the backward pass; node 0 is its start.
type graph struct {
	nodes []node
	order []int32 // every node after those it needs at its own position
}

// maxNodes bounds a program with its repetitions written out.
const maxNodes = 1 << 12

// newGraph writes a program out.
func newGraph(prog []inst) (*graph, error) {
	size := 0
	for _, in := range prog {
		size++
		if in.op == opRun {
			size += 2 * max(in.min, in.max)
		}
	}
	if size > maxNodes {
		return nil, fmt.Errorf("regex: pattern must compile to at most %d instructions", maxNodes)
	}
	g := &graph{nodes: make([]node, len(prog), size)}
	type open struct{ end, next int } // a body: its opMatch, and what follows the group
	var bodies []open
	for pc, in := range prog {
		level := int32(len(bodies))
		n := node{level: level, set: in.set, x: int32(pc + 1), not: in.not}
		switch in.op {
		case opMatch:
			if level > 0 && bodies[level-1].end == pc {
				if bodies[level-1].next >= 0 {
					n.op, n.x, n.level = nodeKeep, int32(bodies[level-1].next), level-1
				}
				bodies = bodies[:level-1]
			}
		case opSet:
			n.op = nodeSet
		case opRun:
			n.op, n.x = nodeJump, g.run(&in, level, int32(pc+1))
		case opSplit:
			n.op, n.x, n.y = nodeSplit, int32(in.x), int32(in.y)
		case opJump:
			n.op, n.x = nodeJump, int32(in.x)
		case opLook:
			n.op, n.x, n.body = nodeLook, int32(in.x), int32(pc+1)
			bodies = append(bodies, open{in.x - 1, -1})
		case opAtomic:
			n.op, n.body = nodeAtomic, int32(pc+1)
			bodies = append(bodies, open{in.x - 1, in.x})
		default:
			n.op, n.anchor = nodeAnchor, in.op
		}
		g.nodes[pc] = n
	}
	return g, g.sort()
}

// add appends a node and returns its place.
func (g *graph) add(n node) int32 {
	g.nodes = append(g.nodes, n)
	return int32(len(g.nodes) - 1)
}

// run writes a repetition of one set out, from its end to its start.
func (g *graph) run(in *inst, level, next int32) int32 {
	// What follows the characters that must be there.
	rest := next
	if in.max < 0 {
		rest = g.add(g.choice(in, level, next))
		if in.style == possessive {
			g.nodes[rest].x = rest
		} else {
			take := g.add(node{op: nodeSet, set: in.set, level: level, x: rest})
			g.point(rest, take, in.style)
		}
	}
	for range max(0, in.max-in.min) { // (c(c(c)?)?)?
		one := g.choice(in, level, next)
		if in.style == possessive {
			one.x = rest
			rest = g.add(one)
			continue
		}
		take := g.add(node{op: nodeSet, set: in.set, level: level, x: rest})
		rest = g.add(one)
		g.point(rest, take, in.style)
	}
	for range in.min {
		rest = g.add(node{op: nodeSet, set: in.set, level: level, x: rest})
	}
	return rest
}

// choice is a node that takes one more character or leaves the repetition.
func (g *graph) choice(in *inst, level, next int32) node {
	if in.style == possessive {
		return node{op: nodeWhile, set: in.set, level: level, y: next}
	}
	return node{op: nodeSplit, level: level, x: next, y: next}
}

// point sets the way of a choice that takes a character.
func (g *graph) point(choice, take int32, how style) {
	if how == lazy {
		g.nodes[choice].y = take
	} else {
		g.nodes[choice].x = take
	}
}

// needs lists the nodes whose ends at the same position a node needs.
func (n *node) needs() []int32 {
	switch n.op {
	case nodeWhile:
		return []int32{n.y}
	case nodeSplit:
		return []int32{n.x, n.y}
	case nodeJump, nodeKeep, nodeAnchor:
		return []int32{n.x}
	case nodeLook:
		return []int32{n.body, n.x}
	case nodeAtomic:
		return []int32{n.body}
	}
	return nil
}

// sort finds the order. The parser refuses repetitions of nothing, so that no
// node needs itself.
func (g *graph) sort() error {
	const (
		fresh = iota
		entered
		done
	)
	state := make([]uint8, len(g.nodes))
	var visit func(i int32) error
	visit = func(i int32) error {
		switch state[i] {
		case done:
			return nil
		case entered:
			return errors.New("regex: a repetition must not match nothing")
		}
		state[i] = entered
		for _, k := range g.nodes[i].needs() {
			if err := visit(k); err != nil {
				return err
			}
		}
		state[i] = done
		g.order = append(g.order, i)
		return nil
	}
	for i := range g.nodes {
		if err := visit(int32(i)); err != nil {
			return err
		}
	}
	return nil
}

// ends are the ends of the matches that begin at from and after it.
type ends struct {
	from int
	end  []int32 // [len(text)-from+1], below 0 for none; set where a character begins
}

func (e *ends) at(pos int) int { return int(e.end[pos-e.from]) }

// failed is the end of a match that failed at a level.
func failed(level int32) int32 { return -1 - level }

// ends makes the backward pass over text[from:].
func (g *graph) ends(text string, from int) *ends {
	out := &ends{from, make([]int32, len(text)-from+1)}
	here, next := make([]int32, len(g.nodes)), make([]int32, len(g.nodes))
	for pos, r, n := len(text), rune(-1), 0; ; {
		g.step(here, next, text, pos, r)
		out.end[pos-from] = here[0]
		if pos == from {
			return out
		}
		r, n = utf8.DecodeLastRuneInString(text[:pos])
		pos -= n
		here, next = next, here
	}
}

// step fills in the ends at pos, where the character r begins (-1 at the end of
// the text), from those at the next character.
func (g *graph) step(here, next []int32, text string, pos int, r rune) {
	properties := uint32(0)
	if r >= 0 {
		properties = g.nodes[1].set.chars.Of(r) // node 1 never matches, and has a set
	}
	in := func(n *node) bool { return r >= 0 && n.set.holds(r, properties) }
	for _, i := range g.order {
		n := &g.nodes[i]
		end := failed(n.level)
		switch n.op {
		case nodeMatch:
			end = int32(pos)
		case nodeSet:
			if in(n) {
				end = next[n.x]
			}
		case nodeWhile:
			if end = here[n.y]; in(n) {
				end = next[n.x]
			}
		case nodeSplit:
			if end = here[n.x]; end == failed(n.level) {
				end = here[n.y]
			}
		case nodeJump, nodeKeep:
			end = here[n.x]
		case nodeLook:
			if (here[n.body] >= 0) != n.not {
				end = here[n.x]
			}
		case nodeAtomic:
			if body := here[n.body]; body != failed(n.level+1) {
				end = body
			}
		case nodeAnchor:
			if n.anchor.anchored(text, pos) {
				end = here[n.x]
			}
		}
		here[i] = end
	}
}
