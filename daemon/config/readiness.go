package config

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

// readiness reads when the checks run, what the store needs for trade, and the checks.
func (f *file) readiness(v strict.Value) {
	c := &f.Config.Readiness
	f.Object(v,
		strict.May("at", func(v strict.Value) { c.At = f.before(v) }),
		strict.May("every", func(v strict.Value) { c.Every, _ = f.Span(v, 10*time.Second); f.everyAt = v }),
		strict.May("floor", f.floor),
		strict.May("checks", f.checks))
}

// settleAges warns of checks that would mostly be unknown: their results end before the next look.
func (f *file) settleAges() {
	every := f.Config.Readiness.Every
	for _, c := range f.Config.Store.Checks {
		age := cmp.Or(c.MaxAge.Std(), ready.DefaultMaxAge)
		if f.everyAt.Node != nil && every > age {
			f.Warn(f.everyAt, fmt.Sprintf("check %s would mostly be unknown: its result counts for %s and the checks run every %s", c.ID, strict.Short(age), strict.Short(every)),
				"write "+strict.Short(age)+" or less, or a longer max_age")
			return
		}
	}
}

// before reads moments before opening.
func (f *file) before(v strict.Value) []time.Duration {
	var at []time.Duration
	f.Each(v, func(v strict.Value) {
		s, ok := f.Raw(v)
		if !ok {
			return
		}
		d, err := time.ParseDuration(s)
		switch {
		case err != nil:
			f.Fail(v, strict.Quote(s)+" is not a time before opening", `write it like "-60m"`)
		case d >= 0:
			f.Fail(v, strict.Quote(s)+" is not before opening", `write it with a minus sign: "-60m" is an hour before the store opens`)
		case d <= -24*time.Hour:
			f.Fail(v, strict.Quote(s)+" is more than a day before opening", `write it like "-60m"`)
		case slices.Contains(at, d):
			f.Fail(v, strict.Quote(s)+" is there twice", "remove one of them")
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
func (f *file) floor(v strict.Value) {
	entries, ok := f.Mapping(v)
	if !ok {
		return
	}
	having := f.having()
	floor := map[string]int{}
	for _, e := range entries {
		if !f.capability(e.Value, e.Name, having) {
			continue
		}
		n, ok := f.Number(e.Value, 0)
		if !ok {
			continue
		}
		floor[e.Name] = n
		if n > having[e.Name] {
			f.Warn(e.Value, fmt.Sprintf("the store could never be ready: %d devices must have %s and %d can", n, e.Name, having[e.Name]),
				fmt.Sprintf("write %d or less, or give more devices the capability", having[e.Name]))
		}
	}
	f.Config.Store.Floor = floor
}

// capability reports whether a device has the capability, and refuses it otherwise.
func (f *file) capability(v strict.Value, name string, having map[string]int) bool {
	if having[name] > 0 {
		return true
	}
	advice := "give a device capabilities: [" + strict.Plain(name) + "], or remove it here"
	if k := strict.Nearest(name, slices.Sorted(maps.Keys(having))); k != "" {
		advice = "did you mean " + k + "?"
	}
	f.Fail(v, "no device has the capability "+strict.Quote(name), advice)
	return false
}

// device reads the id of a device that the file has.
func (f *file) device(v strict.Value) string {
	s, ok := f.Text(v)
	if ok && !slices.Contains(f.deviceIDs, s) {
		f.unknown(v, s, "device", f.deviceIDs)
	}
	return s
}

func (f *file) capabilityOf(v strict.Value) string {
	s, ok := f.Text(v)
	if ok {
		f.capability(v, s, f.having())
	}
	return s
}

func (f *file) httpURL(v strict.Value) string {
	if u, ok := f.URL(v, "http://10.77.0.11:8080/health", "http", "https"); ok {
		return u.String()
	}
	return ""
}

// devicePath reads the path of a file system on a device, whatever its system: C:\ is one too.
func (f *file) devicePath(v strict.Value) string {
	s, ok := f.Text(v)
	if ok && !path.IsAbs(s) && !(len(s) >= 2 && s[1] == ':') {
		f.Fail(v, strict.Quote(s)+" is not an absolute path on the device", "write it like /var or C:\\")
	}
	return s
}

func (f *file) minFree(v strict.Value) string {
	s, ok := f.Raw(v)
	if !ok || (strict.IsPercent(s) && s != "0%" && (len(s) < 4 || s == "100%")) {
		return s
	}
	if n, err := strict.ParseSize(s); err != nil || n == 0 {
		f.Fail(v, strict.Quote(s)+" is not an amount of free space", "write a size like 500MiB, or a share like 5%")
	}
	return s
}

// duration reads a length of time that is more than none.
func (f *file) duration(v strict.Value) site.Duration {
	d, _ := f.Span(v, 1)
	return site.Duration(d)
}
