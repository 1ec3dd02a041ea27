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
		"before", "after", "attempts", "took_s", "verified_at", "data_as_of", "before_night", "checks", "rehearsal",
	}
}

// before says what was broken on a device before the night.
func (r Report) before(device string) string {
	for _, d := range r.Devices {
		if d.Device == device {
			return d.Before
		}
	}
	return ""
}

// checks are the checks of a device that fail, or did before the night, or are otherwise than
// before: "POS-1 pass to fail: It broke tonight. ...".
func (r Report) checks(device string) string {
	var parts []string
	for _, c := range r.Checks {
		if c.Device != device || c.Before == c.Last && (c.Last == passed || c.Last == unknown) {
			continue
		}
		part := c.Check + " " + words(c.Before) + " to " + words(c.Last)
		if c.Text != "" {
			part += ": " + c.Text
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// The outcomes of a check of which nothing has to be said while they stay.
const (
	passed  = "pass"
	unknown = "unknown"
)

// CSV writes one line for each patch on each device, and one for a device without any, under a
// line of names, and one without a device where a check of the store has to be told of. Times are RFC 3339 in the store's zone. A text that a spreadsheet would take for a
// formula has an apostrophe before it.
func CSV(r Report) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(Columns()) // a buffer takes everything
	for _, row := range r.Rows {
		cells := []string{
			r.Store, r.Night, row.Device, row.Class, row.Patch, row.Title, row.State, row.Code, row.Reason, r.moment(row.Since),
			row.Before, row.After, strconv.Itoa(row.Attempts), seconds(row.Took), r.moment(row.Verified), r.moment(r.AsOf),
			r.before(row.Device), r.checks(row.Device), played(r.Played),
		}
		for i := range cells {
			cells[i] = inert(cells[i])
		}
		_ = w.Write(cells)
	}
	r.storeChecks(w)
	w.Flush()
	return b.Bytes()
}

// storeChecks writes a line without a device where a check of the store as a whole has to be told of.
func (r Report) storeChecks(w *csv.Writer) {
	if text := r.checks(""); text != "" {
		cells := make([]string, len(Columns()))
		cells[0], cells[1], cells[len(cells)-4] = inert(r.Store), r.Night, r.moment(r.AsOf)
		cells[len(cells)-2], cells[len(cells)-1] = inert(text), played(r.Played)
		_ = w.Write(cells) // a buffer takes everything
	}
}

// played marks what has not happened.
func played(yes bool) string {
	if yes {
		return "yes"
	}
	return ""
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
