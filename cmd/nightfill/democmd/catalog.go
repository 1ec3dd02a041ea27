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

// makeCatalog writes, signs, releases and publishes the patches of the demo, as headquarters
// would with `nightfill catalog`. It returns the published folder.
func makeCatalog(ctx context.Context, dir string, debs map[string]string) (string, error) {
	work, keys, out := filepath.Join(dir, "hq"), filepath.Join(dir, "keys"), filepath.Join(dir, "catalog")
	none := keyfile.FixedPassword("") // a demo's keys are not encrypted
	ring, err := keyfile.Open(keys, none)
	if err != nil {
		return "", err
	}
	err = publish.Init(publish.InitOptions{
		Dir: work, KeyDir: keys, Keys: ring, Owners: []publish.Owner{{Name: "pos", Quorum: publish.Quorum{Threshold: 2, Keys: 3}}}, Now: time.Now(),
	})
	if err != nil {
		return "", err
	}
	repo, err := publish.Open(work)
	if err != nil {
		return "", err
	}
	if err := addPatches(repo, filepath.Join(dir, "patches"), debs); err != nil {
		return "", err
	}
	for _, name := range []string{"pos-1", "pos-2"} {
		key, err := keyfile.Read(filepath.Join(keys, name), none)
		if err != nil {
			return "", err
		}
		if _, err := repo.Sign(key, time.Now(), nil); err != nil {
			return "", err
		}
	}
	verify := func(ctx context.Context, files fs.FS, root []byte, now time.Time) error {
		_, err := catalog.Verify(ctx, "", files, root, now)
		return err
	}
	_, err = repo.Publish(ctx, publish.Options{Out: out, Keys: ring, Verify: verify, Now: time.Now()})
	return out, err
}

func addPatches(repo *publish.Repo, dir string, debs map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := patchFiles(debs)
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
		if err := repo.Add(p, artifacts); err != nil {
			return err
		}
		if err := repo.Release(p.ID, site.RingFleet, nil); err != nil {
			return err
		}
	}
	return nil
}
