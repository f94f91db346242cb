package run

import "math/rand/v2"

// purpose names what a stream of random numbers is for.
type purpose uint64

// The purposes. The numbers are part of what a seed means: never renumber them.
const (
	forPrompts     purpose = 1 // order of the prompts of an epoch: (epoch)
	forSampling    purpose = 2 // tokens of one response: (step, prompt, sample)
	forUpdate      purpose = 3 // order of the minibatches: (step)
	forCompletions purpose = 4 // which samples are logged: (step)
)

// stream returns the random numbers of one purpose at one place. It depends on
// nothing but its arguments, so no generator state is ever saved, and a sample
// does not depend on what ran before or beside it.
func stream(seed uint64, p purpose, at ...int) *rand.Rand {
	hi, lo := mix(seed), mix(^seed)
	hi, lo = mix(hi^uint64(p)), mix(lo+uint64(p))
	for _, x := range at {
		hi, lo = mix(hi^uint64(x)), mix(lo+uint64(x))
	}
	return rand.New(rand.NewPCG(hi, lo))
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
