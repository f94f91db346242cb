package wordvec

import (
	"bytes"
	"crypto/sha256"
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
	indexTrailer = 104 // bytes after the slots
	emptySlot    = 0
)

// castagnoli is the table of the checksum; processors have an instruction for it.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errIndex is wrapped by every error about the content of an index file.
var errIndex = errors.New("index of word vectors")

// origin is the file that an index was built from.
type origin struct {
	size   int64             // of the file, in bytes
	mtime  int64             // its time of modification, in nanoseconds since 1970
	digest [sha256.Size]byte // SHA-256 of its bytes
}

// trailer is the trailer of an index.
type trailer struct {
	dim    int    // E
	count  int    // n words
	text   int    // bytes of all words
	slots  int    // a power of two, more than n
	source origin // what it was built from
	crc    uint32 // of offsets, words and slots
}

// Sizes of the sections, in bytes.
func (i trailer) rowBytes() int64    { return int64(i.count) * int64(i.dim) * 4 }
func (i trailer) offsetBytes() int64 { return 4 * (int64(i.count) + 1) }
func (i trailer) wordBytes() int64   { return (int64(i.text) + 7) &^ 7 }
func (i trailer) tableBytes() int64  { return i.offsetBytes() + i.wordBytes() + 8*int64(i.slots) }
func (i trailer) tablesAt() int64    { return indexHead + i.rowBytes() }
func (i trailer) fileBytes() int64   { return i.tablesAt() + i.tableBytes() + indexTrailer }

// encode writes the trailer.
func (i trailer) encode() []byte {
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

// decodeTrailer reads a trailer and holds that its numbers fit a file of size bytes.
func decodeTrailer(b []byte, size int64) (trailer, error) {
	le := binary.LittleEndian
	if len(b) != indexTrailer || string(b[:8]) != indexMagic {
		return trailer{}, fmt.Errorf("%w: must end in a trailer (is it cut short?)", errIndex)
	}
	if v := le.Uint32(b[8:]); v != indexVersion {
		return trailer{}, fmt.Errorf("%w: version must be %d (got %d)", errIndex, indexVersion, v)
	}
	if uint64(crc32.Checksum(b[:indexTrailer-8], castagnoli)) != le.Uint64(b[indexTrailer-8:]) {
		return trailer{}, fmt.Errorf("%w: checksum of the trailer must match", errIndex)
	}
	i := trailer{
		dim: int(le.Uint32(b[12:])), count: int(le.Uint64(b[16:])), text: int(le.Uint64(b[24:])), slots: int(le.Uint64(b[32:])),
		source: origin{size: int64(le.Uint64(b[40:])), mtime: int64(le.Uint64(b[48:])), digest: [sha256.Size]byte(b[56:88])},
		crc:    le.Uint32(b[88:]),
	}
	fits := i.dim >= 2 && i.dim <= maxWordDim && i.count >= 1 && i.count <= maxWords && i.text >= 0 && i.text <= math.MaxUint32 &&
		i.slots > i.count && i.slots <= 8*maxWords && i.slots&(i.slots-1) == 0
	if !fits || i.fileBytes() != size {
		return trailer{}, fmt.Errorf("%w: size must be that of its %d words of %d numbers (got %d bytes)", errIndex, i.count, i.dim, size)
	}
	return i, nil
}

// Index finds the vectors of words in an index file. It is safe for concurrent
// use, and read-only.
type Index struct {
	trailer
	offsets []byte      // [n+1] uint32: word w is texts[offsets[w]:offsets[w+1]]
	texts   []byte      // UTF-8, one after another
	table   []byte      // [slots] uint64: high half of the hash, row + 1; 0 = empty
	file    io.ReaderAt // of the rows
	close   func() error
}

// Len is the number of words.
func (x *Index) Len() int { return x.count }

// Dim is E, the dimension of the vectors.
func (x *Index) Dim() int { return x.dim }

// Digest is the SHA-256 of the file of word vectors that the index was built from.
func (x *Index) Digest() [sha256.Size]byte { return x.source.digest }

// Close closes the file. The index must not be used afterwards.
func (x *Index) Close() error { return x.close() }

// openIndex opens an index file and checks all of it but its rows.
func openIndex(path string) (*Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	w, err := mapIndex(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// mapIndex makes the tables of an index readable as memory. The rows are left in
// the file: mapped, each word looked up would keep 64 KB and more of it in the
// process, since the system maps what stands around.
func mapIndex(f *os.File) (*Index, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	info, err := readTrailer(f, st.Size())
	if err != nil {
		return nil, err
	}
	tables, unmap, err := mapFile(f, info.tablesAt(), info.tableBytes())
	if err != nil {
		return nil, err
	}
	w, err := newIndex(f, info, tables)
	if err != nil {
		return nil, errors.Join(err, unmap())
	}
	w.close = func() error { return errors.Join(unmap(), f.Close()) }
	return w, nil
}

// readTrailer reads the trailer of an index in the size bytes of f.
func readTrailer(f io.ReaderAt, size int64) (trailer, error) {
	tail := make([]byte, min(indexTrailer, size))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return trailer{}, err
	}
	return decodeTrailer(tail, size)
}

// newIndex checks the index in the size bytes of f; tables are its sections
// after the rows, where they are in memory already.
func newIndex(f io.ReaderAt, info trailer, tables []byte) (*Index, error) {
	if crc32.Checksum(tables, castagnoli) != info.crc {
		return nil, fmt.Errorf("%w: checksum of the words must match", errIndex)
	}
	w := &Index{trailer: info, file: f, close: func() error { return nil }}
	w.split(tables)
	return w, nil
}

// split takes the sections after the rows apart.
func (x *Index) split(tables []byte) {
	x.offsets, tables = tables[:x.offsetBytes()], tables[x.offsetBytes():]
	x.texts, x.table = tables[:x.text], tables[x.wordBytes():]
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
func (x *Index) find(word string) (row int, ok bool) {
	h := wordHash(word)
	mask := uint64(len(x.table)/8 - 1)
	for at, probes := h&mask, 0; uint64(probes) <= mask; at, probes = (at+1)&mask, probes+1 {
		slot := binary.LittleEndian.Uint64(x.table[8*at:])
		if slot == emptySlot {
			return 0, false
		}
		if slot>>32 == h>>32 && string(x.word(int(uint32(slot)-1))) == word {
			return int(uint32(slot) - 1), true
		}
	}
	return 0, false
}

// word is that of a row, nil for a row that there is not.
func (x *Index) word(row int) []byte {
	if row < 0 || row >= x.count {
		return nil
	}
	from := binary.LittleEndian.Uint32(x.offsets[4*row:])
	to := binary.LittleEndian.Uint32(x.offsets[4*row+4:])
	if from > to || int(to) > len(x.texts) {
		return nil
	}
	return x.texts[from:to]
}

// Add adds the vector of a word to sum [E]; ok is false where the word is unknown.
// The row is read from the file each time: the system keeps it in memory, and one
// read of it costs about a microsecond.
func (x *Index) Add(sum []float32, word string) (ok bool, err error) {
	row, ok := x.find(word)
	if !ok {
		return false, nil
	}
	buf := make([]byte, 4*x.dim)
	if _, err := x.file.ReadAt(buf, indexHead+int64(row)*int64(len(buf))); err != nil {
		return true, fmt.Errorf("%w: row %d: %w", errIndex, row, err)
	}
	for i := range sum {
		sum[i] += math.Float32frombits(binary.LittleEndian.Uint32(buf[4*i:]))
	}
	return true, nil
}

// isIndex tells an index of word vectors by its first bytes.
func isIndex(head []byte) bool { return bytes.HasPrefix(head, []byte(indexMagic)) }
