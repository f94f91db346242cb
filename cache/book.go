package cache

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// The buckets of the file; docs/format/cache.md describes them.
var (
	entriesBucket = []byte("entries") // key -> entry
	agesBucket    = []byte("ages")    // time of use (big endian), key -> nothing
	metaBucket    = []byte("meta")    // version and totals
	versionKey    = []byte("version")
	totalsKey     = []byte("totals") // entries, bytes
)

// fileVersion is that of the buckets.
const fileVersion = 1

// evictLeast is how many entries a write may evict beside twice those it adds.
const evictLeast = 16

// makeBuckets makes those of a new file and checks the version of an old one.
func makeBuckets(db *bbolt.DB) error {
	var version []byte
	err := db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket(metaBucket); b != nil {
			version = append(version, b.Get(versionKey)...)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(version) == 1 && version[0] == fileVersion:
		return nil
	case len(version) > 0:
		return fmt.Errorf("version must be %d (got %d): made by another version of pgsrm", fileVersion, version[0])
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{entriesBucket, agesBucket, metaBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(versionKey, []byte{fileVersion})
	})
}

// book is the buckets within a transaction. Entries and ages stand for each other:
// every entry has one row in ages.
type book struct {
	entries, ages, meta *bbolt.Bucket
	count, bytes        int64 // of all entries, with their rows
}

// openBook finds the buckets; without them the file is damaged.
func openBook(tx *bbolt.Tx) (*book, error) {
	b := &book{entries: tx.Bucket(entriesBucket), ages: tx.Bucket(agesBucket), meta: tx.Bucket(metaBucket)}
	if b.entries == nil || b.ages == nil || b.meta == nil {
		return nil, fmt.Errorf("%w: a bucket is missing", errDamaged)
	}
	if t := b.meta.Get(totalsKey); len(t) == 16 {
		b.count, b.bytes = int64(binary.LittleEndian.Uint64(t)), int64(binary.LittleEndian.Uint64(t[8:]))
	}
	return b, nil
}

// save writes the totals.
func (b *book) save() error {
	t := binary.LittleEndian.AppendUint64(nil, uint64(b.count))
	return b.meta.Put(totalsKey, binary.LittleEndian.AppendUint64(t, uint64(b.bytes)))
}

// ageRow is the row of an entry in ages.
func ageRow(used int64, key Key) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(key)), uint64(used)), key[:]...)
}

// cost is what an entry of n bytes counts for: its key, itself and its row.
func cost(n int) int64 { return int64(n + 2*len(Key{}) + 8) }

// put writes an entry in the place of an old one.
func (b *book) put(key Key, entry []byte) error {
	if err := b.drop(key); err != nil {
		return err
	}
	if err := b.entries.Put(key[:], entry); err != nil {
		return err
	}
	b.count, b.bytes = b.count+1, b.bytes+cost(len(entry))
	return b.ages.Put(ageRow(stamp(entry), key), nil)
}

// touch gives an entry a new time of use. A damaged one is left as it is.
func (b *book) touch(key Key, now int64) error {
	e, err := decode(key, b.entries.Get(key[:]))
	if err != nil || e.Used >= now {
		return nil
	}
	e.Used = now
	return b.put(key, e.encode())
}

// drop removes an entry, if it is there.
func (b *book) drop(key Key) error {
	old := b.entries.Get(key[:])
	if old == nil {
		return nil
	}
	b.count, b.bytes = b.count-1, b.bytes-cost(len(old))
	if len(old) >= entryHead {
		if err := b.ages.Delete(ageRow(stamp(old), key)); err != nil {
			return err
		}
	}
	return b.entries.Delete(key[:])
}

// evict removes the entries that were not used for longest until all count for
// at most limit bytes, but never more than most of them: a write has bounded work.
func (b *book) evict(limit int64, most int) error {
	if limit <= 0 || b.bytes <= limit {
		return nil
	}
	var rows [][]byte
	over := b.bytes - limit
	c := b.ages.Cursor()
	for row, _ := c.First(); row != nil && over > 0 && len(rows) < most; row, _ = c.Next() {
		rows = append(rows, append([]byte(nil), row...))
		if len(row) == 8+len(Key{}) {
			over -= cost(len(b.entries.Get(row[8:])))
		}
	}
	for _, row := range rows {
		if err := b.evictRow(row); err != nil {
			return err
		}
	}
	return nil
}

// evictRow removes a row and its entry, unless that has another row by now.
func (b *book) evictRow(row []byte) error {
	if len(row) == 8+len(Key{}) {
		key := Key(row[8:])
		entry := b.entries.Get(key[:])
		if len(entry) < entryHead || stamp(entry) == int64(binary.BigEndian.Uint64(row)) {
			if err := b.drop(key); err != nil {
				return err
			}
		}
	}
	return b.ages.Delete(row)
}
