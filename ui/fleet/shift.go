package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/nights"
)

// shiftPage is the printed report of a night around its stores.
type shiftPage struct {
	Date string
	Made string
	picked
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
func (s *server) shiftReport(w http.ResponseWriter, q *query) error {
	at, err := s.asOf(q)
	if err != nil {
		return err
	}
	p := q.pick(nightNames()...)
	f := frame{Title: "Night of " + p.Is("date"), Q: q, Body: shiftPage{p.Is("date"), rfc(at), p}}
	f.complete(s, q.Request)
	sum, out := sha256.New(), &download{w: w, control: http.NewResponseController(w), kind: "text/html; charset=utf-8"}
	page := io.MultiWriter(out, sum)
	n := 0
	err = s.eachShift(q.Context(), q, at, func(row nights.Row, list []Shift) error {
		if n++; n == 1 {
			if err := pages().ExecuteTemplate(page, "nightprint", f); err != nil {
				return err
			}
		}
		f.Body = shiftStore{row, list}
		return pages().ExecuteTemplate(page, "nightstore", f)
	})
	switch {
	case err != nil && !out.begun:
		return err
	case err == nil && n == 0:
		return refuse(http.StatusNotFound, "no_night", "No store told of a night of "+p.Is("date")+".")
	case err == nil:
		err = pages().ExecuteTemplate(page, "bottom", f)
	}
	s.exportDone(q, "night.html", at, n, hex.EncodeToString(sum.Sum(nil)), err)
	if err != nil {
		panic(http.ErrAbortHandler) // a page that ends in its middle must not look whole
	}
	return nil
}
