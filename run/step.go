package run

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode"

	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
)

// step trains by one update: sample answers, score them, update the weights.
func (r *run) step(ctx context.Context) error {
	if r.needs.Parent {
		return r.teach(ctx)
	}
	step, begin := r.done+1, r.clock()
	prompts, ids := r.choose(step)
	rollout, err := r.rollout(step, prompts, ids)
	if err != nil {
		return err
	}
	sampled := r.clock()

	logged := due(step, r.cfg.EvalEvery) || step == r.steps
	texts := r.texts(prompts, rollout)
	for i := range texts {
		texts[i].ID = prompts[i/rollout.G].item.ID
	}
	scoring := r.score(ctx, texts) // an embedder may be far away: beside what follows
	samples, err := r.samples(rollout, r.needs.Reference || r.cfg.MeasureKL && logged)
	scores := <-scoring
	if err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	dropped, err := r.drop(ctx, step, r.penalties(rollout.Generations, texts), samples, scores)
	if err != nil {
		return err
	}
	names, hits := itemIDs(prompts), hitsAmong(scores, rollout.Generations)
	replayed, err := r.replay(names, rollout, samples, hits)
	if err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	found, searched, err := r.search(ctx, prompts, ids, hits)
	if err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	scored := r.clock()

	batch := &rl.Batch{
		Prompts: len(prompts), G: rollout.G, MaxNewTokens: r.cfg.Rollout.MaxNewTokens, Samples: slices.Concat(samples, replayed), PromptID: names,
	}
	metrics, err := r.algo.Update(r.policy, batch, rl.Step{
		Index: step - 1, LR: r.cfg.Schedule.At(step-1, r.steps), RNG: stream(r.cfg.Seed, forUpdate, step),
	})
	if err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	if r.preference != nil && r.cfg.Preference.Online() {
		metrics["pgsrm/preference_loss"], metrics["pgsrm/preference_accuracy"], err = r.prefer(step, prompts, rollout, texts)
		if err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
	}
	updated := r.clock()

	// The step is done: from here on it counts.
	r.done, r.evaluated, r.dropped = step, false, r.dropped+dropped
	r.scorer.Remember(texts, scores)
	r.memorise(names, rollout, samples, hits)
	for _, h := range found {
		r.hits.Add(h)
	}
	r.addTermMetrics(metrics, scores)
	r.addReplayMetrics(metrics, replayed)
	if r.cfg.Replay.Search > 0 {
		metrics["pgsrm/searched"], metrics["pgsrm/found"] = float64(searched), float64(len(found))
	}
	addLengthMetrics(metrics, rollout)
	if err := r.events.emit(Metrics{Step: step, Episode: r.episode(), Values: metrics}); err != nil {
		return err
	}
	for _, w := range r.watch.step(metrics) {
		w.Step = step
		if err := r.events.emit(w); err != nil {
			return err
		}
	}
	if logged {
		if err := r.logSamples(prompts, rollout, texts, scores); err != nil {
			return err
		}
	}
	return r.finishStep(Timing{Step: step, Episode: r.episode(), Values: map[string]float64{
		"rollout": sampled.Sub(begin).Seconds(), "reward": scored.Sub(sampled).Seconds(),
		"update": updated.Sub(scored).Seconds(), "seconds": updated.Sub(begin).Seconds(),
		"episodes_per_second": perSecond(len(samples), updated.Sub(begin)),
	}})
}

// score computes the rewards of a step while its caller continues.
func (r *run) score(ctx context.Context, texts []reward.Sample) <-chan []reward.Score {
	scores := make(chan []reward.Score, 1)
	score := func() { scores <- r.scorer.ScoreStep(ctx, texts, float64(r.done)/float64(r.steps)) }
	if r.preference != nil { // which needs the threads of the engine itself
		score()
	} else {
		go score()
	}
	return scores
}

// samples computes what a step needs of a rollout apart from its rewards.
func (r *run) samples(rollout rl.Rollout, reference bool) ([]rl.Sample, error) {
	samples, err := r.policy.Begin(rollout)
	if err != nil || !reference {
		return samples, err
	}
	return samples, r.reference.Score(rollout, samples)
}

// choose returns the P prompts of a step: the next ones of the training prompts
// in an order that is shuffled anew in each epoch, of a mixture with weights those of each
// of its tasks. ids tell the same prompt twice in a step apart. [P]
func (r *run) choose(step int) (prompts []prompt, ids []promptID) {
	p := r.cfg.Rollout.PromptsPerStep
	seen := map[int]int{}
	for at := (step - 1) * p; at < step*p; at++ {
		chosen, epoch := r.mixture.prompt(r.cfg.Seed, at)
		prompts = append(prompts, chosen)
		ids = append(ids, promptID{chosen.index, seen[chosen.index], epoch})
		seen[chosen.index]++
	}
	return prompts, ids
}

// promptID is a prompt in a step: its item, how often that stood before it in the step, and in
// which epoch of its group it stands.
type promptID struct{ item, repeat, epoch int }

// rollout samples G answers for each prompt.
func (r *run) rollout(step int, prompts []prompt, ids []promptID) (rl.Rollout, error) {
	n := r.cfg.Rollout.SamplesPerPrompt
	out, err := r.sample(prompts, n, func(p, g int) *rand.Rand {
		return stream(r.cfg.Seed, forSampling, step, ids[p].item, ids[p].repeat*n+g)
	})
	if err != nil {
		return out, fmt.Errorf("step %d: %w", step, err)
	}
	return out, nil
}

// sample draws n answers to each prompt as the configuration says, with the random
// numbers of rng.
func (r *run) sample(prompts []prompt, n int, rng func(p, g int) *rand.Rand) (rl.Rollout, error) {
	o := r.cfg.Rollout
	r.state.Reset()
	out := rl.Rollout{State: r.state, Prompts: tokensOf(prompts), G: n, Temperature: float32(o.Temperature)}
	gens, err := r.model.Generate(r.state, out.Prompts, n, lm.SampleOptions{
		Temperature: out.Temperature, TopK: o.TopK, TopP: float32(o.TopP), MinP: float32(o.MinP), MaxNewTokens: o.MaxNewTokens,
		Stop: r.model.Ends(o.Stop),
	}, rng)
	out.Generations = gens
	return out, err
}

// texts decodes the answers into what the reward compares. [P*G]
func (r *run) texts(prompts []prompt, rollout rl.Rollout) []reward.Sample {
	out := make([]reward.Sample, len(rollout.Generations))
	for i, g := range rollout.Generations {
		p := prompts[i/rollout.G]
		out[i] = reward.Sample{
			Prompt: p.item.Prompt, Input: p.item.Input,
			Response: r.model.Answer(g.Tokens, r.cfg.Rollout.Stop), Reference: p.reference, Accepted: p.accepted,
			Cut: g.Finish == "length", Group: i/rollout.G + 1, Columns: p.item.Columns,
		}
	}
	return out
}

// penalties are what is taken from the rewards of answers that were cut, and of those
// that say nothing: else ending at once would be the way out. [P*G]
func (r *run) penalties(gens []lm.Generation, texts []reward.Sample) []float64 {
	out := make([]float64, len(gens))
	for i, g := range gens {
		if g.Finish == "length" || !strings.ContainsFunc(texts[i].Response, isWordRune) {
			out[i] = r.cfg.Rollout.MissingEOSPenalty
		}
	}
	return out
}

func isWordRune(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }

// drop gives the samples their rewards, less their penalties, and drops those
// without one. Too many of these, or an end of the context, end the run.
func (r *run) drop(ctx context.Context, step int, penalties []float64, samples []rl.Sample, scores []reward.Score) (int, error) {
	if ctx.Err() != nil {
		return 0, fmt.Errorf("step %d: %w", r.done, ErrInterrupted)
	}
	for i, s := range scores {
		samples[i].Reward, samples[i].Dropped = s.Reward-penalties[i], s.Err != nil
	}
	dropped, first := failedScores(scores)
	if dropped == 0 {
		return 0, nil
	}
	if float64(dropped) > r.cfg.MaxFailureShare*float64(len(samples)) {
		return dropped, fmt.Errorf("step %d: %w: %d of %d rewards failed: %w", step, ErrUnavailable, dropped, len(samples), first)
	}
	return dropped, r.events.emit(Warning{Step: step, Text: fmt.Sprintf("%d of %d rewards failed: %v", dropped, len(samples), first)})
}

// failedScores counts the samples without a reward; first is the error of the
// first of them.
func failedScores(scores []reward.Score) (n int, first error) {
	for _, s := range scores {
		if s.Err != nil {
			n++
			first = cmp.Or(first, s.Err)
		}
	}
	return n, first
}

// finishStep ends a step or an evaluation: what was added to the files is written.
func (r *run) finishStep(t Timing) error {
	if err := r.tellWarnings(); err != nil {
		return err
	}
	if err := r.events.emit(t); err != nil {
		return err
	}
	return r.dir.flush()
}

// tellWarnings emits what sources have reported.
func (r *run) tellWarnings() error {
	for _, text := range r.warnings.take() {
		if err := r.events.emit(Warning{Step: r.done, Text: text}); err != nil {
			return err
		}
	}
	return nil
}

func tokensOf(prompts []prompt) [][]int32 {
	out := make([][]int32, len(prompts))
	for i, p := range prompts {
		out[i] = p.tokens
	}
	return out
}

func itemIDs(prompts []prompt) []string {
	out := make([]string, len(prompts))
	for i, p := range prompts {
		out[i] = p.item.ID
	}
	return out
}

func perSecond(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}
