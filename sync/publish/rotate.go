package publish

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// RotateOptions say which key is replaced.
type RotateOptions struct {
	Role    string
	Replace string  // name of the key to take out; "" = the oldest of the role
	Keys    Keyring // makes the new key, and signs with those at hand
	Now     time.Time
}

// Rotation is the outcome of replacing a key.
type Rotation struct {
	Role    string    `json:"role"`
	Old     string    `json:"old"`
	New     string    `json:"new"`
	Waiting []Waiting `json:"waiting,omitempty"` // who must sign before it is in force
}

// Rotate makes a new key for a role and takes an old one out. The roles above and below
// are signed again with the keys at hand; what is missing is named, and Sign completes it.
// Until then everything goes on with the old keys.
func (r *Repo) Rotate(o RotateOptions) (Rotation, error) {
	var out Rotation
	err := r.locked(func(b *book) error {
		if err := b.settle(); err != nil {
			return err
		}
		if b.pending.root != nil || b.pending.targets != nil {
			return errors.New("an earlier change of keys waits for signatures: complete it first, see `nightfill catalog status`")
		}
		var err error
		out, err = b.rotate(o)
		return err
	})
	return out, err
}

func (b *book) rotate(o RotateOptions) (Rotation, error) {
	q := b.signed.quorum(o.Role)
	if q.need == 0 {
		known := append([]string{"root", "targets", "snapshot", "timestamp"}, delegated(b.signed.targets)...)
		return Rotation{}, fmt.Errorf("there is no role %q: %s", o.Role, suggest(o.Role, known))
	}
	old, err := b.keyToReplace(o, q)
	if err != nil {
		return Rotation{}, err
	}
	k, err := makeKey(o.Keys, b.nextKeyName(o.Role))
	if err != nil {
		return Rotation{}, err
	}
	b.cfg.Names[k.id] = k.name
	if err := writeJSON(b.path(configName), b.cfg); err != nil {
		return Rotation{}, err
	}
	if _, inRoot := b.signed.root.Signed.Roles[o.Role]; inRoot {
		err = b.rotateInRoot(o, old, k)
	} else {
		err = b.rotateInTargets(o, old, k)
	}
	if err != nil {
		return Rotation{}, err
	}
	if err := b.settle(); err != nil {
		return Rotation{}, err
	}
	out := Rotation{Role: o.Role, Old: b.keyName(old), New: k.name}
	out.Waiting, err = b.waiting()
	out.Waiting = slices.DeleteFunc(out.Waiting, func(w Waiting) bool { return w.Have >= w.Need || len(w.Patches) > 0 && b.pending.targets == nil })
	return out, err
}

// keyToReplace is the id of the key that goes.
func (b *book) keyToReplace(o RotateOptions, q quorum) (string, error) {
	ids := slices.Clone(q.keys)
	slices.SortFunc(ids, func(x, y string) int { return keyNumber(b.keyName(x)) - keyNumber(b.keyName(y)) })
	if o.Replace == "" {
		return ids[0], nil
	}
	var names []string
	for _, id := range ids {
		if b.keyName(id) == o.Replace {
			return id, nil
		}
		names = append(names, b.keyName(id))
	}
	return "", fmt.Errorf("role %s has no key %s: its keys are %s", o.Role, o.Replace, strings.Join(names, ", "))
}

// keyNumber is the number at the end of a key's name.
func keyNumber(name string) int {
	n, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		return 0
	}
	return n
}

// nextKeyName is a name for a key of role that no key ever had.
func (b *book) nextKeyName(role string) string {
	highest := 0
	for _, name := range b.cfg.Names {
		if prefix, ok := strings.CutSuffix(name, "-"+strconv.Itoa(keyNumber(name))); ok && prefix == role {
			highest = max(highest, keyNumber(name))
		}
	}
	return keyName(role, highest+1)
}

// rotateInRoot makes a new root; targets are signed again when their key changed.
func (b *book) rotateInRoot(o RotateOptions, old string, k made) error {
	root, err := b.nextRoot(o.Now)
	if err != nil {
		return err
	}
	if err := root.Signed.AddKey(k.public, o.Role); err != nil {
		return err
	}
	if err := root.Signed.RevokeKey(old, o.Role); err != nil {
		return err
	}
	b.pending.root = root
	ids := slices.Compact(slices.Sorted(slices.Values(slices.Concat(b.signed.quorum("root").keys, root.Signed.Roles["root"].KeyIDs))))
	if err := signAtHand(b, root, ids, o.Keys); err != nil {
		return err
	}
	if err := writeRole(b.path(pendingDir, "root.json"), root); err != nil || o.Role != "targets" {
		return err
	}
	return b.resign("targets", b.signed.targets.Signed.Delegations, root.Signed.Roles["targets"].KeyIDs, o)
}

// rotateInTargets makes a new targets role and signs the role whose key changed again.
func (b *book) rotateInTargets(o RotateOptions, old string, k made) error {
	data, err := os.ReadFile(b.path(signedDir, "targets.json"))
	if err != nil {
		return err
	}
	next, err := new(targetsMeta).FromBytes(data)
	if err != nil {
		return err
	}
	if err := next.Signed.AddKey(k.public, o.Role); err != nil {
		return err
	}
	if err := next.Signed.RevokeKey(old, o.Role); err != nil {
		return err
	}
	if err := b.resign("targets", next.Signed.Delegations, b.signed.quorum("targets").keys, o); err != nil {
		return err
	}
	return b.resign(o.Role, nil, append(slices.Clone(b.signed.quorum(o.Role).keys), k.id), o)
}

// resign makes a new version of a role with the content that is signed now, signed by
// those of ids that are at hand. Drafts stay drafts: their owners look at them first.
func (b *book) resign(role string, delegations *metadata.Delegations, ids []string, o RotateOptions) error {
	old, life := b.signed.roles[role], roleLife
	if role == "targets" {
		old, life = b.signed.targets, targetsLife
	}
	version := old.Signed.Version
	if p := b.pending.roles[role]; p != nil {
		version = max(version, p.Signed.Version)
	}
	md := metadata.Targets(expiry(o.Now, life))
	md.Signed.Targets, md.Signed.Delegations = old.Signed.Targets, delegations
	md.Signed.Version = nextVersion(version, o.Now)
	if err := signAtHand(b, md, ids, o.Keys); err != nil {
		return err
	}
	if role == "targets" {
		b.pending.targets = md
	} else {
		b.pending.roles[role] = md
	}
	return writeRole(b.path(pendingDir, role+".json"), md)
}

// signAtHand signs with those keys of ids that are in the ring and open with the password.
// The others belong to other people, who sign with Sign.
func signAtHand[T metadata.Roles](b *book, md *metadata.Metadata[T], ids []string, keys Keyring) error {
	for _, id := range ids {
		k := held{id, b.keyName(id), keys}
		if !k.atHand() {
			continue
		}
		if err := signAll(md, k); err != nil {
			return err
		}
	}
	return nil
}
