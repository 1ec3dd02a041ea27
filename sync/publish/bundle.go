package publish

import (
	"archive/zip"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// StoreBundle writes what a new store needs: root.json, the only thing it trusts, and a
// store.yaml to be filled in. out is a directory, or a zip file when it ends in .zip; it
// is never overwritten. address is where the catalog is served; it is remembered, and ""
// means the one remembered.
func (r *Repo) StoreBundle(id, address, out string) error {
	if !storePattern.MatchString(id) {
		return fmt.Errorf("%q is not the id of a store: use letters, digits, dots, _ and -, like 0142", id)
	}
	if exists(out) {
		return fmt.Errorf("%s is there already and is not overwritten: choose another --out", out)
	}
	return r.locked(func(b *book) error {
		if err := b.rememberURL(address); err != nil {
			return err
		}
		root, err := os.ReadFile(b.path(rootsDir, rootFile(b.signed.root.Signed.Version)))
		if err != nil {
			return err
		}
		files := []bundled{{"root.json", root}, {"store.yaml", []byte(storeFile(id, b.cfg.URL))}}
		if strings.HasSuffix(out, ".zip") {
			return writeFrom(out, 0o644, func(w io.Writer) error { return writeZip(w, files) })
		}
		for _, f := range files {
			if err := writeFile(filepath.Join(out, f.name), f.data, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

type bundled struct {
	name string
	data []byte
}

func (b *book) rememberURL(address string) error {
	if address == "" {
		if b.cfg.URL == "" {
			return fmt.Errorf("the address of the catalog is not known yet: give --url, like https://patches.example.com/catalog/")
		}
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" && u.Scheme != "file" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" {
		return fmt.Errorf("%q is not an address: write https://patches.example.com/catalog/", address)
	}
	b.cfg.URL = address
	return writeJSON(b.path(configName), b.cfg)
}

func writeZip(w io.Writer, files []bundled) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		e, err := z.Create(f.name)
		if err != nil {
			return err
		}
		if _, err := e.Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}

// storeFile is a store file with everything that headquarters knows filled in.
func storeFile(id, address string) string {
	return fmt.Sprintf(`version: 1
store: {id: %q, org: acme, name: Store %s, timezone: America/Chicago, ring: lab, language: en}
opening: {mon-sat: "06:30", sun: "08:00"}            # store wall clock; a day not named is closed
window:
  start: "23:00"
  end: "05:00"
  days: [mon, tue, wed, thu, fri, sat, sun]
  reserve: 45m                                       # kept free at the end for verification and repair
clock: {trust: synchronised}
contacts: []                                         # - {name: Night desk, phone: "+1 555 0100", for: [not_ready, escalation]}
catalog: {url: %q, root: /etc/nightfill/root.json, max_offline: 336h}
ssh: {key: /etc/nightfill/id_ed25519}
devices: []                                          # - {id: srv-1, class: linux-server, address: "10.77.0.11:22", user: patch, host_key: "ssh-ed25519 AAAA..."}
listen: {ready: ":80", console: ":8443"}
state: /var/lib/nightfill
`, id, id, address)
}
