package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/nights"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/fleet/page/compliance"
)

func (s *whole) figureRoutes() []page.Route {
	all := s.Both("/reports/figures", "/reports/figures", "figures", s.figures)
	all = append(all, s.Both("/reports/oldest", "/reports/oldest", "oldest", s.oldest)...)
	all = append(all, s.Both("/reports/owners", "/reports/owners", "owners", s.owners)...)
	all = append(all, s.Both("/reports/silent", "/reports/silent", "silent", s.silent)...)
	return append(all,
		s.CSV("figures", []string{"figure", "value", "of", "all", "how_it_is_counted", "as_of"}, s.figureSheet),
		s.CSV("oldest", []string{"store", "device", "class", "model", "oldest_patch", "severity", "vendor_released", "age_days", "lacks", "looked_at", "as_of"}, s.oldestSheet),
		s.CSV("owners", []string{"owner", "asked_for", "installed", "pending_reboot", "missing", "failed", "excepted", "unknown", "overdue", "overdue_share", "as_of"}, s.ownerSheet))
}

// Figure is one number by which the work is judged. All is 0 where it is a part of nothing.
type Figure struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	Of      int    `json:"of"`
	All     int    `json:"all"`
	Formula string `json:"formula"`
	List    string `json:"list"`            // the address of what Of counts
	Whole   string `json:"whole,omitempty"` // the address of what All counts; "": it has no list
	Counted bool   `json:"counted"`         // Of is how many entries List has
}

// FigurePage is every figure.
type FigurePage struct {
	AsOf    string   `json:"as_of"`
	Figures []Figure `json:"figures"`

	page.Picked
}

// PageTitle implements page.Titled.
func (p FigurePage) PageTitle() string { return "Figures" }

// ratioFigure is a part of a whole.
func ratioFigure(name string, r comply.Ratio, formula, list, whole string) Figure {
	return Figure{Name: name, Value: r.String(), Of: r.Of, All: r.All, Formula: formula, List: list, Whole: whole, Counted: true}
}

// figures answers the numbers by which the work is judged.
func (s *whole) figures(q *page.Query) (any, error) {
	at := s.Now().UTC()
	p := FigurePage{AsOf: page.RFC(at), Picked: q.Pick("region")}
	f := comply.Filter{Region: p.Is("region")}
	r, err := s.compliance.Count(q.Context(), f)
	if err != nil {
		return nil, err
	}
	l := compliance.At(q, f)
	p.Figures = compliedFigures(r, l)
	silent := len(silentStores(p.Picked, at))
	p.Figures = append(p.Figures, ratioFigure("Stores silent for more than 24 hours", comply.Ratio{Of: silent, All: len(p.Picked.Stores())},
		"stores that were never heard, or not within 24 hours / stores", p.Link("/reports/silent"), ""))
	exceptions, err := s.exceptionFigures(q, at)
	if err != nil {
		return nil, err
	}
	p.Figures = append(p.Figures, exceptions...)
	last, err := s.nightFigures(q, p.Picked, at)
	p.Figures = append(p.Figures, last...)
	return p, err
}

// compliedFigures are those that compliance counts.
func compliedFigures(r comply.Report, l compliance.List) []Figure {
	list := []Figure{
		ratioFigure("Device score", r.Devices.Ratio(), "devices that have every patch asked for / devices; unknown counts as not", l.DevicesAt("device_standing", "compliant"), l.DevicesAt()),
		ratioFigure("Patches installed", r.Patches.Ratio(), "installed / (installed + pending a restart + missing + failed + excepted + unknown)", l.RowsAt("standing", "installed"), l.RowsAt("mark", "applies")),
		ratioFigure("Coverage", r.Devices.Coverage(), "devices looked at lately / devices", l.DevicesAt("look", "fresh"), l.DevicesAt()),
	}
	for _, c := range r.SLA {
		if c.Severity == comply.AllSeverities {
			list = append(list, ratioFigure("Within the limit", c.Ratio(), "proven in time / (proven in time + late + late and excepted)", l.RowsAt("mark", "within"), ""),
				Figure{Name: "Time to patch", Value: took(l, c, c.Median) + " median, " + took(l, c, c.P90) + " for nine of ten", Of: c.Measured, All: c.Measured,
					Formula: "vendor's release to the proof on the device, of those that are proven and have a date of release", List: l.RowsAt("mark", "timed"), Counted: true})
		}
	}
	return append(list,
		ratioFigure("First-pass success", r.FirstPass, "proven at the first try / begun", l.RowsAt("mark", "first_pass"), l.RowsAt("mark", "tried")),
		ratioFigure("Retry success", r.Retried, "proven after all / broke at least once, or begun more than once", l.RowsAt("mark", "recovered"), l.RowsAt("mark", "retried")),
		ratioFigure("Taken back", r.RolledOff, "taken back at least once / begun", l.RowsAt("mark", "back"), l.RowsAt("mark", "tried")),
		Figure{Name: "Reboot debt", Value: fmt.Sprintf("%.1f device days", r.Debt.Days), Of: r.Debt.Rows, Formula: "days since each patch was put on that has no effect until its device restarts, added up", List: l.RowsAt("standing", "installed_pending_reboot"), Counted: true},
		ratioFigure("Recurrence", comply.Ratio{Of: r.Again, All: r.Patches.Ratio().All}, "proven once and wanted again / patches that devices need", l.RowsAt("mark", "again"), l.RowsAt("mark", "applies")),
		ratioFigure("Overdue", comply.Ratio{Of: overdue(r), All: r.Patches.Ratio().All}, "late, neither there nor excepted / patches that devices need", l.RowsAt("mark", "overdue"), l.RowsAt("mark", "applies")))
}

func took(l compliance.List, c comply.SLA, d site.Duration) string {
	if c.Measured == 0 {
		return "\u2013"
	}
	return l.Days(d)
}

func overdue(r comply.Report) int {
	n := 0
	for _, o := range r.Overdue {
		n += o.Rows
	}
	return n
}

// exceptionFigures are those of the register. It is one for all regions.
func (s *whole) exceptionFigures(q *page.Query, at time.Time) ([]Figure, error) {
	entries, _, err := s.compliance.Entries(q.Context())
	n := map[register.Status]int{}
	for _, e := range entries {
		n[e.Status(at)]++
	}
	var list []Figure
	for _, f := range []struct {
		name    string
		status  register.Status
		formula string
	}{
		{"Exceptions open", register.StatusOpen, "in the register, never renewed, and not over / entries"},
		{"Exceptions renewed", register.StatusRenewed, "renewed at least once, and not over / entries"},
		{"Exceptions expired", register.StatusExpired, "over, and not closed: their patches are asked for again / entries"},
	} {
		fig := ratioFigure(f.name, comply.Ratio{Of: n[f.status], All: len(entries)}, f.formula, page.Link("/exceptions", "status", string(f.status)), "/exceptions")
		fig.Value, fig.Counted = strconv.Itoa(n[f.status]), false
		list = append(list, fig)
	}
	return list, err
}

// nightFigures are those of the last 30 days, where there is a history.
func (s *whole) nightFigures(q *page.Query, p page.Picked, at time.Time) ([]Figure, error) {
	if s.reports.Days == nil {
		return nil, nil
	}
	f, err := s.reports.MorningsOf(q, at)
	if err != nil {
		return nil, err
	}
	f.Picked = f.First(1)
	r, err := s.reports.CountMornings(q, f, at)
	if err != nil {
		return nil, err
	}
	all := nights.NewLine("", 0)
	_, span, err := s.reports.NightFilter(q, at)
	uncounted := func(context.Context, string, []nights.Row) error { return nil } // no figure is about what became of patches
	err = errors.Join(err, s.reports.EachWindow(q, p, span, at, uncounted, func(n nights.Row) error { all.Add(n); return nil }))
	used := "\u2013"
	if share, known := all.Share(); known {
		used = strconv.Itoa(share) + " %"
	}
	ready := func(name string, of, whole int, formula string, pairs ...string) Figure {
		return ratioFigure(name, comply.Ratio{Of: of, All: whole}, formula, p.Link("/reports/mornings/rows", pairs...), "")
	}
	a := r.All
	return []Figure{
		ready("Opened ready, 30 days", a.Ready, a.All(), "mornings on which the store's word at its opening was ready / mornings; not told counts as not", "answer", "ready"),
		ready("Ready 45 minutes before, 30 days", a.Early, a.All(), "mornings on which it was ready since at least 45 minutes before / mornings", "mark", "early"),
		ready("Ready, and not ready within two hours", a.TurnedBad, a.Ready, "mornings with the other word within two hours / mornings that opened ready: candidates for a false green", "mark", "turned_bad"),
		ready("Not ready, and ready within two hours", a.TurnedGood, a.NotReady, "mornings with the other word within two hours / mornings that opened not ready: candidates for a false red", "mark", "turned_good"),
		{Name: "Window used, 30 nights", Value: used, Of: all.Stores, All: all.Stores, Formula: "time from opening until nothing more was to be done / length of the windows in which something was planned", List: p.Link("/reports/nights"), Counted: false},
		ratioFigure("Nights over their window, 30 nights", comply.Ratio{Of: all.Marks[nights.Over], All: all.Stores}, "ended after the window closed, or were never told to have ended / nights of stores", p.Link("/reports/nights/rows", "mark", "over"), p.Link("/reports/nights/rows")),
	}, err
}

// figureSheet writes every figure.
func (s *whole) figureSheet(q *page.Query, at time.Time, put func(...string) error) error {
	v, err := s.figures(q)
	if err != nil {
		return err
	}
	for _, f := range v.(FigurePage).Figures {
		if err := put(f.Name, f.Value, strconv.Itoa(f.Of), strconv.Itoa(f.All), f.Formula, page.Stamped(at)); err != nil {
			return err
		}
	}
	return nil
}

// SilentList is the stores that were not heard for a day.
type SilentList struct {
	AsOf string `json:"as_of"`
	page.Page
	Stores []overview.Store `json:"stores"`

	page.Picked
}

// PageTitle implements page.Titled.
func (l SilentList) PageTitle() string { return "Silent stores" }

// Turn is the address of a page before or after this one.
func (l SilentList) Turn(by int) string { return l.PageAt(l.Page, by) }

const silentAfter = 24 * time.Hour

// silentStores are those that a filter lets through and that were not heard for a day.
func silentStores(p page.Picked, at time.Time) []overview.Store {
	list := []overview.Store{}
	for _, x := range p.Stores() {
		if x.Contact.Heard.IsZero() || at.Sub(x.Contact.Heard) > silentAfter {
			list = append(list, x)
		}
	}
	return list
}

// silent answers which stores were not heard for a day.
func (s *whole) silent(q *page.Query) (any, error) {
	skip, size, err := q.Paging()
	p := q.Pick("region")
	all := silentStores(p, s.Now().UTC())
	return SilentList{AsOf: q.AsOf(), Page: page.Of(len(all), skip, size), Stores: page.Part(all, skip, size), Picked: p}, err
}

// OldestPage is the devices that lack the oldest patches.
type OldestPage struct {
	AsOf    string     `json:"as_of"`
	All     int        `json:"all"`  // devices
	Ages    []AgeLine  `json:"ages"` // they add up to All
	Devices []AgedTold `json:"devices"`

	page.Picked
}

// AgeLine is how many devices lack what is so old.
type AgeLine struct {
	Age     comply.Age `json:"age"`
	Devices int        `json:"devices"`
}

// AgedTold is one device with the oldest patch that it lacks.
type AgedTold struct {
	Store    string        `json:"store"`
	Device   string        `json:"device"`
	Class    site.Class    `json:"class"`
	Model    string        `json:"model,omitempty"`
	Patch    string        `json:"patch"`
	Severity site.Severity `json:"severity"`
	Released time.Time     `json:"vendor_released,omitzero"`
	Days     int           `json:"age_days"`
	Lacks    int           `json:"lacks"` // patches
	Looked   time.Time     `json:"looked_at,omitzero"`
}

// PageTitle implements page.Titled.
func (p OldestPage) PageTitle() string { return "Oldest devices" }

const oldestShown = 50

func agedOf(a comply.Aged, now time.Time) AgedTold {
	t := AgedTold{Store: a.Store.ID, Device: a.Device.ID, Class: a.Device.Now.Class, Model: a.Device.Now.Model, Lacks: a.Wanting, Looked: a.Looked}
	if a.Patch != nil {
		t.Patch, t.Severity, t.Released, t.Days = a.Patch.ID, a.Patch.Severity, a.Released, int(now.Sub(a.Released)/(24*time.Hour))
	}
	return t
}

// oldest answers which devices lack the oldest patches.
func (s *whole) oldest(q *page.Query) (any, error) {
	o, err := s.compliance.Judged(q.Context(), s.Now())
	if err != nil {
		return nil, err
	}
	p := OldestPage{AsOf: page.RFC(o.Now), Ages: []AgeLine{}, Devices: []AgedTold{}, Picked: q.Pick("region", "class")}
	q.View(func(b *board.Board) {
		list, by := comply.Look(b, o).Oldest(comply.Filter{Region: p.Is("region"), Class: p.Is("class")}, oldestShown)
		for _, age := range comply.Lacks() {
			p.Ages = append(p.Ages, AgeLine{age, by[age]})
			p.All += by[age]
		}
		for _, a := range list {
			p.Devices = append(p.Devices, agedOf(a, o.Now))
		}
	})
	return p, nil
}

// Word writes an age.
func (p OldestPage) Word(a comply.Age) string {
	switch a {
	case comply.AgeNothing:
		return "lack nothing"
	case comply.AgeNone:
		return "not known, or without a date"
	case comply.AgeOver:
		return "over 90 days"
	}
	return string(a) + " days"
}

// DevicesAt is the address of the devices behind a number.
func (p OldestPage) DevicesAt(a comply.Age) string {
	return p.Link("/compliance/rows", "view", "devices", "lacks", string(a), "days", "")
}

// oldestSheet writes every device with the oldest patch that it lacks.
func (s *whole) oldestSheet(q *page.Query, at time.Time, put func(...string) error) error {
	o, err := s.compliance.Judged(q.Context(), at)
	if err != nil {
		return err
	}
	p := q.Pick("region", "class")
	f := comply.Filter{Region: p.Is("region"), Class: p.Is("class")}
	for _, x := range q.Overview.Stores {
		o.Stores = []string{x.ID}
		var list []AgedTold
		q.View(func(b *board.Board) {
			for a := range comply.Look(b, o).Aged(f) {
				list = append(list, agedOf(a, at))
			}
		})
		for _, a := range list {
			old, released := "", ""
			if a.Patch != "" {
				old, released = strconv.Itoa(a.Days), a.Released.Format(time.DateOnly)
			}
			if err := put(a.Store, a.Device, string(a.Class), a.Model, a.Patch, string(a.Severity), released, old, strconv.Itoa(a.Lacks), page.Stamped(a.Looked), page.Stamped(at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// OwnerPage is how the patches of each owner stand.
type OwnerPage struct {
	AsOf   string      `json:"as_of"`
	Owners []OwnerTold `json:"owners"`

	compliance.List
}

// OwnerTold is how the patches of one owner stand.
type OwnerTold struct {
	Owner   string        `json:"owner"`
	Patches comply.Counts `json:"patches"`
	Overdue comply.Ratio  `json:"overdue"` // of those that devices need
}

// PageTitle implements page.Titled.
func (p OwnerPage) PageTitle() string { return "Owners" }

// owners answers how the patches of each owner stand.
func (s *whole) owners(q *page.Query) (any, error) {
	f := comply.Filter{Region: q.Values.Get("region")}
	r, err := s.compliance.Count(q.Context(), f)
	if err != nil {
		return nil, err
	}
	late := map[string]int{}
	for _, o := range r.Overdue {
		late[o.Owner] += o.Rows
	}
	p := OwnerPage{AsOf: page.RFC(r.At), Owners: []OwnerTold{}, List: compliance.At(q, f)}
	for _, l := range r.By[comply.ByOwner] {
		p.Owners = append(p.Owners, OwnerTold{cmp.Or(l.Name, comply.None), l.Patches, comply.Ratio{Of: late[l.Name], All: l.Patches.Ratio().All}})
	}
	return p, nil
}

// ownerSheet writes how the patches of each owner stand.
func (s *whole) ownerSheet(q *page.Query, at time.Time, put func(...string) error) error {
	v, err := s.owners(q)
	if err != nil {
		return err
	}
	for _, o := range v.(OwnerPage).Owners {
		cells := []string{o.Owner}
		c := o.Patches
		for _, n := range []int{c.Ratio().All, c.Installed, c.PendingReboot, c.Missing, c.Failed, c.Excepted, c.Unknown, o.Overdue.Of} {
			cells = append(cells, strconv.Itoa(n))
		}
		if err := put(append(cells, o.Overdue.String(), page.Stamped(at))...); err != nil {
			return err
		}
	}
	return nil
}
