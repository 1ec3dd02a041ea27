package runner_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// What the first till took by its own clock decides whether the second one fits, though the box was
// away while the till was at it.
func TestSlowCanaryTeaches(t *testing.T) {
	p := upgrade("pos-2", "pos", "1.0", "2.0")
	p.Duration.Install = minutes(30)
	play(t, []fake.Device{machine("till-1", "pos=1.0"), machine("till-2", "pos=1.0")}, []site.Patch{p}, func(s *fake.Store) {
		s.Script("till-1", "pos-2", fake.Script{Install: fake.Outcome{Takes: 55 * time.Minute}})
	}, func(s *scene) {
		s.facts.Store.Groups = []site.Group{{ID: "lanes", Canary: true}}
		for i := range s.facts.Store.Devices {
			s.facts.Store.Devices[i].Groups, s.facts.Store.Devices[i].Model = []string{"lanes"}, "hp-rp5810"
		}
		state, _ := s.until(at(23, 20))
		job(t, state, "till-1", "pos-2", site.Installing, "")
		pass(20 * time.Minute)
		state, _ = s.until(at(2, 0))
		done := job(t, state, "till-1", "pos-2", site.Done, "")
		if took := done.Ends[run.Install].Took.Std().Round(time.Second); took != 55*time.Minute {
			t.Errorf("it took %s", took)
		}
		late := job(t, state, "till-2", "pos-2", site.Skipped, site.CodeNoTime)
		if late.Reason == nil || late.Reason.Facts["needs"] != "59m0s" || late.Reason.Facts["from"] != "learned (n=1)" {
			t.Errorf("the second is skipped because %s", late.Reason)
		}
		if e := state.Estimate("till-2", p); e.Install != minutes(55) {
			t.Errorf("tomorrow it is expected to take %s", e.Install)
		}
	})
}

// A run that was so slow that nothing of the kind fits into any night is forgotten: the next devices are not kept from
// the patch for ever.
func TestSlowRunIsForgotten(t *testing.T) {
	p := upgrade("pos-2", "pos", "1.0", "2.0")
	p.Duration.Install = minutes(55)
	play(t, []fake.Device{machine("till-1", "pos=1.0"), machine("till-2", "pos=1.0")}, []site.Patch{p}, func(s *fake.Store) {
		s.Script("till-1", "pos-2", fake.Script{Install: fake.Outcome{Takes: 107 * time.Minute}})
	}, func(s *scene) {
		s.facts.Store.Groups = []site.Group{{ID: "lanes", Canary: true}}
		for i := range s.facts.Store.Devices {
			s.facts.Store.Devices[i].Groups, s.facts.Store.Devices[i].Model = []string{"lanes"}, "hp-rp5810"
		}
		state, _ := s.until(at(2, 0))
		job(t, state, "till-1", "pos-2", site.Done, "")
		if e := state.Estimate("till-2", p); e.Install != minutes(107) || s.store.Truth("till-2").Packages["pos"] != "1.0" {
			t.Fatalf("it is expected to take %s: the scene proves nothing", e.Install)
		}
		state, _ = s.until(at(2, 0).AddDate(0, 0, 1))
		if e := state.Estimate("till-2", p); e.From == "learned (n=1)" && e.Install == minutes(107) {
			t.Errorf("after a night it is still expected to take %s, %s", e.Install, e.From)
		}
		state, records := s.until(at(2, 0).AddDate(0, 0, 2))
		forgot := 0
		for _, r := range records {
			if r.Event.Kind == run.NightOpened {
				forgot += len(r.Event.Plan.Forgets)
			}
		}
		if s.store.Truth("till-2").Packages["pos"] != "2.0" || forgot != 1 {
			t.Errorf("after three nights the till has %v, and %d times something was forgotten: %+v", s.store.Truth("till-2").Packages, forgot, state.Night.JobsOf("till-2"))
		}
	})
}
