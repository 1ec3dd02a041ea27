package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/nightfill/nightfill/daemon/config/calendar"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
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
	calendar   calendar.Calendar
	everyAt    strict.Value // readiness.every
	needAt     []hanging
}

// read reads the whole file. The order of the keys is that of what depends on what.
func (f *file) read(root strict.Value) {
	f.groupAt, f.minUpAt, f.roleAt = map[string]strict.Value{}, map[string]strict.Value{}, map[string]strict.Value{}
	f.deviceAt, f.addressAt = map[string]strict.Place{}, map[string]strict.Place{}
	c := &f.Config
	c.SSH.Key = f.Resolve(c.SSH.Key)
	f.calendar = calendar.Calendar{Reader: f.Reader, Of: &c.Store.Calendar}
	if f.newer(root) {
		return
	}
	f.Object(root,
		strict.Need("version", strconv.Itoa(Version), f.version),
		strict.Need("store", `{id: "0142", org: acme, timezone: America/Chicago}`, f.store),
		strict.May("opening", f.calendar.Opening),
		strict.Need("window", `{start: "23:00", end: "05:00"}`, f.calendar.Window),
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
	f.calendar.Settle(root)
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
		strict.Need("timezone", "America/Chicago", f.calendar.Zone),
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

var languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)

func (f *file) language(v strict.Value) {
	s, ok := f.Text(v)
	if ok && !languagePattern.MatchString(s) {
		f.Fail(v, strict.Quote(s)+" is not a language tag", "write it like en or pt-BR")
	}
	f.Config.Store.Language = s
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
