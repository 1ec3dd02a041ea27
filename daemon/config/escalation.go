package config

import (
	"github.com/nightfill/nightfill/daemon/accounts"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// escalation reads who is told of what lasts. Contacts were read before.
func (f *file) escalation(v value) {
	var names []string
	for _, c := range f.Config.Store.Contacts {
		names = append(names, c.Name)
	}
	first := map[site.Told]place{}
	f.each(v, func(v value) {
		var t site.Escalation
		f.object(v,
			may("after", func(v value) {
				d, _ := f.span(v, 0)
				t.After = site.Duration(d)
			}),
			need("to", "Night desk", func(v value) { t.To = f.contact(v, names) }),
			may("for", func(v value) {
				f.each(v, func(v value) {
					if s, ok := f.choice(v, string(site.CauseNotReady), string(site.CauseRollbackFailed), string(site.CauseNoAnswer)); ok {
						t.For = append(t.For, site.Cause(s))
					}
				})
			}),
			may("webhook", func(v value) {
				if u, ok := f.url(v, "http://10.77.0.5/hook", "http", "https"); ok {
					t.Webhook = u.String()
				}
			}))
		same := site.Told{To: t.To, After: t.After}
		if _, twice := first[same]; twice && t.To != "" {
			f.fail(v, quote(t.To)+" is told twice after "+short(t.After.Std()), "keep one of them, with all that it is for")
		}
		first[same] = v.at
		f.Config.Store.Escalation = append(f.Config.Store.Escalation, t)
	})
}

// maxSkips is how many nights of a month the manager may be allowed to stop.
const maxSkips = 31

// notTonight reads how far the manager of the store may stop a night.
func (f *file) notTonight(v value) {
	n := &NotTonight{Rule: run.SkipRule{AnyTime: true, MaxPerMonth: 2}}
	f.object(v,
		need("pin", `"$argon2id$v=19$..."; nightfill config hash-pin prints it`, func(v value) { n.PIN = f.pin(v) }),
		may("latest", func(v value) {
			if s, ok := f.text(v); ok {
				n.Rule.Latest, _ = f.clockOf(v, s)
				n.Rule.AnyTime = false
			}
		}),
		may("max_per_month", func(v value) { n.Rule.MaxPerMonth, _ = f.between(v, 1, maxSkips) }))
	f.Config.NotTonight = n
}

func (f *file) pin(v value) string {
	s, ok := f.text(v)
	if ok && accounts.CheckPINHash(s) != nil {
		f.fail(v, "is not the hash of a PIN", "write what nightfill config hash-pin prints, never the PIN itself")
	}
	return s
}

// contact reads the name of a contact that the file has.
func (f *file) contact(v value, names []string) string {
	s, ok := f.text(v)
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
