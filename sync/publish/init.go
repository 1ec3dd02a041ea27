package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
	"github.com/nightfill/nightfill/sync/publish/static"
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
	KeyDir string        // where Keys keeps its keys, a file with its name each
	Keys   roles.Keyring // makes the keys
	Owners []Owner       // none: one owner named "owner" with one key
	Root   Quorum        // zero: one key
	Holds  bool          // with the holds role, whose one key may be online
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
	needs, err := o.needs()
	if err != nil {
		return err
	}
	if err := o.checkRoom(needs); err != nil {
		return err
	}
	keys := map[string][]roles.Made{}
	for _, n := range needs {
		for i := range n.Quorum.Keys {
			k, err := roles.MakeKey(o.Keys, roles.KeyName(n.Name, i+1))
			if err != nil {
				return err
			}
			keys[n.Name] = append(keys[n.Name], k)
		}
	}
	return o.write(needs, keys)
}

// needs lists every role with its keys, top-level roles first, owners last.
func (o InitOptions) needs() ([]Owner, error) {
	one := Quorum{1, 1}
	all := []Owner{{"root", o.Root}, {"targets", one}, {"snapshot", one}, {"timestamp", one}, {site.FleetRole, one}}
	if o.Holds {
		all = append(all, Owner{site.HoldsRole, one})
	}
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
			return nil, asked("%d of %d keys cannot sign for %s: the first number is how many must sign, the second how many keys there are, like 2/3", w.Quorum.Threshold, w.Quorum.Keys, w.Name)
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
			if path := filepath.Join(o.KeyDir, roles.KeyName(n.Name, i+1)); exists(path) {
				return fmt.Errorf("cannot make key %s: %s is there already and keys are never overwritten; choose another key directory", roles.KeyName(n.Name, i+1), path)
			}
		}
	}
	return nil
}

// write makes the first version of every role, signed by all keys, and the config last:
// what has no config is no catalog.
func (o InitOptions) write(needs []Owner, keys map[string][]roles.Made) error {
	keyDir, err := filepath.Abs(o.KeyDir)
	if err != nil {
		return err
	}
	r := &Repo{dir: o.Dir}
	rules := site.Rules{Schema: site.RulesSchema, Releases: map[string]site.Release{}, Withdrawn: map[string]site.Withdrawal{}}
	data, err := json.Marshal(rules)
	if err != nil {
		return err
	}
	if err := r.keepPayload(data); err != nil {
		return err
	}
	all := make([]roles.Signers, len(needs))
	for i, n := range needs {
		all[i] = roles.Signers{Role: n.Name, Threshold: n.Quorum.Threshold, Keys: keys[n.Name], Paths: []string{site.RolePaths(n.Name)}}
		switch n.Name {
		case site.FleetRole:
			all[i].Listed = map[string]*metadata.TargetFiles{site.RulesTarget: roles.Target(data)}
		case site.HoldsRole:
			if all[i].Listed, err = r.noHolds(); err != nil {
				return err
			}
		}
	}
	if err := roles.Create(o.Dir, all[:4], all[4:], o.Now); err != nil {
		return err
	}
	c := config{Version: 1, Keys: keyDir, Names: map[string]string{}}
	for _, ks := range keys {
		for _, k := range ks {
			c.Names[k.ID()] = k.Name()
		}
	}
	return errors.Join(writeJSON(r.path(rulesName), rules), writeJSON(r.path(configName), c))
}

// keepPayload stores what a role lists until publish needs it.
func (r *Repo) keepPayload(data []byte) error {
	return static.WriteOnce(r.path(payloadDir, digest(data)+".json"), data)
}
