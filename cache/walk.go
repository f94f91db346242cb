package cache

import (
	"fmt"
	"slices"
)

// page is what the head of a page says.
type page struct {
	kind  uint16
	count int
	bytes int64 // of the page with those that follow it as one
}

// damagedf is a formatted errDamaged.
func damagedf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}

// check follows every page that bbolt can reach from its meta page.
func (p *pages) check() error {
	if err := p.begin(); err != nil {
		return err
	}
	if err := p.freePages(); err != nil {
		return err
	}
	return p.tree(p.meta.root, 0)
}

// begin bounds the number of pages and takes those of the meta pages.
func (p *pages) begin() error {
	if high := p.meta.high; high > mostPages || int64(high) > p.size/p.meta.pageSize {
		return damagedf("%d pages must fit in %d bytes", high, p.size)
	}
	p.taken = make([]uint64, p.meta.high/64+1)
	return p.take(0, 2)
}

// take marks n pages as used. A page has one use: whoever met it twice would go in
// circles, or write over what is still needed.
func (p *pages) take(id, n uint64) error {
	if n > p.meta.high || id > p.meta.high-n {
		return damagedf("page %d must lie before page %d", id, p.meta.high)
	}
	for ; n > 0; id, n = id+1, n-1 {
		if p.taken[id/64]&(1<<(id%64)) != 0 {
			return damagedf("page %d must have one use", id)
		}
		p.taken[id/64] |= 1 << (id % 64)
	}
	return nil
}

// read reads a page into the buffer: its head, and its first bytes as far as the
// elements reach.
func (p *pages) read(id uint64, buffer []byte) (page, []byte, error) {
	if id < 2 || id >= p.meta.high {
		return page{}, nil, damagedf("page %d must lie before page %d", id, p.meta.high)
	}
	at := int64(id) * p.meta.pageSize
	body := slices.Grow(buffer[:0], int(p.meta.pageSize))[:p.meta.pageSize]
	if _, err := p.file.ReadAt(body, at); err != nil {
		return page{}, nil, damagedf("page %d: %v", id, err)
	}
	if got := native.Uint64(body); got != id {
		return page{}, nil, damagedf("page %d must have its number (got %d)", id, got)
	}
	more := uint64(native.Uint32(body[12:]))
	h := page{native.Uint16(body[8:]), int(native.Uint16(body[10:])), int64(more+1) * p.meta.pageSize}
	if err := p.take(id, more+1); err != nil {
		return page{}, nil, err
	}
	need := int64(pageHead + h.count*elementSize)
	if h.kind == freelistPage {
		return h, body, nil
	}
	if need > h.bytes {
		return page{}, nil, damagedf("page %d must hold its %d elements", id, h.count)
	}
	if need > int64(len(body)) {
		body = slices.Grow(body[:0], int(need))[:need]
		if _, err := p.file.ReadAt(body, at); err != nil {
			return page{}, nil, damagedf("page %d: %v", id, err)
		}
	}
	return h, body, nil
}

// freePages takes the pages in the list of free ones: each below the last page,
// none twice.
func (p *pages) freePages() error {
	id := p.meta.freelist
	h, body, err := p.read(id, nil)
	if err != nil {
		return err
	}
	if h.kind != freelistPage {
		return damagedf("page %d must be the list of free pages", id)
	}
	n, at := uint64(h.count), int64(pageHead)
	if n == 0xFFFF { // the count stands before the list
		n, at = native.Uint64(body[at:]), at+8
	}
	if n > uint64(h.bytes-at)/8 {
		return damagedf("page %d must hold its %d free pages", id, n)
	}
	list := make([]byte, min(8*n, 1<<16))
	for at += int64(id) * p.meta.pageSize; n > 0; at += int64(len(list)) {
		list = list[:min(8*n, uint64(len(list)))]
		if _, err := p.file.ReadAt(list, at); err != nil {
			return damagedf("page %d: %v", id, err)
		}
		for i := 0; i < len(list); i += 8 {
			if err := p.take(native.Uint64(list[i:]), 1); err != nil {
				return err
			}
		}
		n -= uint64(len(list)) / 8
	}
	return nil
}

// tree follows the pages of a bucket; level 0 is the bucket of buckets.
func (p *pages) tree(root uint64, level int) error {
	type place struct {
		id    uint64
		depth int
	}
	var buffer []byte
	for open := []place{{root, 1}}; len(open) > 0; {
		last := open[len(open)-1]
		open = open[:len(open)-1]
		h, body, err := p.read(last.id, buffer)
		buffer = body
		switch {
		case err != nil:
			return err
		case h.kind == leafPage:
			if err := p.leaf(last.id, h, body, level); err != nil {
				return err
			}
			continue
		case h.kind != branchPage || h.count == 0 || last.depth == mostDepth:
			return damagedf("page %d must be a leaf, or a branch of a tree that is not too deep", last.id)
		}
		for i := range h.count {
			e := body[pageHead+i*elementSize:]
			if err := within(h, i, native.Uint32(e), native.Uint32(e[4:]), 0); err != nil {
				return err
			}
			open = append(open, place{native.Uint64(e[8:]), last.depth + 1})
		}
	}
	return nil
}

// within demands that what element i points to lies in its page.
func within(h page, i int, offset, key, value uint32) error {
	if end := int64(pageHead+i*elementSize) + int64(offset) + int64(key) + int64(value); end > h.bytes {
		return damagedf("element %d must lie in its page (ends at %d of %d)", i, end, h.bytes)
	}
	return nil
}

// leaf looks at the elements of a leaf: plain values, or at level 0 buckets, whose
// trees are followed.
func (p *pages) leaf(id uint64, h page, body []byte, level int) error {
	for i := range h.count {
		e := body[pageHead+i*elementSize:]
		flags, offset, key, value := native.Uint32(e), native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])
		if err := within(h, i, offset, key, value); err != nil {
			return err
		}
		if flags&bucketFlag == 0 {
			continue
		}
		if level > 0 || key > maxBucketName || value > maxInline {
			return damagedf("page %d: element %d must be no bucket", id, i)
		}
		at := int64(id)*p.meta.pageSize + int64(pageHead+i*elementSize) + int64(offset)
		text := make([]byte, key+value)
		if _, err := p.file.ReadAt(text, at); err != nil {
			return damagedf("page %d: %v", id, err)
		}
		p.names = append(p.names, text[:key])
		if err := p.bucket(text[key:]); err != nil {
			return fmt.Errorf("bucket %q: %w", text[:key], err)
		}
	}
	return nil
}

// Bounds of a bucket in the bucket of buckets: bbolt puts a bucket of up to a
// quarter of a page into the element itself.
const (
	maxBucketName = 1 << 15
	maxInline     = largestPage
)

// bucketHead is the page of the root, and a counter.
const bucketHead = 16

// bucket follows the tree of a bucket, or looks at the leaf that stands in its
// value.
func (p *pages) bucket(value []byte) error {
	if len(value) < bucketHead {
		return damagedf("must have a root")
	}
	if p.rootOnly {
		return nil
	}
	if root := native.Uint64(value); root != 0 {
		return p.tree(root, 1)
	}
	inline := value[bucketHead:]
	if len(inline) < pageHead || native.Uint16(inline[8:]) != leafPage {
		return damagedf("must be a leaf")
	}
	h := page{leafPage, int(native.Uint16(inline[10:])), int64(len(inline))}
	if int64(pageHead+h.count*elementSize) > h.bytes {
		return damagedf("must hold its %d elements", h.count)
	}
	for i := range h.count {
		e := inline[pageHead+i*elementSize:]
		if err := within(h, i, native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])); err != nil {
			return err
		}
		if native.Uint32(e)&bucketFlag != 0 {
			return damagedf("element %d must be no bucket", i)
		}
	}
	return nil
}
