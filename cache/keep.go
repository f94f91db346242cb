package cache

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Filter chooses entries; a zero Filter chooses all.
type Filter struct {
	Kind   Kind      // "" = any
	Source string    // a part of the identity of the source
	Before time.Time // last used before this moment; zero = whenever
}

func (f Filter) matches(e *Entry) bool {
	return (f.Kind == "" || f.Kind == e.Kind) && strings.Contains(e.Source, f.Source) &&
		(f.Before.IsZero() || e.usedAt().Before(f.Before))
}

// Stats are what a cache holds.
type Stats struct {
	Location string        `json:"location"`
	Entries  int64         `json:"entries"`
	Bytes    int64         `json:"bytes"`   // of the entries
	Damaged  int64         `json:"damaged"` // entries that are not read
	Sources  []SourceStats `json:"sources"` // by kind and name
}

// SourceStats are the entries of one source.
type SourceStats struct {
	Kind    Kind      `json:"kind"`
	Source  string    `json:"source"`
	Entries int64     `json:"entries"`
	Bytes   int64     `json:"bytes"`
	First   time.Time `json:"first_used"`
	Last    time.Time `json:"last_used"`
}

// Stats reads and verifies every entry.
func (c *Cache) Stats(ctx context.Context) (Stats, error) {
	s := Stats{Location: c.Name(), Sources: []SourceStats{}}
	type name struct {
		kind   Kind
		source string
	}
	at := map[name]*SourceStats{}
	damaged, err := c.each(ctx, func(e *Entry, size int) error {
		one := at[name{e.Kind, e.Source}]
		if one == nil {
			one = &SourceStats{Kind: e.Kind, Source: e.Source, First: e.usedAt().UTC(), Last: e.usedAt().UTC()}
			at[name{e.Kind, e.Source}] = one
		}
		one.Entries, one.Bytes = one.Entries+1, one.Bytes+int64(size)
		if t := e.usedAt().UTC(); t.Before(one.First) {
			one.First = t
		} else if t.After(one.Last) {
			one.Last = t
		}
		return nil
	})
	for _, one := range at {
		s.Sources = append(s.Sources, *one)
		s.Entries, s.Bytes = s.Entries+one.Entries, s.Bytes+one.Bytes
	}
	slices.SortFunc(s.Sources, func(a, b SourceStats) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Source, b.Source))
	})
	s.Damaged = int64(len(damaged))
	return s, err
}

// each visits the entries that can be read, with their size, and returns the keys
// of the others. What waits is written before.
func (c *Cache) each(ctx context.Context, visit func(e *Entry, size int) error) (damaged []Key, err error) {
	if err := c.Flush(ctx); err != nil {
		return nil, err
	}
	err = c.store.each(ctx, func(key Key, b []byte) error {
		e, err := decode(key, b)
		if err != nil {
			damaged = append(damaged, key)
			return ctx.Err()
		}
		if err := visit(&e, len(b)); err != nil {
			return err
		}
		return ctx.Err()
	})
	return damaged, err
}

// Pruned is what a prune removed and what it left.
type Pruned struct {
	Removed      int64 `json:"removed"`
	RemovedBytes int64 `json:"removed_bytes"`
	Damaged      int64 `json:"damaged"` // removed as well
	Left         int64 `json:"left"`
	LeftBytes    int64 `json:"left_bytes"`
}

// Prune removes the entries that a filter chooses, if it chooses any by choose;
// then, if limit is above 0, those not used for longest until the rest has at most
// limit bytes; and damaged ones. A file is then written anew without its gaps.
// With dry nothing is removed.
func (c *Cache) Prune(ctx context.Context, f Filter, choose bool, limit int64, dry bool) (p Pruned, err error) {
	type left struct {
		key  Key
		used int64
		size int64
	}
	var rest []left
	var doomed []Key
	remove := func(key Key, size int64) {
		doomed = append(doomed, key)
		p.Removed, p.RemovedBytes = p.Removed+1, p.RemovedBytes+size
	}
	damaged, err := c.each(ctx, func(e *Entry, size int) error {
		if choose && f.matches(e) {
			remove(e.Key, int64(size))
			return nil
		}
		rest = append(rest, left{e.Key, e.Used, int64(size)})
		p.LeftBytes += int64(size)
		return nil
	})
	if err != nil {
		return p, err
	}
	slices.SortFunc(rest, func(a, b left) int {
		return cmp.Or(cmp.Compare(a.used, b.used), bytes.Compare(a.key[:], b.key[:]))
	})
	for limit > 0 && p.LeftBytes > limit {
		remove(rest[0].key, rest[0].size)
		p.LeftBytes -= rest[0].size
		rest = rest[1:]
	}
	p.Left, p.Damaged = int64(len(rest)), int64(len(damaged))
	if dry {
		return p, nil
	}
	return p, c.remove(ctx, append(doomed, damaged...))
}

// remove removes entries and the gaps that they leave.
func (c *Cache) remove(ctx context.Context, keys []Key) error {
	for chunk := range slices.Chunk(keys, 4*importChunk) {
		if err := c.store.drop(ctx, chunk); err != nil {
			return err
		}
	}
	if f, ok := c.store.(*file); ok {
		return f.compact(ctx)
	}
	return nil
}
