package compliance

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/compliance/export"
)

// Options is by what compliance is judged. Zone must be set.
type Options struct {
	// Comply says what is approved and by which policy compliance is judged; the register's exceptions
	// and the time are filled in. nil: the patches that the stores told of, by the default policy.
	Comply  func() comply.Options
	Notes   Notes                            // nil: there is no register of exceptions, and nothing of the days before
	Records export.Records                   // nil: no row names the record that proves it
	Zone    func(name string) *time.Location // nil where there is no such zone
}

// Notes are what headquarters itself keeps.
type Notes interface {
	Notes(ctx context.Context, kind string) ([]board.Note, error)
}

// Pages are the pages of compliance.
type Pages struct {
	*page.Server
	Options
	cache *reportCache
}

// New makes them. It starts nothing.
func New(s *page.Server, o Options) *Pages {
	return &Pages{s, o, newReportCache()}
}

// Routes is every address of compliance, and of its files.
func (s *Pages) Routes() []page.Route {
	all := s.Both("/compliance", "/compliance", "compliance", s.compliance)
	all = append(all, s.Both("/compliance/rows", "/compliance/rows", "rows", s.rows)...)
	all = append(all, s.Both("/patches/{id}/clocks", "/patches/{id}/clocks", "clocks", s.clocks)...)
	all = append(all, s.trendRoutes()...)
	return append(all,
		page.At("GET /export/compliance.csv", s.export(export.CSV{})), page.At("GET /export/compliance.jsonl", s.export(export.JSONLines{})),
		page.At("GET /export/report.html", s.Answers(s.report)), page.At("GET /export/compliance.json", s.Answers(s.report)))
}

// CompliancePage is how far the devices have their patches, counted.
type CompliancePage struct {
	AsOf   string `json:"as_of"`
	Filter string `json:"filter"` // as it is in the address
	comply.Report

	List
}

// PageTitle implements page.Titled.
func (p CompliancePage) PageTitle() string { return "Compliance" }

// Stale is how many devices were not looked at lately.
func (p CompliancePage) Stale() int { return p.Report.Devices.Ratio().All - p.Report.Devices.Fresh }

// compliance answers how far the devices have their patches.
func (s *Pages) compliance(q *page.Query) (any, error) {
	f, err := complyFilter(q)
	if err != nil {
		return nil, err
	}
	f = comply.Filter{Store: f.Store, Region: f.Region, Ring: f.Ring, Class: f.Class, Model: f.Model, Patch: f.Patch, Severity: f.Severity, Owner: f.Owner, Age: f.Age}
	r, err := s.Count(q.Context(), f)
	if err != nil {
		return nil, err
	}
	p := CompliancePage{AsOf: page.RFC(r.At), Report: r, List: List{query: q, filter: f}}
	p.Filter = valuesOfRows(f).Encode()
	return p, nil
}

// Axes are the tables of the page with their words.
func (p CompliancePage) Axes() []complyTable {
	var all []complyTable
	for _, a := range comply.Axes() {
		lines := p.By[a]
		t := complyTable{Axis: a, Total: len(lines), OfDevices: a.OfDevices(), list: p.List}
		if a == comply.ByStore {
			// The page shows the stores that are furthest behind; the address of the list has all.
			lines = slices.Clone(lines)
			slices.SortStableFunc(lines, func(x, y comply.Line) int {
				return y.Devices.Behind + y.Devices.Unknown - x.Devices.Behind - x.Devices.Unknown
			})
		}
		t.Lines = lines[:min(len(lines), 50)]
		all = append(all, t)
	}
	return all
}

// complyTable is one axis on the page.
type complyTable struct {
	Axis      comply.Axis
	Lines     []comply.Line
	Total     int
	OfDevices bool
	list      List
}

// Rows is the address of the rows of a line with a standing, or of all its rows.
func (t complyTable) Rows(name string, s comply.Standing) string {
	return t.list.with("/compliance/rows", string(t.Axis), name, "standing", string(s))
}

// Devices is the address of the devices of a line with a standing.
func (t complyTable) Devices(name string, s comply.DeviceStanding) string {
	return t.list.with("/compliance/rows", string(t.Axis), name, "view", "devices", "device_standing", string(s))
}

// Here is the address of the same page for a line alone.
func (t complyTable) Here(name string) string {
	return t.list.with("/compliance", string(t.Axis), name)
}

// Word writes the name of a line.
func (t complyTable) Word(name string) string {
	switch {
	case t.Axis == comply.ByAge && name == string(comply.AgeNone):
		return "no date"
	case t.Axis == comply.ByAge && name == string(comply.AgeOver):
		return "over 90 days"
	case t.Axis == comply.ByAge:
		return name + " days"
	}
	return name
}

// ClockPage is how one patch went on its way to the devices, and whether the lab stands for them.
type ClockPage struct {
	AsOf   string        `json:"as_of"`
	Patch  string        `json:"patch"`
	Parity comply.Parity `json:"parity"`
	comply.Report

	List
}

// PageTitle implements page.Titled.
func (p ClockPage) PageTitle() string { return p.Patch + ", its clocks" }

// clocks answers for one patch what compliance answers for all, and its parity with the lab.
func (s *Pages) clocks(q *page.Query) (any, error) {
	id := q.PathValue("id")
	f := comply.Filter{Patch: id}
	r, err := s.Count(q.Context(), f)
	if err != nil {
		return nil, err
	}
	o, err := s.Judged(q.Context(), s.Now())
	if err != nil {
		return nil, err
	}
	p := ClockPage{AsOf: page.RFC(r.At), Patch: id, Report: r, List: List{query: q, filter: f}}
	known := false
	q.View(func(b *board.Board) {
		v := comply.Look(b, o)
		known = slices.ContainsFunc(v.Patches(), func(p *site.Patch) bool { return p.ID == id })
		p.Parity = v.Parity(id)
	})
	if !known {
		return nil, page.Refuse(http.StatusNotFound, "no_patch", "There is no approved patch "+id+".")
	}
	return p, nil
}
