package kernel

import (
	"fmt"
	"os"
	"strings"
)

//go:generate go run -C _asm . -tables ..

// Variable is the environment variable that forces an instruction set.
const Variable = "PGSRM_KERNEL"

// use is the table in use, chosen once at start. Tests of this package swap it.
var use, refused = choose(os.Getenv(Variable), available())

// choose returns the table called name, the first (best) one for no name. For one that is not there it returns the best table and
// an error.
func choose(name string, tables []*ops) (*ops, error) {
	var names []string
	for _, t := range tables {
		if t.name == name {
			return t, nil
		}
		names = append(names, t.name)
	}
	if name == "" {
		return tables[0], nil
	}
	return tables[0], fmt.Errorf("%s: must be one of %s on this processor (got %q)", Variable, strings.Join(names, ", "), name)
}

// Check returns an error if PGSRM_KERNEL names no instruction set that this machine can run. Programs should refuse to start then:
// their numbers would be those of another one than was asked for.
func Check() error { return refused }

// Name reports the instruction set in use: "avx512", "avx2", "neon" or "go".
func Name() string { return use.name }

// Variants lists the instruction sets that this machine can run, the best first; PGSRM_KERNEL forces one of them.
func Variants() []string {
	var names []string
	for _, t := range available() {
		names = append(names, t.name)
	}
	return names
}
