package fake

import (
	"strings"
	"time"

	"github.com/nightfill/nightfill/devices"
)

// Script is how a patch behaves on a device where that is not what the patch
// promises. The zero Script is a patch that does what it says.
type Script struct {
	Gate    Outcome
	Install Outcome
	Verify  Outcome
	Revert  Outcome
	Prove   Outcome
	// Boot is the first start of the device after the patch was begun to be installed.
	// In a script of a device without a patch it is every start that no patch's script tells of.
	Boot Boot
}

// Outcome is how one kind of work goes. The zero Outcome is: as the patch promises.
type Outcome struct {
	Name          string        // names, separated by spaces, under which Fired counts each run that goes this way
	Times         int           // only the first so many runs go this way; 0 = all of them
	Exit          int           // exit code; 0 = what follows from the state of the device
	Leaves        Leaves        // what an install or revert that ends by itself leaves; default Changed
	Midway        Leaves        // what one leaves that is cut off by its timeout or a restart; default Unchanged
	Hangs         bool          // it ends only by its timeout or by Let
	Takes         time.Duration // instead of what the device takes
	Resets        time.Duration // the device restarts by itself so long after the work began, if it still runs
	Lost          bool          // its process goes away without a result when it would end
	StopsServices bool          // the services that the patch verifies (else all) are down afterwards, until it is taken back
	StopsAfter    time.Duration // they come up, and go down so long after the end of the work and after every boot
	WantsReboot   bool          // the device says that it wants a restart, unless the patch says never
	Output        string        // what it prints, instead of the usual words
}

// Leaves is the state in which work leaves the packages of its patch.
type Leaves string

// What work can leave.
const (
	Changed   Leaves = "changed"   // done in full, whatever the exit code says
	Unchanged Leaves = "unchanged" // nothing was done, whatever the exit code says
	Broken    Leaves = "broken"    // half-configured: neither installed nor absent
)

// Boot is how a restart goes. The zero Boot is one that goes well.
type Boot struct {
	Name          string        // names, separated by spaces, under which Fired counts each restart that goes this way
	Times         int           // only the first so many restarts go this way; 0 = all of them
	Ignored       bool          // the order is taken and nothing follows
	Dead          bool          // it does not come back, until the power is cut and restored
	Takes         time.Duration // instead of what the device takes
	Reverts       bool          // the device takes the patch installed last back by itself; its record stays
	StopsServices bool          // no service comes up, until the next restart
}

// target is what a script is about. An empty field means any.
type target struct{ device, patch string }

// scripted is a Script and how much of it was used up on each device.
type scripted struct {
	Script
	used map[use]int
}

type use struct {
	device string
	what   string
}

// Script sets how a patch behaves on a device. An empty device means every device,
// an empty patch every patch. The narrowest script wins as a whole: device and
// patch, then patch, then device. Setting it again starts its counts anew.
func (s *Store) Script(device, patch string, script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if device != "" {
		s.must(device)
	}
	s.scripts[target{device, patch}] = &scripted{Script: script, used: map[use]int{}}
}

func (s *Store) script(device, patch string) *scripted {
	for _, t := range []target{{device, patch}, {"", patch}, {device, ""}, {"", ""}} {
		if found, ok := s.scripts[t]; ok {
			return found
		}
	}
	return &scripted{used: map[use]int{}}
}

// take counts one use and reports whether it is among the first n; n = 0 has no limit.
func (s *scripted) take(device, what string, n int) bool {
	s.used[use{device, what}]++
	return n == 0 || s.used[use{device, what}] <= n
}

// outcome returns how the next run of this kind goes.
func (s *Store) outcome(m *machine, kind devices.Kind, patch string) Outcome {
	script := s.script(m.ID, patch)
	o := map[devices.Kind]Outcome{
		devices.Gate: script.Gate, devices.Install: script.Install, devices.Verify: script.Verify,
		devices.Revert: script.Revert, devices.Prove: script.Prove,
	}[kind]
	if o == (Outcome{}) || !script.take(m.ID, string(kind), o.Times) {
		return Outcome{}
	}
	s.firedOutcome(kind, o)
	return o
}

// nextBoot returns how the next restart of the device goes.
func (s *Store) nextBoot(m *machine) Boot {
	patch := ""
	if m.armed != nil {
		patch = m.armed.ID
	}
	script := s.script(m.ID, patch)
	b := script.Boot
	if b == (Boot{}) || !script.take(m.ID, "boot", b.Times) {
		return Boot{}
	}
	s.firedBoot(b)
	return b
}

func (s *Store) firedOutcome(kind devices.Kind, o Outcome) {
	s.firedNames(o.Name)
	s.fireIf(string(kind)+" exit", o.Exit != 0)
	s.fireIf(string(kind)+" unchanged", o.Leaves == Unchanged)
	s.fireIf(string(kind)+" broken", o.Leaves == Broken)
	s.fireIf(string(kind)+" hangs", o.Hangs)
	s.fireIf(string(kind)+" resets", o.Resets > 0)
	s.fireIf(string(kind)+" lost", o.Lost)
	s.fireIf(string(kind)+" stops services", o.StopsServices || o.StopsAfter > 0)
}

func (s *Store) firedBoot(b Boot) {
	s.firedNames(b.Name)
	s.fireIf("boot ignored", b.Ignored)
	s.fireIf("boot dead", b.Dead)
	s.fireIf("boot slow", b.Takes > 0)
	s.fireIf("boot reverts", b.Reverts)
	s.fireIf("boot stops services", b.StopsServices)
}

func (s *Store) firedNames(names string) {
	for name := range strings.FieldsSeq(names) {
		s.fired[name]++
	}
}

func (s *Store) fireIf(name string, happened bool) {
	if happened {
		s.fired[name]++
	}
}

// Let makes the work of this patch that hangs on the device end now, by itself.
// It does nothing when none hangs.
func (s *Store) Let(device, patch string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, now := s.must(device), s.now()
	s.advance(now)
	for _, j := range m.active {
		if j.work.Patch.ID == patch && j.outcome.Hangs {
			m.end(j, devices.PhaseDone, now)
		}
	}
}
