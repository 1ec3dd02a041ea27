package fleetsim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// product is a package of the simulated devices and the patch that is due for it.
type product struct {
	pkg, title, before, after string
	severity                  site.Severity
	group                     string // "" = every device
	reboot                    site.Reboot
	cves                      []string
	age                       int // days since the vendor released the patch
	owner                     string
}

func products() []product {
	return []product{
		{"openssl", "OpenSSL 3.0.17", "3.0.15", "3.0.17", site.Critical, "", site.RebootMay, []string{"CVE-2026-3811"}, 9, "platform"},
		{"pos-app", "POS application 4.2.1", "4.2.0", "4.2.1", site.High, "lanes", site.RebootNever, nil, 12, "pos"},
		{"linux-image", "Linux kernel 6.1.170", "6.1.158", "6.1.170", site.Critical, "backoffice", site.RebootAlways, []string{"CVE-2026-2207", "CVE-2026-2218"}, 20, "platform"},
		{"receipt-driver", "Receipt printer driver 2.8", "2.7", "2.8", site.Medium, "lanes", site.RebootNever, nil, 41, "pos"},
		{"store-db", "Store database 11.4", "11.3", "11.4", site.High, "backoffice", site.RebootNever, []string{"CVE-2026-1990"}, 27, "data"},
		{"tzdata", "Time zone data 2026c", "2026b", "2026c", site.Low, "", site.RebootNever, nil, 5, "platform"},
	}
}

// prints is what a device of a store prints when a step fails: the same where the cause is the same.
func prints(s run.Step, p site.Patch, wrong string) string {
	pkg := p.Applies.Package
	known := map[string]string{
		"receipt-driver": "receipt-driver: cannot open /dev/usb/lp0: no such device",
		"store-db":       "store-db: FATAL: the collation version of the database does not match",
	}[pkg]
	switch {
	case s == run.Gate:
		return "end of day is not finished: /run/pos/eod.lock exists"
	case s == run.Install:
		return "dpkg: error processing package " + pkg + " (--configure): post-installation script returned error exit status 1"
	case s == run.Verify && known != "":
		return known
	}
	return pkg + ": " + wrong
}

// catalog returns the generation of the night that begins some days before now: each night brings two
// of the patches. live is the length of a window in which they are to fit while somebody watches; 0 =
// they take what patches take.
func catalog(now time.Time, daysAgo int, live time.Duration) site.Catalog {
	issued := now.AddDate(0, 0, -daysAgo).Add(-20 * time.Hour).UTC().Truncate(time.Second)
	c := site.Catalog{Issued: issued, Version: versionOf(issued)}
	for i, p := range products() {
		if i >= 2*(nightsOfCatalog-daysAgo) {
			break
		}
		c.Patches = append(c.Patches, site.Approved{Patch: p.patch(now, live), Release: &site.Release{Ring: site.RingFleet}})
	}
	return c
}

// nightsOfCatalog is in how many nights all patches have come: the last two of them tonight.
const nightsOfCatalog = 3

func versionOf(t time.Time) int64 {
	var v int64
	_, _ = fmt.Sscan(t.Format("20060102150405"), &v)
	return v
}

func (p product) patch(now time.Time, live time.Duration) site.Patch {
	d := site.Durations{Install: minutes(4), Reboot: minutes(3), Verify: minutes(1), Rollback: minutes(4)}
	if live > 0 {
		part := func(n time.Duration) site.Duration { return site.Duration(live / n) }
		d = site.Durations{Install: part(30), Reboot: part(24), Verify: part(100), Rollback: part(40)}
	}
	id := p.pkg + "-" + p.after
	v := site.Patch{
		ID: id, Title: p.title, Install: site.Install{Kind: site.InstallDeb}, Classes: []site.Class{site.LinuxServer},
		Applies: site.Applies{Package: p.pkg, Below: p.after}, Artifacts: []site.Artifact{artifact(id + ".deb")}, Severity: p.severity,
		VendorReleased: window.DateOf(now.AddDate(0, 0, -p.age)), CVEs: p.cves, Reboot: p.reboot,
		Rollback: site.Rollback{Class: site.RollbackDowngrade, Artifacts: []site.Artifact{artifact(p.pkg + "-" + p.before + ".deb")}},
		Duration: d, Verify: []site.Verify{{Service: p.pkg}}, Owner: p.owner,
		Approval: site.Approval{Change: fmt.Sprintf("CHG-%d", 1000+p.age), Reason: "monthly patches", SecurityImpact: "none", Tested: "lab stores", Backout: "package downgrade"},
	}
	if p.group != "" {
		v.Groups = []string{p.group}
	}
	return v
}

func artifact(name string) site.Artifact {
	sum := sha256.Sum256([]byte(name))
	return site.Artifact{Name: name, SHA256: hex.EncodeToString(sum[:]), Size: 6 << 20}
}

func minutes(n int) site.Duration { return site.Duration(time.Duration(n) * time.Minute) }

// installed returns what a device has before any of the patches.
func installed(d site.Device) map[string]string {
	has := map[string]string{}
	for _, p := range products() {
		if p.group == "" || d.Groups[0] == p.group {
			has[p.pkg] = p.before
		}
	}
	return has
}
