package policy

import (
	"time"

	"github.com/nightfill/nightfill/site"
)

// Excepted returns why a device is left without a patch for a time, by the first exception of the
// patch in the list that covers the device and has not ended at now; nil when there is none.
func Excepted(list []site.Exception, patch, store, device string, groups []string, now time.Time) *site.Reason {
	for _, e := range list {
		if e.Patch == patch && e.Covers(store, device, groups) && now.Before(e.Expires) {
			until := e.Expires.Format(time.RFC3339)
			return site.Because(site.CodeExcepted, "excepted by "+e.Owner+" until "+until+": "+e.Reason, "owner", e.Owner, "until", until, "reason", e.Reason)
		}
	}
	return nil
}

func (f Facts) excepted(a site.Approved, d site.Device) Verdict {
	if reason := Excepted(a.Exceptions, a.Patch.ID, f.Store.ID, d.ID, d.Groups, f.Now); reason != nil {
		return Verdict{State: site.Held, Reason: reason}
	}
	return eligible()
}

// Returned says in one sentence that a patch is due again on a device because an exception ended,
// the one that ended last; "" when none did, or when another one still holds.
func (f Facts) Returned(a site.Approved, d site.Device) string {
	var last site.Exception
	for _, e := range a.Exceptions {
		switch {
		case e.Patch != a.Patch.ID || !e.Covers(f.Store.ID, d.ID, d.Groups):
		case f.Now.Before(e.Expires):
			return ""
		case e.Expires.After(last.Expires):
			last = e
		}
	}
	if last.Owner == "" {
		return ""
	}
	return "the exception of " + last.Owner + " ended on " + last.Expires.UTC().Format(time.DateOnly)
}

// quarantined refuses a patch whose very bytes proved themselves guilty in this store.
func (f Facts) quarantined(p site.Patch) Verdict {
	if q, is := f.Quarantine[p.ID]; is && q.Digest == Digest(p) {
		return Verdict{State: site.Skipped, Reason: q.Reason}
	}
	return eligible()
}
