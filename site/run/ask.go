package run

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/policy"
)

// MayRetry says why a patch cannot be tried on a device once more tonight. Nil means that it can:
// a PatchRetried event puts it in the queue again. What a device was left with unknown, and what is
// already proven, is not tried again.
func MayRetry(s State, device, patch string, now time.Time) *site.Reason {
	j, planned := s.Job(device, patch)
	switch {
	case !planned:
		return site.Because(site.CodeNotApplicable, patch+" was not planned for "+device+" in the newest night; nightfill why tells why")
	case !j.Settled:
		return site.Because(site.CodeBusy, patch+" on "+device+" is not settled yet: it is "+words(j.State))
	case j.State == site.Done:
		return site.Because(site.CodeNotApplicable, patch+" is done on "+device)
	case now.Before(s.Night.Plan.Opens) || !now.Before(s.Night.Plan.Cutoff):
		return site.Because(site.CodeWindowOver, "nothing is begun outside the window; what is still due comes with the next night")
	}
	if reason := s.closedTo(device); reason != nil {
		return reason
	}
	if h := s.holdOn(device, now); h != nil {
		return policy.HeldByPerson(*h)
	}
	p, ok := s.Night.Plan.Patch(patch)
	if !ok {
		return site.Because(site.CodeNotApplicable, patch+" is not in the plan of the newest night")
	}
	if _, reason := s.Catalog.stopped(patch); reason != nil {
		return reason
	}
	if reason := s.quarantined(&p); reason != nil {
		return reason
	}
	estimate, left := s.Estimate(device, p), s.Night.Plan.Cutoff.Sub(now)
	p.Duration = estimate.Durations
	if needs := plan.Needs(p); needs > left {
		return plan.NoTime(needs, left, estimate.From)
	}
	return nil
}

// MayRollBack says why a patch cannot be taken off a device again. Nil means that it can: a
// PatchTakenBack event begins it, inside or outside the window.
func MayRollBack(s State, device, patch string) *site.Reason {
	j, planned := s.Job(device, patch)
	if !planned || j.State != site.Done {
		return site.Because(site.CodeNotApplicable, "only what the newest night put on can be taken back, and "+patch+" is not done on "+device)
	}
	p, _ := s.Night.Plan.Patch(patch)
	if p.Rollback.Class == site.RollbackNone {
		return site.Because(site.CodeNoRollback, patch+" cannot be taken back: it has no rollback")
	}
	for _, other := range s.Night.JobsOf(device) {
		q, _ := s.Night.Plan.Patch(other.Patch)
		onTop := slices.Contains(q.Requires, patch) || p.Applies.Package != "" && q.Applies.Package == p.Applies.Package && behind(s.Night.JobsOf(device), patch, other.Patch)
		if other.State == site.Done && other.Patch != patch && onTop {
			return site.Because(site.CodeRequires, other.Patch+" stands on it; take that one back first", "requires", other.Patch)
		}
	}
	return s.closedTo(device)
}

// behind reports whether second comes after first on a device.
func behind(jobs []Job, first, second string) bool {
	at := func(patch string) int { return slices.IndexFunc(jobs, func(j Job) bool { return j.Patch == patch }) }
	return at(second) > at(first)
}

// closedTo says why nothing may be begun on a device now, whatever it is.
func (s State) closedTo(device string) *site.Reason {
	if reason := s.Barred(s.At); reason != nil {
		return reason
	}
	if reason, dirty := s.Dirty[device]; dirty {
		return site.Because(site.CodeDirty, device+" was left without proof by an earlier rollback; look at it, then release it", "earlier", reason.String())
	}
	return s.busy(device)
}

// busy says who works on a device now: a person, or the night itself.
func (s State) busy(device string) *site.Reason {
	if reason := s.taken(device); reason != nil {
		return reason
	}
	if !s.Night.Open() {
		return nil
	}
	for _, j := range s.Night.JobsOf(device) {
		if j.Intent != nil || !j.Settled && j.Begun() {
			return site.Because(site.CodeBusy, j.Patch+" is under way on "+device+": it is "+words(j.State), "patch", j.Patch, "state", string(j.State))
		}
	}
	return nil
}

// retried is a job that a person wants to be tried once more.
func (j Job) retried(e Event) Job {
	return Job{
		Device: j.Device, Patch: j.Patch, State: site.Queued, Since: e.At,
		Attempts: j.Attempts, Spent: j.Attempts, patch: j.patch, order: j.order,
	}
}

// takenBack is a proven job that a person wants to be taken off again.
func (j Job) takenBack(e Event) Job {
	j.State, j.Settled, j.Bundle, j.Proven = site.Failed, false, 0, false
	j.Reason = site.Because(site.CodeTakenBack, "taken back by "+e.Actor+": "+e.Text, "actor", e.Actor)
	return j
}

// reopen lets the newest night go on, because a person asked for something in it.
func (s *State) reopen(e Event) {
	s.step(e)
	if s.Night != nil {
		s.Night.Closed = time.Time{}
	}
}
