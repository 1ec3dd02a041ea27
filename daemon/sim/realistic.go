package sim

import (
	"slices"
	"time"
)

// rate is how often something goes wrong in a store, and what.
type rate struct {
	p    float64
	kind string
}

// Realistic makes the night of a seed in which things go wrong as rarely as in stores of Linux
// hosts: most of them by themselves, some because of one cause.
func Realistic(seed uint64) Scene {
	s := Draw(seed)
	s.Faults = nil
	c := draw(seed, streamFaults)
	s.drawAbsent(c)
	s.drawFailures(c)
	s.drawCommon(c)
	return s
}

// fault adds a fault of a kind.
func (s *Scene) fault(f Fault) {
	i := slices.IndexFunc(kinds(), func(k kind) bool { return k.name == f.Kind })
	f.Row = kinds()[i].row
	s.Faults = append(s.Faults, f)
}

// drawAbsent draws who is not there when the window opens: switched off, or lost on the way.
func (s *Scene) drawAbsent(c chance) {
	for _, d := range s.Store.Devices {
		p := map[string]float64{"servers": 0.005, "lanes": 0.07, "kiosks": 0.03}[d.Groups[0]]
		if c.one(p) {
			away := c.minutes(90, 600)
			s.fault(Fault{Kind: "power_off", Device: d.ID, At: -time.Minute, For: away})
		}
	}
}

// drawFailures draws what goes wrong with single patches on single devices.
func (s *Scene) drawFailures(c chance) {
	rates := []rate{
		{0.015 * 0.45, "exit-1-unchanged"}, {0.015 * 0.15, "half-configured"}, {0.015 * 0.15, "hangs"}, {0.015 * 0.1, "exit-0-unchanged"},
		{0.015 * 0.15, "resets-once"}, {0.008, "bricks"}, {0.008 * 0.08, "revert-fails"}, {0.01, "boot-without-services"},
		{0.007, "boot-slow"}, {0.003, "dead-boot"}, {0.003, "slow-install"}, {0.001, "self-revert"},
	}
	for _, d := range s.Store.Devices {
		for _, p := range s.Patches {
			for _, r := range rates {
				if c.one(r.p) {
					s.fault(Fault{Kind: r.kind, Device: d.ID, Patch: p.ID})
				}
			}
		}
	}
}

// drawCommon draws what befalls many at once: a bad patch, business that is not finished, the power,
// the network, people.
func (s *Scene) drawCommon(c chance) {
	inside := func() time.Duration { return c.span(0, s.Closes.Sub(s.Opens)) }
	for _, p := range s.Patches {
		if c.one(1.0 / 250) {
			kind := "boot-without-services"
			switch {
			case c.one(0.3):
				kind = "bricks"
			case c.one(0.3):
				kind = "dies-later"
			}
			s.fault(Fault{Kind: kind, Patch: p.ID, Share: c.between(30, 100)})
		}
		switch gated := len(p.Gates) > 0; {
		case gated && c.one(0.015):
			s.fault(Fault{Kind: gateClosed, Patch: p.ID})
		case gated && c.one(0.08):
			s.fault(Fault{Kind: gateClosed, Patch: p.ID, For: c.minutes(20, 70)})
		}
	}
	for _, r := range []rate{{0.001, powerCut}, {0.002, boxDies}} {
		if c.one(r.p) {
			s.fault(Fault{Kind: r.kind, At: inside(), For: c.minutes(20, 240)})
		}
	}
	if c.one(0.01) {
		s.fault(Fault{Kind: accessPoint, At: inside(), For: c.minutes(10, 60), Share: c.between(25, 75)})
	}
	if c.one(0.005) {
		s.fault(Fault{Kind: stripOff, At: inside(), For: c.minutes(30, 240), Share: c.between(25, 50)})
	}
	if c.one(0.01) {
		s.fault(Fault{Kind: "claims_lost", Device: pick(c, s.Store.Devices).ID, At: inside()})
	}
	if c.one(0.005) {
		s.fault(Fault{Kind: withdrawn, Patch: pick(c, s.Patches).ID, At: inside()})
	}
}
