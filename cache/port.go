package cache

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// The lines of an export; docs/format/cache.md describes them.
type (
	headLine struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	entryLine struct {
		Key    string    `json:"key"`
		Kind   Kind      `json:"kind"`
		Source string    `json:"source"`
		Used   time.Time `json:"used"`
		Value  []byte    `json:"value"` // base64
		Sum    string    `json:"sha256"`
	}
	tailLine struct {
		Entries *int `json:"entries"`
	}
)

// head is the first line of an export.
var head = headLine{"pgsrm-cache", 1}

// lineSum is the checksum of a line: the SHA-256 of key, kind, source and value,
// each with its length before it.
func lineSum(e *Entry) string {
	h := sha256.New()
	for _, part := range [][]byte{e.Key[:], []byte(e.Kind), []byte(e.Source), e.Value} {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Export writes the chosen entries as JSON lines and returns how many there are,
// and how many entries were left out because they are damaged.
func (c *Cache) Export(ctx context.Context, w io.Writer, f Filter) (n, damaged int, err error) {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(head); err != nil {
		return 0, 0, err
	}
	bad, err := c.each(ctx, func(e *Entry, _ int) error {
		if !f.matches(e) {
			return nil
		}
		n++
		return enc.Encode(entryLine{e.Key.String(), e.Kind, e.Source, e.usedAt().UTC(), e.Value, lineSum(e)})
	})
	if err == nil {
		err = enc.Encode(tailLine{&n})
	}
	return n, len(bad), errors.Join(err, out.Flush())
}

// importChunk is how many entries one transaction of an import writes.
const importChunk = 1024

// ErrImport is an export that cannot be read; its text names the line.
var ErrImport = errors.New("not an export of pgsrm")

// Import adds the entries of an export and returns how many there were. A bad
// line ends it with ErrImport; the lines before it are kept.
func (c *Cache) Import(ctx context.Context, r io.Reader) (n int, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	var batch []*Entry
	write := func() error {
		sorted := slices.SortedFunc(slices.Values(batch), func(a, b *Entry) int { return bytes.Compare(a.Key[:], b.Key[:]) })
		batch = batch[:0]
		return c.store.put(ctx, sorted, nil)
	}
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if err == io.EOF && len(text) == 0 && line > 1 {
			return n, errors.Join(importError(line, "must be the number of entries (the file is cut off)"), write())
		} else if err != nil && err != io.EOF {
			return n, errors.Join(err, write())
		}
		e, end, wrong := readLine(line, n, text)
		if wrong != nil {
			return n, errors.Join(wrong, write())
		}
		if end {
			return n, write()
		}
		if e == nil {
			continue
		}
		n++
		if batch = append(batch, e); len(batch) == importChunk {
			if err := write(); err != nil {
				return n, err
			}
		}
	}
}

// importError is ErrImport for one line.
func importError(line int, format string, args ...any) error {
	return fmt.Errorf("cache: line %d: %s: %w", line, fmt.Sprintf(format, args...), ErrImport)
}

// readLine reads a line of an export: the head (no entry), an entry, or the end,
// which says how many entries stand before it.
func readLine(line, n int, text []byte) (e *Entry, end bool, err error) {
	if line == 1 {
		var h headLine
		if err := json.Unmarshal(text, &h); err != nil || h != head {
			return nil, false, importError(line, `must be {"format":%q,"version":%d}`, head.Format, head.Version)
		}
		return nil, false, nil
	}
	var l struct {
		entryLine
		tailLine
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, false, importError(line, "must be a JSON object")
	}
	if l.Entries != nil {
		if *l.Entries != n {
			return nil, true, importError(line, "must stand behind %d entries (got %d)", *l.Entries, n)
		}
		return nil, true, nil
	}
	key, err := ParseKey(l.Key)
	if err != nil {
		return nil, false, importError(line, "key must be %d hex digits", 2*len(key))
	}
	e = &Entry{Key: key, Kind: l.Kind, Source: l.Source, Used: l.Used.Unix(), Value: l.Value}
	if err := e.check(); err != nil {
		return nil, false, importError(line, "%v", err)
	}
	if lineSum(e) != l.Sum {
		return nil, false, importError(line, "checksum must match")
	}
	return e, false, nil
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
