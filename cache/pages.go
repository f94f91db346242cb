package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
)

// bbolt trusts its file: a page that leads back to itself, or a list of free pages
// with a wrong length, ends the process. So the file is read here first, without
// being mapped, each page once, every number bounded before it is used.
//
// A page begins with its number (8 bytes), kind (2), count (2) and the number of
// pages that follow it as one (4). A branch holds elements of offset (4), size of
// key (4), page (8); a leaf of flags (4), offset (4), size of key (4), of value (4).

// Kinds of pages, and the flag of an element that is a bucket.
const (
	branchPage   = 1
	leafPage     = 2
	freelistPage = 0x10
	bucketFlag   = 1
)

const (
	pageHead    = 16
	elementSize = 16
	metaSize    = 64 // of a meta page after its head
	metaSum     = 56 // bytes under its checksum
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	smallestPage = 1 << 10
	largestPage  = 1 << 16
	mostPages    = 1 << 28 // 1 TB in pages of 4 KB
	mostDepth    = 64      // of a tree
)

// errForeign is a file that is none of ours; errNobodys a damaged one of bbolt in
// which nothing says whose it was.
var (
	errForeign = errors.New("no cache of pgsrm")
	errNobodys = errors.New("damaged file of bbolt")
)

var native = binary.NativeEndian

// meta is what a meta page says.
type meta struct {
	pageSize             int64
	root, freelist, high uint64 // pages; high is the first that is not used
	txid                 uint64
}

// pages reads a file page by page.
type pages struct {
	file  io.ReaderAt
	size  int64
	meta  meta
	taken []uint64 // a bit for each page that has a use
	names [][]byte // of the buckets

	rootOnly bool // buckets are named, not followed
}

// inspect reads the whole file and reports what bbolt could not bear: as
// errDamaged in a file of ours, as errNobodys where it may be anybody's. Any other
// file is errForeign.
func inspect(file io.ReaderAt, size int64) error {
	m, err := readMeta(file, size)
	if err == nil {
		p := &pages{file: file, size: size, meta: m}
		if err = p.check(); err == nil {
			return whose(p.names)
		}
	}
	if errors.Is(err, errDamaged) && !hasMarks(file, size) {
		return fmt.Errorf("%w: %w", errNobodys, err)
	}
	return err
}

// glance is inspect for a file that others may be writing meanwhile: it reports
// errForeign where that is sure, and looks at nothing but the roots.
func glance(file io.ReaderAt, size int64) error {
	m, err := readMeta(file, size)
	if err != nil {
		return onlyForeign(err)
	}
	p := &pages{file: file, size: size, meta: m, rootOnly: true}
	if m.high > mostPages || p.begin() != nil {
		return nil
	}
	root, body, err := p.read(m.root, nil)
	if err != nil || root.kind == leafPage && p.leaf(m.root, root, body, 0) != nil {
		return nil
	}
	if again, err := readMeta(file, size); err != nil || again.txid != m.txid {
		return nil // written to: somebody takes it for a cache
	}
	if root.kind == branchPage {
		return fmt.Errorf("%w (a file of bbolt with other buckets)", errForeign)
	}
	return whose(p.names)
}

func onlyForeign(err error) error {
	if errors.Is(err, errForeign) {
		return err
	}
	return nil
}

// whose says by its buckets whether a file is ours. One without any was just begun.
func whose(names [][]byte) error {
	ours := 0
	for _, name := range [][]byte{entriesBucket, agesBucket, metaBucket} {
		if slices.ContainsFunc(names, func(n []byte) bool { return bytes.Equal(n, name) }) {
			ours++
		}
	}
	if len(names) > 0 && ours < 2 {
		return fmt.Errorf("%w (a file of bbolt with other buckets)", errForeign)
	}
	return nil
}

// hasMarks finds the names of our buckets in a file whose pages cannot be
// followed: together in one page, as its root has them.
func hasMarks(file io.ReaderAt, size int64) bool {
	buffer := make([]byte, 1<<20)
	for at := int64(0); at < size; at += int64(len(buffer)) {
		n, _ := file.ReadAt(buffer, at)
		for page := range slices.Chunk(buffer[:n], 1<<12) {
			if bytes.Contains(page, entriesBucket) && bytes.Contains(page, agesBucket) && bytes.Contains(page, metaBucket) && bytes.Contains(page, versionKey) {
				return true
			}
		}
	}
	return false
}

// readMeta finds the meta page that bbolt would use: the later one of those whose
// checksum is right. Without the magic of bbolt the file is foreign.
func readMeta(file io.ReaderAt, size int64) (meta, error) {
	first, magic, ok := metaAt(file, 0)
	pageSize := first.pageSize
	for at := int64(smallestPage); !ok && at <= 16<<20 && at < size; at *= 2 {
		second, m, good := metaAt(file, at)
		magic = magic || m
		if good {
			pageSize, ok = second.pageSize, true
		}
	}
	switch {
	case !magic:
		return meta{}, errForeign
	case !ok:
		return meta{}, fmt.Errorf("%w: no valid meta page", errDamaged)
	case pageSize < smallestPage || pageSize > largestPage || pageSize&(pageSize-1) != 0:
		return meta{}, fmt.Errorf("%w: pages must have %d to %d bytes (got %d)", errDamaged, smallestPage, largestPage, pageSize)
	}
	a, _, okA := metaAt(file, 0)
	b, _, okB := metaAt(file, pageSize)
	switch {
	case !okA && !okB:
		return meta{}, fmt.Errorf("%w: no valid meta page", errDamaged)
	case !okA || okB && b.txid > a.txid:
		a = b
	}
	if a.pageSize != pageSize {
		return meta{}, fmt.Errorf("%w: meta pages must agree", errDamaged)
	}
	return a, nil
}

// metaAt reads a meta page; magic says whether it begins as one, ok whether its
// checksum is right.
func metaAt(file io.ReaderAt, at int64) (m meta, magic, ok bool) {
	var b [pageHead + metaSize]byte
	if n, _ := file.ReadAt(b[:], at); n < pageHead+4 || native.Uint32(b[pageHead:]) != boltMagic {
		return meta{}, false, false
	}
	body := b[pageHead:]
	sum := fnv.New64a()
	sum.Write(body[:metaSum])
	m = meta{
		pageSize: int64(native.Uint32(body[8:])), root: native.Uint64(body[16:]), freelist: native.Uint64(body[32:]),
		high: native.Uint64(body[40:]), txid: native.Uint64(body[48:]),
	}
	return m, true, native.Uint32(body[4:]) == boltVersion && native.Uint64(body[metaSum:]) == sum.Sum64()
}
