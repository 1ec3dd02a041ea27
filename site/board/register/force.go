package register

import (
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Force says in which of the stores that an exception concerns it is in force.
type Force struct {
	In      int      `json:"in"`
	Of      int      `json:"of"`
	Missing []string `json:"missing,omitempty"` // the others, in the order of their ids
}

// String is "in force in 3 of 4 stores".
func (f Force) String() string { return fmt.Sprintf("in force in %d of %d stores", f.In, f.Of) }

// InForce looks which stores told that their catalog has the exception.
func InForce(b *board.Board, e site.Exception) Force {
	var f Force
	for _, s := range b.Sorted() {
		if len(e.Stores) > 0 && !slices.Contains(e.Stores, s.ID) {
			continue
		}
		f.Of++
		if slices.ContainsFunc(s.Catalog.Exceptions, func(told site.Exception) bool { return Same(told, e) }) {
			f.In++
		} else {
			f.Missing = append(f.Missing, s.ID)
		}
	}
	return f
}

// Same reports whether a store that tells of one exception tells of the other: a store leaves out for
// which stores it is.
func Same(told, e site.Exception) bool {
	return told.Patch == e.Patch && told.Owner == e.Owner && told.Reason == e.Reason && told.Expires.Equal(e.Expires) &&
		slices.Equal(told.Devices, e.Devices) && slices.Equal(told.Groups, e.Groups)
}

// Item is an entry that needs someone.
type Item struct {
	Entry Entry
	Since time.Time // when it began to need someone
	Due   time.Time // by when
	Text  string
}

// Items are the entries that need someone at now, the most urgent first: those that end within Warning,
// those whose review is due, and those that ended without anybody closing them.
func Items(entries []Entry, now time.Time) []Item {
	var items []Item
	for _, e := range entries {
		where := "The exception of " + e.Patch + " " + e.Scope() + " (" + e.Owner + ")"
		review := e.NextReview()
		switch {
		case e.Status(now) == StatusClosed:
		case e.Status(now) == StatusExpired:
			items = append(items, Item{e, e.Expires, e.Expires, where + " ended on " + e.Expires.Format(time.DateOnly) + ": the patch is due again. Close it, or renew it."})
		case e.Expires.Sub(now) <= Warning:
			items = append(items, Item{e, e.Expires.Add(-Warning), e.Expires, where + " ends on " + e.Expires.Format(time.DateOnly) + ": put the patch on, or renew it."})
		case !review.IsZero() && !now.Before(review):
			items = append(items, Item{e, review, review, where + " is to be reviewed since " + review.Format(time.DateOnly) + "."})
		}
	}
	slices.SortStableFunc(items, func(x, y Item) int { return x.Due.Compare(y.Due) })
	return items
}
