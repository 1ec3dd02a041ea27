package stores

import (
	"context"
	"maps"
	"slices"

	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// Directory tells which stores are known. It may be used by several goroutines.
type Directory struct{ db *tables.DB }

// NewDirectory returns the Directory of a database.
func NewDirectory(db *tables.DB) *Directory { return &Directory{db} }

// Stores returns the stores that were heard, by id, without those that were closed; with ids,
// only these.
func (d *Directory) Stores(ctx context.Context, ids ...string) ([]feed.Known, error) {
	return d.known(ctx, ids, func(r *Row) bool { return !r.closed })
}

// Histories is Stores with those that were closed: what they told is kept.
func (d *Directory) Histories(ctx context.Context, ids ...string) ([]feed.Known, error) {
	return d.known(ctx, ids, func(*Row) bool { return true })
}

// known returns the stores that were heard and that are asked for.
func (d *Directory) known(ctx context.Context, ids []string, asked func(*Row) bool) ([]feed.Known, error) {
	rows := map[string]*Row{}
	if err := read(ctx, d.db, ids, rows); err != nil {
		return nil, err
	}
	var all []feed.Known
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		if r := rows[id]; id != FleetWide && r.Stored() && asked(r) {
			all = append(all, r.known())
		}
	}
	return all, nil
}

// Versions returns the version of every store, and under "" that of the facts that are fleet-wide.
func (d *Directory) Versions(ctx context.Context) (map[string]int64, error) {
	all := map[string]int64{}
	err := d.db.Each(ctx, "select id, version from stores where closed = 0 and version > 0", nil, func(scan tables.Scan) error {
		var id string
		var version int64
		err := scan(&id, &version)
		all[id] = version
		return err
	})
	return all, err
}
