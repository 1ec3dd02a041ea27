package config

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// readiness reads when the checks run, what the store needs for trade, and the checks.
func (f *file) readiness(v value) {
	c := &f.Config.Readiness
	f.object(v,
		may("at", func(v value) { c.At = f.before(v) }),
		may("every", func(v value) { c.Every, _ = f.span(v, 10*time.Second); f.everyAt = v }),
		may("floor", f.floor),
		may("checks", f.checks))
}

// settleAges warns of checks that would mostly be unknown: their results end before the next look.
func (f *file) settleAges() {
	every := f.Config.Readiness.Every
	for _, c := range f.Config.Store.Checks {
		age := cmp.Or(c.MaxAge.Std(), ready.DefaultMaxAge)
		if f.everyAt.node != nil && every > age {
			f.warn(f.everyAt, fmt.Sprintf("check %s would mostly be unknown: its result counts for %s and the checks run every %s", c.ID, short(age), short(every)),
				"write "+short(age)+" or less, or a longer max_age")
			return
		}
	}
}

// before reads moments before opening.
func (f *file) before(v value) []time.Duration {
	var at []time.Duration
	f.each(v, func(v value) {
		s, ok := f.raw(v)
		if !ok {
			return
		}
		d, err := time.ParseDuration(s)
		switch {
		case err != nil:
			f.fail(v, quote(s)+" is not a time before opening", `write it like "-60m"`)
		case d >= 0:
			f.fail(v, quote(s)+" is not before opening", `write it with a minus sign: "-60m" is an hour before the store opens`)
		case d <= -24*time.Hour:
			f.fail(v, quote(s)+" is more than a day before opening", `write it like "-60m"`)
		case slices.Contains(at, d):
			f.fail(v, quote(s)+" is there twice", "remove one of them")
		default:
			at = append(at, d)
		}
	})
	slices.Sort(at)
	return at
}

// having counts the devices with each capability.
func (f *file) having() map[string]int {
	n := map[string]int{}
	for _, d := range f.Config.Store.Devices {
		for _, c := range d.Capabilities {
			n[c]++
		}
	}
	return n
}

// floor reads how many devices must have a capability for the store to trade.
func (f *file) floor(v value) {
	entries, ok := f.mapping(v)
	if !ok {
		return
	}
	having := f.having()
	floor := map[string]int{}
	for _, e := range entries {
		if !f.capability(e.value, e.name, having) {
			continue
		}
		n, ok := f.number(e.value, 0)
		if !ok {
			continue
		}
		floor[e.name] = n
		if n > having[e.name] {
			f.warn(e.value, fmt.Sprintf("the store could never be ready: %d devices must have %s and %d can", n, e.name, having[e.name]),
				fmt.Sprintf("write %d or less, or give more devices the capability", having[e.name]))
		}
	}
	f.Config.Store.Floor = floor
}

// capability reports whether a device has the capability, and refuses it otherwise.
func (f *file) capability(v value, name string, having map[string]int) bool {
	if having[name] > 0 {
		return true
	}
	advice := "give a device capabilities: [" + plain(name) + "], or remove it here"
	if k := nearest(name, slices.Sorted(maps.Keys(having))); k != "" {
		advice = "did you mean " + k + "?"
	}
	f.fail(v, "no device has the capability "+quote(name), advice)
	return false
}

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
	given := map[string]value{}
	only := func(name string, read func(value)) field {
		return may(name, func(v value) { given[name] = v; read(v) })
	}
	f.object(v,
		need("id", "POS-1", func(v value) { c.ID = f.checkID(v, first) }),
		need("kind", "tcp", func(v value) { c.Kind = f.checkKind(v) }),
		only("device", func(v value) { c.Device = f.device(v) }),
		only("address", func(v value) { c.Address, _ = f.address(v, "") }),
		only("url", func(v value) { c.URL = f.httpURL(v) }),
		only("expect", f.into(&c.Expect)),
		only("name", f.into(&c.Name)),
		only("command", f.texts(&c.Command)),
		only("path", func(v value) { c.Path = f.devicePath(v) }),
		only("min_free", func(v value) { c.MinFree = f.minFree(v) }),
		only("max_skew", func(v value) { c.MaxSkew = f.duration(v) }),
		may("capability", func(v value) { c.Capability = f.capabilityOf(v) }),
		may("optional", f.flag(&c.Optional)),
		may("timeout", func(v value) { c.Timeout = f.duration(v) }),
		may("max_age", func(v value) { c.MaxAge = f.duration(v) }),
		may("what", f.into(&c.What)),
		may("steps", f.texts(&c.Steps)),
		may("else", f.into(&c.Else)))
	if k, ok := kinds()[c.Kind]; ok {
		f.fits(v, c, k, given)
	}
	if c.Kind != site.CheckDisk {
		c.Path = ""
	}
	if c.Kind != site.CheckClock {
		c.MaxSkew = 0
	}
	return c
}

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
	s, _ := f.choice(v, string(site.CheckTCP), string(site.CheckHTTP), string(site.CheckService),
		string(site.CheckCommand), string(site.CheckDisk), string(site.CheckClock))
	return site.CheckKind(s)
}

// device reads the id of a device that the file has.
func (f *file) device(v value) string {
	s, ok := f.text(v)
	if ok && !slices.Contains(f.deviceIDs, s) {
		f.unknown(v, s, "device", f.deviceIDs)
	}
	return s
}

func (f *file) capabilityOf(v value) string {
	s, ok := f.text(v)
	if ok {
		f.capability(v, s, f.having())
	}
	return s
}

func (f *file) httpURL(v value) string {
	if u, ok := f.url(v, "http://10.77.0.11:8080/health", "http", "https"); ok {
		return u.String()
	}
	return ""
}

// devicePath reads the path of a file system on a device, whatever its system: C:\ is one too.
func (f *file) devicePath(v value) string {
	s, ok := f.text(v)
	if ok && !path.IsAbs(s) && !(len(s) >= 2 && s[1] == ':') {
		f.fail(v, quote(s)+" is not an absolute path on the device", "write it like /var or C:\\")
	}
	return s
}

func (f *file) minFree(v value) string {
	s, ok := f.raw(v)
	if !ok || (percentPattern.MatchString(s) && s != "0%" && (len(s) < 4 || s == "100%")) {
		return s
	}
	if n, err := parseSize(s); err != nil || n == 0 {
		f.fail(v, quote(s)+" is not an amount of free space", "write a size like 500MiB, or a share like 5%")
	}
	return s
}

// duration reads a length of time that is more than none.
func (f *file) duration(v value) site.Duration {
	d, _ := f.span(v, 1)
	return site.Duration(d)
}
