package reports

import (
	"context"
	"net/http"

	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Days are facts that are kept by their date.
type Days interface {
	// EachDays calls do for each store that is asked for, in that order, with what is kept of it.
	EachDays(ctx context.Context, q board.DayQuery, do func(store string, days []board.Day) error) error
}

// Records are the events of stores.
type Records interface {
	EachEvent(ctx context.Context, q board.Query, do func(board.Event) error) error
}

// Options is what the reports read.
type Options struct {
	Days    Days    // nil: there is no history
	Firsts  Firsts  // nil: nothing is new
	Records Records // nil: a night of which no count came is not counted
	// Shift says what became of everything in a night of a store; nil: there are no reports of nights by device.
	Shift func(ctx context.Context, store, date string) ([]Shift, error)
}

// Pages are the reports.
type Pages struct {
	*page.Server
	Options
	morningCache *morningCache
}

// New makes them. It starts nothing.
func New(s *page.Server, o Options) *Pages {
	return &Pages{s, o, &morningCache{turn: make(chan struct{}, 1)}}
}

// Routes is every address of the reports, and of their files.
func (s *Pages) Routes() []page.Route {
	all := s.Both("/reports", "/reports", "reports", s.reportList)
	all = append(all, s.morningRoutes()...)
	all = append(all, s.deviceRoutes()...)
	return append(all, s.nightRoutes()...)
}

// historyless is the answer where there is none.
func historyless() error {
	return page.Refuse(http.StatusNotFound, "no_history", "This headquarters keeps no history.")
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

// PageTitle implements page.Titled.
func (l ReportList) PageTitle() string { return "Reports" }

// reportList answers which reports there are.
func (s *Pages) reportList(q *page.Query) (any, error) {
	return ReportList{AsOf: q.AsOf(), Reports: ReportsListed()}, nil
}

// ReportsListed are all reports.
func ReportsListed() []ReportListed {
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
