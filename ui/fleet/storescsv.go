package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// storeColumn is one column of a table of stores.
type storeColumn struct {
	name string
	of   func(*overview.Store) string
}

// storeColumns are those of a table of stores, in their order.
func storeColumns() []storeColumn {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return page.RFC(t)
	}
	return []storeColumn{
		{"store", func(s *overview.Store) string { return s.ID }},
		{"name", func(s *overview.Store) string { return s.Name }},
		{"region", func(s *overview.Store) string { return s.Region }},
		{"ring", func(s *overview.Store) string { return string(s.Ring) }},
		{"zone", func(s *overview.Store) string { return s.Zone }},
		{"bucket", func(s *overview.Store) string { return string(s.Bucket) }},
		{"text", func(s *overview.Store) string { return s.Text }},
		{"opening", func(s *overview.Store) string { return s.Opening.Answer }},
		{"opens", func(s *overview.Store) string { return at(s.Opens) }},
		{"verdict", func(s *overview.Store) string { return string(s.Verdict) }},
		{"contact", func(s *overview.Store) string { return s.Contact.State }},
		{"heard", func(s *overview.Store) string { return at(s.Contact.Heard) }},
		{"night", func(s *overview.Store) string { return s.Night }},
		{"window_opens", func(s *overview.Store) string { return at(s.WindowOpens) }},
		{"window_closes", func(s *overview.Store) string { return at(s.WindowCloses) }},
		{"settled", func(s *overview.Store) string { return strconv.Itoa(s.Settled) }},
		{"total", func(s *overview.Store) string { return strconv.Itoa(s.Total) }},
		{"devices", func(s *overview.Store) string { return strconv.Itoa(s.Devices) }},
		{"needs", func(s *overview.Store) string { return strconv.Itoa(s.Needs) }},
		{"held_since", func(s *overview.Store) string {
			if s.Held == nil {
				return ""
			}
			return at(s.Held.At)
		}},
		{"held_for", func(s *overview.Store) string {
			if s.Held == nil {
				return ""
			}
			return s.Held.Reason
		}},
		{"software", func(s *overview.Store) string { return s.Software }},
	}
}

// storesCSV serves the stores that a filter means, as the list of stores has them, all on one page.
func (s *whole) storesCSV(w http.ResponseWriter, q *page.Query) error {
	v, err := s.stores(q)
	if err != nil {
		return err
	}
	return s.sendStores(w, q, v.(StoreList).all)
}

// chosenCSV serves the stores that were chosen.
func (s *whole) chosenCSV(a Act) http.HandlerFunc {
	return s.Answers(func(w http.ResponseWriter, q *page.Query) error {
		q.Values = url.Values{"store": a.Stores}
		return s.sendStores(w, q, a.rows)
	})
}

// sendStores sends a table of stores, and writes it into the audit log.
func (s *whole) sendStores(w http.ResponseWriter, q *page.Query, rows []overview.Store) error {
	columns := append(storeColumns(), storeColumn{"as_of", func(*overview.Store) string { return q.AsOf() }})
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	var body bytes.Buffer
	lines := page.NewLines(&body)
	err := lines.Write(names...)
	cells := make([]string, len(columns))
	for i := 0; err == nil && i < len(rows); i++ {
		for k, c := range columns {
			cells[k] = c.of(&rows[i])
		}
		err = lines.Write(cells...)
	}
	if err == nil {
		err = lines.Flush()
	}
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body.Bytes())
	s.Exported(q, "stores.csv", q.Overview.AsOf, len(rows), hex.EncodeToString(sum[:]), nil)
	w.Header().Set("Content-Disposition", `attachment; filename="stores.csv"`)
	s.Send(w, q.Request, http.StatusOK, "text/csv; charset=utf-8", body.Bytes())
	return nil
}
