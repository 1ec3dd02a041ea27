package democmd

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/sync/keyfile"
	"github.com/nightfill/nightfill/sync/patchfile"
	"github.com/nightfill/nightfill/sync/publish"
)

// patchFiles are the patches of the demo as their owners would write them.
func patchFiles(debs map[string]string) map[string]string {
	return map[string]string{
		"pos-app-4.2.1.yaml": fmt.Sprintf(`id: pos-app-4.2.1
title: POS application 4.2.1
install: {kind: deb}
groups: [lanes]
applies: {package: pos-app, below: "4.2.1"}
artifacts: [%s]
severity: critical
vendor_released: 2026-11-10
cves: [CVE-2026-1234]
reboot: never
rollback: {class: package-downgrade, artifacts: [%s]}
duration: {install: 1m, verify: 3s, rollback: 1m}
verify: [{service: pos-app}]
owner: pos
approval: {change: CHG-1042, reason: card data leaks into the log, tested: lab store}
`, debs["pos-app_4.2.1"], debs["pos-app_4.2.0"]),
		"payment-gw-3.1.0.yaml": fmt.Sprintf(`id: payment-gw-3.1.0
title: Payment gateway 3.1.0
install: {kind: deb}
groups: [backoffice]
artifacts: [%s]
severity: high
vendor_released: 2026-11-12
reboot: always
rollback: {class: package-downgrade, artifacts: [%s]}
duration: {install: 1m, reboot: 1m, verify: 10s, rollback: 1m}
verify: [{service: payment-gw}]
owner: pos
approval: {change: CHG-1043, reason: new card terminals}
`, debs["payment-gw_3.1.0"], debs["payment-gw_3.0.0"]),
		"price-layout-47.yaml": `id: price-layout-47
title: Price layout of week 47
install: {kind: file, path: /etc/pos/layout.json}
groups: [lanes]
artifacts: [layout.json]
severity: medium
rollback: {class: none}
duration: {install: 10s, verify: 5s, rollback: 10s}
owner: pos
`,
		"journal-size.yaml": `id: journal-size
title: Keep a month of logs
install: {kind: script}
artifacts: [journal-size.sh]
severity: low
rollback: {class: script, artifacts: [journal-size-undo.sh]}
duration: {install: 10s, verify: 5s, rollback: 10s}
verify: [{command: [sh, -c, "grep -q month \"$NIGHTFILL_ROOT/etc/log-size\""]}]
owner: pos
`,
		"layout.json":          "{\"week\": 47, \"columns\": 4}\n",
		"journal-size.sh":      "#!/bin/sh\nsleep 0.5\necho month >\"$NIGHTFILL_ROOT/etc/log-size\"\n",
		"journal-size-undo.sh": "#!/bin/sh\nrm -f \"$NIGHTFILL_ROOT/etc/log-size\"\n",
	}
}

// Catalog is a signed catalog in a folder, with the keys of everybody who signs it.
type Catalog struct {
	Work string // where `nightfill catalog` works
	Keys string
	Out  string // what is published

	dir     string
	debs    map[string]string // the packages of the demo's own store, as packages returns them
	repo    *publish.Repo
	ring    *keyfile.Folder
	signers []string // names of the owners' keys that sign
}

// NewCatalog makes an empty catalog in a folder, as headquarters would with `nightfill catalog init`: of its
// owner pos two of three must sign, of each other owner the only one. Nothing is published yet.
func NewCatalog(dir string, others []string, now time.Time) (*Catalog, error) {
	c := &Catalog{
		dir: dir, Work: filepath.Join(dir, "hq"), Keys: filepath.Join(dir, "keys"), Out: filepath.Join(dir, "catalog"),
		signers: []string{"pos-1", "pos-2"},
	}
	owners := []publish.Owner{{Name: "pos", Quorum: publish.Quorum{Threshold: 2, Keys: 3}}}
	for _, name := range others {
		owners = append(owners, publish.Owner{Name: name, Quorum: publish.Quorum{Threshold: 1, Keys: 1}})
		c.signers = append(c.signers, name+"-1")
	}
	var err error
	if c.ring, err = keyfile.Open(c.Keys, noPassword()); err != nil {
		return nil, err
	}
	if err := publish.Init(publish.InitOptions{Dir: c.Work, KeyDir: c.Keys, Keys: c.ring, Owners: owners, Holds: true, Now: now}); err != nil {
		return nil, err
	}
	c.repo, err = publish.Open(c.Work)
	return c, err
}

// noPassword is that of the keys of a demo, which are not encrypted.
func noPassword() keyfile.Password { return keyfile.FixedPassword("") }

// AddOwn drafts the patches of the demo's own store and releases them to stores; none is all.
func (c *Catalog) AddOwn(stores []string) error {
	var err error
	if c.debs, err = packages(filepath.Join(c.dir, "packages")); err != nil {
		return fmt.Errorf("cannot build the demo's packages: %w", err)
	}
	return c.addPatches(filepath.Join(c.dir, "patches"), stores)
}

// Add drafts a patch, whose artifacts are files by their digest, and releases it to stores; none is all.
func (c *Catalog) Add(p site.Patch, artifacts map[string]string, stores []string) error {
	if err := c.repo.Add(p, artifacts); err != nil {
		return err
	}
	return c.repo.Release(p.ID, site.RingFleet, stores)
}

// Publish signs what was added with as many keys of each owner as are needed, and gives it out as of a moment.
func (c *Catalog) Publish(ctx context.Context, now time.Time) error {
	for _, name := range c.signers {
		key, err := keyfile.Read(filepath.Join(c.Keys, name), noPassword())
		if err != nil {
			return err
		}
		if _, err := c.repo.Sign(key, now, nil); err != nil {
			return err
		}
	}
	verify := func(ctx context.Context, files fs.FS, root []byte, now time.Time) error {
		_, err := catalog.Verify(ctx, "", files, root, now)
		return err
	}
	_, err := c.repo.Publish(ctx, publish.Options{Out: c.Out, Keys: c.ring, Verify: verify, Now: now})
	return err
}

// addPatches drafts the patches of the demo and releases them to stores; none is all.
func (c *Catalog) addPatches(dir string, stores []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := patchFiles(c.debs)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for name := range files {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		p, artifacts, err := patchfile.Read(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if err := c.Add(p, artifacts, stores); err != nil {
			return err
		}
	}
	return nil
}
