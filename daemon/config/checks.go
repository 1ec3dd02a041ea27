package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// checks reads all readiness checks.
func (f *file) checks(v value) {
	first := map[string]place{}
	f.each(v, func(v value) {
		c := f.check(v, first)
		f.Config.Store.Checks = append(f.Config.Store.Checks, c)
	})
}

func (f *file) check(v value, first map[string]place) site.Check {
	c := f.Check
	given, warnOK := map[string]value{}, true
	var repairAt value
	only := func(name string, read func(value)) field {
		return may(name, func(v value) { given[name] = v; read(v) })
	}
	f.object(v,
		need("id", "POS-1", func(v value) { c.ID = f.checkID(v, first) }),
		need("kind", "tcp", func(v value) { c.Kind = f.checkKind(v) }),
		only("device", func(v value) { c.Device = f.device(v) }),
		only("address", func(v value) { c.Address = f.addressOf(v, c.Kind) }),
		only("url", func(v value) { c.URL = f.httpURL(v) }),
		only("expect", f.into(&c.Expect)),
		only("name", f.into(&c.Name)),
		only("command", f.texts(&c.Command)),
		only("path", func(v value) { c.Path = f.devicePath(v) }),
		only("min_free", func(v value) { c.MinFree = f.minFree(v) }),
		only("max_skew", func(v value) { c.MaxSkew = f.duration(v) }),
		only("server_name", func(v value) { c.ServerName = f.hostName(v) }),
		only("ca", f.path(&c.CA)),
		only("warn", func(v value) { c.Warn, warnOK = f.between(v, 0, maxDays) }),
		only("fail", func(v value) { c.Fail, _ = f.between(v, 0, maxDays) }),
		only("resolve", func(v value) { f.each(v, func(v value) { c.Names = append(c.Names, f.hostName(v)) }) }),
		only("server", func(v value) { c.Server, _ = f.address(v, "53") }),
		only("package", f.into(&c.Package)),
		only("at_least", f.into(&c.AtLeast)),
		only("at_most", f.into(&c.AtMost)),
		only("max", func(v value) { c.Max = f.duration(v) }),
		only("min_charge", func(v value) { c.MinCharge = f.percent(v) }),
		may("capability", func(v value) { c.Capability = f.capabilityOf(v) }),
		may("optional", f.flag(&c.Optional)),
		may("needs", f.needsOf(&c)),
		may("timeout", func(v value) { c.Timeout = f.duration(v) }),
		may("retries", func(v value) { c.Retries, _ = f.between(v, 0, maxRetries) }),
		may("max_age", func(v value) { c.MaxAge = f.duration(v) }),
		may("repair", func(v value) { c.Repair, repairAt = f.repair(v), v }),
		may("what", f.into(&c.What)),
		may("steps", f.texts(&c.Steps)),
		may("else", f.into(&c.Else)))
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
func (f *file) settleKind(c *site.Check, v value, given map[string]value) {
	switch c.Kind {
	case site.CheckCert:
		warn, ok := given["warn"]
		if !ok {
			c.Warn = max(warnDays, c.Fail)
		} else if c.Warn < c.Fail {
			f.fail(warn, fmt.Sprintf("%d days to warn from are fewer than the %d to fail from", c.Warn, c.Fail), fmt.Sprintf("write %d or more", c.Fail))
		}
	case site.CheckVersion:
		if c.AtLeast == "" && c.AtMost == "" {
			f.fail(v, "a check of kind version has no at_least and no at_most", `write at_least: "4.2.0"`)
		} else if c.AtLeast != "" && c.AtMost != "" && policy.CompareVersions(c.AtLeast, c.AtMost) > 0 {
			f.fail(given["at_most"], fmt.Sprintf("no version is at least %s and at most %s", c.AtLeast, c.AtMost), "write a version that is not below at_least")
		}
	case site.CheckAgent:
		d, ok := f.Config.Store.Device(c.Device)
		if ok && d.Class != site.Handheld {
			f.fail(given["device"], fmt.Sprintf("%s has no agent: its class is %s", d.ID, d.Class), "name a device of class handheld")
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
func (f *file) fits(v value, c site.Check, k kind, given map[string]value) {
	var allowed []string
	for _, example := range k.needs {
		name, _, _ := strings.Cut(example, ":")
		allowed = append(allowed, name)
		if _, ok := given[name]; !ok {
			f.fail(v, fmt.Sprintf("a check of kind %s has no %s", c.Kind, name), "write "+example)
		}
	}
	allowed = append(allowed, k.may...)
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(allowed, name) {
			f.fail(given[name], "is not for a check of kind "+string(c.Kind), "remove it, or change the kind")
		}
	}
}

func (f *file) checkID(v value, first map[string]place) string {
	id, ok := f.name(v)
	if !ok {
		return ""
	}
	if at, twice := first[id]; twice {
		f.fail(v, fmt.Sprintf("%s is used twice, the first time in line %d", quote(id), at.line), "write another id")
	}
	first[id] = v.at
	return id
}

func (f *file) checkKind(v value) site.CheckKind {
	var known []string
	for _, k := range site.CheckKinds() {
		known = append(known, string(k))
	}
	s, _ := f.choice(v, known...)
	return site.CheckKind(s)
}

// addressOf reads an address as the kind of check writes it.
func (f *file) addressOf(v value, k site.CheckKind) string {
	switch k {
	case site.CheckGateway:
		s, ok := f.text(v)
		if _, err := netip.ParseAddr(s); ok && err != nil {
			f.fail(v, quote(s)+" is not an IP address", "write it like 10.77.0.1, without a port")
		}
		return s
	case site.CheckCert:
		s, _ := f.address(v, "443")
		return s
	case site.CheckPrinter:
		s, _ := f.address(v, "9100")
		return s
	}
	s, _ := f.address(v, "")
	return s
}

// hostName reads a name that a name server or a certificate may have.
func (f *file) hostName(v value) string {
	s, ok := f.text(v)
	if ok && (!isHost(s) || strings.Contains(s, "%")) {
		f.fail(v, quote(s)+" is not the name of a host", "write it like patches.example.com")
	}
	return s
}

// percent reads a share of a whole, 1% to 100%.
func (r *reader) percent(v value) int {
	s, ok := r.raw(v)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSuffix(s, "%"))
	if !percentPattern.MatchString(s) || err != nil || n < 1 || n > 100 {
		r.fail(v, quote(s)+" is not a share from 1% to 100%", "write it like 30%")
		return 0
	}
	return n
}

// between reads a whole number from least to most.
func (r *reader) between(v value, least, most int) (int, bool) {
	n, ok := r.number(v, least)
	if ok && n > most {
		r.fail(v, fmt.Sprintf("%d is more than %d", n, most), fmt.Sprintf("write a number from %d to %d", least, most))
	}
	return n, ok && n <= most
}
