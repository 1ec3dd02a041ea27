// Package hqfile reads the headquarters file (hq.yaml) into a Headquarters, as strictly as config reads the store file.
// Parse looks at nothing but the text it is given, Check only reads the files that it names.
package hqfile

import (
	_ "embed" // the schema ships with the program
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nightfill/nightfill/daemon/config"
	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/comply"
)

// Headquarters is one headquarters file (hq.yaml), read and checked, with every default filled in and
// every relative path made relative to the folder of the file. It is immutable once read.
type Headquarters struct {
	File   string // the path that was read; "" = there is none, see LabHeadquarters
	Org    string
	MQTT   Broker
	DB     string // sqlite:PATH or postgres://...; "" = hq.db in State
	Listen string // host:port of the pages and the API
	// Address is headquarters as browsers know it, as https://hq.example.com; "" = links name no host.
	Address string
	// Metrics is host:port for Prometheus; "" = off.
	Metrics string
	TLS     TLS
	State   string // folder of the accounts, the own certificate and the catalog that was read

	Stores     []ExpectedStore // those that should be heard, in the order of the list
	StoresFile string          // the CSV file that the list is read from; "" = it stands in the file itself
	Catalog    *CatalogRead    // nil: headquarters knows only the patches that stores plan
	Login      Login
	OIDC       *OIDC // nil: only local accounts
	SMTP       *SMTP // nil: nobody is told by mail
	Webhooks   []Webhook
	Escalation []Tier
	Compliance comply.Policy
	Breaker    breaker.Policy // empty: nothing is proposed
	// HomeAssistant has headquarters announce every store to Home Assistant over the same broker.
	HomeAssistant bool

	places strict.Placed
}

// Broker is the MQTT broker that headquarters listens to.
type Broker struct {
	config.MQTT
	// Shared names the group of several nightfill-hq that share the work; "" = this one is alone.
	Shared string
}

// TLS says how the pages are served.
type TLS struct {
	Off       bool   // in the clear; only on loopback
	Own       bool   // with a certificate that headquarters makes for itself, also on loopback
	Cert, Key string // files of a certificate; both "" = Own, but for loopback
}

// ExpectedStore is a store that headquarters should hear from.
type ExpectedStore struct{ ID, Name, Region string }

// CatalogRead says where headquarters reads the signed catalog, and what it needs to draft a withdrawal
// or to publish a hold.
type CatalogRead struct {
	URL  string // http, https or file
	Root string // file with the first trusted root
	// Work is the folder in which `nightfill catalog` works; "" = drafts are shown, and not written.
	Work string
	// Out is the folder that is published; needed to publish a hold.
	Out string
	// Keys is the folder of the online keys that may hold a patch; "" = a person signs what is drafted.
	Keys string
}

// Login says who gets in at the pages and the API.
type Login struct {
	Off  bool // everybody is an admin; only on loopback
	TOTP config.TOTP
	Idle time.Duration // a session ends when it was not used for so long
}

// OIDC is the organisation's own login.
type OIDC struct {
	Name       string // on the button
	Issuer     string
	ClientID   string
	SecretFile string // "" = a public client
	Claim      string // the one that holds the groups of a person
	Scopes     []string
	Roles      map[site.UserRole][]string // the groups that have a role; who is in none is refused
}

// SMTP is the mail server that takes what is sent to people.
type SMTP struct {
	Host         string // host:port
	Security     MailSecurity
	CA           string // file; "" = the certificates that the system trusts
	From         string
	Username     string // set together with PasswordFile
	PasswordFile string
}

// MailSecurity says how a mail server is spoken to.
type MailSecurity string

// The ways to speak to a mail server.
const (
	MailTLS      MailSecurity = "tls"      // from the first byte
	MailStartTLS MailSecurity = "starttls" // and not without it
	MailPlain    MailSecurity = "plain"    // in the clear
)

// Webhook is an address that is posted to.
type Webhook struct {
	Name       string
	URL        string
	SecretFile string // its first line signs what is posted; "" = not signed
}

// Tier tells people of an item that nobody took on.
type Tier struct {
	After    time.Duration // since the item began
	Urgent   bool          // only for what cannot wait until working hours
	For      []string      // the kinds of items that it is for; empty = all
	Webhooks []string      // names
	Mail     []string      // addresses
	Repeat   time.Duration // once more after so long while nobody took it on; 0 = never
}

// Lab returns what holds without a file: a lab that is started with flags alone.
func Lab() Headquarters {
	return Headquarters{
		Org: "acme", Listen: ":8444", Metrics: "127.0.0.1:9465", State: "/var/lib/nightfill-hq",
		Login:      Login{TOTP: config.TOTPNever, Idle: 15 * time.Minute},
		Compliance: comply.DefaultPolicy(),
		Breaker:    breaker.DefaultPolicy(),
	}
}

func form() strict.Form {
	return strict.NewForm("headquarters file", "write at least version, org and mqtt; `nightfill-hq config schema` describes every key")
}

// Load reads the headquarters file at path. An error of its content is a Problems; any other
// error means that the file could not be read.
func Load(path string) (Headquarters, error) {
	data, err := form().Load(path)
	if err != nil {
		return Headquarters{}, err
	}
	return Parse(path, data)
}

// Parse reads a headquarters file from data. name is the path that problems name and that
// relative paths in the file are relative to. Every error is a Problems, which holds all that is wrong.
func Parse(name string, data []byte) (Headquarters, error) {
	r, root, err := form().Open(name, data)
	if err != nil {
		return Headquarters{}, err
	}
	f := &file{Reader: r, Headquarters: Lab(), at: map[string]strict.Value{}}
	f.read(root)
	if err := r.Fault(); err != nil {
		return Headquarters{}, err
	}
	h := f.Headquarters
	h.File, h.places = name, r.Places
	return h, nil
}

// Settle fills in what follows from the rest, once flags have had their say, and says what is wrong with
// the file and the flags together; nil = nothing is.
func (h *Headquarters) Settle() error {
	if h.DB == "" {
		h.DB = "sqlite:" + filepath.Join(h.State, "hq.db")
	}
	if h.TLS.Cert == "" && !h.TLS.Own && strict.Loopback(h.Listen) {
		h.TLS.Off = true
	}
	switch {
	case h.MQTT.URL == "":
		return fmt.Errorf("no broker is named: write mqtt: {url: ...} in the file, or --mqtt mqtt://HOST:1883")
	case h.Listen == "":
		return fmt.Errorf("no address is named to listen on: write listen in the file, or --listen 127.0.0.1:8444")
	case h.Login.Off && !strict.Loopback(h.Listen):
		return fmt.Errorf("nobody would have to log in at %s, which others can reach: listen on 127.0.0.1, or keep the login on", h.Listen)
	case h.TLS.Off && !strict.Loopback(h.Listen):
		return fmt.Errorf("passwords would travel in the clear to %s: listen on 127.0.0.1, or keep tls on", h.Listen)
	}
	return nil
}

// Check looks at the files that the headquarters file names and returns what is wrong with
// them, in the order of the file. It reads them and changes nothing.
func Check(h Headquarters) []strict.Problem {
	k := strict.NewChecker(h.File, h.places)
	m := h.MQTT
	k.Look("mqtt.ca", m.CA, "copy the certificate of the broker's authority there", false, strict.GoodCertificates)
	k.Look("mqtt.cert", m.Cert, "copy the certificate of headquarters there", false, strict.GoodCertificates)
	if k.Look("mqtt.key", m.Key, "copy the key of that certificate there", true, strict.GoodKey) {
		k.Pair("mqtt.key", m.Cert, m.Key)
	}
	k.Look("mqtt.password_file", m.PasswordFile, "write the password of the broker into it", true, strict.GoodPassword)
	k.Look("tls.cert", h.TLS.Cert, "copy the certificate of the pages there", false, strict.GoodCertificates)
	if k.Look("tls.key", h.TLS.Key, "copy the key of that certificate there", true, strict.GoodKey) {
		k.Pair("tls.key", h.TLS.Cert, h.TLS.Key)
	}
	if c := h.Catalog; c != nil {
		k.Look("catalog.root", c.Root, "copy root.json from the folder that `nightfill catalog publish` wrote", false, strict.GoodRoot)
		for _, f := range []struct{ key, path string }{{"catalog.work", c.Work}, {"catalog.out", c.Out}, {"catalog.keys", c.Keys}} {
			if info, err := os.Stat(f.path); f.path != "" && (err != nil || !info.IsDir()) {
				k.Report(f.key, f.path+" is not a folder", "name the one that `nightfill catalog` works with")
			}
		}
	}
	if h.OIDC != nil {
		k.Look("oidc.client_secret_file", h.OIDC.SecretFile, "write the secret of the client into it", true, strict.GoodPassword)
	}
	if h.SMTP != nil {
		k.Look("smtp.ca", h.SMTP.CA, "copy the certificate of the mail server's authority there", false, strict.GoodCertificates)
		k.Look("smtp.password_file", h.SMTP.PasswordFile, "write the password of the mail server into it", true, strict.GoodPassword)
	}
	for i, w := range h.Webhooks {
		k.Look(fmt.Sprintf("webhooks[%d].secret_file", i), w.SecretFile, "write a secret that the other side knows into it", true, strict.GoodPassword)
	}
	if info, err := os.Stat(h.State); err == nil && !info.IsDir() {
		k.Report("state", h.State+" is a file", "name a folder")
	}
	return k.Found()
}

//go:embed headquarters.schema.json
var schemaText []byte

// Schema returns the JSON Schema of the headquarters file.
func Schema() []byte { return slices.Clone(schemaText) }

// Explain explains a key of the headquarters file, as Explain does for the store file.
func Explain(key string) (strict.Help, error) {
	return form().Explain(schemaText, key)
}
