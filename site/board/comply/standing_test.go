package comply_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// one is a board of one device in a store of the fleet, looked at an hour ago.
func one(change func(*board.Store, *board.Device)) *board.Board {
	b := board.NewBoard("acme")
	s := b.Store("0142")
	s.Info.Ring = site.RingFleet
	d := s.Device("till-1")
	d.Now = board.DeviceNow{Class: site.LinuxServer, Groups: []string{"lanes"}}
	d.Observed.At = ago(time.Hour)
	change(s, d)
	return b
}

// patch is the one that is asked about.
func patch() site.Patch {
	return site.Patch{ID: "p-1", Owner: "pos", Severity: site.Critical, VendorReleased: day(2026, 10, 22), Reboot: site.RebootMay, Applies: site.Applies{Package: "pos", Below: "2"}}
}

func released(p site.Patch, more ...site.Approved) []site.Approved {
	return append(more, site.Approved{Patch: p, Release: &site.Release{Ring: site.RingFleet}})
}

func TestStanding(t *testing.T) {
	leftOut := func(state site.State, code site.Code, installed string) func(*board.Store, *board.Device) {
		return func(_ *board.Store, d *board.Device) {
			d.LeftOut = []board.LeftOut{{Device: d.ID, Patch: "p-1", State: state, Code: code, Installed: installed}}
		}
	}
	job := func(j board.Job) func(*board.Store, *board.Device) {
		return func(_ *board.Store, d *board.Device) { *d.Job("p-1") = j }
	}
	done := board.Job{Patch: "p-1", State: site.Done, Started: board.At(ago(10 * time.Hour)), Installed: board.At(ago(9 * time.Hour)), Verified: board.At(ago(8 * time.Hour))}
	pending := func(j board.Job) func(*board.Store, *board.Device) {
		return func(_ *board.Store, d *board.Device) { *d.Job("p-1"), d.Observed.RebootPending = j, true }
	}
	restarted, later := done, done
	restarted.Restarted = board.At(ago(8*time.Hour + time.Minute))
	later.Installed = board.At(ago(time.Minute))
	again := board.Job{Patch: "p-1", State: site.Queued, Verified: board.At(ago(400 * time.Hour))}
	for _, c := range []struct {
		name   string
		change func(*board.Store, *board.Device)
		want   comply.Standing
		again  bool
	}{
		{"proven", job(done), comply.Installed, false},
		{"observed", leftOut(site.NotDue, site.CodeNotApplicable, "2.0"), comply.Installed, false},
		{"its package is not there", leftOut(site.NotDue, site.CodeNotApplicable, ""), comply.NotApplicable, false},
		{"put on, waits for a restart", job(board.Job{Patch: "p-1", State: site.Restarting, Installed: board.At(ago(time.Hour))}), comply.InstalledPendingReboot, false},
		{"proven, the device wants a restart since", pending(done), comply.InstalledPendingReboot, false},
		{"proven, and restarted since", pending(restarted), comply.Installed, false},
		{"the look is older than the patch", pending(later), comply.Installed, false},
		{"planned", job(board.Job{Patch: "p-1", State: site.Queued}), comply.Missing, false},
		{"proven once, planned again", job(again), comply.Missing, true},
		{"no time", job(board.Job{Patch: "p-1", State: site.Skipped, Code: site.CodeNoTime}), comply.Missing, false},
		{"no time, and broke before", job(board.Job{Patch: "p-1", State: site.Skipped, Code: site.CodeNoTime, Failed: board.At(ago(50 * time.Hour))}), comply.Failed, false},
		{"broke", job(board.Job{Patch: "p-1", State: site.Failed, Failed: board.At(ago(time.Hour))}), comply.Failed, false},
		{"taken back", job(board.Job{Patch: "p-1", State: site.RolledBack, Failed: board.At(ago(time.Hour))}), comply.Failed, false},
		{"the store has an older catalog", leftOut(site.NotDue, site.CodeOtherRing, ""), comply.Missing, false},
		{"quarantined there", leftOut(site.Skipped, site.CodeQuarantined, ""), comply.Missing, false},
		{"excepted, says the store alone", leftOut(site.Held, site.CodeExcepted, ""), comply.Missing, false},
		{"nothing told", func(*board.Store, *board.Device) {}, comply.Unknown, false},
		{"look too old", func(_ *board.Store, d *board.Device) { *d.Job("p-1"), d.Observed.At = done, ago(72*time.Hour+1) }, comply.Unknown, false},
		{"look just fresh", func(_ *board.Store, d *board.Device) { *d.Job("p-1"), d.Observed.At = done, ago(72*time.Hour) }, comply.Installed, false},
		{"never looked at", func(_ *board.Store, d *board.Device) { *d.Job("p-1"), d.Observed = done, board.Observed{} }, comply.Unknown, false},
		{"did not answer", func(_ *board.Store, d *board.Device) {
			*d.Job("p-1"), d.Observed.Error = done, site.Because(site.CodeNoAnswer, "silent")
		}, comply.Unknown, false},
		{"answers since", func(_ *board.Store, d *board.Device) {
			*d.Job("p-1"), d.Observed = done, board.Observed{}
			d.Now.Answers, d.Now.SeenAt = true, ago(time.Hour)
		}, comply.Installed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := comply.Look(one(c.change), comply.Options{Catalog: released(patch()), Policy: comply.DefaultPolicy(), Now: noon()})
			n := 0
			for r := range v.Rows(comply.Filter{}) {
				n++
				if r.Standing != c.want || r.Again != c.again {
					t.Errorf("stands %s, again %t", r.Standing, r.Again)
				}
			}
			if n != 1 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// TestAsked says of which devices a patch is asked for at all.
func TestAsked(t *testing.T) {
	after, before := noon().Add(time.Hour), noon().Add(-time.Hour)
	newer := site.Patch{ID: "p-2", Supersedes: []string{"p-1"}, Groups: []string{"lanes"}}
	for _, c := range []struct {
		name    string
		catalog []site.Approved
		change  func(*site.Patch)
		want    comply.Standing // "": no row
	}{
		{"released", released(patch()), nil, comply.Missing},
		{"signed only", []site.Approved{{Patch: patch()}}, nil, ""},
		{"released to pilots", []site.Approved{{Patch: patch(), Release: &site.Release{Ring: site.RingPilot}}}, nil, ""},
		{"released to another store", []site.Approved{{Patch: patch(), Release: &site.Release{Ring: site.RingFleet, Stores: []string{"0150"}}}}, nil, ""},
		{"held by headquarters", []site.Approved{{Patch: patch(), Release: &site.Release{Ring: site.RingFleet}, Held: &site.PatchHold{}}}, nil, ""},
		{"for another class", released(patch()), func(p *site.Patch) { p.Classes = []site.Class{site.Handheld} }, ""},
		{"for another group", released(patch()), func(p *site.Patch) { p.Groups = []string{"office"} }, ""},
		{"for another device", released(patch()), func(p *site.Patch) { p.Devices = []string{"till-2"} }, ""},
		{"approved later", released(patch()), func(p *site.Patch) { p.Approval.NotBefore = &after }, ""},
		{"approved until now", released(patch()), func(p *site.Patch) { p.Approval.NotAfter = &before }, ""},
		{"superseded", released(patch(), site.Approved{Patch: newer, Release: &site.Release{Ring: site.RingFleet}}), nil, comply.NotApplicable},
		{"superseded in the lab", released(patch(), site.Approved{Patch: newer, Release: &site.Release{Ring: site.RingLab}}), nil, comply.Missing},
		{"no catalog", nil, nil, comply.Missing},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := one(func(_ *board.Store, d *board.Device) { d.Job("p-1").State = site.Queued })
			b.Patches["p-1"] = patch()
			if c.change != nil {
				c.change(&c.catalog[len(c.catalog)-1].Patch)
			}
			var got comply.Standing
			for r := range comply.Look(b, comply.Options{Catalog: c.catalog, Policy: comply.DefaultPolicy(), Now: noon()}).Rows(comply.Filter{Patch: "p-1"}) {
				got = r.Standing
			}
			if got != c.want {
				t.Errorf("stands %q, want %q", got, c.want)
			}
		})
	}
}

// TestAskedByTheStore: without a catalog of headquarters, what the store's own has is asked for there.
func TestAskedByTheStore(t *testing.T) {
	for name, c := range map[string]struct {
		note run.CatalogNote
		want int
	}{
		"never told":   {run.CatalogNote{}, 1},
		"has it":       {run.CatalogNote{Version: 7, Patches: []string{"p-0", "p-1"}}, 1},
		"has others":   {run.CatalogNote{Version: 7, Patches: []string{"p-0"}}, 0},
		"withdrawn":    {run.CatalogNote{Version: 7, Patches: []string{"p-1"}, Withdrawn: map[string]string{"p-1": "bad"}}, 0},
		"held for now": {run.CatalogNote{Version: 7, Patches: []string{"p-1"}, Held: map[string]string{"p-1": "bad"}}, 0},
		"another held": {run.CatalogNote{Version: 7, Patches: []string{"p-1"}, Held: map[string]string{"p-0": "bad"}}, 1},
	} {
		b := one(func(s *board.Store, d *board.Device) { d.Job("p-1").State, s.Catalog = site.Queued, c.note })
		b.Patches["p-1"] = patch()
		if got := rows(comply.Look(b, comply.Options{Policy: comply.DefaultPolicy(), Now: noon()}), comply.Filter{}); got != c.want {
			t.Errorf("%s: %d rows, want %d", name, got, c.want)
		}
	}
}

// TestExcepted: an exception makes nothing green, and is over at the first moment of its end.
func TestExcepted(t *testing.T) {
	e := site.Exception{Patch: "p-1", Owner: "ann", Groups: []string{"lanes"}, Stores: []string{"0142"}, Expires: noon()}
	missing := func(_ *board.Store, d *board.Device) { d.Job("p-1").State = site.Queued }
	for _, c := range []struct {
		name   string
		now    time.Time
		change func(*board.Store, *board.Device)
		want   comply.Standing
		device comply.DeviceStanding
	}{
		{"in force", noon().Add(-1), missing, comply.Excepted, comply.WithException},
		{"over", noon(), missing, comply.Missing, comply.Behind},
		{"not needed", noon().Add(-1), func(_ *board.Store, d *board.Device) {
			*d.Job("p-1") = board.Job{Patch: "p-1", State: site.Done, Verified: board.At(ago(time.Hour))}
		}, comply.Installed, comply.Compliant},
		{"of another group", noon().Add(-1), func(_ *board.Store, d *board.Device) { d.Job("p-1").State, d.Now.Groups = site.Queued, nil }, comply.Missing, comply.Behind},
		{"of a silent device", noon().Add(-1), func(_ *board.Store, d *board.Device) { d.Job("p-1").State, d.Observed.At = site.Queued, time.Time{} }, comply.Unknown, comply.DeviceUnknown},
	} {
		v := comply.Look(one(c.change), comply.Options{Catalog: released(patch()), Exceptions: []site.Exception{e}, Policy: comply.DefaultPolicy(), Now: c.now})
		for r := range v.Rows(comply.Filter{}) {
			if r.Standing != c.want || (r.Exception != nil) != (c.want == comply.Excepted) {
				t.Errorf("%s: stands %s by %+v", c.name, r.Standing, r.Exception)
			}
		}
		for d := range v.Devices(comply.Filter{}) {
			if d.Standing != c.device {
				t.Errorf("%s: the device stands %s", c.name, d.Standing)
			}
		}
		if got := v.Report(comply.Filter{}).Patches.Ratio(); c.want == comply.Excepted && got != (comply.Ratio{Of: 0, All: 1}) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// TestGrace: a young patch is not asked for, but what is not known stays so.
func TestGrace(t *testing.T) {
	policy := comply.DefaultPolicy()
	policy.Grace = 32 * 24 * time.Hour
	for standing, change := range map[comply.Standing]func(*board.Store, *board.Device){
		comply.InGrace:   func(_ *board.Store, d *board.Device) { d.Job("p-1").State = site.Queued },
		comply.Unknown:   func(*board.Store, *board.Device) {},
		comply.Installed: func(_ *board.Store, d *board.Device) { d.Job("p-1").State = site.Done },
	} {
		v := comply.Look(one(change), comply.Options{Catalog: released(patch()), Policy: policy, Now: noon()})
		for r := range v.Rows(comply.Filter{}) {
			if r.Standing != standing {
				t.Errorf("stands %s, want %s", r.Standing, standing)
			}
		}
	}
}

// TestDue: one calendar month ends with the day of the same number, or with the last of a shorter month.
func TestDue(t *testing.T) {
	month, days := comply.Limit{Months: 1}, comply.Limit{Days: 30}
	for _, c := range []struct {
		limit    comply.Limit
		released window.Date
		want     string
	}{
		{month, day(2026, 11, 10), "2026-12-11"},
		{month, day(2026, 1, 31), "2026-03-01"},
		{month, day(2028, 1, 31), "2028-03-01"},
		{month, day(2026, 12, 31), "2027-02-01"},
		{days, day(2026, 11, 10), "2026-12-11"},
		{comply.Limit{}, day(2026, 11, 10), "0001-01-01"},
		{month, window.Date{}, "0001-01-01"},
	} {
		if got := c.limit.Due(c.released).Format(time.DateOnly); got != c.want {
			t.Errorf("%+v from %s is due %s, want %s", c.limit, c.released, got, c.want)
		}
	}
}

func TestAgeOf(t *testing.T) {
	for days, want := range map[int]comply.Age{-3: comply.Age7, 0: comply.Age7, 7: comply.Age7, 8: comply.Age14, 14: comply.Age14, 15: comply.Age30, 31: comply.Age60, 61: comply.Age90, 90: comply.Age90, 91: comply.AgeOver} {
		if got := comply.AgeOf(noon().AddDate(0, 0, -days), noon()); got != want {
			t.Errorf("%d days are %s, want %s", days, got, want)
		}
	}
	if got := comply.AgeOf(time.Time{}, noon()); got != comply.AgeNone {
		t.Errorf("no day is %s", got)
	}
}
