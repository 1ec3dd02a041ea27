package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/fleet/address"
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
	evidenceLimit = 2 * time.Hour   // for a whole pack
	evidenceStep  = 5 * time.Minute // for a reader to take what was made, and for headquarters to make more
	evidenceDays  = 30              // that the form proposes
)

// EvidencePage is the form with which a pack is asked for.
type EvidencePage struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Filter string `json:"filter"` // of stores, as it is in the address
	Stores int    `json:"stores"` // that the filter means

	listing
	Ready bool `json:"ready"` // headquarters makes packs
}

func (p EvidencePage) title() string { return "Evidence" }

// evidenceRoutes is every address of evidence packs.
func (s *server) evidenceRoutes() []route {
	all := s.both("/evidence", "/evidence", "evidence", s.evidence)
	return append(all, route{"POST /evidence", s.evidencePack}, route{"POST /api/v1/evidence", s.evidencePack})
}

// evidence answers the form. Its filter is that of the list of stores.
func (s *server) evidence(q *query) (any, error) {
	f := q.filter()
	p := EvidencePage{listing: listing{query: q, filter: f}, Filter: strings.TrimPrefix(address.OfStores("", f, nil), "?"), Ready: s.Evidence != nil}
	p.From, p.To = q.values.Get("from"), q.values.Get("to")
	now := q.overview.AsOf.UTC()
	if p.To == "" {
		p.To = now.AddDate(0, 0, -1).Format(time.DateOnly)
	}
	if p.From == "" {
		p.From = now.AddDate(0, 0, -evidenceDays).Format(time.DateOnly)
	}
	q.view(func(b *board.Board) { p.Stores = len(q.overview.Filter(b, f)) })
	return p, nil
}

// evidencePack streams a pack as a download.
func (s *server) evidencePack(w http.ResponseWriter, r *http.Request) {
	o, err := s.evidenceOrder(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), evidenceLimit)
	defer cancel()
	out := &download{w: w, control: http.NewResponseController(w), name: fmt.Sprintf("evidence-%s-to-%s.zip", o.From, o.To)}
	out.extend()
	err = s.Evidence.Pack(ctx, out, o)
	var bad *BadOrder
	switch {
	case errors.As(err, &bad) && !out.begun:
		s.fail(w, r, refuse(http.StatusBadRequest, "bad_order", upperFirst(bad.Text)+"."))
	case err != nil && !out.begun:
		s.fail(w, r, err)
	case err != nil:
		s.Log.Error("an evidence pack was broken off", "err", err)
		panic(http.ErrAbortHandler) // a file that ends in its middle must not look whole
	}
}

// evidenceOrder reads what is asked for.
func (s *server) evidenceOrder(r *http.Request) (EvidenceOrder, error) {
	q, err := s.ask(r)
	if err != nil {
		return EvidenceOrder{}, err
	}
	if !changer(q.role) {
		return EvidenceOrder{}, refuse(http.StatusForbidden, "not_allowed", "The role "+q.role+" may look, and not take evidence out of headquarters. Ask a manager.")
	}
	if s.Evidence == nil {
		return EvidenceOrder{}, refuse(http.StatusNotFound, "no_evidence", "This headquarters makes no evidence packs.")
	}
	if err := r.ParseForm(); err != nil {
		return EvidenceOrder{}, refuse(http.StatusBadRequest, "bad_form", "The form cannot be read: "+err.Error()+".")
	}
	q.values = r.Form
	o := EvidenceOrder{AsOf: s.Now().UTC().Truncate(time.Second), By: q.name, Origin: s.Origin(r)}
	from, to := q.values.Get("from"), q.values.Get("to")
	if to == "" {
		to = from
	}
	o.From, err = window.ParseDate(from)
	last, err2 := window.ParseDate(to)
	if err = errors.Join(err, err2); err != nil {
		return o, refuse(http.StatusBadRequest, "bad_date", "The nights must be two dates such as 2026-11-01 and 2026-11-30.")
	}
	o.To = last
	if text := q.values.Get("as_of"); text != "" {
		if o.AsOf, err = time.Parse(time.RFC3339, text); err != nil {
			return o, refuse(http.StatusBadRequest, "bad_as_of", "as_of must be a time such as "+rfc(s.Now())+", not \""+text+"\".")
		}
	}
	if f := q.filter(); address.OfStores("", f, nil) != "" {
		q.view(func(b *board.Board) {
			for _, row := range q.overview.Filter(b, f) {
				o.Stores = append(o.Stores, row.ID)
			}
		})
		if len(o.Stores) == 0 {
			return o, refuse(http.StatusBadRequest, "no_store", "No store fits this filter.")
		}
	}
	return o, nil
}

// download sends the headers of a file with its first byte, and gives its reader time as long as it reads.
type download struct {
	w       http.ResponseWriter
	control *http.ResponseController
	kind    string // "": a zip
	name    string // "": it is shown, and not kept as a file
	begun   bool
}

// Write implements io.Writer.
func (d *download) Write(b []byte) (int, error) {
	if !d.begun {
		d.begun = true
		h := d.w.Header()
		h.Set("Content-Type", cmp.Or(d.kind, "application/zip"))
		if d.name != "" {
			h.Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
		}
	}
	d.extend()
	return d.w.Write(b)
}

func (d *download) extend() {
	// A test's writer has no deadline; then there is nothing to set.
	_ = d.control.SetWriteDeadline(time.Now().Add(evidenceStep))
}
