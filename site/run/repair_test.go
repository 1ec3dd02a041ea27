package run_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// broken is a store after a night from 23:00 in which app was put on srv-1, and since which POS-1 of
// srv-1 and POS-2 of srv-2 fail. It opens at 06:30.
func broken() (run.State, site.Store) {
	opens := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	store := site.Store{
		Calendar: window.Calendar{Zone: time.UTC, Start: 23 * 60, End: 5 * 60, Opening: map[time.Weekday]window.Clock{time.Monday: 6*60 + 30, time.Tuesday: 6*60 + 30}},
		Devices:  []site.Device{{ID: "srv-1", Class: site.LinuxServer}, {ID: "srv-2", Class: site.LinuxServer}, {ID: "hh-1", Class: site.Handheld}, {ID: "pad", Class: site.Observe}},
		Checks: []site.Check{
			{ID: "POS-1", Device: "srv-1", Kind: site.CheckService, Repair: &site.Repair{RollBack: true}},
			{ID: "POS-2", Device: "srv-2", Kind: site.CheckService, Repair: &site.Repair{Service: "pos-app"}},
			{ID: "HH-1", Device: "hh-1", Kind: site.CheckBattery, Repair: &site.Repair{Service: "x"}},
			{ID: "PAD-1", Device: "pad", Kind: site.CheckTCP, Repair: &site.Repair{Service: "x"}},
			{ID: "POS-3", Device: "srv-2", Kind: site.CheckService},
		},
	}
	p := plan.Plan{
		Night: window.Date{Year: 2026, Month: 11, Day: 22}, Opens: opens, Closes: opens.Add(6 * time.Hour), Cutoff: opens.Add(5 * time.Hour),
		Members: []plan.Member{{Device: "srv-1"}, {Device: "srv-2"}},
		Patches: []site.Patch{{ID: "app", Rollback: site.Rollback{Class: site.RollbackScript}, Reboot: site.RebootNever, Duration: site.Durations{Verify: site.Duration(time.Minute), Rollback: site.Duration(5 * time.Minute)}}},
		Lanes:   []plan.Lane{{Device: "srv-1", Jobs: []plan.Job{{Patch: "app"}}}},
	}
	seen := func(id, device string, o site.CheckOutcome, at time.Time) run.Event {
		return run.Event{Kind: run.CheckEnded, At: at, Device: device, Check: &site.CheckResult{Check: id, Device: device, Outcome: o, At: at}}
	}
	events := []run.Event{seen("POS-1", "srv-1", site.Pass, opens.Add(-time.Minute)), {Kind: run.NightOpened, At: opens, Plan: &p}}
	for _, step := range []run.Step{run.Stage, run.Install, run.Verify} {
		work := "w-" + string(step)
		zero := 0
		events = append(events, run.Event{Kind: run.StepStarted, At: opens.Add(time.Minute), Device: "srv-1", Patch: "app", Step: step, Attempt: 1, Work: work, Deadline: opens.Add(time.Hour)},
			run.Event{Kind: run.StepEnded, At: opens.Add(2 * time.Minute), Device: "srv-1", Patch: "app", Step: step, Attempt: 1, Work: work, Outcome: run.OK, ExitCode: &zero})
	}
	events = append(events, run.Event{Kind: run.NightClosed, At: opens.Add(3 * time.Minute)})
	for id, device := range map[string]string{"POS-1": "srv-1", "POS-2": "srv-2", "HH-1": "hh-1", "PAD-1": "pad", "POS-3": "srv-2"} {
		events = append(events, seen(id, device, site.Fail, opens.Add(4*time.Minute)))
	}
	return run.Foresee(run.State{}, events...), store
}

func kinds(events []run.Event) string {
	text := ""
	for _, e := range events {
		text += string(e.Kind) + " " + e.Device + " " + e.Patch + ";"
	}
	return text
}

const both = "repair.begun srv-1 app;patch.taken_back srv-1 app;repair.begun srv-2 ;"

func TestWhatTheBoxRepairsByItself(t *testing.T) {
	dawn := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	open := time.Date(2026, 11, 23, 6, 30, 0, 0, time.UTC)
	for _, tt := range []struct {
		name   string
		now    time.Time
		change func(*run.State, *site.Store)
		want   string
	}{
		{"before the store opens", dawn, nil, both},
		{"time for a service only", open.Add(-6 * time.Minute), nil, "repair.begun srv-2 ;"},
		{"time for nothing", open.Add(-4 * time.Minute), nil, ""},
		{"the store trades", open, nil, ""},
		{"the next evening", open.Add(12 * time.Hour), nil, ""},
		{"it failed before the night", dawn, func(s *run.State, _ *site.Store) {
			s.Night.Before.Checks = map[string]site.CheckResult{"POS-1": {Outcome: site.Fail}}
		}, "repair.begun srv-2 ;"},
		{"it is not known whether it failed before", dawn, func(s *run.State, _ *site.Store) { s.Night.Before.Checks = nil }, "repair.begun srv-2 ;"},
		{"it cannot be taken back", dawn, func(s *run.State, _ *site.Store) { s.Night.Plan.Patches[0].Rollback.Class = site.RollbackNone }, "repair.begun srv-2 ;"},
		{"they pass again", dawn, func(s *run.State, _ *site.Store) {
			s.Checks = map[string]site.CheckResult{"POS-1": {Outcome: site.Pass}, "POS-2": {Outcome: site.Unknown}}
		}, ""},
		{"seen by an earlier start only", dawn, func(s *run.State, _ *site.Store) { s.Started = dawn }, ""},
		{"the clock is not trusted", dawn, func(s *run.State, _ *site.Store) { s.Unsure = site.Because(site.CodeClockUnsure, "x") }, ""},
		{"a device is held", dawn, func(s *run.State, _ *site.Store) { s.Holds = map[string]site.Hold{"srv-1": {Until: open}} }, "repair.begun srv-2 ;"},
		{"headquarters holds the store", dawn, func(s *run.State, _ *site.Store) { s.Catalog.StoreHeld = &site.StoreHold{Reason: "flood"} }, ""},
		{"the store is held", dawn, func(s *run.State, _ *site.Store) { s.Holds = map[string]site.Hold{site.AllDevices: {Until: open}} }, ""},
		{"a person works on it", dawn, func(s *run.State, _ *site.Store) { s.Hands = map[string]run.Hand{"srv-2": {Actor: "ann"}} }, "repair.begun srv-1 app;patch.taken_back srv-1 app;"},
		{"it was left without proof", dawn, func(s *run.State, _ *site.Store) {
			s.Dirty = map[string]*site.Reason{"srv-2": site.Because(site.CodeDirty, "x")}
		}, "repair.begun srv-1 app;patch.taken_back srv-1 app;"},
		{"the store never opens", dawn, func(_ *run.State, store *site.Store) { store.Calendar.Opening = nil }, ""},
		{"there was no night", dawn, func(s *run.State, _ *site.Store) { s.Night = nil }, ""},
	} {
		s, store := broken()
		if tt.change != nil {
			tt.change(&s, &store)
		}
		if got := kinds(run.Repairs(s, store, tt.now)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestRepairsAreDoneOnce(t *testing.T) {
	s, store := broken()
	dawn := time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
	begun := run.Repairs(s, store, dawn)
	s = run.Foresee(s, begun...)
	if again := run.Repairs(s, store, dawn.Add(time.Minute)); len(again) > 0 {
		t.Errorf("while they are under way: %q", kinds(again))
	}
	if reason := run.MayTakeOver(s, "srv-2"); reason == nil || reason.Text != "srv-2: nightfill (self-repair) starts a service anew: POS-2 fails: pos-app is started anew" {
		t.Errorf("the device while its service is started: %v", reason)
	}
	if over := run.RepairsOver(s, dawn); len(over) > 0 {
		t.Errorf("not settled yet: %q", kinds(over))
	}
	if s.Night.Open() != true {
		t.Error("the night does not go on to take the patch back")
	}
	service := begun[2]
	s = run.Foresee(s, run.Event{Kind: run.RepairEnded, At: dawn.Add(time.Minute), Device: "srv-2", Work: service.Work, Outcome: run.OK, Repair: service.Repair})
	if r := s.Repairs["POS-2"]; r.Outcome != run.OK || run.MayTakeOver(s, "srv-2") != nil {
		t.Errorf("after it: %+v, %v", r, s.Hands)
	}
	s = run.Foresee(s, run.Event{Kind: run.PatchSettled, At: dawn.Add(2 * time.Minute), Device: "srv-1", Patch: "app", To: site.RolledBack})
	over := run.RepairsOver(s, dawn.Add(2*time.Minute))
	if len(over) != 1 || over[0].Outcome != run.OK || over[0].Repair.Check != "POS-1" {
		t.Fatalf("taken back: %+v", over)
	}
	s = run.Foresee(s, over...)
	if more := append(run.RepairsOver(s, dawn), run.Repairs(s, store, dawn.Add(time.Hour))...); len(more) > 0 {
		t.Errorf("once it is over: %q", kinds(more))
	}
	if run.Foresee(s, run.Event{Kind: run.RepairEnded, Repair: &run.RepairNote{Check: "none"}}, run.Event{Kind: run.RepairBegun}).Repairs["none"].Check != "" {
		t.Error("an end without a begin is a repair")
	}
}
