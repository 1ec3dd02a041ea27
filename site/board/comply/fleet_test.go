package comply_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/window"
)

// noon is the time of the tests.
func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func ago(d time.Duration) time.Time { return noon().Add(-d) }

func day(year int, month time.Month, n int) window.Date {
	return window.Date{Year: year, Month: month, Day: n}
}

// patches are the approved patches of the fleets of the tests.
func patches() []site.Approved {
	everywhere := &site.Release{Ring: site.RingFleet}
	return []site.Approved{
		{Patch: site.Patch{ID: "pos-1", Owner: "pos", Severity: site.Critical, VendorReleased: day(2026, 10, 1), Reboot: site.RebootMay, Applies: site.Applies{Package: "pos", Below: "1"}}, Release: everywhere},
		{Patch: site.Patch{ID: "pos-2", Owner: "pos", Severity: site.High, VendorReleased: day(2026, 11, 10), Reboot: site.RebootMay, Supersedes: []string{"pos-1"}, Applies: site.Applies{Package: "pos", Below: "2"}}, Release: &site.Release{Ring: site.RingPilot}},
		{Patch: site.Patch{ID: "db-1", Owner: "db", Severity: site.Medium, VendorReleased: day(2026, 6, 1), Classes: []site.Class{site.LinuxServer}, Applies: site.Applies{Package: "db", Below: "1"}}, Release: everywhere,
			Exceptions: []site.Exception{{Patch: "db-1", Owner: "ann", Reason: "old", Expires: noon().Add(time.Hour), Groups: []string{"old"}}}},
		{Patch: site.Patch{ID: "lab-1", Severity: site.Low, VendorReleased: day(2026, 11, 20)}, Release: &site.Release{Ring: site.RingLab}},
		{Patch: site.Patch{ID: "gone-1", Severity: site.Critical, VendorReleased: day(2026, 1, 1)}, Release: everywhere, Withdrawn: &site.Withdrawal{Reason: "bad"}},
		{Patch: site.Patch{ID: "held-1", Severity: site.Critical, VendorReleased: day(2026, 1, 1)}, Release: everywhere, Held: &site.PatchHold{Reason: "bad"}},
		{Patch: site.Patch{ID: "no-date", Owner: "db", Severity: site.High}, Release: everywhere},
	}
}

// fleet makes stores with devices in every condition, always the same for a seed.
func fleet(seed uint64, stores, perStore int) *board.Board {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	b := board.NewBoard("acme")
	for i := range stores {
		s := b.Store(fmt.Sprintf("%04d", i))
		if r.IntN(10) > 0 {
			s.Expected = &board.Expected{ID: s.ID, Region: pick("north", "south", "")}
		}
		s.Info.Ring = site.Ring(pick("lab", "pilot", "fleet", "fleet", "fleet", ""))
		for k := range perStore {
			d := s.Device(fmt.Sprintf("till-%d", k))
			d.Now = board.DeviceNow{Class: site.Class(pick("linux-server", "linux-server", "handheld", "observe")), Model: pick("m1", "m2", ""), System: pick("Debian 12", "Debian 13")}
			if r.IntN(5) == 0 {
				d.Now.Groups = []string{"old"}
			}
			d.Gone = r.IntN(40) == 0
			d.Observed = board.Observed{At: ago(time.Duration(r.IntN(100)) * time.Hour), RebootPending: r.IntN(6) == 0}
			for _, a := range patches() {
				condition(r, d, a.Patch.ID)
			}
		}
	}
	return b
}

// condition lets one patch on one device be as chance wants it.
func condition(r *rand.Rand, d *board.Device, id string) {
	at := func() time.Time { return ago(time.Duration(r.IntN(24*90)) * time.Hour) }
	switch r.IntN(5) {
	case 0:
		return
	case 1:
		codes := []site.Code{site.CodeNotApplicable, site.CodeNotApplicable, site.CodeExcepted, site.CodeOtherRing, site.CodeSuperseded, site.CodeNotCached}
		d.LeftOut = append(d.LeftOut, board.LeftOut{Patch: id, State: site.NotDue, Code: codes[r.IntN(len(codes))], Installed: []string{"", "9"}[r.IntN(2)]})
		return
	}
	states := []site.State{site.Done, site.Done, site.Done, site.Failed, site.RolledBack, site.Queued, site.Restarting, site.Skipped, site.Held}
	j := d.Job(id)
	j.State, j.Attempt = states[r.IntN(len(states))], 1+r.IntN(2)
	started := at()
	installed := started.Add(time.Minute)
	j.Started, j.Installed = board.At(started), board.At(installed)
	if j.State == site.Done || r.IntN(4) == 0 {
		j.Verified = board.At(installed.Add(time.Hour))
	}
	if r.IntN(3) == 0 {
		j.Restarted = board.At(installed.Add(time.Minute))
	}
	if j.State == site.Failed || j.State == site.RolledBack {
		j.Failed = board.At(installed.Add(2 * time.Hour))
	}
	if j.State == site.RolledBack {
		j.RolledBack = j.Failed
	}
}

func look(b *board.Board) *comply.View {
	return comply.Look(b, comply.Options{Catalog: patches(), Policy: comply.DefaultPolicy(), Now: noon()})
}
