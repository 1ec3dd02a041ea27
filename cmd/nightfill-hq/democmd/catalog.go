package democmd

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	storedemo "github.com/nightfill/nightfill/cmd/nightfill/democmd"
	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/fleetsim"
	"github.com/nightfill/nightfill/daemon/hq"
	"github.com/nightfill/nightfill/site"
)

// ownStore is the id of the store that is real but for its devices.
const ownStore = "0142"

// signed is the catalog of the whole demo: the patches of the simulated stores have come night by night,
// those of the real one come last.
type signed struct {
	*storedemo.Catalog
	past  []site.Catalog // its generations, the oldest first
	now   func() site.Catalog
	store string // one of the simulated ones
}

// make signs and publishes it in a folder, and lets headquarters read every generation.
func (s *signed) make(ctx context.Context, dir string, o fleetsim.Options) error {
	generations := o.Generations()
	var err error
	if s.Catalog, err = storedemo.NewCatalog(filepath.Join(dir, "store"), []string{"platform", "data"}, generations[0].At); err != nil {
		return err
	}
	var stores []string
	for _, e := range o.Expected() {
		stores = append(stores, e.ID)
	}
	s.store = stores[0]
	for _, g := range generations {
		files, err := write(filepath.Join(dir, "artifacts"), g.Artifacts)
		if err != nil {
			return err
		}
		for _, p := range g.Patches {
			if err := s.Add(p, files, stores); err != nil {
				return err
			}
		}
		if err := s.publish(ctx, dir, g.At); err != nil {
			return err
		}
	}
	if err := s.AddOwn([]string{ownStore}); err != nil {
		return err
	}
	return s.publish(ctx, dir, o.Now)
}

// write puts artifacts into a folder and returns their paths by digest.
func write(dir string, artifacts map[string][]byte) (map[string]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for digest, data := range artifacts {
		paths[digest] = filepath.Join(dir, digest)
		if err := os.WriteFile(paths[digest], data, 0o644); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// publish gives out what was added as of a moment, and reads it as headquarters does.
func (s *signed) publish(ctx context.Context, dir string, at time.Time) error {
	if err := s.Publish(ctx, at); err != nil {
		return err
	}
	reader, err := hq.OpenCatalog(hqfile.Headquarters{State: stateOf(dir), Catalog: reads(s.Catalog)}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	if _, err := reader.Refresh(ctx, at); err != nil {
		return err
	}
	s.past = append(s.past, reader.Last())
	return nil
}

// at is what the simulated stores have read at a moment.
func (s *signed) at(at time.Time) site.Catalog {
	i := len(s.past) - 1
	for i > 0 && s.past[i].Issued.After(at) {
		i--
	}
	c := s.past[i]
	if i == len(s.past)-1 {
		c = s.now() // a patch may be held since
	}
	c.Patches = slices.DeleteFunc(slices.Clone(c.Patches), func(a site.Approved) bool {
		return a.Release == nil || !slices.Contains(a.Release.Stores, s.store)
	})
	return c
}

// stateOf is where headquarters keeps what it has.
func stateOf(dir string) string { return filepath.Join(dir, "hq") }

// reads is how headquarters uses the catalog.
func reads(c *storedemo.Catalog) *hqfile.CatalogRead {
	return &hqfile.CatalogRead{URL: "file://" + c.Out + "/", Root: filepath.Join(c.Out, "root.json"), Work: c.Work, Out: c.Out, Keys: c.Keys}
}
