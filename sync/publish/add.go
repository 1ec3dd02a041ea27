package publish

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/suggest"
	"github.com/nightfill/nightfill/sync/publish/static"
)

// draft is a manifest that waits for its owner.
type draft struct {
	patch  site.Patch
	data   []byte // exactly what will be signed
	digest string
}

// Add makes a draft of a patch and copies its artifacts into the catalog; files says for each
// artifact's sha256 where its bytes are. An older draft of the same id is replaced. A patch
// that is signed never changes: the same content again is fine, other content under the same
// id is refused.
func (r *Repo) Add(patch site.Patch, files map[string]string) error {
	return r.locked(func(b *book) error { return b.add(patch, files) })
}

func (b *book) add(patch site.Patch, files map[string]string) error {
	owners := b.owners()
	if !slices.Contains(owners, patch.Owner) {
		return fmt.Errorf("patch %s belongs to owner %q, who is not in this catalog: %s", patch.ID, patch.Owner, suggest.Known(patch.Owner, owners))
	}
	data, err := json.Marshal(patch)
	if err != nil {
		return err
	}
	if owner := b.ownerOf(patch.ID); owner != "" && owner != patch.Owner {
		return fmt.Errorf("patch id %s is used by owner %s already: choose a new id", patch.ID, owner)
	}
	if t := b.signedTarget(patch.Owner, patch.ID); t != nil {
		if t.Hashes["sha256"].String() == digest(data) {
			return nil
		}
		return fmt.Errorf("patch %s is signed already and what is signed never changes: give it a new id, and name the old one in supersedes", patch.ID)
	}
	for sum, path := range files {
		size := int64(-1)
		for _, a := range patchArtifacts(patch) {
			if a.SHA256 == sum {
				size = a.Size
			}
		}
		if err := static.Copy(b.path(bytesDir, sum), path, sum, size); err != nil {
			return fmt.Errorf("cannot keep the artifact %s: %w", path, err)
		}
	}
	return static.Write(b.path(draftsDir, patch.ID+".json"), data)
}

// Drop removes a draft that is not signed by its owner's threshold, or else a withdrawal that the
// fleet role has not signed.
func (r *Repo) Drop(id string) error {
	return r.locked(func(b *book) error {
		if _, withdrawn := b.rules.Withdrawn[id]; withdrawn && !exists(b.path(draftsDir, id+".json")) {
			return b.dropWithdrawal(id)
		}
		if !exists(b.path(draftsDir, id+".json")) {
			if b.ownerOf(id) != "" {
				return fmt.Errorf("patch %s is signed and no draft any more: take it back with `nightfill catalog withdraw`", id)
			}
			return fmt.Errorf("there is no draft %s: %s", id, b.suggestPatch(id))
		}
		return os.Remove(b.path(draftsDir, id+".json"))
	})
}

// patchArtifacts lists every artifact of a patch, those of its rollback too.
func patchArtifacts(p site.Patch) []site.Artifact {
	return slices.Concat(p.Artifacts, p.Rollback.Artifacts)
}

// drafts lists the drafts by id.
func (r *Repo) drafts() ([]draft, error) {
	entries, err := os.ReadDir(r.path(draftsDir))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var out []draft
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		data, err := os.ReadFile(r.path(draftsDir, e.Name()))
		if err != nil {
			return nil, err
		}
		d := draft{data: data, digest: digest(data)}
		if err := json.Unmarshal(data, &d.patch); err != nil {
			return nil, fmt.Errorf("the draft %s is damaged: %v; add the patch again", e.Name(), err)
		}
		out = append(out, d)
	}
	return out, nil
}

func (b *book) draftsOf(owner string) ([]draft, error) {
	all, err := b.drafts()
	return slices.DeleteFunc(all, func(d draft) bool { return d.patch.Owner != owner }), err
}

// ownerOf is the owner of a signed patch or of a draft, "" when there is no such patch.
func (b *book) ownerOf(id string) string {
	for _, owner := range b.owners() {
		if b.signedTarget(owner, id) != nil {
			return owner
		}
	}
	drafts, err := b.drafts()
	if err != nil {
		return ""
	}
	for _, d := range drafts {
		if d.patch.ID == id {
			return d.patch.Owner
		}
	}
	return ""
}

// patchIDs lists every patch, signed or draft.
func (b *book) patchIDs() []string {
	var ids []string
	for _, owner := range b.owners() {
		for path := range b.Signed.Roles[owner].Signed.Targets {
			ids = append(ids, patchID(path))
		}
	}
	drafts, err := b.drafts()
	if err != nil {
		return ids
	}
	for _, d := range drafts {
		ids = append(ids, d.patch.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// patchID is the id in the path of a patch's target.
func patchID(target string) string {
	return strings.TrimSuffix(filepath.Base(target), ".json")
}

func (b *book) suggestPatch(id string) string {
	ids := b.patchIDs()
	if len(ids) == 0 {
		return "the catalog holds no patch; add one with `nightfill catalog add`"
	}
	return suggest.Known(id, ids)
}

// manifest reads the payload of a target from where signing kept it.
func (r *Repo) manifest(sum string) (p site.Patch, err error) {
	err = readJSON(r.path(payloadDir, sum+".json"), &p)
	return p, err
}

// signedTarget is the entry of a patch in the signed version of its owner's role.
func (b *book) signedTarget(owner, id string) *metadata.TargetFiles {
	md := b.Signed.Roles[owner]
	if md == nil {
		return nil
	}
	return md.Signed.Targets[site.PatchTarget(owner, id)]
}

func (b *book) owners() []string {
	return slices.DeleteFunc(b.Signed.Delegated(), func(name string) bool { return name == site.FleetRole || name == site.HoldsRole })
}
