package lm

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNonFinite marks a NaN or an infinity where a number must be finite.
var ErrNonFinite = errors.New("non-finite number")

// CheckWeights returns an error of the kind ErrNonFinite that names the first
// parameter with a NaN or an infinite weight, adapters and value head included.
func (m *Model) CheckWeights() error {
	for _, p := range slices.Concat(m.params, m.LoRAParams()) {
		if err := checkFinite(p.Name, p.Value); err != nil {
			return err
		}
	}
	if m.vhead != nil {
		return checkFinite("value head", m.vhead.w)
	}
	return nil
}

func checkFinite(name string, x []float32) error {
	for _, v := range x {
		if v-v != 0 {
			return fmt.Errorf("%w: %s holds %v", ErrNonFinite, name, v)
		}
	}
	return nil
}

// CheckMoments returns an error of the kind ErrNonFinite if a moment is a NaN or
// an infinity.
func (o *AdamW) CheckMoments() error {
	for _, s := range []struct {
		name string
		x    []float32
	}{{"first moment", o.m}, {"second moment", o.v}, {"first moment of the value head", o.vm}, {"second moment of the value head", o.vv}} {
		if err := checkFinite(s.name, s.x); err != nil {
			return err
		}
	}
	return nil
}
