package bench

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"pgsrm/hf"
)

// words are those of the texts; each is one token of BERT's vocabulary.
var words = strings.Fields("red blue green orange purple warm cold happy sad animal fruit tool city river table music bright quiet ancient modern")

// around is the number of tokens that BERT puts around a text.
const around = 2

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

// encoder turns texts into vectors.
type encoder struct {
	*hf.Encoder
	shape shape // layers and width
	note  string
}

// openEncoder loads the folder of the options, or makes an encoder of the shape
// with random weights, once for all rows.
func (s *session) openEncoder(sh encoderShape) (*encoder, error) {
	if s.encoder != nil {
		return s.encoder, nil
	}
	e := &encoder{}
	dir := s.Encoder
	if dir == "" {
		tmp, err := os.MkdirTemp("", "pgsrm-bench-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(tmp)
		dir, e.note = filepath.Join(tmp, "encoder"), "random weights"
		if err := sh.save(dir); err != nil {
			return nil, err
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return nil, err
	}
	cfg, err := hf.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if e.Encoder, err = hf.LoadEncoder(dir); err != nil {
		return nil, err
	}
	e.SetPool(s.pool)
	e.shape = shape{layers: cfg.Layers, width: cfg.Width}
	s.encoder = e
	return e, nil
}

// encoding is a number of texts to be turned into vectors, so many at a time.
type encoding struct{ texts, words, batch int }

func (e *encoder) work(o encoding) work {
	list := texts(newRand(4), o.texts, o.words)
	return work{note: e.note, limit: e.shape.encodeCost(o), run: func() error {
		for lo := 0; lo < len(list); lo += o.batch {
			if _, err := e.Encode(list[lo:min(lo+o.batch, len(list))]); err != nil {
				return err
			}
		}
		return nil
	}}
}

// encodeCost is the forward of each batch. Every token attends to all of its text.
func (s shape) encodeCost(o encoding) []cost {
	tokens := o.words + around
	var out []cost
	for lo := 0; lo < o.texts; lo += o.batch {
		n := min(o.batch, o.texts-lo)
		out = append(out, s.forward(level(n*tokens, tokens-1)))
	}
	return out
}
