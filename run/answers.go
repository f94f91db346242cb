package run

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"pgsrm/config"
	"pgsrm/parent"
	"pgsrm/reward"
	"pgsrm/task"
)

// Answer is one line of answers.jsonl: what the parent said to one item of the task.
type Answer struct {
	ID     string `json:"id"` // of the item
	Prompt string `json:"prompt"`
	Answer string `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"` // why there is no answer
}

// openAnswers reads the parent's answers that the run began with, so that a
// resumed run has the same ones, or asks for them. By item id.
func (r *run) openAnswers(ctx context.Context, deps Deps) (map[string]string, error) {
	if r.dir.begun {
		return readAnswers(r.dir.path)
	}
	p, err := r.openParent(deps)
	if err != nil {
		return nil, config.Bad(err)
	}
	results, err := r.askParent(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := checkParent(results, r.cfg.MaxFailureShare); err != nil {
		return nil, err
	}
	answers, text, err := encodeAnswers(r.task.Items, results)
	r.start[answersFile] = text
	return answers, err
}

// readAnswers reads the answers of a run by item id, without those that failed.
func readAnswers(dir string) (map[string]string, error) {
	all, err := ReadAnswers(dir)
	if err != nil {
		return nil, err
	}
	answers := map[string]string{}
	for _, a := range all {
		if a.Error == "" {
			answers[a.ID] = a.Answer
		}
	}
	return answers, nil
}

// askParent asks about all items and reports its progress. [len(items)]
func (r *run) askParent(ctx context.Context, p parent.Parent) ([]parent.Result, error) {
	results, err := parent.AskAll(ctx, p, r.task.Items, r.cfg.MaxFailureShare, func(results []parent.Result) error {
		return r.tellAsked(p, len(results))
	})
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w while asking the parent", ErrInterrupted)
	case errors.Is(err, parent.ErrFailing):
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return results, err
}

// tellAsked reports how far the parent is, before the files of the run are open.
func (r *run) tellAsked(p parent.Parent, done int) error {
	for _, text := range r.warnings.take() {
		if err := r.early.emit(Warning{Text: text}); err != nil {
			return err
		}
	}
	counts, ok := parent.CountsOf(p)
	if !ok {
		return nil
	}
	r.asked = Asked{Done: done, Of: len(r.task.Items), Counts: counts}
	return r.early.emit(r.asked)
}

// checkParent refuses answers of which too many failed, or all.
func checkParent(results []parent.Result, maxShare float64) error {
	var failed int
	var first error
	for _, res := range results {
		if res.Err != nil {
			failed++
			first = cmp.Or(first, res.Err)
		}
	}
	if n := len(results); float64(failed) > maxShare*float64(n) || failed == n {
		return fmt.Errorf("%w: parent: %d of %d answers failed: %w", ErrUnavailable, failed, n, first)
	}
	return nil
}

// encodeAnswers returns the answers by item id and as answers.jsonl.
func encodeAnswers(items []task.Item, results []parent.Result) (answers map[string]string, text []byte, err error) {
	answers = map[string]string{}
	for i, it := range items {
		a := Answer{ID: it.ID, Prompt: it.Prompt, Answer: results[i].Answer}
		if err := results[i].Err; err != nil {
			a.Answer, a.Error = "", err.Error()
		} else {
			answers[it.ID] = a.Answer
		}
		line, err := json.Marshal(a)
		if err != nil {
			return nil, nil, fmt.Errorf("answers: %w", err)
		}
		text = append(append(text, line...), '\n')
	}
	return answers, text, nil
}

// openReward calibrates the reward, or takes the calibration that the run began with.
func (r *run) openReward(ctx context.Context, answers map[string]string) error {
	r.terms = r.cfg.Reward.Columns()
	if r.dir.begun && r.cfg.Reward.NeedsVectors() {
		return r.restoreReward()
	}
	var err error
	if r.scorer, err = reward.New(ctx, r.cfg.Reward, r.task, answers, r.embedder, r.match, r.scorers...); err != nil {
		return calibrationError(ctx, err)
	}
	cal := r.scorer.Calibration()
	if cal == nil {
		return nil
	}
	if failed, all := len(cal.Failed), len(cal.Failed)+len(cal.Answers); float64(failed) > r.cfg.MaxFailureShare*float64(all) {
		return fmt.Errorf("%w: embedder: %d of %d parent answers failed: %s", ErrUnavailable, failed, all, cal.Failed[0].Error)
	}
	text, err := json.MarshalIndent(cal, "", " ")
	if err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	r.start[calibrationFile] = append(text, '\n')
	return nil
}

// restoreReward makes the reward of the saved calibration.
func (r *run) restoreReward() error {
	cal := new(reward.Calibration)
	text, err := os.ReadFile(r.dir.file(calibrationFile))
	if err == nil {
		err = json.Unmarshal(text, cal)
	}
	if err != nil {
		return fmt.Errorf("calibration: %w", err)
	}
	if r.scorer, err = reward.Restore(r.cfg.Reward, cal, r.embedder, r.match, r.scorers...); err != nil {
		return config.Bad(err)
	}
	return nil
}

// calibrationError says why a reward could not be calibrated.
func calibrationError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w while calibrating the reward", ErrInterrupted)
	case errors.Is(err, reward.ErrEmbedding):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return config.Bad(err)
}
