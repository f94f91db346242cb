package cache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// Entry is one thing that a source answered.
type Entry struct {
	Key    Key
	Kind   Kind
	Source string // identity of the parent or embedder
	Used   int64  // Unix seconds: written, or read a day or more later
	Value  []byte
}

// The bytes of an entry; docs/format/cache.md describes them.
const (
	entryVersion = 1
	entryHead    = 1 + 1 + 2 + 4 + 8 // version, kind, length of source, length of value, used
	entrySum     = 4
	valueLimit   = 64 << 20 // largest value
)

// errEntry is what is wrong with the bytes of an entry.
var errEntry = errors.New("damaged entry")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// check refuses entries that have no encoding.
func (e *Entry) check() error {
	switch {
	case kinds[e.Kind] == 0:
		return fmt.Errorf("cache: kind must be %s, %s or %s (got %q)", Answer, Vector, Reward, e.Kind)
	case len(e.Source) > math.MaxUint16:
		return fmt.Errorf("cache: identity of a source must have at most %d bytes (got %d)", math.MaxUint16, len(e.Source))
	case len(e.Value) > valueLimit:
		return fmt.Errorf("cache: value must have at most %d bytes (got %d)", valueLimit, len(e.Value))
	}
	return nil
}

// size is the number of bytes of the encoded entry.
func (e *Entry) size() int { return entryHead + len(e.Source) + len(e.Value) + entrySum }

// encode returns header, source, value and the checksum over the key and all of these.
func (e *Entry) encode() []byte {
	b := make([]byte, 0, e.size())
	b = append(b, entryVersion, kinds[e.Kind])
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.Source)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Value)))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Used))
	b = append(b, e.Source...)
	b = append(b, e.Value...)
	return binary.LittleEndian.AppendUint32(b, checksum(e.Key, b))
}

// checksum is the CRC-32C of the key and the entry before its checksum.
func checksum(key Key, b []byte) uint32 {
	return crc32.Update(crc32.Checksum(key[:], castagnoli), castagnoli, b)
}

// decode verifies the bytes found under a key. The value is a part of b.
func decode(key Key, b []byte) (Entry, error) {
	if len(b) < entryHead+entrySum {
		return Entry{}, fmt.Errorf("%w: must have at least %d bytes (got %d)", errEntry, entryHead+entrySum, len(b))
	}
	body := b[:len(b)-entrySum]
	if binary.LittleEndian.Uint32(b[len(body):]) != checksum(key, body) {
		return Entry{}, fmt.Errorf("%w: checksum must match", errEntry)
	}
	e := Entry{Key: key, Kind: kindOf(b[1]), Used: stamp(b)}
	if b[0] != entryVersion || e.Kind == "" {
		return Entry{}, fmt.Errorf("%w: version must be %d and kind known (got %d, %d)", errEntry, entryVersion, b[0], b[1])
	}
	source, value := int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
	if entryHead+source+value != len(body) {
		return Entry{}, fmt.Errorf("%w: must have %d bytes (got %d)", errEntry, entryHead+source+value+entrySum, len(b))
	}
	e.Source, e.Value = string(body[entryHead:entryHead+source]), body[entryHead+source:]
	return e, nil
}

// stamp is the time of use in the bytes of an entry that is long enough.
func stamp(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b[8:])) }

// usedAt is the time of use.
func (e *Entry) usedAt() time.Time { return time.Unix(e.Used, 0) }
