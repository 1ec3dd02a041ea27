package compliance

import (
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// List is what the pages of compliance share: the filter and its addresses.
type List struct {
	query  *page.Query
	filter comply.Filter
}

// At is the list that a filter means, for the addresses of what another page counts.
func At(q *page.Query, f comply.Filter) List { return List{query: q, filter: f} }

// complyFilter reads the filter of a request.
func complyFilter(q *page.Query) (comply.Filter, error) { return readRows(q.Values) }

// with is an address with the filter and pairs of a parameter and its value, which replace the filter's.
func (l List) with(path string, pairs ...string) string {
	return page.With(path, valuesOfRows(l.filter), pairs...)
}

// RowsAt is the address of the rows behind a number: pairs of a parameter and its value.
func (l List) RowsAt(pairs ...string) string { return l.with("/compliance/rows", pairs...) }

// DevicesAt is the address of the devices behind a number.
func (l List) DevicesAt(pairs ...string) string {
	return l.with("/compliance/rows", append(pairs, "view", "devices")...)
}

// Limited is the address of the rows of a severity, or of all that are counted, with a mark.
func (l List) Limited(severity, mark string) string {
	if severity == comply.AllSeverities {
		return l.RowsAt("mark", mark)
	}
	return l.RowsAt("severity", severity, "mark", mark)
}

// Export is the address of an export of the same rows.
func (l List) Export(file string) string { return l.with("/export/" + file) }

// Chips lists the filters that are set.
func (l List) Chips() []page.Chip {
	var list []page.Chip
	for _, name := range RowNames() {
		if v := *rowField(&l.filter, name); v != "" {
			list = append(list, page.Chip{Name: page.Plain(name), Value: page.Plain(v), Without: l.with(l.query.URL.Path, name, "", "view", l.query.Values.Get("view"))})
		}
	}
	return list
}

// Days writes a time in days.
func (l List) Days(d site.Duration) string {
	return strconv.FormatFloat(time.Duration(d).Hours()/24, 'f', 1, 64) + " d"
}

// Limit writes a limit.
func (l List) Limit(limit comply.Limit) string {
	switch {
	case limit.Months == 1 && limit.Days == 0:
		return "1 month"
	case limit.Months > 0:
		return strconv.Itoa(limit.Months) + " months and " + strconv.Itoa(limit.Days) + " days"
	case limit.Days > 0:
		return strconv.Itoa(limit.Days) + " days"
	}
	return "none"
}
