package compliance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// About is what an export is of: it is beside the rows, which are nothing but rows.
type About struct {
	AsOf      time.Time     `json:"as_of"`
	Filter    string        `json:"filter"` // as it is in the address; "" = everything
	Generated time.Time     `json:"generated_at"`
	By        string        `json:"generated_by"`
	Org       string        `json:"org"`
	Version   string        `json:"version"`
	Stores    []StoreAsOf   `json:"stores"` // in the scope
	Rows      int           `json:"rows"`
	Report    comply.Report `json:"report"`
	Silent    []string      `json:"silent_stores"` // of which no device is known
	list      List
}

// StoreAsOf is when a store last told something of a device.
type StoreAsOf struct {
	Store string    `json:"store"`
	AsOf  time.Time `json:"as_of,omitzero"` // zero: never
}

// about gathers what an export is of.
func (s *Pages) about(q *page.Query) (About, error) {
	o, f, err := s.exported(q)
	if err != nil {
		return About{}, err
	}
	a := About{AsOf: o.Now, Generated: s.Now().UTC().Truncate(time.Second), By: q.Name, Org: q.Overview.Org, Version: s.Version, list: List{query: q, filter: f}, Stores: []StoreAsOf{}, Silent: []string{}}
	a.Filter = valuesOfRows(a.list.filter).Encode()
	q.View(func(b *board.Board) {
		v := comply.Look(b, o)
		a.Report = v.Report(f)
		for range v.Rows(f) {
			a.Rows++
		}
		ids, asOf := v.Stores(f)
		for _, id := range ids {
			a.Stores = append(a.Stores, StoreAsOf{id, asOf[id]})
			if len(b.Stores[id].Devices) == 0 {
				a.Silent = append(a.Silent, id)
			}
		}
	})
	return a, nil
}

// Chips are the filters that are set.
func (a About) Chips() []page.Chip { return a.list.Chips() }

// Axes are the tables of the report.
func (a About) Axes() []complyTable {
	var all []complyTable
	for _, axis := range comply.Axes() {
		if axis != comply.ByStore {
			all = append(all, complyTable{Axis: axis, Lines: a.Report.By[axis], Total: len(a.Report.By[axis]), OfDevices: axis.OfDevices(), list: a.list})
		}
	}
	return all
}

// report serves the printable report, or what an export is of as JSON.
func (s *Pages) report(w http.ResponseWriter, q *page.Query) error {
	a, err := s.about(q)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	name, kind := "report.html", "text/html; charset=utf-8"
	if q.URL.Path == "/export/compliance.json" {
		name, kind = "compliance.json", "application/json"
		err = json.NewEncoder(&body).Encode(a)
	} else {
		err = page.Render(&body, "report", s.Framed(q, "Compliance report", a))
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body.Bytes())
	s.Exported(q, name, a.AsOf, a.Rows, hex.EncodeToString(sum[:]), nil)
	s.Send(w, q.Request, http.StatusOK, kind, body.Bytes())
	return nil
}
