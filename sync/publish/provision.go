package publish

import (
	"fmt"
	"net/url"
	"os"
)

// Provision is what a new store needs of its catalog.
type Provision struct {
	Root []byte // the newest root, the only thing that the store trusts
	URL  string // where the catalog is served; "" when nobody said so yet
}

// Provision looks up what the store with this id needs. address is where the catalog is
// served; it is remembered, and "" means the one remembered.
func (r *Repo) Provision(id, address string) (p Provision, err error) {
	if !storePattern.MatchString(id) {
		return Provision{}, fmt.Errorf("%q is not the id of a store: use letters, digits, dots, _ and -, like 0142", id)
	}
	err = r.locked(func(b *book) error {
		if err := b.rememberURL(address); err != nil {
			return err
		}
		p.URL = b.cfg.URL
		p.Root, err = os.ReadFile(b.RootFile(b.Signed.Root.Signed.Version))
		return err
	})
	return p, err
}

func (b *book) rememberURL(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" && u.Scheme != "file" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" {
		return asked("%q is not an address: write https://patches.example.com/catalog/", address)
	}
	b.cfg.URL = address
	return writeJSON(b.path(configName), b.cfg)
}
