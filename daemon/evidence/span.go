package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/journal"
	"github.com/nightfill/nightfill/site/run"
)

// span is what a first reading finds: which records are in the pack, and which catalogs they speak of.
type span struct {
	first, last uint64
	before      string // hash
	head        string
	firstAt     time.Time
	lastAt      time.Time
	kept        uint64    // the first record that the source has
	keptAt      time.Time // and when that was
	newest      time.Time // the last record that was looked at
	versions    []int64   // of catalogs that were in force
	bare        []lack    // records of which the source has the hash alone
	gaps        []lack    // and those of which it has nothing
	count       uint64    // of those that are there
}

// lack is a range of records that are not there, or not whole, and why.
type lack struct {
	first, last uint64
	why         string
}

// errEnough ends a reading early.
var errEnough = errors.New("enough")

// find reads which records are in the pack: from the first one of the first day to the last one before the
// next night, the end of the day after the last night, or the as-of.
func find(ctx context.Context, src Source, o Order) (span, error) {
	var s span
	start, end := o.day(o.From), o.day(o.To.AddDays(2))
	from, inForce, err := s.begin(ctx, src, start)
	if err != nil {
		return s, fmt.Errorf("cannot read the journal: %w", err)
	}
	err = src.Records(ctx, from, func(r journal.Raw) error {
		note, err := peek(r)
		if err != nil {
			return err
		}
		if s.kept == 0 {
			s.kept, s.keptAt = r.Seq, note.At
		}
		if !note.At.IsZero() {
			s.newest = note.At
		}
		late := note.At.After(o.AsOf) || !note.At.Before(end) || note.Kind == run.NightOpened && note.Night.Compare(o.To) > 0
		if s.first > 0 && late {
			return errEnough
		}
		if s.first == 0 && (note.At.Before(start) || late) {
			if note.Catalog != nil {
				inForce = note.Catalog.Version
			}
			return nil
		}
		return s.take(src, r, note, inForce)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return s, fmt.Errorf("cannot read the journal: %w", err)
	}
	if s.first == 0 {
		return s, o.empty(s)
	}
	return s, nil
}

// begin returns from which record on a source is read, and the catalog that was in force before it.
func (s *span) begin(ctx context.Context, src Source, start time.Time) (from uint64, inForce int64, err error) {
	indexed, ok := src.(Indexed)
	if !ok {
		return 0, 0, nil
	}
	b, err := indexed.Begin(ctx, start)
	s.kept, s.keptAt, s.newest = b.Kept, b.KeptAt, b.Newest
	return b.From, b.Catalog, err
}

// take adds a record, which must follow the last one.
func (s *span) take(src Source, r journal.Raw, e run.Event, inForce int64) error {
	if s.first == 0 {
		s.first, s.before, s.firstAt = r.Seq, r.Prev, e.At
		s.version(inForce)
	}
	partial, _ := src.(Partial)
	follows := s.last == 0 || r.Seq == s.last+1 && r.Prev == s.head
	if !follows && r.Seq > s.last+1 && partial != nil {
		why := partial.Lacks(s.last+1, r.Seq-1)
		s.gaps = append(s.gaps, lack{s.last + 1, r.Seq - 1, why})
		follows = why != ""
	}
	if !follows || len(r.Event) > 0 && journal.Hash(r.Seq, r.Prev, r.Event) != r.Hash {
		return &BrokenError{fmt.Sprintf("the chain is broken at record %d: see nightfill journal verify", r.Seq)}
	}
	s.last, s.head = r.Seq, r.Hash
	s.count++
	if len(r.Event) == 0 {
		why := "only its hash is known here, so that the chain goes on; the store has all of it"
		if partial != nil {
			why = partial.Lacks(r.Seq, r.Seq)
		}
		s.bare = append(s.bare, lack{r.Seq, r.Seq, why})
		return nil
	}
	s.lastAt = e.At
	if e.Catalog != nil {
		s.version(e.Catalog.Version)
	}
	if e.Plan != nil {
		s.version(e.Plan.Catalog)
	}
	return nil
}

func (s *span) version(v int64) {
	if v > 0 && !slices.Contains(s.versions, v) {
		s.versions = append(s.versions, v)
	}
}

// peek reads of a record only what find needs: of most records the kind and the time, which come first.
func peek(r journal.Raw) (run.Event, error) {
	if len(r.Event) == 0 {
		return run.Event{}, nil
	}
	var short struct {
		Kind run.Kind  `json:"kind"`
		At   time.Time `json:"at"`
	}
	if err := json.Unmarshal(r.Event, &short); err != nil {
		return run.Event{}, fmt.Errorf("record %d is not readable: %w", r.Seq, err)
	}
	switch short.Kind {
	case run.NightOpened, run.NightExtended, run.CatalogUpdated:
		rec, err := r.Record()
		return rec.Event, err
	}
	return run.Event{Kind: short.Kind, At: short.At}, nil
}

// empty says that there is nothing to show, and what there is.
func (o Order) empty(s span) error {
	nights := "the nights " + o.From.String() + " to " + o.To.String()
	if s.kept == 0 {
		return &NothingError{fmt.Sprintf("the journal has no record of %s: it has none at all", nights)}
	}
	return &NothingError{fmt.Sprintf("the journal has no record of %s as of %s: it goes from %s to %s",
		nights, o.AsOf.In(o.Zone).Format(time.RFC3339), s.keptAt.In(o.Zone).Format(time.RFC3339), s.newest.In(o.Zone).Format(time.RFC3339))}
}

// NothingError says that the journal has no record of the range.
type NothingError struct{ text string }

// Error says of which range, and what there is.
func (e *NothingError) Error() string { return e.text }

// BrokenError says that what the source has is not what was recorded: nothing can be shown of it.
type BrokenError struct{ Text string }

// Error says where.
func (e *BrokenError) Error() string { return e.Text }

// missing names what the range asks for and the pack does not hold.
func (s span) missing(src Source, o Order, told []string) []Missing {
	list := []Missing{}
	if s.first == s.kept && s.before != "" && s.firstAt.After(o.day(o.From)) {
		why := "the journal was trimmed: it keeps its records for thirteen months; headquarters may have them"
		if partial, ok := src.(Partial); ok {
			why = partial.Lacks(1, s.first-1)
		}
		list = append(list, Missing{What: fmt.Sprintf("records before %d, and nights before %s", s.first, s.firstAt.In(o.Zone).Format(time.DateOnly)), Why: why})
	}
	for _, l := range s.gaps {
		list = append(list, Missing{What: RecordsName(l.first, l.last), Why: l.why})
	}
	for _, l := range s.bare {
		list = append(list, Missing{What: RecordName(l.first), Why: l.why})
	}
	for night, n := o.From, 0; night.Compare(o.To) <= 0 && n <= MaxNights; night, n = night.AddDays(1), n+1 {
		if slices.Contains(told, night.String()) {
			continue
		}
		why := "no record says that it was opened"
		if !o.day(night).Before(o.AsOf) {
			why = "it had not come at " + o.AsOf.In(o.Zone).Format(time.RFC3339)
		}
		list = append(list, Missing{What: NightName(night), Why: why})
	}
	return list
}

// openings are the dates of the nights that the records open.
func (p *packer) openings() ([]string, error) {
	nights := []string{}
	err := p.records(func(r journal.Raw) error {
		e, err := peek(r)
		if err == nil && e.Kind == run.NightOpened && p.m.Scope.Has(e.Night) {
			nights = append(nights, e.Night.String())
		}
		return err
	})
	return nights, err
}
