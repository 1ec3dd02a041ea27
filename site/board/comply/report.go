package comply

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Counts are how many patches on devices stand where. Each is counted once.
type Counts struct {
	Installed     int `json:"installed"`
	PendingReboot int `json:"installed_pending_reboot"`
	Missing       int `json:"missing"` // without those that failed
	Failed        int `json:"failed"`
	Excepted      int `json:"excepted"`
	Unknown       int `json:"unknown"`
	InGrace       int `json:"in_grace"`
	NotApplicable int `json:"not_applicable"`
}

func (c *Counts) add(s Standing) {
	switch s {
	case Installed:
		c.Installed++
	case InstalledPendingReboot:
		c.PendingReboot++
	case Missing:
		c.Missing++
	case Failed:
		c.Failed++
	case Excepted:
		c.Excepted++
	case InGrace:
		c.InGrace++
	case NotApplicable:
		c.NotApplicable++
	default:
		c.Unknown++
	}
}

// Of is how many have a standing.
func (c Counts) Of(s Standing) int {
	return map[Standing]int{
		Installed: c.Installed, InstalledPendingReboot: c.PendingReboot, Missing: c.Missing, Failed: c.Failed,
		Excepted: c.Excepted, Unknown: c.Unknown, InGrace: c.InGrace, NotApplicable: c.NotApplicable,
	}[s]
}

// Rows is how many there are in all.
func (c Counts) Rows() int { return c.Ratio().All + c.InGrace + c.NotApplicable }

// Ratio is the patch ratio: installed of all that devices need.
func (c Counts) Ratio() Ratio {
	return Ratio{c.Installed, c.Installed + c.PendingReboot + c.Missing + c.Failed + c.Excepted + c.Unknown}
}

// Ratio is a part of a whole.
type Ratio struct {
	Of  int `json:"of"`
	All int `json:"all"`
}

// String writes the ratio in per cent with one digit, rounded down, so that only all of all is
// 100.0 %; "–" for a part of nothing.
func (r Ratio) String() string {
	if r.All == 0 {
		return "–"
	}
	tenths := r.Of * 1000 / r.All
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}

// DeviceStanding is where a device stands as a whole.
type DeviceStanding string

// The standings of a device, the worst of what its patches say.
const (
	Compliant     DeviceStanding = "compliant" // it has every patch that is asked for
	WithException DeviceStanding = "excepted"  // it has all but those that somebody answers for
	Behind        DeviceStanding = "behind"    // a patch is missing, failed or waits for a restart
	DeviceUnknown DeviceStanding = "unknown"   // no fresh look, or no word about a patch
)

// DeviceStandings are all standings of a device, in the order in which pages show them.
func DeviceStandings() []DeviceStanding {
	return []DeviceStanding{Compliant, WithException, Behind, DeviceUnknown}
}

// DeviceCounts are how many devices stand where. Each is counted once.
type DeviceCounts struct {
	Compliant int `json:"compliant"`
	Excepted  int `json:"excepted"`
	Behind    int `json:"behind"`
	Unknown   int `json:"unknown"`
	Fresh     int `json:"fresh"` // of all: looked at lately
}

func (c *DeviceCounts) add(s DeviceStanding, fresh bool) {
	switch s {
	case Compliant:
		c.Compliant++
	case WithException:
		c.Excepted++
	case Behind:
		c.Behind++
	default:
		c.Unknown++
	}
	if fresh {
		c.Fresh++
	}
}

// Of is how many have a standing.
func (c DeviceCounts) Of(s DeviceStanding) int {
	return map[DeviceStanding]int{Compliant: c.Compliant, WithException: c.Excepted, Behind: c.Behind, DeviceUnknown: c.Unknown}[s]
}

// Ratio is the device score: those that have every patch that is asked for, of all.
func (c DeviceCounts) Ratio() Ratio {
	return Ratio{c.Compliant, c.Compliant + c.Excepted + c.Behind + c.Unknown}
}

// Coverage is those with a fresh look, of all.
func (c DeviceCounts) Coverage() Ratio { return Ratio{c.Fresh, c.Ratio().All} }

// Axis is something by which rows are told apart.
type Axis string

// The axes. By those up to store, devices are told apart too.
const (
	ByRing     Axis = "ring"
	ByRegion   Axis = "region"
	ByClass    Axis = "class"
	ByModel    Axis = "model"
	ByStore    Axis = "store"
	BySeverity Axis = "severity"
	ByPatch    Axis = "patch"
	ByAge      Axis = "age"
	ByOwner    Axis = "owner"
)

// Axes are all axes, in the order in which pages show them.
func Axes() []Axis {
	return []Axis{BySeverity, ByAge, ByRing, ByRegion, ByClass, ByModel, ByPatch, ByOwner, ByStore}
}

// OfDevices reports whether devices are told apart by the axis, not only patches.
func (a Axis) OfDevices() bool {
	return slices.Contains([]Axis{ByRing, ByRegion, ByClass, ByModel, ByStore}, a)
}

// Line is what is counted under one value of an axis.
type Line struct {
	Name    string        `json:"name"`
	Patches Counts        `json:"patches"`
	Devices *DeviceCounts `json:"devices,omitempty"` // nil where the axis does not tell devices apart
}

// OverdueLine is how many patches of an owner are late by a range of days.
type OverdueLine struct {
	Owner string `json:"owner"`
	Late  Age    `json:"late"`
	Rows  int    `json:"rows"`
}

// Debt is what waits for a restart.
type Debt struct {
	Devices int     `json:"devices"`
	Rows    int     `json:"rows"`
	Days    float64 `json:"days"` // since each was put on, added up; of those of which that is known
}

// Report is everything that is counted at one time.
type Report struct {
	At      time.Time       `json:"at"`
	Devices DeviceCounts    `json:"devices"`
	Patches Counts          `json:"patches"`
	By      map[Axis][]Line `json:"by"`
	Overdue []OverdueLine   `json:"overdue"`
	SLA     []SLA           `json:"sla"` // by severity, and the last of all
	// Silent are the stores of which no device is known: nothing of them is in any other number.
	Silent int `json:"silent_stores"`
	Stores int `json:"stores"`

	FirstPass Ratio `json:"first_pass"`    // proven without a failure, of those that were begun
	RolledOff Ratio `json:"rolled_back"`   // taken back at least once, of those that were begun
	Retried   Ratio `json:"retry_success"` // proven after all, of those that broke at least once or were begun more than once
	Again     int   `json:"again"`         // proven once, and wanted again
	Debt      Debt  `json:"reboot_debt"`
}

// Report counts what a filter lets through. Of the filter only what chooses stores, devices and patches
// has a meaning here.
func (v *View) Report(f Filter) Report {
	f = Filter{Store: f.Store, Region: f.Region, Ring: f.Ring, Class: f.Class, Model: f.Model, Patch: f.Patch, Severity: f.Severity, Owner: f.Owner, Age: f.Age}
	t := tally{view: v, by: map[Axis]map[string]*Line{}, overdue: map[OverdueLine]int{}, clocks: map[string]*sla{}, lines: map[*site.Patch][]*Line{}}
	v.visit(f, func(s *board.Store, d *board.Device, at time.Time, rows []Row) bool {
		t.device(s, d, at, rows)
		return true
	})
	t.report.At = v.now
	for _, s := range v.stores() {
		if f.store(s) {
			t.report.Stores++
			if len(devices(s)) == 0 {
				t.report.Silent++
			}
		}
	}
	return t.done()
}

// verdict is where a device stands, by the rows that are asked about.
func (v *View) verdict(looked time.Time, rows []Row) DeviceStanding {
	worst := Compliant
	if !v.fresh(looked) {
		worst = DeviceUnknown
	}
	for i := range rows {
		switch rows[i].Standing {
		case Missing, Failed, InstalledPendingReboot:
			return Behind
		case Unknown:
			worst = DeviceUnknown
		case Excepted:
			if worst == Compliant {
				worst = WithException
			}
		}
	}
	return worst
}

func (v *View) fresh(looked time.Time) bool {
	return !looked.IsZero() && v.now.Sub(looked) <= v.policy.Fresh
}

// tally is a report that is being counted.
type tally struct {
	view    *View
	report  Report
	by      map[Axis]map[string]*Line
	lines   map[*site.Patch][]*Line // those that each patch counts in, whatever the device
	place   []*Line                 // those that the store and device count in
	store   *board.Store            // whose lines are first in place
	overdue map[OverdueLine]int     // without its rows
	clocks  map[string]*sla         // by severity
	tried   int
}

// line is the line of a value of an axis, made when it is met first.
func (t *tally) line(a Axis, name string) *Line {
	lines := t.by[a]
	if lines == nil {
		lines = map[string]*Line{}
		t.by[a] = lines
	}
	l := lines[name]
	if l == nil {
		l = &Line{Name: name}
		if a.OfDevices() {
			l.Devices = &DeviceCounts{}
		}
		lines[name] = l
	}
	return l
}

func (t *tally) device(s *board.Store, d *board.Device, at time.Time, rows []Row) {
	if t.store != s {
		t.store = s
		t.place = append(t.place[:0], t.line(ByRing, name(string(s.Info.Ring))), t.line(ByRegion, region(s)), t.line(ByStore, s.ID))
	}
	t.place = append(t.place[:3], t.line(ByClass, name(string(d.Now.Class))), t.line(ByModel, name(d.Now.Model)))
	standing, fresh := t.view.verdict(at, rows), t.view.fresh(at)
	t.report.Devices.add(standing, fresh)
	for _, l := range t.place {
		l.Devices.add(standing, fresh)
	}
	waits := false
	for i := range rows {
		waits = waits || rows[i].Standing == InstalledPendingReboot
		t.row(&rows[i])
	}
	if waits {
		t.report.Debt.Devices++
	}
}

func (t *tally) row(r *Row) {
	t.report.Patches.add(r.Standing)
	for _, l := range t.place {
		l.Patches.add(r.Standing)
	}
	for _, l := range t.patch(r) {
		l.Patches.add(r.Standing)
	}
	now := t.view.now
	if r.Overdue {
		t.overdue[OverdueLine{Owner: name(r.Patch.Owner), Late: AgeOf(r.Due, now)}]++
	}
	if r.Again {
		t.report.Again++
	}
	if r.Standing == InstalledPendingReboot {
		t.report.Debt.Rows++
		if r.Job != nil && !r.Job.Installed.IsZero() {
			t.report.Debt.Days += now.Sub(r.Job.Installed.Time()).Hours() / 24
		}
	}
	if r.Has(MarkTried, now) {
		t.tried++
		t.report.FirstPass.Of += one(r.Has(MarkFirstPass, now))
		t.report.RolledOff.Of += one(r.Has(MarkBack, now))
		t.report.Retried.Of += one(r.Has(MarkRecovered, now))
		t.report.Retried.All += one(r.Has(MarkRetried, now))
	}
	t.clock(r)
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// patch are the lines that a row counts in because of its patch.
func (t *tally) patch(r *Row) []*Line {
	lines, met := t.lines[r.Patch]
	if !met {
		lines = []*Line{t.line(BySeverity, severity(r.Patch)), t.line(ByPatch, r.Patch.ID), t.line(ByAge, string(r.Age)), t.line(ByOwner, name(r.Patch.Owner))}
		t.lines[r.Patch] = lines
	}
	return lines
}

// done puts what was counted into an order that does not depend on that of maps.
func (t *tally) done() Report {
	r := t.report
	r.FirstPass.All, r.RolledOff.All = t.tried, t.tried
	r.By = map[Axis][]Line{}
	for _, a := range Axes() {
		r.By[a] = []Line{}
		for _, l := range t.by[a] {
			r.By[a] = append(r.By[a], *l)
		}
		slices.SortFunc(r.By[a], func(x, y Line) int { return a.order(x.Name, y.Name) })
	}
	r.Overdue = []OverdueLine{}
	for l, n := range t.overdue {
		l.Rows = n
		r.Overdue = append(r.Overdue, l)
	}
	slices.SortFunc(r.Overdue, func(x, y OverdueLine) int {
		if c := strings.Compare(x.Owner, y.Owner); c != 0 {
			return c
		}
		return ByAge.order(string(x.Late), string(y.Late))
	})
	r.SLA = t.slas()
	return r
}

// order puts the values of an axis into the order in which people expect them.
func (a Axis) order(x, y string) int {
	place := func(s string) int {
		switch a {
		case BySeverity:
			if s == None {
				return 9
			}
			return site.Severity(s).Order()
		case ByAge:
			return slices.Index(Ages(), Age(s))
		case ByRing:
			return (site.Ring(s).Order() + 3) % 4 // what is no ring last
		}
		return 0
	}
	if c := place(x) - place(y); c != 0 {
		return c
	}
	if c := board.CompareIDs(x, y); c != 0 {
		return c
	}
	return strings.Compare(x, y)
}
