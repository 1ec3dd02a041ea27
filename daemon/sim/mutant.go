package sim

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/devices/fake"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
	"github.com/nightfill/nightfill/site/window"
)

// Mutant is a night without one of its guards: the rules are told something that is not so,
// or what they do is changed on its way. The zero Mutant is the night as it is.
type Mutant struct {
	Name   string
	Facts  func(policy.Facts) policy.Facts     // what the rules plan from
	Driver func(devices.Driver) devices.Driver // what stands between the runner and the devices
	// Silence is how a check counts that got no answer; "" = it has no result.
	Silence site.CheckOutcome
	Naive   bool     // the clock of the box is always believed
	Lazy    bool     // the journal acknowledges before it writes
	Faults  []string // the kinds of fault in which the guard shows; none = all
	Breaks  []string // invariants of which at least one has to break
}

// Mutants are all guards, each removed by itself.
func Mutants() []Mutant {
	return []Mutant{
		{Name: "rollback-reserve", Breaks: []string{"last safe start"}, Facts: patched(func(p *site.Patch) { p.Duration.Rollback = 0 })},
		{Name: "min-up", Breaks: []string{"min_up"}, Facts: grouped(func(g *site.Group) { g.MinUp = 0 })},
		{Name: "max-down", Breaks: []string{"max_down"}, Facts: grouped(func(g *site.Group) { g.MaxDown = site.Limit{} })},
		{Name: "canary", Breaks: []string{"canary"}, Facts: grouped(func(g *site.Group) { g.Canary = false })},
		{Name: "group-order", Breaks: []string{"before"}, Facts: grouped(func(g *site.Group) { g.Before = nil })},
		{Name: "gate", Breaks: []string{"gate"}, Facts: patched(func(p *site.Patch) { p.Gates = nil })},
		{Name: "requires", Breaks: []string{"requires"}, Facts: patched(func(p *site.Patch) { p.Requires = nil })},
		{Name: "cut-off", Breaks: []string{"last safe start", "window"}, Facts: later},
		{Name: "deadline", Faults: []string{"hangs", "slow-install"}, Breaks: []string{"window", "closed", "explicit"}, Driver: func(d devices.Driver) devices.Driver { return unlimited{d} }},
		{Name: "verify-before-done", Breaks: []string{"proof"}, Driver: func(d devices.Driver) devices.Driver { return credulous{Driver: d, always: true} }},
		{Name: "unknown-is-not-green", Faults: []string{string(fake.NoAnswer), powerCut, "resets", "power_off"}, Breaks: []string{"proof"}, Driver: func(d devices.Driver) devices.Driver { return credulous{Driver: d} }},
		{Name: "ask-before-again", Faults: []string{boxAtCall, boxAtAppend, boxDies}, Breaks: []string{"once"}, Driver: func(d devices.Driver) devices.Driver { return &forgetful{Driver: d, boot: time.Now()} }},
		{Name: "silence-is-no-pass", Faults: []string{stripOff, string(fake.NoAnswer), string(fake.PowerOff), "dead-boot"}, Breaks: []string{"green"}, Silence: site.Pass},
		{Name: "clock-trust", Faults: []string{clockFuture}, Breaks: []string{"clock"}, Naive: true},
		{Name: "pair", Breaks: []string{"pair"}, Facts: apart},
		{Name: "intent-before-act", Breaks: []string{"intent", "once"}, Lazy: true},
	}
}

// patched changes every patch that the rules are told of.
func patched(edit func(*site.Patch)) func(policy.Facts) policy.Facts {
	return func(f policy.Facts) policy.Facts {
		f.Catalog.Patches = slices.Clone(f.Catalog.Patches)
		for i := range f.Catalog.Patches {
			edit(&f.Catalog.Patches[i].Patch)
		}
		return f
	}
}

// grouped changes every group that the rules are told of.
func grouped(edit func(*site.Group)) func(policy.Facts) policy.Facts {
	return func(f policy.Facts) policy.Facts {
		f.Store.Groups = slices.Clone(f.Store.Groups)
		for i := range f.Store.Groups {
			edit(&f.Store.Groups[i])
		}
		return f
	}
}

// apart makes two devices of a pair strangers to each other.
func apart(f policy.Facts) policy.Facts {
	f.Store.Devices = slices.Clone(f.Store.Devices)
	for i := range f.Store.Devices {
		f.Store.Devices[i].Role = ""
	}
	return f
}

// later lets the window end an hour after it really does.
func later(f policy.Facts) policy.Facts {
	f.Store.Calendar.End = (f.Store.Calendar.End + 60) % window.Clock(24*60)
	return f
}

// unlimited gives every work all the time it wants.
type unlimited struct{ devices.Driver }

// Start implements devices.Driver.
func (u unlimited) Start(ctx context.Context, d site.Device, w devices.Work) error {
	w.Timeout = 0
	return u.Driver.Start(ctx, d, w)
}

// credulous takes a verification for passed: always, or when its outcome is not known.
type credulous struct {
	devices.Driver
	always bool
}

func isVerify(id devices.WorkID) bool { return strings.Contains(string(id), "-verify-") }

// Start implements devices.Driver.
func (c credulous) Start(ctx context.Context, d site.Device, w devices.Work) error {
	if c.always && w.Kind == devices.Verify {
		return nil
	}
	return c.Driver.Start(ctx, d, w)
}

// Status implements devices.Driver.
func (c credulous) Status(ctx context.Context, d site.Device, id devices.WorkID) (devices.Progress, error) {
	passed := devices.Progress{Phase: devices.PhaseDone}
	if c.always && isVerify(id) {
		return passed, nil
	}
	p, err := c.Driver.Status(ctx, d, id)
	known := err == nil && (p.Phase == devices.PhaseDone || p.Phase == devices.PhaseTimedOut || p.Phase == devices.PhaseRunning)
	if isVerify(id) && !known && ctx.Err() == nil {
		return passed, nil
	}
	return p, err
}

// forgetful gives a work another name after every start of the box, so that a device
// cannot tell that it has it already.
type forgetful struct {
	devices.Driver
	boot time.Time
}

func (f *forgetful) name(id devices.WorkID) devices.WorkID {
	return id + devices.WorkID(".b"+f.boot.UTC().Format("20060102150405"))
}

// Start implements devices.Driver.
func (f *forgetful) Start(ctx context.Context, d site.Device, w devices.Work) error {
	w.ID = f.name(w.ID)
	return f.Driver.Start(ctx, d, w)
}

// Status implements devices.Driver.
func (f *forgetful) Status(ctx context.Context, d site.Device, id devices.WorkID) (devices.Progress, error) {
	return f.Driver.Status(ctx, d, f.name(id))
}
