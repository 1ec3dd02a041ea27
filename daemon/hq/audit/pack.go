package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/evidence"
	"github.com/nightfill/nightfill/daemon/evidence/fleetpack"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/feed"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/site/window/tzdata"
	"github.com/nightfill/nightfill/ui/fleet/page/compliance/export"
)

// pack is one pack that is made.
type pack struct {
	*Auditor
	order    Order
	catalogs *catalogs
	approved []site.Approved // as of then; nil: headquarters read no catalog
	stores   []string        // that are shown, in their order
	expected []board.Expected
}

// plainID is what a folder of a pack may be named.
var plainID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Histories implements fleetpack.Content.
func (p *pack) Histories(ctx context.Context) ([]fleetpack.History, []fleetpack.Missing, error) {
	known, err := p.db.Histories(ctx, p.order.Stores...)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(known, func(x, y feed.Known) int {
		return cmp.Or(board.CompareIDs(x.Store, y.Store), strings.Compare(x.Store, y.Store))
	})
	missing, err := p.unheard(known)
	if err != nil {
		return nil, nil, err
	}
	var all []fleetpack.History
	for _, k := range known {
		if !plainID.MatchString(k.Store) {
			missing = append(missing, fleetpack.Missing{Store: k.Store, What: "its journal", Why: "its id is none that a store file can have"})
			continue
		}
		some, why, err := p.histories(ctx, k)
		if err != nil {
			return nil, nil, fmt.Errorf("store %s: %w", k.Store, err)
		}
		if why != "" {
			missing = append(missing, fleetpack.Missing{Store: k.Store, What: "its journal", Why: why})
		}
		p.stores = append(p.stores, k.Store)
		all = append(all, some...)
	}
	return all, missing, nil
}

// unheard names the stores that were asked for, or should be heard, and never were.
func (p *pack) unheard(known []feed.Known) ([]fleetpack.Missing, error) {
	heard := map[string]bool{}
	for _, k := range known {
		heard[k.Store] = true
	}
	listed := map[string]bool{}
	var missing []fleetpack.Missing
	for _, x := range p.expected {
		listed[x.ID] = true
		if !heard[x.ID] && (len(p.order.Stores) == 0 || slices.Contains(p.order.Stores, x.ID)) {
			missing = append(missing, fleetpack.Missing{Store: x.ID, What: "its journal", Why: "headquarters never heard this store"})
		}
	}
	for _, id := range p.order.Stores {
		if !heard[id] && !listed[id] {
			return nil, refuse("headquarters knows no store %s", id)
		}
	}
	return missing, nil
}

// histories are those of one store, or why there are none.
func (p *pack) histories(ctx context.Context, k feed.Known) (all []fleetpack.History, why string, err error) {
	held, err := p.db.HeldFacts(ctx, k.Store, board.KindInfo, board.KindDevice)
	if err != nil {
		return nil, "", err
	}
	facts := make([]board.Fact, len(held))
	for i, h := range held {
		facts[i] = h.Fact
	}
	store, timezone := described(p.Org, k.Store, facts)
	zone, err := tzdata.Load(timezone)
	if err != nil || timezone == "" {
		return nil, "the store never said in which time zone it is, so that its nights have no date", nil
	}
	for _, s := range k.Streams {
		src := &source{db: p.db, store: k.Store, stream: s, asOf: p.order.AsOf, catalogs: p.catalogs}
		newest := time.Time{}
		err := src.each(ctx, board.Query{Newest: true}, func(e board.Event) error {
			newest = e.Event().At
			return errEnough
		})
		if err != nil {
			return nil, "", err
		}
		all = append(all, fleetpack.History{No: s.No, Source: src, Newest: newest, Order: evidence.Order{
			Store: store, Zone: zone, Stream: s.ID, From: p.order.From, To: p.order.To, AsOf: p.order.AsOf, By: p.order.By, Version: p.Version,
		}})
	}
	if len(all) == 0 {
		why = "it told of itself, and sent no record"
	}
	return all, why, nil
}

// Compliance implements fleetpack.Content.
func (p *pack) Compliance(ctx context.Context, w io.Writer) (fleetpack.Compliance, error) {
	entries, err := p.Exceptions(ctx)
	if err != nil {
		return fleetpack.Compliance{}, err
	}
	patches, err := p.patches(ctx)
	if err != nil {
		return fleetpack.Compliance{}, err
	}
	o := comply.Options{Catalog: p.approved, Policy: p.Policy, Now: p.order.AsOf.UTC()}
	for _, e := range entries {
		if e.Holds(o.Now) {
			o.Exceptions = append(o.Exceptions, e.Exception)
		}
	}
	table, err := export.NewTable(w, p.db)
	if err != nil {
		return fleetpack.Compliance{}, err
	}
	for _, id := range p.stores {
		b := board.NewBoard(p.Org)
		b.Patches = patches
		if err := p.past(ctx, b, id); err != nil {
			return fleetpack.Compliance{}, fmt.Errorf("store %s: %w", id, err)
		}
		if err := table.Add(ctx, b, o); err != nil {
			return fleetpack.Compliance{}, err
		}
	}
	return fleetpack.Compliance{Rows: table.Rows, Results: table.Results}, nil
}

// Exceptions implements fleetpack.Content.
func (p *pack) Exceptions(ctx context.Context) ([]fleetpack.Exception, error) {
	notes, err := p.db.Notes(ctx, register.NoteKind)
	if err != nil {
		return nil, err
	}
	entries, err := register.Read(notes)
	if err != nil {
		return nil, fmt.Errorf("the register of exceptions is not whole: %w", err)
	}
	var all []fleetpack.Exception
	for _, e := range entries {
		if !e.Created.After(p.order.AsOf) {
			all = append(all, p.entry(e))
		}
	}
	return all, nil
}

// entry is an entry of the register as it was at the as-of, as far as it tells.
func (p *pack) entry(e register.Entry) fleetpack.Exception {
	later := func(t time.Time) bool { return t.After(p.order.AsOf) }
	x := fleetpack.Exception{Entry: e}
	x.History = []register.Step{}
	for _, s := range e.History {
		if later(s.At) {
			x.Changed = true
			continue
		}
		x.History = append(x.History, s)
	}
	for _, t := range []*time.Time{&x.Closed, &x.Prepared, &x.Reviewed} {
		if later(*t) {
			*t = time.Time{}
		}
	}
	x.Status = x.Entry.Status(p.order.AsOf)
	return x
}

// deedsAtOnce is how many lines of the audit log are read at once.
const deedsAtOnce = 1000

// Deeds implements fleetpack.Content. The range goes from the first moment of its first day to the last of the day
// after its last night, in UTC.
func (p *pack) Deeds(ctx context.Context, visit func(board.Deed) error) error {
	from, to := p.order.From, p.order.To.AddDays(2)
	begin, end := time.Date(from.Year, from.Month, from.Day, 0, 0, 0, 0, time.UTC), time.Date(to.Year, to.Month, to.Day, 0, 0, 0, 0, time.UTC)
	var first, last int64
	err := p.eachDeed(ctx, 0, func(d board.Deed) error {
		if d.At.After(p.order.AsOf) {
			return errEnough
		}
		if !d.At.Before(begin) && d.At.Before(end) {
			first, last = cmp.Or(first, d.Seq), d.Seq
		}
		return nil
	})
	if err != nil || first == 0 {
		return err
	}
	return p.eachDeed(ctx, first-1, func(d board.Deed) error {
		if d.Seq > last {
			return errEnough
		}
		return visit(d)
	})
}

func (p *pack) eachDeed(ctx context.Context, after int64, visit func(board.Deed) error) error {
	for {
		some, err := p.db.Deeds(ctx, after, deedsAtOnce)
		if err != nil || len(some) == 0 {
			return err
		}
		for _, d := range some {
			if err := visit(d); err != nil {
				if errors.Is(err, errEnough) {
					return nil
				}
				return err
			}
			after = d.Seq
		}
	}
}
