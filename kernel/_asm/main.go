// Command _asm writes the assembly of kernel/internal/avx512, kernel/internal/avx2 and kernel/internal/neon. All come
// from one description: a vector of 16 lanes is one ZMM register, two YMM registers or four V registers. With -tables
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
	neon := flag.String("neon", "", "write the assembly of arm64, in this `folder`, instead")
	flag.Parse()
	if *tables != "" {
		if err := writeTables(*tables); err != nil {
			log.Fatal(err)
		}
		return
	}
	if *neon != "" {
		if err := writeNeon(*neon); err != nil {
			log.Fatal(err)
		}
		return
	}
	build.ConstraintExpr("amd64")
	(&gen{newX86(*isa == "avx512")}).functions()
	build.Generate()
}
