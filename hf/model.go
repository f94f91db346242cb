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

	// Progress, where set, is told how many weights Save and SaveGGUF have written; its
	// error ends them, and nothing is left behind.
	Progress func(done, total int) error

	types   map[string]safetensors.DType // type of each tensor in the folder, by its name in the tensorTable
	files   map[string][]byte            // the kept files of the folder
	unknown []string                     // members of its JSON files that were ignored, as "FILE: NAME"
	adapter LoRA                         // what the adapters are, if the model has any
	foreign []string                     // unknown members of the adapter's files
	memory  *Memory                      // nil: the child remembers nothing
	unsaved bool                         // the memory is not that of the files
	head    cardHead                     // what the folder's model card says about its licence
	card    *Card                        // nil: none is written
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
	if err := m.CheckWeights(); err != nil || dtype == safetensors.F32 {
		return err
	}
	for _, p := range m.Params() {
		if err := checkFinite(p, dtype); err != nil {
			return err
		}
	}
	return nil
}

// firstInfinite are the bits of the smallest float32 that a narrower type rounds up to
// infinity.
var firstInfinite = map[safetensors.DType]uint32{safetensors.F16: 0x477ff000, safetensors.BF16: 0x7f7f8000}

// checkFinite is checkWeights of one parameter.
func checkFinite(p *lm.Param, dtype safetensors.DType) error {
	limit, narrow := firstInfinite[dtype]
	if !narrow {
		limit = 0x7f800000
	}
	for _, v := range p.Value {
		if math.Float32bits(v)&0x7fffffff >= limit {
			return fmt.Errorf("%w: %s holds %v", lm.ErrNonFinite, p.Name, v)
		}
	}
	return nil
}
