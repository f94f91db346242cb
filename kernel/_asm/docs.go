package main

import "strings"

// describe returns the signature of a stub and the lines of its comment: the loop in Go.
func describe(stub string) (signature string, doc []string) {
	p := primitiveOf(stub)
	signature = p.signature
	if p.stub != "" {
		signature = p.stubArgs
	}
	if p.loop == "" {
		return signature, []string{stub + " is generic." + p.name + " for a Tile of that many rows and panels."}
	}
	return signature, append([]string{stub + " computes", ""}, strings.Split("\t"+strings.ReplaceAll(p.loop, "\n", "\n\t"), "\n")...)
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
