package roles

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// How long a signature of each lasts: stores want a fresh timestamp often.
const (
	SnapshotLife  = 14 * day
	timestampLife = 3 * day
)

// Online is the roles that are signed anew each time that the others are given out. Both are
// nil when nothing was given out yet.
type Online struct {
	Snapshot  *metadata.Metadata[metadata.SnapshotType]
	Timestamp *metadata.Metadata[metadata.TimestampType]
}

// ReadOnline reads the online roles from where they were given out: the timestamp's file, and
// the snapshot's, which depends on its version. Both are nil when there is no timestamp.
func ReadOnline(timestamp string, snapshot func(version int64) string) (Online, error) {
	if !exists(timestamp) {
		return Online{}, nil
	}
	ts, err := Read[metadata.TimestampType](timestamp)
	if err != nil {
		return Online{}, err
	}
	sn, err := Read[metadata.SnapshotType](snapshot(ts.Signed.Meta["snapshot.json"].Version))
	if err != nil {
		return Online{}, err
	}
	return Online{Snapshot: sn, Timestamp: ts}, nil
}

// OnlineOptions say how the online roles are made.
type OnlineOptions struct {
	Before Online         // what stores see now: names and versions never go back behind it
	Where  string         // where they see it, for people
	Keys   Keyring        // signs
	KeyDir string         // where people put keys that are missing
	Fields map[string]any // of the timestamp, beside its own
	Only   string         // the one role of which the newest version is given out; "" = every role
	Now    time.Time
}

// SignOnline makes the snapshot and the timestamp of what is signed now, signed with the keys
// at hand. Nothing is written.
func (b *Book) SignOnline(o OnlineOptions) (Online, error) {
	versions, err := b.lastVersions(o.Before)
	if err != nil {
		return Online{}, err
	}
	sn := metadata.Snapshot(Expiry(o.Now, SnapshotLife))
	sn.Signed.Version = NextVersion(versions.snapshot, o.Now)
	clear(sn.Signed.Meta)
	if o.Before.Snapshot != nil {
		// A name that leaves a snapshot makes every store refuse it.
		for name, m := range o.Before.Snapshot.Signed.Meta {
			sn.Signed.Meta[name] = m
		}
	}
	for role, file := range b.Files() {
		if o.Only != "" && role != o.Only {
			continue
		}
		m, err := metaFile(b.Signed.Version(role), file)
		if err != nil {
			return Online{}, err
		}
		if was := sn.Signed.Meta[role+".json"]; was != nil && was.Version > m.Version {
			return Online{}, fmt.Errorf("%s holds version %d of %s and this catalog only version %d: it was restored from a backup; sign %s again with `nightfill catalog sign`", o.Where, was.Version, role, m.Version, role)
		}
		sn.Signed.Meta[role+".json"] = m
	}
	if err := signWith(b, "snapshot", sn, o); err != nil {
		return Online{}, err
	}
	data, err := sn.ToBytes(false)
	if err != nil {
		return Online{}, err
	}
	ts := metadata.Timestamp(Expiry(o.Now, timestampLife))
	ts.Signed.Version = NextVersion(versions.timestamp, o.Now)
	ts.Signed.UnrecognizedFields = o.Fields
	m := metadata.MetaFile(sn.Signed.Version)
	t := Target(data)
	m.Length, m.Hashes = t.Length, t.Hashes
	ts.Signed.Meta["snapshot.json"] = m
	err = signWith(b, "timestamp", ts, o)
	return Online{Snapshot: sn, Timestamp: ts}, err
}

// onlineVersions are the highest versions that were ever given out, as far as is known.
type onlineVersions struct{ snapshot, timestamp int64 }

func (b *Book) lastVersions(before Online) (onlineVersions, error) {
	var v onlineVersions
	if before.Timestamp != nil {
		v = onlineVersions{before.Snapshot.Signed.Version, before.Timestamp.Signed.Version}
	}
	if !exists(b.File("timestamp")) {
		return v, nil
	}
	ts, err := Read[metadata.TimestampType](b.File("timestamp"))
	if err != nil {
		return v, err
	}
	v.timestamp = max(v.timestamp, ts.Signed.Version)
	v.snapshot = max(v.snapshot, ts.Signed.Meta["snapshot.json"].Version)
	return v, nil
}

// Files maps every role that a snapshot lists to its signed file.
func (b *Book) Files() map[string]string {
	files := map[string]string{"targets": b.File("targets")}
	for _, name := range b.Signed.Delegated() {
		files[name] = b.File(name)
	}
	return files
}

func metaFile(version int64, file string) (*metadata.MetaFiles, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := metadata.MetaFile(version)
	t := Target(data)
	m.Length, m.Hashes = t.Length, t.Hashes
	return m, nil
}

// signWith signs with as many keys of a top-level role as are needed, or says which are missing.
func signWith[T metadata.Roles](b *Book, role string, md *metadata.Metadata[T], o OnlineOptions) error {
	q := b.Signed.Quorum(role)
	have := 0
	var names []string
	for _, id := range q.Keys {
		names = append(names, b.KeyName(id))
		if have == q.Need {
			continue
		}
		if s, err := o.Keys.Signer(id); err != nil {
			return err
		} else if s == nil {
			continue
		}
		if err := SignAll(md, held{id, b.KeyName(id), o.Keys}); err != nil {
			return err
		}
		have++
	}
	if have < q.Need {
		return fmt.Errorf("cannot publish: %s must be signed by %d of %s, and %s holds too few of them; put the key there or give it with --key", role, q.Need, strings.Join(names, ", "), o.KeyDir)
	}
	return nil
}
