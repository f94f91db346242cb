package regex

import "unicode/utf8"

// Finder finds the matches of a pattern in one text.
type Finder struct {
	re    *Regexp
	text  string
	left  int     // steps that the backtracking machine may still take
	stack []frame // of the machine
	ends  *ends   // of the backward pass, once the machine has given up
}

// What the backtracking machine may need for one text: as many steps as the
// backward pass would, which for the patterns in use is many times what it takes.
const (
	leastSteps = 64      // a byte
	maxStack   = 1 << 16 // frames
)

// Find begins to find matches in text, which is UTF-8.
func (re *Regexp) Find(text string) Finder {
	return Finder{re: re, text: text, left: max(leastSteps, re.Size()) * (len(text) + 4)}
}

// Next finds the first match in text[from:]; a is -1 if there is none. From one
// call to the next, from must not go back.
func (f *Finder) Next(from int) (a, b int) {
	for i := from; i <= len(f.text); {
		end := gaveUp
		if f.ends == nil {
			f.stack = f.stack[:0]
			end = f.run(0, i)
		}
		if end == gaveUp {
			if f.ends == nil {
				f.ends = f.re.graph.ends(f.text, i)
			}
			end = f.ends.at(i)
		}
		if end >= 0 {
			return i, end
		}
		_, n := utf8.DecodeRuneInString(f.text[i:])
		i += max(n, 1)
	}
	return -1, -1
}

// frame is a point to go back to: pc at pos. One of a run stands for every
// position from pos to limit, a character apart; step is +1 to grow, -1 to shrink.
type frame struct {
	pc, pos, limit int
	step           int8
	set            *charSet
}

// What run returns for the end of a match where it has none.
const (
	noMatch = -1
	gaveUp  = -2 // out of steps, or of stack
)

// run matches the program at pc against text[pos:] and returns the end of the
// match. Frames below the given stack are not touched.
func (f *Finder) run(pc, pos int) int {
	base := len(f.stack)
	for {
		if f.left--; f.left < 0 || len(f.stack) > maxStack {
			return gaveUp
		}
		in := &f.re.prog[pc]
		ok := true
		switch in.op {
		case opMatch:
			f.stack = f.stack[:base]
			return pos
		case opSet:
			n := in.set.at(f.text, pos)
			ok, pos, pc = n > 0, pos+n, pc+1
		case opRun:
			pos, ok = f.repeat(in, pos, pc+1)
			pc++
		case opSplit:
			f.stack = append(f.stack, frame{pc: in.y, pos: pos})
			pc = in.x
		case opJump:
			pc = in.x
		case opLook, opAtomic:
			end := f.run(pc+1, pos)
			if end == gaveUp {
				return gaveUp
			}
			ok = end >= 0
			if in.op == opLook {
				ok = ok != in.not
			} else {
				pos = end
			}
			pc = in.x
		default:
			ok = in.op.anchored(f.text, pos)
			pc++
		}
		if ok {
			continue
		}
		if len(f.stack) == base {
			return noMatch
		}
		pc, pos = f.back()
	}
}

// repeat matches a run of characters and leaves a frame for its other lengths.
func (f *Finder) repeat(in *inst, pos, pc int) (int, bool) {
	count, least := 0, pos
	for ; in.max < 0 || count < in.max; count++ {
		if count == in.min {
			least = pos
			if in.style == lazy {
				break
			}
		}
		n := in.set.at(f.text, pos)
		if n == 0 {
			break
		}
		pos += n
	}
	f.left -= count
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
		f.stack = append(f.stack, frame{pc, pos, limit, 1, in.set})
	case in.style == greedy && pos > least:
		f.stack = append(f.stack, frame{pc, pos, least, -1, nil})
	}
	return pos, true
}

// back takes the next way to try off the stack; a frame that has no more of them
// goes. A lazy run that cannot grow hands the search down to the frame below.
func (f *Finder) back() (pc, pos int) {
	top := &f.stack[len(f.stack)-1]
	switch {
	case top.step < 0: // shrink by one character
		_, n := utf8.DecodeLastRuneInString(f.text[:top.pos])
		top.pos -= n
		pc, pos = top.pc, top.pos
		if top.pos <= top.limit {
			f.stack = f.stack[:len(f.stack)-1]
		}
		return pc, pos
	case top.step > 0: // grow by one character
		n := top.set.at(f.text, top.pos)
		if n == 0 {
			f.stack = f.stack[:len(f.stack)-1]
			return failPC, 0
		}
		top.pos += n
		pc, pos = top.pc, top.pos
		if top.limit--; top.limit == 0 {
			f.stack = f.stack[:len(f.stack)-1]
		}
		return pc, pos
	}
	pc, pos = top.pc, top.pos
	f.stack = f.stack[:len(f.stack)-1]
	return pc, pos
}

// failPC is the place of the instruction that never matches: the last one of
// every program.
const failPC = 1
