package page

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page/address"
)

// Picked is what a report is narrowed to: query parameters that are set, and addresses with them.
type Picked struct {
	query *Query
	names []string
}

// Pick takes the parameters with these names as filters.
func (q *Query) Pick(names ...string) Picked { return Picked{q, names} }

// First keeps the first n of the names.
func (p Picked) First(n int) Picked { return Picked{p.query, p.names[:n]} }

// Is is the value of a filter, "" where it is not set.
func (p Picked) Is(name string) string { return p.query.Values.Get(name) }

// Link is an address with the filters and pairs of a parameter and its value, which replace the filters'.
func (p Picked) Link(path string, pairs ...string) string {
	v := url.Values{}
	for _, name := range append([]string{"days"}, p.names...) {
		if is := p.Is(name); is != "" {
			v.Set(name, is)
		}
	}
	return address.With(path, v, pairs...)
}

// Chips lists the filters that are set.
func (p Picked) Chips() []Chip {
	var list []Chip
	for _, name := range p.names {
		if v := p.Is(name); v != "" {
			list = append(list, Chip{Plain(name), Plain(v), p.Link(p.query.URL.Path, name, "")})
		}
	}
	return list
}

// PageAt is the address of a page of the list before or after this one.
func (p Picked) PageAt(page Page, by int) string {
	return p.Link(p.query.URL.Path, "size", p.query.Values.Get("size"), "page", strconv.Itoa(page.Page+by))
}

// OneOf refuses a filter that means nothing.
func OneOf[T ~string](p Picked, name string, known []T) error {
	return address.OneOf(name, p.Is(name), known)
}

// Stores are those that the filters region and store let through, in the order of the grid.
func (p Picked) Stores() []overview.Store {
	region, store := p.query.Values.Get("region"), p.query.Values.Get("store")
	return slices.DeleteFunc(slices.Clone(p.query.Overview.Stores), func(x overview.Store) bool {
		return store != "" && store != x.ID || region != "" && region != cmp.Or(x.Region, "none")
	})
}

// Unknown is the error of a parameter whose value means nothing.
type Unknown = address.Unknown

// Known returns an Unknown where a value of a parameter is neither empty nor known.
func Known[T ~string](name, value string, known []T) error { return address.OneOf(name, value, known) }

// With is the address of a path with parameters, and with pairs of a parameter and its value, which replace those. An
// empty value takes the parameter away. The parameters are changed.
func With(path string, v url.Values, pairs ...string) string { return address.With(path, v, pairs...) }
