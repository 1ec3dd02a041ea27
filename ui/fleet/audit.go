package fleet

import (
	"context"
	"slices"

	"github.com/nightfill/nightfill/site/board"
)

// AuditPage is a part of headquarters' own audit log, the newest first.
type AuditPage struct {
	AsOf  string       `json:"as_of"`
	Total int          `json:"total"` // the number of the newest deed
	Deeds []board.Deed `json:"deeds"`
	Older int64        `json:"older,omitempty"` // what to ask for with before; 0: there is nothing older
}

func (p AuditPage) title() string { return "Audit" }

const deedsShown = 100

// audit answers who did what at headquarters; before is the number below which the deeds are.
func (s *server) audit(q *query) (any, error) {
	p := AuditPage{AsOf: q.AsOf(), Deeds: []board.Deed{}}
	if s.Register == nil {
		return p, nil
	}
	newest, err := s.newestDeed(q.Context())
	if err != nil {
		return nil, err
	}
	p.Total = int(newest)
	before, err := q.number("before", int(newest)+1, 1, 1<<53)
	if err != nil {
		return nil, err
	}
	from := max(0, int64(before)-1-deedsShown)
	deeds, err := s.Register.Deeds(q.Context(), from, int(int64(before)-1-from))
	if err != nil {
		return nil, err
	}
	slices.Reverse(deeds)
	p.Deeds = append(p.Deeds, deeds...)
	if from > 0 {
		p.Older = from + 1
	}
	return p, nil
}

// newestDeed finds the number of the newest deed: the register gives what comes after a number, so the
// first number after which nothing comes is looked for.
func (s *server) newestDeed(ctx context.Context) (int64, error) {
	over := func(n int64) (bool, error) {
		deeds, err := s.Register.Deeds(ctx, n, 1)
		return len(deeds) == 0, err
	}
	low, high := int64(0), int64(1)
	if none, err := over(0); none || err != nil {
		return 0, err
	}
	for {
		none, err := over(high)
		if err != nil {
			return 0, err
		}
		if none {
			break
		}
		low, high = high, high*2
	}
	for low+1 < high {
		middle := low + (high-low)/2
		none, err := over(middle)
		if err != nil {
			return 0, err
		}
		if none {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}
