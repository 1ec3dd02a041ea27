package audit

import (
	"errors"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// heldBytes is how much of the catalogs is held in memory while a pack is made: all stores share them.
const heldBytes = 64 << 20

// Catalog is what headquarters has read of the signed catalog.
type Catalog interface {
	Roots() [][]byte
	Kept() archive.Archive
}

// catalogs are the generations that headquarters read. They may be used by several goroutines.
type catalogs struct {
	roots [][]byte
	kept  []archive.Entry
	err   error
	from  archive.Archive

	mu   sync.Mutex // held while a file is read
	held map[string][]byte
	size int
}

// openCatalogs lists the generations. When a store took one headquarters does not know, so they are judged as
// of when they were issued.
func openCatalogs(c Catalog) *catalogs {
	if c == nil {
		return &catalogs{err: errors.New("headquarters reads no catalog: its file names none")}
	}
	k := &catalogs{roots: c.Roots(), from: c.Kept(), held: map[string][]byte{}}
	k.kept, k.err = k.from.List()
	return k
}

// forStores are the generations as packs of stores have them.
func (c *catalogs) forStores() *catalogs {
	for i := range c.kept {
		c.kept[i].Accepted = time.Time{}
	}
	return c
}

func (c *catalogs) file(sum string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if data, ok := c.held[sum]; ok {
		return data, nil
	}
	data, err := c.from.File(sum)
	if err == nil && c.size+len(data) <= heldBytes {
		c.held[sum] = data
		c.size += len(data)
	}
	return data, err
}

// approved is what the newest generation said that headquarters had read at a moment; nil when it knows of none.
func (c *catalogs) approved(asOf time.Time) []site.Approved {
	for i := len(c.kept) - 1; i >= 0; i-- {
		if read := c.kept[i].Accepted; read.After(asOf) || c.kept[i].Issued.After(asOf) {
			continue
		}
		roots, err := catalog.ReadRoots(c.roots, nil)
		if err != nil {
			return nil
		}
		if proven, err := roots.Prove(c.kept[i], c.file); err == nil {
			return proven.Catalog.Patches
		}
	}
	return nil
}
