package screen_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/screen"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/console/live/order"
)

// at is a moment of the night of 2026-11-21 in UTC.
func at(hour, minute int) time.Time { return time.Date(2026, 11, 21, hour, minute, 0, 0, time.UTC) }

// facts is an open night in which a is done and b was taken back on till-1; till-2 is not enrolled
// and pinpad-1 only observed.
func facts() view.Facts {
	patch := func(id string) site.Patch {
		return site.Patch{ID: id, Install: site.Install{Kind: site.InstallScript}, Rollback: site.Rollback{Class: site.RollbackScript}}
	}
	made := plan.Plan{
		Night: window.Date{Year: 2026, Month: 11, Day: 21}, Opens: at(23, 0), Cutoff: at(28, 15), Closes: at(29, 0),
		Members: []plan.Member{{Device: "till-1"}}, Patches: []site.Patch{patch("a"), patch("b")},
		Lanes: []plan.Lane{{Device: "till-1", Jobs: []plan.Job{{Patch: "a"}, {Patch: "b"}}}},
	}
	events := []run.Event{
		{Kind: run.NightOpened, Plan: &made}, {Kind: run.PatchSettled, Device: "till-1", Patch: "a", To: site.Done},
		{Kind: run.PatchSettled, Device: "till-1", Patch: "b", To: site.RolledBack, Reason: site.Because(site.CodeVerifyFailed, "it broke")},
	}
	state := run.State{}
	for i, e := range events {
		e.At = at(23, i)
		state = run.Fold(state, run.Record{Seq: uint64(i + 1), Event: e})
	}
	return view.Facts{
		Store: site.Store{
			ID: "0142", Checks: []site.Check{{ID: "POS-1", Device: "till-2"}},
			Calendar: window.Calendar{Zone: time.UTC, Start: 23 * 60, End: 5 * 60, Reserve: 45 * time.Minute, Opening: map[time.Weekday]window.Clock{}},
			Devices: []site.Device{
				{ID: "till-1", Class: site.LinuxServer, HostKey: "k"}, {ID: "till-2", Class: site.LinuxServer}, {ID: "pinpad-1", Class: site.Observe},
			},
		},
		State: state, Now: at(23, 30),
	}
}

func documents(t *testing.T, f view.Facts) map[string]screen.Device {
	t.Helper()
	devices := map[string]screen.Device{}
	for _, d := range screen.Documents(f, map[string]site.CheckResult{"POS-1": {Check: "POS-1", Outcome: site.Fail}}).Devices {
		devices[d.ID] = d.Doc.(screen.Device)
	}
	return devices
}

// A button says what the rules of a night say.
func TestMay(t *testing.T) {
	f := facts()
	devices := documents(t, f)
	for _, tt := range []struct{ device, verb, patch, no string }{
		{"till-1", order.Retry, "b", ""}, {"till-1", order.RollBack, "a", ""}, {"till-1", order.Hold, "", ""},
		{"till-1", order.Release, "", "nothing holds till-1"}, {"till-1", order.Diagnose, "", ""}, {"till-1", order.Restart, "", ""},
		{"till-1", order.Enrol, "", ""},
		{"till-2", order.Retry, "", "nothing was planned for till-2 in the newest night"},
		{"till-2", order.Restart, "", "enrol till-2 first: no key is pinned for it"}, {"till-2", order.Diagnose, "", "enrol till-2 first: no key is pinned for it"},
		{"till-2", order.Enrol, "", ""},
		{"pinpad-1", order.Hold, "", "pinpad-1 is only observed: nothing is ever done to it"},
		{"pinpad-1", order.Enrol, "", "pinpad-1 is only observed: nothing is ever done to it"},
	} {
		m, there := devices[tt.device].May[tt.verb]
		no := ""
		if m.No != nil {
			no = m.No.Text
		}
		if !there || no != tt.no || (tt.patch != "") != slices.Equal(m.Patches, []string{tt.patch}) {
			t.Errorf("%s on %s: %v %q %v, want %q %s", tt.verb, tt.device, there, no, m.Patches, tt.no, tt.patch)
		}
	}
	for _, v := range order.Verbs() {
		for id, d := range devices {
			if _, there := d.May[v.Name]; v.Device && !there {
				t.Errorf("%s of %s is not judged", v.Name, id)
			}
		}
		if _, there := screen.Documents(f, nil).Store.(screen.Store).May[v.Name]; v.Store && !there {
			t.Errorf("%s of the store is not judged", v.Name)
		}
	}
	f.State = run.Fold(f.State, run.Record{Seq: 4, Event: run.Event{
		Kind: run.HoldSet, At: at(23, 10), Device: site.AllDevices, Hold: &site.Hold{Device: site.AllDevices, Until: at(28, 0)},
	}})
	if m := documents(t, f)["till-1"].May[order.Release]; m.No == nil || m.No.Text != "the whole store is held; release that" {
		t.Errorf("release with the store held: %+v", m.No)
	}
	if m := screen.Documents(f, nil).Store.(screen.Store); m.May[order.Release].No != nil || m.Held == nil {
		t.Errorf("release of the store: %+v", m.May)
	}
	f = facts()
	f.State.Catalog.StoreHeld = &site.StoreHold{Reason: "flood", At: at(22, 0)}
	m := screen.Documents(f, nil).Store.(screen.Store)
	if no := m.May[order.Release].No; no == nil || no.Text != "headquarters holds the store, and only people there lift that: flood" || m.HeldByHeadquarters.Reason != "flood" {
		t.Errorf("release of what headquarters holds: %v", no)
	}
}

// What changes with time alone changes no document, and the revision is the device's own.
func TestDocuments(t *testing.T) {
	f := facts()
	before, err := json.Marshal(screen.Documents(f, nil))
	if err != nil {
		t.Fatal(err)
	}
	f.Now = f.Now.Add(time.Second)
	f.State = run.Fold(f.State, run.Record{Seq: 9, Event: run.Event{Kind: run.DeviceSilent, Device: "other", At: at(23, 20)}})
	after := documents(t, f)
	for _, d := range screen.Documents(f, nil).Devices {
		if one, _ := json.Marshal(d); !json.Valid(one) || !slices.Contains([]uint64{3, 0}, after[d.ID].Rev) {
			t.Errorf("%s has the revision %d", d.ID, after[d.ID].Rev)
		}
	}
	var told struct{ Store map[string]any }
	if err := json.Unmarshal(before, &told); err != nil || told.Store["now"] != nil || told.Store["trading"] != false {
		t.Errorf("the store: %v, %v", told.Store, err)
	}
	for id, problem := range map[string]bool{"till-1": true, "till-2": true, "pinpad-1": false} {
		if after[id].Problem != problem {
			t.Errorf("%s is a problem: %v", id, after[id].Problem)
		}
	}
}

func TestTrading(t *testing.T) {
	f := facts()
	for _, tt := range []struct {
		name    string
		opens   window.Clock // 0 = not known
		now     time.Time
		trading bool
	}{
		{"in the window", 8 * 60, at(23, 30), false}, {"before the opening", 8 * 60, at(7, 59), false}, {"open", 8 * 60, at(8, 1), true},
		{"late", 8 * 60, at(22, 59), true}, {"not known, in the window", 0, at(4, 0), false}, {"not known", 0, at(7, 0), true},
	} {
		f.Now, f.Store.Calendar.Opening = tt.now, map[time.Weekday]window.Clock{}
		for day := range time.Saturday + 1 {
			if tt.opens > 0 {
				f.Store.Calendar.Opening[day] = tt.opens
			}
		}
		if got := screen.Trading(f); got != tt.trading {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
