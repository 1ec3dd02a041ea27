package config

import (
	"time"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// Version is the version of the store file that this program reads.
const Version = 1

// Config is one store file, read and checked, with every default filled in and
// every relative path made relative to the folder of the file. It is immutable
// once read.
type Config struct {
	File       string     // the path that was read
	Store      site.Store // with its Calendar
	Clock      Clock
	Catalog    *Catalog // nil: the store has no catalog, it only checks readiness
	MQTT       *MQTT    // nil: nobody is told over MQTT
	SSH        SSH
	Readiness  Readiness
	Listen     Listen
	NotTonight *NotTonight // nil: the manager cannot
	Console    Console
	State      string // folder of everything that the daemon keeps

	// Warnings are problems that do not refuse the file, in the order of the file.
	Warnings []strict.Problem

	places strict.Placed // where the keys that name files stand, for Check
}

// ClockTrust says whose word makes the box's clock good enough to change devices by.
type ClockTrust string

// The kinds of trust in the clock.
const (
	TrustSynchronised ClockTrust = "synchronised" // only a clock that is being synchronised now
	TrustOperator     ClockTrust = "operator"     // a person vouches for this box's clock
)

// Clock says when the box's clock is good enough.
type Clock struct{ Trust ClockTrust }

// Catalog says where the signed catalog comes from and what the store keeps of it.
type Catalog struct {
	URL        string        // http, https or file; "" = only by USB stick
	Root       string        // file with the first trusted root of the catalog
	MaxOffline time.Duration // a catalog not refreshed for longer than this is not used any more
	Cache      int64         // bytes of artifacts that are kept at most
	Rate       Rate
}

// Rate limits the download of artifacts, in bytes a second; 0 = no limit.
type Rate struct {
	Open   int64 // while the store is open
	Closed int64 // while it is closed
}

// MQTT says which broker is told, and who the box is there: a certificate and its
// key, or a user name and a password, or neither.
type MQTT struct {
	URL          string // mqtt://host:port, or mqtts://host:port
	CA           string // file; "" = the certificates that the system trusts
	Cert         string // file; set together with Key
	Key          string // file
	Username     string // set together with PasswordFile
	PasswordFile string // file whose first line is the password
}

// SSH says how the box logs in to servers.
type SSH struct{ Key string } // file with the private key

// Readiness says when the readiness checks run; the checks are in Store.Checks.
type Readiness struct {
	At    []time.Duration // relative to opening and negative: -1h is an hour before the store opens; ascending
	Every time.Duration   // and in between, this often
}

// TOTP says when a code of an authenticator app is asked for at the technician's console.
type TOTP string

// When codes are asked for. An account that has an authenticator app gives a code at each login.
const (
	TOTPSevere TOTP = "severe" // for severe actions
	TOTPAlways TOTP = "always" // and at every login
	TOTPNever  TOTP = "never"  // nobody must have an authenticator app
)

// Console says who gets in at the technician's console, and with which certificate it answers: files, or
// "" for both, when the box makes its own.
type Console struct {
	TOTP      TOTP
	Cert, Key string
}

// NotTonight lets the manager of the store stop a night on the READY page.
type NotTonight struct {
	PIN  string       // its hash
	Rule run.SkipRule // how far he may
}

// Listen holds the addresses that the daemon listens on, each host:port; "" = off.
type Listen struct {
	Ready   string // the READY page, HTTP
	Console string // the technician's console, HTTPS
	Agents  string // handhelds connect here
	Gossip  string // presence on the store LAN
	Metrics string // Prometheus
}

// template is everything that a store file need not say.
type template struct {
	Config  Config
	Catalog Catalog    // of a file that has a catalog
	Check   site.Check // of every readiness check; a field that its kind does not have stays empty
	SSHPort string     // of a server's address
}

// defaults returns all defaults; there are no others.
func defaults() template {
	return template{
		Config: Config{
			Store: site.Store{
				Mode:     site.OneByOne,
				Ring:     site.RingFleet,
				Language: "en",
				Calendar: window.Calendar{Reserve: 45 * time.Minute},
			},
			Clock:     Clock{Trust: TrustSynchronised},
			SSH:       SSH{Key: "id_ed25519"},
			Readiness: Readiness{At: []time.Duration{-60 * time.Minute, -15 * time.Minute}, Every: 5 * time.Minute},
			Listen:    Listen{Ready: ":80", Console: ":8443", Agents: ":7443", Gossip: ":7946", Metrics: "127.0.0.1:9464"},
			Console:   Console{TOTP: TOTPNever},
			State:     "/var/lib/nightfill",
		},
		Catalog: Catalog{
			Root:       "root.json",
			MaxOffline: 14 * 24 * time.Hour,
			Cache:      40 << 30,
			Rate:       Rate{Open: 2 << 20, Closed: 0},
		},
		Check:   site.Check{Path: "/", MaxSkew: site.Duration(time.Minute), Timeout: site.Duration(10 * time.Second)},
		SSHPort: "22",
	}
}

// Load reads the store file at path. An error of its content is a Problems; any
// other error means that the file could not be read.
func Load(path string) (Config, error) {
	data, err := storeForm().Load(path)
	if err != nil {
		return Config{}, err
	}
	return Parse(path, data)
}

// Parse reads a store file from data. name is the path that problems name and that
// relative paths in the file are relative to. Every error is a Problems, which
// holds all that is wrong with the file.
func Parse(name string, data []byte) (Config, error) {
	r, root, err := storeForm().Open(name, data)
	if err != nil {
		return Config{}, err
	}
	f := &file{Reader: r, template: defaults()}
	f.read(root)
	if err := r.Fault(); err != nil {
		return Config{}, err
	}
	c := f.template.Config
	c.File, c.Warnings, c.places = name, r.Doubts(), r.Places
	return c, nil
}
