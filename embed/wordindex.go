package embed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
)

// Layout of an index of word vectors; docs/format/word-vector-index.md describes
// every byte.
const (
	indexMagic   = "pgsrm-wv"
	indexVersion = 1
	indexHead    = 64  // bytes before the rows
	indexTrailer = 104 // bytes behind the slots
	emptySlot    = 0
)

// castagnoli is the table of the checksum; processors have an instruction for it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errIndex is wrapped by every error about the content of an index file.
var errIndex = errors.New("index of word vectors")

// wordSource is what an index was built from.
type wordSource struct {
	size   int64    // of the file, in bytes
	mtime  int64    // its time of modification, in nanoseconds since 1970
	digest [32]byte // SHA-256 of its bytes
}

// indexInfo is the trailer of an index.
type indexInfo struct {
	dim    int        // E
	count  int        // n words
	text   int        // bytes of all words
	slots  int        // a power of two, more than n
	source wordSource // what it was built from
	crc    uint32     // of offsets, words and slots
}

// Sizes of the sections, in bytes.
func (i indexInfo) rowBytes() int64    { return int64(i.count) * int64(i.dim) * 4 }
func (i indexInfo) offsetBytes() int64 { return 4 * (int64(i.count) + 1) }
func (i indexInfo) wordBytes() int64   { return (int64(i.text) + 7) &^ 7 }
func (i indexInfo) tableBytes() int64  { return i.offsetBytes() + i.wordBytes() + 8*int64(i.slots) }
func (i indexInfo) tablesAt() int64    { return indexHead + i.rowBytes() }
func (i indexInfo) fileBytes() int64   { return i.tablesAt() + i.tableBytes() + indexTrailer }

// encode writes the trailer.
func (i indexInfo) encode() []byte {
	b := append(make([]byte, 0, indexTrailer), indexMagic...)
	le := binary.LittleEndian
	b = le.AppendUint32(b, indexVersion)
	b = le.AppendUint32(b, uint32(i.dim))
	for _, n := range []int{i.count, i.text, i.slots} {
		b = le.AppendUint64(b, uint64(n))
	}
	b = le.AppendUint64(b, uint64(i.source.size))
	b = le.AppendUint64(b, uint64(i.source.mtime))
	b = append(b, i.source.digest[:]...)
	b = le.AppendUint32(b, i.crc)
	b = le.AppendUint32(b, 0) // reserved
	b = b[:indexTrailer-8]
	return le.AppendUint64(b, uint64(crc32.Checksum(b, castagnoli)))
}

// decodeIndexInfo reads a trailer and holds that its numbers fit a file of size bytes.
func decodeIndexInfo(b []byte, size int64) (indexInfo, error) {
	le := binary.LittleEndian
	if len(b) != indexTrailer || string(b[:8]) != indexMagic {
		return indexInfo{}, fmt.Errorf("%w: must end in a trailer (is it cut short?)", errIndex)
	}
	if v := le.Uint32(b[8:]); v != indexVersion {
		return indexInfo{}, fmt.Errorf("%w: version must be %d (got %d)", errIndex, indexVersion, v)
	}
	if uint64(crc32.Checksum(b[:indexTrailer-8], castagnoli)) != le.Uint64(b[indexTrailer-8:]) {
		return indexInfo{}, fmt.Errorf("%w: checksum of the trailer must match", errIndex)
	}
	i := indexInfo{
		dim: int(le.Uint32(b[12:])), count: int(le.Uint64(b[16:])), text: int(le.Uint64(b[24:])), slots: int(le.Uint64(b[32:])),
		source: wordSource{size: int64(le.Uint64(b[40:])), mtime: int64(le.Uint64(b[48:])), digest: [32]byte(b[56:88])},
		crc:    le.Uint32(b[88:]),
	}
	fits := i.dim >= 2 && i.dim <= maxWordDim && i.count >= 1 && i.count <= maxWords && i.text >= 0 && i.text <= math.MaxUint32 &&
		i.slots > i.count && i.slots <= 8*maxWords && i.slots&(i.slots-1) == 0
	if !fits || i.fileBytes() != size {
		return indexInfo{}, fmt.Errorf("%w: size must be that of its %d words of %d numbers (got %d bytes)", errIndex, i.count, i.dim, size)
	}
	return i, nil
}

// wordIndex finds the vectors of words in an index file. It is safe for concurrent
// use, and read-only.
type wordIndex struct {
	indexInfo
	offsets []byte // [n+1] uint32: word w is texts[offsets[w]:offsets[w+1]]
	texts   []byte // UTF-8, one behind another
	table   []byte // [slots] uint64: high half of the hash, row + 1; 0 = empty
	file    io.ReaderAt
	rows    rowCache
	close   func() error
}

// openWordIndex opens an index file and checks all of it but its rows.
func openWordIndex(path string) (*wordIndex, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	w, err := mapWordIndex(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// mapWordIndex makes the tables of an index readable as memory. The rows are left in
// the file: mapped, each word looked up would keep 64 KB and more of it in the
// process, since the system maps what stands around.
func mapWordIndex(f *os.File) (*wordIndex, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	info, err := readIndexInfo(f, st.Size())
	if err != nil {
		return nil, err
	}
	tables, unmap, err := mapFile(f, info.tablesAt(), info.tableBytes())
	if err != nil {
		return nil, err
	}
	w, err := newWordIndex(f, info, tables)
	if err != nil {
		return nil, errors.Join(err, unmap())
	}
	w.close = func() error { return errors.Join(unmap(), f.Close()) }
	return w, nil
}

// readIndexInfo reads the trailer of an index in the size bytes of f.
func readIndexInfo(f io.ReaderAt, size int64) (indexInfo, error) {
	tail := make([]byte, min(indexTrailer, size))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return indexInfo{}, err
	}
	return decodeIndexInfo(tail, size)
}

// newWordIndex checks the index in the size bytes of f; tables are its sections
// behind the rows, where they are in memory already.
func newWordIndex(f io.ReaderAt, info indexInfo, tables []byte) (*wordIndex, error) {
	if crc32.Checksum(tables, castagnoli) != info.crc {
		return nil, fmt.Errorf("%w: checksum of the words must match", errIndex)
	}
	w := &wordIndex{indexInfo: info, file: f, close: func() error { return nil }}
	w.split(tables)
	return w, nil
}

// split takes the sections behind the rows apart.
func (w *wordIndex) split(tables []byte) {
	w.offsets, tables = tables[:w.offsetBytes()], tables[w.offsetBytes():]
	w.texts, w.table = tables[:w.text], tables[w.wordBytes():]
	w.rows.dim = w.dim
}

// wordHash is FNV-1a, its bits mixed once more (the finalizer of MurmurHash3).
func wordHash[T string | []byte](word T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(word) {
		h = (h ^ uint64(word[i])) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	return h ^ h>>33
}

// find returns the row of a word.
func (w *wordIndex) find(word string) (row int, ok bool) {
	h := wordHash(word)
	mask := uint64(len(w.table)/8 - 1)
	for at, probes := h&mask, 0; uint64(probes) <= mask; at, probes = (at+1)&mask, probes+1 {
		slot := binary.LittleEndian.Uint64(w.table[8*at:])
		if slot == emptySlot {
			return 0, false
		}
		if slot>>32 == h>>32 && string(w.word(int(uint32(slot)-1))) == word {
			return int(uint32(slot) - 1), true
		}
	}
	return 0, false
}

// word is that of a row, nil for a row that there is not.
func (w *wordIndex) word(row int) []byte {
	if row < 0 || row >= w.count {
		return nil
	}
	from := binary.LittleEndian.Uint32(w.offsets[4*row:])
	to := binary.LittleEndian.Uint32(w.offsets[4*row+4:])
	if from > to || int(to) > len(w.texts) {
		return nil
	}
	return w.texts[from:to]
}

// add adds the vector of a row to sum. [E]
func (w *wordIndex) add(sum []float32, row int) error {
	if err := w.rows.add(sum, row, w); err != nil {
		return fmt.Errorf("%w: row %d: %w", errIndex, row, err)
	}
	return nil
}

// readRow reads the vector of a row. [4*E] bytes
func (w *wordIndex) readRow(dst []byte, row int) error {
	_, err := w.file.ReadAt(dst, indexHead+int64(row)*int64(len(dst)))
	return err
}

// isIndex tells an index of word vectors by its first bytes.
func isIndex(head []byte) bool { return bytes.HasPrefix(head, []byte(indexMagic)) }
