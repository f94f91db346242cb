package run

import (
	"fmt"
	"os"
	"strings"

	"pgsrm/lm"
	"pgsrm/tokenizer"
)

// OpenChild loads the child that a name stands for: "builtin:tiny" from the
// binary, "hf:ORG/NAME" from the local cache, else a Hugging Face folder.
func OpenChild(name string) (*lm.Model, *tokenizer.Tokenizer, error) {
	if rest, ok := strings.CutPrefix(name, "builtin:"); ok {
		return lm.LoadBuiltin(rest)
	}
	dir, err := childFolder(name)
	if err != nil {
		return nil, nil, err
	}
	m, tok, err := lm.Load(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("child: %w", err)
	}
	return m, tok, nil
}

// OpenTokenizer loads the tokenizer of the child that a name stands for, without
// its weights.
func OpenTokenizer(name string) (*tokenizer.Tokenizer, error) {
	if rest, ok := strings.CutPrefix(name, "builtin:"); ok {
		return lm.LoadBuiltinTokenizer(rest)
	}
	dir, err := childFolder(name)
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("child: %w", err)
	}
	return tok, nil
}

// childFolder is the folder of the child that a name stands for.
func childFolder(name string) (string, error) {
	if rest, ok := strings.CutPrefix(name, "hf:"); ok {
		dir, err := lm.HubFolder(rest)
		if err != nil {
			return "", fmt.Errorf("child: %w", err)
		}
		return dir, nil
	}
	if st, err := os.Stat(name); err != nil || !st.IsDir() {
		return "", fmt.Errorf("child: must be builtin:tiny, hf:ORG/NAME or a folder that exists (got %q)", name)
	}
	return name, nil
}
