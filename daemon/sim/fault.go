package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/devices/fake"
)

// Fault is one thing that goes wrong in a night. Which of the fields matter is said by its kind.
type Fault struct {
	Row    int // of the fault catalogue
	Kind   string
	Device string        // "" = every device
	Patch  string        // "" = every patch
	At     time.Duration // after the window opens
	For    time.Duration // how long; 0 = for ever, or at once
	N      int           // which append, which call
	Share  int           // in percent, of the devices that it may hit; 0 = all
	Keep   bool          // an append that the box did not survive is on disk
}

// String returns the fault as one line of a fault script.
func (f Fault) String() string {
	parts := []string{fmt.Sprintf("row %d: %s", f.Row, f.Kind)}
	add := func(name, value string, set bool) {
		if set {
			parts = append(parts, name+"="+value)
		}
	}
	add("device", f.Device, f.Device != "")
	add("patch", f.Patch, f.Patch != "")
	add("at", f.At.String(), f.At != 0)
	add("for", f.For.String(), f.For != 0)
	add("n", fmt.Sprint(f.N), f.N != 0)
	add("share", fmt.Sprintf("%d%%", f.Share), f.Share != 0)
	add("keep", "true", f.Keep)
	return strings.Join(parts, " ")
}

// scope is how far a fault reaches.
type scope int

const (
	ofBox       scope = iota // the box
	ofDevice                 // one device
	ofWork                   // one patch, on one device or everywhere
	ofBoxAppend              // the Nth append of the box
	ofBoxCall                // the Nth call of the box
	ofClock                  // the clock of the box
	ofSeveral                // several devices at once
)

// kind is a row of the catalogue as it can be drawn.
type kind struct {
	row    int
	name   string
	scope  scope
	script func(*fake.Script) // ofWork: what becomes of the work
}

// The kinds that more than one place speaks of.
const (
	boxDies      = "box-dies"
	boxAtAppend  = "box-dies-at-append"
	boxAtCall    = "box-dies-at-call"
	journalFull  = "journal-full"
	boxStands    = "box-stands"
	clockUnsure  = "clock-unsure"
	clockAhead   = "clock-ahead"
	clockBehind  = "clock-behind"
	clockLost    = "clock-lost"
	clockFuture  = "clock-years-ahead"
	answerLost   = "answer-lost"
	withdrawn    = "withdrawn"
	held         = "held"
	gateClosed   = string(fake.GateClosed)
	gateHangs    = "gate-hangs"
	powerCut     = "power-cut"
	stripOff     = "strip-off"
	accessPoint  = "access-point"
	cacheRot     = "cache-rot"
	toldTwice    = "told-twice"
	brokenBefore = "broken-before"
)

// kinds is the part of the catalogue that a store without Windows and handhelds can meet.
func kinds() []kind {
	work := func(row int, name string, script func(*fake.Script)) kind {
		return kind{row: row, name: name, scope: ofWork, script: named(name, script)}
	}
	return []kind{
		{row: 1, name: boxDies}, {row: 2, name: boxAtAppend, scope: ofBoxAppend}, {row: 1, name: boxAtCall, scope: ofBoxCall},
		{row: 5, name: boxStands},
		{row: 10, name: journalFull}, {row: 22, name: clockUnsure}, {row: 22, name: clockLost, scope: ofClock},
		{row: 23, name: clockFuture, scope: ofClock}, {row: 24, name: clockAhead, scope: ofClock}, {row: 25, name: clockBehind, scope: ofClock},
		{row: 43, name: answerLost, scope: ofBoxCall},
		{row: 85, name: withdrawn, scope: ofWork}, {row: 0, name: held, scope: ofDevice}, {row: 0, name: gateClosed, scope: ofWork},
		{row: 50, name: powerCut}, {row: 50, name: stripOff, scope: ofSeveral}, {row: 42, name: accessPoint, scope: ofSeveral},
		{row: 19, name: cacheRot, scope: ofWork}, {row: 33, name: toldTwice},
		{row: 42, name: string(fake.NoAnswer), scope: ofDevice}, {row: 40, name: string(fake.Slow), scope: ofDevice},
		{row: 47, name: string(fake.OtherKey), scope: ofDevice}, {row: 48, name: string(fake.LoginRefused), scope: ofDevice},
		{row: 55, name: string(fake.Flapping), scope: ofDevice}, {row: 50, name: string(fake.PowerOff), scope: ofDevice},
		{row: 65, name: string(fake.DiskFull), scope: ofDevice}, {row: 67, name: string(fake.ClaimsLost), scope: ofDevice},
		{row: 69, name: string(fake.LockHeld), scope: ofDevice}, {row: 64, name: brokenBefore, scope: ofWork},
		work(59, gateHangs, func(s *fake.Script) { s.Gate.Hangs = true }),
		work(51, "resets", func(s *fake.Script) { s.Install.Resets, s.Install.Midway = s.Install.Takes/2, fake.Broken }),
		work(51, "resets-once", func(s *fake.Script) { s.Install.Resets, s.Install.Times = s.Install.Takes/3, 1 }),
		work(61, "process-lost", func(s *fake.Script) { s.Install.Lost = true }),
		work(52, "dead-boot", func(s *fake.Script) { s.Boot.Dead = true }),
		work(52, "boot-slow", func(s *fake.Script) { s.Boot.Takes *= 6 }),
		work(52, "boot-ignored", func(s *fake.Script) { s.Boot.Ignored, s.Boot.Times = true, 1 }),
		work(53, "self-revert", func(s *fake.Script) { s.Boot.Reverts = true }),
		work(56, "bricks", func(s *fake.Script) { s.Install.StopsServices = true }),
		work(56, "boot-without-services", func(s *fake.Script) { s.Boot.StopsServices = true }),
		work(55, "dies-later", func(s *fake.Script) { s.Install.StopsAfter = 90 * time.Second }),
		work(57, "verify-broken", func(s *fake.Script) { s.Verify.Exit = 9 }),
		work(57, "verify-hangs", func(s *fake.Script) { s.Verify.Hangs = true }),
		work(58, "revert-fails", func(s *fake.Script) {
			s.Install.StopsServices, s.Revert.Exit, s.Revert.Leaves = true, 1, fake.Unchanged
		}),
		work(58, "revert-lies", func(s *fake.Script) { s.Install.StopsServices, s.Revert.Leaves = true, fake.Unchanged }),
		work(59, "hangs", func(s *fake.Script) { s.Install.Hangs, s.Install.Midway = true, fake.Broken }),
		work(60, "slow-install", func(s *fake.Script) { s.Install.Takes *= 4 }),
		work(62, "exit-0-unchanged", func(s *fake.Script) { s.Install.Leaves = fake.Unchanged }),
		work(63, "output-garbled", func(s *fake.Script) { s.Install.Output = strings.Repeat("\xff\x00", 5000) + "\x1b[2J" }),
		work(63, "exit-1-changed", func(s *fake.Script) { s.Install.Exit = 1 }),
		work(63, "exit-1-unchanged", func(s *fake.Script) { s.Install.Exit, s.Install.Leaves = 1, fake.Unchanged }),
		work(50, "half-configured", func(s *fake.Script) { s.Install.Exit, s.Install.Leaves = 1, fake.Broken }),
	}
}

// named lets a script count, under the name of a fault, when it goes as the fault says: in the
// latest part of the work that the fault changes.
func named(name string, edit func(*fake.Script)) func(*fake.Script) {
	return func(s *fake.Script) {
		was := *s
		edit(s)
		switch {
		case s.Revert != was.Revert:
			s.Revert.Name += " " + name
		case s.Boot != was.Boot:
			s.Boot.Name += " " + name
		case s.Verify != was.Verify:
			s.Verify.Name += " " + name
		case s.Install != was.Install:
			s.Install.Name += " " + name
		default:
			s.Gate.Name += " " + name
		}
	}
}

// drawFaults draws no fault, one by itself, or several at once, of the kinds that are named, or of all.
func (s *Scene) drawFaults(c chance, only []string) {
	n := 0
	switch {
	case c.one(0.1):
	case c.one(0.45):
		n = 1
	default:
		n = c.between(2, 6)
	}
	all := kinds()
	if len(only) > 0 {
		all = slices.DeleteFunc(all, func(k kind) bool { return !slices.Contains(only, k.name) })
	}
	for range n {
		s.Faults = append(s.Faults, s.drawFault(c, pick(c, all)))
	}
}

func (s *Scene) drawFault(c chance, k kind) Fault {
	f := Fault{Row: k.row, Kind: k.name, At: c.span(-30*time.Second, s.Closes.Sub(s.Opens))}
	if c.one(0.6) { // most of the work is in the beginning
		f.At = c.span(-30*time.Second, 40*time.Minute)
	}
	device, patch := pick(c, s.Store.Devices).ID, pick(c, s.Patches).ID
	length := c.span(time.Second, time.Minute)
	switch {
	case c.one(0.5):
		length = c.span(time.Minute, 25*time.Minute)
	case c.one(0.2):
		length = c.span(25*time.Minute, 5*time.Hour)
	}
	switch k.scope {
	case ofBox:
		f.For = length
	case ofClock:
		f.For = length
		switch k.name {
		case clockLost, clockFuture:
			f.At = -2 * time.Minute // since before the box was started
		case clockBehind:
			f.At = s.Closes.Sub(s.Opens) + c.span(time.Minute, 20*time.Minute)
		default:
			f.At = c.span(time.Second, s.Closes.Sub(s.Opens))
		}
	case ofBoxAppend:
		f.At, f.For, f.N, f.Keep = 0, length, c.between(1, 600), c.one(0.5)
	case ofBoxCall:
		f.At, f.For, f.N = 0, length, c.between(1, 500)
	case ofDevice:
		f.Device, f.For = device, length
		if c.one(0.1) {
			f.Device = "" // the switch, the account, the whole strip
		}
	case ofSeveral:
		f.For, f.Share = length, c.between(25, 75)
	case ofWork:
		if gated := s.gated(); (k.name == gateClosed || k.name == gateHangs) && len(gated) > 0 {
			patch = pick(c, gated)
		}
		f.Patch, f.For = patch, length
		switch {
		case !c.one(0.3):
			f.Device = device
		case c.one(0.5): // a bad patch: it does the same everywhere, or on many devices
			f.Share = c.between(30, 90)
		}
		if k.script != nil {
			f.At, f.For = 0, 0
		}
	}
	if k.scope == ofDevice && c.one(0.15) {
		f.For = 0
	}
	if f.N == 0 && k.script == nil {
		f.At += pick(c, s.Nights).opens.Sub(s.Opens)
	}
	return f
}

// gated are the patches that ask a gate.
func (s *Scene) gated() []string {
	var ids []string
	for _, p := range s.Patches {
		if len(p.Gates) > 0 {
			ids = append(ids, p.ID)
		}
	}
	return ids
}
