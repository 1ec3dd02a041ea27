package database

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/feed"
)

// key names a register of the fleet.
type key struct {
	store string
	board.Key
}

// pending is a fact on its way into its register.
type pending struct {
	key      key
	fact     board.Fact
	received time.Time
	sure     bool // it is later than what the register holds
	latest   bool // a snapshot that goes by its arrival
	hung     bool // it came after another of the batch
}

// registers are the facts of a batch, one for each register.
type registers struct {
	places map[key]int
	all    []pending
}

// newRegisters has room for so many facts before it grows.
func newRegisters(n int) *registers {
	return &registers{places: make(map[key]int, n), all: make([]pending, 0, n)}
}

// add takes in a fact, unless a later one of the batch is for the same register.
func (r *registers) add(at key, p pending) {
	p.key = at
	i, known := r.places[at]
	switch {
	case !known:
		r.places[at] = len(r.all)
		r.all = append(r.all, p)
	case p.latest:
		old := r.all[i]
		if old.fact.Mark.After(p.fact.Mark) || p.fact.Body == nil {
			p.fact.Mark = old.fact.Mark
		}
		p.hung = true
		r.all[i] = p
	case p.fact.Replaces(r.all[i].fact):
		r.all[i] = p
	}
}

// storeFacts writes the facts that hold now and returns them by store.
func (t *tx) storeFacts(ctx context.Context, r *registers) (map[string][]feed.Held, error) {
	var unsure []int
	for i := range r.all {
		if !writable(r.all[i].key) {
			r.all[i].fact.Kind = ""
		} else if !r.all[i].sure {
			unsure = append(unsure, i)
		}
	}
	for part := range slices.Chunk(unsure, rowsAtOnce) {
		if err := t.judge(ctx, r, part); err != nil {
			return nil, err
		}
	}
	hold := make([]*pending, 0, len(r.all))
	for i := range r.all {
		if r.all[i].fact.Kind != "" {
			hold = append(hold, &r.all[i])
		}
	}
	slices.SortFunc(hold, func(a, b *pending) int {
		return cmp.Or(strings.Compare(a.key.store, b.key.store), strings.Compare(a.key.Name, b.key.Name), strings.Compare(a.key.Patch, b.key.Patch), strings.Compare(string(a.key.Kind), string(b.key.Kind)))
	})
	if err := t.storeDays(ctx, hold); err != nil {
		return nil, err
	}
	if err := t.storeFirst(ctx, hold); err != nil {
		return nil, err
	}
	hold = slices.DeleteFunc(hold, func(p *pending) bool { return p.fact.Kind.Daily() && !p.fact.Kind.Remembered() })
	const columns = "facts (store, kind, name, patch, stream, seq, at, received, body)"
	const set = "on conflict (store, name, patch, kind) do update set stream = excluded.stream, seq = excluded.seq, at = excluded.at, received = excluded.received, body = excluded.body"
	err := t.overwrite(ctx, columns, 9, "(?, ?, ?, ?, ?, ?, ?, ?, ?)", set, len(hold), func(i int, args []any) []any {
		p := hold[i]
		f := p.fact
		return append(args, p.key.store, string(f.Kind), f.Name, f.Patch, f.Mark.Stream, int64(f.Mark.Seq), micros(f.At), micros(p.received), orNull(f.Body))
	})
	if err != nil {
		return nil, err
	}
	held := map[string][]feed.Held{}
	for _, p := range hold {
		held[p.key.store] = append(held[p.key.store], feed.Held{Fact: p.fact, Received: p.received})
	}
	return held, nil
}

// writable reports whether both databases can keep the name of a register.
func writable(k key) bool {
	return !strings.ContainsRune(k.Name, 0) && !strings.ContainsRune(k.Patch, 0)
}

// judge compares facts with what their registers hold. One that does not hold loses its kind.
func (t *tx) judge(ctx context.Context, r *registers, part []int) error {
	var args []any
	for _, i := range part {
		k := r.all[i].key
		args = append(args, k.store, string(k.Kind), k.Name, k.Patch)
	}
	found := map[int]bool{}
	query := "select f.store, f.kind, f.name, f.patch, f.stream, f.seq, f.at, f.body from (values " + list(len(part), "(?, ?, ?, ?)") +
		") as k cross join facts f where f.store = k.column1 and f.name = k.column3 and f.patch = k.column4 and f.kind = k.column2"
	err := each(ctx, t.run, t.db.text(query), args, func(scan func(...any) error) error {
		var k key
		var old board.Fact
		var seq, at int64
		var body []byte
		if err := scan(&k.store, &k.Kind, &k.Name, &k.Patch, &old.Mark.Stream, &seq, &at, &body); err != nil {
			return err
		}
		old.Mark.Seq, old.At, old.Body = uint64(seq), timeOf(at), body
		i := r.places[k]
		found[i] = true
		r.all[i].meet(old)
		return nil
	})
	for _, i := range part {
		if p := &r.all[i]; !found[i] && p.latest && p.fact.Body == nil && !p.hung {
			p.fact.Kind = "" // nothing hung there
		}
	}
	return err
}

// meet compares a fact with the one that its register holds.
func (p *pending) meet(old board.Fact) {
	switch {
	case p.latest && p.fact.Body == nil && old.Body == nil:
		p.fact.Kind = ""
	case p.latest:
		if old.Mark.After(p.fact.Mark) || p.fact.Body == nil {
			p.fact.Mark = old.Mark
		}
	case !p.fact.Replaces(old):
		p.fact.Kind = ""
	}
}

// orNull returns bytes as the database keeps them: nil is null.
func orNull(raw []byte) any {
	if raw == nil {
		return nil
	}
	return raw
}
