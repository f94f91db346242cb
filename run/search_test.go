package run

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgsrm/lm"
)

// preparedRun is a run at its first step.
func preparedRun(t *testing.T, set ...string) *run {
	t.Helper()
	cfg := replayConfig(t, t.TempDir(), set...)
	d, err := openDirectory(cfg.Out, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.close() })
	r, err := prepare(t.Context(), cfg, d, replayDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The answers of a search begin with the likeliest tokens, with the next ones when the prompt
// comes again, and go on greedily.
func TestBranchesByRank(t *testing.T) {
	r := preparedRun(t, "replay.search=5")
	first := map[int32]bool{}
	state := r.model.NewState(false)
	for epoch := range 3 {
		prompts, gens, err := r.branch(r.prompts[:2], []int{epoch, epoch}, 5)
		if err != nil {
			t.Fatal(err)
		}
		if len(prompts) != 10 || len(gens) != 10 || prompts[4].index != r.prompts[0].index || prompts[5].index != r.prompts[1].index {
			t.Fatalf("got %d prompts and %d answers", len(prompts), len(gens))
		}
		for i, g := range gens {
			token := g.Tokens[0]
			if r.model.Config.EndsWith(token) || len(g.Tokens) > r.cfg.Rollout.MaxNewTokens || len(g.Rows) != len(g.Tokens) {
				t.Errorf("answer %d: got %v on %v", i, g.Tokens, g.Rows)
			}
			if i < 5 && first[token] {
				t.Errorf("epoch %d: token %d was tried before", epoch, token)
			}
			if i < 5 {
				first[token] = true
			}
			state.Reset()
			rows := state.AddSequence(slices.Concat(prompts[i].tokens, g.Tokens))
			r.model.Forward(state)
			logits := make([]float32, r.model.Config.Vocab)
			for k := 1; k < len(g.Tokens); k++ {
				r.model.Logits(state, rows[len(prompts[i].tokens)+k-1], logits)
				if best := slices.Index(logits, slices.Max(logits)); int32(best) != g.Tokens[k] {
					t.Errorf("answer %d, token %d: got %d, the likeliest is %d", i, k, g.Tokens[k], best)
				}
			}
		}
	}
	if len(first) != 15 {
		t.Errorf("got %d first tokens, want 15", len(first))
	}
}

// A search asks prompts without a hit alone, and what it finds is right and known with the
// log-probabilities of the policy.
func TestSearchFinds(t *testing.T) {
	r := preparedRun(t, "replay.search=400", "rollout.temperature=1.5")
	prompts, ids := r.prompts[:3], []promptID{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}}
	hits := make([]bool, 3*r.cfg.Rollout.SamplesPerPrompt)
	found, tried, err := r.search(t.Context(), prompts, ids, hits)
	if err != nil {
		t.Fatal(err)
	}
	if tried != 1200 || len(found) == 0 {
		t.Fatalf("got %d found in %d", len(found), tried)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := r.search(interrupted, prompts, ids, hits); !errors.Is(err, ErrInterrupted) {
		t.Errorf("a search whose rewards were interrupted: got error %v", err)
	}
	for _, h := range found {
		at := slices.IndexFunc(prompts, func(p prompt) bool { return p.item.ID == h.Prompt })
		if got := r.model.Answer(h.Tokens, r.cfg.Rollout.Stop); got != prompts[at].reference && !slices.Contains(prompts[at].accepted, got) {
			t.Errorf("%s: got %q, want %q or one of %q", h.Prompt, got, prompts[at].reference, prompts[at].accepted)
		}
		state := r.model.NewState(false)
		rows := state.AddSequence(slices.Concat(prompts[at].tokens, h.Tokens[:len(h.Tokens)-1]))
		r.model.Forward(state)
		var targets []lm.Target
		for k, token := range h.Tokens {
			targets = append(targets, lm.Target{Row: rows[len(prompts[at].tokens)-1+k], Token: token})
		}
		var want lm.Scores
		if err := r.model.Score(state, targets, 1.5, &want); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want.LogProb, h.LogProbs) {
			t.Errorf("%s: got log-probabilities %v, want %v", h.Prompt, h.LogProbs, want.LogProb)
		}
		if h.Reward < 0.75 {
			t.Errorf("%s: got reward %v", h.Prompt, h.Reward)
		}
		r.hits.Add(h)
	}
	known := map[string]bool{}
	for _, h := range found {
		known[h.Prompt] = true
	}
	if _, tried, _ = r.search(t.Context(), prompts, ids, hits); tried != 400*(3-len(known)) {
		t.Errorf("got %d tried of %d prompts without a hit", tried, 3-len(known))
	}
	for i := range hits {
		hits[i] = true
	}
	if _, tried, _ = r.search(t.Context(), prompts, ids, hits); tried != 0 {
		t.Errorf("got %d tried, all prompts had hits", tried)
	}
}
