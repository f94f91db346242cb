package hf

import (
	"fmt"
	"math"

	"pgsrm/lm"
	"pgsrm/safetensors"
	"pgsrm/tokenizer"
)

// Model is a language model with its tokenizer and what else its folder held, which
// Save writes back. One that was not loaded is Model{Model: m, Tokenizer: tok}. Not
// safe for concurrent use.
type Model struct {
	*lm.Model
	Tokenizer *tokenizer.Tokenizer // nil: see LoadBare

	types   map[string]safetensors.DType // type of each tensor in the folder, by its name in the tensorTable
	files   map[string][]byte            // the kept files of the folder
	unknown []string                     // members of its JSON files that were ignored, as "FILE: NAME"
	adapter LoRA                         // what the adapters are, if the model has any
	foreign []string                     // unknown members of the adapter's files
	memory  *Memory                      // nil: the child remembers nothing
	unsaved bool                         // the memory is not that of the files
	baseSum string                       // see baseDigest; "" until it is asked for
}

// Clone returns an independent copy: see lm.Model.Clone.
func (m *Model) Clone() *Model {
	c := *m
	c.Model = m.Model.Clone()
	return &c
}

// checkWeights returns an error of the kind lm.ErrNonFinite if a weight would not be
// finite in the type that it is saved in.
func (m *Model) checkWeights(dtype safetensors.DType) error {
	if err := m.CheckWeights(); err != nil || dtype != safetensors.BF16 {
		return err
	}
	const half = 1 << 15 // of BF16's last place: the largest float32 round up to infinity
	for _, p := range m.Params() {
		for _, v := range p.Value {
			if math.Float32bits(v)&0x7fffffff+half >= 0x7f800000 {
				return fmt.Errorf("%w: %s holds %v", lm.ErrNonFinite, p.Name, v)
			}
		}
	}
	return nil
}
