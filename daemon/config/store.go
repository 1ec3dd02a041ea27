package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

// file reads one store file into a template that holds the defaults.
type file struct {
	*reader
	template

	groupNames []string         // in the order of the file
	groupAt    map[string]value // where each group stands
	minUpAt    map[string]value // where its min_up stands
	roleAt     map[string]value // where the role of each device stands
	deviceIDs  []string         // in the order of the file
	deviceAt   map[string]place
	addressAt  map[string]place
	windowAt   value // the window's end
	everyAt    value // readiness.every
	needAt     []hanging
}

// read reads the whole file. The order of the keys is that of what depends on what.
func (f *file) read(root value) {
	f.groupAt, f.minUpAt, f.roleAt = map[string]value{}, map[string]value{}, map[string]value{}
	f.deviceAt, f.addressAt = map[string]place{}, map[string]place{}
	c := &f.Config
	c.SSH.Key = f.resolve(c.SSH.Key)
	if f.newer(root) {
		return
	}
	f.object(root,
		need("version", strconv.Itoa(Version), f.version),
		need("store", `{id: "0142", org: acme, timezone: America/Chicago}`, f.store),
		may("opening", f.opening),
		need("window", `{start: "23:00", end: "05:00"}`, f.window),
		may("mode", func(v value) {
			if m, ok := f.choice(v, string(site.OneByOne), string(site.Bundle)); ok {
				c.Store.Mode = site.Mode(m)
			}
		}),
		may("clock", f.clock),
		may("contacts", f.contacts),
		may("escalation", f.escalation),
		may("not_tonight", f.notTonight),
		may("catalog", f.catalog),
		may("mqtt", f.mqtt),
		may("ssh", f.ssh),
		may("groups", f.groups),
		may("devices", f.devices),
		may("readiness", f.readiness),
		may("listen", f.listen),
		may("console", f.console),
		may("state", func(v value) {
			f.path(&c.State)(v)
			if c.State == string(filepath.Separator) {
				f.fail(v, "the state cannot be the root of the file system", "write a folder of its own like /var/lib/nightfill")
			}
		}))
	f.settleGroups()
	f.settleHours(root)
	f.settleAges()
	f.settleNeeds()
}

// newer refuses a file of a later version at once: its other keys may mean something else.
func (f *file) newer(root value) bool {
	m, ok := root.node.(ast.MapNode)
	if !ok {
		return false
	}
	for it := m.MapRange(); it.Next(); {
		n, ok := it.Value().(*ast.IntegerNode)
		if !ok || it.Key().GetToken().Value != "version" {
			continue
		}
		if written, err := strconv.Atoi(n.GetToken().Value); err == nil && written > Version {
			f.fail(root.child("version", it.Key(), n), fmt.Sprintf("the file is written for a newer nightfilld: version %d, and this one reads version %d", written, Version),
				"update nightfilld first, or write the file for version "+strconv.Itoa(Version))
			return true
		}
	}
	return false
}

func (f *file) version(v value) {
	n, ok := v.node.(*ast.IntegerNode)
	if !ok || n.GetToken().Value != strconv.Itoa(Version) {
		f.fail(v, "is not "+strconv.Itoa(Version), "write version: "+strconv.Itoa(Version)+", without quotes")
	}
}

// store reads who the store is.
func (f *file) store(v value) {
	s := &f.Config.Store
	f.object(v,
		need("id", `"0142"`, func(v value) { s.ID, _ = f.name(v) }),
		need("org", "acme", func(v value) { s.Org, _ = f.name(v) }),
		may("name", f.into(&s.Name)),
		need("timezone", "America/Chicago", f.zone),
		may("ring", func(v value) {
			if r, ok := f.choice(v, string(site.RingLab), string(site.RingPilot), string(site.RingFleet)); ok {
				s.Ring = site.Ring(r)
			}
		}),
		may("language", f.language))
	if s.Name == "" {
		s.Name = s.ID
	}
}

func (f *file) zone(v value) {
	name, ok := f.text(v)
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

func (f *file) language(v value) {
	s, ok := f.text(v)
	if ok && !languagePattern.MatchString(s) {
		f.fail(v, quote(s)+" is not a language tag", "write it like en or pt-BR")
	}
	f.Config.Store.Language = s
}

// opening reads when the store opens on each day.
func (f *file) opening(v value) {
	entries, ok := f.mapping(v)
	if !ok {
		return
	}
	hours, named := map[time.Weekday]window.Clock{}, map[time.Weekday]string{}
	for _, e := range entries {
		days, err := window.ParseWeekdays([]string{e.name})
		if err != nil {
			at := e.value
			at.at = at.keyAt
			f.refuse(at, err)
			continue
		}
		for _, day := range days.Days() {
			if other := named[day]; other != "" {
				f.fail(e.value, fmt.Sprintf("%s is in %s already", strings.ToLower(day.String()), plain(other)), "name each day once")
				break
			}
			named[day] = e.name
		}
		if !f.present(e.value) {
			continue
		}
		opens, closed := f.opens(e.value)
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
func (f *file) opens(v value) (opens window.Clock, closed bool) {
	s, ok := f.text(v)
	if !ok || s == "closed" {
		return 0, true
	}
	opens, err := window.ParseClock(s)
	switch {
	case err != nil:
		f.fail(v, quote(s)+" is not a time of day", `write it like "06:30", or closed`)
	case opens == 24*60:
		f.fail(v, "24:00 is on the next day", "write 00:00 for that day")
	}
	return opens, err != nil
}

// window reads when maintenance may happen. What it means as a whole is the calendar's own rule.
func (f *file) window(v value) {
	c := &f.Config.Store.Calendar
	at := map[string]value{"": v}
	good := true
	clock := func(to *window.Clock) func(value) {
		return func(v value) {
			s, ok := f.text(v)
			if ok {
				*to, ok = f.clockOf(v, s)
			}
			good = good && ok
		}
	}
	note := func(name string, read func(value)) func(value) {
		return func(v value) { at[name] = v; read(v) }
	}
	f.object(v,
		need("start", `"23:00"`, note("start", clock(&c.Start))),
		need("end", `"05:00"`, note("end", clock(&c.End))),
		may("days", note("days", f.days)),
		may("reserve", note("reserve", func(v value) { c.Reserve, _ = f.span(v, 0) })),
		may("blackouts", note("blackouts", f.blackouts)))
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
			f.fail(place, wrong, instead)
		}
	}
}

func (f *file) clockOf(v value, s string) (window.Clock, bool) {
	c, err := window.ParseClock(s)
	if err != nil {
		f.refuse(v, err)
	}
	return c, err == nil
}

// refuse records an error whose text says what is wrong and, after a colon or a semicolon, what to write.
func (f *file) refuse(v value, err error) {
	wrong, instead := halves(err.Error())
	f.fail(v, wrong, instead)
}

func halves(text string) (wrong, instead string) {
	wrong, instead, found := cutLast(text, "; did you mean ")
	if found {
		return wrong, "did you mean " + instead
	}
	wrong, instead, _ = cutLast(text, ": ")
	return wrong, instead
}

func (f *file) days(v value) {
	c := &f.Config.Store.Calendar
	some := false
	f.each(v, func(v value) {
		some = true
		s, ok := f.text(v)
		if !ok {
			return
		}
		days, err := window.ParseWeekdays([]string{s})
		switch {
		case err != nil:
			f.refuse(v, err)
		case c.Days&days != 0:
			f.fail(v, fmt.Sprintf("%s is there already", (c.Days&days)), "name each day once")
		default:
			c.Days |= days
		}
	})
	if _, isList := v.node.(*ast.SequenceNode); isList && !some {
		f.fail(v, "names no day", "write days like [mon-fri], or remove the key for every day")
	}
}

func (f *file) blackouts(v value) {
	f.each(v, func(v value) {
		var b window.Blackout
		f.object(v,
			need("from", "2026-11-25", func(v value) { b.From = f.date(v) }),
			need("to", "2026-12-02", func(v value) { b.To = f.date(v) }),
			may("reason", f.into(&b.Reason)))
		if b.From.IsZero() || b.To.IsZero() {
			return
		}
		if b.From.Compare(b.To) > 0 {
			f.fail(v, fmt.Sprintf("begins on %v, after its end on %v", b.From, b.To), "write the earlier date in from")
			return
		}
		f.Config.Store.Calendar.Blackouts = append(f.Config.Store.Calendar.Blackouts, b)
	})
}

func (f *file) date(v value) window.Date {
	s, ok := f.text(v)
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
func (f *file) contacts(v value) {
	f.each(v, func(v value) {
		var c site.Contact
		f.object(v,
			need("name", "Night desk", f.into(&c.Name)),
			need("phone", `"+1 555 0100"`, f.into(&c.Phone)),
			may("for", func(v value) {
				f.each(v, func(v value) {
					if s, ok := f.choice(v, "not_ready", "escalation"); ok {
						c.For = append(c.For, s)
					}
				})
			}),
			may("notice", func(v value) { c.Notice = f.duration(v) }))
		f.Config.Store.Contacts = append(f.Config.Store.Contacts, c)
	})
}
