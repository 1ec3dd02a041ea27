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
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// How long a signature of each lasts: stores want a fresh timestamp often.
const (
	snapshotLife  = 14 * 24 * time.Hour
	timestampLife = 72 * time.Hour
)

// signOnline makes the snapshot and the timestamp, signed with the keys at hand.
func (p *publication) signOnline() error {
	versions, err := p.lastVersions()
	if err != nil {
		return err
	}
	sn := metadata.Snapshot(roles.Expiry(p.o.Now, snapshotLife))
	sn.Signed.Version = roles.NextVersion(versions.snapshot, p.o.Now)
	clear(sn.Signed.Meta)
	if p.online.snapshot != nil {
		// A name that leaves a snapshot makes every store refuse it.
		for name, m := range p.online.snapshot.Signed.Meta {
			sn.Signed.Meta[name] = m
		}
	}
	for role, file := range p.roleFiles() {
		m, err := metaFile(p.Signed.Version(role), file)
		if err != nil {
			return err
		}
		if was := sn.Signed.Meta[role+".json"]; was != nil && was.Version > m.Version {
			return fmt.Errorf("%s holds version %d of %s and this catalog only version %d: it was restored from a backup; sign %s again with `nightfill catalog sign`", p.o.Out, was.Version, role, m.Version, role)
		}
		sn.Signed.Meta[role+".json"] = m
	}
	if err := p.signWith("snapshot", func(k roles.Key) error { return roles.SignAll(sn, k) }); err != nil {
		return err
	}
	data, err := sn.ToBytes(false)
	if err != nil {
		return err
	}
	ts := metadata.Timestamp(roles.Expiry(p.o.Now, timestampLife))
	ts.Signed.Version = roles.NextVersion(versions.timestamp, p.o.Now)
	ts.Signed.UnrecognizedFields = map[string]any{site.IssuedField: p.o.Now.Format(time.RFC3339)}
	m := metadata.MetaFile(sn.Signed.Version)
	t := roles.Target(data)
	m.Length, m.Hashes = t.Length, t.Hashes
	ts.Signed.Meta["snapshot.json"] = m
	p.snapshot, p.timestamp = sn, ts
	return p.signWith("timestamp", func(k roles.Key) error { return roles.SignAll(ts, k) })
}

// onlineVersions are the highest versions that were ever given out, as far as is known.
type onlineVersions struct{ snapshot, timestamp int64 }

func (p *publication) lastVersions() (onlineVersions, error) {
	var v onlineVersions
	if p.online.timestamp != nil {
		v = onlineVersions{p.online.snapshot.Signed.Version, p.online.timestamp.Signed.Version}
	}
	if !exists(p.File("timestamp")) {
		return v, nil
	}
	ts, err := roles.Read[metadata.TimestampType](p.File("timestamp"))
	if err != nil {
		return v, err
	}
	v.timestamp = max(v.timestamp, ts.Signed.Version)
	v.snapshot = max(v.snapshot, ts.Signed.Meta["snapshot.json"].Version)
	return v, nil
}

// roleFiles maps every role that the snapshot lists to its signed file.
func (p *publication) roleFiles() map[string]string {
	files := map[string]string{"targets": p.File("targets")}
	for _, name := range p.Signed.Delegated() {
		files[name] = p.File(name)
	}
	return files
}

func metaFile(version int64, file string) (*metadata.MetaFiles, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := metadata.MetaFile(version)
	t := roles.Target(data)
	m.Length, m.Hashes = t.Length, t.Hashes
	return m, nil
}

// signWith signs with as many keys of a top-level role as are needed, or says which are missing.
func (p *publication) signWith(role string, sign func(roles.Key) error) error {
	q := p.Signed.Quorum(role)
	have := 0
	var names []string
	for _, id := range q.Keys {
		names = append(names, p.KeyName(id))
		if have == q.Need {
			continue
		}
		if s, err := p.o.Keys.Signer(id); err != nil {
			return err
		} else if s == nil {
			continue
		}
		if err := sign(roles.Held(id, p.KeyName(id), p.o.Keys)); err != nil {
			return err
		}
		have++
	}
	if have < q.Need {
		return fmt.Errorf("cannot publish: %s must be signed by %d of %s, and %s holds too few of them; put the key there or give it with --key", role, q.Need, strings.Join(names, ", "), p.cfg.Keys)
	}
	return nil
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
	for role, file := range p.roleFiles() {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := writeOnce(filepath.Join(dir, versioned(p.Signed.Version(role), role)), data, 0o644); err != nil {
			return err
		}
	}
	data, err := p.snapshot.ToBytes(false)
	if err != nil {
		return err
	}
	if err := writeOnce(filepath.Join(dir, versioned(p.snapshot.Signed.Version, "snapshot")), data, 0o644); err != nil {
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
	ts, err := p.timestamp.ToBytes(false)
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
	ts, err := p.timestamp.ToBytes(false)
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
	out := Published{Version: p.timestamp.Signed.Version, Issued: p.o.Now, Expires: p.timestamp.Signed.Expires}
	for _, owner := range p.owners() {
		for target := range p.Signed.Roles[owner].Signed.Targets {
			out.Patches = append(out.Patches, patchID(target))
		}
	}
	slices.Sort(out.Patches)
	out.Waiting, err = p.waiting()
	return out, err
}
