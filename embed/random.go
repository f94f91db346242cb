package embed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// random gives every text a direction of its own and knows nothing of its meaning: the
// control that tells what meaning contributes. The vector of a text, without white space
// around it and in lower case, is of E standard normal numbers scaled to unit length,
// drawn from a PCG whose seed is the first 16 bytes of the text's SHA-256. The cosine of
// two different texts has mean 0 and deviation 1/sqrt(E).
type random struct{ dim int }

// Numbers of a random vector.
const (
	randomDim    = 384 // as all-MiniLM-L6-v2
	randomMinDim = 2
	randomMaxDim = 4096
)

// parseRandom reads "random" and "random:DIM"; ok is false for any other spec.
func parseRandom(spec string) (e random, ok bool, err error) {
	kind, rest, given := strings.Cut(spec, ":")
	if kind != "random" {
		return random{}, false, nil
	}
	if !given {
		return random{randomDim}, true, nil
	}
	dim, err := strconv.Atoi(rest)
	if err != nil || dim < randomMinDim || dim > randomMaxDim {
		return random{}, true, fmt.Errorf("embed: random: must be random:DIM with %d to %d numbers (got %q)", randomMinDim, randomMaxDim, spec)
	}
	return random{dim}, true, nil
}

// Embed gives each text its vector; an empty text has ErrNoMeaning.
func (r random) Embed(ctx context.Context, texts []string) []Result {
	return embedEach(ctx, texts, r.one)
}

func (r random) one(text string) Result {
	key := strings.ToLower(strings.TrimSpace(text))
	v := make([]float32, r.dim)
	if key != "" {
		digest := sha256.Sum256([]byte(key))
		rng := rand.New(rand.NewPCG(binary.BigEndian.Uint64(digest[:]), binary.BigEndian.Uint64(digest[8:])))
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
	}
	return direction(v, text)
}

// Identity is the recipe, which the number after the name counts.
func (r random) Identity() Identity {
	return Identity{Model: "random:1", Pooling: "text-hash", Normalize: true, Dim: r.dim}
}
