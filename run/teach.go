package run

import (
	"context"
	"fmt"

	"pgsrm/config"
	"pgsrm/reward"
	"pgsrm/rl"
	"pgsrm/task"
)

// teachable finds the tokens that teach the parent's answers.
func (r *run) teachable(all []prompt) error {
	if r.model.Config.EOS < 0 {
		return config.Errorf("child: must have an end token (eos_token_id) to learn it")
	}
	for i := range all {
		p := &all[i]
		target, ok := r.match.Target(p.reference)
		if !ok {
			return config.Errorf("task: item %s: must find an answer in the parent's to learn (got %.200q)", p.item.ID, p.reference)
		}
		p.teaches = r.prompter.Response(task.Joint(p.item.Prompt), target)
	}
	return nil
}

// teach is step for an algorithm that learns from the parent's answers: one to each prompt
// of the step, for which it counts as many episodes as others draw answers. The child
// answers only where the step is logged, beside the time of the step.
func (r *run) teach(ctx context.Context) error {
	step := r.done + 1
	prompts, ids := r.choose(step)
	metrics, measured, err := rl.Metrics{}, &drawn{}, error(nil)
	if logged := due(step, r.cfg.EvalEvery) || step == r.steps; logged {
		if measured, err = r.draw(ctx, step, prompts, ids); err != nil {
			return err
		}
		metrics = measured.metrics
	}

	begin := r.clock()
	update, err := r.learn(step, prompts)
	if err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	seconds := r.clock().Sub(begin)
	for name, v := range update {
		metrics[name] = v
	}
	r.done, r.evaluated, r.dropped = step, false, r.dropped+measured.dropped
	if err := r.events.emit(Metrics{Step: step, Episode: r.episode(), Values: metrics}); err != nil {
		return err
	}
	if err := r.logSamples(prompts, measured.rollout, measured.texts, measured.scores); err != nil {
		return err
	}
	return r.finishStep(Timing{Step: step, Episode: r.episode(), Values: map[string]float64{
		"update": seconds.Seconds(), "seconds": seconds.Seconds(), "episodes_per_second": perSecond(r.cfg.EpisodesPerStep(), seconds),
	}})
}

// learn trains on the parent's answers to the prompts.
func (r *run) learn(step int, prompts []prompt) (rl.Metrics, error) {
	answers := make([][]int32, len(prompts))
	for i, p := range prompts {
		answers[i] = p.teaches
	}
	rollout, err := rl.Demonstrations(r.model.Model, r.state, tokensOf(prompts), answers)
	if err != nil {
		return nil, err
	}
	samples, err := r.policy.Begin(rollout)
	if err != nil {
		return nil, err
	}
	batch := &rl.Batch{Prompts: len(prompts), G: 1, MaxNewTokens: r.cfg.Rollout.MaxNewTokens, Samples: samples}
	return r.algo.Update(r.policy, batch, rl.Step{
		Index: step - 1, LR: r.cfg.Schedule.At(step-1, r.steps), RNG: stream(r.cfg.Seed, forUpdate, step),
	})
}

// drawn are answers of the child that are measured and not trained on.
type drawn struct {
	rollout rl.Rollout
	texts   []reward.Sample
	scores  []reward.Score
	dropped int
	metrics rl.Metrics
}

// draw samples and scores answers to the prompts of a step, as a step of RL does.
func (r *run) draw(ctx context.Context, step int, prompts []prompt, ids []promptID) (*drawn, error) {
	rollout, err := r.rollout(step, prompts, ids)
	if err != nil {
		return nil, err
	}
	d := &drawn{rollout: rollout, texts: r.texts(prompts, rollout)}
	d.scores = <-r.score(ctx, d.texts)
	samples, err := r.samples(rollout, r.cfg.MeasureKL)
	if err != nil {
		return nil, fmt.Errorf("step %d: %w", step, err)
	}
	if d.dropped, err = r.drop(ctx, step, r.penalties(rollout.Generations, d.texts), samples, d.scores); err != nil {
		return nil, err
	}
	measure, err := rl.New("none", r.cfg.Options)
	if err == nil {
		d.metrics, err = measure.Update(nil, &rl.Batch{
			Prompts: len(prompts), G: rollout.G, MaxNewTokens: r.cfg.Rollout.MaxNewTokens, Samples: samples,
		}, rl.Step{Index: step - 1})
	}
	if err != nil {
		return nil, fmt.Errorf("step %d: %w", step, err)
	}
	r.addTermMetrics(d.metrics, d.scores)
	addLengthMetrics(d.metrics, rollout)
	return d, nil
}
