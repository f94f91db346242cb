package run

import (
	"context"
	"time"

	"pgsrm/config"
	"pgsrm/embed"
	"pgsrm/hf"
	"pgsrm/parent"
	"pgsrm/reward"
)

// LookAt looks at a child as a run of the configuration would before it trains it,
// and changes the child as the run would (LoRA.Prepare). No server is asked and no process
// started: where parent, embedder or a term of the reward is one, there are no scores.
func LookAt(ctx context.Context, cfg Config, child *hf.Model, deps Deps) (*Look, error) {
	defer ownPool(cfg, &deps)()
	r := &run{cfg: cfg, steps: cfg.Steps(), needs: cfg.Options.Needs(cfg.Algorithm), clock: time.Now, match: cfg.Matcher()}
	if err := r.openTask(deps); err != nil {
		return nil, config.Bad(err)
	}
	if err := r.openScorers(deps); err != nil {
		return nil, err
	}
	if err := r.adopt(child, deps.Pool); err != nil {
		return nil, err
	}
	source, err := r.openParent(deps)
	if err != nil {
		return nil, config.Bad(err)
	}
	return r.tryLook(ctx, source)
}

// tryLook opens what a look needs beyond the child and looks.
func (r *run) tryLook(ctx context.Context, source parent.Parent) (*Look, error) {
	answers, ready := r.readyAnswers(ctx, source)
	if ready {
		if err := r.decide(answers); err != nil {
			return nil, err
		}
	}
	if err := r.openPrompts(answers); err != nil {
		return nil, err
	}
	if err := r.tryReward(ctx, answers); err != nil {
		return nil, err
	}
	r.openPolicy()
	return r.look(ctx)
}

// readyAnswers are those of a parent that answers for nothing, else the references
// of the task; where it has none, its prompts have an empty one. By item id.
func (r *run) readyAnswers(ctx context.Context, source parent.Parent) (answers map[string]string, ready bool) {
	if _, costly := parent.PlanOf(ctx, source, r.task.Items); costly {
		return r.references(), false
	}
	answers = map[string]string{}
	for i, res := range source.Answers(ctx, r.task.Items) {
		if res.Err == nil {
			answers[r.task.Items[i].ID] = res.Answer
		}
	}
	return answers, true
}

// tryReward calibrates the reward, unless references, vectors or a function of the
// user's own are missing, or it has a head that would have to learn first.
func (r *run) tryReward(ctx context.Context, answers map[string]string) error {
	r.terms = r.cfg.Reward.Columns()
	if counts, ok := embed.CountsOf(r.embedder); r.embedder == nil || r.cfg.Reward.Remote() || r.preference != nil || ok && counts.Server.Faults != nil {
		return nil
	}
	for _, a := range answers {
		if a == "" {
			return nil
		}
	}
	var err error
	if r.scorer, err = reward.New(ctx, r.cfg.Reward, r.task, answers, r.embedder, r.match, r.scorers...); err != nil {
		return calibrationError(ctx, err)
	}
	return nil
}
