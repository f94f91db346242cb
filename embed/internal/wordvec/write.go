package wordvec

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Limits of word vectors: beyond them a file is surely not one.
const (
	maxWordDim = 1 << 16
	maxWords   = 1<<31 - 2
)

// indexWriter writes an index row by row; the words are kept until the end.
type indexWriter struct {
	out     *bufio.Writer
	dim     int
	offsets []uint32 // [n+1]
	texts   []byte
	table   []uint64 // [slots] high half of the hash, row + 1
}

// newIndexWriter begins an index of vectors of dim numbers.
func newIndexWriter(w io.Writer, dim int) (*indexWriter, error) {
	x := &indexWriter{out: bufio.NewWriterSize(w, 1<<18), dim: dim, offsets: []uint32{0}, table: make([]uint64, 1<<10)}
	head := append(make([]byte, 0, indexHead), indexMagic...)
	head = binary.LittleEndian.AppendUint32(head, indexVersion)
	_, err := x.out.Write(head[:indexHead])
	return x, err
}

// slot finds the place of a word in the table: its own, or the empty one that it
// would take.
func (x *indexWriter) slot(word string, h uint64) (at uint64, taken bool) {
	mask := uint64(len(x.table) - 1)
	for at = h & mask; x.table[at] != emptySlot; at = (at + 1) & mask {
		if x.table[at]>>32 != h>>32 {
			continue
		}
		row := uint32(x.table[at]) - 1
		if string(x.texts[x.offsets[row]:x.offsets[row+1]]) == word {
			return at, true
		}
	}
	return at, false
}

// has says whether the word is there already.
func (x *indexWriter) has(word string) bool {
	_, taken := x.slot(word, wordHash(word))
	return taken
}

// add appends a new word with its vector. row [4*E]
func (x *indexWriter) add(word string, row []byte) error {
	n := len(x.offsets) - 1
	if n >= maxWords || len(x.texts)+len(word) > math.MaxUint32 {
		return errors.New("must hold at most 2^31 words of 4 GB")
	}
	if 2*(n+1) > len(x.table) {
		x.grow()
	}
	h := wordHash(word)
	at, _ := x.slot(word, h)
	x.table[at] = h>>32<<32 | uint64(n+1)
	x.texts = append(x.texts, word...)
	x.offsets = append(x.offsets, uint32(len(x.texts)))
	_, err := x.out.Write(row)
	return err
}

// grow doubles the table. Its order depends on the words alone.
func (x *indexWriter) grow() {
	x.table = make([]uint64, 2*len(x.table))
	for row := range len(x.offsets) - 1 {
		word := x.texts[x.offsets[row]:x.offsets[row+1]]
		h := wordHash(word)
		mask := uint64(len(x.table) - 1)
		at := h & mask
		for x.table[at] != emptySlot {
			at = (at + 1) & mask
		}
		x.table[at] = h>>32<<32 | uint64(row+1)
	}
}

// finish writes what follows the rows.
func (x *indexWriter) finish(source origin) error {
	info := trailer{dim: x.dim, count: len(x.offsets) - 1, text: len(x.texts), slots: len(x.table), source: source}
	if info.count == 0 {
		return errors.New("must hold at least one word vector")
	}
	sum := crc32.New(castagnoli)
	out := io.MultiWriter(x.out, sum)
	pad := make([]byte, info.wordBytes()-int64(info.text))
	err := errors.Join(writeNumbers(out, x.offsets), write(out, x.texts), write(out, pad), writeNumbers(out, x.table))
	info.crc = sum.Sum32()
	if err := errors.Join(err, write(x.out, info.encode()), x.out.Flush()); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return nil
}

func write(w io.Writer, b []byte) error {
	_, err := w.Write(b)
	return err
}

// writeNumbers writes numbers little-endian, some at a time.
func writeNumbers[T uint32 | uint64](w io.Writer, numbers []T) error {
	const some = 1 << 13
	for len(numbers) > 0 {
		n := min(some, len(numbers))
		if err := binary.Write(w, binary.LittleEndian, numbers[:n]); err != nil {
			return err
		}
		numbers = numbers[n:]
	}
	return nil
}
