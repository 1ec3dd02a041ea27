package fake

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// The defaults of a Device.
const (
	defaultDisk      = 64 << 30
	defaultBandwidth = 100 << 20
	shutdown         = 2 * time.Second // from the order to restart to power off
)

// machine is the true state of a device.
type machine struct {
	Device
	store *Store
	index int
	added time.Time
	draw  *rand.Rand

	off     bool
	leaving bool      // it shuts down for a restart that was ordered
	cycle   int       // grows with every loss of power and every start: what was planned before is void
	boots   int       // starts since it was added, the first one not counted
	bootID  string    // of this boot
	upSince time.Time // when it came up
	downAt  time.Time // when it went down last

	packages map[string]string
	broken   map[string]bool
	applied  map[string]string // patches really on it: id -> digest
	recorded map[string]string // patches recorded as done: id -> digest
	services map[string]bool   // every service that it ever had
	stopped  map[stop]bool
	dying    map[string]dying    // patches whose services go down after each boot
	priors   map[string][]prior  // what was there before a patch
	ailing   map[string][]string // what did not work before a patch
	pending  bool                // it wants a restart
	armed    *site.Patch         // installed last, and not restarted since

	staged   map[string]int64 // digest -> size
	partial  map[string]*transfer
	used     int64
	jobs     map[devices.WorkID]*job
	active   []*job         // work whose body runs, in the order in which it was begun
	damaged  map[string]int // stagings yet to fail: digest, or "" for any -> how many
	runs     []Ran
	overlap  int
	troubles []Trouble
	stranger string // the host key of whoever answers in its place; made when somebody does

	connections, logins int
}

// stop is a reason why a service is down. Service "" stands for everything that is
// not a service (an address, a command), cause is a patch or causeBoot.
type stop struct{ service, cause string }

const causeBoot = "(boot)"

type dying struct {
	patch site.Patch
	after time.Duration
}

// prior is what a package was before a patch.
type prior struct {
	name, version string
	installed     bool
	broken        bool
}

func newMachine(s *Store, d Device, index int) *machine {
	if d.HostKey == "" {
		d.HostKey = keyOf(s.opts.Seed, d.ID)
	}
	d.System = pick(d.System, "Simulated Linux 1")
	d.DiskSize = pick(d.DiskSize, max(defaultDisk, 2*d.DiskFree))
	d.DiskFree = pick(d.DiskFree, d.DiskSize/2)
	d.Bandwidth = pick(d.Bandwidth, defaultBandwidth)
	d.GateTakes = pick(d.GateTakes, time.Second)
	m := &machine{
		Device: d, store: s, index: index, added: s.now(), draw: source(s.opts.Seed, d.ID),
		packages: map[string]string{}, broken: map[string]bool{}, applied: map[string]string{},
		recorded: map[string]string{}, services: map[string]bool{}, stopped: map[stop]bool{},
		dying: map[string]dying{}, priors: map[string][]prior{}, ailing: map[string][]string{}, staged: map[string]int64{},
		partial: map[string]*transfer{}, damaged: map[string]int{}, jobs: map[devices.WorkID]*job{}, boots: -1,
	}
	maps.Copy(m.packages, d.Packages)
	for _, name := range d.Broken {
		delete(m.packages, name)
		m.broken[name] = true
	}
	for _, name := range d.Services {
		m.services[name] = true
	}
	return m
}

// free returns the bytes that are free.
func (m *machine) free(now time.Time) int64 {
	if _, full := m.trouble(DiskFull, now, nil); full {
		return 0
	}
	return max(0, m.DiskFree-m.used)
}

// serves reports whether a service runs. One that the device never had does not.
func (m *machine) serves(name string) bool {
	if m.off || !m.services[name] {
		return false
	}
	for s := range m.stopped {
		if s.service == name {
			return false
		}
	}
	return true
}

// hurt reports whether anything at all is stopped.
func (m *machine) hurt() bool { return len(m.stopped) > 0 }

// halt stops the services that the patch verifies, all of them if it names none.
func (m *machine) halt(p site.Patch, cause string, at time.Time) {
	names := servicesOf(p)
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(m.services))
	}
	m.stopped[stop{"", cause}] = true
	for _, name := range names {
		m.stopped[stop{name, cause}] = true
	}
	m.note(at, ServicesDown, p.ID, "", fmt.Sprint(names))
}

// heal takes away every stop with this cause.
func (m *machine) heal(cause string) {
	maps.DeleteFunc(m.stopped, func(s stop, _ bool) bool { return s.cause == cause })
}

// observe is what an honest look at the device finds.
func (m *machine) observe(now time.Time) site.Observation {
	return site.Observation{
		Device:        m.ID,
		At:            now,
		BootID:        m.bootID,
		Uptime:        site.Duration(now.Sub(m.upSince)),
		Clock:         now.Add(m.ClockOffset),
		System:        m.System,
		Packages:      maps.Clone(m.packages),
		Broken:        slices.Sorted(maps.Keys(m.broken)),
		Recorded:      maps.Clone(m.recorded),
		DiskFree:      m.free(now),
		RebootPending: m.pending,
		Power:         m.power(now),
	}
}

// power is how the device stands with its battery and its dock.
func (m *machine) power(now time.Time) *site.Power {
	if m.Power == nil {
		return nil
	}
	p := *m.Power
	for _, kind := range []TroubleKind{OnBattery, Undocked} {
		t, holds := m.trouble(kind, now, nil)
		if !holds {
			continue
		}
		p.OnMains, p.Battery = false, pick(t.Battery, p.Battery)
		if kind == Undocked {
			docked := false
			p.Docked = &docked
		}
	}
	return &p
}

// skew draws the random part of a wait.
func (m *machine) skew() time.Duration {
	if m.store.opts.Skew <= 0 {
		return 0
	}
	return time.Duration(m.draw.Int64N(int64(m.store.opts.Skew)))
}

func (m *machine) note(at time.Time, what What, patch string, work devices.WorkID, text string) {
	m.store.log = append(m.store.log, Entry{At: at, Device: m.ID, What: what, Patch: patch, Work: work, Text: text})
}

func servicesOf(p site.Patch) []string {
	var names []string
	for _, v := range p.Verify {
		if v.Service != "" {
			names = append(names, v.Service)
		}
	}
	return names
}

// pick returns v, and otherwise when v is zero.
func pick[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func digest(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

func beUint64(sum [sha256.Size]byte) uint64 { return binary.BigEndian.Uint64(sum[:8]) }

// uuid is text in the shape of a random boot id.
func uuid(text string) string {
	sum := digest(text)
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// keyOf is a host key in the form of a store file, for ever the same for a seed and a name.
func keyOf(seed uint64, name string) string {
	sum := digest(fmt.Sprintf("%d|key|%s", seed, name))
	pub := ed25519.NewKeyFromSeed(sum[:]).Public().(ed25519.PublicKey)
	var wire []byte
	for _, part := range [][]byte{[]byte("ssh-ed25519"), pub} {
		wire = binary.BigEndian.AppendUint32(wire, uint32(len(part)))
		wire = append(wire, part...)
	}
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(wire)
}
