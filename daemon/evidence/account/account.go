// Package account tells what follows from the records of a journal and the signed catalogs of the
// time: the report of each night, one line for each patch on each device, who approved it, what was
// excepted and what people did. The same records give the same bytes, so that who doubts a page of an
// evidence pack can make it again.
//
// It reads no clock, no disk and no network, and believes nothing that is not in a record or signed.
package account

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/sheet"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/ui/dossier"
	"github.com/nightfill/nightfill/ui/report"
)

// Case is what an account is made from, besides the records.
type Case struct {
	Store    site.Store // as Plain cuts it
	Zone     *time.Location
	From, To window.Date
	AsOf     time.Time // all of it is what was known then
	// Generations are the signed catalogs that were verified, by version.
	Generations map[int64]*catalog.Proven
	// Front is what the front page tells beyond the account.
	Front dossier.Dossier
}

// Plain is a store without what no page needs: addresses, logins, host keys, contacts, what checks ask.
func Plain(s site.Store) site.Store {
	plain := site.Store{ID: s.ID, Org: s.Org, Name: s.Name, Ring: s.Ring, Language: s.Language, Groups: s.Groups, Mode: s.Mode}
	for _, d := range s.Devices {
		plain.Devices = append(plain.Devices, site.Device{ID: d.ID, Class: d.Class, Model: d.Model, Groups: d.Groups, Capabilities: d.Capabilities, Role: d.Role})
	}
	for _, c := range s.Checks {
		plain.Checks = append(plain.Checks, site.Check{ID: c.ID, Device: c.Device, Kind: c.Kind, Capability: c.Capability, Optional: c.Optional, Needs: c.Needs})
	}
	return plain
}

// Emit takes a file of the account. Names have slashes.
type Emit func(name string, data []byte) error

// Account is made record by record. It is for one goroutine.
type Account struct {
	c        Case
	emit     Emit
	night    []run.Record // of the night that is read
	nights   []dossier.Night
	planned  map[spot]planned
	lines    map[spot]*line
	order    []spot
	due      []approvalKey // patches that were due, in the order in which they were first
	installs []Install
	actions  [][]string
	tapes    []tape
}

// spot is one patch on one device.
type spot struct{ device, patch string }

// planned is the plan that a patch on a device is of.
type planned struct {
	catalog int64
	at      time.Time
	patch   site.Patch
}

// Install is one installation that was begun.
type Install struct {
	Seq     uint64
	Hash    string
	At      time.Time
	Device  string
	Night   window.Date
	Planned time.Time  // when the plan was made
	Catalog int64      // the generation of the catalog that it was made from
	Patch   site.Patch // as the plan has it
}

// New begins an account. What it tells goes to emit, file by file.
func New(c Case, emit Emit) *Account {
	return &Account{c: c, emit: emit, planned: map[spot]planned{}, lines: map[spot]*line{}}
}

// Take takes the next record.
func (a *Account) Take(r run.Record) error {
	a.action(r)
	a.tape(r)
	switch {
	case r.Event.Kind == run.NightOpened:
		if err := a.finish(); err != nil {
			return err
		}
		if night := r.Event.Night; a.c.From.Compare(night) <= 0 && night.Compare(a.c.To) <= 0 {
			a.night = []run.Record{r} // else it is one that opened late, after its own day
		}
	case len(a.night) > 0:
		a.night = append(a.night, r)
	}
	return nil
}

// End writes what is left: the last night, the tables and the front page.
func (a *Account) End() error {
	if err := a.finish(); err != nil {
		return err
	}
	rows, lines := a.rows()
	approvals, approved := a.approvals()
	exceptions, excepted := a.exceptions()
	tables := []struct {
		name    string
		columns []string
		rows    [][]string
	}{
		{"devices-patches.csv", Columns(), rows},
		{"approvals.csv", approvalColumns(), approvals},
		{"exceptions.csv", exceptionColumns(), exceptions},
		{"recordings.csv", tapeColumns(), a.tapeRows()},
		{"actions.csv", actionColumns(), a.actions},
	}
	for _, t := range tables {
		if err := a.emit(t.name, dossier.CSV(t.columns, t.rows)); err != nil {
			return err
		}
	}
	d := a.c.Front
	d.Org, d.Store, d.Name, d.Zone, d.AsOf = a.c.Store.Org, a.c.Store.ID, a.c.Store.Name, a.c.Zone, a.c.AsOf
	d.From, d.To = a.c.From.String(), a.c.To.String()
	d.Nights, d.Lines, d.Approvals, d.Exceptions, d.Actions, d.Recordings = a.nights, lines, approved, excepted, len(a.actions), len(a.tapes)
	page, err := dossier.HTML(d)
	if err != nil {
		return err
	}
	return a.emit("report.html", page)
}

// Installs are the installations that were begun, in order.
func (a *Account) Installs() []Install { return a.installs }

// Nights are the dates of the nights that were told.
func (a *Account) Nights() []string {
	var dates []string
	for _, n := range a.nights {
		dates = append(dates, n.Night)
	}
	return dates
}

// finish tells the night that was read.
func (a *Account) finish() error {
	if len(a.night) == 0 {
		return nil
	}
	records := a.night
	a.night = nil
	a.plans(records)
	v := view.WithEvidence(a.c.Store, run.Fold(run.State{}, records...), records, a.c.AsOf)
	if v == nil {
		return nil
	}
	a.count(*v, records)
	return a.tell(*v)
}

// tell writes the report of a night in its three forms.
func (a *Account) tell(v view.Night) error {
	name := "nights/" + v.Night.String()
	if slices.ContainsFunc(a.nights, func(n dossier.Night) bool { return n.File == name+".html" }) {
		name += fmt.Sprintf("-%d", len(a.nights)+1) // a night that was opened twice
	}
	r := sheet.Report(v, a.c.Zone)
	page, err := report.HTML(r)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	a.nights = append(a.nights, dossier.Night{Night: v.Night.String(), Sentence: r.Sentence(), File: name + ".html"})
	for _, f := range []struct {
		ext  string
		data []byte
	}{{".csv", report.CSV(r)}, {".html", page}, {".json", append(data, '\n')}} {
		if err := a.emit(name+f.ext, f.data); err != nil {
			return err
		}
	}
	return nil
}

// plans takes note of what was planned from which catalog, and of what was begun of it.
func (a *Account) plans(records []run.Record) {
	a.planned = map[spot]planned{}
	for _, r := range records {
		e := r.Event
		switch {
		case (e.Kind == run.NightOpened || e.Kind == run.NightExtended) && e.Plan != nil:
			for _, lane := range e.Plan.Lanes {
				for _, j := range lane.Jobs {
					p, _ := e.Plan.Patch(j.Patch)
					a.planned[spot{lane.Device, j.Patch}] = planned{e.Plan.Catalog, e.At, p}
				}
			}
		case e.Kind == run.StepStarted && e.Step == run.Install:
			p := a.planned[spot{e.Device, e.Patch}]
			p.patch.ID = e.Patch
			a.installs = append(a.installs, Install{r.Seq, r.Hash, e.At, e.Device, e.Night, p.at, p.catalog, p.patch})
		}
	}
}

// moment writes a time in the store's zone; the zero time is empty.
func (a *Account) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(a.c.Zone).Format(time.RFC3339)
}
