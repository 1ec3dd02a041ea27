package hq

import (
	"context"
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/catalog/archive"
	"github.com/nightfill/nightfill/ui/fleet"
)

// signed says who signed a patch in a generation of the catalog. Nil: headquarters reads no catalog, or
// does not keep that generation with that patch.
func (h *HQ) signed(_ context.Context, patch string, version int64) (*fleet.Signatures, error) {
	if h.catalog == nil || version == 0 {
		return nil, nil
	}
	kept, err := h.catalog.Kept().List()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(kept, func(e archive.Entry) bool { return e.Version == version })
	if i < 0 {
		return nil, nil
	}
	roots, err := catalog.ReadRoots(h.catalog.Roots(), nil)
	if err != nil {
		return nil, err
	}
	proven, err := roots.Prove(kept[i], h.catalog.Kept().File)
	if err != nil {
		h.Log.Warn("a kept catalog does not verify any more", "version", version, "err", err)
		return nil, nil
	}
	at := slices.IndexFunc(proven.Catalog.Patches, func(a site.Approved) bool { return a.Patch.ID == patch })
	if at < 0 {
		return nil, nil
	}
	a := proven.Catalog.Patches[at]
	s := &fleet.Signatures{Catalog: version, Issued: proven.Catalog.Issued, Manifest: proven.Manifests[patch], Approval: a.Patch.Approval, Release: a.Release}
	for _, role := range []string{a.Patch.Owner, site.FleetRole} {
		by := proven.Signed[role]
		s.Roles = append(s.Roles, fleet.RoleSigned{Role: role, Keys: by.Keys, Threshold: by.Threshold})
	}
	return s, nil
}
