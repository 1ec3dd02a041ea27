package stores

import (
	"context"
	"slices"

	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// idsAtOnce is how many stores one statement asks for.
const idsAtOnce = 500

// Book hands out the rows of stores to transactions. While nobody else writes to the database it remembers them.
// Its zero value remembers nothing yet.
type Book struct {
	epoch tables.Epoch // in which the rows were read
	rows  map[string]*Row
}

// Rows returns the rows of the stores with these ids, in the order of the ids, each ready to be changed by the
// transaction. It may be called once in a transaction, with ids in ascending order.
func (b *Book) Rows(ctx context.Context, t *tables.Tx, ids []string) ([]*Row, error) {
	all := map[string]*Row{}
	if !t.Shared() {
		if err := b.turn(ctx, t); err != nil {
			return nil, err
		}
		all = b.rows
	}
	missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return all[id] != nil })
	if err := load(ctx, t, missing, all); err != nil {
		return nil, err
	}
	rows := make([]*Row, len(ids))
	for i, id := range ids {
		rows[i] = all[id]
		rows[i].begin()
	}
	return rows, nil
}

// turn forgets the rows that were remembered if they may not be those of the database any more.
func (b *Book) turn(ctx context.Context, t *tables.Tx) error {
	now, err := t.Epoch(ctx)
	if err == nil && (now != b.epoch || b.rows == nil) {
		b.epoch, b.rows = now, map[string]*Row{}
	}
	return err
}

// load reads the rows of stores and keeps others from changing them until the transaction ends. A store that the
// database does not know gets a new row.
func load(ctx context.Context, t *tables.Tx, ids []string, into map[string]*Row) error {
	for some := range slices.Chunk(ids, idsAtOnce) {
		if t.Shared() {
			if err := lock(ctx, t, some); err != nil {
				return err
			}
		}
		if err := read(ctx, t, some, into); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if into[id] == nil {
			into[id] = &Row{ID: id, changed: true}
		}
	}
	return nil
}

// lock makes the rows of stores that are missing and locks all of them in their order, so
// that two programs wait for each other in place of standing in each other's way.
func lock(ctx context.Context, t *tables.Tx, ids []string) error {
	args := tables.Args(ids)
	insert := "insert into stores (id, contact, birth, contact_at, heard, software, present, closed, version) values " +
		tables.List(len(ids), "(?, '', 0, 0, 0, '', 0, 0, 0)") + " on conflict (id) do nothing"
	if err := t.Exec(ctx, insert, args...); err != nil {
		return err
	}
	return t.Exec(ctx, t.Locking("select id from stores where id in ("+tables.List(len(ids), "?")+") order by id"), args...)
}

// read adds the rows of stores and streams to those that are there. Without ids: of all stores.
func read(ctx context.Context, from tables.Reader, ids []string, into map[string]*Row) error {
	if err := readStores(ctx, from, ids, into); err != nil {
		return err
	}
	return readStreams(ctx, from, ids, into)
}

func readStores(ctx context.Context, from tables.Reader, ids []string, into map[string]*Row) error {
	query := "select id, contact, birth, contact_at, heard, software, present, closed, version from stores" + whereIn("id", ids)
	return from.Each(ctx, query, tables.Args(ids), func(scan tables.Scan) error {
		var r Row
		var birth, at, heard, closed int64
		if err := scan(&r.ID, &r.contact.State, &birth, &at, &heard, &r.contact.Version, &r.present, &closed, &r.version); err != nil {
			return err
		}
		r.contact.Birth, r.contact.At, r.contact.Heard = uint64(birth), tables.Time(at), tables.Time(heard)
		r.heard, r.closed = r.contact.Heard, closed != 0
		into[r.ID] = &r
		return nil
	})
}

func readStreams(ctx context.Context, from tables.Reader, ids []string, into map[string]*Row) error {
	query := "select store, stream, no, id, stored, highest, beyond, lost, repeats, last from streams" + whereIn("store", ids) + " order by store, no"
	return from.Each(ctx, query, tables.Args(ids), func(scan tables.Scan) error {
		var s Stream
		var store, beyond, lost string
		var stored, highest, repeats, last int64
		if err := scan(&store, &s.Key, &s.No, &s.id, &stored, &highest, &beyond, &lost, &repeats, &last); err != nil {
			return err
		}
		s.stored, s.highest, s.repeats, s.last = uint64(stored), uint64(highest), uint64(repeats), tables.Time(last)
		s.beyond, s.lost = parseSpans(beyond), parseSpans(lost)
		r := into[store]
		if r == nil {
			r = &Row{ID: store}
			into[store] = r
		}
		if s.last.After(r.contact.Heard) {
			r.contact.Heard = s.last
		}
		r.streams = append(r.streams, &s)
		return nil
	})
}

// whereIn narrows a query to these ids; without any it does not.
func whereIn(column string, ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return " where " + column + " in (" + tables.List(len(ids), "?") + ")"
}
