package roles

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// The names inside the directory.
const (
	rootsDir   = "roots"   // N.root.json, every root that was ever valid
	signedDir  = "signed"  // ROLE.json, the newest version that enough keys signed
	pendingDir = "pending" // ROLE.json, a newer version that waits for signatures
	seenDir    = "seen"    // ROLE.KEYID.json, what each key signed last
)

// Book is the signed roles of a directory. One Book at a time may work on a directory.
type Book struct {
	Signed  Set // complete: it verifies from its root down
	Pending Set // only what waits for signatures
	dir     string
	names   map[string]string // key id -> name, for people
}

// Load reads the signed roles of a directory that Create made. names are the keys' names by
// id; the map is kept, and what is added to it later is known.
func Load(dir string, names map[string]string) (*Book, error) {
	b := &Book{dir: dir, names: names, Signed: Set{Roles: map[string]*Targets{}}, Pending: Set{Roles: map[string]*Targets{}}}
	if err := b.loadSigned(); err != nil {
		return nil, err
	}
	return b, b.loadPending()
}

// RootName is the name of the file of a version of root, here and where stores fetch it.
func RootName(version int64) string { return strconv.FormatInt(version, 10) + ".root.json" }

// RootFile is the path of the file of a version of root.
func (b *Book) RootFile(version int64) string {
	return filepath.Join(b.dir, rootsDir, RootName(version))
}

// File is the path of the newest signed version of any other role.
func (b *Book) File(role string) string { return signedFile(b.dir, role) }

func signedFile(dir, role string) string { return filepath.Join(dir, signedDir, role+".json") }

func (b *Book) pendingFile(role string) string { return filepath.Join(b.dir, pendingDir, role+".json") }

func (b *Book) loadSigned() (err error) {
	n, err := b.rootVersion()
	if err != nil {
		return err
	}
	if b.Signed.Root, err = Read[metadata.RootType](b.RootFile(n)); err != nil {
		return err
	}
	if b.Signed.Targets, err = Read[metadata.TargetsType](b.File("targets")); err != nil {
		return err
	}
	for _, name := range b.Signed.Delegated() {
		if b.Signed.Roles[name], err = Read[metadata.TargetsType](b.File(name)); err != nil {
			return err
		}
	}
	return nil
}

func (b *Book) loadPending() error {
	var err error
	if b.Pending.Root, err = readPending[metadata.RootType](b, "root"); err != nil {
		return err
	}
	if b.Pending.Targets, err = readPending[metadata.TargetsType](b, "targets"); err != nil {
		return err
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(b.Signed.Delegated(), delegated(b.Pending.Targets)...)))) {
		md, err := readPending[metadata.TargetsType](b, name)
		if err != nil {
			return err
		}
		if md != nil {
			b.Pending.Roles[name] = md
		}
	}
	return nil
}

// rootVersion is the newest root of which every one before is there too.
func (b *Book) rootVersion() (int64, error) {
	var n int64
	for exists(b.RootFile(n + 1)) {
		n++
	}
	if n == 0 {
		return 0, fmt.Errorf("%s is damaged: it has no %s; restore it from a backup", b.dir, filepath.Join(rootsDir, RootName(1)))
	}
	return n, nil
}

// Read reads one role from its file.
func Read[T metadata.Roles](path string) (*metadata.Metadata[T], error) {
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

func readPending[T metadata.Roles](b *Book, role string) (*metadata.Metadata[T], error) {
	path := b.pendingFile(role)
	if !exists(path) {
		return nil, nil
	}
	return Read[T](path)
}

func writeRole[T metadata.Roles](path string, md *metadata.Metadata[T]) error {
	data, err := md.ToBytes(false)
	if err != nil {
		return err
	}
	return writeFile(path, data)
}

// RolesOf lists the roles that a key signs now or will sign once pending changes are signed.
func (b *Book) RolesOf(keyID string) []string {
	all := append([]string{"root", "targets", "snapshot", "timestamp"}, b.Signed.Delegated()...)
	return slices.DeleteFunc(all, func(role string) bool {
		return !slices.Contains(b.Signed.Quorum(role).Keys, keyID) && !slices.Contains(b.Pending.Quorum(role).Keys, keyID)
	})
}

// Settle makes pending versions the signed ones as far as they are signed by enough keys
// and everything below them still verifies. The preferred choice is the newest; a rotated
// parent waits until its children are signed by the new keys.
func (b *Book) Settle() error {
	for _, root := range b.rootChoices() {
		for _, targets := range []*Targets{b.Pending.Targets, b.Signed.Targets} {
			if choice, ok := b.choose(root, targets); ok {
				return b.promote(choice)
			}
		}
	}
	return errors.New("the signed roles do not fit together: restore the catalog directory from a backup")
}

func (b *Book) rootChoices() []*Root {
	p := b.Pending.Root
	if p != nil && b.Signed.Root.VerifyDelegate("root", p) == nil && p.VerifyDelegate("root", p) == nil {
		return []*Root{p, b.Signed.Root}
	}
	return []*Root{b.Signed.Root}
}

// choose completes a set under a root and a targets role, newest first, if that can be done.
func (b *Book) choose(root *Root, targets *Targets) (Set, bool) {
	if targets == nil || root.VerifyDelegate("targets", targets) != nil {
		return Set{}, false
	}
	s := Set{Root: root, Targets: targets, Roles: map[string]*Targets{}}
	for _, name := range delegated(targets) {
		for _, md := range []*Targets{b.Pending.Roles[name], b.Signed.Roles[name]} {
			if md != nil && targets.VerifyDelegate(name, md) == nil {
				s.Roles[name] = md
				break
			}
		}
		if s.Roles[name] == nil {
			return Set{}, false
		}
	}
	return s, true
}

// promote writes what is new in s as signed, children first and the root last: a crash
// between leaves a set that verifies, or the pending files with which settle ends the work.
func (b *Book) promote(s Set) error {
	for _, name := range slices.Sorted(maps.Keys(s.Roles)) {
		if s.Roles[name] != b.Pending.Roles[name] {
			continue
		}
		if err := b.promoteRole(name, s.Roles[name]); err != nil {
			return err
		}
		delete(b.Pending.Roles, name)
	}
	if s.Targets == b.Pending.Targets {
		if err := b.promoteRole("targets", s.Targets); err != nil {
			return err
		}
		b.Pending.Targets = nil
	}
	if s.Root == b.Pending.Root {
		if err := writeRole(b.RootFile(s.Root.Signed.Version), s.Root); err != nil {
			return err
		}
		b.Pending.Root = nil
		if err := os.Remove(b.pendingFile("root")); err != nil {
			return err
		}
	}
	b.Signed = s
	return nil
}

func (b *Book) promoteRole(name string, md *Targets) error {
	if err := writeRole(b.File(name), md); err != nil {
		return err
	}
	return os.Remove(b.pendingFile(name))
}

// KeyName is the name of a key, or the beginning of its id when it has none.
func (b *Book) KeyName(id string) string {
	if n := b.names[id]; n != "" {
		return n
	}
	return id[:min(len(id), 12)]
}
