package policy_test

import (
	"testing"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

func TestPowered(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name  string
		class site.Class
		power *site.Power
		want  string
	}{
		{"no battery", site.LinuxServer, nil, ""},
		{"no battery that a handheld tells of", site.Handheld, nil, ""},
		{"docked and charging", site.Handheld, &site.Power{OnMains: true, Battery: 5, Docked: &yes}, ""},
		{"at the limit", site.LinuxServer, &site.Power{Battery: 30}, ""},
		{"below it", site.LinuxServer, &site.Power{Battery: 29}, "d-1 runs on its battery, which has 29 %; 30 % are needed [battery_low battery=29 on_mains=false]"},
		{"below it on mains", site.LinuxServer, &site.Power{OnMains: true, Battery: 1}, ""},
		{"below it, not docked either", site.Handheld, &site.Power{Battery: 3, Docked: &no},
			"d-1 runs on its battery, which has 3 %; 30 % are needed [battery_low battery=3 docked=false on_mains=false]"},
		{"in a hand", site.Handheld, &site.Power{Battery: 90, Docked: &no}, "d-1 is not on its dock [not_docked battery=90 docked=false on_mains=false]"},
		{"on a cable", site.Handheld, &site.Power{OnMains: true, Battery: 90, Docked: &no}, "d-1 is not on its dock [not_docked battery=90 docked=false on_mains=true]"},
		{"a dock without power", site.Handheld, &site.Power{Battery: 90, Docked: &yes},
			"d-1 runs on its battery: it is not on its dock, or the dock has no power [not_docked battery=90 docked=true on_mains=false]"},
		{"a handheld that tells nothing of a dock", site.Handheld, &site.Power{Battery: 90},
			"d-1 runs on its battery: it is not on its dock, or the dock has no power [not_docked battery=90 on_mains=false]"},
		{"a server that lost mains", site.LinuxServer, &site.Power{Battery: 90}, ""},
	} {
		if got := policy.Powered(site.Device{ID: "d-1", Class: c.class}, site.Observation{Power: c.power}).String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
