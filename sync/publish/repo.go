package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/publish/roles"
)

// Repo is headquarters' working directory. It keeps nothing in memory between calls, so
// several programs may use one directory: each call holds the directory's lock and a
// second one is refused until it ends.
type Repo struct {
	dir  string
	keys string
}

// The names inside the directory, beside those of package roles.
const (
	configName = "nightfill.json" // config
	rulesName  = "rules.json"     // site.Rules as wanted; signed as the fleet role
	lockName   = ".lock"
	draftsDir  = "drafts"    // PATCH.json, manifests that nobody signed off
	payloadDir = "manifests" // SHA256.json, every manifest and rules file ever offered for signing
	bytesDir   = "artifacts" // SHA256, the artifacts
)

// config is the file that makes a directory a Repo.
type config struct {
	Version int               `json:"version"`
	Keys    string            `json:"keys"`  // the directory of the keys that init made
	Names   map[string]string `json:"names"` // key id -> name, for people
	URL     string            `json:"url,omitempty"`
	Issued  time.Time         `json:"issued,omitzero"` // of the last publish
}

// Open opens a directory that Init made.
func Open(dir string) (*Repo, error) {
	var c config
	err := readJSON(filepath.Join(dir, configName), &c)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not a catalog: it has no %s; make one with `nightfill catalog init %s --keys KEYDIR`", dir, configName, dir)
	}
	if err != nil {
		return nil, err
	}
	if c.Version != 1 {
		return nil, fmt.Errorf("%s was made by a newer version of this program (form %d, this one knows 1)", dir, c.Version)
	}
	return &Repo{dir: dir, keys: c.Keys}, nil
}

// KeyDir is the directory of the keys that were made for the catalog. Other people may have
// taken theirs out of it.
func (r *Repo) KeyDir() string { return r.keys }

func (r *Repo) path(elem ...string) string {
	return filepath.Join(append([]string{r.dir}, elem...)...)
}

// book is the content of a Repo, read under its lock.
type book struct {
	*Repo
	*roles.Book
	cfg   config
	rules site.Rules
}

func (r *Repo) load() (*book, error) {
	b := &book{Repo: r}
	if err := readJSON(r.path(configName), &b.cfg); err != nil {
		return nil, err
	}
	if err := readJSON(r.path(rulesName), &b.rules); err != nil {
		return nil, err
	}
	var err error
	b.Book, err = roles.Load(r.dir, b.cfg.Names)
	return b, err
}

// Another call on the directory usually takes milliseconds, and is waited for; people who are asked whether
// they sign take longer.
const (
	lockWait = 3 * time.Second
	lockTry  = 20 * time.Millisecond
)

// locked runs f alone: no other call on the directory runs at the same time, in any process.
func (r *Repo) locked(f func(*book) error) error {
	lock, err := os.OpenFile(r.path(lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("cannot lock %s: %w", r.dir, err)
	}
	defer lock.Close()
	limit := time.Now().Add(lockWait)
	for unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		if time.Now().After(limit) {
			return fmt.Errorf("another command is working on %s: wait until it is finished", r.dir)
		}
		<-time.After(lockTry)
	}
	// A program that is being started at this moment still shares the open file: closing it is not enough.
	defer func() { _ = unix.Flock(int(lock.Fd()), unix.LOCK_UN) }()
	b, err := r.load()
	if err != nil {
		return err
	}
	return f(b)
}

// What a role and a store id look like.
var (
	rolePattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	storePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// checkOwner refuses a role name that would mean something else, here or in a store.
func checkOwner(name string) error {
	reserved := []string{"root", "targets", "snapshot", "timestamp", site.FleetRole, site.HoldsRole, "mirrors"}
	switch {
	case !rolePattern.MatchString(name):
		return asked("%q is not a name of an owner: use small letters, digits and -, like pos-app", name)
	case slices.Contains(reserved, name):
		return asked("%q cannot be an owner: the name is reserved (%s)", name, strings.Join(reserved, ", "))
	}
	return nil
}
