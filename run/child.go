package run

import (
	"fmt"
	"strings"

	"pgsrm/lm"
	"pgsrm/tokenizer"
)

// OpenChild loads the child that a name stands for: at present a folder.
func OpenChild(name string) (*lm.Model, *tokenizer.Tokenizer, error) {
	if strings.HasPrefix(name, "builtin:") || strings.HasPrefix(name, "hf:") {
		return nil, nil, fmt.Errorf("child: must be a folder (got %q)", name)
	}
	return lm.Load(name)
}
