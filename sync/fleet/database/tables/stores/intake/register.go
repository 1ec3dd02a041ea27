package intake

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/sync/fleet/database/tables"
)

// register names one register of the fleet.
type register struct {
	store string
	board.Key
}

// fact is a fact on its way into its register.
type fact struct {
	board.Fact
	store    string
	received time.Time

	replaces  bool // it is known to be later than what the register holds
	byArrival bool // a snapshot that goes by its arrival: the one that came last holds
	follows   bool // a fact for the same register came before it in this batch
	lost      bool // it does not hold: the register holds something later
}

func (f *fact) register() register { return register{f.store, f.Key()} }

// registers are the facts of a batch: for each register the one that holds among them.
type registers struct {
	places map[register]int // in all
	all    []fact
}

// newRegisters has room for so many facts before it grows.
func newRegisters(n int) *registers {
	return &registers{places: make(map[register]int, n), all: make([]fact, 0, n)}
}

// add takes in a fact about a store, unless a later one of the batch is for the same register.
func (r *registers) add(store string, f fact) {
	f.store = store
	at := f.register()
	i, known := r.places[at]
	switch {
	case !known:
		r.places[at] = len(r.all)
		r.all = append(r.all, f)
	case f.byArrival:
		f.stay(r.all[i].Mark)
		f.follows = true
		r.all[i] = f
	case f.Replaces(r.all[i].Fact):
		r.all[i] = f
	}
}

// stay keeps the place in the history of what a snapshot takes the place of, if that is later. One that
// clears has no place of its own.
func (f *fact) stay(old board.Mark) {
	if old.After(f.Mark) || f.Body == nil {
		f.Mark = old
	}
}

// holding returns the facts that hold, compared with what the database has, in the order of its registers.
func (r *registers) holding(ctx context.Context, t *tables.Tx) ([]*fact, error) {
	var unsure []*fact
	for i := range r.all {
		f := &r.all[i]
		f.lost = !f.writable()
		if !f.lost && !f.replaces {
			unsure = append(unsure, f)
		}
	}
	for some := range slices.Chunk(unsure, tables.AtOnce) {
		if err := r.compare(ctx, t, some); err != nil {
			return nil, err
		}
	}
	hold := make([]*fact, 0, len(r.all))
	for i := range r.all {
		if !r.all[i].lost {
			hold = append(hold, &r.all[i])
		}
	}
	slices.SortFunc(hold, func(a, b *fact) int {
		return cmp.Or(strings.Compare(a.store, b.store), strings.Compare(a.Name, b.Name), strings.Compare(a.Patch, b.Patch), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return hold, nil
}

// writable reports whether both databases can keep the name of the register.
func (f *fact) writable() bool {
	return !strings.ContainsRune(f.Name, 0) && !strings.ContainsRune(f.Patch, 0)
}

// compare reads what the registers of facts hold, and notes which of the facts do not replace it.
func (r *registers) compare(ctx context.Context, t *tables.Tx, facts []*fact) error {
	var args []any
	for _, f := range facts {
		args = append(args, f.store, string(f.Kind), f.Name, f.Patch)
	}
	query := "select f.store, f.kind, f.name, f.patch, f.stream, f.seq, f.at, f.body from (values " + tables.List(len(facts), "(?, ?, ?, ?)") +
		") as k cross join facts f where f.store = k.column1 and f.name = k.column3 and f.patch = k.column4 and f.kind = k.column2"
	met := make(map[*fact]bool, len(facts))
	err := t.Each(ctx, query, args, func(scan tables.Scan) error {
		var at register
		var old board.Fact
		var seq, told int64
		var body []byte
		if err := scan(&at.store, &at.Kind, &at.Name, &at.Patch, &old.Mark.Stream, &seq, &told, &body); err != nil {
			return err
		}
		old.Kind, old.Mark.Seq, old.At, old.Body = at.Kind, uint64(seq), tables.Time(told), body
		f := &r.all[r.places[at]]
		met[f] = true
		f.meet(old)
		return nil
	})
	for _, f := range facts {
		if !met[f] {
			f.meetNothing()
		}
	}
	return err
}

// meet compares the fact with the one that its register holds.
func (f *fact) meet(old board.Fact) {
	switch {
	case !f.byArrival:
		f.lost = !f.Replaces(old)
	case f.Body == nil && old.Body == nil:
		f.lost = true // it was clear
	default:
		f.stay(old.Mark)
	}
}

// meetNothing notes that its register holds nothing: then there is nothing to clear.
func (f *fact) meetNothing() {
	f.lost = f.byArrival && f.Body == nil && !f.follows
}
