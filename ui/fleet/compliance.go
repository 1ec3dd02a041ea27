package fleet

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/register"
)

// complianceRoutes is every address of compliance and of the register of exceptions.
func (s *server) complianceRoutes() []route {
	all := s.both("/compliance", "/compliance", "compliance", s.compliance)
	all = append(all, s.both("/compliance/rows", "/compliance/rows", "rows", s.rows)...)
	all = append(all, s.both("/patches/{id}/clocks", "/patches/{id}/clocks", "clocks", s.clocks)...)
	all = append(all, s.both("/exceptions", "/exceptions", "exceptions", s.exceptions)...)
	change := s.changes(s.exceptionForm())
	return append(all,
		route{"POST /exceptions", change}, route{"POST /api/v1/exceptions", change},
		route{"GET /export/compliance.csv", s.export(csvRows{})}, route{"GET /export/compliance.jsonl", s.export(jsonRows{})},
		route{"GET /export/report.html", s.report}, route{"GET /export/compliance.json", s.report})
}

const (
	reportLimit = 10 * time.Second // a report is counted again after this
	reportsKept = 20               // different ones: that of 2,000 stores is half a megabyte
)

// reports keeps the newest report of each filter for a moment: counting every device takes its time.
type reports struct {
	turn chan struct{} // one is counted at a time

	mu   sync.Mutex // held for memory only
	kept map[comply.Filter]comply.Report
}

func newReports() *reports {
	return &reports{turn: make(chan struct{}, 1), kept: map[comply.Filter]comply.Report{}}
}

// find returns a report that is not too old.
func (c *reports) find(f comply.Filter, now time.Time) (comply.Report, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.kept[f]
	age := now.Sub(r.At)
	return r, ok && age >= 0 && age < reportLimit
}

func (c *reports) keep(f comply.Filter, r comply.Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.kept, func(_ comply.Filter, old comply.Report) bool { return r.At.Sub(old.At) >= reportLimit })
	if len(c.kept) >= reportsKept {
		clear(c.kept)
	}
	c.kept[f] = r
}

// count returns a report of a filter, counted now or a moment ago.
func (s *server) count(ctx context.Context, f comply.Filter) (comply.Report, error) {
	c := s.reports
	if r, ok := c.find(f, s.Now()); ok {
		return r, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return comply.Report{}, ctx.Err()
	}
	if r, ok := c.find(f, s.Now()); ok {
		return r, nil
	}
	o, err := s.judged(ctx, s.Now())
	if err != nil {
		return comply.Report{}, err
	}
	var r comply.Report
	s.Source.View(func(b *board.Board) { r = comply.Look(b, o).Report(f) })
	c.keep(f, r)
	return r, nil
}

// judged is by what compliance is judged at a time.
func (s *server) judged(ctx context.Context, now time.Time) (comply.Options, error) {
	o := comply.Options{Policy: comply.DefaultPolicy()}
	if s.Comply != nil {
		o = s.Comply()
	}
	entries, _, err := s.entries(ctx)
	if err != nil {
		return o, err
	}
	o.Exceptions, o.Now = append(slices.Clone(o.Exceptions), register.Holding(entries, now)...), now
	return o, nil
}

// CompliancePage is how far the devices have their patches, counted.
type CompliancePage struct {
	AsOf   string `json:"as_of"`
	Filter string `json:"filter"` // as it is in the address
	comply.Report

	complyList
}

func (p CompliancePage) title() string { return "Compliance" }

// Stale is how many devices were not looked at lately.
func (p CompliancePage) Stale() int { return p.Report.Devices.Ratio().All - p.Report.Devices.Fresh }

// compliance answers how far the devices have their patches.
func (s *server) compliance(q *query) (any, error) {
	f, err := q.complyFilter()
	if err != nil {
		return nil, err
	}
	f = comply.Filter{Store: f.Store, Region: f.Region, Ring: f.Ring, Class: f.Class, Model: f.Model, Patch: f.Patch, Severity: f.Severity, Owner: f.Owner, Age: f.Age}
	r, err := s.count(q.Context(), f)
	if err != nil {
		return nil, err
	}
	p := CompliancePage{AsOf: rfc(r.At), Report: r, complyList: complyList{query: q, filter: f}}
	p.Filter = p.values().Encode()
	return p, nil
}

// Axes are the tables of the page with their words.
func (p CompliancePage) Axes() []complyTable {
	var all []complyTable
	for _, a := range comply.Axes() {
		lines := p.By[a]
		t := complyTable{Axis: a, Total: len(lines), OfDevices: a.OfDevices(), list: p.complyList}
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
	list      complyList
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

// complyList is what the pages of compliance share: the filter and its addresses.
type complyList struct {
	query  *query
	filter comply.Filter
}

// complyNames are the query parameters that filter, on pages and in the API.
func complyNames() []string {
	return []string{"store", "region", "ring", "class", "model", "patch", "severity", "owner", "age", "standing", "device_standing", "mark", "late", "look", "lacks"}
}

func complyField(f *comply.Filter, name string) *string {
	return map[string]*string{
		"store": &f.Store, "region": &f.Region, "ring": &f.Ring, "class": &f.Class, "model": &f.Model, "patch": &f.Patch, "severity": &f.Severity, "owner": &f.Owner,
		"age": (*string)(&f.Age), "standing": (*string)(&f.Standing), "device_standing": (*string)(&f.Device), "mark": (*string)(&f.Mark), "late": (*string)(&f.Late), "look": &f.Look, "lacks": (*string)(&f.Lacks),
	}[name]
}

// complyFilter reads the filter of a request. A parameter that means nothing is an error: the list
// would not be what was asked for.
func (q *query) complyFilter() (comply.Filter, error) {
	var f comply.Filter
	for _, name := range complyNames() {
		*complyField(&f, name) = q.values.Get(name)
	}
	known := map[string][]string{"look": {comply.LookFresh, comply.LookStale}}
	known["lacks"] = texts(comply.Lacks())
	for _, a := range comply.Ages() {
		known["age"], known["late"] = append(known["age"], string(a)), append(known["late"], string(a))
	}
	for _, v := range comply.Standings() {
		known["standing"] = append(known["standing"], string(v))
	}
	for _, v := range comply.DeviceStandings() {
		known["device_standing"] = append(known["device_standing"], string(v))
	}
	for _, v := range comply.Marks() {
		known["mark"] = append(known["mark"], string(v))
	}
	for name, values := range known {
		if v := *complyField(&f, name); v != "" && !slices.Contains(values, v) {
			return f, refuse(http.StatusBadRequest, "bad_"+name, name+" must be one of "+enumerate(values)+", not \""+v+"\".")
		}
	}
	return f, nil
}

func enumerate(list []string) string {
	text := ""
	for i, v := range list {
		switch {
		case i == 0:
		case i == len(list)-1:
			text += " and "
		default:
			text += ", "
		}
		text += v
	}
	return text
}

func (l complyList) values() url.Values {
	v := url.Values{}
	for _, name := range complyNames() {
		if is := *complyField(&l.filter, name); is != "" {
			v.Set(name, is)
		}
	}
	return v
}

// with is an address with the filter and pairs of a parameter and its value, which replace the filter's.
func (l complyList) with(path string, pairs ...string) string {
	v := l.values()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
			continue
		}
		v.Set(pairs[i], pairs[i+1])
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
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
func (l complyList) Chips() []chip {
	var list []chip
	for _, name := range complyNames() {
		if v := *complyField(&l.filter, name); v != "" {
			list = append(list, chip{plain(name), plain(v), l.with(l.query.URL.Path, name, "", "view", l.query.values.Get("view"))})
		}
	}
	return list
}

// RowList is the rows, or the devices, that a filter means.
type RowList struct {
	AsOf string `json:"as_of"`
	Page
	Rows    []RowTold    `json:"rows,omitzero"`    // where the list is of rows
	Devices []DeviceTold `json:"devices,omitzero"` // where it is of devices

	complyList
}

func (l RowList) title() string { return "Compliance, one by one" }

// ByDevice reports whether the list is of devices.
func (l RowList) ByDevice() bool { return l.query.values.Get("view") == "devices" }

// Turn is the address of a page before or after this one.
func (l RowList) Turn(by int) string {
	return l.with(l.query.URL.Path, "view", l.query.values.Get("view"), "size", l.query.values.Get("size"), "page", strconv.Itoa(l.Page.Page+by))
}

// RowTold is one patch on one device.
type RowTold struct {
	Store    string          `json:"store"`
	Device   string          `json:"device"`
	Patch    string          `json:"patch"`
	Severity site.Severity   `json:"severity"`
	Owner    string          `json:"owner"`
	Standing comply.Standing `json:"standing"`
	State    site.State      `json:"state,omitempty"`
	Code     site.Code       `json:"reason,omitempty"`
	Version  string          `json:"version,omitempty"`
	Due      time.Time       `json:"due,omitzero"`
	Overdue  bool            `json:"overdue,omitempty"`
	Looked   time.Time       `json:"looked_at,omitzero"`
	Again    bool            `json:"again,omitempty"`
	Excepted string          `json:"excepted_by,omitempty"`
	Until    time.Time       `json:"excepted_until,omitzero"`
	Clocks   comply.Clocks   `json:"clocks"`
	Loc      *time.Location  `json:"-"`
}

func (s *server) told(v *comply.View, r comply.Row) RowTold {
	t := RowTold{
		Store: r.Store.ID, Device: r.Device.ID, Patch: r.Patch.ID, Severity: r.Patch.Severity, Owner: r.Patch.Owner, Standing: r.Standing, State: r.State, Code: r.Code,
		Version: r.Version, Due: r.Due, Overdue: r.Overdue, Looked: r.Looked, Again: r.Again, Clocks: v.Clocks(r), Loc: s.looks.zones.find(r.Store.Info.Timezone),
	}
	if r.Exception != nil {
		t.Excepted, t.Until = r.Exception.Owner, r.Exception.Expires
	}
	return t
}

// DeviceTold is one device.
type DeviceTold struct {
	Store    string                `json:"store"`
	Device   string                `json:"device"`
	Class    site.Class            `json:"class"`
	Model    string                `json:"model,omitempty"`
	Standing comply.DeviceStanding `json:"standing"`
	Looked   time.Time             `json:"looked_at,omitzero"`
	Patches  comply.Counts         `json:"patches"`
	Loc      *time.Location        `json:"-"`
}

// rows answers which rows, or devices, a filter means.
func (s *server) rows(q *query) (any, error) {
	skip, size, err := q.paging()
	if err != nil {
		return nil, err
	}
	f, err := q.complyFilter()
	if err != nil {
		return nil, err
	}
	o, err := s.judged(q.Context(), s.Now())
	if err != nil {
		return nil, err
	}
	l := RowList{AsOf: rfc(o.Now), complyList: complyList{query: q, filter: f}}
	n := 0
	q.view(func(b *board.Board) {
		v := comply.Look(b, o)
		if l.ByDevice() {
			l.Devices = []DeviceTold{}
			for d := range v.Devices(f) {
				if n++; n > skip && n <= skip+size {
					l.Devices = append(l.Devices, DeviceTold{
						d.Store.ID, d.Device.ID, d.Device.Now.Class, d.Device.Now.Model, d.Standing, d.Looked, d.Counts, s.looks.zones.find(d.Store.Info.Timezone),
					})
				}
			}
			return
		}
		l.Rows = []RowTold{}
		for r := range v.Rows(f) {
			if n++; n > skip && n <= skip+size {
				l.Rows = append(l.Rows, s.told(v, r))
			}
		}
	})
	l.Page = pageOf(n, skip, size)
	return l, nil
}

// ClockPage is how one patch went on its way to the devices, and whether the lab stands for them.
type ClockPage struct {
	AsOf   string        `json:"as_of"`
	Patch  string        `json:"patch"`
	Parity comply.Parity `json:"parity"`
	comply.Report

	complyList
}

func (p ClockPage) title() string { return p.Patch + ", its clocks" }

// clocks answers for one patch what compliance answers for all, and its parity with the lab.
func (s *server) clocks(q *query) (any, error) {
	id := q.PathValue("id")
	f := comply.Filter{Patch: id}
	r, err := s.count(q.Context(), f)
	if err != nil {
		return nil, err
	}
	o, err := s.judged(q.Context(), s.Now())
	if err != nil {
		return nil, err
	}
	p := ClockPage{AsOf: rfc(r.At), Patch: id, Report: r, complyList: complyList{query: q, filter: f}}
	known := false
	q.view(func(b *board.Board) {
		v := comply.Look(b, o)
		known = slices.ContainsFunc(v.Patches(), func(p *site.Patch) bool { return p.ID == id })
		p.Parity = v.Parity(id)
	})
	if !known {
		return nil, refuse(http.StatusNotFound, "no_patch", "There is no approved patch "+id+".")
	}
	return p, nil
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
