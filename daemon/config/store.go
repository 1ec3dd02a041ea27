package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

// file reads one store file into a template that holds the defaults.
type file struct {
	*strict.Reader
	template

	groupNames []string                // in the order of the file
	groupAt    map[string]strict.Value // where each group stands
	minUpAt    map[string]strict.Value // where its min_up stands
	roleAt     map[string]strict.Value // where the role of each device stands
	deviceIDs  []string                // in the order of the file
	deviceAt   map[string]strict.Place
	addressAt  map[string]strict.Place
	windowAt   strict.Value // the window's end
	everyAt    strict.Value // readiness.every
	needAt     []hanging
}

// read reads the whole file. The order of the keys is that of what depends on what.
func (f *file) read(root strict.Value) {
	f.groupAt, f.minUpAt, f.roleAt = map[string]strict.Value{}, map[string]strict.Value{}, map[string]strict.Value{}
	f.deviceAt, f.addressAt = map[string]strict.Place{}, map[string]strict.Place{}
	c := &f.Config
	c.SSH.Key = f.Resolve(c.SSH.Key)
	if f.newer(root) {
		return
	}
	f.Object(root,
		strict.Need("version", strconv.Itoa(Version), f.version),
		strict.Need("store", `{id: "0142", org: acme, timezone: America/Chicago}`, f.store),
		strict.May("opening", f.opening),
		strict.Need("window", `{start: "23:00", end: "05:00"}`, f.window),
		strict.May("mode", func(v strict.Value) {
			if m, ok := f.Choice(v, string(site.OneByOne), string(site.Bundle)); ok {
				c.Store.Mode = site.Mode(m)
			}
		}),
		strict.May("clock", f.clock),
		strict.May("contacts", f.contacts),
		strict.May("escalation", f.escalation),
		strict.May("not_tonight", f.notTonight),
		strict.May("catalog", f.catalog),
		strict.May("mqtt", f.mqtt),
		strict.May("ssh", f.ssh),
		strict.May("groups", f.groups),
		strict.May("devices", f.devices),
		strict.May("readiness", f.readiness),
		strict.May("listen", f.listen),
		strict.May("console", f.console),
		strict.May("state", func(v strict.Value) {
			f.Path(&c.State)(v)
			if c.State == string(filepath.Separator) {
				f.Fail(v, "the state cannot be the root of the file system", "write a folder of its own like /var/lib/nightfill")
			}
		}))
	f.settleGroups()
	f.settleHours(root)
	f.settleAges()
	f.settleNeeds()
}

// newer refuses a file of a later version at once: its other keys may mean something else.
func (f *file) newer(root strict.Value) bool {
	m, ok := root.Node.(ast.MapNode)
	if !ok {
		return false
	}
	for it := m.MapRange(); it.Next(); {
		n, ok := it.Value().(*ast.IntegerNode)
		if !ok || it.Key().GetToken().Value != "version" {
			continue
		}
		if written, err := strconv.Atoi(n.GetToken().Value); err == nil && written > Version {
			f.Fail(root.Child("version", it.Key(), n), fmt.Sprintf("the file is written for a newer nightfilld: version %d, and this one reads version %d", written, Version),
				"update nightfilld first, or write the file for version "+strconv.Itoa(Version))
			return true
		}
	}
	return false
}

func (f *file) version(v strict.Value) {
	n, ok := v.Node.(*ast.IntegerNode)
	if !ok || n.GetToken().Value != strconv.Itoa(Version) {
		f.Fail(v, "is not "+strconv.Itoa(Version), "write version: "+strconv.Itoa(Version)+", without quotes")
	}
}

// store reads who the store is.
func (f *file) store(v strict.Value) {
	s := &f.Config.Store
	f.Object(v,
		strict.Need("id", `"0142"`, func(v strict.Value) { s.ID, _ = f.Name(v) }),
		strict.Need("org", "acme", func(v strict.Value) { s.Org, _ = f.Name(v) }),
		strict.May("name", f.Into(&s.Name)),
		strict.Need("timezone", "America/Chicago", f.zone),
		strict.May("ring", func(v strict.Value) {
			if r, ok := f.Choice(v, string(site.RingLab), string(site.RingPilot), string(site.RingFleet)); ok {
				s.Ring = site.Ring(r)
			}
		}),
		strict.May("language", f.language))
	if s.Name == "" {
		s.Name = s.ID
	}
}

func (f *file) zone(v strict.Value) {
	name, ok := f.Text(v)
	if !ok {
		return
	}
	zone, err := tzdata.Load(name)
	if err != nil {
		f.refuse(v, err)
		return
	}
	f.Config.Store.Calendar.Zone = zone
}

var languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

func (f *file) language(v strict.Value) {
	s, ok := f.Text(v)
	if ok && !languagePattern.MatchString(s) {
		f.Fail(v, strict.Quote(s)+" is not a language tag", "write it like en or pt-BR")
	}
	f.Config.Store.Language = s
}

// opening reads when the store opens on each day.
func (f *file) opening(v strict.Value) {
	entries, ok := f.Mapping(v)
	if !ok {
		return
	}
	hours, named := map[time.Weekday]window.Clock{}, map[time.Weekday]string{}
	for _, e := range entries {
		days, err := window.ParseWeekdays([]string{e.Name})
		if err != nil {
			at := e.Value
			at.At = at.KeyAt
			f.refuse(at, err)
			continue
		}
		for _, day := range days.Days() {
			if other := named[day]; other != "" {
				f.Fail(e.Value, fmt.Sprintf("%s is in %s already", strings.ToLower(day.String()), strict.Plain(other)), "name each day once")
				break
			}
			named[day] = e.Name
		}
		if !f.Present(e.Value) {
			continue
		}
		opens, closed := f.opens(e.Value)
		if closed {
			continue
		}
		for _, day := range days.Days() {
			hours[day] = opens
		}
	}
	f.Config.Store.Calendar.Opening = hours
}

// opens reads a time of opening; closed is also true for one that is refused.
func (f *file) opens(v strict.Value) (opens window.Clock, closed bool) {
	s, ok := f.Text(v)
	if !ok || s == "closed" {
		return 0, true
	}
	opens, err := window.ParseClock(s)
	switch {
	case err != nil:
		f.Fail(v, strict.Quote(s)+" is not a time of day", `write it like "06:30", or closed`)
	case opens == 24*60:
		f.Fail(v, "24:00 is on the next day", "write 00:00 for that day")
	}
	return opens, err != nil
}

// window reads when maintenance may happen. What it means as a whole is the calendar's own rule.
func (f *file) window(v strict.Value) {
	c := &f.Config.Store.Calendar
	at := map[string]strict.Value{"": v}
	good := true
	clock := func(to *window.Clock) func(strict.Value) {
		return func(v strict.Value) {
			s, ok := f.Text(v)
			if ok {
				*to, ok = f.clockOf(v, s)
			}
			good = good && ok
		}
	}
	note := func(name string, read func(strict.Value)) func(strict.Value) {
		return func(v strict.Value) { at[name] = v; read(v) }
	}
	f.Object(v,
		strict.Need("start", `"23:00"`, note("start", clock(&c.Start))),
		strict.Need("end", `"05:00"`, note("end", clock(&c.End))),
		strict.May("days", note("days", f.days)),
		strict.May("reserve", note("reserve", func(v strict.Value) { c.Reserve, _ = f.Span(v, 0) })),
		strict.May("blackouts", note("blackouts", f.blackouts)))
	_, start := at["start"]
	_, end := at["end"]
	if !good || !start || !end {
		return
	}
	f.windowAt = at["end"]
	for _, p := range c.Problems() {
		place, known := at[p.Field]
		if p.Field == "reserve" && !known {
			place, known = at["end"], true // the default reserve, which the window is too short for
			p.Text = "the default reserve of " + strings.Replace(p.Text, ": make it", ": write a window.reserve that is", 1)
		}
		if known {
			wrong, instead := halves(p.Text)
			f.Fail(place, wrong, instead)
		}
	}
}

func (f *file) clockOf(v strict.Value, s string) (window.Clock, bool) {
	c, err := window.ParseClock(s)
	if err != nil {
		f.refuse(v, err)
	}
	return c, err == nil
}

// refuse records an error whose text says what is wrong and, after a colon or a semicolon, what to write.
func (f *file) refuse(v strict.Value, err error) {
	wrong, instead := halves(err.Error())
	f.Fail(v, wrong, instead)
}

func halves(text string) (wrong, instead string) {
	wrong, instead, found := strict.CutLast(text, "; did you mean ")
	if found {
		return wrong, "did you mean " + instead
	}
	wrong, instead, _ = strict.CutLast(text, ": ")
	return wrong, instead
}

func (f *file) days(v strict.Value) {
	c := &f.Config.Store.Calendar
	some := false
	f.Each(v, func(v strict.Value) {
		some = true
		s, ok := f.Text(v)
		if !ok {
			return
		}
		days, err := window.ParseWeekdays([]string{s})
		switch {
		case err != nil:
			f.refuse(v, err)
		case c.Days&days != 0:
			f.Fail(v, fmt.Sprintf("%s is there already", (c.Days&days)), "name each day once")
		default:
			c.Days |= days
		}
	})
	if _, isList := v.Node.(*ast.SequenceNode); isList && !some {
		f.Fail(v, "names no day", "write days like [mon-fri], or remove the key for every day")
	}
}

func (f *file) blackouts(v strict.Value) {
	f.Each(v, func(v strict.Value) {
		var b window.Blackout
		f.Object(v,
			strict.Need("from", "2026-11-25", func(v strict.Value) { b.From = f.date(v) }),
			strict.Need("to", "2026-12-02", func(v strict.Value) { b.To = f.date(v) }),
			strict.May("reason", f.Into(&b.Reason)))
		if b.From.IsZero() || b.To.IsZero() {
			return
		}
		if b.From.Compare(b.To) > 0 {
			f.Fail(v, fmt.Sprintf("begins on %v, after its end on %v", b.From, b.To), "write the earlier date in from")
			return
		}
		f.Config.Store.Calendar.Blackouts = append(f.Config.Store.Calendar.Blackouts, b)
	})
}

func (f *file) date(v strict.Value) window.Date {
	s, ok := f.Text(v)
	if !ok {
		return window.Date{}
	}
	d, err := window.ParseDate(s)
	if err != nil {
		f.refuse(v, err)
	}
	return d
}

// contacts reads whom the pages and alerts name.
func (f *file) contacts(v strict.Value) {
	f.Each(v, func(v strict.Value) {
		var c site.Contact
		f.Object(v,
			strict.Need("name", "Night desk", f.Into(&c.Name)),
			strict.Need("phone", `"+1 555 0100"`, f.Into(&c.Phone)),
			strict.May("for", func(v strict.Value) {
				f.Each(v, func(v strict.Value) {
					if s, ok := f.Choice(v, "not_ready", "escalation"); ok {
						c.For = append(c.For, s)
					}
				})
			}),
			strict.May("notice", func(v strict.Value) { c.Notice = f.duration(v) }))
		f.Config.Store.Contacts = append(f.Config.Store.Contacts, c)
	})
}

func storeForm() strict.Form {
	return strict.NewForm("store file", "write at least version, store and window; `nightfill config schema` describes every key")
}
