package kernel

import "math"

// ExpSum returns sum exp(x[i]-shift): terms in float32, sums in float64 in the fixed lane order.
func ExpSum(x []float32, shift float32) float64 { return use.expSum(x, shift) }

// SoftmaxStats returns log(sum exp(x[i])) and the entropy of softmax(x), lse - sum p*x, in nats.
func SoftmaxStats(x []float32) (lse, entropy float64) {
	shift := use.max(x)
	if math.IsInf(float64(shift), 0) {
		return float64(shift), math.NaN()
	}
	sum, moment := use.expStats(x, shift)
	return float64(shift) + math.Log(sum), math.Log(sum) - moment/sum
}

// SoftmaxGrad sets d to the gradient of gLogp*logp(target) + gEnt*entropy with respect to the logits x:
//
//	d[i] = gLogp*(1[i==target]-p[i]) - gEnt*p[i]*(log p[i] + entropy)
//
// with lse and entropy from SoftmaxStats. d may be x. A target outside of x counts as none.
func SoftmaxGrad(d, x []float32, lse, entropy float64, target int, gLogp, gEnt float32) {
	hi := float32(lse)
	use.softmaxGrad(d[:len(x)], x, hi, float32(lse-float64(hi)), float32(entropy), gLogp, gEnt)
	if target >= 0 && target < len(x) {
		d[target] += gLogp
	}
}
