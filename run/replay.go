package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"pgsrm/config"
	"pgsrm/internal/durable"
	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
)

// checkReplay reports what replay does not go with. Of a truncated distribution the
// support of every token would have to be kept, and another one is sampled from now.
func (c *Config) checkReplay() error {
	o := c.Rollout
	truncated := o.TopK > 0 || o.TopP > 0 && o.TopP < 1 || o.MinP > 0
	must := ""
	switch {
	case !c.Replay.On():
		return nil
	case !rl.Replays(c.Algorithm):
		must = "must be 0 with the algorithm " + c.Algorithm
	case truncated:
		must = "must be 0 with rollout.top_k, top_p or min_p"
	default:
		return nil
	}
	return &config.Error{Key: "replay.per_prompt", Must: must, Value: fmt.Sprint(c.Replay.PerPrompt)}
}

// hitsAmong says which samples are hits: right, whatever the reward pays for that, and
// not cut by the length limit. [P*G]
func hitsAmong(scores []reward.Score, gens []lm.Generation) []bool {
	hits := make([]bool, len(gens))
	for i := range hits {
		hits[i] = scores[i].Right && gens[i].Finish != "length"
	}
	return hits
}

// replay returns the samples of earlier hits that are trained on beside those of a
// rollout; hits [P*G] are among the latter.
func (r *run) replay(ids []string, rollout rl.Rollout, samples []rl.Sample, hits []bool) ([]rl.Sample, error) {
	answered := make([]bool, len(ids))
	for i, hit := range hits {
		answered[i/rollout.G] = answered[i/rollout.G] || hit
	}
	rollout.Replayed = r.hits.Recall(ids, answered)
	if len(rollout.Replayed) == 0 {
		return nil, nil
	}
	replayed, err := r.policy.Replay(rollout.Replayed, r.cfg.Replay)
	if err != nil || !r.needs.Reference {
		return replayed, err
	}
	all := append(samples[:len(samples):len(samples)], replayed...)
	err = r.reference.Score(rollout, all)
	return all[len(samples):], err
}

// memorise remembers the hits of a step for later ones.
func (r *run) memorise(ids []string, rollout rl.Rollout, samples []rl.Sample, hits []bool) {
	for i, g := range rollout.Generations {
		if hits[i] {
			r.hits.Add(rl.Hit{Prompt: ids[i/rollout.G], Tokens: g.Tokens, LogProbs: g.LogProbs, Reward: samples[i].Reward})
		}
	}
}

// addReplayMetrics adds what was replayed, in a run that replays.
func (r *run) addReplayMetrics(values map[string]float64, replayed []rl.Sample) {
	if !r.cfg.Replay.On() {
		return
	}
	values["pgsrm/replayed"] = float64(len(replayed))
	var sum float64
	for _, s := range replayed {
		sum += s.Weight
	}
	if len(replayed) > 0 {
		values["pgsrm/replay_ratio"] = sum / float64(len(replayed))
	}
}

// saveReplay writes the memory into the folder of a checkpoint of a run that replays.
func (r *run) saveReplay(dir string) error {
	var text []byte
	for _, h := range r.hits.Hits() {
		line, err := json.Marshal(h)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		text = append(append(text, line...), '\n')
	}
	return durable.WriteBytes(filepath.Join(dir, replayFile), text)
}

// loadReplay fills the memory from the folder of a checkpoint, as saveReplay wrote it.
func (r *run) loadReplay(dir string) error {
	path := filepath.Join(dir, replayFile)
	known := map[string]bool{}
	for _, p := range r.prompts {
		known[p.item.ID] = true
	}
	if st, err := os.Stat(path); err != nil {
		return err
	} else if st.Size() > maxState {
		return fmt.Errorf("%s: must have at most %d bytes (got %d)", path, maxState, st.Size())
	}
	var hits []rl.Hit
	torn, err := readLines(path, true, func(line []byte) error {
		h, err := readHit(line)
		if err == nil && !known[h.Prompt] {
			err = fmt.Errorf("prompt must be one that is trained on (got %.40q)", h.Prompt)
		}
		if err == nil {
			err = checkHit(h, r.model.Config.Vocab, r.cfg.Rollout.MaxNewTokens)
		}
		hits = append(hits, h)
		return err
	})
	if err != nil {
		return err
	}
	if torn {
		return fmt.Errorf("%s: its last line must be whole", path)
	}
	r.hits = rl.NewMemory(r.cfg.Replay)
	if err := r.hits.Restore(hits); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// readHit reads one line: one object, every key known.
func readHit(line []byte) (h rl.Hit, err error) {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&h); err != nil {
		return h, fmt.Errorf("must be a hit: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return h, fmt.Errorf("must be one hit")
	}
	return h, nil
}

// checkHit holds a hit against what a child with so many tokens in its vocabulary can
// answer in so many tokens.
func checkHit(h rl.Hit, vocab, longest int) error {
	if n := len(h.Tokens); n < 1 || n > longest || len(h.LogProbs) != n {
		return fmt.Errorf("a hit must have 1 to %d tokens and as many log-probabilities (got %d and %d)", longest, n, len(h.LogProbs))
	}
	for t, token := range h.Tokens {
		if token < 0 || int(token) >= vocab {
			return fmt.Errorf("token must be in 0..%d (got %d)", vocab-1, token)
		}
		if lp := float64(h.LogProbs[t]); !(lp <= 1e-3) || math.IsInf(lp, 0) {
			return fmt.Errorf("log-probability must be finite and at most 0 (got %v)", lp)
		}
	}
	return nil
}
