package lm

// AdamW is the optimiser (Loshchilov and Hutter 2019, PyTorch's order of operations).
type AdamW struct {
	Beta1, Beta2, Eps, WeightDecay float64
	ValueLR                        float64 // learning rate of the value head; 0 = that of the trunk
}

// Step clips the gradients to maxNorm (0 = no clipping), applies one update,
// zeroes the gradients and returns the norm before clipping. A norm that is not
// finite leaves the weights unchanged and is returned as it is.
func (o *AdamW) Step(m *Model, lr, maxNorm float64) (gradNorm float64) { panic("todo") }
