package comply

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// Standing is where an approved patch stands on a device that it is made for.
type Standing string

// The standings. Only Installed is good; NotApplicable and InGrace are not asked for, all others are.
const (
	Installed              Standing = "installed"                // proven, or observed on the device
	InstalledPendingReboot Standing = "installed_pending_reboot" // put on, without effect until the device restarts
	Missing                Standing = "missing"                  // it needs it and does not have it
	Failed                 Standing = "failed"                   // missing, and the newest try broke
	Excepted               Standing = "excepted"                 // missing, and somebody answers for that for a time
	Unknown                Standing = "unknown"                  // no fresh look, or no word about this patch
	InGrace                Standing = "in_grace"                 // not there yet, and too young to be asked for
	NotApplicable          Standing = "not_applicable"           // the device does not need it
)

// Standings are all standings, in the order in which pages show them.
func Standings() []Standing {
	return []Standing{Installed, InstalledPendingReboot, Missing, Failed, Excepted, Unknown, InGrace, NotApplicable}
}

// Row is one approved patch on one device that it is made for. Its pointers are into the board and
// the catalog: it must not be kept longer than they are read.
type Row struct {
	Store    *board.Store
	Device   *board.Device
	Patch    *site.Patch
	Job      *board.Job // nil: it was never planned there
	Standing Standing
	State    site.State // the store's newest word; "" = none
	Code     site.Code
	Version  string    // as it was observed, where that decided
	Looked   time.Time // the newest look at the device that told something; zero = none
	Released time.Time // by the vendor; zero = not known
	Due      time.Time // the first moment at which it is late; zero = never
	Age      Age       // of the patch
	Overdue  bool      // it is late, and neither there nor excepted
	Again    bool      // it was proven there once, and is wanted again
	// Exception is the one by which it is excepted, nil where it is not.
	Exception *site.Exception
}

// judge says where a patch stands on a device.
func (v *View) judge(s *board.Store, d *board.Device, p *patch, looked time.Time) Row {
	r := Row{Store: s, Device: d, Patch: p.site, Job: d.Find(p.site.ID), Looked: looked, Released: p.released, Due: p.due, Age: p.age}
	r.Standing = v.standing(&r, p)
	r.Again = r.Job != nil && !r.Job.Verified.IsZero() && (r.Standing == Missing || r.Standing == Failed || r.Standing == Excepted)
	switch {
	case (r.Standing == Missing || r.Standing == Failed) && v.except(&r, p):
		r.Standing = Excepted
	case wanting(r.Standing) && r.Standing != Unknown && v.now.Before(p.graceEnds):
		r.Standing = InGrace
	}
	r.Overdue = wanting(r.Standing) && !r.Due.IsZero() && !v.now.Before(r.Due)
	return r
}

// wanting reports whether a patch should be there, is not, and nobody answers for that.
func wanting(s Standing) bool {
	return s == Missing || s == Failed || s == InstalledPendingReboot || s == Unknown
}

// standing is judge without exceptions and grace.
func (v *View) standing(r *Row, p *patch) Standing {
	if v.superseded(r.Store, r.Device, p) {
		r.Code = site.CodeSuperseded
		return NotApplicable
	}
	if r.Looked.IsZero() || v.now.Sub(r.Looked) > v.policy.Fresh {
		r.State, r.Code, _ = r.Store.Standing(r.Device, p.site.ID)
		return Unknown
	}
	var told bool
	r.State, r.Code, told = r.Store.Standing(r.Device, p.site.ID)
	if !told {
		r.Code = wholeDevice(r.Store, r.Device)
		return Unknown
	}
	switch r.State {
	case site.Done:
		return effective(r)
	case site.NotDue:
		return v.notDue(r)
	case site.Failed, site.RolledBack, site.RollbackFailed:
		return Failed
	case site.Restarting:
		return InstalledPendingReboot
	}
	if broke(r.Job) {
		return Failed
	}
	return Missing
}

// notDue reads why a store leaves a patch out.
func (v *View) notDue(r *Row) Standing {
	switch r.Code {
	case site.CodeNotApplicable:
		for _, l := range r.Device.LeftOut {
			if l.Patch == r.Patch.ID {
				r.Version = l.Installed
			}
		}
		if r.Version != "" || r.Patch.Applies.Package == "" || r.Job != nil && !r.Job.Verified.IsZero() && !broke(r.Job) {
			return effective(r)
		}
		return NotApplicable
	case site.CodeSuperseded, site.CodeObserveOnly, site.CodeOtherClass, site.CodeOtherDevice:
		return NotApplicable
	case site.CodeNotReleased, site.CodeWithdrawn, site.CodeOtherRing, site.CodeOtherStore, site.CodeNotYet, site.CodeExpired:
		if !v.catalog {
			return NotApplicable // the store's word on what is approved is the only one there is
		}
	}
	if broke(r.Job) {
		return Failed
	}
	return Missing
}

// effective tells what is there and has effect from what waits for a restart.
func effective(r *Row) Standing {
	o := r.Device.Observed
	if !o.RebootPending || r.Patch.Reboot == site.RebootNever {
		return Installed
	}
	waits := r.Patch.Reboot == site.RebootAlways
	if r.Job != nil && !r.Job.Installed.IsZero() {
		waits = o.At.After(r.Job.Installed.Time()) && !r.Job.Restarted.After(r.Job.Installed)
	}
	if waits {
		return InstalledPendingReboot
	}
	return Installed
}

// broke reports whether the newest try of a job broke.
func broke(j *board.Job) bool { return j != nil && !j.Failed.IsZero() && j.Failed.After(j.Verified) }

// wholeDevice is why the newest look left out a device, or its store, as a whole; "" when it did not.
func wholeDevice(s *board.Store, d *board.Device) site.Code {
	for _, l := range d.LeftOut {
		if l.Patch == "" {
			return l.Code
		}
	}
	if s.LeftOut != nil {
		return s.LeftOut.Code
	}
	return ""
}

// except finds the exception that covers a row now.
func (v *View) except(r *Row, p *patch) bool {
	for i := range p.exceptions {
		e := &p.exceptions[i]
		if v.now.Before(e.Expires) && e.Covers(r.Store.ID, r.Device.ID, r.Device.Now.Groups) {
			r.Exception = e
			return true
		}
	}
	return false
}

// superseded reports whether another approved patch makes this one unnecessary on the device.
func (v *View) superseded(s *board.Store, d *board.Device, p *patch) bool {
	return slices.ContainsFunc(p.by, func(other *patch) bool { return other.takes(s) && other.aims(s, d) })
}

// Looked is when a device was last looked at and told something.
func Looked(d *board.Device) time.Time {
	var at time.Time
	if d.Observed.Error == nil {
		at = d.Observed.At
	}
	if d.Now.Answers && d.Now.SeenAt.After(at) {
		at = d.Now.SeenAt
	}
	return at
}
