package fleet

import (
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// AuditPage is a part of headquarters' own audit log, the newest first.
type AuditPage struct {
	AsOf  string       `json:"as_of"`
	Total int          `json:"total"` // the number of the newest deed
	Deeds []board.Deed `json:"deeds"`
	Older int64        `json:"older,omitempty"` // what to ask for with before; 0: there is nothing older
}

// PageTitle implements page.Titled.
func (p AuditPage) PageTitle() string { return "Audit" }

const deedsShown = 100

// audit answers who did what at headquarters; before is the number below which the deeds are.
func (s *whole) audit(q *page.Query) (any, error) {
	p := AuditPage{AsOf: q.AsOf(), Deeds: []board.Deed{}}
	if s.Register == nil {
		return p, nil
	}
	before, err := q.Number("before", 0, 1, 1<<53)
	if err != nil {
		return nil, err
	}
	newest, err := s.Register.NewestDeeds(q.Context(), 0, 1)
	if err != nil || len(newest) == 0 {
		return p, err
	}
	p.Total = int(newest[0].Seq)
	deeds, err := s.Register.NewestDeeds(q.Context(), int64(before), deedsShown)
	if err != nil {
		return nil, err
	}
	p.Deeds = append(p.Deeds, deeds...)
	if n := len(deeds); n > 0 && deeds[n-1].Seq > 1 {
		p.Older = deeds[n-1].Seq
	}
	return p, nil
}
