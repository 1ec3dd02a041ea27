package fleet

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/address"
)

// query is one request that asks for data.
type query struct {
	*http.Request
	server     *server
	overview   *overview.Overview
	values     url.Values
	name, role string
}

// ask makes a query of a request.
func (s *server) ask(r *http.Request) (*query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "bad_query", "The address cannot be read: "+err.Error()+".")
	}
	v, err := s.overviews.get(r.Context())
	if err != nil {
		return nil, err
	}
	q := &query{Request: r, server: s, overview: v, values: values}
	q.name, q.role = s.who(r)
	return q, nil
}

// view shows the board.
func (q *query) view(read func(*board.Board)) { q.server.Source.View(read) }

// filter reads the filter of a request.
func (q *query) filter() overview.Filter { return address.ReadStores(q.values) }

// chip is one filter that is set, and the address without it.
type chip struct {
	Name, Value, Without string
}

// AsOf is the moment of the overview as the script of the pages reads it.
func (q *query) AsOf() string { return rfc(q.overview.AsOf) }

// Moment is the moment of the overview.
func (q *query) Moment() time.Time { return q.overview.AsOf }

// listing is what a page with a filtered list has besides the list.
type listing struct {
	query  *query
	filter overview.Filter
	page   Page
}

// Text is the filter that is no chip.
func (l listing) Text() string { return l.filter.Q }

// Hint shows what may be written into the filter.
func (l listing) Hint() string {
	if l.query.URL.Path == "/patches" {
		return "severity:critical openssl"
	}
	return "state:failed region:North till-1"
}

// Only is the address of the list with one value of a filter in place of its others.
func (l listing) Only(name, value string) string {
	return address.OfStores(l.query.URL.Path, address.Only(l.filter, name, value), l.query.carried())
}

// Sort is the address of the list in another order.
func (l listing) Sort(by string) string {
	more := l.query.carried()
	more.Set("sort", by)
	return address.OfStores(l.query.URL.Path, l.filter, more)
}

// Turn is the address of a page before or after this one.
func (l listing) Turn(by int) string {
	more := l.query.carried()
	more.Set("page", strconv.Itoa(l.page.Page+by))
	return address.OfStores(l.query.URL.Path, l.filter, more)
}

// hidden is one parameter of a form.
type hidden struct{ Name, Value string }

// Hidden lists the filters that are set as a form carries them on.
func (l listing) Hidden() []hidden {
	var list []hidden
	for _, name := range address.StoreNames() {
		for _, v := range *address.StoreField(&l.filter, name) {
			list = append(list, hidden{name, v})
		}
	}
	return list
}

const chipsEach = 6 // values of one filter that have a chip of their own; more have one together

// Chips lists the filters that are set.
func (l listing) Chips() []chip {
	q, f := l.query, l.filter
	var list []chip
	for _, name := range address.StoreNames() {
		values := *address.StoreField(&f, name)
		if n := len(values); n > chipsEach {
			list = append(list, chip{name, overview.Number(n) + " of them", address.OfStores(q.URL.Path, address.Without(f, name, values...), q.carried())})
			continue
		}
		for _, v := range values {
			list = append(list, chip{name, v, address.OfStores(q.URL.Path, address.Without(f, name, v), q.carried())})
		}
	}
	if f.Q != "" {
		g := f
		g.Q = ""
		list = append(list, chip{"text", f.Q, address.OfStores(q.URL.Path, g, q.carried())})
	}
	return list
}

// carried are the parameters besides the filter that a link keeps.
func (q *query) carried() url.Values {
	v := url.Values{}
	for _, name := range []string{"sort", "size", "view"} {
		if is := q.values.Get(name); is != "" {
			v.Set(name, is)
		}
	}
	return v
}

const (
	pageSize = 200
	pageMost = 1000
)

// Page is where in a list one is. Total counts the whole list.
type Page struct {
	Total int `json:"total"`
	Page  int `json:"page"` // from 1
	Pages int `json:"pages"`
	Size  int `json:"size"` // of a page at most
}

func (p Page) count() int { return p.Total }

// paging reads which page is asked for: how many entries are skipped, and how many shown.
func (q *query) paging() (skip, size int, err error) {
	page, err := q.number("page", 1, 1, 1_000_000)
	if err != nil {
		return 0, 0, err
	}
	size, err = q.number("size", pageSize, 1, pageMost)
	return (page - 1) * size, size, err
}

// number reads a whole number of the address.
func (q *query) number(name string, or, least, most int) (int, error) {
	text := q.values.Get(name)
	if text == "" {
		return or, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, refuse(http.StatusBadRequest, "bad_"+name, name+" must be a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most)+", not \""+text+"\".")
	}
	return n, nil
}

// pageOf says where a page is in its list.
func pageOf(total, skip, size int) Page {
	return Page{Total: total, Page: skip/size + 1, Pages: max(1, (total+size-1)/size), Size: size}
}

// part is a page of a list.
func part[T any](list []T, skip, size int) []T {
	skip = min(skip, len(list))
	return list[skip:min(len(list), skip+size)]
}
