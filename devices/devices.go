// Package devices says what Nightfill may ask of a device, whatever it is. Each
// way of reaching one (SSH, an agent, a simulation) is a driver in a folder of
// its own; all of them pass the suite in drivertest. This package decides
// nothing and reaches nothing.
package devices

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Driver reaches the devices of one or more classes.
//
// Every call takes a context with a deadline and returns soon after it ends.
// Every call may be repeated. None of them retries by itself, none trusts a
// device whose pinned host key does not match, and an error that means something
// to the rules wraps a *site.Reason (see Reason); any other error means that the
// device did not answer and nothing is known.
type Driver interface {
	// Probe looks at a device and changes nothing on it.
	Probe(ctx context.Context, d site.Device) (site.Observation, error)

	// Stage puts the artifact's bytes on the device. It resumes, skips bytes
	// that are there already, and returns nil only after the device's own digest
	// of the whole file equals the artifact's.
	Stage(ctx context.Context, d site.Device, a site.Artifact, bytes io.ReaderAt) error

	// Start makes the device claim w.ID durably and run the work detached from
	// this call. Once an id was claimed, a second Start of it is a no-op that
	// returns nil, whatever became of the work. On an error nothing is known:
	// ask Status.
	Start(ctx context.Context, d site.Device, w Work) error

	// Status tells what became of the work, after any crash on either side. It
	// may wait on the device for a change of state, up to StatusWait.
	Status(ctx context.Context, d site.Device, id WorkID) (Progress, error)

	// Reboot makes the device claim id and then restart. The same id never
	// restarts it twice. That it restarted is proven by Probe returning another
	// boot id, never by a dropped connection.
	Reboot(ctx context.Context, d site.Device, id WorkID) error

	// Check asks the device one read-only question. The string is what was
	// seen, for people; err is only for a question that got no answer.
	Check(ctx context.Context, d site.Device, c site.Check) (site.CheckOutcome, string, error)
}

// StatusWait is how long a Status call may wait on a device for work to end.
const StatusWait = 15 * time.Second

// WorkID names one piece of work for ever, on the box and on the device. It is
// safe as a file name: lower-case letters, digits, dot and hyphen.
type WorkID string

// Kind is what a piece of work is for.
type Kind string

// The kinds of work.
const (
	Gate    Kind = "gate"    // ask whether the device's business is finished; changes nothing
	Install Kind = "install" // put the patch on
	Verify  Kind = "verify"  // prove that the patch is on and that the device works; changes nothing
	Revert  Kind = "revert"  // take the patch back
	Prove   Kind = "prove"   // prove that the patch is off again and that the device works; changes nothing
	Restart Kind = "restart" // start a service anew; it ends with 0 when the service runs afterwards
)

// Work is one thing to be done on a device by itself. A driver turns it into the
// device's own means; its meaning is the same on every driver.
type Work struct {
	ID    WorkID
	Kind  Kind
	Patch site.Patch // none with Restart
	// Service is what Restart starts anew, as the device calls it.
	Service string
	// Before is what the device had before the patch: the proof of a revert compares with it.
	Before site.Observation
	// Timeout is enforced on the device too: when it is over, everything that the work started is ended.
	Timeout time.Duration
	// Owner is who holds the device's lock for this work. Work of another owner is refused with
	// CodeBusy as long as any work runs on the device.
	Owner string
}

// Phase is where a piece of work stands on the device.
type Phase string

// The phases of work.
const (
	PhaseNone        Phase = "none"        // the device has never claimed this id
	PhaseRunning     Phase = "running"     // claimed, and running or about to
	PhaseDone        Phase = "done"        // it ended by itself: ExitCode and Output are set
	PhaseTimedOut    Phase = "timed_out"   // the device ended it after Work.Timeout
	PhaseLost        Phase = "lost"        // claimed in this boot, but its process is gone without a result
	PhaseInterrupted Phase = "interrupted" // claimed in an earlier boot and has no result: nothing is known of its effect
)

// Ended reports whether the phase will not change any more.
func (p Phase) Ended() bool { return p != PhaseNone && p != PhaseRunning }

// Progress is what a device says about a piece of work.
type Progress struct {
	Phase    Phase
	ExitCode int           // meaningful with PhaseDone
	Output   string        // the end of what it printed, at most 4 KiB
	Took     time.Duration // on the device's own clock; 0 = not known
}

// Failure makes an error of a stable reason: callers find it with errors.As into *site.Reason.
func Failure(code site.Code, format string, args ...any) error {
	return site.Because(code, fmt.Sprintf(format, args...))
}
