package publish

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// Change is what a person is about to sign, and what their key signed last.
type Change struct {
	Role    string
	Key     string
	Version int64
	Since   int64 // the version that this key signed last; 0 = none
	Expires time.Time
	Before  Content // of that version
	After   Content
}

// Content is what one version of a role says. Fields that are not of the role are empty.
type Content struct {
	Patches map[string]site.Patch // an owner's, by id
	Rules   site.Rules            // the fleet's
	Holds   site.Holds            // of the holds role
	Roles   map[string][]string   // who must sign for other roles, in words, by role
}

// describe compares two versions of a role. before may be nil.
func (b *book) describe(role string, k roles.Key, before, after *roles.Targets) (Change, error) {
	c := Change{Role: role, Key: k.Name(), Version: after.Signed.Version, Expires: after.Signed.Expires}
	var err error
	if before != nil {
		c.Since = before.Signed.Version
		if c.Before, err = b.content(role, before); err != nil {
			return Change{}, err
		}
	}
	c.After, err = b.content(role, after)
	return c, err
}

// content reads what a version of a role says from where signing kept it.
func (b *book) content(role string, md *roles.Targets) (Content, error) {
	if role == "targets" {
		return Content{Roles: b.delegationWords(md)}, nil
	}
	c := Content{Patches: map[string]site.Patch{}}
	for path, t := range md.Signed.Targets {
		var err error
		sum := t.Hashes["sha256"].String()
		switch role {
		case site.FleetRole:
			err = readJSON(b.path(payloadDir, sum+".json"), &c.Rules)
		case site.HoldsRole:
			err = readJSON(b.path(payloadDir, sum+".json"), &c.Holds)
		default:
			c.Patches[patchID(path)], err = b.manifest(sum)
		}
		if err != nil {
			return Content{}, err
		}
	}
	return c, nil
}

// delegationWords describes who may sign what below targets.
func (b *book) delegationWords(md *roles.Targets) map[string][]string {
	out := map[string][]string{}
	if md.Signed.Delegations == nil {
		return out
	}
	for _, d := range md.Signed.Delegations.Roles {
		out[d.Name] = []string{
			b.quorumWords(roles.Quorum{Keys: d.KeyIDs, Need: d.Threshold}),
			"may sign " + strings.Join(d.Paths, ", "),
		}
	}
	return out
}

func (b *book) quorumWords(q roles.Quorum) string {
	names := make([]string, len(q.Keys))
	for i, id := range q.Keys {
		names[i] = b.KeyName(id) + " (" + id[:min(len(id), 12)] + ")"
	}
	slices.Sort(names)
	return fmt.Sprintf("%d of %s must sign", q.Need, strings.Join(names, ", "))
}

// describeRoot compares a new root with the newest signed one.
func (b *book) describeRoot(k roles.Key, after *roles.Root) Change {
	signers := func(md *roles.Root) Content {
		c := Content{Roles: map[string][]string{}}
		for name, r := range md.Signed.Roles {
			c.Roles[name] = []string{b.quorumWords(roles.Quorum{Keys: r.KeyIDs, Need: r.Threshold})}
		}
		return c
	}
	return Change{
		Role: "root", Key: k.Name(), Version: after.Signed.Version, Since: b.Signed.Root.Signed.Version, Expires: after.Signed.Expires,
		Before: signers(b.Signed.Root), After: signers(after),
	}
}
