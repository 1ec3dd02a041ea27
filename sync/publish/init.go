package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
)

// Quorum says how many of how many keys must sign.
type Quorum struct {
	Threshold int
	Keys      int
}

// Owner is a role whose sign-off patches need.
type Owner struct {
	Name   string
	Quorum Quorum
}

// InitOptions describe a new catalog.
type InitOptions struct {
	Dir    string
	KeyDir string  // where Keys keeps its keys, a file with its name each
	Keys   Keyring // makes the keys
	Owners []Owner // none: one owner named "owner" with one key
	Root   Quorum  // zero: one key
	Now    time.Time
}

// Init makes a new catalog: a key file for each key, and an empty catalog signed by all of
// them. It overwrites nothing: a directory with content and a key that is there are errors,
// found before anything is written.
func Init(o InitOptions) error {
	if len(o.Owners) == 0 {
		o.Owners = []Owner{{Name: "owner", Quorum: Quorum{1, 1}}}
	}
	if o.Root == (Quorum{}) {
		o.Root = Quorum{1, 1}
	}
	needs, err := o.roles()
	if err != nil {
		return err
	}
	if err := o.checkRoom(needs); err != nil {
		return err
	}
	keys := map[string][]made{}
	for _, n := range needs {
		for i := range n.Quorum.Keys {
			k, err := makeKey(o.Keys, keyName(n.Name, i+1))
			if err != nil {
				return err
			}
			keys[n.Name] = append(keys[n.Name], k)
		}
	}
	return o.write(needs, keys)
}

func keyName(role string, n int) string { return role + "-" + strconv.Itoa(n) }

// roles lists every role with its keys, top-level roles first, owners last.
func (o InitOptions) roles() ([]Owner, error) {
	one := Quorum{1, 1}
	all := []Owner{{"root", o.Root}, {"targets", one}, {"snapshot", one}, {"timestamp", one}, {site.FleetRole, one}}
	seen := map[string]bool{}
	for _, w := range o.Owners {
		if err := checkOwner(w.Name); err != nil {
			return nil, err
		}
		if seen[w.Name] {
			return nil, fmt.Errorf("owner %q is named twice", w.Name)
		}
		seen[w.Name] = true
		all = append(all, w)
	}
	for _, w := range all {
		if w.Quorum.Threshold < 1 || w.Quorum.Threshold > w.Quorum.Keys {
			return nil, fmt.Errorf("%d of %d keys cannot sign for %s: the first number is how many must sign, the second how many keys there are, like 2/3", w.Quorum.Threshold, w.Quorum.Keys, w.Name)
		}
	}
	return all, nil
}

func (o InitOptions) checkRoom(needs []Owner) error {
	entries, err := os.ReadDir(o.Dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("cannot make a catalog in %s: it is not empty and nothing is overwritten; choose a new directory", o.Dir)
	}
	for _, n := range needs {
		for i := range n.Quorum.Keys {
			if path := filepath.Join(o.KeyDir, keyName(n.Name, i+1)); exists(path) {
				return fmt.Errorf("cannot make key %s: %s is there already and keys are never overwritten; choose another key directory", keyName(n.Name, i+1), path)
			}
		}
	}
	return nil
}

// write makes the first version of every role, signed by all keys, and the config last:
// what has no config is no catalog.
func (o InitOptions) write(needs []Owner, keys map[string][]made) error {
	keyDir, err := filepath.Abs(o.KeyDir)
	if err != nil {
		return err
	}
	r := &Repo{dir: o.Dir}
	root, err := o.firstRoot(needs[:4], keys)
	if err != nil {
		return err
	}
	targets, err := o.firstTargets(needs[4:], keys)
	if err != nil {
		return err
	}
	if err := errors.Join(
		writeRole(r.path(rootsDir, rootFile(1)), root),
		writeRole(r.path(signedDir, "targets.json"), targets),
	); err != nil {
		return err
	}
	rules := site.Rules{Schema: site.RulesSchema, Releases: map[string]site.Release{}, Withdrawn: map[string]site.Withdrawal{}}
	for _, n := range needs[4:] {
		md := metadata.Targets(expiry(o.Now, roleLife))
		md.Signed.Version = nextVersion(0, o.Now)
		if n.Name == site.FleetRole {
			data, err := json.Marshal(rules)
			if err != nil {
				return err
			}
			md.Signed.Targets[site.RulesTarget] = target(data)
			if err := r.keepPayload(data); err != nil {
				return err
			}
		}
		if err := signMade(md, keys[n.Name]); err != nil {
			return err
		}
		if err := writeRole(r.path(signedDir, n.Name+".json"), md); err != nil {
			return err
		}
	}
	c := config{Version: 1, Keys: keyDir, Names: map[string]string{}}
	for _, ks := range keys {
		for _, k := range ks {
			c.Names[k.id] = k.name
		}
	}
	return errors.Join(writeJSON(r.path(rulesName), rules), writeJSON(r.path(configName), c))
}

func (o InitOptions) firstRoot(needs []Owner, keys map[string][]made) (*rootMeta, error) {
	root := metadata.Root(expiry(o.Now, rootLife))
	for _, n := range needs {
		for _, k := range keys[n.Name] {
			if err := root.Signed.AddKey(k.public, n.Name); err != nil {
				return nil, err
			}
		}
		root.Signed.Roles[n.Name].Threshold = n.Quorum.Threshold
	}
	return root, signMade(root, keys["root"])
}

func (o InitOptions) firstTargets(needs []Owner, keys map[string][]made) (*targetsMeta, error) {
	md := metadata.Targets(expiry(o.Now, targetsLife))
	md.Signed.Version = nextVersion(0, o.Now)
	md.Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
	for _, n := range needs {
		role := metadata.DelegatedRole{Name: n.Name, Threshold: n.Quorum.Threshold, Terminating: true, Paths: []string{site.OwnerPaths(n.Name)}}
		if n.Name == site.FleetRole {
			role.Paths = []string{site.FleetPaths}
		}
		for _, k := range keys[n.Name] {
			md.Signed.Delegations.Keys[k.id] = k.public
			role.KeyIDs = append(role.KeyIDs, k.id)
		}
		md.Signed.Delegations.Roles = append(md.Signed.Delegations.Roles, role)
	}
	return md, signMade(md, keys["targets"])
}

func expiry(now time.Time, life time.Duration) time.Time {
	return now.UTC().Truncate(time.Second).Add(life)
}

// signMade signs md with every key of keys.
func signMade[T metadata.Roles](md *metadata.Metadata[T], keys []made) error {
	for _, k := range keys {
		if err := signAll(md, k); err != nil {
			return err
		}
	}
	return nil
}

// target is the entry of data in a role that lists it.
func target(data []byte) *metadata.TargetFiles {
	t, err := metadata.TargetFile().FromBytes("", data, "sha256")
	if err != nil {
		panic("internal error: sha256 of bytes in memory: " + err.Error())
	}
	return t
}

// keepPayload stores what a role lists until publish needs it.
func (r *Repo) keepPayload(data []byte) error {
	return writeOnce(r.path(payloadDir, digest(data)+".json"), data, 0o644)
}
