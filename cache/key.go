package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Kind is what an entry holds.
type Kind string

// The kinds of entries.
const (
	Answer Kind = "answer" // of a parent
	Vector Kind = "vector" // of an embedder
	Reward Kind = "reward" // of a function of the user's own
)

// kinds are the numbers of the kinds in an entry; they never change.
var kinds = map[Kind]byte{Answer: 1, Vector: 2, Reward: 3}

// kindOf is the kind of a number, "" for an unknown one.
func kindOf(number byte) Kind {
	for k, n := range kinds {
		if n == number {
			return k
		}
	}
	return ""
}

// Key is the address of an entry.
type Key [sha256.Size]byte

// String is the key in hex.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// keyDomain begins the encoding of every key, so that no other use of SHA-256
// over similar texts gives the same digest.
const keyDomain = "pgsrm cache key 1"

// NewKey is the SHA-256 of kind, identity of the source and exact request, each
// with its length before it, so that no two requests have one encoding.
func NewKey(kind Kind, source, request string) Key {
	b := make([]byte, 0, 64+len(source)+len(request))
	for _, part := range []string{keyDomain, string(kind), source, request} {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// parseKey reads a key in hex.
func parseKey(text string) (Key, error) {
	var k Key
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(k) {
		return k, fmt.Errorf("cache: key must be %d hex digits (got %q)", 2*len(k), text)
	}
	return Key(b), nil
}
