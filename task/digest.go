package task

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// Digest identifies the task's whole content: the hex SHA-256 of all fields, each
// with its length before it, so that no two contents share the hashed bytes.
func (t *Task) Digest() string {
	var b []byte
	put := func(s string) {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(s)))
		b = append(b, s...)
	}
	put(t.Name)
	put(string(t.Kind))
	put(t.System)
	put(strconv.Itoa(t.MaxNewTokens))
	for _, it := range t.Items {
		for _, s := range []string{it.ID, it.Prompt, it.Input, it.Reference, string(it.Split), strconv.Itoa(len(it.Accepted))} {
			put(s)
		}
		for _, a := range it.Accepted {
			put(a)
		}
		if len(it.Messages) > 0 || it.Rejected != "" || it.Columns != nil { // what older versions did not have
			put(string(it.Columns))
			put(it.Rejected)
			for _, m := range it.Messages {
				put(m.Role)
				put(m.Content)
			}
		}
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
