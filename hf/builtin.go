package hf

import (
	"embed"
	"fmt"
	"io/fs"

	"pgsrm/tokenizer"
)

// builtinFiles holds the children that are part of the binary. tiny was made by
// `pgsrm pretrain` with its defaults; docs/child.md tells how.
//
//go:embed builtin/tiny
var builtinFiles embed.FS

// LoadBuiltin loads a child that is part of the binary: "tiny", a GPT-2 of 4
// layers, 128 wide, with a vocabulary of 2,000.
func LoadBuiltin(name string) (*Model, error) {
	files, err := builtin(name)
	if err != nil {
		return nil, err
	}
	return loadFS(files, false)
}

// LoadBuiltinTokenizer loads the tokenizer of such a child without its weights.
func LoadBuiltinTokenizer(name string) (*tokenizer.Tokenizer, error) {
	files, err := builtin(name)
	if err != nil {
		return nil, err
	}
	return tokenizer.LoadFS(files)
}

// builtin opens the folder of such a child.
func builtin(name string) (fs.FS, error) {
	if name != "tiny" {
		return nil, fmt.Errorf("builtin child: must be tiny (got %q)", name)
	}
	return fs.Sub(builtinFiles, "builtin/"+name)
}
