package breaker

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/policy"
)

// Limit says when a patch breaks too many stores of a ring: it failed in at least Stores of them, in
// more than Percent of those that tried it, and on more than Devices percent of the devices: of
// many devices some always fail, so that a store with thirty has one nearly every night. Stores 0
// means never.
type Limit struct {
	Stores  int     `json:"stores"`
	Percent float64 `json:"percent"`
	Devices float64 `json:"devices"`
}

// Policy has a Limit for each ring.
type Policy map[site.Ring]Limit

// DefaultPolicy lets the lab break in one of four stores, and the fleet in one of twenty: what got so
// far should not fail there. One store alone is never enough outside of the lab, one device nowhere.
func DefaultPolicy() Policy {
	return Policy{
		site.RingLab:   {Stores: 1, Percent: 25, Devices: 1},
		site.RingPilot: {Stores: 2, Percent: 10, Devices: 4},
		site.RingFleet: {Stores: 3, Percent: 5, Devices: 4},
	}
}

// Count is how many of something failed, of how many.
type Count struct {
	Failed int `json:"failed"`
	Tried  int `json:"tried"`
}

// Percent is the share that failed; 0 of none.
func (c Count) Percent() float64 {
	if c.Tried == 0 {
		return 0
	}
	return 100 * float64(c.Failed) / float64(c.Tried)
}

// Proposal is that a patch should be stopped.
type Proposal struct {
	Patch  string    `json:"patch"`
	Digest string    `json:"digest"` // of the patch's bytes
	Ring   site.Ring `json:"ring"`   // in which it broke too many stores
	Limit  Limit     `json:"limit"`
	// Stores and Devices are those of the ring.
	Stores  Count `json:"stores"`
	Devices Count `json:"devices"`
	// Signature is that of the most failures, on so many devices; "" when none tells.
	Signature string    `json:"signature,omitempty"`
	Alike     int       `json:"alike"`
	First     time.Time `json:"first,omitzero"` // failure, by the store's clock
	At        time.Time `json:"at"`             // when it was proposed
	Key       string    `json:"key"`            // the same patch in the same generation has the same key
}

// String says in one sentence why the patch should be stopped.
func (p Proposal) String() string {
	s := fmt.Sprintf("%s broke %d of %d stores of ring %s that tried it (%.1f %%; the limit is %g %%, and %d at least), %d of %d devices",
		p.Patch, p.Stores.Failed, p.Stores.Tried, p.Ring, p.Stores.Percent(), p.Limit.Percent, p.Limit.Stores, p.Devices.Failed, p.Devices.Tried)
	if p.Signature != "" {
		s += fmt.Sprintf(", %d with: %s", p.Alike, p.Signature)
	}
	return s
}

// Options are what is judged, and by what.
type Options struct {
	// Catalog is what headquarters approved: what is withdrawn or held already is not proposed. Empty:
	// the patches that the stores told of.
	Catalog []site.Approved
	// Lifted is when people last let a patch go that was held, by id. What failed before does not count
	// any more, and it is a new generation of the patch.
	Lifted map[string]time.Time
	// Known are the keys of the proposals that were made before: none is made twice.
	Known  map[string]bool
	Policy Policy
	Now    time.Time
}

// Key names a patch in one generation: its bytes, and since when they may be begun.
func Key(patch, digest string, lifted time.Time) string {
	key := patch + "@" + digest[:min(len(digest), 12)]
	if !lifted.IsZero() {
		key += "+" + lifted.UTC().Format(time.RFC3339)
	}
	return key
}

// Propose returns the patches that should be stopped, each at most once, by id. Where it broke too
// many stores of several rings, the widest is named.
func Propose(b *board.Board, o Options) []Proposal {
	var out []Proposal
	for _, p := range candidates(b, o) {
		rings := count(b, p.patch.ID, p.lifted)
		for _, ring := range []site.Ring{site.RingFleet, site.RingPilot, site.RingLab} {
			c, limit := rings[ring], o.Policy[ring]
			if c == nil || !c.exceeds(limit) {
				continue
			}
			made := Proposal{
				Patch: p.patch.ID, Digest: p.digest, Ring: ring, Limit: limit, Stores: c.stores, Devices: c.devices, First: c.first, At: o.Now, Key: p.key,
			}
			made.Signature, made.Alike = c.most()
			out = append(out, made)
			break
		}
	}
	return out
}

// candidate is a patch that may still be stopped.
type candidate struct {
	patch  site.Patch
	digest string
	lifted time.Time
	key    string
}

// candidates are the patches that are neither stopped nor proposed already, by id.
func candidates(b *board.Board, o Options) []candidate {
	var out []candidate
	add := func(p site.Patch) {
		c := candidate{patch: p, digest: policy.Digest(p), lifted: o.Lifted[p.ID]}
		c.key = Key(p.ID, c.digest, c.lifted)
		if !o.Known[c.key] {
			out = append(out, c)
		}
	}
	for _, a := range o.Catalog {
		if a.Release != nil && a.Withdrawn == nil && a.Held == nil {
			add(a.Patch)
		}
	}
	if len(o.Catalog) == 0 {
		for p := range maps.Values(b.Patches) {
			add(p)
		}
	}
	slices.SortFunc(out, func(x, y candidate) int { return cmp.Compare(x.patch.ID, y.patch.ID) })
	return out
}

// tally is what happened to a patch in the stores of a ring.
type tally struct {
	stores, devices Count
	guilty          Count // of the stores, those in which it is in quarantine
	signatures      map[string]int
	first           time.Time
}

// exceeds reports whether the patch broke more than a limit allows, and more than luck explains. Where it broke the
// canary of each store, few devices failed, because few were let begin: then the stores in which it is in
// quarantine are counted, and again only their share, because of many canaries some always fail.
func (t *tally) exceeds(limit Limit) bool {
	t.guilty.Tried = t.stores.Tried
	return limit.Stores > 0 && limit.over(t.stores) &&
		(t.devices.Percent() > limit.Devices && t.devices.luck() < leastLuck || limit.over(t.guilty) && t.guilty.luck() < leastLuck)
}

// over reports whether so many stores are more than the limit allows.
func (l Limit) over(c Count) bool { return c.Failed >= l.Stores && c.Percent() > l.Percent }

// count looks at every store for what a patch did since a time.
func count(b *board.Board, patch string, since time.Time) map[site.Ring]*tally {
	rings := map[site.Ring]*tally{}
	for _, s := range b.Stores {
		t := rings[s.Info.Ring]
		if t == nil {
			t = &tally{signatures: map[string]int{}}
			rings[s.Info.Ring] = t
		}
		q, quarantined := s.Quarantines[patch]
		quarantined = quarantined && q.Since.After(since)
		tried, failed := quarantined, quarantined
		for _, d := range s.Devices {
			j := d.Find(patch)
			if j == nil || !j.Started.Time().After(since) {
				continue
			}
			tried = true
			t.devices.Tried++
			if broke(j) {
				failed = true
				t.fail(j)
			}
		}
		t.guilty.Failed += one(quarantined)
		t.stores.Tried += one(tried)
		t.stores.Failed += one(failed)
	}
	return rings
}

// broke reports whether the newest try of a patch on a device failed. What a person wanted off again,
// and what was taken back because another patch of its bundle broke, did not.
func broke(j *board.Job) bool {
	switch j.State {
	case site.Failed, site.RolledBack, site.RollbackFailed:
	default:
		// It waits for another night, but what it did last was to break.
		if j.Failed.IsZero() || !j.Failed.After(j.Verified) || j.Failed.Before(j.Started) {
			return false
		}
	}
	return j.FailedCode != site.CodeTakenBack && j.Code != site.CodeTakenBack && j.FailedCode != site.CodeBundleBroke && j.Code != site.CodeBundleBroke
}

func (t *tally) fail(j *board.Job) {
	t.devices.Failed++
	if j.Signature != "" {
		t.signatures[j.Signature]++
	}
	if at := j.Failed.Time(); !at.IsZero() && (t.first.IsZero() || at.Before(t.first)) {
		t.first = at
	}
}

// most is the signature of the most devices; of several, the first by its text.
func (t *tally) most() (signature string, devices int) {
	for _, s := range slices.Sorted(maps.Keys(t.signatures)) {
		if t.signatures[s] > devices {
			signature, devices = s, t.signatures[s]
		}
	}
	return signature, devices
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
