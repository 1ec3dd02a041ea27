package fleet

import (
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/address"
)

// complyList is what the pages of compliance share: the filter and its addresses.
type complyList struct {
	query  *page.Query
	filter comply.Filter
}

// complyFilter reads the filter of a request.
func complyFilter(q *page.Query) (comply.Filter, error) { return address.ReadRows(q.Values) }

// with is an address with the filter and pairs of a parameter and its value, which replace the filter's.
func (l complyList) with(path string, pairs ...string) string {
	return address.With(path, address.ValuesOfRows(l.filter), pairs...)
}

// RowsAt is the address of the rows behind a number: pairs of a parameter and its value.
func (l complyList) RowsAt(pairs ...string) string { return l.with("/compliance/rows", pairs...) }

// DevicesAt is the address of the devices behind a number.
func (l complyList) DevicesAt(pairs ...string) string {
	return l.with("/compliance/rows", append(pairs, "view", "devices")...)
}

// Limited is the address of the rows of a severity, or of all that are counted, with a mark.
func (l complyList) Limited(severity, mark string) string {
	if severity == comply.AllSeverities {
		return l.RowsAt("mark", mark)
	}
	return l.RowsAt("severity", severity, "mark", mark)
}

// Export is the address of an export of the same rows.
func (l complyList) Export(file string) string { return l.with("/export/" + file) }

// Chips lists the filters that are set.
func (l complyList) Chips() []page.Chip {
	var list []page.Chip
	for _, name := range address.RowNames() {
		if v := *address.RowField(&l.filter, name); v != "" {
			list = append(list, page.Chip{Name: page.Plain(name), Value: page.Plain(v), Without: l.with(l.query.URL.Path, name, "", "view", l.query.Values.Get("view"))})
		}
	}
	return list
}

// Days writes a time in days.
func (l complyList) Days(d site.Duration) string {
	return strconv.FormatFloat(time.Duration(d).Hours()/24, 'f', 1, 64) + " d"
}

// Limit writes a limit.
func (l complyList) Limit(limit comply.Limit) string {
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
