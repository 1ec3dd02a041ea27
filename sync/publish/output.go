package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
	"github.com/nightfill/nightfill/sync/publish/static"
)

func (p *publication) out() static.Tree { return static.Tree(p.o.Out) }

// writePayloads writes the artifacts and manifests that the signed roles name.
func (p *publication) writePayloads(ctx context.Context) error {
	for _, name := range p.Signed.Delegated() {
		if p.only != "" && name != p.only {
			continue
		}
		for target, t := range p.Signed.Roles[name].Signed.Targets {
			sum := t.Hashes["sha256"].String()
			data, err := os.ReadFile(p.path(payloadDir, sum+".json"))
			if err != nil {
				return err
			}
			if err := p.out().PutTarget(target, sum, data); err != nil {
				return err
			}
			if name == site.FleetRole || name == site.HoldsRole {
				continue
			}
			if err := p.writeArtifacts(ctx, sum); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *publication) writeArtifacts(ctx context.Context, manifest string) error {
	patch, err := p.manifest(manifest)
	if err != nil {
		return err
	}
	for _, a := range patchArtifacts(patch) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := static.Copy(p.out().Path(site.ArtifactPath(a.SHA256)), p.path(bytesDir, a.SHA256), a.SHA256, a.Size); err != nil {
			return fmt.Errorf("artifact %s of %s: %w", a.Name, patch.ID, err)
		}
	}
	return nil
}

// writeMetadata writes everything but the timestamp. Stores do not look at any of it yet.
func (p *publication) writeMetadata() error {
	for role, file := range p.Files() {
		if p.only != "" && role != p.only {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := static.WriteOnce(p.out().Path(versioned(p.Signed.Version(role), role)), data); err != nil {
			return err
		}
	}
	data, err := p.next.Snapshot.ToBytes(false)
	if err != nil {
		return err
	}
	if err := static.WriteOnce(p.out().Path(versioned(p.next.Snapshot.Signed.Version, "snapshot")), data); err != nil {
		return err
	}
	if p.only != "" {
		return nil // the roots that stores see are theirs
	}
	for v := int64(1); v <= p.Signed.Root.Signed.Version; v++ {
		if data, err = os.ReadFile(p.RootFile(v)); err != nil {
			return err
		}
		if err := static.WriteOnce(p.out().Path("metadata/"+roles.RootName(v)), data); err != nil {
			return err
		}
	}
	return static.Write(p.out().Path("root.json"), data)
}

// verify lets a store look at the output as it will be once the timestamp is in its place.
func (p *publication) verify(ctx context.Context) error {
	ts, err := p.next.Timestamp.ToBytes(false)
	if err != nil {
		return err
	}
	if err := p.out().Stage(ts); err != nil || p.o.Verify == nil {
		return err
	}
	root, err := os.ReadFile(p.RootFile(1))
	if err != nil {
		return err
	}
	if err := p.o.Verify(ctx, p.out().Upcoming(), root, p.o.Now); err != nil {
		return errors.Join(err, p.out().Unstage())
	}
	return nil
}

// finish makes the new version visible: first in the catalog's own books, so that a crash
// never gives a version out twice, then for the stores.
func (p *publication) finish() (Published, error) {
	ts, err := p.next.Timestamp.ToBytes(false)
	if err != nil {
		return Published{}, err
	}
	if p.only == "" {
		if err := p.notePublished(); err != nil {
			return Published{}, err
		}
	}
	p.cfg.Issued = p.o.Now
	if err := errors.Join(static.Write(p.File("timestamp"), ts), writeJSON(p.path(configName), p.cfg)); err != nil {
		return Published{}, err
	}
	if err := p.out().Commit(); err != nil {
		return Published{}, fmt.Errorf("cannot publish to %s: %w", p.o.Out, err)
	}
	out := Published{Version: p.next.Timestamp.Signed.Version, Issued: p.o.Now, Expires: p.next.Timestamp.Signed.Expires, Patches: []string{}}
	if p.only != "" {
		return out, nil
	}
	for _, owner := range p.owners() {
		for target := range p.Signed.Roles[owner].Signed.Targets {
			out.Patches = append(out.Patches, patchID(target))
		}
	}
	slices.Sort(out.Patches)
	out.Waiting, err = p.waiting()
	return out, err
}
