package bench

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"pgsrm/kernel"
	"pgsrm/lm"
)

// words are those of the texts; each is one token of BERT's vocabulary.
var words = strings.Fields("red blue green orange purple warm cold happy sad animal fruit tool city river table music bright quiet ancient modern")

// special is the number of tokens that BERT puts around a text.
const special = 2

// texts returns n texts of so many words.
func texts(rng *rand.Rand, n, length int) []string {
	out := make([]string, n)
	for i := range out {
		chosen := make([]string, length)
		for k := range chosen {
			chosen[k] = words[rng.IntN(len(words))]
		}
		out[i] = strings.Join(chosen, " ")
	}
	return out
}

// encoding is a row of texts to be turned into vectors.
type encoding struct{ texts, words, batch int }

// newEncode encodes the texts batch by batch with the encoder of a folder.
func newEncode(dir string, p *kernel.Pool, o encoding) (*work, error) {
	e, err := lm.LoadEncoder(dir)
	if err != nil {
		return nil, err
	}
	e.SetPool(p)
	list := texts(newRand(4), o.texts, o.words)
	return &work{run: func() error {
		for lo := 0; lo < len(list); lo += o.batch {
			if _, err := e.Encode(list[lo:min(lo+o.batch, len(list))]); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

// encodeCost reads the size of the encoder from its folder. Every token attends
// to all of its text; the weights are read once a batch.
func encodeCost(dir string, o encoding) ([]cost, error) {
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	cfg, err := lm.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s, tokens := shape{layers: cfg.Layers, width: cfg.Width}, o.words+special
	var out []cost
	for lo := 0; lo < o.texts; lo += o.batch {
		n := min(o.batch, o.texts-lo)
		out = append(out, s.forward(level(n*tokens, tokens-1)))
	}
	return out, nil
}
