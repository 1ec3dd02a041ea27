package site

import (
	"slices"
	"strings"
	"time"
)

// CheckKind is how a readiness check looks.
type CheckKind string

// The kinds of readiness check. Tcp, http, cert, dns, gateway and printer-escpos look from the
// box, agent listens there; the others ask the device.
const (
	CheckTCP     CheckKind = "tcp"
	CheckHTTP    CheckKind = "http"
	CheckService CheckKind = "service"
	CheckCommand CheckKind = "command"
	CheckDisk    CheckKind = "disk"
	CheckClock   CheckKind = "clock"
	CheckCert    CheckKind = "cert"
	CheckDNS     CheckKind = "dns"
	CheckGateway CheckKind = "gateway"
	CheckPrinter CheckKind = "printer-escpos"
	CheckVersion CheckKind = "version"
	CheckFileAge CheckKind = "file-age"
	CheckBattery CheckKind = "battery"
	CheckAgent   CheckKind = "agent"
)

// CheckKinds returns every kind of check, in the order in which they are told to people.
func CheckKinds() []CheckKind {
	return []CheckKind{
		CheckTCP, CheckHTTP, CheckService, CheckCommand, CheckDisk, CheckClock, CheckCert, CheckDNS,
		CheckGateway, CheckPrinter, CheckVersion, CheckFileAge, CheckBattery, CheckAgent,
	}
}

// Effect is what a kind of check does to what it looks at. There is nothing beyond Synthetic: no
// check prints, sells, opens a drawer or changes anything.
type Effect int

// The effects, the least first.
const (
	Passive   Effect = iota // nothing is sent
	ReadOnly                // a question is asked
	Synthetic               // the device does something for it that leaves no trace in the business
)

// Effect returns the effect of a kind of check; false for what is no kind.
func (k CheckKind) Effect() (Effect, bool) {
	switch k {
	case CheckAgent:
		return Passive, true
	case CheckCommand:
		return Synthetic, true
	}
	return ReadOnly, slices.Contains(CheckKinds(), k)
}

// AsksDevice reports whether the question of a check is put to the device itself.
func (k CheckKind) AsksDevice() bool {
	switch k {
	case CheckService, CheckCommand, CheckDisk, CheckClock, CheckVersion, CheckFileAge, CheckBattery:
		return true
	}
	return false
}

// Check is one readiness check of the store file. It is read-only on the device.
type Check struct {
	ID         string    `json:"id"`               // speakable, for example POS-1; shown to the manager as the code
	Device     string    `json:"device,omitempty"` // empty: the check is of the store, not of one device
	Kind       CheckKind `json:"kind"`
	Address    string    `json:"address,omitempty"`     // tcp, cert, printer-escpos: host:port; gateway: an IP address, empty = that of the box's default route
	URL        string    `json:"url,omitempty"`         // http
	Expect     string    `json:"expect,omitempty"`      // http: the body must contain it
	Name       string    `json:"name,omitempty"`        // service
	Command    []string  `json:"command,omitempty"`     // command: exit code 0 is a pass
	Path       string    `json:"path,omitempty"`        // disk: the file system, default "/"; file-age: the file
	MinFree    string    `json:"min_free,omitempty"`    // disk: "500MiB" or "5%"
	MaxSkew    Duration  `json:"max_skew,omitempty"`    // clock: how far the device's clock may be from the box's
	ServerName string    `json:"server_name,omitempty"` // cert: the name that is asked for, default the host of Address
	CA         string    `json:"ca,omitempty"`          // cert: file of the authorities that the certificate must come from; empty = nobody asks
	Warn       int       `json:"warn,omitempty"`        // cert: days left from which on it warns
	Fail       int       `json:"fail,omitempty"`        // cert: days left from which on it fails
	Names      []string  `json:"resolve,omitempty"`     // dns: every one must resolve
	Server     string    `json:"server,omitempty"`      // dns: host:port that is asked; empty = as the box resolves names
	Package    string    `json:"package,omitempty"`     // version
	AtLeast    string    `json:"at_least,omitempty"`    // version: the lowest one that passes
	AtMost     string    `json:"at_most,omitempty"`     // version: the highest one that passes
	Max        Duration  `json:"max,omitempty"`         // file-age: the greatest age; agent: how long ago it may have been heard
	MinCharge  int       `json:"min_charge,omitempty"`  // battery: percent
	Capability string    `json:"capability,omitempty"`
	Optional   bool      `json:"optional,omitempty"` // a failure is a note, never a red page
	Needs      []string  `json:"needs,omitempty"`    // checks without which this one tells nothing; see Store.Parents
	Timeout    Duration  `json:"timeout,omitempty"`  // of each try
	Retries    int       `json:"retries,omitempty"`  // further tries after one that did not pass, 0 to 5
	MaxAge     Duration  `json:"max_age,omitempty"`  // older than this, the result counts as unknown
	Repair     *Repair   `json:"repair,omitempty"`   // what the box may do by itself when it fails before the store opens; nil = nothing
	What       string    `json:"what,omitempty"`     // shop words for the finding, for example "Till 3 cannot take cards"
	Steps      []string  `json:"steps,omitempty"`    // what the manager does about it
	Else       string    `json:"else,omitempty"`     // what to do if it stays red
}

// Repair is what the box may do by itself about a check that fails: start a service of the check's device
// anew, or take tonight's newest patch off it again. One of the two is set.
type Repair struct {
	Service  string `json:"service,omitempty"`
	RollBack bool   `json:"roll_back,omitempty"`
}

// CheckOutcome is what one look found.
type CheckOutcome string

// The outcomes of a check. Unknown is never green.
const (
	Pass          CheckOutcome = "pass"
	Warn          CheckOutcome = "warn"
	Fail          CheckOutcome = "fail"
	Unknown       CheckOutcome = "unknown"
	NotApplicable CheckOutcome = "not_applicable"
)

// CheckResult is what one readiness check found at one moment.
type CheckResult struct {
	Check   string       `json:"check"`
	Device  string       `json:"device,omitempty"`
	Outcome CheckOutcome `json:"outcome"`
	Seen    string       `json:"seen,omitempty"` // what was observed, for a technician
	At      time.Time    `json:"at"`
	Took    Duration     `json:"took,omitempty"`
}

// Parents returns, for each check that has any, the checks without which it tells nothing: those
// that it needs by name and, for every check that goes over the network, the store's gateway
// check, which is the first of that kind. Nothing in the answer is its own ancestor: a name that
// would close a circle, or that no check has, is left out.
func (s Store) Parents() map[string][]string {
	known, gateway := map[string]bool{}, ""
	for _, c := range s.Checks {
		known[c.ID] = true
		if c.Kind == CheckGateway && gateway == "" {
			gateway = c.ID
		}
	}
	parents := map[string][]string{}
	add := func(child, parent string) {
		if known[parent] && !slices.Contains(parents[child], parent) && !hangs(parents, parent, child, map[string]bool{}) {
			parents[child] = append(parents[child], parent)
		}
	}
	for _, c := range s.Checks {
		for _, id := range c.Needs {
			add(c.ID, id)
		}
	}
	for _, c := range s.Checks {
		if gateway != "" && s.overNetwork(c) {
			add(c.ID, gateway)
		}
	}
	return parents
}

// hangs reports whether child is parent, or has it as an ancestor; seen are those asked already.
func hangs(parents map[string][]string, child, parent string, seen map[string]bool) bool {
	if child == parent || seen[child] {
		return child == parent
	}
	seen[child] = true
	return slices.ContainsFunc(parents[child], func(p string) bool { return hangs(parents, p, parent, seen) })
}

// overNetwork reports whether the look of a check leaves the box.
func (s Store) overNetwork(c Check) bool {
	at := c.Address
	switch {
	case c.Kind == CheckGateway || c.Kind == CheckAgent:
		return false
	case c.Kind == CheckHTTP:
		_, at, _ = strings.Cut(c.URL, "://")
	case c.Kind == CheckDNS:
		at = c.Server
	case c.Kind.AsksDevice():
		d, _ := s.Device(c.Device)
		at = d.Address
	}
	host, _, _ := strings.Cut(at, "/")
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host = host[:i]
	}
	return host != "localhost" && host != "[::1]" && !strings.HasPrefix(host, "127.")
}
