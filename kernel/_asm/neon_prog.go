package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// neonReg is a register of arm64 before it has a number: a general one, or a vector of 4 lanes.
type neonReg struct {
	general bool
	word    *uint32 // of a constant: what every lane holds
	id      int
	number  int
}

// Asm makes a neonReg an operand of the shared descriptions.
func (r *neonReg) Asm() string { return fmt.Sprint(r.number) }

// neonInst is an instruction, or a label before one.
type neonInst struct {
	format        string // of the assembler; of the comment if there is a word
	word          uint32 // the encoding without registers; for instructions that the assembler does not know
	args          []any  // of format: *neonReg and numbers. With a word: the fields of the encoding from the lowest register on
	reads, writes []*neonReg
	label         string   // the instruction is this label
	to            string   // label that it may go on to
	leaves        bool     // it does not go on to the next one
	copies        bool     // it copies reads[0] to writes[0]
	loads         *neonReg // the constant that it loads
}

// out and inout mark registers that an instruction writes, or reads and writes.
type (
	out   struct{ r any }
	inout struct{ r any }
)

// neonProg is a function in work.
type neonProg struct {
	first     []neonInst // before everything else: constants
	code      []neonInst
	registers []*neonReg
	constants map[uint32]*neonReg
	labels    int
}

func (p *neonProg) newReg(general bool) *neonReg {
	r := &neonReg{general: general, id: len(p.registers)}
	p.registers = append(p.registers, r)
	return r
}

func (p *neonProg) general() *neonReg { return p.newReg(true) }
func (p *neonProg) vector() *neonReg  { return p.newReg(false) }

// op adds an instruction of the assembler.
func (p *neonProg) op(format string, args ...any) { p.add(neonInst{format: format}, args) }

// encoded adds an instruction that the assembler does not know, by the encoding that it has with all registers 0.
func (p *neonProg) encoded(word uint32, format string, args ...any) {
	p.add(neonInst{format: format, word: word}, args)
}

// jump adds a jump to a label: B, a condition, or a test of a register.
func (p *neonProg) jump(label, format string, args ...any) {
	p.add(neonInst{format: format + " " + label, to: label, leaves: format == "B"}, args)
}

func (p *neonProg) place(label string) { p.code = append(p.code, neonInst{label: label}) }

func (p *neonProg) newLabel(s string) string {
	p.labels++
	return fmt.Sprintf("%s%d", s, p.labels)
}

func (p *neonProg) add(i neonInst, args []any) {
	for _, a := range args {
		switch a := a.(type) {
		case out:
			i.writes = append(i.writes, a.r.(*neonReg))
			i.args = append(i.args, a.r)
		case inout:
			i.writes = append(i.writes, a.r.(*neonReg))
			i.reads = append(i.reads, a.r.(*neonReg))
			i.args = append(i.args, a.r)
		case *neonReg:
			i.reads = append(i.reads, a)
			i.args = append(i.args, a)
		default:
			i.args = append(i.args, a)
		}
	}
	p.code = append(p.code, i)
}

// copyReg returns a copy.
func (p *neonProg) copyReg(x *neonReg) *neonReg {
	r := p.newReg(x.general)
	p.copyInto(x, r)
	return r
}

func (p *neonProg) copyInto(x, r *neonReg) {
	if x.general {
		p.op("MOVD R%d, R%d", x, out{r})
	} else {
		p.op("VMOV V%d.B16, V%d.B16", x, out{r})
	}
	p.code[len(p.code)-1].copies = true
}

// splat returns a register whose lanes hold w. It is loaded once, before everything else, if there are registers enough.
func (p *neonProg) splat(w uint32) *neonReg {
	if r, ok := p.constants[w]; ok {
		return r
	}
	r := p.vector()
	r.word = &w
	code := p.code
	p.code = nil
	p.loadWord(w, r)
	for _, i := range p.code {
		i.loads = r
		p.first = append(p.first, i)
	}
	p.code = code
	p.constants[w] = r
	return r
}

func (p *neonProg) loadWord(w uint32, r *neonReg) {
	if w == 0 {
		p.op("VEOR V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", out{r})
		return
	}
	t := p.general()
	p.op("MOVD $%#[2]x, R%[1]d", out{t}, w)
	p.op("VDUP R%d, V%d.S4", t, out{r})
}

// finish gives the registers numbers. Where they are too few, the constant that is used least is loaded at each use.
func (p *neonProg) finish() {
	p.code = append(p.first, p.code...)
	for !p.number() {
		p.reload(p.leastUsed())
	}
}

func (p *neonProg) leastUsed() *neonReg {
	uses := map[*neonReg]int{}
	for _, i := range p.code {
		for _, r := range i.reads {
			uses[r]++
		}
	}
	var least *neonReg
	for _, r := range p.registers {
		if r.word != nil && (least == nil || uses[r] <= uses[least]) {
			least = r
		}
	}
	if least == nil {
		panic("too few registers")
	}
	return least
}

// reload replaces a constant by new registers.
func (p *neonProg) reload(c *neonReg) {
	code := p.code
	p.code = nil
	for _, i := range code {
		if i.loads == c {
			continue
		}
		if slices.Contains(i.reads, c) {
			r := p.vector()
			p.loadWord(*c.word, r)
			for at, a := range i.args {
				if a == c {
					i.args = slices.Clone(i.args)
					i.args[at] = r
				}
			}
			i.reads = slices.Clone(i.reads)
			for at := range i.reads {
				if i.reads[at] == c {
					i.reads[at] = r
				}
			}
		}
		p.code = append(p.code, i)
	}
	c.word = nil
}

// bitset is a set of registers.
type bitset []uint64

func (b bitset) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }
func (b bitset) put(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) drop(i int)     { b[i/64] &^= 1 << (i % 64) }

// live returns the registers whose values are needed after each instruction.
func (p *neonProg) live() []bitset {
	at, after := map[string]int{}, make([]bitset, len(p.code)+1)
	before := make([]bitset, len(p.code)+1)
	for i := range after {
		after[i], before[i] = make(bitset, len(p.registers)/64+1), make(bitset, len(p.registers)/64+1)
		if i < len(p.code) && p.code[i].label != "" {
			at[p.code[i].label] = i
		}
	}
	for changed := true; changed; {
		changed = false
		for i := len(p.code) - 1; i >= 0; i-- {
			c, a := &p.code[i], after[i]
			if !c.leaves {
				a.join(before[i+1])
			}
			if c.to != "" {
				target, ok := at[c.to]
				if !ok {
					panic("no label " + c.to)
				}
				a.join(before[target])
			}
			b := slices.Clone(a)
			for _, r := range c.writes {
				b.drop(r.id)
			}
			for _, r := range c.reads {
				b.put(r.id)
			}
			changed = before[i].join(b) || changed
		}
	}
	return after
}

// join adds the elements of x and reports whether any is new.
func (b bitset) join(x bitset) (changed bool) {
	for i, w := range x {
		changed = changed || w&^b[i] != 0
		b[i] |= w
	}
	return changed
}

// generalRegisters are those that a function may use: not the ones of linker, assembler, platform, goroutine, frame and return.
var generalRegisters = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 21, 22, 23, 24, 25, 26}

// number gives every register a number that no other one has while its value is needed, and reports whether there are enough.
func (p *neonProg) number() bool {
	conflicts, copyOf := p.conflicts()
	done := make(bitset, len(p.registers)/64+1)
	for i := range p.code {
		for _, r := range p.code[i].writes {
			if done.has(r.id) {
				continue
			}
			var taken [32]bool
			for _, o := range p.registers {
				if done.has(o.id) && o.general == r.general && conflicts[r.id].has(o.id) {
					taken[o.number] = true
				}
			}
			n, ok := free(r.general, &taken)
			if s := copyOf[r]; s != nil && done.has(s.id) && !taken[s.number] {
				n, ok = s.number, true
			}
			if !ok {
				return false
			}
			r.number = n
			done.put(r.id)
		}
	}
	return true
}

// free returns the lowest number that is not taken.
func free(general bool, taken *[32]bool) (n int, ok bool) {
	if general {
		for _, n := range generalRegisters {
			if !taken[n] {
				return n, true
			}
		}
		return 0, false
	}
	n = slices.Index(taken[:], false)
	return n, n >= 0
}

// conflicts returns for every register those that must not share its number, and what it is a copy of.
func (p *neonProg) conflicts() (with []bitset, copyOf map[*neonReg]*neonReg) {
	with, copyOf = make([]bitset, len(p.registers)), map[*neonReg]*neonReg{}
	for i := range with {
		with[i] = make(bitset, len(p.registers)/64+1)
	}
	live := p.live()
	for i := range p.code {
		c := &p.code[i]
		for _, w := range c.writes {
			for _, o := range p.registers {
				written := slices.Contains(c.writes, o)
				if o != w && (written || live[i].has(o.id)) && !(c.copies && o == c.reads[0]) {
					with[w.id].put(o.id)
					with[o.id].put(w.id)
				}
			}
			if c.copies {
				copyOf[w] = c.reads[0]
			}
		}
	}
	return with, copyOf
}

// print writes the instructions, and what each innermost loop is made of.
func (p *neonProg) print(b *bytes.Buffer) {
	for i := range p.code {
		c := &p.code[i]
		args, word := make([]any, len(c.args)), c.word
		for at, a := range c.args {
			args[at] = a
			if r, ok := a.(*neonReg); ok {
				args[at] = r.number
				word |= uint32(r.number) << [...]int{0, 5, 16}[min(at, 2)]
			}
		}
		switch {
		case c.label != "":
			fmt.Fprintf(b, "\n%s:\n%s", c.label, p.counted(i))
		case c.vanishes():
		case c.word != 0:
			fmt.Fprintf(b, "\tWORD $0x%08x // %s\n", word, fmt.Sprintf(c.format, args...))
		default:
			fmt.Fprintf(b, "\t%s\n", fmt.Sprintf(c.format, args...))
		}
	}
}

// vanishes reports whether it would copy a register to itself.
func (c *neonInst) vanishes() bool { return c.copies && c.reads[0].number == c.writes[0].number }

// counted returns a comment with the numbers of instructions, multiply-adds of vectors and loads from the label at i to the jump
// back to it, if that is a loop without labels inside.
func (p *neonProg) counted(i int) string {
	all, adds, loads := 0, 0, 0
	for _, c := range p.code[i+1:] {
		if c.label != "" {
			return ""
		}
		if c.vanishes() {
			continue
		}
		all++
		name, arguments, _ := strings.Cut(c.format, " ")
		switch {
		case name == "VFMLA" || name == "VFMLS" || name == "fmla":
			adds++
		case strings.HasPrefix(name, "FLDP") || strings.HasPrefix(name, "FMOV") && !strings.HasPrefix(arguments, "F"):
			loads++
		}
		if c.to == p.code[i].label {
			return fmt.Sprintf("\t// loop of %d instructions: %d multiply-adds, %d loads\n", all, adds, loads)
		}
	}
	return ""
}
