package fleetsim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
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
		{"pos-app", "POS application 5.1.3", "5.1.2", "5.1.3", site.High, "lanes", site.RebootNever, nil, 12, "pos"},
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

// Generation is what comes into the catalog of a simulated fleet at a moment.
type Generation struct {
	At        time.Time
	Patches   []site.Patch
	Artifacts map[string][]byte // by digest
}

// Generations are what comes into the catalog of the fleet, the oldest first: one for each night that is
// played. Who signs them hands back what the stores then see as Options.Catalog.
func (o Options) Generations() []Generation {
	var all []Generation
	for ago := o.Nights; ago >= 0; ago-- {
		if ago > 0 || o.Live > 0 {
			all = append(all, o.generation(ago))
		}
	}
	return all
}

// generation is what is new in the night that begins some days before now.
func (o Options) generation(ago int) Generation {
	g := Generation{At: o.Now.AddDate(0, 0, -ago).Add(-20 * time.Hour).UTC().Truncate(time.Second), Artifacts: map[string][]byte{}}
	all := products()
	from, until := arrived(ago+1), arrived(ago)
	if ago == o.Nights {
		from = 0
	}
	for _, p := range all[from:until] {
		patch := p.patch(o.Now, o.Live)
		for _, a := range policy.Needed(patch) {
			g.Artifacts[a.SHA256] = []byte(a.Name)
		}
		g.Patches = append(g.Patches, patch)
	}
	return g
}

// arrived is how many of the products have a patch in the night that begins some days before now: each
// night brings two, and the last two come tonight.
func arrived(ago int) int { return max(0, len(products())-2*ago) }

// catalog is what the stores have read at a moment. Where nobody hands it in, it is one that nobody signed.
func (o Options) catalog(at time.Time) site.Catalog {
	if o.Catalog != nil {
		return o.Catalog(at)
	}
	var c site.Catalog
	for _, g := range o.Generations() {
		if g.At.After(at) {
			break
		}
		c.Issued, c.Version = g.At, versionOf(g.At)
		for _, p := range g.Patches {
			c.Patches = append(c.Patches, site.Approved{Patch: p, Release: &site.Release{Ring: site.RingFleet}})
		}
	}
	return c
}

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

// artifact is a file that holds nothing but its own name.
func artifact(name string) site.Artifact {
	sum := sha256.Sum256([]byte(name))
	return site.Artifact{Name: name, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(name))}
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
