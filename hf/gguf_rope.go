package hf

import (
	"fmt"
	"math"
	"slices"

	"pgsrm/lm"
)

// rope reads the rotary frequencies. Llama 3.1's scaling is stored as factors of the
// frequencies, others by name.
func (k ggufKeys) rope(c *lm.Config) error {
	r := &c.Rope
	if n := k.sizeOr(c.HeadDim, "rope.dimension_count"); n != c.HeadDim {
		k.fail(k.prefix+"rope.dimension_count", fmt.Sprintf("the size of a head, %d", c.HeadDim))
	}
	if !(r.Theta > 0) || math.IsInf(r.Theta, 0) {
		k.fail(k.prefix+"rope.freq_base", "positive")
	}
	factor := k.floatOr(k.floatOr(0, "rope.scale_linear"), "rope.scaling.factor") // 0 = none
	original := k.sizeOr(0, "rope.scaling.original_context_length")
	switch kind := k.text("linear", k.prefix+"rope.scaling.type"); {
	case kind == "none" || kind == "linear" && (factor == 0 || factor == 1):
	case kind == "linear" && factor > 1:
		r.Scaling, r.Factor = kind, factor
	case kind == "linear":
		k.fail(k.prefix+"rope.scaling.factor", "at least 1")
	default:
		k.fail(k.prefix+"rope.scaling.type", `"none" or "linear"`)
	}
	if k.err != nil || !k.has(ropeFactors) {
		return k.err
	}
	if r.Scaling != "" {
		return fmt.Errorf("tensor %q must not be there beside rope.scaling.type %q", ropeFactors, r.Scaling)
	}
	info, _ := k.file.Info(ropeFactors)
	if !slices.Equal(info.Shape, []int{c.HeadDim / 2}) {
		return fmt.Errorf("tensor %q must have shape [%d] (got %v)", ropeFactors, c.HeadDim/2, info.Shape)
	}
	factors, err := k.file.Floats(ropeFactors)
	if err != nil {
		return err
	}
	*r, err = llama3Of(r.Theta, factors, original)
	return err
}

// llama3Of finds the scaling of Llama 3.1 that has given factors, which divide the
// frequencies [headDim/2]. Its low and high factors are 1 and 4 in all models; the
// original context, 0 where the file does not say, shows in any factor between the
// extremes. Which of several that give the same is of no effect.
func llama3Of(theta float64, factors []float32, original int) (lm.RopeConfig, error) {
	r := lm.RopeConfig{Theta: theta}
	plain := r.Frequencies(2 * len(factors))
	same := func() bool {
		for i, f := range r.Frequencies(2 * len(factors)) {
			if want := float64(plain[i] / factors[i]); !(math.Abs(float64(f)-want) <= 1e-5*want) {
				return false
			}
		}
		return true
	}
	if same() {
		return r, nil
	}
	r.Scaling, r.LowFreqFactor, r.HighFreqFactor = "llama3", 1, 4
	for _, factor := range []float32{slices.Max(factors), 2, 4, 8, 16, 32, 64} { // the largest may lie between the extremes
		if !(factor > 1) || math.IsInf(float64(factor), 0) {
			continue
		}
		r.Factor = float64(factor)
		for _, r.OriginalPositions = range originals(r, plain, factors, original) {
			if same() {
				return r, nil
			}
		}
	}
	return r, fmt.Errorf("tensor %q must hold the factors of Llama 3.1's scaling (they are of another kind)", ropeFactors)
}

// originals are the contexts that llama3Of tries: the one that is known, those by which
// a frequency between the extremes has its factor, and powers of two.
func originals(r lm.RopeConfig, frequencies, factors []float32, known int) []int {
	list := []int{max(1, known)}
	for i, f := range factors {
		smooth := (1/float64(f) - 1/r.Factor) / (1 - 1/r.Factor)
		context := 2 * math.Pi / float64(frequencies[i]) * (smooth*(r.HighFreqFactor-r.LowFreqFactor) + r.LowFreqFactor)
		if smooth > 0 && smooth < 1 && context < 1<<22 {
			list = append(list, max(1, int(math.Round(context))))
		}
	}
	for e := range 23 {
		list = append(list, 1<<e)
	}
	return list
}

// ropeFactorsOf are the factors that llama3Of reads. [headDim/2]
func ropeFactorsOf(r lm.RopeConfig, headDim int) []float32 {
	factors := lm.RopeConfig{Theta: r.Theta}.Frequencies(headDim)
	for i, f := range r.Frequencies(headDim) {
		factors[i] /= f
	}
	return factors
}
