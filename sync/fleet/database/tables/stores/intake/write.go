package intake

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
	"github.com/nightfill/nightfill/sync/fleet/database/tables/stores"
)

// newEvent is an event to be written, with its stream.
type newEvent struct {
	message *feed.Message
	stream  *stores.Stream
}

// storeEvents writes events, those of a stream side by side. Their streams have keys.
func storeEvents(ctx context.Context, t *tables.Tx, events []newEvent) error {
	slices.SortFunc(events, func(x, y newEvent) int {
		return cmp.Or(cmp.Compare(x.stream.Key, y.stream.Key), cmp.Compare(x.message.Event.Seq, y.message.Event.Seq))
	})
	return t.Insert(ctx, tables.Rows{
		Into:  "events (id, at, received, kind, device, patch, night, prev, hash, body)",
		Count: len(events),
		Append: func(i int, args []any) []any {
			m := events[i].message
			e := m.Event
			return append(args, tables.EventID(events[i].stream.Key, e.Seq), tables.Micros(e.At), tables.Micros(m.Received),
				e.Kind, e.Device, e.Patch, e.Night, tables.OrNull(unhex(e.Prev)), tables.OrNull(unhex(e.Hash)), e.Data)
		},
	})
}

// unhex returns the bytes of a hash; nil where it is none.
func unhex(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) == 0 {
		return nil
	}
	return raw
}

// storeFacts writes facts that hold: those of a date under it, when each device was first told of, and into its
// register whatever is looked up there. It returns the facts that have a register; facts is theirs after that.
func storeFacts(ctx context.Context, t *tables.Tx, facts []*fact) ([]*fact, error) {
	if err := storeDays(ctx, t, facts); err != nil {
		return nil, err
	}
	if err := storeFirsts(ctx, t, facts); err != nil {
		return nil, err
	}
	onlyDated := func(f *fact) bool { return f.Kind.Daily() && !f.Kind.Remembered() }
	registered := slices.DeleteFunc(facts, onlyDated)
	return registered, storeRegisters(ctx, t, registered)
}

// storeDays keeps facts by their date. Of two for the same day the one that was told later in the
// history of the store holds, whichever came first, as Replaces says.
func storeDays(ctx context.Context, t *tables.Tx, facts []*fact) error {
	days := those(facts, func(f *fact) bool { return f.Kind.Daily() && isDate(f.Name) })
	return t.Insert(ctx, tables.Rows{
		Into: "days (kind, store, day, stream, seq, at, received, body)",
		Tail: "on conflict (kind, store, day) do update set stream = excluded.stream, seq = excluded.seq, at = excluded.at, received = excluded.received, body = excluded.body " +
			"where excluded.stream > days.stream or excluded.stream = days.stream and (excluded.seq > days.seq or excluded.seq = days.seq and excluded.at > days.at)",
		Count: len(days),
		Append: func(i int, args []any) []any {
			f := days[i]
			return append(args, string(f.Kind), f.store, f.Name, f.Mark.Stream, int64(f.Mark.Seq), tables.Micros(f.At), tables.Micros(f.received), tables.OrNull(f.Body))
		},
	})
}

// isDate reports whether a day can be kept: what is no date is told by nobody.
func isDate(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

// storeFirsts keeps when headquarters was first told of devices: the earliest of all times, in whatever
// order they come.
func storeFirsts(ctx context.Context, t *tables.Tx, facts []*fact) error {
	devices := those(facts, func(f *fact) bool { return f.Kind == board.KindDevice && f.Body != nil })
	return t.Insert(ctx, tables.Rows{
		Into:  "firsts (store, device, first)",
		Tail:  "on conflict (store, device) do update set first = excluded.first where excluded.first < firsts.first",
		Count: len(devices),
		Append: func(i int, args []any) []any {
			return append(args, devices[i].store, devices[i].Name, tables.Micros(devices[i].received))
		},
	})
}

// storeRegisters writes facts into their registers.
func storeRegisters(ctx context.Context, t *tables.Tx, facts []*fact) error {
	return t.Overwrite(ctx, tables.Rows{
		Into:  "facts (store, kind, name, patch, stream, seq, at, received, body)",
		Tail:  "on conflict (store, name, patch, kind) do update set stream = excluded.stream, seq = excluded.seq, at = excluded.at, received = excluded.received, body = excluded.body",
		Count: len(facts),
		Append: func(i int, args []any) []any {
			f := facts[i]
			return append(args, f.store, string(f.Kind), f.Name, f.Patch, f.Mark.Stream, int64(f.Mark.Seq), tables.Micros(f.At), tables.Micros(f.received), tables.OrNull(f.Body))
		},
	})
}

// those returns the facts that are wanted, in their order.
func those(facts []*fact, wanted func(*fact) bool) []*fact {
	var some []*fact
	for _, f := range facts {
		if wanted(f) {
			some = append(some, f)
		}
	}
	return some
}
