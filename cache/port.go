package cache

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

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
		text, err := readBounded(in)
		if err == io.EOF && len(text) == 0 && line > 1 {
			return n, errors.Join(importError(line, "must be the number of entries (the file is cut off)"), write())
		} else if errors.Is(err, bufio.ErrTooLong) {
			return n, errors.Join(importError(line, "must have at most %d bytes", maxLine), write())
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

// maxLine is the longest line of an import: the largest value in base64, the longest
// source in escapes of JSON, and the rest.
const maxLine = valueLimit/3*4 + 6*math.MaxUint16 + 1<<12

// readBounded reads a line with its end. One beyond maxLine is bufio.ErrTooLong.
func readBounded(in *bufio.Reader) (line []byte, err error) {
	for {
		piece, err := in.ReadSlice('\n')
		if len(line)+len(piece) > maxLine {
			return nil, bufio.ErrTooLong
		}
		line = append(line, piece...)
		if err != bufio.ErrBufferFull {
			return line, err
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
			return nil, true, importError(line, "must follow %d entries (got %d)", *l.Entries, n)
		}
		return nil, true, nil
	}
	key, err := parseKey(l.Key)
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
