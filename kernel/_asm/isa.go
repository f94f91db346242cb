package main

import "github.com/mmcloughlin/avo/operand"

// vec is one part of a vector of 16 lanes in a register, gpr a general register, ref what an operand b may be: a vec or memory.
type (
	vec = operand.Op
	gpr = operand.Op
	ref = operand.Op
)

// gen describes what all instruction sets compute in the same way, in vectors of 16 lanes.
type gen struct{ isa }

// isa is an instruction set. A vector of 16 lanes is several parts, each in a register of its own: one with AVX-512, two with AVX2, four
// with NEON.
type isa interface {
	structure
	memory
	arithmetic
	sums
	rows
	blocks
}

// structure are functions and their control flow.
type structure interface {
	text(stub string)         // starts a function
	end()                     // leaves it
	result(i int, x vec)      // sets result i to the lowest lane
	result64(i int, x vec)    // the same in float64
	parts() int               // how many make 16 lanes
	part() int                // the one that the body of a loop is emitted for
	loop(n gpr, body func())  // body for n elements: 16 at a time, then the masked rest; n is consumed
	newLabel(s string) string // a name that is used once
	place(label string)
	jumpIfZero(x gpr, label string)
}

// memory are arguments and what they point to. In a loop the current part is meant.
type memory interface {
	base(name string) gpr   // of a slice
	length(name string) gpr // of a slice
	pointer(name string) gpr
	param(name string) vec    // a float32 in every lane
	element(p gpr, i int) vec // element i at p in every lane
	address(p gpr, n gpr) gpr // of element n at p
	load(p gpr) vec           // lanes past the end are zero
	whole(p gpr) ref          // the same as an operand, not for masked lanes
	store(x vec, p gpr)       // nothing past the end
	only(x vec) vec           // clears the lanes past the end
	orElse(x, fill vec) vec   // puts fill into the lanes past the end
	c(x float64) ref          // a number in every lane
	bits(name string, w uint32) ref
	constant(x float64) vec
	zero() vec
	copyOf(x vec) vec
	broadcast(x vec) vec // the lowest lane in every one
}

// arithmetic returns new registers; addTo, addMul, subMul and maxTo change their last operand.
type arithmetic interface {
	add(a vec, b ref) vec
	sub(a vec, b ref) vec
	mul(a vec, b ref) vec
	div(a vec, b ref) vec
	sqrt(a vec) vec
	and(a vec, b ref) vec
	or(a vec, b ref) vec
	max(a vec, b ref) vec            // NaN where b is
	min(a vec, b ref) vec            // NaN where b is
	maxTo(x, acc vec)                // passes over NaN in x
	fma(a vec, b ref, c vec) vec     // a*b + c
	fnma(a vec, b ref, c vec) vec    // c - a*b
	addTo(x ref, acc vec)            // acc += x
	addMul(a ref, b, acc vec)        // acc += a*b
	subMul(a ref, b, acc vec)        // acc -= a*b
	horner(r, x vec, coef ref) vec   // r*x + coef; r is consumed
	less(a vec, b ref, y, n vec) vec // y where a < b, else n
	round(x vec) vec                 // to the nearest whole number; x is consumed
	power(p, n vec) vec              // p * 2^n, n whole and from -150 to 129; both are consumed
}

// sums are horizontal sums and maxima, and the float64 values of a part: two registers.
type sums interface {
	total(acc []vec) vec   // combines 16 lanes in the fixed order
	total64(acc []vec) vec // the same in float64
	highest(acc []vec) vec // largest of 16 lanes
	widened(x vec) [2]vec
	addTo64(x, acc vec)
	addMul64(a, b, acc vec)
}

// rows are what works on a generic.Attn.
type rows interface {
	field(at int) gpr
	fieldVector(at int) vec                                     // a float32 in every lane
	eachRow(pastFrom bool, body func(path, n gpr), next func()) // rows with a path, or with one that reaches past From
	stepBy(at int, p gpr)                                       // adds a stride, in elements
	eachBlock(n gpr, body func())                               // 16 lanes at a time that cover n elements, with room up to a multiple of 16
}

// blocks are functions that each instruction set writes in a way of its own.
type blocks interface {
	tiles()
	transpose()
	slices()
	sumRows()
	packRows()
	packColumns()
	fetch()
	scores()
	mix()
	spread()
	peak()
	stream()
}

// functions emits everything.
func (g *gen) functions() {
	g.tiles()
	g.transpose()
	g.slices()
	g.sumRows()
	g.packRows()
	g.packColumns()
	g.fetch()
	g.reductions()
	g.pointwise()
	g.activations()
	g.attention()
	g.peak()
	g.stream()
}
