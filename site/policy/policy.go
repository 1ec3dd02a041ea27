// Package policy says whether a patch may go on a device, and why not. It looks
// at one pair at a time; order, time and company are the planner's business.
package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
)

// Facts is everything that eligibility depends on.
type Facts struct {
	Store     site.Store
	Catalog   site.Catalog
	NoCatalog *site.Reason // why nothing of a catalog may be used, which is then empty; nil = it may
	Inventory site.Inventory
	Cached    map[string]bool         // digests of the artifacts whose bytes are verified in the store
	Holds     map[string]site.Hold    // by device, or site.AllDevices
	Dirty     map[string]*site.Reason // devices that a person must look at first
	Learned   estimate.Learned        // how long patches took so far
	// Quarantine is of patches, by id, that proved themselves guilty in this store.
	Quarantine map[string]site.Quarantine
	Now        time.Time // the moment for which approvals, holds and exceptions are judged
}

// Verdict is the answer for one patch on one device, or for a whole device. A nil
// Reason means eligible; otherwise State says how it counts tonight.
type Verdict struct {
	State  site.State
	Reason *site.Reason
}

// Eligible reports whether nothing stands against it.
func (v Verdict) Eligible() bool { return v.Reason == nil }

func eligible() Verdict { return Verdict{State: site.Queued} }

func notDue(code site.Code, text string, facts ...string) Verdict {
	return Verdict{site.NotDue, site.Because(code, text, facts...)}
}

func skipped(code site.Code, text string, facts ...string) Verdict {
	return Verdict{site.Skipped, site.Because(code, text, facts...)}
}

// Device says whether a device may be changed at all tonight.
func (f Facts) Device(d site.Device) Verdict {
	if !d.Patchable() {
		return notDue(site.CodeObserveOnly, d.ID+" is only observed, never changed")
	}
	if d.Class != site.LinuxServer {
		return skipped(site.CodeUnsupported, "this box has no way to patch devices of class "+string(d.Class), "class", string(d.Class))
	}
	if d.HostKey == "" {
		return skipped(site.CodeNotEnrolled, d.ID+" has no pinned host key; compare its fingerprint and run: nightfill enrol "+d.ID)
	}
	if h, held := f.Catalog.HeldStores[f.Store.ID]; held {
		return Verdict{site.Held, StoreHeldByHeadquarters(h)}
	}
	if v := f.held(d.ID); !v.Eligible() {
		return v
	}
	if reason, dirty := f.Dirty[d.ID]; dirty {
		return skipped(site.CodeDirty, d.ID+" was left without proof by an earlier rollback; look at it, then run: nightfill release "+d.ID, "earlier", reason.String())
	}
	o, seen := f.Inventory[d.ID]
	switch {
	case !seen:
		return Verdict{site.NoAnswer, site.Because(site.CodeNoAnswer, d.ID+" has not been looked at yet")}
	case o.Error != nil && o.Error.Code == site.CodeNoAnswer:
		return Verdict{site.NoAnswer, o.Error}
	case o.Error != nil:
		return Verdict{site.Skipped, o.Error}
	}
	return eligible()
}

func (f Facts) held(device string) Verdict {
	for _, name := range []string{site.AllDevices, device} {
		if h, ok := f.Holds[name]; ok && f.Now.Before(h.Until) {
			return Verdict{site.Held, HeldByPerson(h)}
		}
	}
	return eligible()
}

// HeldByPerson is why nothing is begun on what a person in the store asked to leave alone for a time.
func HeldByPerson(h site.Hold) *site.Reason {
	until := h.Until.Format(time.RFC3339)
	return site.Because(site.CodeHeld, "held by "+h.Actor+" until "+until+": "+h.Reason, "until", until, "actor", h.Actor)
}

// Patch says whether the store takes a patch at all, whatever the device.
func (f Facts) Patch(a site.Approved) Verdict {
	approval := a.Patch.Approval
	switch {
	case a.Withdrawn != nil:
		return notDue(site.CodeWithdrawn, "withdrawn by headquarters: "+a.Withdrawn.Reason, "at", a.Withdrawn.At.Format(time.RFC3339))
	case a.Held != nil:
		return Verdict{site.Held, HeldByHeadquarters(a.Held.Reason)}
	case a.Release == nil:
		return notDue(site.CodeNotReleased, "signed, but not released to any ring")
	case !f.Store.Ring.Takes(a.Release.Ring):
		return notDue(site.CodeOtherRing, "released to ring "+string(a.Release.Ring)+"; this store is in ring "+string(f.Store.Ring), "ring", string(a.Release.Ring))
	case !allows(a.Release.Stores, f.Store.ID) || !allows(a.Patch.Stores, f.Store.ID):
		return notDue(site.CodeOtherStore, "for named stores only, and this is not one of them")
	case approval.NotBefore != nil && f.Now.Before(*approval.NotBefore):
		return notDue(site.CodeNotYet, "approved from "+approval.NotBefore.Format(time.RFC3339), "not_before", approval.NotBefore.Format(time.RFC3339))
	case approval.NotAfter != nil && !f.Now.Before(*approval.NotAfter):
		return notDue(site.CodeExpired, "the approval ended at "+approval.NotAfter.Format(time.RFC3339), "not_after", approval.NotAfter.Format(time.RFC3339))
	}
	return eligible()
}

// HeldByHeadquarters is why a patch that headquarters stopped for now is not begun, for the reason that it gave.
func HeldByHeadquarters(reason string) *site.Reason {
	return site.Because(site.CodeHeld, "held by headquarters: "+reason)
}

// StoreHeldByHeadquarters is why nothing is begun in a store that headquarters stopped for now.
func StoreHeldByHeadquarters(h site.StoreHold) *site.Reason {
	r := site.Because(site.CodeHeld, "the store is held by headquarters: "+h.Reason, "since", h.At.Format(time.RFC3339))
	if h.By != "" {
		return r.With("by", h.By)
	}
	return r
}

// allows reports whether an optional list of ids, empty meaning all, contains id.
func allows(list []string, id string) bool { return len(list) == 0 || slices.Contains(list, id) }

// Targets says whether a patch is made for a device, by class, name and group.
func Targets(p site.Patch, d site.Device) Verdict {
	if len(p.Classes) > 0 && !slices.Contains(p.Classes, d.Class) {
		return notDue(site.CodeOtherClass, "made for another class than "+string(d.Class), "class", string(d.Class))
	}
	named := allows(p.Devices, d.ID)
	grouped := len(p.Groups) == 0 || slices.ContainsFunc(d.Groups, func(g string) bool { return slices.Contains(p.Groups, g) })
	if !named || !grouped {
		return notDue(site.CodeOtherDevice, "for named devices or groups only, and "+d.ID+" is not one of them")
	}
	return eligible()
}

// Applies says whether a device, as observed, needs a patch.
func Applies(p site.Patch, o site.Observation) Verdict {
	if p.Applies.Package == "" {
		if o.Recorded[p.ID] == Digest(p) {
			return notDue(site.CodeNotApplicable, p.ID+" is recorded on the device as done")
		}
		return eligible()
	}
	name := p.Applies.Package
	version, installed := o.Packages[name]
	switch {
	case slices.Contains(o.Broken, name):
		return eligible()
	case !installed:
		return notDue(site.CodeNotApplicable, name+" is not installed", "package", name)
	case p.Applies.Below != "" && CompareVersions(version, p.Applies.Below) >= 0:
		return notDue(site.CodeNotApplicable, name+" is already at "+version, "package", name, "installed", version, "below", p.Applies.Below)
	}
	return eligible()
}

// Digest names the exact bytes of a patch: it is what a device records when the patch is done.
func Digest(p site.Patch) string {
	digests := make([]string, 0, len(p.Artifacts))
	for _, a := range p.Artifacts {
		digests = append(digests, a.SHA256)
	}
	sum := sha256.Sum256([]byte(strings.Join(digests, "\n")))
	return hex.EncodeToString(sum[:])
}

// Needed returns every artifact that must be in the store before a patch may start:
// its own and those of its rollback.
func Needed(p site.Patch) []site.Artifact {
	return append(slices.Clone(p.Artifacts), p.Rollback.Artifacts...)
}

// Judge says whether one patch may go on one device tonight, apart from order and time.
func (f Facts) Judge(a site.Approved, d site.Device) Verdict {
	rules := []func() Verdict{
		func() Verdict { return f.Patch(a) },
		func() Verdict { return Targets(a.Patch, d) },
		func() Verdict { return f.Device(d) },
		func() Verdict { return Applies(a.Patch, f.Inventory[d.ID]) },
		func() Verdict { return f.superseded(a, d) },
		func() Verdict { return f.excepted(a, d) },
		func() Verdict { return f.quarantined(a.Patch) },
		func() Verdict { return f.cached(a.Patch) },
	}
	for _, rule := range rules {
		if v := rule(); !v.Eligible() {
			return v
		}
	}
	return eligible()
}

// superseded finds another patch that may go on the device now and makes this one unnecessary.
func (f Facts) superseded(a site.Approved, d site.Device) Verdict {
	for i := range f.Catalog.Patches {
		other := &f.Catalog.Patches[i]
		if !slices.Contains(other.Patch.Supersedes, a.Patch.ID) || other.Patch.ID == a.Patch.ID {
			continue
		}
		possible := Targets(other.Patch, d).Eligible() && f.excepted(*other, d).Eligible() && f.quarantined(other.Patch).Eligible()
		if possible && f.Patch(*other).Eligible() && f.cached(other.Patch).Eligible() {
			return notDue(site.CodeSuperseded, "made unnecessary by "+other.Patch.ID, "by", other.Patch.ID)
		}
	}
	return eligible()
}

func (f Facts) cached(p site.Patch) Verdict {
	for _, artifact := range Needed(p) {
		if !f.Cached[artifact.SHA256] {
			return skipped(site.CodeNotCached, "its bytes are not all in the store: "+artifact.Name+" is missing", "artifact", artifact.Name, "sha256", artifact.SHA256)
		}
	}
	return eligible()
}
