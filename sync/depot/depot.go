package depot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nightfill/nightfill/site"
)

// Depot is the cache of artifacts in one directory. It is safe for use by several
// goroutines and processes.
type Depot struct {
	dir    string
	base   string
	client *http.Client
	stall  time.Duration
	rate   func() int64
	free   func(dir string) (uint64, error)

	mu       sync.Mutex           // held for memory only
	verified map[string]time.Time // when the bytes of a digest were compared with it last
}

// Option changes how a Depot fetches.
type Option func(*Depot)

// WithStall says how long a download may bring less than a kibibyte a second (or half of
// the rate, if that is less) before it is given up. The default is 30 seconds.
func WithStall(d time.Duration) Option { return func(p *Depot) { p.stall = d } }

// WithRate limits each download to what rate says at the moment, in bytes per second; 0 is
// no limit. It is asked again all the time, so that a store can be slower while it is open.
func WithRate(rate func() int64) Option { return func(p *Depot) { p.rate = rate } }

// New makes a Depot in dir, which is created with the first download. base is the address
// of the catalog; file: addresses need a client that reads them, as the default one does.
func New(dir, base string, client *http.Client, options ...Option) *Depot {
	if client == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
		client = &http.Client{Transport: t}
	}
	d := &Depot{
		dir: dir, base: strings.TrimSuffix(base, "/") + "/", client: client,
		stall: 30 * time.Second,
		rate:  func() int64 { return 0 },
		free:  freeSpace, verified: map[string]time.Time{},
	}
	for _, o := range options {
		o(d)
	}
	return d
}

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (d *Depot) path(a site.Artifact) string { return filepath.Join(d.dir, a.SHA256) }
func (d *Depot) part(a site.Artifact) string { return d.path(a) + ".part" }

// check refuses an artifact whose digest could be a path.
func check(a site.Artifact) error {
	if !digestPattern.MatchString(a.SHA256) || a.Size < 1 {
		return fmt.Errorf("artifact %q has no usable sha256 and size", a.Name)
	}
	return nil
}

// Has reports whether the artifact is in the store, by name and size. Its bytes were right
// when they arrived; Verify says whether they still are.
func (d *Depot) Has(a site.Artifact) bool {
	if check(a) != nil {
		return false
	}
	st, err := os.Lstat(d.path(a))
	return err == nil && st.Mode().IsRegular() && st.Size() == a.Size
}

// Open opens an artifact for reading. It refuses links and a wrong size. The device that
// gets the bytes compares the digest again.
func (d *Depot) Open(a site.Artifact) (*os.File, error) {
	if err := check(a); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.path(a), os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, site.Because(site.CodeNotCached, fmt.Sprintf("artifact %s is not in the store: it must be fetched first", a.Name), "sha256", a.SHA256)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open artifact %s: %w", a.Name, err)
	}
	st, err := f.Stat()
	if err == nil && (!st.Mode().IsRegular() || st.Size() != a.Size) {
		err = fmt.Errorf("it is not a file of %d bytes", a.Size)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot open artifact %s: %w; it must be fetched again", a.Name, err)
	}
	return f, nil
}

// Verify hashes the stored bytes again. Damaged ones are removed, so that the next Fetch
// brings them anew, and the error says so.
func (d *Depot) Verify(ctx context.Context, a site.Artifact) error {
	f, err := d.Open(a)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &reader{ctx, f}); err != nil {
		return fmt.Errorf("cannot read artifact %s: %w", a.Name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != a.SHA256 {
		return errors.Join(
			fmt.Errorf("artifact %s was damaged in the store (sha256 %s, expected %s): it was removed and must be fetched again", a.Name, got, a.SHA256),
			os.Remove(d.path(a)))
	}
	d.note(a)
	return nil
}

// Remove deletes an artifact and what is there of a download of it.
func (d *Depot) Remove(a site.Artifact) error {
	if err := check(a); err != nil {
		return err
	}
	for _, path := range []string{d.path(a), d.part(a)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove artifact %s: %w", a.Name, err)
		}
	}
	return nil
}

// Keep removes every file of the depot that belongs to none of the artifacts, and returns
// how many bytes that freed.
func (d *Depot) Keep(wanted []site.Artifact) (freed int64, err error) {
	names := map[string]bool{}
	for _, a := range wanted {
		names[a.SHA256], names[a.SHA256+".part"] = true, true
	}
	entries, err := os.ReadDir(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot tidy the depot: %w", err)
	}
	for _, e := range entries {
		if names[e.Name()] || !digestPattern.MatchString(strings.TrimSuffix(e.Name(), ".part")) {
			continue
		}
		if st, err := e.Info(); err == nil {
			freed += st.Size()
		}
		if err := os.Remove(filepath.Join(d.dir, e.Name())); err != nil {
			return freed, fmt.Errorf("cannot tidy the depot: %w", err)
		}
	}
	return freed, nil
}

// reader ends a long read when the context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

// Read reads like the reader inside.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// freeSpace is how many bytes can be written below dir.
func freeSpace(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}
