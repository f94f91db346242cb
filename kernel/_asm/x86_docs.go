package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
)

// text starts the assembly of a primitive. Its stub carries the loop in Go.
func (g *x86) text(stub string) {
	p := primitiveOf(stub)
	signature := p.signature
	if p.stub != "" {
		signature = p.stubArgs
	}
	TEXT(stub, NOSPLIT, signature)
	Pragma("noescape")
	if p.loop == "" {
		Doc(stub + " is generic." + p.name + " for a Tile of that many rows and panels.")
		return
	}
	Doc(append([]string{stub + " computes", ""}, strings.Split("\t"+strings.ReplaceAll(p.loop, "\n", "\n\t"), "\n")...)...)
}

// primitiveOf returns the primitive that a stub belongs to: that of its name, or tile for tile3x1.
func primitiveOf(stub string) primitive {
	for _, p := range primitives {
		if p.stub == stub || p.stub == "" && p.name == stub || p.stub == "tile" && strings.HasPrefix(stub, "tile") {
			return p
		}
	}
	panic("not in the list of primitives: " + stub)
}
