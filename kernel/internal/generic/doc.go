// Package generic holds the primitives of package kernel in pure Go: the meaning of each one,
// the fallback for machines that there is no assembly for, and what the assembly is tested against.
//
// A horizontal sum has a fixed layout: lane l of 16 adds the elements l, l+16, l+32, ...; the
// lanes are then combined pairwise, l with l+8, l+4, l+1, l+2 (lanes.Sum). The sum of a row depends
// on that row alone.
package generic
