package forecast

import "time"

// Kind names a misfortune that a rehearsal is told to have. The list is closed.
type Kind string

// The kinds of misfortune.
const (
	Fails         Kind = "fails"          // the installer fails
	Breaks        Kind = "breaks"         // it is installed, and then the device does not work
	Interrupted   Kind = "interrupted"    // the device restarts under the installer; repeated, it works
	Slow          Kind = "slow"           // everything takes half as long again as was estimated
	NotBack       Kind = "not-back"       // the device is not back from its restart this night
	RollbackFails Kind = "rollback-fails" // it breaks the device, and what was there before cannot be proven
	GateShut      Kind = "gate-shut"      // the gate stays closed
	Silent        Kind = "silent"         // the device falls silent: at At, else when the patch is installed
	PowerCut      Kind = "power-cut"      // the box, and only the box, is without power from At on
)

// Kinds returns the kinds that happen to devices, in the order of their description.
func Kinds() []Kind {
	return []Kind{Fails, Breaks, Interrupted, Slow, NotBack, RollbackFails, GateShut, Silent}
}

// Every is the name that stands for every device or every patch in a Fault.
const Every = "*"

// Fault is one misfortune of a rehearsal.
type Fault struct {
	Device string        `json:"device,omitempty"` // or Every; "" with a power cut
	Patch  string        `json:"patch,omitempty"`  // or Every
	Kind   Kind          `json:"kind"`
	At     time.Time     `json:"at,omitzero"` // silent and power-cut only; zero with silent: see there
	For    time.Duration `json:"-"`           // power-cut only; 0 = Blackout
}

// Blackout is how long a power cut lasts when nothing else is said.
const Blackout = 20 * time.Minute

// slower is what Slow does to an estimate.
const slower = 1.5

func (f Fault) hits(kind Kind, device, patch string) bool {
	return f.Kind == kind && (f.Device == Every || f.Device == device) && (f.Patch == Every || f.Patch == patch)
}
