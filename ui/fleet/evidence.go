package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/address"
)

// Evidence makes evidence packs of many stores.
type Evidence interface {
	// Pack writes a pack to w as it is made, and that it was made into the audit log. An error before the first byte
	// says what is wrong with what was asked for; after a later one what was written is worthless.
	Pack(ctx context.Context, w io.Writer, o EvidenceOrder) error
}

// BadOrder is the error of Pack for an order that nothing can be made of.
type BadOrder struct{ Text string }

// Error says what is wrong with the order.
func (e *BadOrder) Error() string { return e.Text }

// EvidenceOrder says what a pack is of.
type EvidenceOrder struct {
	From, To window.Date // nights by the local dates of the stores, both included
	Stores   []string    // their ids; none = all that headquarters ever heard
	AsOf     time.Time
	By       string // who asked
	Origin   string // the address it was asked from
}

const (
	evidenceLimit = 2 * time.Hour // for a whole pack
	evidenceDays  = 30            // that the form proposes
)

// EvidencePage is the form with which a pack is asked for.
type EvidencePage struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Filter string `json:"filter"` // of stores, as it is in the address
	Stores int    `json:"stores"` // that the filter means

	page.Listing
	Ready bool `json:"ready"` // headquarters makes packs
}

// PageTitle implements page.Titled.
func (p EvidencePage) PageTitle() string { return "Evidence" }

// evidenceRoutes is every address of evidence packs.
func (s *whole) evidenceRoutes() []page.Route {
	all := s.Both("/evidence", "/evidence", "evidence", s.evidence)
	return append(all, page.At("POST /evidence", s.evidencePack), page.At("POST /api/v1/evidence", s.evidencePack))
}

// evidence answers the form. Its filter is that of the list of stores.
func (s *whole) evidence(q *page.Query) (any, error) {
	f := q.Filter()
	p := EvidencePage{Listing: q.Listing(f, page.Page{}), Filter: strings.TrimPrefix(address.OfStores("", f, nil), "?"), Ready: s.Evidence != nil}
	p.From, p.To = q.Values.Get("from"), q.Values.Get("to")
	now := q.Overview.AsOf.UTC()
	if p.To == "" {
		p.To = now.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	if p.From == "" {
		p.From = now.AddDate(0, 0, -evidenceDays).Format(time.DateOnly)
	}
	q.View(func(b *board.Board) { p.Stores = len(q.Overview.Filter(b, f)) })
	return p, nil
}

// evidencePack streams a pack as a download.
func (s *whole) evidencePack(w http.ResponseWriter, r *http.Request) {
	o, err := s.evidenceOrder(r)
	if err != nil {
		s.Fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), evidenceLimit)
	defer cancel()
	out := page.NewDownload(w, "application/zip", fmt.Sprintf("evidence-%s-to-%s.zip", o.From, o.To))
	out.Wait()
	err = s.Evidence.Pack(ctx, out, o)
	var bad *BadOrder
	switch {
	case errors.As(err, &bad) && !out.Begun():
		s.Fail(w, r, page.Refuse(http.StatusBadRequest, "bad_order", page.Upper(bad.Text)+"."))
	case err != nil && !out.Begun():
		s.Fail(w, r, err)
	case err != nil:
		s.Log.Error("an evidence pack was broken off", "err", err)
		panic(http.ErrAbortHandler) // a file that ends in its middle must not look whole
	}
}

// evidenceOrder reads what is asked for.
func (s *whole) evidenceOrder(r *http.Request) (EvidenceOrder, error) {
	q, err := s.Ask(r)
	if err != nil {
		return EvidenceOrder{}, err
	}
	if !page.CanChange(q.Role) {
		return EvidenceOrder{}, page.Refuse(http.StatusForbidden, "not_allowed", "The role "+q.Role+" may look, and not take evidence out of headquarters. Ask a manager.")
	}
	if s.Evidence == nil {
		return EvidenceOrder{}, page.Refuse(http.StatusNotFound, "no_evidence", "This headquarters makes no evidence packs.")
	}
	if err := r.ParseForm(); err != nil {
		return EvidenceOrder{}, page.Refuse(http.StatusBadRequest, "bad_form", "The form cannot be read: "+err.Error()+".")
	}
	q.Values = r.Form
	o := EvidenceOrder{AsOf: s.Now().UTC().Truncate(time.Second), By: q.Name, Origin: s.Origin(r)}
	from, to := q.Values.Get("from"), q.Values.Get("to")
	if to == "" {
		to = from
	}
	o.From, err = window.ParseDate(from)
	last, err2 := window.ParseDate(to)
	if err = errors.Join(err, err2); err != nil {
		return o, page.Refuse(http.StatusBadRequest, "bad_date", "The nights must be two dates such as 2026-11-01 and 2026-11-30.")
	}
	o.To = last
	if text := q.Values.Get("as_of"); text != "" {
		if o.AsOf, err = time.Parse(time.RFC3339, text); err != nil {
			return o, page.Refuse(http.StatusBadRequest, "bad_as_of", "as_of must be a time such as "+page.RFC(s.Now())+", not \""+text+"\".")
		}
	}
	if f := q.Filter(); address.OfStores("", f, nil) != "" {
		q.View(func(b *board.Board) {
			for _, row := range q.Overview.Filter(b, f) {
				o.Stores = append(o.Stores, row.ID)
			}
		})
		if len(o.Stores) == 0 {
			return o, page.Refuse(http.StatusBadRequest, "no_store", "No store fits this filter.")
		}
	}
	return o, nil
}
