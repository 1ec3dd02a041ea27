package roles

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// KeyOf is the id of the key with a name among those of a role; the oldest for "".
func (b *Book) KeyOf(role, name string) (string, error) {
	ids := slices.Clone(b.Signed.Quorum(role).Keys)
	slices.SortFunc(ids, func(x, y string) int { return keyNumber(b.KeyName(x)) - keyNumber(b.KeyName(y)) })
	if name == "" {
		return ids[0], nil
	}
	var names []string
	for _, id := range ids {
		if b.KeyName(id) == name {
			return id, nil
		}
		names = append(names, b.KeyName(id))
	}
	return "", fmt.Errorf("role %s has no key %s: its keys are %s", role, name, strings.Join(names, ", "))
}

// keyNumber is the number at the end of a key's name.
func keyNumber(name string) int {
	n, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		return 0
	}
	return n
}

// KeyName is the name of the key with number n of a role.
func KeyName(role string, n int) string { return role + "-" + strconv.Itoa(n) }

// NextKeyName is a name for a key of role that no key ever had.
func (b *Book) NextKeyName(role string) string {
	highest := 0
	for _, name := range b.names {
		if prefix, ok := strings.CutSuffix(name, "-"+strconv.Itoa(keyNumber(name))); ok && prefix == role {
			highest = max(highest, keyNumber(name))
		}
	}
	return KeyName(role, highest+1)
}

// Replace makes new versions of the roles in which key k takes the place of the key with the
// id old, signed with the keys at hand and pending. Settle puts them in force once enough keys
// signed; until then everything goes on with the old key.
func (b *Book) Replace(role, old string, k Made, keys Keyring, now time.Time) error {
	if _, inRoot := b.Signed.Root.Signed.Roles[role]; inRoot {
		return b.rotateInRoot(role, old, k, keys, now)
	}
	return b.rotateInTargets(role, old, k, keys, now)
}

// rotateInRoot makes a new root; targets are signed again when their key changed.
func (b *Book) rotateInRoot(role, old string, k Made, keys Keyring, now time.Time) error {
	root, err := b.nextRoot(now)
	if err != nil {
		return err
	}
	if err := root.Signed.AddKey(k.Public, role); err != nil {
		return err
	}
	if err := root.Signed.RevokeKey(old, role); err != nil {
		return err
	}
	b.Pending.Root = root
	ids := slices.Compact(slices.Sorted(slices.Values(slices.Concat(b.Signed.Quorum("root").Keys, root.Signed.Roles["root"].KeyIDs))))
	if err := signAtHand(b, root, ids, keys); err != nil {
		return err
	}
	if err := writeRole(b.pendingFile("root"), root); err != nil || role != "targets" {
		return err
	}
	return b.resign("targets", b.Signed.Targets.Signed.Delegations, root.Signed.Roles["targets"].KeyIDs, keys, now)
}

// rotateInTargets makes a new targets role and signs the role whose key changed again.
func (b *Book) rotateInTargets(role, old string, k Made, keys Keyring, now time.Time) error {
	data, err := os.ReadFile(b.File("targets"))
	if err != nil {
		return err
	}
	next, err := new(Targets).FromBytes(data)
	if err != nil {
		return err
	}
	if err := next.Signed.AddKey(k.Public, role); err != nil {
		return err
	}
	if err := next.Signed.RevokeKey(old, role); err != nil {
		return err
	}
	if err := b.resign("targets", next.Signed.Delegations, b.Signed.Quorum("targets").Keys, keys, now); err != nil {
		return err
	}
	return b.resign(role, nil, append(slices.Clone(b.Signed.Quorum(role).Keys), k.id), keys, now)
}

// AddRole makes a new role below targets, signed with its keys, and a new version of targets that
// lets it sign, signed with the keys at hand. Settle puts both in force once enough keys of
// targets signed.
func (b *Book) AddRole(s Signers, keys Keyring, now time.Time) error {
	data, err := os.ReadFile(b.File("targets"))
	if err != nil {
		return err
	}
	next, err := new(Targets).FromBytes(data)
	if err != nil {
		return err
	}
	role, err := firstRole(s, now)
	if err != nil {
		return err
	}
	if err := writeRole(b.pendingFile(s.Role), role); err != nil {
		return err
	}
	b.Pending.Roles[s.Role] = role
	delegate(next.Signed.Delegations, s)
	return b.resign("targets", next.Signed.Delegations, b.Signed.Quorum("targets").Keys, keys, now)
}

// resign makes a new version of a role with the content that is signed now, signed by
// those of ids that are at hand. What is new in it waits: people look at it before they sign.
func (b *Book) resign(role string, delegations *metadata.Delegations, ids []string, keys Keyring, now time.Time) error {
	old, life := b.Signed.Roles[role], Life
	if role == "targets" {
		old, life = b.Signed.Targets, targetsLife
	}
	version := old.Signed.Version
	if p := b.Pending.Roles[role]; p != nil {
		version = max(version, p.Signed.Version)
	}
	md := metadata.Targets(Expiry(now, life))
	md.Signed.Targets, md.Signed.Delegations = old.Signed.Targets, delegations
	md.Signed.Version = NextVersion(version, now)
	if err := signAtHand(b, md, ids, keys); err != nil {
		return err
	}
	if role == "targets" {
		b.Pending.Targets = md
	} else {
		b.Pending.Roles[role] = md
	}
	return writeRole(b.pendingFile(role), md)
}

// signAtHand signs with those keys of ids that are in the ring and open with the password.
// The others belong to other people, who sign with Sign.
func signAtHand[T metadata.Roles](b *Book, md *metadata.Metadata[T], ids []string, keys Keyring) error {
	for _, id := range ids {
		k := held{id, b.KeyName(id), keys}
		if !k.atHand() {
			continue
		}
		if err := SignAll(md, k); err != nil {
			return err
		}
	}
	return nil
}
