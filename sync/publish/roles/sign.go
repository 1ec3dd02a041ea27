package roles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Prepare returns the version of a role that waits for signatures, made anew when what is
// wanted in it changed; dropped are then the names of the keys whose signatures are lost with
// the old one. Nothing is written.
func (b *Book) Prepare(role string, wanted map[string]*metadata.TargetFiles, now time.Time) (md *Targets, dropped []string) {
	old, pending := b.Signed.Targets, b.Pending.Targets
	if role != "targets" {
		old, pending = b.Signed.Roles[role], b.Pending.Roles[role]
	}
	if pending != nil && SameTargets(pending.Signed.Targets, wanted) {
		return pending, nil
	}
	life := Life
	if role == "targets" {
		life = targetsLife
	}
	md = metadata.Targets(Expiry(now, life))
	md.Signed.Targets = wanted
	md.Signed.Delegations = old.Signed.Delegations
	version := old.Signed.Version
	if pending != nil {
		version = max(version, pending.Signed.Version)
		for _, s := range pending.Signatures {
			dropped = append(dropped, b.KeyName(s.KeyID))
		}
	}
	md.Signed.Version = NextVersion(version, now)
	return md, dropped
}

// PrepareRoot returns the root that waits for signatures, or else the newest one again with
// the next version. Nothing is written.
func (b *Book) PrepareRoot(now time.Time) (*Root, error) {
	if b.Pending.Root != nil {
		return b.Pending.Root, nil
	}
	return b.nextRoot(now)
}

// Sign adds the signature of a key to a version of targets or of a role below it, and keeps
// it as pending and as what the key saw last. Settle puts it in force once enough keys signed.
func (b *Book) Sign(role string, md *Targets, k Key) error {
	if err := SignAll(md, k); err != nil {
		return err
	}
	if err := writeRole(b.pendingFile(role), md); err != nil {
		return err
	}
	if err := writeRole(b.seenFile(role, k.ID()), md); err != nil {
		return err
	}
	if role == "targets" {
		b.Pending.Targets = md
	} else {
		b.Pending.Roles[role] = md
	}
	return nil
}

// SignRoot does for root what Sign does for the other roles.
func (b *Book) SignRoot(md *Root, k Key) error {
	if err := SignAll(md, k); err != nil {
		return err
	}
	if err := writeRole(b.pendingFile("root"), md); err != nil {
		return err
	}
	b.Pending.Root = md
	return nil
}

func (b *Book) seenFile(role, keyID string) string {
	return filepath.Join(b.dir, seenDir, role+"."+keyID+".json")
}

// LastSeen is the version of a role that a key signed last; nil when it signed none.
func (b *Book) LastSeen(role, keyID string) (*Targets, error) {
	md, err := Read[metadata.TargetsType](b.seenFile(role, keyID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return md, err
}

// QuorumNow is who must sign the next version of a role: the keys of a pending parent, if there is one.
func (b *Book) QuorumNow(role string) Quorum {
	if q := b.Pending.Quorum(role); q.Need > 0 {
		return q
	}
	return b.Signed.Quorum(role)
}

// Missing says in words which signatures are still needed.
func (b *Book) Missing(role string, signatures []metadata.Signature) string {
	q := b.QuorumNow(role)
	have := q.Count(signatures)
	if have >= q.Need {
		return "it is complete"
	}
	var names []string
	for _, id := range q.Keys {
		if !slices.ContainsFunc(signatures, func(s metadata.Signature) bool { return s.KeyID == id }) {
			names = append(names, b.KeyName(id))
		}
	}
	slices.Sort(names)
	return fmt.Sprintf("%d of %d signatures, waiting for %d of %s", have, q.Need, q.Need-have, strings.Join(names, ", "))
}

// nextRoot is an unsigned copy of the newest root with the next version.
func (b *Book) nextRoot(now time.Time) (*Root, error) {
	data, err := os.ReadFile(b.RootFile(b.Signed.Root.Signed.Version))
	if err != nil {
		return nil, err
	}
	md, err := new(Root).FromBytes(data)
	if err != nil {
		return nil, err
	}
	md.ClearSignatures()
	md.Signed.Version++
	md.Signed.Expires = Expiry(now, rootLife)
	return md, nil
}
