package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/nights"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// shiftPage is the printed report of a night around its stores.
type shiftPage struct {
	Date string
	Made string
	page.Picked
}

// shiftStore is one store in it.
type shiftStore struct {
	nights.Row
	List []Shift
}

// Calm is how many patches need no word: they are done, or were not due.
func (x shiftStore) Calm() int {
	n := 0
	for _, s := range x.List {
		if s.State == site.Done || s.State == site.NotDue {
			n++
		}
	}
	return n
}

// shiftReport serves the report of a night for printing, store by store as each is read.
func (s *Pages) shiftReport(w http.ResponseWriter, q *page.Query) error {
	at, err := s.AsOf(q)
	if err != nil {
		return err
	}
	p := q.Pick(NightNames()...)
	f := s.Framed(q, "Night of "+p.Is("date"), shiftPage{p.Is("date"), page.RFC(at), p})
	sum, out := sha256.New(), page.NewDownload(w, "text/html; charset=utf-8", "")
	to := io.MultiWriter(out, sum)
	n := 0
	err = s.eachShift(q.Context(), q, at, func(row nights.Row, list []Shift) error {
		if n++; n == 1 {
			if err := page.Render(to, "nightprint", f); err != nil {
				return err
			}
		}
		f.Body = shiftStore{row, list}
		return page.Render(to, "nightstore", f)
	})
	switch {
	case err != nil && !out.Begun():
		return err
	case err == nil && n == 0:
		return page.Refuse(http.StatusNotFound, "no_night", "No store told of a night of "+p.Is("date")+".")
	case err == nil:
		err = page.Render(to, "bottom", f)
	}
	s.Exported(q, "night.html", at, n, hex.EncodeToString(sum.Sum(nil)), err)
	if err != nil {
		panic(http.ErrAbortHandler) // a page that ends in its middle must not look whole
	}
	return nil
}
