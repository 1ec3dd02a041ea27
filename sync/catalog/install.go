package catalog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nightfill/nightfill/site"
)

// adoptRoots takes new roots into use at once, and asks again whether the current
// generation is still approved under them.
func (c *Catalog) adoptRoots(u *update) {
	g, why := u.old, (*site.Reason)(nil)
	if g != nil {
		files := g.files
		again, err := verifySet(u.chain, func(name string) ([]byte, error) {
			if data, ok := files[name]; ok {
				return data, nil
			}
			return nil, fs404(name)
		})
		if err != nil {
			g, why = nil, refused(fmt.Sprintf("headquarters replaced keys and the stored catalog is no longer approved: %v", err))
		} else {
			again.name = g.name
			g = again
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.chain = u.chain
	if u.old != nil {
		c.current, c.reason = g, why
	}
}

func fs404(name string) error { return fmt.Errorf("%s: %w", name, os.ErrNotExist) }

// install writes the new generation, verifies what was written without the network, and
// lets current point to it.
func (c *Catalog) install(u *update) (*generation, error) {
	name := "1"
	if last, err := c.newestName(); err != nil {
		return nil, err
	} else if last != "" {
		name = strconv.FormatInt(number(last)+1, 10)
	}
	staging := filepath.Join(c.o.Dir, "staging")
	if err := os.RemoveAll(staging); err != nil {
		return nil, fmt.Errorf("cannot store the new catalog: %w", err)
	}
	if err := c.write(staging, &generation{files: u.files}); err != nil {
		return nil, fmt.Errorf("cannot store the new catalog: %w", err)
	}
	g, err := verifySet(u.chain, func(file string) ([]byte, error) {
		return os.ReadFile(filepath.Join(staging, filepath.FromSlash(file)))
	})
	if err != nil {
		return nil, refused(fmt.Sprintf("the catalog of %s does not verify as a whole: %v; tell headquarters", u.s.base, err))
	}
	if err := g.keeps(u.old); err != nil {
		return nil, refused(fmt.Sprintf("the catalog of %s is refused: %v; tell headquarters", u.s.base, err))
	}
	if why := g.expired(u.ref()); why != nil {
		return nil, why
	}
	g.name = name
	if err := c.keep(g, u.chain, u.ref()); err != nil {
		return nil, fmt.Errorf("cannot keep the new catalog for later proof: %w", err)
	}
	dst := filepath.Join(c.o.Dir, "gen", name)
	err = errors.Join(os.MkdirAll(filepath.Dir(dst), 0o755), os.RemoveAll(dst), os.Rename(staging, dst), syncDir(filepath.Dir(dst)), syncDir(c.o.Dir))
	if err == nil {
		err = point(filepath.Join(c.o.Dir, "current"), filepath.Join("gen", name))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot store the new catalog: %w", err)
	}
	if err := c.write(filepath.Join(c.o.Dir, "copy", name), g); err != nil {
		c.o.Log.Warn("cannot store the second copy of the catalog", "error", err)
	}
	c.removeOthers(name)
	return g, nil
}

func (c *Catalog) removeOthers(keep string) {
	for _, dir := range []string{"gen", "copy"} {
		entries, err := os.ReadDir(filepath.Join(c.o.Dir, dir))
		if err != nil {
			continue
		}
		for _, e := range entries {
			if e.Name() == keep {
				continue
			}
			if err := os.RemoveAll(filepath.Join(c.o.Dir, dir, e.Name())); err != nil {
				c.o.Log.Warn("cannot remove an old catalog", "error", err)
			}
		}
	}
}
