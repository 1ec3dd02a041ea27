package runner_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/ledger"
	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// lanes plays a night of three tills of which two have to stay at work.
func lanes(t *testing.T, machines []fake.Device, haunted func(*fake.Store), nights func(*scene)) {
	t.Helper()
	play(t, machines, []site.Patch{upgrade("pos-2", "pos", "1.0", "2.0")}, haunted, func(s *scene) {
		s.facts.Store.Groups = []site.Group{{ID: "lanes", MinUp: 2}}
		for i := range s.facts.Store.Devices {
			s.facts.Store.Devices[i].Groups = []string{"lanes"}
		}
		nights(s)
	})
}

// A till that was off when the window opened holds the others back only until it answers, and is
// patched as well.
func TestLateDeviceMakesRoom(t *testing.T) {
	machines := []fake.Device{machine("till-1", "pos=1.0"), machine("till-2", "pos=1.0"), machine("till-3", "pos=1.0")}
	lanes(t, machines, func(s *fake.Store) {
		s.Trouble("till-3", fake.Trouble{Kind: fake.NoAnswer, To: at(23, 20)})
	}, func(s *scene) {
		state, _ := s.until(at(23, 19))
		job(t, state, "till-1", "pos-2", site.Staged, "")
		for _, id := range []string{"till-1", "till-2"} {
			if n := s.store.Truth(id).Count(devices.Install, "pos-2"); n != 0 {
				t.Errorf("%s was taken away while too few tills were at work", id)
			}
		}
		state, _ = s.until(at(1, 0))
		for _, id := range []string{"till-1", "till-2", "till-3"} {
			job(t, state, id, "pos-2", site.Done, "")
		}
	})
}

// A till with nothing to do that dies in the night is missed before the next one is taken away.
func TestDeadBystanderIsMissed(t *testing.T) {
	docked := true
	late := machine("till-1", "pos=1.0")
	late.Power = &site.Power{OnMains: true, Battery: 80, Docked: &docked}
	machines := []fake.Device{late, machine("till-2", "pos=1.0"), machine("till-3", "pos=2.0")}
	lanes(t, machines, func(s *fake.Store) {
		s.Trouble("till-1", fake.Trouble{Kind: fake.Undocked, To: at(23, 30)})
		s.Trouble("till-3", fake.Trouble{Kind: fake.NoAnswer, From: at(23, 10)})
	}, func(s *scene) {
		state, records := s.until(at(5, 0))
		job(t, state, "till-1", "pos-2", site.Skipped, site.CodeGroupFloor)
		job(t, state, "till-2", "pos-2", site.Done, "")
		if n := s.store.Truth("till-1").Count(devices.Install, "pos-2"); n != 0 {
			t.Error("till-1 was taken away with one till left")
		}
		var missed time.Time
		for _, r := range records {
			if r.Event.Kind == run.DeviceSilent && r.Event.Device == "till-3" && r.Event.Patch == "" {
				missed = r.Event.At
			}
		}
		if missed.Before(at(23, 10)) || missed.After(at(23, 17)) {
			t.Errorf("till-3 was missed at %s", missed)
		}
		if s.seen["till-3"].Error == nil || s.seen["till-1"].Error != nil {
			t.Errorf("the last look is told as %v", s.seen)
		}
	})
}

// A hold that ends inside the window by itself, when all else is done, makes way for what it kept back.
func TestHoldRunsOut(t *testing.T) {
	machines := []fake.Device{machine("till-1", "pos=1.0"), machine("till-2", "pos=1.0")}
	play(t, machines, []site.Patch{upgrade("pos-2", "pos", "1.0", "2.0")}, func(*fake.Store) {}, func(s *scene) {
		j := openJournal(t, s.dir)
		l, err := ledger.Open(j)
		if err != nil {
			t.Fatal(err)
		}
		hold := run.Event{Kind: run.HoldSet, At: time.Now(), Hold: &site.Hold{Device: "till-2", Until: at(0, 30), Reason: "late customers", Actor: "ann"}}
		if _, err := l.Commit(func(run.State) []run.Event { return []run.Event{hold} }); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		state, records := s.until(at(1, 0))
		job(t, state, "till-1", "pos-2", site.Done, "")
		job(t, state, "till-2", "pos-2", site.Done, "")
		closed := slices.IndexFunc(records, func(r run.Record) bool { return r.Event.Kind == run.NightClosed })
		if closed < 0 || records[closed].Event.At.After(at(0, 29)) {
			t.Error("the night waited for the hold")
		}
	})
}
