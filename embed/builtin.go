package embed

import (
	_ "embed"
	"fmt"
)

//go:embed builtin.static
var builtinFile []byte // made by `pgsrm embed distill`, see docs/format/static-embedder.md

// Builtin is the embedded static embedder: tokens of all-MiniLM-L6-v2
// (sentence-transformers, Apache-2.0) distilled by Distill.
func Builtin() (*Static, error) {
	s, err := decodeStatic(builtinFile)
	if err != nil {
		return nil, fmt.Errorf("embed: builtin: %w", err)
	}
	return s, nil
}
