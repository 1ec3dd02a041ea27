package inventory_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/boardtest"
	"github.com/nightfill/nightfill/site/board/inventory"
	"github.com/nightfill/nightfill/site/window"
)

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func TestRows(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		name  string
		d     board.Device
		first time.Time
		life  inventory.Life
		care  inventory.Care
		marks []inventory.Mark
	}{
		{"seen today", board.Device{Now: board.DeviceNow{Class: site.LinuxServer, Answers: true, SeenAt: noon().Add(-time.Hour), Asset: &site.Asset{Scope: site.ScopeCDE, Owner: "ann"}}}, noon().Add(-90 * day), inventory.InService, inventory.Managed, nil},
		{"nothing told of it", board.Device{Now: board.DeviceNow{Class: site.Handheld}}, time.Time{}, inventory.NeverSeen, inventory.Managed, []inventory.Mark{inventory.NoScope, inventory.Unassigned}},
		{"seen last week", board.Device{Observed: board.Observed{At: noon().Add(-7*day - 1)}}, noon().Add(-30 * day), inventory.Missing, inventory.Managed, []inventory.Mark{inventory.New, inventory.NoScope, inventory.Unassigned}},
		{"a week ago, to the moment", board.Device{Observed: board.Observed{At: noon().Add(-7 * day)}}, noon().Add(-31 * day), inventory.InService, inventory.Managed, []inventory.Mark{inventory.NoScope, inventory.Unassigned}},
		{"a terminal", board.Device{Now: board.DeviceNow{Class: site.Observe, Answers: true, SeenAt: noon(), Asset: &site.Asset{Scope: site.ScopePOI, Serial: "401", Owner: "ann"}}}, time.Time{}, inventory.InService, inventory.ObserveOnly, []inventory.Mark{inventory.POI}},
		{"a terminal without a serial", board.Device{Now: board.DeviceNow{Class: site.Observe, Asset: &site.Asset{Scope: site.ScopePOI, Owner: "ann"}}}, time.Time{}, inventory.NeverSeen, inventory.ObserveOnly, []inventory.Mark{inventory.POI, inventory.NoSerial}},
		{"the last day of its support", board.Device{Now: board.DeviceNow{Asset: &site.Asset{Scope: site.ScopeOut, Owner: "ann", Support: window.Date{Year: 2026, Month: 11, Day: 22}}}}, time.Time{}, inventory.NeverSeen, inventory.Managed, nil},
		{"the day after", board.Device{Now: board.DeviceNow{Asset: &site.Asset{Scope: site.ScopeOut, Owner: "ann", Support: window.Date{Year: 2026, Month: 11, Day: 21}}}}, time.Time{}, inventory.NeverSeen, inventory.Managed, []inventory.Mark{inventory.OutOfCare}},
		{"out of the file", board.Device{Gone: true, Observed: board.Observed{At: noon()}}, noon(), inventory.Gone, inventory.Managed, nil},
	} {
		b := board.NewBoard("acme")
		c.d.ID = "till-1"
		b.Store("0142").Devices["till-1"] = &c.d
		for r := range inventory.Rows(b.Stores["0142"], func(string, string) time.Time { return c.first }, noon()) {
			var marks []inventory.Mark
			for _, m := range inventory.Marks() {
				if r.Has(m) {
					marks = append(marks, m)
				}
			}
			if r.Life != c.life || r.Care != c.care || len(marks) != len(c.marks) || r.Region != "none" {
				t.Errorf("%s: %s, %s, %v", c.name, r.Life, r.Care, marks)
			}
		}
	}
}

// TestCountsAddUp: every device has one life, and every one that is there one care.
func TestCountsAddUp(t *testing.T) {
	b := boardtest.Chain{Seed: 3, Stores: 30, Devices: 18}.Board(noon())
	b.Sorted()[0].Device("till-1").Gone = true
	all, devices := inventory.NewCounts(), 0
	for _, s := range b.Sorted() {
		devices += len(s.Devices)
		for r := range inventory.Rows(s, nil, noon()) {
			all.Add(r)
		}
	}
	lives, cares := 0, 0
	for _, n := range all.Lives {
		lives += n
	}
	for _, n := range all.Cares {
		cares += n
	}
	if all.All != devices || lives != devices || cares != devices-all.Lives[inventory.Gone] || all.Lives[inventory.Gone] != 1 {
		t.Errorf("%d devices: %+v", devices, all)
	}
}
