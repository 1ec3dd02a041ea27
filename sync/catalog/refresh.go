package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
	"golang.org/x/sys/unix"

	"github.com/nightfill/nightfill/site"
)

// Refresh asks the configured address for a newer catalog, verifies it and adopts it as a
// whole. changed says that a newer one was adopted. After an error, which is a *site.Reason
// for everything but the local disk, what was approved before stays approved. now is the
// store's trusted time; a signature that is over at now is refused.
func (c *Catalog) Refresh(ctx context.Context, now time.Time) (changed bool, err error) {
	return c.RefreshFrom(ctx, c.o.URL, now)
}

// RefreshFrom is Refresh from another address, for example file:///media/usb/catalog/. The
// same is demanded of what is found there, so a stick that is older changes nothing.
func (c *Catalog) RefreshFrom(ctx context.Context, address string, now time.Time) (changed bool, err error) {
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	unlock, err := c.lock()
	if err != nil {
		return false, err
	}
	defer unlock()
	s, err := newServer(address, c.o.Transport, c.o.Timeout)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	u := &update{o: c.o, s: s, chain: c.chain, old: c.current, now: now, files: map[string][]byte{}}
	c.mu.Unlock()

	err = u.chain.fetchRoots(ctx, s, filepath.Join(c.o.Dir, "roots"))
	if len(u.chain.files) > len(c.chain.files) {
		c.adoptRoots(u)
	}
	if err != nil {
		return false, err
	}
	changed, err = u.run(ctx)
	if err != nil || !changed {
		return false, err
	}
	g, err := c.install(u)
	if err != nil {
		return false, err
	}
	c.mu.Lock()
	c.current, c.reason = g, nil
	c.mu.Unlock()
	return true, nil
}

// lock keeps a second process out of the directory.
func (c *Catalog) lock() (unlock func(), err error) {
	if err := os.MkdirAll(c.o.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the catalog's directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(c.o.Dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the catalog: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another program is refreshing the catalog in %s: wait until it is finished", c.o.Dir)
	}
	return func() {
		// A program that is being started at this moment still shares the open file: closing it is not enough.
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		f.Close()
	}, nil
}

// update is one refresh: everything is collected in files before anything is adopted.
type update struct {
	o     Options
	s     *server
	chain chain
	old   *generation
	now   time.Time
	tm    *trustedmetadata.TrustedMetadata
	files map[string][]byte
}

// ref is the time that signatures must outlive: now, but never before headquarters signed
// what the store has, so that a clock that fell back revives nothing.
func (u *update) ref() time.Time {
	if u.old != nil && u.old.catalog.Issued.After(u.now) {
		return u.old.catalog.Issued
	}
	return u.now
}

// run fetches and verifies everything. false means that the store has the newest already.
func (u *update) run(ctx context.Context) (bool, error) {
	var err error
	if u.tm, err = u.chain.trust(len(u.chain.files)); err != nil {
		return false, err
	}
	u.tm.RefTime = u.ref()
	changed := false
	err = guarded("what "+u.s.base+" offers", func() error {
		var err error
		if changed, err = u.timestamp(ctx); err != nil || !changed {
			return err
		}
		if err := u.snapshot(ctx); err != nil {
			return err
		}
		return u.targets(ctx)
	})
	return changed && err == nil, u.explain(err)
}

// explain makes a *site.Reason of what the verification says.
func (u *update) explain(err error) error {
	var why *site.Reason
	switch {
	case err == nil, errors.As(err, &why):
		return err
	case errors.Is(err, &metadata.ErrExpiredMetadata{}):
		return site.Because(site.CodeCatalogExpired,
			fmt.Sprintf("the catalog at %s has run out: %v; headquarters must publish again, or the clock of this box is wrong (it says %s)", u.s.base, err, u.now.UTC().Format(time.RFC3339)),
			"url", u.s.base, "now", u.now.UTC().Format(time.RFC3339))
	case errors.Is(err, errNotThere):
		return site.Because(site.CodeCatalogUnreachable,
			fmt.Sprintf("cannot fetch the catalog: %v; %s", err, u.s.advice()), "url", u.s.base)
	}
	return site.Because(site.CodeCatalogRefused,
		fmt.Sprintf("the catalog at %s is refused: %v; what was approved before stays approved, tell headquarters", u.s.base, err), "url", u.s.base)
}

// local returns the stored versions of a role, oldest source first: the generation's, the journal's.
func (u *update) local(role string) [][]byte {
	var out [][]byte
	if u.old != nil {
		if data := u.old.files[role+".json"]; data != nil {
			out = append(out, data)
		}
	}
	data, err := os.ReadFile(u.journal(role))
	if err == nil {
		out = append(out, data)
	} else if !errors.Is(err, os.ErrNotExist) {
		u.o.Log.Warn("catalog state is damaged", "error", err)
	}
	return out
}

func (u *update) journal(role string) string {
	return filepath.Join(u.o.Dir, "journal", role+".json")
}

// seed offers a stored file as the floor below which nothing is accepted. One that is
// damaged or signed by keys that were replaced is no floor.
func (u *update) seed(role string, offer func([]byte) error) {
	for _, data := range u.local(role) {
		err := guarded("the stored "+role, func() error { return offer(data) })
		expected := err == nil || errors.Is(err, &metadata.ErrExpiredMetadata{}) || errors.Is(err, &metadata.ErrBadVersionNumber{}) || errors.Is(err, &metadata.ErrEqualVersionNumber{})
		if !expected {
			u.o.Log.Warn("a stored role is passed over", "role", role, "error", err)
		}
	}
}

// timestamp verifies the newest timestamp. false means that it is the one that the store has.
func (u *update) timestamp(ctx context.Context) (bool, error) {
	u.seed("timestamp", func(data []byte) error { _, err := u.tm.UpdateTimestamp(data); return err })
	data, err := u.s.get(ctx, maxTimestamp, "metadata", "timestamp.json")
	if err != nil {
		return false, err
	}
	ts, err := u.tm.UpdateTimestamp(data)
	if errors.Is(err, &metadata.ErrEqualVersionNumber{}) {
		ts, err = u.sameTimestamp(data)
	}
	if err != nil {
		return false, faulty("metadata/timestamp.json", err)
	}
	at, err := issued(ts)
	if err != nil {
		return false, err
	}
	if at.After(u.tm.RefTime) {
		u.tm.RefTime = at
	}
	if err := hashed("snapshot.json", ts.Signed.Meta["snapshot.json"]); err != nil {
		return false, err
	}
	if err := u.keep("timestamp", data); err != nil {
		return false, err
	}
	if u.old != nil && bytes.Equal(u.old.files["timestamp.json"], data) {
		if ts.Signed.IsExpired(u.tm.RefTime) {
			return false, &metadata.ErrExpiredMetadata{Msg: "timestamp.json is expired"}
		}
		return false, nil
	}
	return true, nil
}

// sameTimestamp refuses a version that is given out a second time with other content: it
// would freeze the store without a word.
func (u *update) sameTimestamp(data []byte) (*metadata.Metadata[metadata.TimestampType], error) {
	for _, have := range u.local("timestamp") {
		if bytes.Equal(have, data) {
			return u.tm.Timestamp, nil
		}
	}
	return nil, fmt.Errorf("version %d of the timestamp was given out twice with different content", u.tm.Timestamp.Signed.Version)
}

// keep records a verified role: in the journal for good, and for the new generation.
func (u *update) keep(role string, data []byte) error {
	u.files[role+".json"] = data
	if have, err := os.ReadFile(u.journal(role)); err == nil && bytes.Equal(have, data) {
		return nil
	}
	if err := writeFile(u.journal(role), data); err != nil {
		return fmt.Errorf("cannot store the new catalog: %w", err)
	}
	return nil
}

func (u *update) snapshot(ctx context.Context) error {
	meta := u.tm.Timestamp.Signed.Meta["snapshot.json"]
	var have []byte
	u.seed("snapshot", func(data []byte) error {
		_, err := u.tm.UpdateSnapshot(data, true)
		if err == nil && meta.VerifyLengthHashes(data) == nil {
			have = data
		}
		return err
	})
	if have != nil {
		if _, err := u.tm.UpdateSnapshot(have, false); err == nil {
			return u.keep("snapshot", have)
		}
	}
	data, err := u.s.get(ctx, min(maxSnapshot, meta.Length), "metadata", versioned(meta.Version, "snapshot"))
	if err != nil {
		return err
	}
	if _, err := u.tm.UpdateSnapshot(data, false); err != nil {
		return faulty("metadata/"+versioned(meta.Version, "snapshot"), err)
	}
	return u.keep("snapshot", data)
}

func versioned(version int64, role string) string {
	return strconv.FormatInt(version, 10) + "." + role + ".json"
}

func (u *update) targets(ctx context.Context) error {
	targets, err := u.role(ctx, "targets", "root")
	if err != nil {
		return err
	}
	roles, err := delegations(targets)
	if err != nil {
		return err
	}
	for _, name := range roles {
		md, err := u.role(ctx, name, "targets")
		if err != nil {
			return err
		}
		if err := u.payloads(ctx, name, md); err != nil {
			return err
		}
	}
	return nil
}

// role takes a role from the store when that is the wanted version, and from the server otherwise.
func (u *update) role(ctx context.Context, name, delegator string) (*metadata.Metadata[metadata.TargetsType], error) {
	meta := u.tm.Snapshot.Signed.Meta[name+".json"]
	if err := hashed(name+".json", meta); err != nil {
		return nil, err
	}
	for _, data := range u.local(name) {
		if meta.VerifyLengthHashes(data) != nil {
			continue
		}
		if md, err := u.tm.UpdateDelegatedTargets(data, name, delegator); err == nil {
			return md, u.keep(name, data)
		}
	}
	data, err := u.s.get(ctx, min(maxRole, meta.Length), "metadata", versioned(meta.Version, name))
	if err != nil {
		return nil, err
	}
	md, err := u.tm.UpdateDelegatedTargets(data, name, delegator)
	if err != nil {
		return nil, faulty("metadata/"+versioned(meta.Version, name), err)
	}
	return md, u.keep(name, data)
}

// payloads takes what a role lists: from the old generation by digest, or from the server.
func (u *update) payloads(ctx context.Context, role string, md *metadata.Metadata[metadata.TargetsType]) error {
	listed, err := contents(role, md)
	if err != nil {
		return err
	}
	for _, p := range listed {
		name := payloadName(p.digest)
		if u.old != nil && u.old.files[name] != nil {
			u.files[name] = u.old.files[name]
			continue
		}
		elem := append([]string{"targets"}, strings.Split(path.Dir(p.path), "/")...)
		data, err := u.s.get(ctx, p.file.Length, append(elem, p.digest+"."+path.Base(p.path))...)
		if err != nil {
			return err
		}
		if err := p.file.VerifyLengthHashes(data); err != nil {
			return faulty("targets/"+p.path, err)
		}
		u.files[name] = data
	}
	return nil
}
