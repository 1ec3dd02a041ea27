package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/nightfill/nightfill/site"
)

// How long a signature of each role lasts.
const (
	day           = 24 * time.Hour
	rootLife      = 365 * day
	targetsLife   = 180 * day
	roleLife      = 90 * day // owners and fleet
	snapshotLife  = 14 * day
	timestampLife = 72 * time.Hour
)

type (
	rootMeta    = metadata.Metadata[metadata.RootType]
	targetsMeta = metadata.Metadata[metadata.TargetsType]
)

// set is one version of every role that people sign.
type set struct {
	root    *rootMeta
	targets *targetsMeta
	roles   map[string]*targetsMeta
}

// book is the content of a Repo, read under its lock.
type book struct {
	*Repo
	cfg     config
	rules   site.Rules
	signed  set // complete
	pending set // only what waits for signatures
}

func (r *Repo) load() (*book, error) {
	b := &book{Repo: r, signed: set{roles: map[string]*targetsMeta{}}, pending: set{roles: map[string]*targetsMeta{}}}
	if err := readJSON(r.path(configName), &b.cfg); err != nil {
		return nil, err
	}
	if err := readJSON(r.path(rulesName), &b.rules); err != nil {
		return nil, err
	}
	if err := b.loadSigned(); err != nil {
		return nil, err
	}
	return b, b.loadPending()
}

func (b *book) loadSigned() (err error) {
	n, err := b.rootVersion()
	if err != nil {
		return err
	}
	if b.signed.root, err = readRole[metadata.RootType](b.path(rootsDir, rootFile(n))); err != nil {
		return err
	}
	if b.signed.targets, err = readRole[metadata.TargetsType](b.path(signedDir, "targets.json")); err != nil {
		return err
	}
	for _, name := range delegated(b.signed.targets) {
		if b.signed.roles[name], err = readRole[metadata.TargetsType](b.path(signedDir, name+".json")); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) loadPending() error {
	var err error
	if b.pending.root, err = readPending[metadata.RootType](b, "root"); err != nil {
		return err
	}
	if b.pending.targets, err = readPending[metadata.TargetsType](b, "targets"); err != nil {
		return err
	}
	for _, name := range delegated(b.signed.targets) {
		md, err := readPending[metadata.TargetsType](b, name)
		if err != nil {
			return err
		}
		if md != nil {
			b.pending.roles[name] = md
		}
	}
	return nil
}

func rootFile(version int64) string { return strconv.FormatInt(version, 10) + ".root.json" }

// rootVersion is the newest root of which every one before is there too.
func (r *Repo) rootVersion() (int64, error) {
	var n int64
	for exists(r.path(rootsDir, rootFile(n+1))) {
		n++
	}
	if n == 0 {
		return 0, fmt.Errorf("%s is damaged: it has no %s; restore it from a backup", r.dir, filepath.Join(rootsDir, rootFile(1)))
	}
	return n, nil
}

func readRole[T metadata.Roles](path string) (*metadata.Metadata[T], error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read a signed role: %w", err)
	}
	md, err := new(metadata.Metadata[T]).FromBytes(data)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %v; restore it from a backup", path, err)
	}
	return md, nil
}

func readPending[T metadata.Roles](b *book, role string) (*metadata.Metadata[T], error) {
	path := b.path(pendingDir, role+".json")
	if !exists(path) {
		return nil, nil
	}
	return readRole[T](path)
}

func writeRole[T metadata.Roles](path string, md *metadata.Metadata[T]) error {
	data, err := md.ToBytes(false)
	if err != nil {
		return err
	}
	return writeFile(path, data, 0o644)
}

// delegated lists the roles below targets, sorted.
func delegated(targets *targetsMeta) []string {
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

func (b *book) owners() []string {
	return slices.DeleteFunc(delegated(b.signed.targets), func(name string) bool { return name == site.FleetRole })
}

// quorum is who may sign a role, and how many must.
type quorum struct {
	keys []string // key ids
	need int
}

func (s set) quorum(role string) quorum {
	if s.root != nil {
		if r, ok := s.root.Signed.Roles[role]; ok {
			return quorum{r.KeyIDs, r.Threshold}
		}
	}
	if s.targets != nil && s.targets.Signed.Delegations != nil {
		for _, d := range s.targets.Signed.Delegations.Roles {
			if d.Name == role {
				return quorum{d.KeyIDs, d.Threshold}
			}
		}
	}
	return quorum{}
}

// rolesOf lists the roles that a key signs now or will sign once pending changes are signed.
func (b *book) rolesOf(keyID string) []string {
	all := append([]string{"root", "targets", "snapshot", "timestamp"}, delegated(b.signed.targets)...)
	return slices.DeleteFunc(all, func(role string) bool {
		return !slices.Contains(b.signed.quorum(role).keys, keyID) && !slices.Contains(b.pending.quorum(role).keys, keyID)
	})
}

func (b *book) keyName(id string) string {
	if n := b.cfg.Names[id]; n != "" {
		return n
	}
	return id[:min(len(id), 12)]
}

// settle makes pending versions the signed ones as far as they are signed by enough keys
// and everything below them still verifies. The preferred choice is the newest; a rotated
// parent waits until its children are signed by the new keys.
func (b *book) settle() error {
	for _, root := range b.rootChoices() {
		for _, targets := range []*targetsMeta{b.pending.targets, b.signed.targets} {
			if choice, ok := b.choose(root, targets); ok {
				return b.promote(choice)
			}
		}
	}
	return errors.New("the signed roles do not fit together: restore the catalog directory from a backup")
}

func (b *book) rootChoices() []*rootMeta {
	p := b.pending.root
	if p != nil && b.signed.root.VerifyDelegate("root", p) == nil && p.VerifyDelegate("root", p) == nil {
		return []*rootMeta{p, b.signed.root}
	}
	return []*rootMeta{b.signed.root}
}

// choose completes a set under a root and a targets role, newest first, if that can be done.
func (b *book) choose(root *rootMeta, targets *targetsMeta) (set, bool) {
	if targets == nil || root.VerifyDelegate("targets", targets) != nil {
		return set{}, false
	}
	s := set{root: root, targets: targets, roles: map[string]*targetsMeta{}}
	for _, name := range delegated(targets) {
		for _, md := range []*targetsMeta{b.pending.roles[name], b.signed.roles[name]} {
			if md != nil && targets.VerifyDelegate(name, md) == nil {
				s.roles[name] = md
				break
			}
		}
		if s.roles[name] == nil {
			return set{}, false
		}
	}
	return s, true
}

// promote writes what is new in s as signed, children first and the root last: a crash
// between leaves a set that verifies, or the pending files with which settle ends the work.
func (b *book) promote(s set) error {
	for _, name := range slices.Sorted(maps.Keys(s.roles)) {
		if s.roles[name] != b.pending.roles[name] {
			continue
		}
		if err := b.promoteRole(name, s.roles[name]); err != nil {
			return err
		}
		delete(b.pending.roles, name)
	}
	if s.targets == b.pending.targets {
		if err := b.promoteRole("targets", s.targets); err != nil {
			return err
		}
		b.pending.targets = nil
	}
	if s.root == b.pending.root {
		if err := writeRole(b.path(rootsDir, rootFile(s.root.Signed.Version)), s.root); err != nil {
			return err
		}
		b.pending.root = nil
		if err := os.Remove(b.path(pendingDir, "root.json")); err != nil {
			return err
		}
	}
	b.signed = s
	return b.dropSignedDrafts()
}

func (b *book) promoteRole(name string, md *targetsMeta) error {
	if err := writeRole(b.path(signedDir, name+".json"), md); err != nil {
		return err
	}
	return os.Remove(b.path(pendingDir, name+".json"))
}

// dropSignedDrafts removes the drafts that are signed now.
func (b *book) dropSignedDrafts() error {
	drafts, err := b.drafts()
	if err != nil {
		return err
	}
	for _, d := range drafts {
		if t := b.signedTarget(d.patch.Owner, d.patch.ID); t != nil && t.Hashes["sha256"].String() == d.digest {
			if err := os.Remove(b.path(draftsDir, d.patch.ID+".json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// signedTarget is the entry of a patch in the signed version of its owner's role.
func (b *book) signedTarget(owner, id string) *metadata.TargetFiles {
	md := b.signed.roles[owner]
	if md == nil {
		return nil
	}
	return md.Signed.Targets[site.PatchTarget(owner, id)]
}
