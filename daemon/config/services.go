package config

import (
	"fmt"
	"strings"
)

// clock reads whose word makes the clock good enough.
func (f *file) clock(v value) {
	f.object(v, may("trust", func(v value) {
		if s, ok := f.choice(v, string(TrustSynchronised), string(TrustOperator)); ok {
			f.Config.Clock.Trust = ClockTrust(s)
		}
	}))
}

// catalog reads where the signed catalog comes from.
func (f *file) catalog(v value) {
	c := f.Catalog
	c.Root = f.resolve(c.Root)
	f.places["catalog.root"] = v.keyAt
	f.object(v,
		may("url", func(v value) {
			if u, ok := f.url(v, "https://patches.example.com/catalog/", "http", "https", "file"); ok {
				c.URL = u.String()
			}
		}),
		may("root", f.path(&c.Root)),
		may("max_offline", func(v value) { c.MaxOffline, _ = f.span(v, 1) }),
		may("cache", func(v value) {
			var ok bool
			if c.Cache, ok = f.size(v); ok && c.Cache == 0 {
				f.fail(v, "leaves no room for any patch", "write a size like 40GiB")
			}
		}),
		may("rate", func(v value) {
			f.object(v,
				may("open", func(v value) { c.Rate.Open, _ = f.size(v) }),
				may("closed", func(v value) { c.Rate.Closed, _ = f.size(v) }))
		}))
	f.Config.Catalog = &c
}

// mqtt reads which broker is told.
func (f *file) mqtt(v value) {
	m := &MQTT{}
	f.broker(v, m)
	f.Config.MQTT = m
}

// broker reads which broker is spoken to, and as whom.
func (r *reader) broker(v value, m *MQTT, more ...field) {
	given := map[string]value{}
	path := func(name string, to *string) field {
		return may(name, func(v value) { given[name] = v; r.path(to)(v) })
	}
	plain := false
	r.object(v, append([]field{
		need("url", `"mqtts://mqtt.example.com:8883"`, func(v value) {
			if u, ok := r.url(v, "mqtts://mqtt.example.com:8883", "mqtt", "mqtts"); ok {
				m.URL, plain = u.String(), u.Scheme == "mqtt"
			}
		}),
		path("ca", &m.CA), path("cert", &m.Cert), path("key", &m.Key),
		may("username", func(v value) { given["username"] = v; r.into(&m.Username)(v) }),
		path("password_file", &m.PasswordFile),
	}, more...)...)
	r.together(given, "cert", "key")
	r.together(given, "username", "password_file")
	for _, name := range []string{"ca", "cert", "key"} {
		if one, have := given[name]; have && plain {
			r.fail(one, "means nothing with mqtt://, which is not encrypted", "write mqtts:// in mqtt.url, or remove it")
		}
	}
}

// ssh reads how the box logs in.
func (f *file) ssh(v value) {
	f.object(v, may("key", f.path(&f.Config.SSH.Key)))
}

// console reads who gets in at the console, and with which certificate it answers.
func (f *file) console(v value) {
	c := &f.Config.Console
	given := map[string]value{}
	path := func(name string, to *string) field {
		return may(name, func(v value) { given[name] = v; f.path(to)(v) })
	}
	f.object(v,
		may("totp", func(v value) {
			if s, ok := f.choice(v, string(TOTPSevere), string(TOTPAlways), string(TOTPNever)); ok {
				c.TOTP = TOTP(s)
			}
		}),
		path("cert", &c.Cert), path("key", &c.Key))
	f.together(given, "cert", "key")
}

// together wants two keys both or not at all.
func (r *reader) together(given map[string]value, a, b string) {
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		one, have := given[pair[0]]
		if _, other := given[pair[1]]; have && !other {
			r.fail(one, "needs "+pair[1]+" beside it", "write "+pair[1]+" too, or remove "+pair[0])
		}
	}
}

// listen reads the addresses of the daemon.
func (f *file) listen(v value) {
	l := &f.Config.Listen
	taken := map[string]string{}
	at := func(name string, to *string) field {
		return may(name, func(v value) {
			f.listener(v, to)
			if other, twice := taken[*to]; twice && *to != "" {
				f.fail(v, fmt.Sprintf("%s is the address of %s already", quote(*to), other), "write another port, or off")
			}
			taken[*to] = name
		})
	}
	f.object(v, at("ready", &l.Ready), at("console", &l.Console), at("agents", &l.Agents), at("gossip", &l.Gossip), at("metrics", &l.Metrics))
}

// listener reads one address to listen on; its host may be missing.
func (r *reader) listener(v value, to *string) {
	s, ok := r.raw(v)
	if !ok {
		return
	}
	if s == "off" {
		*to = ""
		return
	}
	host, port, found := cutLast(s, ":")
	switch {
	case isPort(s):
		r.fail(v, quote(s)+" is not an address to listen on", `write it with a colon: ":`+s+`"`)
	case !found || (host != "" && !isHost(strings.Trim(host, "[]"))):
		r.fail(v, quote(s)+" is not an address to listen on", `write it like ":8443" or "127.0.0.1:9464", or off`)
	case !isPort(port):
		r.fail(v, quote(port)+" is not a port", "write a number from 1 to 65535")
	default:
		*to = s
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
