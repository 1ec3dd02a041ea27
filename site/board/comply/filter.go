package comply

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
)

// None is how the absence of a region, ring, model, class or owner is written.
const None = "none"

// The looks that a filter asks for.
const (
	LookFresh = "fresh" // it was looked at lately
	LookStale = "stale"
)

// Filter chooses rows and devices. An empty field lets everything through; None asks for what has none.
type Filter struct {
	Store    string
	Region   string
	Ring     string
	Class    string
	Model    string
	Patch    string
	Severity string
	Owner    string // of the patch
	Age      Age    // of the patch
	Standing Standing
	Device   DeviceStanding // of the whole device
	Look     string         // LookFresh or LookStale: of the device
	Mark     Mark
	Late     Age // how long it is overdue
	Lacks    Age // of the oldest patch that the device lacks; AgeNothing: it lacks none
}

// Mark asks for rows with something that is beside their standing.
type Mark string

// The marks.
const (
	MarkOverdue   Mark = "overdue"    // late, and neither there nor excepted
	MarkWithin    Mark = "within"     // proven in time
	MarkLate      Mark = "late"       // proven too late, or overdue
	MarkWaived    Mark = "waived"     // too late, and excepted
	MarkOpen      Mark = "open"       // asked for, and not late yet
	MarkUntimed   Mark = "untimed"    // there, and nobody knows since when
	MarkAgain     Mark = "again"      // proven once, and wanted again
	MarkTried     Mark = "tried"      // begun at least once
	MarkFirstPass Mark = "first_pass" // proven without a failure
	MarkBack      Mark = "back"       // taken back at least once
	MarkRetried   Mark = "retried"    // broke at least once, or was begun more than once
	MarkRecovered Mark = "recovered"  // of these: proven since
	MarkTimed     Mark = "timed"      // proven, with a vendor's release: it counts in the time to patch
	MarkApplies   Mark = "applies"    // the device needs it, or has it: it counts in the patch ratio
)

// name writes a value that may be absent.
func name(s string) string {
	if s == "" {
		return None
	}
	return s
}

func region(s *board.Store) string {
	if s.Expected == nil {
		return None
	}
	return name(s.Expected.Region)
}

func is(want, have string) bool { return want == "" || want == have }

func (f Filter) store(s *board.Store) bool {
	return is(f.Store, s.ID) && is(f.Region, region(s)) && is(f.Ring, name(string(s.Info.Ring)))
}

func (f Filter) device(d *board.Device) bool {
	return is(f.Class, name(string(d.Now.Class))) && is(f.Model, name(d.Now.Model))
}

func (f Filter) patch(p *patch) bool {
	return is(f.Patch, p.site.ID) && is(f.Severity, name(string(p.site.Severity))) && is(f.Owner, name(p.site.Owner)) && is(string(f.Age), string(p.age))
}

func (f Filter) row(r *Row, now time.Time) bool {
	return is(string(f.Standing), string(r.Standing)) && (f.Mark == "" || r.Has(f.Mark, now)) && (f.Late == "" || r.Overdue && AgeOf(r.Due, now) == f.Late)
}

// Has reports whether a row has a mark at a time.
func (r *Row) Has(m Mark, now time.Time) bool {
	timed := r.Standing == Installed && r.Job != nil && !r.Job.Verified.IsZero()
	switch m {
	case MarkOverdue:
		return r.Overdue
	case MarkWithin, MarkLate, MarkWaived, MarkOpen, MarkUntimed:
		return r.deadline(now) == m
	case MarkAgain:
		return r.Again
	case MarkTried:
		return r.Job != nil && !r.Job.Started.IsZero()
	case MarkFirstPass:
		return r.Job != nil && !r.Job.Started.IsZero() && timed && r.Job.Failed.IsZero() && r.Job.Attempt <= 1
	case MarkBack:
		return r.Job != nil && !r.Job.Started.IsZero() && !r.Job.RolledBack.IsZero()
	case MarkRetried:
		return r.retried()
	case MarkRecovered:
		return r.retried() && timed
	case MarkTimed:
		return timed && !r.Released.IsZero()
	case MarkApplies:
		return r.Standing != NotApplicable && r.Standing != InGrace
	}
	return false
}

// retried reports whether the first try did not do.
func (r *Row) retried() bool {
	return r.Job != nil && !r.Job.Started.IsZero() && (!r.Job.Failed.IsZero() || r.Job.Attempt > 1)
}

// deadline says how a row stands to its limit: exactly one of within, late, waived, open and untimed,
// or "" where there is no limit or nothing is asked for.
func (r *Row) deadline(now time.Time) Mark {
	switch {
	case r.Due.IsZero() || r.Standing == NotApplicable || r.Standing == InGrace:
		return ""
	case r.Standing == Installed && (r.Job == nil || r.Job.Verified.IsZero()):
		return MarkUntimed
	case r.Standing == Installed && r.Job.Verified.Time().Before(r.Due):
		return MarkWithin
	case r.Standing == Installed:
		return MarkLate
	case now.Before(r.Due):
		return MarkOpen
	case r.Standing == Excepted:
		return MarkWaived
	}
	return MarkLate
}

// severity is the severity of a patch as it is counted.
func severity(p *site.Patch) string { return name(string(p.Severity)) }

// Marks are all marks.
func Marks() []Mark {
	return []Mark{
		MarkOverdue, MarkWithin, MarkLate, MarkWaived, MarkOpen, MarkUntimed, MarkAgain, MarkTried, MarkFirstPass, MarkBack, MarkRetried, MarkRecovered, MarkTimed, MarkApplies,
	}
}
