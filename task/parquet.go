package task

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// eachRowOfParquet reads the rows of a Parquet file. plain is the file itself where it
// is not compressed as a whole; it may be read at any place.
func eachRowOfParquet(title string, r, plain io.Reader, f func(row) error) (err error) {
	defer func() { // the library trusts what it reads
		if p := recover(); p != nil {
			err = fmt.Errorf("%s: must be a Parquet file that can be read: %v", title, p)
		}
	}()
	at, size, err := randomAccess(r, plain)
	if err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	if err := checkFooter(at, size); err != nil {
		return fmt.Errorf("%s: must be a Parquet file: %w", title, err)
	}
	file, err := parquet.OpenFile(at, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("%s: must be a Parquet file: %w", title, err)
	}
	var names []string
	for _, c := range file.Schema().Fields() {
		names = append(names, c.Name())
	}
	rows := parquet.NewReader(file)
	defer rows.Close()
	rec := row{title: title, counted: true}
	for {
		rec.line++
		var v any
		err := rows.Read(&v)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return rec.failed("must be a row that can be read: %w", err)
		}
		values, _ := v.(map[string]any)
		rec.fields = rec.fields[:0]
		for _, name := range names {
			text, err := json.Marshal(values[name])
			if err != nil {
				return rec.errorf(name, "must have a JSON form (%v)", err)
			}
			rec.fields = append(rec.fields, field{name, text})
		}
		if err := f(rec); err != nil {
			return err
		}
	}
}

// randomAccess is the file itself, or what is left to read as a whole.
func randomAccess(r, plain io.Reader) (io.ReaderAt, int64, error) {
	if at, ok := plain.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		if size, err := at.Seek(0, io.SeekEnd); err == nil {
			return at, size, nil
		}
	}
	text, err := io.ReadAll(io.LimitReader(r, maxWhole+1))
	if err == nil && len(text) > maxWhole {
		err = fmt.Errorf("must have at most %d bytes, unless it is a plain file", int64(maxWhole))
	}
	return bytes.NewReader(text), int64(len(text)), err
}

// maxFooter bounds the metadata of a Parquet file.
const maxFooter = 16 << 20

// checkFooter walks the metadata at the end of a Parquet file, which is in Thrift's compact
// protocol, before the library does: that makes room for as many elements as a list
// claims to have, whatever the file holds.
func checkFooter(r io.ReaderAt, size int64) error {
	if size < 12 {
		return fmt.Errorf("it has %d bytes", size)
	}
	var tail [8]byte
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if string(tail[4:]) != "PAR1" {
		return fmt.Errorf("it ends with %q", tail[4:])
	}
	if n > size-12 || n > maxFooter {
		return fmt.Errorf("its metadata must have at most %d bytes (got %d)", min(size-12, maxFooter), n)
	}
	w := thrift{data: make([]byte, n)}
	if _, err := r.ReadAt(w.data, size-8-n); err != nil {
		return err
	}
	return w.structure(0)
}

// thrift walks values of Thrift's compact protocol.
type thrift struct{ data []byte }

var errThrift = errors.New("its metadata is damaged")

func (t *thrift) varint() (uint64, error) {
	v, n := binary.Uvarint(t.data)
	if n <= 0 {
		return 0, errThrift
	}
	t.data = t.data[n:]
	return v, nil
}

func (t *thrift) skip(n uint64) error {
	if n > uint64(len(t.data)) {
		return errThrift
	}
	t.data = t.data[n:]
	return nil
}

func (t *thrift) byte() (byte, error) {
	if len(t.data) == 0 {
		return 0, errThrift
	}
	b := t.data[0]
	t.data = t.data[1:]
	return b, nil
}

// structure walks the fields of a struct up to its end.
func (t *thrift) structure(depth int) error {
	if depth > 32 {
		return errThrift
	}
	for {
		head, err := t.byte()
		if err != nil || head == 0 {
			return err
		}
		if head>>4 == 0 { // no difference to the field before: its number follows
			if _, err := t.varint(); err != nil {
				return err
			}
		}
		if kind := head & 15; kind > 2 { // true and false are kinds of their own
			if err := t.value(kind, depth); err != nil {
				return err
			}
		}
	}
}

// value walks one value.
func (t *thrift) value(kind byte, depth int) error {
	switch kind {
	case 1, 2, 3:
		return t.skip(1)
	case 4, 5, 6:
		_, err := t.varint()
		return err
	case 7:
		return t.skip(8)
	case 8:
		n, err := t.varint()
		if err != nil {
			return err
		}
		return t.skip(n)
	case 9, 10:
		return t.list(depth)
	case 12:
		return t.structure(depth + 1)
	}
	return errThrift // maps and later kinds stand in no metadata of Parquet
}

// list walks a list, whose elements have a byte at least.
func (t *thrift) list(depth int) error {
	head, err := t.byte()
	n := uint64(head >> 4)
	if err == nil && n == 15 {
		n, err = t.varint()
	}
	if err != nil {
		return err
	}
	if n > uint64(len(t.data)) || depth > 32 {
		return errThrift
	}
	for range n {
		if err := t.value(head&15, depth+1); err != nil {
			return err
		}
	}
	return nil
}
