package tokenizer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Bounds of a tokenizer. A file is foreign data: what it may ask for is bounded
// when it is read, far above the tokenizers in use, so that encoding a text of n
// bytes takes time and memory in proportion to n and cannot fail.
const (
	maxFile   = 64 << 20 // bytes of a file
	maxToken  = 2048     // bytes of a token, as written or once normalised
	maxParts  = 256      // normalizers, pre-tokenizers or decoders, those in sequences too
	maxNested = 8        // sequences in sequences
	maxSteps  = 1 << 13  // steps for a byte of all regexes of a kind of parts
	maxGrowth = 1024     // bytes that one byte of a text may become
	maxPost   = 1 << 12  // ids of a post-processor
	maxTexts  = 8        // places for the text among them
)

// nest counts the parts of one kind as they are read.
type nest struct{ parts, depth, steps int }

// add counts a part.
func (n *nest) add(where string) error {
	if n.parts++; n.parts > maxParts {
		return fmt.Errorf("%s: must be one of at most %d parts", where, maxParts)
	}
	return nil
}

// addRegex counts the steps of a regex.
func (n *nest) addRegex(where string, steps int) error {
	if n.steps += steps; n.steps > maxSteps {
		return fmt.Errorf("%s: patterns must compile to at most %d instructions in all", where, maxSteps)
	}
	return nil
}

// sequence reads the list of a Sequence, each entry by one.
func sequence[T any](p part, list string, one func(where string, raw json.RawMessage, n *nest) (T, error)) ([]T, error) {
	if p.nest.depth++; p.nest.depth > maxNested {
		return nil, fmt.Errorf("%s: sequences must nest at most %d deep", p.where, maxNested)
	}
	defer func() { p.nest.depth-- }()
	var fields map[string]json.RawMessage
	if err := p.read(&fields); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "type" && name != list {
			return nil, fmt.Errorf("%s: unknown field %q", p.where, name)
		}
	}
	var raws []json.RawMessage
	if err := strict(orNull(fields[list]), &raws); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", p.where, list, err)
	}
	var all []T
	for i, raw := range raws {
		where := fmt.Sprintf("%s: %s[%d]", p.where, list, i)
		if len(raw) == 0 || string(raw) == "null" {
			return nil, fmt.Errorf("%s: must be an object", where)
		}
		x, err := one(where, raw, p.nest)
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}
