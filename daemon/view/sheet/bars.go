package sheet

import (
	"fmt"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/gantt"
)

// shortest is how long nothing must have happened before it is drawn as a wait.
const shortest = time.Second

// bars makes the bars of one job.
type bars struct {
	job  view.Job
	open bool      // the night is
	end  time.Time // up to which the night is known
	zone *time.Location
}

// all returns the attempts, the waits between them, and the silences, in the order of time.
func (b bars) all() []gantt.Bar {
	var list []gantt.Bar
	for _, s := range b.job.Silent {
		to := s.To
		if to.IsZero() {
			to = b.last()
		}
		list = append(list, gantt.Bar{Kind: gantt.Silence, From: s.From, To: later(s.From, to), Title: b.title("no answer", s.From, to)})
	}
	for i, a := range b.job.Attempts {
		list = append(list, b.attempt(a))
		next := b.last()
		if i+1 < len(b.job.Attempts) {
			next = b.job.Attempts[i+1].Began
		}
		if !a.Ended.IsZero() && next.Sub(a.Ended) >= shortest {
			list = append(list, gantt.Bar{Kind: gantt.Wait, From: a.Ended, To: next, Title: b.title(b.why(a, i), a.Ended, next)})
		}
	}
	return list
}

// last is the end of what is known of the job.
func (b bars) last() time.Time {
	if b.over() {
		return b.job.Since
	}
	return b.end
}

// over reports whether nothing more happens to the job.
func (b bars) over() bool {
	if b.job.Step != "" {
		return false
	}
	return b.job.State.Final() || b.job.State == site.NoAnswer || !b.open
}

func (b bars) attempt(a view.Attempt) gantt.Bar {
	kind := map[run.Step]gantt.Kind{
		run.Stage: gantt.Stage, run.Gate: gantt.Wait, run.Install: gantt.Install, run.Reboot: gantt.Restart,
		run.Verify: gantt.Verify, run.Revert: gantt.Rollback, run.Reboot2: gantt.Restart, run.Prove: gantt.Rollback,
	}[a.Step]
	bar := gantt.Bar{Kind: kind, From: a.Began, To: a.Ended, End: ending(a)}
	what := string(a.Step)
	if a.Attempt > 1 {
		what += fmt.Sprintf(" (attempt %d)", a.Attempt)
	}
	switch {
	case !a.Ended.IsZero():
		what += fmt.Sprintf(": %s, took %s", words(a.Outcome), took(a).Round(100*time.Millisecond))
	case b.open && b.job.Step == a.Step:
		bar.To, bar.End, what = b.end, gantt.Running, what+": under way"
	default:
		bar.To, bar.End, what = b.last(), gantt.Unclear, what+": no outcome was heard of"
	}
	bar.To = later(bar.From, bar.To)
	bar.Title = b.title(what, bar.From, bar.To)
	if a.Reason != nil {
		bar.Title += fmt.Sprintf("\n%s [%s]", a.Reason.Text, a.Reason.Code)
	}
	return bar
}

// ending is how an attempt ended. A gate that is closed is no failure.
func ending(a view.Attempt) gantt.End {
	switch a.Outcome {
	case run.Bad, run.TimedOut:
		if a.Step != run.Gate {
			return gantt.Badly
		}
	case run.Interrupted, run.Refused, run.Unreached:
		return gantt.Unclear
	}
	return gantt.Well
}

// why says what a job waits for after its attempt number i.
func (b bars) why(a view.Attempt, i int) string {
	switch {
	case a.Outcome != run.OK && a.Reason != nil:
		return "waits: " + a.Reason.Text
	case i+1 == len(b.job.Attempts) && b.job.Reason != nil:
		return "waits: " + b.job.Reason.Text
	case a.Step == run.Stage || a.Step == run.Gate:
		return "waits for its turn"
	}
	return "waits"
}

func (b bars) title(what string, from, to time.Time) string {
	zone := b.zone
	if zone == nil {
		zone = time.UTC
	}
	return fmt.Sprintf("%s %s: %s\n%s to %s", b.job.Device, b.job.Patch, what, from.In(zone).Format("15:04:05"), to.In(zone).Format("15:04:05"))
}

func later(from, to time.Time) time.Time {
	if to.Before(from) {
		return from
	}
	return to
}

func words(o run.Outcome) string {
	if o == run.TimedOut {
		return "timed out"
	}
	return string(o)
}
