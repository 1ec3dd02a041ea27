package roles

import (
	"maps"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// How long a signature of each role lasts.
const (
	day         = 24 * time.Hour
	rootLife    = 365 * day
	targetsLife = 180 * day
	Life        = 90 * day // of every role below targets
)

// Root and Targets are signed roles: root says who signs the four roles of the top, and
// targets, and each role below it, lists files. Every role below targets is a Targets too.
type (
	Root    = metadata.Metadata[metadata.RootType]
	Targets = metadata.Metadata[metadata.TargetsType]
)

// Set is one version of every role that people sign.
type Set struct {
	Root    *Root
	Targets *Targets
	Roles   map[string]*Targets // below Targets, by name
}

// Quorum is who may sign a role, and how many must.
type Quorum struct {
	Keys []string // key ids
	Need int
}

// Quorum is who signs a role as the set says; nobody, when it does not say.
func (s Set) Quorum(role string) Quorum {
	if s.Root != nil {
		if r, ok := s.Root.Signed.Roles[role]; ok {
			return Quorum{r.KeyIDs, r.Threshold}
		}
	}
	if s.Targets != nil && s.Targets.Signed.Delegations != nil {
		for _, d := range s.Targets.Signed.Delegations.Roles {
			if d.Name == role {
				return Quorum{d.KeyIDs, d.Threshold}
			}
		}
	}
	return Quorum{}
}

// Version is the version of root, targets or a role below it; 0 when it is not in the set.
func (s Set) Version(role string) int64 {
	switch role {
	case "root":
		return s.Root.Signed.Version
	case "targets":
		return s.Targets.Signed.Version
	}
	if md := s.Roles[role]; md != nil {
		return md.Signed.Version
	}
	return 0
}

// Delegated lists the roles below targets, sorted.
func (s Set) Delegated() []string { return delegated(s.Targets) }

// delegated lists the roles below targets, sorted.
func delegated(targets *Targets) []string {
	if targets == nil || targets.Signed.Delegations == nil {
		return nil
	}
	var names []string
	for _, d := range targets.Signed.Delegations.Roles {
		names = append(names, d.Name)
	}
	slices.Sort(names)
	return names
}

// Count is how many signatures are of keys of the quorum.
func (q Quorum) Count(signatures []metadata.Signature) int {
	n := 0
	for _, s := range signatures {
		if slices.Contains(q.Keys, s.KeyID) {
			n++
		}
	}
	return n
}

// SameTargets reports whether two roles list the same files.
func SameTargets(a, b map[string]*metadata.TargetFiles) bool {
	return maps.EqualFunc(a, b, func(x, y *metadata.TargetFiles) bool { return x.Equal(*y) })
}

// HasSigned reports whether a key is among those that signed md.
func HasSigned[T metadata.Roles](md *metadata.Metadata[T], keyID string) bool {
	return slices.ContainsFunc(md.Signatures, func(s metadata.Signature) bool { return s.KeyID == keyID })
}

// Target is the entry of data in a role that lists it.
func Target(data []byte) *metadata.TargetFiles {
	t, err := metadata.TargetFile().FromBytes("", data, "sha256")
	if err != nil {
		panic("internal error: sha256 of bytes in memory: " + err.Error())
	}
	return t
}

// Expiry is when a signature made now ends, in UTC and whole seconds.
func Expiry(now time.Time, life time.Duration) time.Time {
	return now.UTC().Truncate(time.Second).Add(life)
}

// NextVersion is the version after old: the date and time as a number, so that a catalog
// restored from a backup does not use a version twice.
func NextVersion(old int64, now time.Time) int64 {
	now = now.UTC()
	var v int64
	for _, part := range []int{now.Year(), int(now.Month()), now.Day(), now.Hour(), now.Minute(), now.Second()} {
		v = v*100 + int64(part)
	}
	return max(v, old+1)
}
