package config

import (
	"fmt"

	"github.com/nightfill/nightfill/daemon/config/strict"
)

// clock reads whose word makes the clock good enough.
func (f *file) clock(v strict.Value) {
	f.Object(v, strict.May("trust", func(v strict.Value) {
		if s, ok := f.Choice(v, string(TrustSynchronised), string(TrustOperator)); ok {
			f.Config.Clock.Trust = ClockTrust(s)
		}
	}))
}

// catalog reads where the signed catalog comes from.
func (f *file) catalog(v strict.Value) {
	c := f.Catalog
	c.Root = f.Resolve(c.Root)
	f.Stands("catalog.root", v)
	f.Object(v,
		strict.May("url", func(v strict.Value) {
			if u, ok := f.URL(v, "https://patches.example.com/catalog/", "http", "https", "file"); ok {
				c.URL = u.String()
			}
		}),
		strict.May("root", f.Path(&c.Root)),
		strict.May("max_offline", func(v strict.Value) { c.MaxOffline, _ = f.Span(v, 1) }),
		strict.May("cache", func(v strict.Value) {
			var ok bool
			if c.Cache, ok = f.Size(v); ok && c.Cache == 0 {
				f.Fail(v, "leaves no room for any patch", "write a size like 40GiB")
			}
		}),
		strict.May("rate", func(v strict.Value) {
			f.Object(v,
				strict.May("open", func(v strict.Value) { c.Rate.Open, _ = f.Size(v) }),
				strict.May("closed", func(v strict.Value) { c.Rate.Closed, _ = f.Size(v) }))
		}))
	f.Config.Catalog = &c
}

// mqtt reads which broker is told.
func (f *file) mqtt(v strict.Value) {
	m := &MQTT{}
	Broker(f.Reader, v, m)
	f.Config.MQTT = m
}

// Broker reads which broker is spoken to, and as whom.
func Broker(r *strict.Reader, v strict.Value, m *MQTT, more ...strict.Field) {
	given := map[string]strict.Value{}
	path := func(name string, to *string) strict.Field {
		return strict.May(name, func(v strict.Value) { given[name] = v; r.Path(to)(v) })
	}
	plain := false
	r.Object(v, append([]strict.Field{
		strict.Need("url", `"mqtts://mqtt.example.com:8883"`, func(v strict.Value) {
			if u, ok := r.URL(v, "mqtts://mqtt.example.com:8883", "mqtt", "mqtts"); ok {
				m.URL, plain = u.String(), u.Scheme == "mqtt"
			}
		}),
		path("ca", &m.CA), path("cert", &m.Cert), path("key", &m.Key),
		strict.May("username", func(v strict.Value) { given["username"] = v; r.Into(&m.Username)(v) }),
		path("password_file", &m.PasswordFile),
	}, more...)...)
	r.Together(given, "cert", "key")
	r.Together(given, "username", "password_file")
	for _, name := range []string{"ca", "cert", "key"} {
		if one, have := given[name]; have && plain {
			r.Fail(one, "means nothing with mqtt://, which is not encrypted", "write mqtts:// in mqtt.url, or remove it")
		}
	}
}

// ssh reads how the box logs in.
func (f *file) ssh(v strict.Value) {
	f.Object(v, strict.May("key", f.Path(&f.Config.SSH.Key)))
}

// console reads who gets in at the console, and with which certificate it answers.
func (f *file) console(v strict.Value) {
	c := &f.Config.Console
	given := map[string]strict.Value{}
	path := func(name string, to *string) strict.Field {
		return strict.May(name, func(v strict.Value) { given[name] = v; f.Path(to)(v) })
	}
	f.Object(v,
		strict.May("totp", func(v strict.Value) {
			if s, ok := f.Choice(v, string(TOTPSevere), string(TOTPAlways), string(TOTPNever)); ok {
				c.TOTP = TOTP(s)
			}
		}),
		path("cert", &c.Cert), path("key", &c.Key))
	f.Together(given, "cert", "key")
}

// listen reads the addresses of the daemon.
func (f *file) listen(v strict.Value) {
	l := &f.Config.Listen
	taken := map[string]string{}
	at := func(name string, to *string) strict.Field {
		return strict.May(name, func(v strict.Value) {
			f.Listener(v, to)
			if other, twice := taken[*to]; twice && *to != "" {
				f.Fail(v, fmt.Sprintf("%s is the address of %s already", strict.Quote(*to), other), "write another port, or off")
			}
			taken[*to] = name
		})
	}
	f.Object(v, at("ready", &l.Ready), at("console", &l.Console), at("agents", &l.Agents), at("gossip", &l.Gossip), at("metrics", &l.Metrics))
}
