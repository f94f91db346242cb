// Command _asm writes the assembly of kernel/internal/avx512 and kernel/internal/avx2. Both come
// from one description: a vector of 16 lanes is one ZMM register or two YMM registers. With -tables
// it writes the tables that package kernel dispatches through, from the same list of primitives.
//
// It is run by go generate in those packages; the generated files are committed, and CI
// demands that running it again changes nothing.
package main

import (
	"flag"
	"log"

	"github.com/mmcloughlin/avo/build"
)

func main() {
	tables := flag.String("tables", "", "write the tables of package kernel, in this `folder`, instead of assembly")
	isa := flag.String("isa", "avx512", "instruction set: avx512 or avx2")
	flag.Parse()
	if *tables != "" {
		if err := writeTables(*tables); err != nil {
			log.Fatal(err)
		}
		return
	}
	g := newGen(*isa == "avx512")
	build.ConstraintExpr("amd64")
	g.tiles()
	g.transpose()
	g.slices()
	g.packRows()
	g.packColumns()
	g.reductions()
	g.pointwise()
	g.activations()
	g.attention()
	g.peak()
	g.stream()
	build.Generate()
}
