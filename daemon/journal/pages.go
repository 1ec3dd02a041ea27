package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// pages reads a bbolt file without trusting a byte of it: no page is read twice, nothing outside of the
// file is looked at, and what does not fit is an error. bbolt itself follows damaged pages into panics,
// faults and endless loops, so a file goes through here first.
type pages struct {
	ctx  context.Context
	file io.ReaderAt
	high uint64 // pages from here on are not in use
	txid uint64 // of the last transaction
	seen map[uint64]bool
}

// What bbolt writes: the layout of its file format 2.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreePages = 1<<64 - 1

	pageHeader = 16 // id 8, flags 2, count 2, overflow 4
	metaSize   = 64 // magic 4, version 4, page size 4, flags 4, root 16, freelist 8, high 8, txid 8, checksum 8
	elemSize   = 16

	branchPage = 0x01
	leafPage   = 0x02
	metaPage   = 0x04

	bucketFlag = 0x01 // of a leaf element: the value is a bucket
	inBucket   = 16   // size of a bucket's value before an inline page

	maxDepth    = 24
	maxOverflow = 5 * maxBody / pageSize // bbolt leaves up to four big values in one page
)

type boltMeta struct{ root, free, high, txid uint64 }

// openPages checks the two index pages and the length of a file of size bytes, and returns the root page.
// Both index pages have to be whole: bbolt itself would take the older one when the newer one is damaged, and
// so lose the last transaction without a word. A crash never leaves one half written, as each fits in a sector.
func openPages(ctx context.Context, file io.ReaderAt, size int64) (*pages, uint64, error) {
	if size == 0 {
		return nil, 0, refuse(ErrDamaged, "it is empty (0 bytes): it was cut off, or never was a journal")
	}
	var metas [2]boltMeta
	var bad error
	ours := false
	for i := range metas {
		page := make([]byte, pageHeader+metaSize)
		n, err := file.ReadAt(page, int64(i)*pageSize)
		ours = ours || binary.NativeEndian.Uint32(page[pageHeader:]) == boltMagic
		if err == io.EOF && n < len(page) {
			bad = refuse(ErrDamaged, "it ends after %d bytes: it was cut off", size)
			continue
		} else if err != nil && err != io.EOF {
			return nil, 0, fmt.Errorf("cannot read its index page %d: %w", i, err)
		}
		if metas[i], err = parseMeta(uint64(i), page); err != nil && bad == nil {
			bad = err
		}
	}
	if !ours {
		return nil, 0, refuse(ErrForeign, "it is not a journal, but some other kind of file")
	}
	if bad != nil {
		return nil, 0, bad
	}
	newest := metas[0]
	if metas[1].txid > newest.txid {
		newest = metas[1]
	}
	if need := newest.high * pageSize; newest.high > 1<<40 || uint64(size) < need {
		return nil, 0, refuse(ErrDamaged, "it ends after %d bytes, but its index speaks of %d: it was cut off", size, need)
	}
	if newest.free != noFreePages {
		return nil, 0, refuse(ErrForeign, "it was written by another program: it has a list of free pages")
	}
	return &pages{ctx: ctx, file: file, high: newest.high, txid: newest.txid, seen: map[uint64]bool{}}, newest.root, nil
}

func parseMeta(id uint64, page []byte) (boltMeta, error) {
	m := page[pageHeader:]
	u32, u64 := binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	sum := fnv.New64a()
	sum.Write(m[:metaSize-8])
	switch {
	case u32(m) != boltMagic || u64(page) != id || binary.NativeEndian.Uint16(page[8:]) != metaPage || u64(m[56:]) != sum.Sum64():
		return boltMeta{}, refuse(ErrDamaged, "its index page %d is damaged", id)
	case u32(m[4:]) != boltVersion || u32(m[8:]) != pageSize:
		return boltMeta{}, refuse(ErrForeign, "it is a database of another program (version %d, pages of %d bytes)", u32(m[4:]), u32(m[8:]))
	}
	return boltMeta{root: u64(m[16:]), free: u64(m[32:]), high: u64(m[40:]), txid: u64(m[48:])}, nil
}

// visit is called for every pair of a bucket in order. key and value are valid during the call only.
type visit func(isBucket bool, key, value []byte) error

// bucket walks the bucket that starts at page root.
func (p *pages) bucket(root uint64, fn visit) error { return p.tree(root, nil, nil, 0, fn) }

// inner walks a bucket by the value that its parent holds: a page number, or a small page itself.
func (p *pages) inner(value []byte, fn visit) error {
	if len(value) < inBucket {
		return refuse(ErrDamaged, "it holds a bucket without a root")
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return p.bucket(root, fn)
	}
	page := value[inBucket:]
	if len(page) < pageHeader || binary.NativeEndian.Uint16(page[8:]) != leafPage {
		return refuse(ErrDamaged, "it holds a small bucket that is no leaf")
	}
	return p.leaf(0, page, nil, nil, fn)
}

// tree walks a page whose keys have to be at least low and below high; nil is no bound.
func (p *pages) tree(id uint64, low, high []byte, depth int, fn visit) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		return refuse(ErrDamaged, "page %d is damaged: it lies too deep", id)
	}
	page, err := p.read(id)
	if err != nil {
		return err
	}
	switch binary.NativeEndian.Uint16(page[8:]) {
	case leafPage:
		return p.leaf(id, page, low, high, fn)
	case branchPage:
		return p.branch(id, page, low, high, depth, fn)
	}
	return refuse(ErrDamaged, "page %d is damaged: it is neither a branch nor a leaf", id)
}

// read returns a page with its overflow and remembers that it is in use.
func (p *pages) read(id uint64) ([]byte, error) {
	if id < 2 || id >= p.high {
		return nil, refuse(ErrDamaged, "page %d is spoken of, but the pages are 2 to %d", id, p.high-1)
	}
	head := make([]byte, pageHeader)
	if _, err := p.file.ReadAt(head, int64(id)*pageSize); err != nil {
		return nil, fmt.Errorf("cannot read its page %d: %w", id, err)
	}
	if found := binary.NativeEndian.Uint64(head); found != id {
		return nil, refuse(ErrDamaged, "page %d is damaged: it calls itself page %d", id, found)
	}
	overflow := uint64(binary.NativeEndian.Uint32(head[12:]))
	if overflow > maxOverflow || id+overflow >= p.high {
		return nil, refuse(ErrDamaged, "page %d is damaged: it claims to be %d pages long", id, overflow+1)
	}
	for i := id; i <= id+overflow; i++ {
		if p.seen[i] {
			return nil, refuse(ErrDamaged, "page %d is damaged: it is used twice", i)
		}
		p.seen[i] = true
	}
	page := make([]byte, (overflow+1)*pageSize)
	if _, err := p.file.ReadAt(page, int64(id)*pageSize); err != nil {
		return nil, fmt.Errorf("cannot read its page %d: %w", id, err)
	}
	return page, nil
}

func (p *pages) leaf(id uint64, page []byte, low, high []byte, fn visit) error {
	for i := range int(binary.NativeEndian.Uint16(page[10:])) {
		elem, ok := cut(page, pageHeader+i*elemSize, elemSize)
		if !ok {
			return refuse(ErrDamaged, "page %d is damaged: entry %d is outside of it", id, i)
		}
		u32 := binary.NativeEndian.Uint32
		at, ksize, vsize := int(u32(elem[4:])), int(u32(elem[8:])), int(u32(elem[12:]))
		pair, ok := cut(page, pageHeader+i*elemSize+at, ksize+vsize)
		if !ok || at < elemSize || u32(elem) > bucketFlag {
			return refuse(ErrDamaged, "page %d is damaged: entry %d is outside of it", id, i)
		}
		key := pair[:ksize]
		if !between(low, key, high) || (i > 0 && bytes.Equal(low, key)) {
			return refuse(ErrDamaged, "page %d is damaged: entry %d is out of order", id, i)
		}
		low = key
		if err := fn(u32(elem) == bucketFlag, key, pair[ksize:]); err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) branch(id uint64, page []byte, low, high []byte, depth int, fn visit) error {
	n := int(binary.NativeEndian.Uint16(page[10:]))
	keys, children := make([][]byte, n), make([]uint64, n)
	for i := range n {
		elem, ok := cut(page, pageHeader+i*elemSize, elemSize)
		if !ok {
			return refuse(ErrDamaged, "page %d is damaged: entry %d is outside of it", id, i)
		}
		at, ksize := int(binary.NativeEndian.Uint32(elem)), int(binary.NativeEndian.Uint32(elem[4:]))
		keys[i], ok = cut(page, pageHeader+i*elemSize+at, ksize)
		if !ok || at < elemSize {
			return refuse(ErrDamaged, "page %d is damaged: entry %d is outside of it", id, i)
		}
		if !between(low, keys[i], high) || (i > 0 && bytes.Equal(low, keys[i])) {
			return refuse(ErrDamaged, "page %d is damaged: entry %d is out of order", id, i)
		}
		low, children[i] = keys[i], binary.NativeEndian.Uint64(elem[8:])
	}
	for i, child := range children {
		end := high
		if i+1 < n {
			end = keys[i+1]
		}
		if err := p.tree(child, keys[i], end, depth+1, fn); err != nil {
			return err
		}
	}
	return nil
}

// between reports whether low <= key < high, where nil is no bound.
func between(low, key, high []byte) bool {
	return (low == nil || bytes.Compare(low, key) <= 0) && (high == nil || bytes.Compare(key, high) < 0)
}

// cut returns n bytes of page from at on, and false if they are not all inside.
func cut(page []byte, at, n int) ([]byte, bool) {
	if at < 0 || n < 0 || at > len(page) || n > len(page)-at {
		return nil, false
	}
	return page[at : at+n : at+n], true
}
