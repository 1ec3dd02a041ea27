package report

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"time"
)

// Columns are the names of the columns, in their order. New ones may come behind them.
func Columns() []string {
	return []string{
		"store", "night", "device", "class", "patch", "title", "state", "reason_code", "reason", "since",
		"before", "after", "attempts", "took_s", "verified_at", "data_as_of",
	}
}

// CSV writes one line for each patch on each device, and one for a device without any, under a
// line of names. Times are RFC 3339 in the store's zone. A text that a spreadsheet would take for a
// formula has an apostrophe before it.
func CSV(r Report) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(Columns()) // a buffer takes everything
	for _, row := range r.Rows {
		cells := []string{
			r.Store, r.Night, row.Device, row.Class, row.Patch, row.Title, row.State, row.Code, row.Reason, r.moment(row.Since),
			row.Before, row.After, strconv.Itoa(row.Attempts), seconds(row.Took), r.moment(row.Verified), r.moment(r.AsOf),
		}
		for i := range cells {
			cells[i] = inert(cells[i])
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return b.Bytes()
}

func (r Report) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(r.zone()).Format(time.RFC3339)
}

// seconds writes a length of time to the tenth, without a zero that says nothing.
func seconds(d time.Duration) string {
	return strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0")
}

// inert keeps a spreadsheet from computing what a device printed.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
