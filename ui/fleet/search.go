package fleet

import (
	"net/http"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
)

// SearchPage is what was found.
type SearchPage struct {
	AsOf  string `json:"as_of"`
	Query string `json:"query"`
	Page
	Hits []overview.Hit `json:"hits"`

	listing
}

func (p SearchPage) title() string { return "Search" }

// searchLimit is how long a query may be, in bytes.
const searchLimit = 200

// search finds any store, device, patch, CVE and signature.
func (s *server) search(q *query) (any, error) {
	skip, size, err := q.paging()
	if err != nil {
		return nil, err
	}
	text := q.values.Get("q")
	if len(text) > searchLimit {
		return nil, refuse(http.StatusBadRequest, "bad_q", "q is too long: 200 characters at most.")
	}
	p := SearchPage{AsOf: q.AsOf(), Query: text}
	total := 0
	q.view(func(b *board.Board) { p.Hits, total = q.overview.Search(b, text, skip, size) })
	p.Page = pageOf(total, skip, size)
	p.listing = listing{q, overview.Filter{Q: text}, p.Page}
	return p, nil
}
