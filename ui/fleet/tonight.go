package fleet

import (
	"slices"

	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Summary is the whole chain at a moment: the first page.
type Summary struct {
	*overview.Overview
	Line    page.Line `json:"line"`
	Version string    `json:"version"`
}

// PageTitle implements page.Titled.
func (s Summary) PageTitle() string { return "Tonight" }

// Grid is the cells of every store.
func (s Summary) Grid() grid { return gridOf(s.Stores) }

// Flagged are the patches that break more often than chance explains, but for those about which people
// are asked to decide already.
func (s Summary) Flagged() []overview.Patch {
	var list []overview.Patch
	for _, p := range s.Patches {
		asked := slices.ContainsFunc(s.Groups, func(g overview.Group) bool { return g.Kind == overview.KindProposal && g.Patch == p.ID })
		if p.Flag != nil && !asked {
			list = append(list, p)
		}
	}
	return list
}

// Now are the groups that need somebody at once; Today those that have time.
func (s Summary) Now() []overview.Group { return s.of(overview.Now) }

// Today are the groups that need somebody in working hours.
func (s Summary) Today() []overview.Group { return s.of(overview.Today) }

func (s Summary) of(u overview.Urgency) []overview.Group {
	var list []overview.Group
	for _, g := range s.Groups {
		if g.Urgency == u {
			list = append(list, g)
		}
	}
	return list
}

// Needs counts the items that are not shelved.
func (s Summary) Needs() int {
	n := 0
	for _, g := range s.Groups {
		n += g.Items
	}
	return n
}

// tonight answers how the night goes.
func (s *whole) tonight(q *page.Query) (any, error) {
	return Summary{Overview: q.Overview, Line: s.Line(), Version: s.Version}, nil
}
