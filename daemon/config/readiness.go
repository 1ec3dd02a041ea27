package config

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
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
