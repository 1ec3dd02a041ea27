package config

import (
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/overview"
)

// hqFile reads one headquarters file over its defaults.
type hqFile struct {
	*reader
	Headquarters
	at map[string]value // where keys stand that are judged together
}

// read reads the whole file.
func (f *hqFile) read(root value) {
	f.object(root,
		need("version", strconv.Itoa(Version), f.version),
		need("org", "acme", func(v value) { f.Org, _ = f.name(v) }),
		need("mqtt", `{url: "mqtts://mqtt.example.com:8883"}`, func(v value) {
			f.broker(v, &f.MQTT.MQTT, may("shared", func(v value) { f.MQTT.Shared, _ = f.name(v) }))
		}),
		may("db", f.database),
		may("listen", func(v value) { f.at["listen"] = v; f.listener(v, &f.Listen) }),
		may("address", func(v value) {
			f.at["address"] = v
			f.homepage(&f.Address)(v)
			f.Address = strings.TrimSuffix(f.Address, "/")
		}),
		may("metrics", func(v value) { f.at["metrics"] = v; f.listener(v, &f.Metrics) }),
		may("tls", f.tls),
		may("state", f.path(&f.State)),
		may("stores", f.stores),
		may("catalog", f.catalog),
		may("login", f.login),
		may("oidc", f.oidc),
		may("smtp", f.smtp),
		may("webhooks", f.webhooks),
		may("escalation", f.escalation),
		may("compliance", f.compliance),
		may("breaker", f.breaker),
		may("home_assistant", f.flag(&f.HomeAssistant)))
	f.settle()
}

// settle judges what depends on several keys.
func (f *hqFile) settle() {
	if v, ok := f.at["listen"]; ok && f.Listen == "" {
		f.fail(v, "headquarters without its pages is nothing", "write an address like \":8444\"")
	}
	if f.Listen == f.Metrics && f.Listen != "" {
		at, ok := f.at["metrics"]
		if !ok {
			at = f.at["listen"]
		}
		f.fail(at, quote(f.Metrics)+" is the address of both listen and metrics", "write another port")
	}
	if v, ok := f.at["login.off"]; ok && !Loopback(f.Listen) {
		f.fail(v, "nobody would have to log in at "+f.Listen+", which others can reach", "remove it, or listen on 127.0.0.1")
	}
	if v, ok := f.at["tls.off"]; ok && !Loopback(f.Listen) {
		f.fail(v, "passwords would travel in the clear to "+f.Listen, "remove it, or listen on 127.0.0.1")
	}
}

func (f *hqFile) version(v value) {
	n, ok := v.node.(*ast.IntegerNode)
	if !ok || n.GetToken().Value != strconv.Itoa(Version) {
		f.fail(v, "is not "+strconv.Itoa(Version), "write version: "+strconv.Itoa(Version)+", without quotes")
	}
}

func (f *hqFile) database(v value) {
	s, ok := f.text(v)
	if !ok {
		return
	}
	if path, sqlite := strings.CutPrefix(s, "sqlite:"); sqlite {
		if path == "" {
			f.fail(v, "names no file", "write it like sqlite:/var/lib/nightfill-hq/hq.db")
			return
		}
		f.DB = "sqlite:" + f.resolve(path)
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		f.fail(v, quote(s)+" is no database", "write sqlite:PATH, or postgres://USER@HOST/NAME")
		return
	}
	if _, has := u.User.Password(); has {
		f.fail(v, "holds a password", "remove it: put it into a file of the form of ~/.pgpass and name that file in the variable PGPASSFILE")
		return
	}
	f.DB = s
}

// word reports whether a value is this one word in place of keys.
func (f *hqFile) word(v value, word string) bool {
	s, ok := v.node.(*ast.StringNode)
	return ok && s.Value == word
}

func (f *hqFile) tls(v value) {
	if f.word(v, "off") {
		f.TLS.Off, f.at["tls.off"] = true, v
		return
	}
	if f.TLS.Own = f.word(v, "own"); f.TLS.Own {
		return
	}
	given := map[string]value{}
	path := func(name string, to *string) field {
		return may(name, func(v value) { given[name] = v; f.path(to)(v) })
	}
	f.object(v, path("cert", &f.TLS.Cert), path("key", &f.TLS.Key))
	f.together(given, "cert", "key")
}

func (f *hqFile) catalog(v value) {
	c := &CatalogRead{}
	given := map[string]value{}
	path := func(name string, to *string) field {
		return may(name, func(v value) { given[name] = v; f.path(to)(v) })
	}
	f.object(v,
		need("url", "https://patches.example.com/catalog/", func(v value) {
			if u, ok := f.url(v, "https://patches.example.com/catalog/", "http", "https", "file"); ok {
				c.URL = u.String()
			}
		}),
		need("root", "root.json", f.path(&c.Root)),
		path("work", &c.Work), path("out", &c.Out), path("keys", &c.Keys))
	if one, ok := given["keys"]; ok {
		for _, name := range []string{"work", "out"} {
			if _, also := given[name]; !also {
				f.fail(one, "needs "+name+" beside it", "write "+name+" too, or remove keys")
			}
		}
	}
	f.Catalog = c
}

func (f *hqFile) login(v value) {
	if f.word(v, "off") {
		f.Login.Off, f.at["login.off"] = true, v
		return
	}
	f.object(v,
		may("totp", func(v value) {
			if s, ok := f.choice(v, string(TOTPAlways), string(TOTPNever)); ok {
				f.Login.TOTP = TOTP(s)
			}
		}),
		may("idle", func(v value) { f.Login.Idle, _ = f.span(v, time.Minute) }))
}

func (f *hqFile) oidc(v value) {
	o := &OIDC{Name: "your organisation", Claim: "groups", Scopes: []string{"openid", "profile", "email"}, Roles: map[site.UserRole][]string{}}
	f.object(v,
		may("name", f.into(&o.Name)),
		need("issuer", "https://login.example.com", f.homepage(&o.Issuer)),
		need("client_id", "nightfill-hq", f.into(&o.ClientID)),
		may("client_secret_file", f.path(&o.SecretFile)),
		may("claim", f.into(&o.Claim)),
		may("scopes", func(v value) { o.Scopes = nil; f.texts(&o.Scopes)(v) }),
		need("roles", "{manager: [patch-team], admin: [patch-leads]}", func(v value) { f.roles(v, o) }))
	f.OIDC = o
	if _, ok := f.at["address"]; !ok {
		f.fail(v, "needs address in the file, to which the browser comes back", "write address: https://hq.example.com")
	}
}

// homepage makes a function that stores the address of a server, exactly as it is written. In the clear
// it is taken only on this machine.
func (r *reader) homepage(to *string) func(value) {
	return func(v value) {
		u, ok := r.url(v, "https://hq.example.com", "https", "http")
		switch {
		case !ok:
		case u.Scheme == "http" && !Loopback(u.Host) && !Loopback(u.Host+":80"):
			r.fail(v, "is not encrypted", "write https://")
		default:
			*to, _ = r.text(v)
		}
	}
}

// roles reads which groups have which role.
func (f *hqFile) roles(v value, o *OIDC) {
	group := func(role site.UserRole) field {
		return may(string(role), func(v value) {
			var names []string
			f.texts(&names)(v)
			o.Roles[role] = names
		})
	}
	var fields []field
	for _, role := range site.HeadquartersRoles() {
		fields = append(fields, group(role))
	}
	f.object(v, fields...)
}

func (f *hqFile) smtp(v value) {
	s := &SMTP{}
	given := map[string]value{}
	f.object(v,
		need("url", "smtps://mail.example.com", func(v value) { f.mailServer(v, s) }),
		may("ca", f.path(&s.CA)),
		need("from", "nightfill@example.com", func(v value) { s.From = f.mailAddress(v) }),
		may("username", func(v value) { given["username"] = v; f.into(&s.Username)(v) }),
		may("password_file", func(v value) { given["password_file"] = v; f.path(&s.PasswordFile)(v) }))
	f.together(given, "username", "password_file")
	if one, ok := given["username"]; ok && s.Security == MailPlain {
		f.fail(one, "would travel in the clear", "write smtp:// or smtps:// in smtp.url")
	}
	f.SMTP = s
}

// mailServer reads the address of a mail server; its scheme says how it is spoken to.
func (f *hqFile) mailServer(v value, s *SMTP) {
	u, ok := f.url(v, "smtps://mail.example.com", "smtp", "smtps", "smtp+plain")
	if !ok {
		return
	}
	kind := map[string]struct {
		security MailSecurity
		port     string
	}{"smtps": {MailTLS, "465"}, "smtp": {MailStartTLS, "587"}, "smtp+plain": {MailPlain, "25"}}[u.Scheme]
	s.Security = kind.security
	s.Host = u.Hostname() + ":" + orElse(u.Port(), kind.port)
}

func (f *hqFile) mailAddress(v value) string {
	s, ok := f.text(v)
	if !ok {
		return ""
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		f.fail(v, quote(s)+" is not a mail address", "write it like ops@example.com")
		return ""
	}
	return a.Address
}

func (f *hqFile) webhooks(v value) {
	f.each(v, func(v value) {
		var w Webhook
		f.object(v,
			need("name", "pager", func(v value) {
				w.Name, _ = f.name(v)
				if slices.ContainsFunc(f.Webhooks, func(o Webhook) bool { return o.Name == w.Name }) && w.Name != "" {
					f.fail(v, quote(w.Name)+" is there twice", "give each webhook a name of its own")
				}
			}),
			need("url", "https://pager.example.com/hook", func(v value) {
				if u, ok := f.url(v, "https://pager.example.com/hook", "http", "https"); ok {
					w.URL = u.String()
				}
			}),
			may("secret_file", func(v value) { f.path(&w.SecretFile)(v) }))
		f.Webhooks = append(f.Webhooks, w)
	})
}

// escalation reads the tiers. Webhooks and the mail server were read before.
func (f *hqFile) escalation(v value) {
	var names []string
	for _, w := range f.Webhooks {
		names = append(names, w.Name)
	}
	f.each(v, func(v value) {
		t, tells := Tier{}, false
		f.object(v,
			may("after", func(v value) { t.After, _ = f.span(v, 0) }),
			may("urgency", func(v value) {
				s, _ := f.choice(v, "now", "today")
				t.Urgent = s == "now"
			}),
			may("for", func(v value) {
				f.each(v, func(v value) {
					if s, ok := f.choice(v, itemKinds()...); ok {
						t.For = append(t.For, s)
					}
				})
			}),
			may("webhooks", func(v value) {
				tells = true
				f.each(v, func(v value) {
					if s, ok := f.choice(v, names...); ok {
						t.Webhooks = append(t.Webhooks, s)
					}
				})
			}),
			may("mail", func(v value) {
				tells = true
				if f.SMTP == nil {
					f.fail(v, "needs a mail server", "write smtp: {url: ..., from: ...}")
				}
				f.each(v, func(v value) { t.Mail = append(t.Mail, f.mailAddress(v)) })
			}),
			may("repeat", func(v value) { t.Repeat, _ = f.span(v, time.Minute) }))
		if !tells {
			f.fail(v, "tells nobody", "write webhooks or mail")
		}
		f.Escalation = append(f.Escalation, t)
	})
}

func (f *hqFile) compliance(v value) {
	limits := maps.Clone(f.Compliance.Limits)
	var fields []field
	for _, s := range []site.Severity{site.Critical, site.High, site.Medium, site.Low} {
		fields = append(fields, may(string(s), func(v value) {
			days, _ := f.between(v, 1, 3650)
			limits[s] = comply.Limit{Days: days}
		}))
	}
	f.object(v,
		may("fresh", func(v value) { f.Compliance.Fresh, _ = f.span(v, time.Hour) }),
		may("grace", func(v value) { f.Compliance.Grace, _ = f.span(v, 0) }),
		may("days", func(v value) { f.object(v, fields...) }))
	f.Compliance.Limits = limits
}

func (f *hqFile) breaker(v value) {
	if f.word(v, "off") {
		f.Breaker = nil
		return
	}
	rings := maps.Clone(f.Breaker)
	var fields []field
	for _, ring := range []site.Ring{site.RingLab, site.RingPilot, site.RingFleet} {
		fields = append(fields, may(string(ring), func(v value) {
			limit := rings[ring]
			f.object(v,
				may("share", func(v value) { limit.Percent = float64(f.percent(v)) }),
				may("devices", func(v value) { limit.Devices = float64(f.percent(v)) }),
				may("stores", func(v value) { limit.Stores, _ = f.between(v, 1, maxListed) }))
			rings[ring] = limit
		}))
	}
	f.object(v, fields...)
	f.Breaker = rings
}

// itemKinds are the kinds of items that need someone.
func itemKinds() []string {
	var names []string
	for _, k := range overview.Kinds() {
		names = append(names, string(k))
	}
	return names
}
