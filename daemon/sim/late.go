package sim

import "time"

// early is by when after the opening of the window everything that Late draws is over.
const early = 40 * time.Minute

// Late makes the night of a seed in which all trouble is in its beginning: devices that are not
// there when the window opens, that somebody else works on or whose disk is full, business that is not finished, a box that starts late, stands still or
// does not trust its clock or its disk, a person who holds a device. It costs time, and nothing else.
func Late(seed uint64) Scene {
	s := Draw(seed)
	s.Nights, s.Faults = s.Nights[:1], nil
	for _, p := range s.Patches {
		s.arrives[p.ID] = 0
	}
	c := draw(seed, streamFaults)
	soon := func() time.Duration { return c.span(time.Minute, early) }
	for _, d := range s.Store.Devices {
		if c.one(0.25) {
			s.fault(Fault{Kind: pick(c, []string{"no_answer", "no_answer", "power_off", "login_refused", "flapping", "slow", "lock_held", "disk_full"}), Device: d.ID, At: -2 * time.Minute, For: soon() + 2*time.Minute})
		}
	}
	for _, p := range s.Patches {
		if waits := len(p.Gates) > 0 && p.Gates[0].Wait; waits && c.one(0.3) {
			s.fault(Fault{Kind: gateClosed, Patch: p.ID, For: soon()})
		}
	}
	for _, kind := range []string{boxDies, boxStands, clockUnsure, journalFull} {
		if c.one(0.1) {
			s.fault(Fault{Kind: kind, For: soon()})
		}
	}
	if c.one(0.2) {
		s.fault(Fault{Kind: held, Device: pick(c, s.Store.Devices).ID, At: time.Second, For: soon()})
	}
	return s
}
