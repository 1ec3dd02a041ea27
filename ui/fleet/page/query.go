package page

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page/address"
)

// Query is one request that asks for data.
type Query struct {
	*http.Request
	server     *Server
	Overview   *overview.Overview
	Values     url.Values
	Name, Role string
}

// Ask makes a query of a request.
func (s *Server) Ask(r *http.Request) (*Query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Refuse(http.StatusBadRequest, "bad_query", "The address cannot be read: "+err.Error()+".")
	}
	v, err := s.Overview(r.Context())
	if err != nil {
		return nil, err
	}
	q := &Query{Request: r, server: s, Overview: v, Values: values}
	q.Name, q.Role = s.Who(r)
	return q, nil
}

// View shows the board.
func (q *Query) View(read func(*board.Board)) { q.server.Source.View(read) }

// Filter reads the filter of a request.
func (q *Query) Filter() overview.Filter { return address.ReadStores(q.Values) }

// Chip is one filter that is set, and the address without it.
type Chip struct {
	Name, Value, Without string
}

// AsOf is the moment of the overview as the script of the pages reads it.
func (q *Query) AsOf() string { return RFC(q.Overview.AsOf) }

// Moment is the moment of the overview.
func (q *Query) Moment() time.Time { return q.Overview.AsOf }

// Listing is what a page with a filtered list has besides the list.
type Listing struct {
	query  *Query
	filter overview.Filter
	page   Page
}

// Listing is what a list that a filter means has, with where in it one is.
func (q *Query) Listing(f overview.Filter, p Page) Listing { return Listing{q, f, p} }

// Text is the filter that is no chip.
func (l Listing) Text() string { return l.filter.Q }

// Hint shows what may be written into the filter.
func (l Listing) Hint() string {
	if l.query.URL.Path == "/patches" {
		return "severity:critical openssl"
	}
	return "state:failed region:North till-1"
}

// Only is the address of the list with one value of a filter in place of its others.
func (l Listing) Only(name, value string) string {
	return address.OfStores(l.query.URL.Path, address.Only(l.filter, name, value), l.query.carried())
}

// Sort is the address of the list in another order.
func (l Listing) Sort(by string) string {
	more := l.query.carried()
	more.Set("sort", by)
	return address.OfStores(l.query.URL.Path, l.filter, more)
}

// Turn is the address of a page before or after this one.
func (l Listing) Turn(by int) string {
	more := l.query.carried()
	more.Set("page", strconv.Itoa(l.page.Page+by))
	return address.OfStores(l.query.URL.Path, l.filter, more)
}

// hidden is one parameter of a form.
type hidden struct{ Name, Value string }

// Hidden lists the filters that are set as a form carries them on.
func (l Listing) Hidden() []hidden {
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
func (l Listing) Chips() []Chip {
	q, f := l.query, l.filter
	var list []Chip
	for _, name := range address.StoreNames() {
		values := *address.StoreField(&f, name)
		if n := len(values); n > chipsEach {
			list = append(list, Chip{name, overview.Number(n) + " of them", address.OfStores(q.URL.Path, address.Without(f, name, values...), q.carried())})
			continue
		}
		for _, v := range values {
			list = append(list, Chip{name, v, address.OfStores(q.URL.Path, address.Without(f, name, v), q.carried())})
		}
	}
	if f.Q != "" {
		g := f
		g.Q = ""
		list = append(list, Chip{"text", f.Q, address.OfStores(q.URL.Path, g, q.carried())})
	}
	return list
}

// carried are the parameters besides the filter that a link keeps.
func (q *Query) carried() url.Values {
	v := url.Values{}
	for _, name := range []string{"sort", "size", "view"} {
		if is := q.Values.Get(name); is != "" {
			v.Set(name, is)
		}
	}
	return v
}

// How many entries a page of a list has.
const (
	Size = 200  // where nothing is asked for
	Most = 1000 // that may be asked for
)

// Page is where in a list one is. Total counts the whole list.
type Page struct {
	Total int `json:"total"`
	Page  int `json:"page"` // from 1
	Pages int `json:"pages"`
	Size  int `json:"size"` // of a page at most
}

// Counted is how many entries the whole list has.
func (p Page) Counted() int { return p.Total }

// Paging reads which page is asked for: how many entries are skipped, and how many shown.
func (q *Query) Paging() (skip, size int, err error) {
	page, err := q.Number("page", 1, 1, 1_000_000)
	if err != nil {
		return 0, 0, err
	}
	size, err = q.Number("size", Size, 1, Most)
	return (page - 1) * size, size, err
}

// Number reads a whole number of the address.
func (q *Query) Number(name string, or, least, most int) (int, error) {
	text := q.Values.Get(name)
	if text == "" {
		return or, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, Refuse(http.StatusBadRequest, "bad_"+name, name+" must be a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most)+", not \""+text+"\".")
	}
	return n, nil
}

// Of says where a page is in its list.
func Of(total, skip, size int) Page {
	return Page{Total: total, Page: skip/size + 1, Pages: max(1, (total+size-1)/size), Size: size}
}

// Part is a page of a list.
func Part[T any](list []T, skip, size int) []T {
	skip = min(skip, len(list))
	return list[skip:min(len(list), skip+size)]
}
