package run

import (
	"fmt"
	"sync"

	"pgsrm/config"
	"pgsrm/embed"
	"pgsrm/parent"
	"pgsrm/reward"
)

// shared are the sources of a comparison, opened once for all its runs, so that
// runs beside each other ask each thing once.
type shared struct {
	mu        sync.Mutex
	parents   map[string]parent.Parent // by what they were opened with
	embedders map[string]embed.Embedder
	told      map[string]bool // what one of the runs has warned of
	runs      int             // of the comparison
}

func newShared() *shared {
	return &shared{parents: map[string]parent.Parent{}, embedders: map[string]embed.Embedder{}, told: map[string]bool{}}
}

// first says whether a text is to be told: of the runs of a comparison by one.
func (s *shared) first(text string) bool {
	if s == nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told[text] {
		return false
	}
	s.told[text] = true
	return true
}

// openParent is the parent that was given, that of the comparison, or a new one.
func (r *run) openParent(deps Deps) (parent.Parent, error) {
	open := func() (parent.Parent, error) {
		return parent.Open(r.cfg.Parent, r.task, parent.Options{Cache: deps.Cache, Chat: &r.cfg.Chat, Threads: deps.Pool.Threads(), Warn: r.warnings.add})
	}
	switch {
	case deps.Parent != nil:
		return deps.Parent, nil
	case deps.shared == nil:
		return open()
	}
	deps.shared.mu.Lock()
	defer deps.shared.mu.Unlock()
	return once(deps.shared.parents, fmt.Sprintf("%q %q %+v", r.cfg.Task, r.cfg.Parent, r.cfg.Chat), open)
}

// openEmbedder is the embedder that was given, that of the comparison, or a new one.
func (r *run) openEmbedder(deps Deps) (embed.Embedder, error) {
	open := func() (embed.Embedder, error) {
		return embed.Open(r.cfg.Embedder, embed.Options{Cache: deps.Cache, Settings: &r.cfg.Embedding, Warn: r.warnings.add})
	}
	switch {
	case deps.Embedder != nil:
		return deps.Embedder, nil
	case deps.shared == nil:
		return open()
	}
	deps.shared.mu.Lock()
	defer deps.shared.mu.Unlock()
	return once(deps.shared.embedders, fmt.Sprintf("%q %+v", r.cfg.Embedder, r.cfg.Embedding), open)
}

// openScorers opens what answers the terms of the reward that are the user's own. Each run
// of a comparison has its own.
func (r *run) openScorers(deps Deps) (err error) {
	o := reward.ScorerOptions{Custom: r.cfg.CustomReward, Judge: r.cfg.Judge, Cache: deps.Cache, Warn: r.warnings.add}
	if r.cfg.Reward.Preferred() {
		r.preference = &preference{o: r.cfg.Preference}
		o.Preference = r.preference
	}
	r.scorers, err = r.cfg.Reward.OpenScorers(deps.Scorer, o)
	return config.Bad(err)
}

// once opens what is not opened yet.
func once[S any](opened map[string]S, key string, open func() (S, error)) (S, error) {
	if s, ok := opened[key]; ok {
		return s, nil
	}
	s, err := open()
	if err == nil {
		opened[key] = s
	}
	return s, err
}

// addSourceCounts adds what embedder and functions of the user's own were asked since they
// were opened, where they count.
func (r *run) addSourceCounts(values map[string]float64) {
	for name, v := range r.scorers.Values(r.cfg.Reward) {
		values["custom/"+name] = v
	}
	if counts, ok := embed.CacheCountsOf(r.embedder); ok {
		for name, v := range counts.Values() {
			values["embedder/"+name] = v
		}
	}
	if counts, ok := embed.CountsOf(r.embedder); ok {
		for name, v := range counts.Values() {
			values["embedder/"+name] = v
		}
	}
}
