package publish

import (
	"maps"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// Status is where everything in a catalog stands.
type Status struct {
	Dir       string                     `json:"dir"`
	Keys      string                     `json:"keys"`
	Issued    time.Time                  `json:"issued,omitzero"` // of the last publish
	Drafts    []PatchStatus              `json:"drafts"`
	Patches   []PatchStatus              `json:"patches"` // signed
	Withdrawn map[string]site.Withdrawal `json:"withdrawn,omitempty"`
	// Exceptions are all that are in the rules, ended ones too.
	Exceptions []site.Exception `json:"exceptions,omitempty"`
	// Held are the patches that are stopped for now: signed by the holds role, and not lifted.
	Held map[string]site.PatchHold `json:"held,omitempty"`
	// Lifted is when people last let a patch go that was held.
	Lifted map[string]time.Time `json:"lifted,omitempty"`
	// HeldStores are the stores in which nothing is begun until people lift that, by id.
	HeldStores map[string]site.StoreHold `json:"held_stores,omitempty"`
	// LiftedStores is when people last let a store go that was held.
	LiftedStores map[string]time.Time `json:"lifted_stores,omitempty"`

	Waiting []Waiting    `json:"waiting,omitempty"`
	Roles   []RoleStatus `json:"roles"`
}

// PatchStatus is one patch in a Status.
type PatchStatus struct {
	ID      string        `json:"id"`
	Title   string        `json:"title"`
	Owner   string        `json:"owner"`
	Release *site.Release `json:"release,omitempty"`
	Have    int           `json:"have"` // signatures
	Need    int           `json:"need"`
}

// RoleStatus is one role in a Status.
type RoleStatus struct {
	Role      string    `json:"role"`
	Version   int64     `json:"version"`
	Expires   time.Time `json:"expires,omitzero"`
	Threshold int       `json:"threshold"`
	Keys      []string  `json:"keys"`
}

// Status reads where everything stands. It changes nothing.
func (r *Repo) Status() (Status, error) {
	var s Status
	err := r.locked(func(b *book) error {
		var err error
		s, err = b.status()
		return err
	})
	return s, err
}

func (b *book) status() (Status, error) {
	s := Status{Dir: b.dir, Keys: b.cfg.Keys, Issued: b.cfg.Issued, Withdrawn: b.rules.Withdrawn, Exceptions: b.rules.Exceptions, Lifted: b.rules.Lifted, LiftedStores: b.rules.LiftedStores, Drafts: []PatchStatus{}, Patches: []PatchStatus{}}
	drafts, err := b.drafts()
	if err != nil {
		return Status{}, err
	}
	for _, d := range drafts {
		need := b.QuorumNow(d.patch.Owner).Need
		s.Drafts = append(s.Drafts, b.patchStatus(d.patch, b.signaturesOn(d), need))
	}
	for _, owner := range b.owners() {
		md := b.Signed.Roles[owner]
		q := b.Signed.Quorum(owner)
		for _, path := range slices.Sorted(maps.Keys(md.Signed.Targets)) {
			p, err := b.manifest(md.Signed.Targets[path].Hashes["sha256"].String())
			if err != nil {
				return Status{}, err
			}
			s.Patches = append(s.Patches, b.patchStatus(p, q.Count(md.Signatures), q.Need))
		}
	}
	held, err := b.held()
	if err != nil {
		return Status{}, err
	}
	s.Held, s.HeldStores = held.Patches, held.Stores
	if s.Waiting, err = b.waiting(); err != nil {
		return Status{}, err
	}
	s.Roles, err = b.roleStatus()
	return s, err
}

func (b *book) patchStatus(p site.Patch, have, need int) PatchStatus {
	ps := PatchStatus{ID: p.ID, Title: p.Title, Owner: p.Owner, Have: have, Need: need}
	if rel, ok := b.rules.Releases[p.ID]; ok {
		ps.Release = &rel
	}
	return ps
}

// signaturesOn counts the signatures on a pending version that holds the draft as it is now.
func (b *book) signaturesOn(d draft) int {
	md := b.Pending.Roles[d.patch.Owner]
	if md == nil {
		return 0
	}
	t := md.Signed.Targets[site.PatchTarget(d.patch.Owner, d.patch.ID)]
	if t == nil || t.Hashes["sha256"].String() != d.digest {
		return 0
	}
	return b.QuorumNow(d.patch.Owner).Count(md.Signatures)
}

func (b *book) roleStatus() ([]RoleStatus, error) {
	add := func(role string, version int64, expires time.Time) RoleStatus {
		q := b.Signed.Quorum(role)
		rs := RoleStatus{Role: role, Version: version, Expires: expires, Threshold: q.Need}
		for _, id := range q.Keys {
			rs.Keys = append(rs.Keys, b.KeyName(id))
		}
		return rs
	}
	root, targets := b.Signed.Root.Signed, b.Signed.Targets.Signed
	out := []RoleStatus{add("root", root.Version, root.Expires), add("targets", targets.Version, targets.Expires)}
	for _, name := range b.Signed.Delegated() {
		md := b.Signed.Roles[name].Signed
		out = append(out, add(name, md.Version, md.Expires))
	}
	if !exists(b.File("timestamp")) {
		return append(out, add("snapshot", 0, time.Time{}), add("timestamp", 0, time.Time{})), nil
	}
	ts, err := roles.Read[metadata.TimestampType](b.File("timestamp"))
	if err != nil {
		return nil, err
	}
	snapshot := ts.Signed.Meta["snapshot.json"].Version
	return append(out, add("snapshot", snapshot, b.cfg.Issued.Add(roles.SnapshotLife)), add("timestamp", ts.Signed.Version, ts.Signed.Expires)), nil
}

// waiting lists what the next publish would leave out because signatures are missing.
func (b *book) waiting() ([]Waiting, error) {
	var out []Waiting
	add := func(role string, patches []string, signatures []metadata.Signature) {
		q := b.QuorumNow(role)
		out = append(out, Waiting{Role: role, Patches: patches, Have: q.Count(signatures), Need: q.Need, Text: b.Missing(role, signatures)})
	}
	if md := b.Pending.Root; md != nil {
		add("root", nil, md.Signatures)
	}
	if md := b.Pending.Targets; md != nil {
		add("targets", nil, md.Signatures)
	}
	for _, role := range b.Signed.Delegated() {
		wanted, _, err := b.wanted(role)
		if err != nil {
			return nil, err
		}
		unsigned := !roles.SameTargets(b.Signed.Roles[role].Signed.Targets, wanted)
		if !unsigned && b.fitsNewKeys(role) {
			continue // a mere renewal: what stores see does not wait for it
		}
		var signatures []metadata.Signature
		if p := b.Pending.Roles[role]; p != nil && roles.SameTargets(p.Signed.Targets, wanted) {
			signatures = p.Signatures
		}
		patches, err := b.draftsOf(role)
		if err != nil {
			return nil, err
		}
		add(role, draftIDs(patches), signatures)
	}
	return out, nil
}

// fitsNewKeys reports whether a role is signed by the keys of the pending targets role, if there is one.
func (b *book) fitsNewKeys(role string) bool {
	parent := b.Pending.Targets
	if parent == nil {
		return true
	}
	for _, md := range []*roles.Targets{b.Pending.Roles[role], b.Signed.Roles[role]} {
		if md != nil && parent.VerifyDelegate(role, md) == nil {
			return true
		}
	}
	return false
}

func draftIDs(drafts []draft) []string {
	var ids []string
	for _, d := range drafts {
		ids = append(ids, d.patch.ID)
	}
	return ids
}
