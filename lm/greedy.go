package lm

import (
	"context"
	"runtime"
)

// greedyBatch is how many greedy answers are decoded at a time.
const greedyBatch = 256

// Greedy answers each prompt with the most likely tokens, at most maxNewTokens
// with EOS included, each until it ends or stop says that it does (nil = never).
// [len(prompts)] Its error is that of the context or of the first prompt that does not fit.
func (m *Model) Greedy(ctx context.Context, prompts [][]int32, maxNewTokens int, stop func(response []int32) bool) ([]Generation, error) {
	var gens []Generation
	state := m.NewState(false)
	for len(prompts) > 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		some := prompts[:min(greedyBatch, len(prompts))]
		prompts = prompts[len(some):]
		state.Reset()
		batch, err := m.Generate(state, some, 1, SampleOptions{MaxNewTokens: maxNewTokens, Stop: stop}, nil)
		if err != nil {
			return nil, err
		}
		gens = append(gens, batch...)
	}
	if state.Bytes() > collectBytes { // see there
		state = nil
		runtime.GC()
	}
	return gens, nil
}
