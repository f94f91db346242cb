package cache

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Variable names the environment variable that says where the cache is.
const Variable = "PGSRM_CACHE"

// DefaultLimit is how many bytes of entries a file holds.
const DefaultLimit = 4 << 30

// Options are what a cache is opened with.
type Options struct {
	Limit int64            // bytes of entries in a file, 0 = DefaultLimit; a Redis server has its own
	Warn  func(string)     // is told what goes wrong; nil = nobody
	Now   func() time.Time // nil = time.Now
}

// Cache keeps entries. It is safe for concurrent use, and a nil Cache keeps
// nothing. Where the store is away, reads are misses and writes wait in memory.
type Cache struct {
	store store
	warn  func(string)
	now   func() time.Time

	mu      sync.Mutex
	pending map[Key]*Entry // put, not yet written
	writing map[Key]*Entry // being written
	bytes   int            // of both
	touched map[Key]bool   // read, to be written as used
	timer   *time.Timer    // of the next write; nil = none due
	outage  outage
	lost    int // entries dropped because too many waited
	closed  bool

	flushing sync.Mutex // one write at a time
}

// store is where entries lie. get calls see for each key that it has, with bytes
// that are valid during the call; put and drop are done when they return; each
// visits every entry, in no order. Errors are those of the store as a whole.
type store interface {
	get(ctx context.Context, keys []Key, see func(i int, entry []byte)) error
	put(ctx context.Context, entries []*Entry, used []Key) error
	drop(ctx context.Context, keys []Key) error
	each(ctx context.Context, visit func(key Key, entry []byte) error) error
	name() string
	end() error
}

// Name is the path or the URL without password, "off" for a nil cache.
func (c *Cache) Name() string {
	if c == nil {
		return "off"
	}
	return c.store.name()
}

// usedAgain is how old a time of use becomes before a read renews it.
const usedAgain = 24 * time.Hour

// Get returns the values of keys, nil where there is none. A damaged entry is a
// miss, and is written anew when its request has been answered again.
func (c *Cache) Get(ctx context.Context, keys []Key) [][]byte {
	values := make([][]byte, len(keys))
	if c == nil || len(keys) == 0 {
		return values
	}
	var ask []Key
	var at []int // place of ask[k] in keys
	c.mu.Lock()
	for i, key := range keys {
		if e := c.waiting(key); e != nil {
			values[i] = e.Value
			continue
		}
		ask, at = append(ask, key), append(at, i)
	}
	c.mu.Unlock()
	if len(ask) == 0 {
		return values
	}
	var damaged int
	var used []Key
	old := c.now().Add(-usedAgain).Unix()
	c.attempt(ctx, false, func() error {
		return c.store.get(ctx, ask, func(k int, entry []byte) {
			e, err := decode(ask[k], entry)
			if err != nil {
				damaged++
				return
			}
			values[at[k]] = append([]byte{}, e.Value...)
			if e.Used < old {
				used = append(used, ask[k])
			}
		})
	})
	if damaged > 0 {
		c.warn(fmt.Sprintf("cache: %s: %d damaged entries, asked again", c.Name(), damaged))
	}
	c.touch(used)
	return values
}

// waiting is the entry of a key that is not yet written.
func (c *Cache) waiting(key Key) *Entry {
	if e := c.pending[key]; e != nil {
		return e
	}
	return c.writing[key]
}

// How writes are gathered.
const (
	writeDelay  = 200 * time.Millisecond // after the first of them
	writeBytes  = 4 << 20                // at once, without delay
	waitingMost = 64 << 20               // bytes that wait for a store that is away
	touchedMost = 1 << 14
)

// Put keeps a value. It is written with others a moment later, in one transaction;
// Get finds it at once. The value must not be changed from here on.
func (c *Cache) Put(kind Kind, source string, key Key, value []byte) {
	if c == nil {
		return
	}
	e := &Entry{Key: key, Kind: kind, Source: source, Used: c.now().Unix(), Value: value}
	if err := e.check(); err != nil {
		c.warn(err.Error())
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if c.bytes+e.size() > waitingMost { // only where the store is away or slower than the sources
		c.lost++
		return
	}
	if old := c.pending[key]; old != nil {
		c.bytes -= old.size()
	}
	c.pending[key] = e
	before := c.bytes
	c.bytes += e.size()
	if c.timer == nil {
		c.timer = time.AfterFunc(writeDelay, func() { c.Flush(context.Background()) })
	}
	if before < writeBytes && c.bytes >= writeBytes {
		c.timer.Reset(0)
	}
}

// touch remembers that entries were used.
func (c *Cache) touch(keys []Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range keys {
		if len(c.touched) < touchedMost {
			c.touched[key] = true
		}
	}
}

// Flush writes what was put so far. An error is the store's; the entries then wait
// for the next write.
func (c *Cache) Flush(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.flushing.Lock()
	defer c.flushing.Unlock()
	c.mu.Lock()
	c.timer = nil
	if len(c.pending)+len(c.touched) == 0 {
		c.mu.Unlock()
		return nil
	}
	c.writing, c.pending = c.pending, map[Key]*Entry{}
	entries, used := byKey(c.writing), sortedKeys(c.touched)
	c.touched = map[Key]bool{}
	c.mu.Unlock()

	err := c.attempt(ctx, true, func() error { return c.store.put(ctx, entries, used) })
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.writing {
		if err == nil || c.pending[key] != nil {
			c.bytes -= e.size()
		} else {
			c.pending[key] = e
		}
	}
	c.writing = nil
	return err
}

// Close writes what waits and closes the store. What could not be written is a
// warning, not an error: the next run asks for it again.
func (c *Cache) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.outage.until = time.Time{} // a last try
	c.mu.Unlock()
	err := c.Flush(context.Background())
	c.mu.Lock()
	c.closed = true
	lost := c.lost + len(c.pending)
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	if lost > 0 {
		c.warn(fmt.Sprintf("cache: %s: %d answers were not kept (%v)", c.Name(), lost, err))
	}
	if err := c.store.end(); err != nil {
		c.warn(fmt.Sprintf("cache: %v", err))
	}
}
