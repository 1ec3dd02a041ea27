package fleet

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// StoreList is the stores that a filter means.
type StoreList struct {
	AsOf string `json:"as_of"`
	page.Page
	Buckets []overview.Count `json:"buckets"` // of the stores that are meant, were it not for the filter on buckets
	Stores  []overview.Store `json:"stores"`  // of this page

	page.Listing
	all []overview.Store
}

// PageTitle implements page.Titled.
func (l StoreList) PageTitle() string { return "Stores" }

// Grid is the cells of the stores that are meant.
func (l StoreList) Grid() grid { return gridOf(l.all) }

// Here is the stores of this page as one field of a form holds them.
func (l StoreList) Here() string {
	ids := make([]string, len(l.Stores))
	for i, s := range l.Stores {
		ids[i] = s.ID
	}
	return Act{Stores: ids}.All()
}

// stores answers which stores a filter means.
func (s *whole) stores(q *page.Query) (any, error) {
	skip, size, err := q.Paging()
	if err != nil {
		return nil, err
	}
	f := q.Filter()
	l := StoreList{AsOf: q.AsOf()}
	whole := f
	whole.Bucket = nil
	q.View(func(b *board.Board) { l.all = q.Overview.Filter(b, whole) })
	l.Buckets = bucketsOf(l.all)
	l.all = slices.DeleteFunc(l.all, func(s overview.Store) bool { return len(f.Bucket) > 0 && !slices.Contains(f.Bucket, string(s.Bucket)) })
	sorted, err := sortStores(l.all, q.Values.Get("sort"))
	if err != nil {
		return nil, err
	}
	l.Page, l.Stores = page.Of(len(sorted), skip, size), page.Part(sorted, skip, size)
	l.Listing = q.Listing(f, l.Page)
	return l, nil
}

func bucketsOf(stores []overview.Store) []overview.Count {
	n := map[overview.Bucket]int{}
	for _, s := range stores {
		n[s.Bucket]++
	}
	var list []overview.Count
	for _, b := range overview.Buckets() {
		list = append(list, overview.Count{ID: string(b), Word: b.Word(), Count: n[b]})
	}
	return list
}

// sortStores returns the stores in another order; "" is that of the grid.
func sortStores(stores []overview.Store, by string) ([]overview.Store, error) {
	var order func(a, b overview.Store) int
	switch by {
	case "":
		return stores, nil
	case "store":
		order = func(a, b overview.Store) int { return board.CompareIDs(a.ID, b.ID) }
	case "bucket":
		order = func(a, b overview.Store) int {
			return slices.Index(urgentFirst(), a.Bucket) - slices.Index(urgentFirst(), b.Bucket)
		}
	case "heard":
		order = func(a, b overview.Store) int { return a.Contact.Heard.Compare(b.Contact.Heard) }
	case "needs":
		order = func(a, b overview.Store) int { return b.Needs - a.Needs }
	case "opens":
		order = func(a, b overview.Store) int { return a.Opens.Compare(b.Opens) }
	default:
		return nil, page.Refuse(http.StatusBadRequest, "bad_sort", "sort must be store, bucket, heard, needs or opens, not \""+by+"\".")
	}
	list := slices.Clone(stores)
	slices.SortStableFunc(list, func(a, b overview.Store) int { return cmp.Or(order(a, b)) })
	return list, nil
}

func urgentFirst() []overview.Bucket {
	return []overview.Bucket{overview.NeedsSome, overview.NotHeard, overview.NeverHeard, overview.AtWork, overview.Waiting, overview.Nothing, overview.Done}
}
