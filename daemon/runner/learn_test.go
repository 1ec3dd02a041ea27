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
