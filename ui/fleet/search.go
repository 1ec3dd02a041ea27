package fleet

import (
	"net/http"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// SearchPage is what was found.
type SearchPage struct {
	AsOf  string `json:"as_of"`
	Query string `json:"query"`
	page.Page
	Hits []overview.Hit `json:"hits"`

	page.Listing
}

// PageTitle implements page.Titled.
func (p SearchPage) PageTitle() string { return "Search" }

// searchLimit is how long a query may be, in bytes.
const searchLimit = 200

// search finds any store, device, patch, CVE and signature.
func (s *whole) search(q *page.Query) (any, error) {
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	text := q.Values.Get("q")
	if len(text) > searchLimit {
		return nil, page.Refuse(http.StatusBadRequest, "bad_q", "q is too long: 200 characters at most.")
	}
	p := SearchPage{AsOf: q.AsOf(), Query: text}
	total := 0
	q.View(func(b *board.Board) { p.Hits, total = q.Overview.Search(b, text, skip, size) })
	p.Page = page.Of(total, skip, size)
	p.Listing = q.Listing(overview.Filter{Q: text}, p.Page)
	return p, nil
}
