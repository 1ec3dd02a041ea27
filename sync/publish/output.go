package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// signOnline makes the snapshot and the timestamp, signed with the keys at hand.
func (p *publication) signOnline() error {
	var err error
	p.next, err = p.SignOnline(roles.OnlineOptions{
		Before: p.online, Where: p.o.Out, Keys: p.o.Keys, KeyDir: p.cfg.Keys, Now: p.o.Now,
		Fields: map[string]any{site.IssuedField: p.o.Now.Format(time.RFC3339)},
	})
	return err
}

// writePayloads writes the artifacts and manifests that the signed roles name.
func (p *publication) writePayloads(ctx context.Context) error {
	for _, name := range p.Signed.Delegated() {
		for target, t := range p.Signed.Roles[name].Signed.Targets {
			sum := t.Hashes["sha256"].String()
			data, err := os.ReadFile(p.path(payloadDir, sum+".json"))
			if err != nil {
				return err
			}
			dir, base := path.Split(target)
			if err := writeOnce(filepath.Join(p.o.Out, "targets", filepath.FromSlash(dir), sum+"."+base), data, 0o644); err != nil {
				return err
			}
			if name == site.FleetRole {
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
		dst := filepath.Join(p.o.Out, filepath.FromSlash(site.ArtifactPath(a.SHA256)))
		if err := copyVerified(dst, p.path(bytesDir, a.SHA256), a.SHA256, a.Size); err != nil {
			return fmt.Errorf("artifact %s of %s: %w", a.Name, patch.ID, err)
		}
	}
	return nil
}

// writeMetadata writes everything but the timestamp. Stores do not look at any of it yet.
func (p *publication) writeMetadata() error {
	dir := filepath.Join(p.o.Out, "metadata")
	for role, file := range p.Files() {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := writeOnce(filepath.Join(dir, versioned(p.Signed.Version(role), role)), data, 0o644); err != nil {
			return err
		}
	}
	data, err := p.next.Snapshot.ToBytes(false)
	if err != nil {
		return err
	}
	if err := writeOnce(filepath.Join(dir, versioned(p.next.Snapshot.Signed.Version, "snapshot")), data, 0o644); err != nil {
		return err
	}
	for v := int64(1); v <= p.Signed.Root.Signed.Version; v++ {
		if data, err = os.ReadFile(p.RootFile(v)); err != nil {
			return err
		}
		if err := writeOnce(filepath.Join(dir, roles.RootName(v)), data, 0o644); err != nil {
			return err
		}
	}
	return writeFile(filepath.Join(p.o.Out, "root.json"), data, 0o644)
}

// nextTimestamp is where the timestamp waits, beside its place, until it is verified.
const nextTimestamp = ".next-timestamp.json"

// verify lets a store look at the output as it will be once the timestamp is in its place.
func (p *publication) verify(ctx context.Context) error {
	ts, err := p.next.Timestamp.ToBytes(false)
	if err != nil {
		return err
	}
	next := filepath.Join(p.o.Out, "metadata", nextTimestamp)
	if err := writeFile(next, ts, 0o644); err != nil || p.o.Verify == nil {
		return err
	}
	root, err := os.ReadFile(p.RootFile(1))
	if err != nil {
		return err
	}
	if err := p.o.Verify(ctx, upcoming{os.DirFS(p.o.Out)}, root, p.o.Now); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return nil
}

// upcoming is the output directory with the new timestamp in its place.
type upcoming struct{ fs.FS }

// Open opens a file as it will be.
func (u upcoming) Open(name string) (fs.File, error) {
	if name == "metadata/timestamp.json" {
		name = "metadata/" + nextTimestamp
	}
	return u.FS.Open(name)
}

// finish makes the new version visible: first in the catalog's own books, so that a crash
// never gives a version out twice, then for the stores.
func (p *publication) finish() (Published, error) {
	ts, err := p.next.Timestamp.ToBytes(false)
	if err != nil {
		return Published{}, err
	}
	p.cfg.Issued = p.o.Now
	if err := errors.Join(writeFile(p.File("timestamp"), ts, 0o644), writeJSON(p.path(configName), p.cfg)); err != nil {
		return Published{}, err
	}
	dir := filepath.Join(p.o.Out, "metadata")
	if err := errors.Join(os.Rename(filepath.Join(dir, nextTimestamp), filepath.Join(dir, "timestamp.json")), syncDir(dir)); err != nil {
		return Published{}, fmt.Errorf("cannot publish to %s: %w", p.o.Out, err)
	}
	out := Published{Version: p.next.Timestamp.Signed.Version, Issued: p.o.Now, Expires: p.next.Timestamp.Signed.Expires}
	for _, owner := range p.owners() {
		for target := range p.Signed.Roles[owner].Signed.Targets {
			out.Patches = append(out.Patches, patchID(target))
		}
	}
	slices.Sort(out.Patches)
	out.Waiting, err = p.waiting()
	return out, err
}
