package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
)

// ErrNotConfirmed is returned by Sign when the person said no. Nothing was signed.
var ErrNotConfirmed = errors.New("not signed: you said no")

// Signed says what a signature did.
type Signed struct {
	Role     string   `json:"role"`
	Key      string   `json:"key"`
	Version  int64    `json:"version"`
	Have     int      `json:"have"`              // signatures that count now
	Need     int      `json:"need"`              // signatures that are needed
	Complete bool     `json:"complete"`          // signed by enough keys; the next publish carries it
	Dropped  []string `json:"dropped,omitempty"` // keys that signed an older content of this version and must sign again
}

// Sign signs what waits for a key: the drafts of an owner, the rules of the
// fleet, or changed keys of root and targets. With nothing waiting it renews the signature.
// confirm sees what changed since the key signed last and says yes or no; nil says yes.
// The signatures of other people on the same version are kept.
func (r *Repo) Sign(k Key, now time.Time, confirm func(Change) (bool, error)) ([]Signed, error) {
	var out []Signed
	err := r.locked(func(b *book) error {
		if err := b.settle(); err != nil {
			return err
		}
		roles := slices.DeleteFunc(b.rolesOf(k.ID()), func(role string) bool { return role == "snapshot" || role == "timestamp" })
		if len(roles) == 0 {
			return b.refuseKey(k)
		}
		for _, role := range roles {
			s, err := b.sign(role, k, now, confirm)
			if err != nil {
				return err
			}
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

func (b *book) refuseKey(k Key) error {
	if roles := b.rolesOf(k.ID()); len(roles) > 0 {
		return fmt.Errorf("key %s signs %s, which `nightfill catalog publish` does: put the key file into %s", k.Name(), strings.Join(roles, " and "), b.cfg.Keys)
	}
	return fmt.Errorf("key %s is of no role in this catalog: it was replaced, or it belongs to another catalog", k.Name())
}

func (b *book) sign(role string, k Key, now time.Time, confirm func(Change) (bool, error)) (Signed, error) {
	if role == "root" {
		return b.signRoot(k, now, confirm)
	}
	md, dropped, err := b.prepare(role, now)
	if err != nil {
		return Signed{}, err
	}
	if hasSigned(md, k.ID()) {
		return Signed{}, fmt.Errorf("key %s has signed this version of %s already: %s", k.Name(), role, b.missing(role, md.Signatures))
	}
	if err := b.agree(role, k, md, confirm); err != nil {
		return Signed{}, err
	}
	if err := signAll(md, k); err != nil {
		return Signed{}, err
	}
	if err := writeRole(b.path(pendingDir, role+".json"), md); err != nil {
		return Signed{}, err
	}
	if err := writeRole(b.seenPath(role, k.ID()), md); err != nil {
		return Signed{}, err
	}
	if role == "targets" {
		b.pending.targets = md
	} else {
		b.pending.roles[role] = md
	}
	q := b.quorumNow(role)
	s := Signed{Role: role, Key: k.Name(), Version: md.Signed.Version, Have: count(md.Signatures, q), Need: q.need, Dropped: dropped}
	if err := b.settle(); err != nil {
		return Signed{}, err
	}
	s.Complete = b.signed.versionOf(role) == md.Signed.Version
	return s, nil
}

func (s set) versionOf(role string) int64 {
	if role == "targets" {
		return s.targets.Signed.Version
	}
	if md := s.roles[role]; md != nil {
		return md.Signed.Version
	}
	return 0
}

// agree shows the change and asks. An answer other than yes is ErrNotConfirmed.
func (b *book) agree(role string, k Key, md *targetsMeta, confirm func(Change) (bool, error)) error {
	if confirm == nil {
		return nil
	}
	before, err := b.lastSeen(role, k.ID())
	if err != nil {
		return err
	}
	change, err := b.describe(role, k, before, md)
	if err != nil {
		return err
	}
	yes, err := confirm(change)
	if err != nil {
		return err
	}
	if !yes {
		return ErrNotConfirmed
	}
	return nil
}

func (b *book) seenPath(role, keyID string) string { return b.path(seenDir, role+"."+keyID+".json") }

func (b *book) lastSeen(role, keyID string) (*targetsMeta, error) {
	md, err := readRole[metadata.TargetsType](b.seenPath(role, keyID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return md, err
}

// prepare returns the version of a role that waits for signatures, made anew when what is
// wanted changed; dropped are then the keys whose signatures are lost with the old one.
func (b *book) prepare(role string, now time.Time) (md *targetsMeta, dropped []string, err error) {
	wanted, payloads, err := b.wanted(role)
	if err != nil {
		return nil, nil, err
	}
	for _, data := range payloads {
		if err := b.keepPayload(data); err != nil {
			return nil, nil, err
		}
	}
	old, pending := b.signed.targets, b.pending.targets
	if role != "targets" {
		old, pending = b.signed.roles[role], b.pending.roles[role]
	}
	if pending != nil && sameTargets(pending.Signed.Targets, wanted) {
		return pending, nil, nil
	}
	life := roleLife
	if role == "targets" {
		life = targetsLife
	}
	md = metadata.Targets(expiry(now, life))
	md.Signed.Targets = wanted
	md.Signed.Delegations = old.Signed.Delegations
	version := old.Signed.Version
	if pending != nil {
		version = max(version, pending.Signed.Version)
		for _, s := range pending.Signatures {
			dropped = append(dropped, b.keyName(s.KeyID))
		}
	}
	md.Signed.Version = nextVersion(version, now)
	return md, dropped, nil
}

// wanted is what a role should list, and the content of what is new in it.
func (b *book) wanted(role string) (map[string]*metadata.TargetFiles, [][]byte, error) {
	listed := map[string]*metadata.TargetFiles{}
	switch role {
	case "targets":
		return listed, nil, nil
	case site.FleetRole:
		data, err := json.Marshal(b.rules)
		listed[site.RulesTarget] = target(data)
		return listed, [][]byte{data}, err
	}
	maps.Copy(listed, b.signed.roles[role].Signed.Targets)
	drafts, err := b.draftsOf(role)
	if err != nil {
		return nil, nil, err
	}
	var payloads [][]byte
	for _, d := range drafts {
		listed[site.PatchTarget(role, d.patch.ID)] = target(d.data)
		payloads = append(payloads, d.data)
	}
	return listed, payloads, nil
}

func sameTargets(a, b map[string]*metadata.TargetFiles) bool {
	return maps.EqualFunc(a, b, func(x, y *metadata.TargetFiles) bool { return x.Equal(*y) })
}

func hasSigned(md *targetsMeta, keyID string) bool {
	return slices.ContainsFunc(md.Signatures, func(s metadata.Signature) bool { return s.KeyID == keyID })
}

// count is how many signatures are of keys of the quorum.
func count(signatures []metadata.Signature, q quorum) int {
	n := 0
	for _, s := range signatures {
		if slices.Contains(q.keys, s.KeyID) {
			n++
		}
	}
	return n
}

// quorumNow is who must sign the next version of a role: the keys of a pending parent, if there is one.
func (b *book) quorumNow(role string) quorum {
	if q := b.pending.quorum(role); q.need > 0 {
		return q
	}
	return b.signed.quorum(role)
}

// missing says in words which signatures are still needed.
func (b *book) missing(role string, signatures []metadata.Signature) string {
	q := b.quorumNow(role)
	have := count(signatures, q)
	if have >= q.need {
		return "it is complete"
	}
	var names []string
	for _, id := range q.keys {
		if !slices.ContainsFunc(signatures, func(s metadata.Signature) bool { return s.KeyID == id }) {
			names = append(names, b.keyName(id))
		}
	}
	slices.Sort(names)
	return fmt.Sprintf("%d of %d signatures, waiting for %d of %s", have, q.need, q.need-have, strings.Join(names, ", "))
}

// signRoot signs the pending root, or renews the signed one.
func (b *book) signRoot(k Key, now time.Time, confirm func(Change) (bool, error)) (Signed, error) {
	md := b.pending.root
	if md == nil {
		var err error
		if md, err = b.nextRoot(now); err != nil {
			return Signed{}, err
		}
	}
	if slices.ContainsFunc(md.Signatures, func(s metadata.Signature) bool { return s.KeyID == k.ID() }) {
		return Signed{}, fmt.Errorf("key %s has signed this version of root already: %s", k.Name(), b.missing("root", md.Signatures))
	}
	if confirm != nil {
		yes, err := confirm(b.describeRoot(k, md))
		if err != nil {
			return Signed{}, err
		}
		if !yes {
			return Signed{}, ErrNotConfirmed
		}
	}
	if err := signAll(md, k); err != nil {
		return Signed{}, err
	}
	if err := writeRole(b.path(pendingDir, "root.json"), md); err != nil {
		return Signed{}, err
	}
	b.pending.root = md
	q := b.quorumNow("root")
	s := Signed{Role: "root", Key: k.Name(), Version: md.Signed.Version, Have: count(md.Signatures, q), Need: q.need}
	if err := b.settle(); err != nil {
		return Signed{}, err
	}
	s.Complete = b.signed.root.Signed.Version == md.Signed.Version
	return s, nil
}

// nextRoot is an unsigned copy of the newest root with the next version.
func (b *book) nextRoot(now time.Time) (*rootMeta, error) {
	data, err := os.ReadFile(b.path(rootsDir, rootFile(b.signed.root.Signed.Version)))
	if err != nil {
		return nil, err
	}
	md, err := new(rootMeta).FromBytes(data)
	if err != nil {
		return nil, err
	}
	md.ClearSignatures()
	md.Signed.Version++
	md.Signed.Expires = expiry(now, rootLife)
	return md, nil
}
