package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/ui/fleet/address"
	"github.com/nightfill/nightfill/ui/fleet/export"
)

// Days are facts that are kept by their date. A History that has them shows what was before.
type Days interface {
	// EachDays calls do for each store that is asked for, in that order, with what is kept of it.
	EachDays(ctx context.Context, q board.DayQuery, do func(store string, days []board.Day) error) error
}

// reportRoutes is every address of the reports that have no other place.
func (s *server) reportRoutes() []route {
	all := s.both("/reports", "/reports", "reports", s.reportList)
	all = append(all, s.morningRoutes()...)
	all = append(all, s.deviceRoutes()...)
	all = append(all, s.nightRoutes()...)
	all = append(all, s.figureRoutes()...)
	all = append(all, s.both("/stores/{id}/devices/{device}/patches/{patch}", "/stores/{id}/devices/{device}/patches/{patch}", "trace", s.trace)...)
	return append(all, s.trendRoutes()...)
}

// ReportList is every report that there is.
type ReportList struct {
	AsOf    string         `json:"as_of"`
	Reports []ReportListed `json:"reports"`
}

// ReportListed is one report: what it says and where it is. Page is the address of its page, and of
// its data below /api/v1; Files are its files.
type ReportListed struct {
	Title string       `json:"title"`
	Says  string       `json:"says"`
	Page  string       `json:"page"`
	Files []ReportFile `json:"files"`
}

// ReportFile is a report in another form.
type ReportFile struct {
	Word string `json:"word"`
	At   string `json:"at"`
}

func (l ReportList) title() string { return "Reports" }

// reportList answers which reports there are.
func (s *server) reportList(q *query) (any, error) {
	return ReportList{AsOf: q.AsOf(), Reports: reportsListed()}, nil
}

func reportsListed() []ReportListed {
	file := func(pairs ...string) []ReportFile {
		list := []ReportFile{}
		for i := 0; i+1 < len(pairs); i += 2 {
			list = append(list, ReportFile{pairs[i], pairs[i+1]})
		}
		return list
	}
	return []ReportListed{
		{"How stores opened", "On how many mornings each store was ready when it opened, of the last 30 or 90 days, and how long before.", "/reports/mornings", file("CSV", "/export/mornings.csv")},
		{"Figures", "Every number by which the work is judged, with its formula and the list behind it.", "/reports/figures", file("CSV", "/export/figures.csv")},
		{"Nights", "What was planned in each night and what became of it, how much of the window was used; by device with what comes next.", "/reports/nights", file("CSV", "/export/nights.csv")},
		{"Patch compliance", "Device score and share of patches installed, by ring, class, store, age and owner; overdue, limits, time to patch.", "/compliance", file("Print", "/export/report.html", "CSV", "/export/compliance.csv", "JSON lines", "/export/compliance.jsonl")},
		{"Compliance over time", "The two shares of every day, for 13 months.", "/reports/trend", file("CSV", "/export/trend.csv")},
		{"Devices", "What stands in the stores: seen, missing, never seen, new, gone; managed or only observed.", "/reports/devices", file("CSV", "/export/devices.csv")},
		{"Points of interaction", "Terminals that read cards, with make, model, location and serial number (PCI DSS 9.5.1.1).", "/reports/devices/rows?mark=poi", file("CSV", "/export/devices.csv?mark=poi")},
		{"Oldest devices", "How old the oldest patch is that devices lack, and the 50 oldest.", "/reports/oldest", file("CSV", "/export/oldest.csv")},
		{"Owners", "Overdue share and standing of the patches of each owner.", "/reports/owners", file("CSV", "/export/owners.csv")},
		{"Silent stores", "Stores that were not heard for more than 24 hours.", "/reports/silent", file()},
		{"Exceptions", "What somebody answers for, its age, and when it ends.", "/exceptions", file()},
		{"Audit log", "Who did what at headquarters, each line with the hash of the one before.", "/audit", file()},
		{"Evidence packs", "Journals, signed catalogs and reports of stores, with a proof that needs nothing but the file.", "/evidence", file()},
	}
}

// picked is what a report is narrowed to: query parameters that are set, and addresses with them.
type picked struct {
	query *query
	names []string
}

// pick takes the parameters with these names as filters.
func (q *query) pick(names ...string) picked { return picked{q, names} }

// Is is the value of a filter, "" where it is not set.
func (p picked) Is(name string) string { return p.query.values.Get(name) }

// Link is an address with the filters and pairs of a parameter and its value, which replace the filters'.
func (p picked) Link(path string, pairs ...string) string {
	v := url.Values{}
	for _, name := range append([]string{"days"}, p.names...) {
		if is := p.Is(name); is != "" {
			v.Set(name, is)
		}
	}
	return address.With(path, v, pairs...)
}

// Chips lists the filters that are set.
func (p picked) Chips() []chip {
	var list []chip
	for _, name := range p.names {
		if v := p.Is(name); v != "" {
			list = append(list, chip{plain(name), plain(v), p.Link(p.query.URL.Path, name, "")})
		}
	}
	return list
}

// turn is the address of a page of the list before or after this one.
func (p picked) turn(page Page, by int) string {
	return p.Link(p.query.URL.Path, "size", p.query.values.Get("size"), "page", strconv.Itoa(page.Page+by))
}

// oneOf refuses a filter that means nothing.
func oneOf[T ~string](p picked, name string, known []T) error {
	return address.OneOf(name, p.Is(name), known)
}

// asOf is the moment that an answer is of: now, or one of the last hour that as_of asks for again.
func (s *server) asOf(q *query) (time.Time, error) {
	at := s.Now().UTC().Truncate(time.Second)
	text := q.values.Get("as_of")
	if text == "" {
		return at, nil
	}
	asked, err := time.Parse(time.RFC3339, text)
	if err != nil || asked.After(at) || at.Sub(asked) > exportPast {
		return at, refuse(http.StatusBadRequest, "bad_as_of", "as_of must be a time of the last hour such as "+rfc(at)+", not \""+text+"\": what was before is in the evidence packs.")
	}
	return asked.UTC(), nil
}

// sheet is a report as a table: its name, its columns and its rows, one by one.
type sheet struct {
	name string
	head []string
	rows func(q *query, at time.Time, put func(cells ...string) error) error
}

// csv serves a report as CSV, as it is made. The same data and the same moment give the same bytes.
func (s *server) csv(t sheet) http.HandlerFunc {
	return s.answers(func(w http.ResponseWriter, q *query) error {
		at, err := s.asOf(q)
		if err != nil {
			return err
		}
		sum, out := sha256.New(), &download{w: w, control: http.NewResponseController(w), kind: "text/csv; charset=utf-8", name: t.name + "-" + at.Format("20060102T150405Z") + ".csv"}
		lines := export.NewLines(io.MultiWriter(out, sum))
		n := -1
		put := func(cells ...string) error {
			if n++; n%100 == 0 {
				if err := lines.Flush(); err != nil {
					return err
				}
			}
			return lines.Write(cells...)
		}
		if err = put(slices.Clone(t.head)...); err == nil {
			err = t.rows(q, at, put)
		}
		if err != nil && !out.begun {
			return err
		}
		if flushed := lines.Flush(); err == nil {
			err = flushed
		}
		s.exportDone(q, t.name+".csv", at, n, hex.EncodeToString(sum.Sum(nil)), err)
		if err != nil {
			panic(http.ErrAbortHandler) // a file that ends in its middle must not look whole
		}
		return nil
	})
}

// stamped writes a moment as a cell of a table.
func stamped(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
