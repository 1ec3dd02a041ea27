package catalog

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog/archive"
)

// Kept is where the store keeps the generations that it once went by.
func (c *Catalog) Kept() archive.Archive { return archive.At(filepath.Join(c.o.Dir, "kept")) }

// keep keeps a verified generation for good; one that is kept already stays as it is.
func (c *Catalog) keep(g *generation, chain chain, accepted time.Time) error {
	return c.Kept().Keep(archive.Entry{
		Version: g.catalog.Version, Issued: g.catalog.Issued, Accepted: accepted, Root: chain.newest().Signed.Version,
	}, g.files)
}

// Roots returns every root that the store trusts, from the provisioned one to the newest, as they were received.
func (c *Catalog) Roots() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.chain.files)
}

// Roots is a chain of roots, each signed by the one before it.
type Roots struct{ chain chain }

// ReadRoots verifies a chain of roots, the oldest first. Given is the one root that is trusted; it
// must be one of the chain, byte for byte, or the next one before or after it. Nil trusts the first of the chain, which
// proves nothing by itself.
//
// A root that is older than the given one is believed when enough keys of the root after it signed it. That
// it names keys that signed the root after it proves nothing: anybody can write such a root.
func ReadRoots(files [][]byte, given []byte) (Roots, error) {
	if given != nil {
		var err error
		if files, err = joined(files, given); err != nil {
			return Roots{}, err
		}
	}
	if len(files) == 0 {
		return Roots{}, fmt.Errorf("there is no root")
	}
	var c chain
	err := guarded("the first root", func() error {
		tm, err := trustedmetadata.New(files[0])
		if err != nil {
			return err
		}
		c = chain{grow: tm, files: files[:1:1], roots: []*metadata.Metadata[metadata.RootType]{tm.Root}}
		return nil
	})
	if err != nil {
		return Roots{}, fmt.Errorf("the first root is not usable: %v", err)
	}
	for _, data := range files[1:] {
		if err := c.extend(data); err != nil {
			return Roots{}, fmt.Errorf("the root after version %d is not signed by it: %v", c.newest().Signed.Version, err)
		}
	}
	return Roots{c}, c.backwards(given)
}

// backwards verifies the roots before the given one.
func (c chain) backwards(given []byte) error {
	at := slices.IndexFunc(c.files, func(data []byte) bool { return bytes.Equal(data, given) })
	for i := at - 1; i >= 0; i-- {
		if err := c.roots[i+1].VerifyDelegate("root", c.roots[i]); err != nil {
			return fmt.Errorf("root %d is not signed by enough keys of root %d: give root %d or an older one, such as the one that the store was set up with",
				c.roots[i].Signed.Version, c.roots[i+1].Signed.Version, c.roots[i].Signed.Version)
		}
	}
	return nil
}

// joined puts the given root where it belongs in the chain.
func joined(files [][]byte, given []byte) ([][]byte, error) {
	version, err := rootVersion(given)
	if err != nil {
		return nil, fmt.Errorf("the given root is not usable: %v", err)
	}
	var have []int64
	for _, data := range files {
		v, err := rootVersion(data)
		if err != nil {
			return nil, fmt.Errorf("a root of the chain is not usable: %v", err)
		}
		if v == version {
			if !bytes.Equal(data, given) {
				return nil, fmt.Errorf("the root of version %d is another one than the given root: all of this was signed under other keys", version)
			}
			return files, nil
		}
		have = append(have, v)
	}
	switch {
	case len(have) > 0 && version == have[0]-1:
		return append([][]byte{given}, files...), nil
	case len(have) > 0 && version == have[len(have)-1]+1:
		return append(slices.Clone(files), given), nil
	}
	return nil, fmt.Errorf("the given root has version %d and the chain has %v: give the root of one of these", version, have)
}

func rootVersion(data []byte) (version int64, err error) {
	err = guarded("the root", func() error {
		root, err := metadata.Root().FromBytes(data)
		if err == nil {
			version = root.Signed.Version
		}
		return err
	})
	return version, err
}

// First is the version of the oldest root of the chain.
func (r Roots) First() int64 { return r.chain.roots[0].Signed.Version }

// Newest is the version of the newest root of the chain.
func (r Roots) Newest() int64 { return r.chain.newest().Signed.Version }

// Empty reports whether there is no root.
func (r Roots) Empty() bool { return len(r.chain.files) == 0 }

// Version is the version of the root with a digest; 0 when the chain has no such root.
func (r Roots) Version(fingerprint string) int64 {
	for i, data := range r.chain.files {
		if archive.Digest(data) == fingerprint {
			return r.First() + int64(i)
		}
	}
	return 0
}

// Fingerprint is the digest of the root of a version; empty when the chain has no such root.
func (r Roots) Fingerprint(version int64) string {
	if i := version - r.First(); i >= 0 && i < int64(len(r.chain.files)) {
		return archive.Digest(r.chain.files[i])
	}
	return ""
}

// Signed is how a role of a generation was signed.
type Signed struct {
	Role      string    `json:"role"`
	Version   int64     `json:"version"`
	Expires   time.Time `json:"expires"`
	Threshold int       `json:"threshold"` // signatures that it needs
	Keys      []string  `json:"keys"`      // the ids of the keys that signed it, sorted
}

// Proven is a generation of which every signature was verified.
type Proven struct {
	Entry   archive.Entry
	Catalog site.Catalog
	Signed  map[string]Signed // by role: fleet and the owners
	// Manifests are the digests of the signed manifests, by patch.
	Manifests map[string]string
}

// Prove verifies a generation as the store did when it accepted it: under the newest root that it
// trusted then, and at that time. Read returns a file by its digest. An error says why no store
// would have taken it.
func (r Roots) Prove(e archive.Entry, read func(sum string) ([]byte, error)) (*Proven, error) {
	c := r.chain
	n := slices.IndexFunc(c.roots, func(root *metadata.Metadata[metadata.RootType]) bool { return root.Signed.Version == e.Root })
	if n < 0 {
		return nil, fmt.Errorf("it was accepted under root %d, which is not there", e.Root)
	}
	c.files, c.roots = c.files[:n+1], c.roots[:n+1]
	g, err := verifyAt(c, e.Accepted, func(name string) ([]byte, error) {
		sum, ok := e.Files[name]
		if !ok {
			return nil, fmt.Errorf("%s is not in it", name)
		}
		data, err := read(sum)
		if err == nil && archive.Digest(data) != sum {
			return nil, fmt.Errorf("%s is not the file with the digest %s", name, sum)
		}
		return data, err
	})
	if err != nil {
		return nil, err
	}
	if why := g.expired(g.ref()); why != nil {
		return nil, why
	}
	if g.catalog.Version != e.Version || !g.catalog.Issued.Equal(e.Issued) {
		return nil, fmt.Errorf("it is version %d of %s", g.catalog.Version, g.catalog.Issued.Format(time.RFC3339))
	}
	return g.proven(e)
}

func (g *generation) proven(e archive.Entry) (*Proven, error) {
	p := &Proven{Entry: e, Catalog: g.catalog, Signed: map[string]Signed{}, Manifests: map[string]string{}}
	for name, md := range g.signed {
		p.Signed[name] = signedBy(g.targets, name, md)
		listed, err := contents(name, md)
		if err != nil {
			return nil, err
		}
		for _, f := range listed {
			if name != site.FleetRole && name != site.HoldsRole {
				p.Manifests[patchID(f.path)] = f.digest
			}
		}
	}
	return p, nil
}

// signedBy asks of each key of a role whether it signed it.
func signedBy(targets *role, name string, md *role) Signed {
	s := Signed{Role: name, Version: md.Signed.Version, Expires: md.Signed.Expires}
	for _, r := range targets.Signed.Delegations.Roles {
		if r.Name != name {
			continue
		}
		s.Threshold = r.Threshold
		for _, id := range r.KeyIDs {
			alone := r
			alone.Threshold, alone.KeyIDs = 1, []string{id}
			only := metadata.Targets(targets.Signed.Expires)
			only.Signed.Delegations = &metadata.Delegations{Keys: targets.Signed.Delegations.Keys, Roles: []metadata.DelegatedRole{alone}}
			if only.VerifyDelegate(name, md) == nil {
				s.Keys = append(s.Keys, id)
			}
		}
	}
	slices.SortFunc(s.Keys, strings.Compare)
	return s
}

// Judge says why a patch may not be begun at a moment by what the generation says, and nil when it
// may, in a store of this id. Of rings it asks only that the patch was released to one.
func (p *Proven) Judge(patch, store string, at time.Time) error {
	i := slices.IndexFunc(p.Catalog.Patches, func(a site.Approved) bool { return a.Patch.ID == patch })
	if i < 0 {
		return fmt.Errorf("%s is not signed in the catalog of version %d", patch, p.Catalog.Version)
	}
	a := p.Catalog.Patches[i]
	named := func(list []string) bool { return len(list) == 0 || slices.Contains(list, store) }
	from, until := a.Patch.Approval.NotBefore, a.Patch.Approval.NotAfter
	_, storeHeld := p.Catalog.HeldStores[store]
	switch {
	case storeHeld:
		return fmt.Errorf("store %s was held by headquarters in the catalog of version %d", store, p.Catalog.Version)
	case a.Withdrawn != nil:
		return fmt.Errorf("%s was withdrawn in the catalog of version %d", patch, p.Catalog.Version)
	case a.Held != nil:
		return fmt.Errorf("%s was held by headquarters in the catalog of version %d", patch, p.Catalog.Version)
	case a.Release == nil:
		return fmt.Errorf("%s was signed, but not released, in the catalog of version %d", patch, p.Catalog.Version)
	case !named(a.Release.Stores) || !named(a.Patch.Stores):
		return fmt.Errorf("%s was not approved for store %s in the catalog of version %d", patch, store, p.Catalog.Version)
	case from != nil && at.Before(*from), until != nil && !at.Before(*until):
		return fmt.Errorf("%s was not approved at %s", patch, at.UTC().Format(time.RFC3339))
	}
	for _, role := range []string{a.Patch.Owner, site.FleetRole} {
		if s := p.Signed[role]; at.After(s.Expires) {
			return fmt.Errorf("the signature of %s on %s had ended at %s", role, patch, at.UTC().Format(time.RFC3339))
		}
	}
	return nil
}
