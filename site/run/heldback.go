package run

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// Obstacle is a reason for which nothing is begun in the whole store, and what a person does about it.
type Obstacle struct {
	site.Reason
	Do string `json:"what_to_do"`
}

// HeldBack says why the night of a date, which begins at a moment, would begin nothing on any device, what has to be mended first
// first: the reasons that Due and Next go by, and others that the journal does not tell, such as why there is no
// catalog. Nil among those counts for nothing. It is empty when nothing stands against beginning. The clock and the
// disk count as they are at now.
func HeldBack(s State, night window.Date, now, begins time.Time, others ...*site.Reason) []Obstacle {
	reasons := append(s.bars(now), s.another(night))
	switch h, held := s.Holds[site.AllDevices]; {
	case s.Catalog.StoreHeld != nil:
		reasons = append(reasons, policy.StoreHeldByHeadquarters(*s.Catalog.StoreHeld))
	case held && begins.Before(h.Until):
		reasons = append(reasons, policy.HeldByPerson(h))
	}
	var all []Obstacle
	for _, reason := range append(reasons, others...) {
		if reason != nil {
			all = append(all, Obstacle{Reason: *reason, Do: whatToDo(reason, s.Catalog.StoreHeld != nil)})
		}
	}
	return all
}

// bars are the reasons of Barred.
func (s State) bars(now time.Time) []*site.Reason {
	var all []*site.Reason
	switch gone := s.TrustedAt.Sub(now); {
	case s.Unsure != nil:
		all = append(all, s.Unsure)
	case gone > Back:
		all = append(all, site.Because(site.CodeClockUnsure, "the clock of this box went back by "+gone.Round(time.Second).String()))
	}
	if s.Full != nil {
		all = append(all, s.Full)
	}
	return all
}

// another says that a night is not over, where it is another than that of a date.
func (s State) another(night window.Date) *site.Reason {
	if !s.Night.Open() || s.Night.Plan.Night == night {
		return nil
	}
	return site.Because(site.CodeWaiting, "the night of "+s.Night.Plan.Night.String()+" is not closed yet")
}

func whatToDo(r *site.Reason, above bool) string {
	switch r.Code {
	case site.CodeClockUnsure:
		return "put the clock of this box right (see `timedatectl`), or, where it is right, run: nightfill clock confirm --reason WHY"
	case site.CodeBoxFull:
		return "free disk space on this box; it looks again every 30 s"
	case site.CodeHeld:
		if above {
			return "ask headquarters: only people there lift it"
		}
		return "wait until then, or run: nightfill release all"
	case site.CodeNoCatalog, site.CodeCatalogOld, site.CodeCatalogRefused, site.CodeCatalogUnreachable:
		return "run: nightfill catalog refresh; without a line, bring it on a stick: nightfill catalog import DIR"
	case site.CodeCatalogExpired:
		return "ask headquarters to sign it anew, then run: nightfill catalog refresh"
	case site.CodeWaiting:
		return "wait, and look again with: nightfill status"
	}
	return "see: nightfill status"
}

// Coming is the night that is under way or comes next at a moment, and when it begins: at the moment itself where its
// window is open. passed says why the window that is open at the moment, or would open on that day, is not it; nil
// when no such window is passed over. It is false when no window opens within a year.
func Coming(s State, c window.Calendar, at time.Time) (span window.Span, begins time.Time, passed *site.Reason, ok bool) {
	span, inside := c.Contains(at)
	if inside && (s.Night.Open() || !s.Spent(span.Night)) {
		return span, at, nil, true
	}
	passed = Blackout(c, at)
	if inside {
		passed = site.Because(site.CodeWindowOver, "the night of "+span.Night.String()+" is over: a window opens once", "night", span.Night.String())
	}
	span, ok = c.Next(at)
	return span, span.Open, passed, ok
}

// Blackout says why no window opens on the day of a moment though it is a day for it; nil when one does, or it is none.
func Blackout(c window.Calendar, at time.Time) *site.Reason {
	if c.Zone == nil {
		return nil
	}
	day := window.DateOf(at.In(c.Zone))
	if cause, why := c.Why(day); cause == window.InBlackout {
		return site.Because(site.CodeBlackout, why, "night", day.String())
	}
	return nil
}
