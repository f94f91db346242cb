package run

import "math/rand/v2"

// purpose names what a stream of random numbers is for.
type purpose uint64

// The purposes. The numbers are part of what a seed means: never renumber them.
const (
	forPrompts     purpose = 1  // order of the prompts of an epoch: (epoch)
	forSampling    purpose = 2  // tokens of one response: (step, prompt, sample)
	forUpdate      purpose = 3  // order of the minibatches: (step)
	forCompletions purpose = 4  // which samples are logged: (step)
	forGenerate    purpose = 5  // tokens of one answer outside a run: (prompt, sample)
	forSupervised  purpose = 6  // order of the texts of an epoch: (epoch)
	forLoRA        purpose = 7  // first values of adapters: ()
	forLook        purpose = 8  // tokens of one answer before training: (prompt, sample)
	forMixture     purpose = 9  // order of the prompts of an epoch of one task of a mixture: (task, epoch)
	forBestOf      purpose = 10 // tokens of one answer of an evaluation that picks, the same at each: (prompt, sample)
	forPreference  purpose = 11 // tokens of one answer that the preference head learns from before the first step: (update, prompt, sample)
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

// SampleStream returns the random numbers of one answer sampled outside a run.
func SampleStream(seed uint64, prompt, sample int) *rand.Rand {
	return stream(seed, forGenerate, prompt, sample)
}

// ShuffleStream returns the random numbers that order the texts of an epoch of a
// supervised training.
func ShuffleStream(seed uint64, epoch int) *rand.Rand { return stream(seed, forSupervised, epoch) }

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
