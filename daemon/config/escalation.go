package config

import (
	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/daemon/config/calendar"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// escalation reads who is told of what lasts. Contacts were read before.
func (f *file) escalation(v strict.Value) {
	var names []string
	for _, c := range f.Config.Store.Contacts {
		names = append(names, c.Name)
	}
	first := map[site.Told]strict.Place{}
	f.Each(v, func(v strict.Value) {
		var t site.Escalation
		f.Object(v,
			strict.May("after", func(v strict.Value) {
				d, _ := f.Span(v, 0)
				t.After = site.Duration(d)
			}),
			strict.Need("to", "Night desk", func(v strict.Value) { t.To = f.contact(v, names) }),
			strict.May("for", func(v strict.Value) {
				f.Each(v, func(v strict.Value) {
					if s, ok := f.Choice(v, string(site.CauseNotReady), string(site.CauseRollbackFailed), string(site.CauseNoAnswer)); ok {
						t.For = append(t.For, site.Cause(s))
					}
				})
			}),
			strict.May("webhook", func(v strict.Value) {
				if u, ok := f.URL(v, "http://10.77.0.5/hook", "http", "https"); ok {
					t.Webhook = u.String()
				}
			}))
		same := site.Told{To: t.To, After: t.After}
		if _, twice := first[same]; twice && t.To != "" {
			f.Fail(v, strict.Quote(t.To)+" is told twice after "+strict.Short(t.After.Std()), "keep one of them, with all that it is for")
		}
		first[same] = v.At
		f.Config.Store.Escalation = append(f.Config.Store.Escalation, t)
	})
}

// maxSkips is how many nights of a month the manager may be allowed to stop.
const maxSkips = 31

// notTonight reads how far the manager of the store may stop a night.
func (f *file) notTonight(v strict.Value) {
	n := &NotTonight{Rule: run.SkipRule{AnyTime: true, MaxPerMonth: 2}}
	f.Object(v,
		strict.Need("pin", `"$argon2id$v=19$..."; nightfill config hash-pin prints it`, func(v strict.Value) { n.PIN = f.pin(v) }),
		strict.May("latest", func(v strict.Value) {
			if s, ok := f.Text(v); ok {
				n.Rule.Latest, _ = calendar.Clock(f.Reader, v, s)
				n.Rule.AnyTime = false
			}
		}),
		strict.May("max_per_month", func(v strict.Value) { n.Rule.MaxPerMonth, _ = f.Between(v, 1, maxSkips) }))
	f.Config.NotTonight = n
}

func (f *file) pin(v strict.Value) string {
	s, ok := f.Text(v)
	if ok && accounts.CheckPINHash(s) != nil {
		f.Fail(v, "is not the hash of a PIN", "write what nightfill config hash-pin prints, never the PIN itself")
	}
	return s
}

// contact reads the name of a contact that the file has.
func (f *file) contact(v strict.Value, names []string) string {
	s, ok := f.Text(v)
	if !ok {
		return ""
	}
	for _, name := range names {
		if s == name {
			return s
		}
	}
	f.unknown(v, s, "contact", names)
	return ""
}
