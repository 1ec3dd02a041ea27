package hqfile

import (
	"cmp"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/overview"
)

// file reads one headquarters file over its defaults.
type file struct {
	*strict.Reader
	Headquarters
	at map[string]strict.Value // where keys stand that are judged together
}

// read reads the whole file.
func (f *file) read(root strict.Value) {
	f.Object(root,
		strict.Need("version", strconv.Itoa(config.Version), f.version),
		strict.Need("org", "acme", func(v strict.Value) { f.Org, _ = f.Name(v) }),
		strict.Need("mqtt", `{url: "mqtts://mqtt.example.com:8883"}`, func(v strict.Value) {
			config.Broker(f.Reader, v, &f.MQTT.MQTT, strict.May("shared", func(v strict.Value) { f.MQTT.Shared, _ = f.Name(v) }))
		}),
		strict.May("db", f.database),
		strict.May("listen", func(v strict.Value) { f.at["listen"] = v; f.Listener(v, &f.Listen) }),
		strict.May("address", func(v strict.Value) {
			f.at["address"] = v
			f.Homepage(&f.Address)(v)
			f.Address = strings.TrimSuffix(f.Address, "/")
		}),
		strict.May("metrics", func(v strict.Value) { f.at["metrics"] = v; f.Listener(v, &f.Metrics) }),
		strict.May("tls", f.tls),
		strict.May("state", f.Path(&f.State)),
		strict.May("stores", f.stores),
		strict.May("catalog", f.catalog),
		strict.May("login", f.login),
		strict.May("oidc", f.oidc),
		strict.May("smtp", f.smtp),
		strict.May("webhooks", f.webhooks),
		strict.May("escalation", f.escalation),
		strict.May("compliance", f.compliance),
		strict.May("breaker", f.breaker),
		strict.May("home_assistant", f.Flag(&f.HomeAssistant)))
	f.settle()
}

// settle judges what depends on several keys.
func (f *file) settle() {
	if v, ok := f.at["listen"]; ok && f.Listen == "" {
		f.Fail(v, "headquarters without its pages is nothing", "write an address like \":8444\"")
	}
	if f.Listen == f.Metrics && f.Listen != "" {
		at, ok := f.at["metrics"]
		if !ok {
			at = f.at["listen"]
		}
		f.Fail(at, strict.Quote(f.Metrics)+" is the address of both listen and metrics", "write another port")
	}
	if v, ok := f.at["login.off"]; ok && !strict.Loopback(f.Listen) {
		f.Fail(v, "nobody would have to log in at "+f.Listen+", which others can reach", "remove it, or listen on 127.0.0.1")
	}
	if v, ok := f.at["tls.off"]; ok && !strict.Loopback(f.Listen) {
		f.Fail(v, "passwords would travel in the clear to "+f.Listen, "remove it, or listen on 127.0.0.1")
	}
}

func (f *file) version(v strict.Value) {
	n, ok := v.Node.(*ast.IntegerNode)
	if !ok || n.GetToken().Value != strconv.Itoa(config.Version) {
		f.Fail(v, "is not "+strconv.Itoa(config.Version), "write version: "+strconv.Itoa(config.Version)+", without quotes")
	}
}

func (f *file) database(v strict.Value) {
	s, ok := f.Text(v)
	if !ok {
		return
	}
	if path, sqlite := strings.CutPrefix(s, "sqlite:"); sqlite {
		if path == "" {
			f.Fail(v, "names no file", "write it like sqlite:/var/lib/nightfill-hq/hq.db")
			return
		}
		f.DB = "sqlite:" + f.Resolve(path)
		return
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		f.Fail(v, strict.Quote(s)+" is no database", "write sqlite:PATH, or postgres://USER@HOST/NAME")
		return
	}
	if _, has := u.User.Password(); has {
		f.Fail(v, "holds a password", "remove it: put it into a file of the form of ~/.pgpass and name that file in the variable PGPASSFILE")
		return
	}
	f.DB = s
}

// word reports whether a value is this one word in place of keys.
func (f *file) word(v strict.Value, word string) bool {
	s, ok := v.Node.(*ast.StringNode)
	return ok && s.Value == word
}

func (f *file) tls(v strict.Value) {
	if f.word(v, "off") {
		f.TLS.Off, f.at["tls.off"] = true, v
		return
	}
	if f.TLS.Own = f.word(v, "own"); f.TLS.Own {
		return
	}
	given := map[string]strict.Value{}
	path := func(name string, to *string) strict.Field {
		return strict.May(name, func(v strict.Value) { given[name] = v; f.Path(to)(v) })
	}
	f.Object(v, path("cert", &f.TLS.Cert), path("key", &f.TLS.Key))
	f.Together(given, "cert", "key")
}

func (f *file) catalog(v strict.Value) {
	c := &CatalogRead{}
	given := map[string]strict.Value{}
	path := func(name string, to *string) strict.Field {
		return strict.May(name, func(v strict.Value) { given[name] = v; f.Path(to)(v) })
	}
	f.Object(v,
		strict.Need("url", "https://patches.example.com/catalog/", func(v strict.Value) {
			if u, ok := f.URL(v, "https://patches.example.com/catalog/", "http", "https", "file"); ok {
				c.URL = u.String()
			}
		}),
		strict.Need("root", "root.json", f.Path(&c.Root)),
		path("work", &c.Work), path("out", &c.Out), path("keys", &c.Keys))
	if one, ok := given["keys"]; ok {
		for _, name := range []string{"work", "out"} {
			if _, also := given[name]; !also {
				f.Fail(one, "needs "+name+" beside it", "write "+name+" too, or remove keys")
			}
		}
	}
	f.Catalog = c
}

func (f *file) login(v strict.Value) {
	if f.word(v, "off") {
		f.Login.Off, f.at["login.off"] = true, v
		return
	}
	f.Object(v,
		strict.May("totp", func(v strict.Value) {
			if s, ok := f.Choice(v, string(config.TOTPAlways), string(config.TOTPNever)); ok {
				f.Login.TOTP = config.TOTP(s)
			}
		}),
		strict.May("idle", func(v strict.Value) { f.Login.Idle, _ = f.Span(v, time.Minute) }))
}

func (f *file) oidc(v strict.Value) {
	o := &OIDC{Name: "your organisation", Claim: "groups", Scopes: []string{"openid", "profile", "email"}, Roles: map[site.UserRole][]string{}}
	f.Object(v,
		strict.May("name", f.Into(&o.Name)),
		strict.Need("issuer", "https://login.example.com", f.Homepage(&o.Issuer)),
		strict.Need("client_id", "nightfill-hq", f.Into(&o.ClientID)),
		strict.May("client_secret_file", f.Path(&o.SecretFile)),
		strict.May("claim", f.Into(&o.Claim)),
		strict.May("scopes", func(v strict.Value) { o.Scopes = nil; f.Texts(&o.Scopes)(v) }),
		strict.Need("roles", "{manager: [patch-team], admin: [patch-leads]}", func(v strict.Value) { f.roles(v, o) }))
	f.OIDC = o
	if _, ok := f.at["address"]; !ok {
		f.Fail(v, "needs address in the file, to which the browser comes back", "write address: https://hq.example.com")
	}
}

// roles reads which groups have which role.
func (f *file) roles(v strict.Value, o *OIDC) {
	group := func(role site.UserRole) strict.Field {
		return strict.May(string(role), func(v strict.Value) {
			var names []string
			f.Texts(&names)(v)
			o.Roles[role] = names
		})
	}
	var fields []strict.Field
	for _, role := range site.HeadquartersRoles() {
		fields = append(fields, group(role))
	}
	f.Object(v, fields...)
}

func (f *file) smtp(v strict.Value) {
	s := &SMTP{}
	given := map[string]strict.Value{}
	f.Object(v,
		strict.Need("url", "smtps://mail.example.com", func(v strict.Value) { f.mailServer(v, s) }),
		strict.May("ca", f.Path(&s.CA)),
		strict.Need("from", "nightfill@example.com", func(v strict.Value) { s.From = f.mailAddress(v) }),
		strict.May("username", func(v strict.Value) { given["username"] = v; f.Into(&s.Username)(v) }),
		strict.May("password_file", func(v strict.Value) { given["password_file"] = v; f.Path(&s.PasswordFile)(v) }))
	f.Together(given, "username", "password_file")
	if one, ok := given["username"]; ok && s.Security == MailPlain {
		f.Fail(one, "would travel in the clear", "write smtp:// or smtps:// in smtp.url")
	}
	f.SMTP = s
}

// mailServer reads the address of a mail server; its scheme says how it is spoken to.
func (f *file) mailServer(v strict.Value, s *SMTP) {
	u, ok := f.URL(v, "smtps://mail.example.com", "smtp", "smtps", "smtp+plain")
	if !ok {
		return
	}
	kind := map[string]struct {
		security MailSecurity
		port     string
	}{"smtps": {MailTLS, "465"}, "smtp": {MailStartTLS, "587"}, "smtp+plain": {MailPlain, "25"}}[u.Scheme]
	s.Security = kind.security
	s.Host = u.Hostname() + ":" + cmp.Or(u.Port(), kind.port)
}

func (f *file) mailAddress(v strict.Value) string {
	s, ok := f.Text(v)
	if !ok {
		return ""
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		f.Fail(v, strict.Quote(s)+" is not a mail address", "write it like ops@example.com")
		return ""
	}
	return a.Address
}

func (f *file) webhooks(v strict.Value) {
	f.Each(v, func(v strict.Value) {
		var w Webhook
		f.Object(v,
			strict.Need("name", "pager", func(v strict.Value) {
				w.Name, _ = f.Name(v)
				if slices.ContainsFunc(f.Webhooks, func(o Webhook) bool { return o.Name == w.Name }) && w.Name != "" {
					f.Fail(v, strict.Quote(w.Name)+" is there twice", "give each webhook a name of its own")
				}
			}),
			strict.Need("url", "https://pager.example.com/hook", func(v strict.Value) {
				if u, ok := f.URL(v, "https://pager.example.com/hook", "http", "https"); ok {
					w.URL = u.String()
				}
			}),
			strict.May("secret_file", func(v strict.Value) { f.Path(&w.SecretFile)(v) }))
		f.Webhooks = append(f.Webhooks, w)
	})
}

// escalation reads the tiers. Webhooks and the mail server were read before.
func (f *file) escalation(v strict.Value) {
	var names []string
	for _, w := range f.Webhooks {
		names = append(names, w.Name)
	}
	f.Each(v, func(v strict.Value) {
		t, tells := Tier{}, false
		f.Object(v,
			strict.May("after", func(v strict.Value) { t.After, _ = f.Span(v, 0) }),
			strict.May("urgency", func(v strict.Value) {
				s, _ := f.Choice(v, "now", "today")
				t.Urgent = s == "now"
			}),
			strict.May("for", func(v strict.Value) {
				f.Each(v, func(v strict.Value) {
					if s, ok := f.Choice(v, itemKinds()...); ok {
						t.For = append(t.For, s)
					}
				})
			}),
			strict.May("webhooks", func(v strict.Value) {
				tells = true
				f.Each(v, func(v strict.Value) {
					if s, ok := f.Choice(v, names...); ok {
						t.Webhooks = append(t.Webhooks, s)
					}
				})
			}),
			strict.May("mail", func(v strict.Value) {
				tells = true
				if f.SMTP == nil {
					f.Fail(v, "needs a mail server", "write smtp: {url: ..., from: ...}")
				}
				f.Each(v, func(v strict.Value) { t.Mail = append(t.Mail, f.mailAddress(v)) })
			}),
			strict.May("repeat", func(v strict.Value) { t.Repeat, _ = f.Span(v, time.Minute) }))
		if !tells {
			f.Fail(v, "tells nobody", "write webhooks or mail")
		}
		f.Escalation = append(f.Escalation, t)
	})
}

func (f *file) compliance(v strict.Value) {
	limits := maps.Clone(f.Compliance.Limits)
	var fields []strict.Field
	for _, s := range []site.Severity{site.Critical, site.High, site.Medium, site.Low} {
		fields = append(fields, strict.May(string(s), func(v strict.Value) {
			days, _ := f.Between(v, 1, 3650)
			limits[s] = comply.Limit{Days: days}
		}))
	}
	f.Object(v,
		strict.May("fresh", func(v strict.Value) { f.Compliance.Fresh, _ = f.Span(v, time.Hour) }),
		strict.May("grace", func(v strict.Value) { f.Compliance.Grace, _ = f.Span(v, 0) }),
		strict.May("days", func(v strict.Value) { f.Object(v, fields...) }))
	f.Compliance.Limits = limits
}

func (f *file) breaker(v strict.Value) {
	if f.word(v, "off") {
		f.Breaker = nil
		return
	}
	rings := maps.Clone(f.Breaker)
	var fields []strict.Field
	for _, ring := range []site.Ring{site.RingLab, site.RingPilot, site.RingFleet} {
		fields = append(fields, strict.May(string(ring), func(v strict.Value) {
			limit := rings[ring]
			f.Object(v,
				strict.May("share", func(v strict.Value) { limit.Percent = float64(f.Percent(v)) }),
				strict.May("devices", func(v strict.Value) { limit.Devices = float64(f.Percent(v)) }),
				strict.May("stores", func(v strict.Value) { limit.Stores, _ = f.Between(v, 1, maxListed) }))
			rings[ring] = limit
		}))
	}
	f.Object(v, fields...)
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
