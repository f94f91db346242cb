package main

import (
	"encoding/json"
	"slices"

	"pgsrm/config"
	"pgsrm/reward"
)

// openScorers opens what answers the terms of a reward that are the user's own; the caller
// closes it.
func (o *sourceOptions) openScorers(spec reward.Spec, g *globalOptions) (reward.Scorers, error) {
	if !spec.Remote() {
		scorers, err := spec.OpenScorers(nil, reward.ScorerOptions{})
		return scorers, inputError(err)
	}
	c, err := g.logCache()
	if err != nil {
		return nil, err
	}
	cfg, err := o.sections(g)
	if err != nil {
		return nil, err
	}
	scorers, err := spec.OpenScorers(nil, reward.ScorerOptions{Custom: cfg.CustomReward, Judge: cfg.Judge, Cache: c, Warn: g.warn})
	return scorers, inputError(err)
}

// tellJudged logs what judges were asked.
func tellJudged(scorers reward.Scorers, spec reward.Spec, g *globalOptions) {
	for _, text := range scorers.Judged(spec) {
		g.Log.Info(text)
	}
}

// columns are the fields of a line beside those that score reads, as terms of the user's
// own get them.
func columns(fields []jsonField) json.RawMessage {
	return object(slices.DeleteFunc(slices.Clone(fields), func(f jsonField) bool {
		return slices.Contains([]string{"prompt", "response", "reference", "accepted", "finish"}, f.name)
	}))
}

// namesReward says whether the command line names the reward.
func (o *trainOptions) namesReward() bool {
	named := o.flags.Changed("reward")
	for _, text := range o.Set {
		s, err := config.ParseSetting(text)
		named = named || err == nil && (s.Key == "reward" || s.Key == "reward.formula")
	}
	return named
}
