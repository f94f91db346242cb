package run

import (
	"cmp"
	"context"
	"slices"

	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
)

// search tries further answers for the prompts of a step that were never answered right,
// neither now (hits [P*G]) nor in a hit that is remembered. An answer branches off at its
// first token and goes on greedily: the Search likeliest first tokens at the first visit of
// a prompt, at each later one the next Search of them (the branches of Wang and Zhou 2024,
// "Chain-of-thought reasoning without prompting", arXiv 2402.10200, section 2). It returns the
// answers that are right, with their log-probabilities under the policy as it is and the
// reward that each earns alone, and the number tried. Those without a reward are left out.
func (r *run) search(ctx context.Context, prompts []prompt, ids []promptID, hits []bool) (found []rl.Hit, tried int, err error) {
	n, g := r.cfg.Replay.Search, r.cfg.Rollout.SamplesPerPrompt
	if n == 0 || r.cfg.Rollout.MaxNewTokens < 2 {
		return nil, 0, nil
	}
	var open []prompt
	var epochs []int
	for i, p := range prompts {
		if !r.hits.Has(p.item.ID) && !slices.Contains(hits[i*g:(i+1)*g], true) {
			open, epochs = append(open, p), append(epochs, ids[i].epoch)
		}
	}
	if len(open) == 0 {
		return nil, 0, nil
	}
	branches, gens, err := r.branch(open, epochs, n)
	if err != nil {
		return nil, 0, err
	}

	var right []reward.Sample
	var targets []lm.Target
	for i, text := range r.texts(branches, rl.Rollout{Generations: gens, G: 1}) {
		if text.Cut || !r.match.Exact(text.Response, text.Reference, text.Accepted) {
			continue
		}
		text.ID = branches[i].item.ID
		right, found = append(right, text), append(found, rl.Hit{Prompt: text.ID, Tokens: gens[i].Tokens})
		for t, token := range gens[i].Tokens {
			targets = append(targets, lm.Target{Row: gens[i].Rows[t], Token: token})
		}
	}
	if len(found) == 0 {
		return nil, len(gens), nil
	}
	var now lm.Scores
	if err := r.model.Score(r.finder, targets, float32(r.cfg.Rollout.Temperature), &now); err != nil {
		return nil, 0, err
	}
	scores := r.scorer.ScoreStep(ctx, right, float64(r.done)/float64(r.steps))
	if ctx.Err() != nil { // the step is not done: a resumed run has to find the same
		return nil, 0, ErrInterrupted
	}
	logProbs, kept := now.LogProb, found[:0]
	for i, h := range found {
		t := len(h.Tokens)
		h.LogProbs, logProbs = logProbs[:t:t], logProbs[t:]
		h.Reward = scores[i].Reward
		if scores[i].Err == nil && scores[i].Right {
			kept = append(kept, h)
		}
	}
	return kept, len(gens), nil
}

// branch returns n answers to each of the prompts, which begin with the tokens n*epoch to
// n*epoch+n-1 in the order of their probability, and the prompt of each answer. [P*n]
func (r *run) branch(prompts []prompt, epochs []int, n int) ([]prompt, []lm.Generation, error) {
	if r.finder == nil {
		r.finder = r.model.NewState(false)
	}
	s := r.finder
	s.Reset()
	last := make([]int32, len(prompts)) // rows
	for i, p := range prompts {
		rows := s.AddSequence(p.tokens)
		last[i] = rows[len(rows)-1]
	}
	r.model.Forward(s)
	var branches []prompt
	var begun [][]int32
	logits := make([]float32, r.model.Config.Vocab)
	for i, p := range prompts {
		r.model.Logits(s, last[i], logits)
		ranked := rank(logits, r.model.Config.EndsWith)
		for k := range n {
			first := ranked[(n*epochs[i]+k)%len(ranked)]
			branches, begun = append(branches, p), append(begun, append(slices.Clone(p.tokens), first))
		}
	}
	gens, err := r.model.Generate(s, begun, 1, lm.SampleOptions{
		MaxNewTokens: r.cfg.Rollout.MaxNewTokens - 1, Stop: r.model.Ends(r.cfg.Rollout.Stop),
	}, nil)
	for i := range gens {
		tokens := begun[i]
		gens[i].Tokens = slices.Insert(gens[i].Tokens, 0, tokens[len(tokens)-1])
		gens[i].Rows = slices.Insert(gens[i].Rows, 0, last[i/n])
	}
	return branches, gens, err
}

// rank lists the tokens that do not end an answer by falling logit, those with the same by number.
func rank(logits []float32, ends func(int32) bool) []int32 {
	order := make([]int32, 0, len(logits))
	for i := range logits {
		if !ends(int32(i)) {
			order = append(order, int32(i))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(logits[b], logits[a]) })
	return order
}
