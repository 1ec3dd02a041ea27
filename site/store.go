package site

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site/window"
)

// Store is one shop as its store file describes it. It is immutable once read.
type Store struct {
	ID         string          `json:"id"`
	Org        string          `json:"org"`
	Name       string          `json:"name"`
	Ring       Ring            `json:"ring"`
	Language   string          `json:"language"`
	Calendar   window.Calendar `json:"-"`
	Devices    []Device        `json:"devices"`
	Groups     []Group         `json:"groups"`
	Floor      map[string]int  `json:"floor,omitempty"` // capability -> devices that must have it for the store to trade
	Checks     []Check         `json:"checks,omitempty"`
	Contacts   []Contact       `json:"contacts,omitempty"`
	Escalation []Escalation    `json:"escalation,omitempty"` // who is told of what lasts
	Mode       Mode            `json:"mode,omitempty"`       // "" means OneByOne
}

// FullID is the organisation and the id, like acme/0142: no two stores have the same.
func (s Store) FullID() string { return s.Org + "/" + s.ID }

// Mode is how the patches that one device gets in a night are put on.
type Mode string

// The modes. OneByOne proves each patch before the next is begun. Bundle puts them all on,
// restarts once and proves them together; one that breaks is taken back and halved until
// the guilty patch is found.
const (
	OneByOne Mode = "one-by-one"
	Bundle   Mode = "bundle"
)

// Device returns the device with this id.
func (s Store) Device(id string) (Device, bool) {
	for _, d := range s.Devices {
		if d.ID == id {
			return d, true
		}
	}
	return Device{}, false
}

// Group returns the group with this id.
func (s Store) Group(id string) (Group, bool) {
	for _, g := range s.Groups {
		if g.ID == id {
			return g, true
		}
	}
	return Group{}, false
}

// Ring is how far a patch has been released. A store of a ring takes what is
// released to its own ring or to a later one: lab, then pilot, then fleet.
type Ring string

// The rings, in the order in which a patch passes through them.
const (
	RingLab   Ring = "lab"
	RingPilot Ring = "pilot"
	RingFleet Ring = "fleet"
)

// Order is the position of a ring, from 1 (lab) to 3 (fleet), and 0 for a name that is no ring.
func (r Ring) Order() int {
	switch r {
	case RingLab:
		return 1
	case RingPilot:
		return 2
	case RingFleet:
		return 3
	}
	return 0
}

// Takes reports whether a store of ring r takes a patch released to ring to:
// a lab store takes everything released, a fleet store only what reached the fleet.
func (r Ring) Takes(to Ring) bool { return to.Order() > 0 && r.Order() > 0 && to.Order() >= r.Order() }

// Class is the kind of a device: it chooses the driver.
type Class string

// The classes of device.
const (
	LinuxServer   Class = "linux-server"
	WindowsServer Class = "windows-server"
	Handheld      Class = "handheld"
	Observe       Class = "observe" // looked at over the network, never logged in to, never changed
)

// Device is something in the store that can be patched or is watched.
type Device struct {
	ID           string   `json:"id"`
	Class        Class    `json:"class"`
	Model        string   `json:"model,omitempty"`   // what machine it is, such as hp-rp5810; devices of one model take equally long
	Address      string   `json:"address,omitempty"` // host:port of its SSH server
	User         string   `json:"user,omitempty"`
	HostKey      string   `json:"host_key,omitempty"` // pinned: "ssh-ed25519 AAAA..."; empty = not enrolled, never contacted with credentials
	Groups       []string `json:"groups,omitempty"`
	Capabilities []string `json:"capabilities,omitempty"`
	Role         Role     `json:"role,omitempty"`
	Asset        *Asset   `json:"asset,omitempty"` // what an inventory says of it; nil: the file says nothing
}

// Asset is what an inventory says of a device: Nightfill shows it and decides nothing by it. An empty
// field is one that the store file does not tell.
type Asset struct {
	ID       string      `json:"id,omitempty"` // in the inventory of the organisation
	Make     string      `json:"make,omitempty"`
	Serial   string      `json:"serial,omitempty"`
	Location string      `json:"location,omitempty"` // in the store
	Function string      `json:"function,omitempty"`
	Owner    string      `json:"owner,omitempty"`
	Scope    Scope       `json:"pci_scope,omitempty"`
	Support  window.Date `json:"support_ends,omitzero"` // the last day on which its maker supports it
}

// Scope is how a device stands to the data of card holders (PCI DSS).
type Scope string

// The scopes.
const (
	ScopeCDE       Scope = "cde"       // in the environment of card data
	ScopeConnected Scope = "connected" // connected to it
	ScopeSecurity  Scope = "security"  // has a say in its security
	ScopeOut       Scope = "out"
	ScopePOI       Scope = "poi" // a point of interaction: it reads cards
)

// Scopes are all scopes.
func Scopes() []Scope { return []Scope{ScopeCDE, ScopeConnected, ScopeSecurity, ScopeOut, ScopePOI} }

// Role says which device of a redundant pair does the work. The secondaries of a group are
// patched before its primaries, and a primary is never away together with a secondary.
type Role string

// The roles. A device without one is no part of a pair.
const (
	Primary   Role = "primary"
	Secondary Role = "secondary"
)

// Partners reports whether the two roles are those of a redundant pair.
func (r Role) Partners(other Role) bool { return r != "" && other != "" && r != other }

// ModelOrClass names the devices whose durations are learned together: those of one model, or those
// of a class that have none.
func (d Device) ModelOrClass() string {
	if d.Model != "" {
		return d.Model
	}
	return string(d.Class)
}

// Patchable reports whether Nightfill may change the device at all.
func (d Device) Patchable() bool { return d.Class != Observe }

// Group says how many of its devices may be away at once, and what goes before what.
type Group struct {
	ID      string   `json:"id"`
	MinUp   int      `json:"min_up,omitempty"`   // never fewer than this many working devices; 0 = no floor
	MaxDown Limit    `json:"max_down,omitempty"` // at most this many away at once; zero = no limit
	Canary  bool     `json:"canary,omitempty"`   // one device first, the rest only after it is verified
	Before  []string `json:"before,omitempty"`   // groups that wait until this one is finished
}

// Limit is a number of devices or a share of a group, written "2" or "50%".
// The zero value is no limit.
type Limit struct {
	Count   int
	Percent int
}

// Of returns how many of n devices the limit allows. A share is rounded down,
// but never below one: a limit slows a night, it does not forbid it.
func (l Limit) Of(n int) int {
	switch {
	case l.Count > 0:
		return l.Count
	case l.Percent > 0:
		return max(1, n*l.Percent/100)
	}
	return n
}

// IsZero reports whether there is no limit.
func (l Limit) IsZero() bool { return l == Limit{} }

// String returns the text form, "" for no limit.
func (l Limit) String() string {
	switch {
	case l.Percent > 0:
		return strconv.Itoa(l.Percent) + "%"
	case l.Count > 0:
		return strconv.Itoa(l.Count)
	}
	return ""
}

// MarshalText implements encoding.TextMarshaler.
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Limit) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" {
		*l = Limit{}
		return nil
	}
	number, percent := strings.CutSuffix(s, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || (percent && n > 100) {
		return fmt.Errorf("%q is not a limit: write a number of devices like 2, or a share like 50%%", s)
	}
	*l = Limit{Count: n}
	if percent {
		*l = Limit{Percent: n}
	}
	return nil
}

// Contact is a person or desk that the pages and alerts name.
type Contact struct {
	Name   string   `json:"name"`
	Phone  string   `json:"phone"`
	For    []string `json:"for,omitempty"`
	Notice Duration `json:"notice,omitempty"` // how long before a night this contact is told of it
}

// Hold is a person's word that a device, or every device, is left alone until a time.
type Hold struct {
	Device string    `json:"device"` // an id, or AllDevices
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
	Actor  string    `json:"actor"`
}

// AllDevices is the name of a hold of the whole store.
const AllDevices = "all"
