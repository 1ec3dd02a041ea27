package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nightfill/nightfill/site"
)

// DefaultMaxOffline is how old a catalog may become when Options do not say.
const DefaultMaxOffline = 14 * 24 * time.Hour

// Options of a Catalog.
type Options struct {
	Dir        string            // where it keeps its state; made when it is not there
	URL        string            // where the catalog is published: https, http or file
	Root       string            // the provisioned root.json: the only thing trusted
	MaxOffline time.Duration     // how long after it was issued a catalog approves; 0 = DefaultMaxOffline
	Timeout    time.Duration     // for each file of a refresh; 0 = one minute
	Transport  http.RoundTripper // nil = a plain one that also reads file: addresses
	Log        *slog.Logger      // nil = silent
}

// Catalog is what a store knows of the signed catalog. It is safe for use by several goroutines.
type Catalog struct {
	o    Options
	busy chan struct{} // held by the one refresh that runs

	mu      sync.Mutex // guards what follows; never held across I/O
	chain   chain
	current *generation // nil: the store has none that verifies
	reason  *site.Reason
}

// New opens the state in o.Dir and verifies all of it, from the provisioned root. Damage
// to the state is no error: it is logged, and the next refresh repairs it. An error means
// that the provisioned root or the options are not usable.
func New(o Options) (*Catalog, error) {
	if o.MaxOffline <= 0 {
		o.MaxOffline = DefaultMaxOffline
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if _, err := newServer(o.URL, o.Transport, o.Timeout); err != nil {
		return nil, err
	}
	chain, damage, err := loadChain(o.Root, filepath.Join(o.Dir, "roots"))
	if err != nil {
		return nil, err
	}
	if damage != nil {
		o.Log.Warn("catalog state is damaged", "error", damage)
	}
	c := &Catalog{o: o, busy: make(chan struct{}, 1), chain: chain}
	c.current, c.reason = c.load(chain)
	if g := c.current; g != nil {
		// A version that kept nothing may have accepted it: when is not known then.
		if err := c.keep(g, chain, time.Time{}); err != nil {
			o.Log.Warn("the catalog is not kept for later proof", "error", err)
		}
	}
	return c, nil
}

// Current is what is approved at now, which is the store's trusted time. The error is a
// *site.Reason, and the catalog then empty, when the store never had a catalog, what it has
// does not verify, was issued longer ago than MaxOffline, or a signature in it is over.
func (c *Catalog) Current(now time.Time) (site.Catalog, error) {
	c.mu.Lock()
	g, why := c.current, c.reason
	c.mu.Unlock()
	if g == nil {
		return site.Catalog{}, why
	}
	if why := c.tooOld(g, now); why != nil {
		return site.Catalog{}, why
	}
	return g.copy(), nil
}

// Last is the newest catalog that verified, however old: to show what is known, to finish
// what was begun under it, and to keep withdrawals in force. It never approves a new start.
func (c *Catalog) Last() site.Catalog {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil {
		return site.Catalog{}
	}
	return c.current.copy()
}

// RootVersion is the version of the newest root that the store trusts.
func (c *Catalog) RootVersion() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chain.newest().Signed.Version
}

func (g *generation) copy() site.Catalog {
	out := g.catalog
	out.Patches = slices.Clone(out.Patches)
	return out
}

// tooOld says why a generation approves nothing at now, or nil.
func (c *Catalog) tooOld(g *generation, now time.Time) *site.Reason {
	if age := now.Sub(g.catalog.Issued); age > c.o.MaxOffline {
		return site.Because(site.CodeCatalogOld,
			fmt.Sprintf("the catalog was issued %s ago, more than %s: nothing new is started; restore the line or import it from a USB stick", age.Round(time.Minute), c.o.MaxOffline),
			"issued", g.catalog.Issued.Format(time.RFC3339), "max_offline", c.o.MaxOffline.String())
	}
	return g.expired(now)
}

// expired says which role's signature is over at now, or nil.
func (g *generation) expired(now time.Time) *site.Reason {
	for role, until := range g.expires {
		if now.After(until) {
			return site.Because(site.CodeCatalogExpired,
				fmt.Sprintf("the signature of %s in the catalog ended on %s: headquarters must renew it", role, until.Format(time.RFC3339)),
				"role", role, "expires", until.Format(time.RFC3339))
		}
	}
	return nil
}

// load verifies the stored generation, and its twin when the first is damaged.
func (c *Catalog) load(chain chain) (*generation, *site.Reason) {
	name, err := c.newestName()
	if err != nil {
		return nil, refused(fmt.Sprintf("cannot look for the stored catalog: %v", err))
	}
	if name == "" {
		return nil, site.Because(site.CodeNoCatalog,
			fmt.Sprintf("this store never had a catalog: it is fetched from %s as soon as the line is up", c.o.URL), "url", c.o.URL)
	}
	var why error
	for _, dir := range []string{"gen", "copy"} {
		dir = filepath.Join(c.o.Dir, dir, name)
		g, err := verifySet(chain, func(file string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, filepath.FromSlash(file))) })
		if err == nil {
			g.name = name
			c.repair(g)
			return g, nil
		}
		c.o.Log.Warn("a stored catalog does not verify", "dir", dir, "error", err)
		why = errors.Join(why, err)
	}
	return nil, site.Because(site.CodeCatalogRefused,
		fmt.Sprintf("the stored catalog does not verify: %v; it is fetched again with the next refresh", firstLine(why)), "generation", name)
}

// repair writes what is missing or damaged of a verified generation, in both places, and the link to it.
func (c *Catalog) repair(g *generation) {
	link, target := filepath.Join(c.o.Dir, "current"), filepath.Join("gen", g.name)
	if have, err := os.Readlink(link); err != nil || have != target {
		if err := errors.Join(os.RemoveAll(link), point(link, target)); err != nil {
			c.o.Log.Warn("cannot repair the stored catalog", "error", err)
		}
	}
	for _, dir := range []string{"gen", "copy"} {
		if err := c.write(filepath.Join(c.o.Dir, dir, g.name), g); err != nil {
			c.o.Log.Warn("cannot repair the stored catalog", "error", err)
		}
	}
}

// write writes the files of a generation that are not there as they should be.
func (c *Catalog) write(dir string, g *generation) error {
	for name, data := range g.files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if have, err := os.ReadFile(path); err == nil && string(have) == string(data) {
			continue
		}
		if err := writeFile(path, data); err != nil {
			return err
		}
	}
	return nil
}

// newestName is the name of the stored generation: what current points to, or the highest
// number when the link is lost. "" means that there is none.
func (c *Catalog) newestName() (string, error) {
	if target, err := os.Readlink(filepath.Join(c.o.Dir, "current")); err == nil {
		if name := filepath.Base(target); number(name) > 0 {
			return name, nil
		}
	}
	highest := ""
	for _, dir := range []string{"gen", "copy"} {
		entries, err := os.ReadDir(filepath.Join(c.o.Dir, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		for _, e := range entries {
			if number(e.Name()) > number(highest) {
				highest = e.Name()
			}
		}
	}
	return highest, nil
}

// number is the number of a generation, 0 for any other name.
func number(name string) int64 {
	n, err := strconv.ParseInt(name, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != name {
		return 0
	}
	return n
}

func firstLine(err error) string {
	text := err.Error()
	for i, r := range text {
		if r == '\n' {
			return text[:i]
		}
	}
	return text
}

// Verify looks at a catalog exactly as a store that never saw it would, and leaves nothing
// behind. address may be "" when files holds the catalog.
func Verify(ctx context.Context, address string, files fs.FS, root []byte, now time.Time) (site.Catalog, error) {
	dir, err := os.MkdirTemp("", "nightfill-verify-")
	if err != nil {
		return site.Catalog{}, err
	}
	defer os.RemoveAll(dir)
	o := Options{Dir: filepath.Join(dir, "state"), URL: address, Root: filepath.Join(dir, "root.json")}
	if files != nil {
		o.URL, o.Transport = "file:///", fsTransport(files)
	}
	if err := usable(root); err != nil {
		return site.Catalog{}, err
	}
	if err := os.WriteFile(o.Root, root, 0o600); err != nil {
		return site.Catalog{}, err
	}
	c, err := New(o)
	if err != nil {
		return site.Catalog{}, err
	}
	if _, err := c.Refresh(ctx, now); err != nil {
		return site.Catalog{}, err
	}
	return c.Current(now)
}

// Until is when the newest catalog that verified stops approving anything unless it is refreshed, and why: the
// role whose signature ends then, or "" for its age. The zero time means that there is none.
func (c *Catalog) Until() (until time.Time, role string) {
	c.mu.Lock()
	g := c.current
	c.mu.Unlock()
	if g == nil {
		return time.Time{}, ""
	}
	until = g.catalog.Issued.Add(c.o.MaxOffline)
	for _, name := range slices.Sorted(maps.Keys(g.expires)) {
		if end := g.expires[name]; end.Before(until) {
			until, role = end, name
		}
	}
	return until, role
}
