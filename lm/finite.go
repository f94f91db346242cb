package lm

import (
	"errors"
	"fmt"
	"math"

	"pgsrm/safetensors"
)

// ErrNonFinite marks a NaN or an infinity where a number must be finite.
var ErrNonFinite = errors.New("non-finite number")

// CheckWeights returns an error of the kind ErrNonFinite that names the first
// parameter with a NaN or an infinite weight, adapters and value head included.
func (m *Model) CheckWeights() error { return m.checkWeights(safetensors.F32) }

// checkWeights is CheckWeights for weights that are rounded to the type.
func (m *Model) checkWeights(dtype safetensors.DType) error {
	params := m.params
	if m.lora != nil {
		params = append(append([]*Param(nil), params...), m.lora.params...)
	}
	for _, p := range params {
		if err := checkFinite(p.Name, p.Value, dtype); err != nil {
			return err
		}
	}
	if m.vhead != nil {
		return checkFinite("value head", m.vhead.w, safetensors.F32)
	}
	return nil
}

// checkFinite returns an error if a number is not finite after rounding to the type.
func checkFinite(name string, x []float32, dtype safetensors.DType) error {
	bias := uint32(0)
	if dtype == safetensors.BF16 {
		bias = 1 << 15 // the largest half of a number rounds up to infinity
	}
	for _, v := range x {
		if bits := math.Float32bits(v)&0x7fffffff + bias; bits >= 0x7f800000 {
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
		if err := checkFinite(s.name, s.x, safetensors.F32); err != nil {
			return err
		}
	}
	return nil
}
