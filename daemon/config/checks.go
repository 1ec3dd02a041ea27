package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// checks reads all readiness checks.
func (f *file) checks(v strict.Value) {
	first := map[string]strict.Place{}
	f.Each(v, func(v strict.Value) {
		c := f.check(v, first)
		f.Config.Store.Checks = append(f.Config.Store.Checks, c)
	})
}

func (f *file) check(v strict.Value, first map[string]strict.Place) site.Check {
	c := f.Check
	given, warnOK := map[string]strict.Value{}, true
	var repairAt strict.Value
	only := func(name string, read func(strict.Value)) strict.Field {
		return strict.May(name, func(v strict.Value) { given[name] = v; read(v) })
	}
	f.Object(v,
		strict.Need("id", "POS-1", func(v strict.Value) { c.ID = f.checkID(v, first) }),
		strict.Need("kind", "tcp", func(v strict.Value) { c.Kind = f.checkKind(v) }),
		only("device", func(v strict.Value) { c.Device = f.device(v) }),
		only("address", func(v strict.Value) { c.Address = f.addressOf(v, c.Kind) }),
		only("url", func(v strict.Value) { c.URL = f.httpURL(v) }),
		only("expect", f.Into(&c.Expect)),
		only("name", f.Into(&c.Name)),
		only("command", f.Texts(&c.Command)),
		only("path", func(v strict.Value) { c.Path = f.devicePath(v) }),
		only("min_free", func(v strict.Value) { c.MinFree = f.minFree(v) }),
		only("max_skew", func(v strict.Value) { c.MaxSkew = f.duration(v) }),
		only("server_name", func(v strict.Value) { c.ServerName = f.hostName(v) }),
		only("ca", f.Path(&c.CA)),
		only("warn", func(v strict.Value) { c.Warn, warnOK = f.Between(v, 0, maxDays) }),
		only("fail", func(v strict.Value) { c.Fail, _ = f.Between(v, 0, maxDays) }),
		only("resolve", func(v strict.Value) { f.Each(v, func(v strict.Value) { c.Names = append(c.Names, f.hostName(v)) }) }),
		only("server", func(v strict.Value) { c.Server, _ = f.HostPort(v, "53") }),
		only("package", f.Into(&c.Package)),
		only("at_least", f.Into(&c.AtLeast)),
		only("at_most", f.Into(&c.AtMost)),
		only("max", func(v strict.Value) { c.Max = f.duration(v) }),
		only("min_charge", func(v strict.Value) { c.MinCharge = f.Percent(v) }),
		strict.May("capability", func(v strict.Value) { c.Capability = f.capabilityOf(v) }),
		strict.May("optional", f.Flag(&c.Optional)),
		strict.May("needs", f.needsOf(&c)),
		strict.May("timeout", func(v strict.Value) { c.Timeout = f.duration(v) }),
		strict.May("retries", func(v strict.Value) { c.Retries, _ = f.Between(v, 0, maxRetries) }),
		strict.May("max_age", func(v strict.Value) { c.MaxAge = f.duration(v) }),
		strict.May("repair", func(v strict.Value) { c.Repair, repairAt = f.repair(v), v }),
		strict.May("what", f.Into(&c.What)),
		strict.May("steps", f.Texts(&c.Steps)),
		strict.May("else", f.Into(&c.Else)))
	if k, ok := kinds()[c.Kind]; ok {
		f.fits(v, c, k, given)
	}
	f.settleRepair(c, repairAt)
	if c.Kind != site.CheckDisk && c.Kind != site.CheckFileAge {
		c.Path = ""
	}
	if c.Kind != site.CheckClock {
		c.MaxSkew = 0
	}
	if warnOK {
		f.settleKind(&c, v, given)
	}
	return c
}

// settleKind fills in the defaults of a kind and refuses what contradicts itself.
func (f *file) settleKind(c *site.Check, v strict.Value, given map[string]strict.Value) {
	switch c.Kind {
	case site.CheckCert:
		warn, ok := given["warn"]
		if !ok {
			c.Warn = max(warnDays, c.Fail)
		} else if c.Warn < c.Fail {
			f.Fail(warn, fmt.Sprintf("%d days to warn from are fewer than the %d to fail from", c.Warn, c.Fail), fmt.Sprintf("write %d or more", c.Fail))
		}
	case site.CheckVersion:
		if c.AtLeast == "" && c.AtMost == "" {
			f.Fail(v, "a check of kind version has no at_least and no at_most", `write at_least: "4.2.0"`)
		} else if c.AtLeast != "" && c.AtMost != "" && policy.CompareVersions(c.AtLeast, c.AtMost) > 0 {
			f.Fail(given["at_most"], fmt.Sprintf("no version is at least %s and at most %s", c.AtLeast, c.AtMost), "write a version that is not below at_least")
		}
	case site.CheckAgent:
		d, ok := f.Config.Store.Device(c.Device)
		if ok && d.Class != site.Handheld {
			f.Fail(given["device"], fmt.Sprintf("%s has no agent: its class is %s", d.ID, d.Class), "name a device of class handheld")
		}
	}
}

const (
	warnDays   = 30
	maxDays    = 3650
	maxRetries = 5
)

// kind says which keys a kind of check needs, and which it may have.
type kind struct {
	needs []string // "name: example"
	may   []string
}

// kinds returns every kind of check that this version can do.
func kinds() map[site.CheckKind]kind {
	return map[site.CheckKind]kind{
		site.CheckTCP:     {needs: []string{`address: "10.77.0.11:5432"`}, may: []string{"device"}},
		site.CheckHTTP:    {needs: []string{`url: "http://10.77.0.11:8080/health"`}, may: []string{"device", "expect"}},
		site.CheckService: {needs: []string{"device: srv-1", "name: pos-app"}},
		site.CheckCommand: {needs: []string{"device: srv-1", `command: ["test", "-e", "/run/pos.ready"]`}},
		site.CheckDisk:    {needs: []string{"device: srv-1", "min_free: 500MiB"}, may: []string{"path"}},
		site.CheckClock:   {needs: []string{"device: srv-1"}, may: []string{"max_skew"}},
		site.CheckCert:    {needs: []string{`address: "10.77.0.11:443"`}, may: []string{"device", "server_name", "ca", "warn", "fail"}},
		site.CheckDNS:     {needs: []string{"resolve: [patches.example.com]"}, may: []string{"server"}},
		site.CheckGateway: {may: []string{"address"}},
		site.CheckPrinter: {needs: []string{`address: "10.77.0.31:9100"`}, may: []string{"device"}},
		site.CheckVersion: {needs: []string{"device: srv-1", "package: pos-app"}, may: []string{"at_least", "at_most"}},
		site.CheckFileAge: {needs: []string{"device: srv-1", "path: /var/lib/pos/prices.db", "max: 26h"}},
		site.CheckBattery: {needs: []string{"device: srv-1", "min_charge: 30%"}},
		site.CheckAgent:   {needs: []string{"device: hh-01", "max: 15m"}},
	}
}

// fits refuses keys that the kind of check lacks or does not have.
func (f *file) fits(v strict.Value, c site.Check, k kind, given map[string]strict.Value) {
	var allowed []string
	for _, example := range k.needs {
		name, _, _ := strings.Cut(example, ":")
		allowed = append(allowed, name)
		if _, ok := given[name]; !ok {
			f.Fail(v, fmt.Sprintf("a check of kind %s has no %s", c.Kind, name), "write "+example)
		}
	}
	allowed = append(allowed, k.may...)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(allowed, name) {
			f.Fail(given[name], "is not for a check of kind "+string(c.Kind), "remove it, or change the kind")
		}
	}
}

func (f *file) checkID(v strict.Value, first map[string]strict.Place) string {
	id, ok := f.Name(v)
	if !ok {
		return ""
	}
	if at, twice := first[id]; twice {
		f.Fail(v, fmt.Sprintf("%s is used twice, the first time in line %d", strict.Quote(id), at.Line), "write another id")
	}
	first[id] = v.At
	return id
}

func (f *file) checkKind(v strict.Value) site.CheckKind {
	var known []string
	for _, k := range site.CheckKinds() {
		known = append(known, string(k))
	}
	s, _ := f.Choice(v, known...)
	return site.CheckKind(s)
}

// addressOf reads an address as the kind of check writes it.
func (f *file) addressOf(v strict.Value, k site.CheckKind) string {
	switch k {
	case site.CheckGateway:
		s, ok := f.Text(v)
		if _, err := netip.ParseAddr(s); ok && err != nil {
			f.Fail(v, strict.Quote(s)+" is not an IP address", "write it like 10.77.0.1, without a port")
		}
		return s
	case site.CheckCert:
		s, _ := f.HostPort(v, "443")
		return s
	case site.CheckPrinter:
		s, _ := f.HostPort(v, "9100")
		return s
	}
	s, _ := f.HostPort(v, "")
	return s
}

// hostName reads a name that a name server or a certificate may have.
func (f *file) hostName(v strict.Value) string {
	s, ok := f.Text(v)
	if ok && (!strict.IsHost(s) || strings.Contains(s, "%")) {
		f.Fail(v, strict.Quote(s)+" is not the name of a host", "write it like patches.example.com")
	}
	return s
}
