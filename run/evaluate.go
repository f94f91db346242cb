package run

import (
	"context"
	"fmt"
	"math"

	"pgsrm/eval"
	"pgsrm/lm"
	"pgsrm/reward"
	"pgsrm/rl"
)

// evaluate measures the greedy answers of the child (see answer) on the evaluated prompts of
// each split and logs them.
func (r *run) evaluate(ctx context.Context) error {
	begin := r.clock()
	values := map[string]float64{}
	var lines []Completion
	for _, s := range r.evals {
		answers, gens, err := r.answer(ctx, s.prompts)
		if err != nil {
			return err
		}
		scores := r.scorer.Score(ctx, answers)
		measured, err := eval.MeasureEach(ctx, evalAnswers(s.prompts, answers), r.embedder, r.match)
		if ctx.Err() != nil {
			return fmt.Errorf("step %d: %w", r.done, ErrInterrupted)
		}
		if err != nil {
			return fmt.Errorf("step %d: %w: %w", r.done, ErrUnavailable, err)
		}
		if failed, first := failedScores(scores); float64(failed) > r.cfg.MaxFailureShare*float64(len(scores)) {
			return fmt.Errorf("step %d: %w: evaluation: %d of %d rewards failed: %w", r.done, ErrUnavailable, failed, len(scores), first)
		}
		addEvaluation(values, "eval/"+s.name+"/", measured.Result, scores)
		if err := r.addComponents(ctx, values, s, answers, scores); err != nil {
			return err
		}
		for i, p := range s.prompts {
			c := r.completion(p, answers[i], scores[i], gens[i].Finish)
			c.Greedy, c.Split, c.Reference = true, s.name, p.truth
			if cos := measured.Scores[i].Cosine; r.cosines && !math.IsNaN(cos) {
				c.Semantic = &cos
			}
			lines = append(lines, c)
		}
	}
	r.lastEval = values
	m := Metrics{Step: r.done, Episode: r.episode(), Values: values}
	if err := r.events.emit(m); err != nil {
		return err
	}
	r.arbiter.see(m)
	for _, c := range lines {
		if err := r.events.emit(c); err != nil {
			return err
		}
	}
	timing := map[string]float64{"evaluate": r.clock().Sub(begin).Seconds()}
	r.addSourceCounts(timing)
	return r.finishStep(Timing{Step: r.done, Episode: r.episode(), Values: timing})
}

// addComponents measures the tasks of a mixture one by one.
func (r *run) addComponents(ctx context.Context, values map[string]float64, s split, answers []reward.Sample, scores []reward.Score) error {
	for _, c := range r.task.Components {
		var prompts []prompt
		var itsAnswers []reward.Sample
		var itsScores []reward.Score
		for i, p := range s.prompts {
			if p.item.Task == c.Name {
				prompts, itsAnswers, itsScores = append(prompts, p), append(itsAnswers, answers[i]), append(itsScores, scores[i])
			}
		}
		if len(prompts) == 0 {
			continue
		}
		result, err := eval.Measure(ctx, evalAnswers(prompts, itsAnswers), r.embedder, r.match)
		if ctx.Err() != nil {
			return fmt.Errorf("step %d: %w", r.done, ErrInterrupted)
		}
		if err != nil {
			return fmt.Errorf("step %d: %w: %w", r.done, ErrUnavailable, err)
		}
		addEvaluation(values, "eval/"+s.name+"/"+c.Name+"/", result, itsScores)
	}
	return nil
}

// answer gives the answers that are evaluated: the greedy ones, or with EvalBestOf the best
// of several. [len(prompts)]
func (r *run) answer(ctx context.Context, prompts []prompt) ([]reward.Sample, []lm.Generation, error) {
	if r.cfg.EvalBestOf > 1 {
		return r.bestOf(ctx, prompts, r.cfg.EvalBestOf)
	}
	return r.greedy(ctx, prompts)
}

// greedy answers the prompts with the most likely tokens. [len(prompts)]
func (r *run) greedy(ctx context.Context, prompts []prompt) ([]reward.Sample, []lm.Generation, error) {
	gens, err := r.model.Greedy(ctx, tokensOf(prompts), r.cfg.Rollout.MaxNewTokens, r.model.Ends(r.cfg.Rollout.Stop))
	if ctx.Err() != nil {
		return nil, nil, fmt.Errorf("step %d: %w", r.done, ErrInterrupted)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("step %d: evaluation: %w", r.done, err)
	}
	return r.texts(prompts, rl.Rollout{G: 1, Generations: gens}), gens, nil
}

// evalAnswers pairs the answers with what they are measured against.
func evalAnswers(prompts []prompt, answers []reward.Sample) []eval.Answer {
	out := make([]eval.Answer, len(prompts))
	for i, p := range prompts {
		out[i] = eval.Answer{Item: p.item, Reference: p.truth, Response: answers[i].Response}
	}
	return out
}

// addEvaluation names the numbers of one split.
func addEvaluation(values map[string]float64, prefix string, e eval.Result, scores []reward.Score) {
	for name, v := range map[string]float64{
		"exact_match": e.ExactMatch, "semantic": e.Semantic, "chrf": e.ChrF,
		"distinct_1": e.Distinct1, "distinct_2": e.Distinct2, "mean_length": e.MeanLength,
		"n": float64(e.N), "failed": float64(e.Failed),
	} {
		values[prefix+name] = v
	}
	if e.Normalized != nil {
		values[prefix+"exact_match_normalized"] = *e.Normalized
	}
	var sum, n float64
	for _, s := range scores {
		if s.Err == nil {
			sum, n = sum+s.Reward, n+1
		}
	}
	if n > 0 {
		values[prefix+"reward"] = sum / n
	}
}

// addTermMetrics adds mean and deviation of each term of the reward, unweighted.
func (r *run) addTermMetrics(metrics map[string]float64, scores []reward.Score) {
	for k, name := range r.terms {
		var values []float64
		for _, s := range scores {
			if s.Err == nil {
				values = append(values, s.Terms[k])
			}
		}
		mean, std := moments(values)
		if len(values) > 0 {
			metrics["rewards/"+name+"/mean"], metrics["rewards/"+name+"/std"] = mean, std
		}
	}
}

// moments are the mean and the standard deviation (n-1; 0 for one value).
func moments(values []float64) (mean, std float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		std += (v - mean) * (v - mean)
	}
	if len(values) < 2 {
		return mean, 0
	}
	return mean, math.Sqrt(std / float64(len(values)-1))
}

// addLengthMetrics adds how the answers ended: by the end token, by a stop text, or cut.
func addLengthMetrics(metrics map[string]float64, rollout rl.Rollout) {
	finished := map[string]int{}
	for _, g := range rollout.Generations {
		finished[g.Finish]++
	}
	metrics["val/num_eos_tokens"] = float64(finished["eos"])
	metrics["completions/clipped_ratio"] = float64(finished["length"]) / float64(len(rollout.Generations))
}

// logSamples logs some of the sampled answers of a step, chosen at random but
// the same on every run.
func (r *run) logSamples(prompts []prompt, rollout rl.Rollout, texts []reward.Sample, scores []reward.Score) error {
	order := stream(r.cfg.Seed, forCompletions, r.done).Perm(len(texts))
	for _, i := range order[:min(r.cfg.LogSamples, len(order))] {
		c := r.completion(prompts[i/rollout.G], texts[i], scores[i], rollout.Generations[i].Finish)
		if err := r.events.emit(c); err != nil {
			return err
		}
	}
	return nil
}

// completion is the event of one answer.
func (r *run) completion(p prompt, s reward.Sample, score reward.Score, finish string) Completion {
	c := Completion{
		Step: r.done, Episode: r.episode(), PromptID: p.item.ID, Prompt: p.item.Prompt,
		Reference: p.reference, Response: s.Response, Finish: finish,
	}
	if r.match != nil {
		strict := r.match.Strict(s.Response, p.truth, p.item.Accepted)
		normalized := r.match.Normalized(s.Response, p.truth, p.item.Accepted)
		c.ExactMatch, c.Normalized = &strict, &normalized
	}
	if score.Err != nil {
		c.Error = score.Err.Error()
		return c
	}
	c.Reward = &score.Reward
	c.Terms = map[string]float64{}
	for k, name := range r.terms {
		c.Terms[name] = score.Terms[k]
	}
	return c
}
