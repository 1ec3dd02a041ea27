package roles

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Signers is a role of a new directory.
type Signers struct {
	Role      string
	Threshold int
	Keys      []Made
	Listed    map[string]*metadata.TargetFiles // of a role below targets: what its first version lists
	Paths     []string                         // of a role below targets: what it may list
}

// Create writes the first version of every role to dir, signed by all keys. top are root,
// targets, snapshot and timestamp; below are the roles below targets. After a crash the
// directory is of no use and is made again.
func Create(dir string, top, below []Signers, now time.Time) error {
	root, err := firstRoot(top, now)
	if err != nil {
		return err
	}
	targets, err := firstTargets(below, now)
	if err != nil {
		return err
	}
	for _, s := range top {
		switch s.Role {
		case "root":
			err = signMade(root, s.Keys)
		case "targets":
			err = signMade(targets, s.Keys)
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(writeRole(filepath.Join(dir, rootsDir, RootName(1)), root), writeRole(signedFile(dir, "targets"), targets)); err != nil {
		return err
	}
	for _, s := range below {
		md, err := firstRole(s, now)
		if err != nil {
			return err
		}
		if err := writeRole(signedFile(dir, s.Role), md); err != nil {
			return err
		}
	}
	return nil
}

func firstRoot(top []Signers, now time.Time) (*Root, error) {
	root := metadata.Root(Expiry(now, rootLife))
	for _, s := range top {
		for _, k := range s.Keys {
			if err := root.Signed.AddKey(k.Public, s.Role); err != nil {
				return nil, err
			}
		}
		root.Signed.Roles[s.Role].Threshold = s.Threshold
	}
	return root, nil
}

func firstTargets(below []Signers, now time.Time) (*Targets, error) {
	md := metadata.Targets(Expiry(now, targetsLife))
	md.Signed.Version = NextVersion(0, now)
	md.Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
	for _, s := range below {
		delegate(md.Signed.Delegations, s)
	}
	return md, nil
}

// delegate lets a role sign what is in its paths.
func delegate(d *metadata.Delegations, s Signers) {
	role := metadata.DelegatedRole{Name: s.Role, Threshold: s.Threshold, Terminating: true, Paths: s.Paths}
	for _, k := range s.Keys {
		d.Keys[k.id] = k.Public
		role.KeyIDs = append(role.KeyIDs, k.id)
	}
	d.Roles = append(d.Roles, role)
}

// firstRole is the first version of a role below targets.
func firstRole(s Signers, now time.Time) (*Targets, error) {
	md := metadata.Targets(Expiry(now, Life))
	md.Signed.Version = NextVersion(0, now)
	for path, file := range s.Listed {
		md.Signed.Targets[path] = file
	}
	return md, signMade(md, s.Keys)
}

// signMade signs md with every key of keys.
func signMade[T metadata.Roles](md *metadata.Metadata[T], keys []Made) error {
	for _, k := range keys {
		if err := SignAll(md, k); err != nil {
			return err
		}
	}
	return nil
}
