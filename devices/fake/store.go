// Package fake is a store of simulated devices in memory. It keeps the contract
// of package devices under the clock of package time, so that a whole night runs
// in a testing/synctest bubble in no real time, and it misbehaves as told.
//
// Time passes by arithmetic: what a device did since it was last asked is worked
// out when it is asked again. There is no goroutine here and no lock is held
// while a call waits. The devices belong to the Store, not to whoever drives
// them: a runner can be thrown away in the middle and another one made over the
// same Store, as after a power cut on the box.
//
// Truth and Log tell what really happened, whatever the devices answered. The
// package decides nothing, opens no connection and touches no file.
package fake

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// Options are the settings of a Store.
type Options struct {
	// Seed decides everything that is drawn: boot ids, host keys and Skew.
	Seed uint64
	// Skew is the upper bound of a random length added to every answer and every end of a wait.
	// With a millisecond hardly two timers fall on one instant, so that a seed gives one trace.
	// 0 means that everything takes exactly what it was told to take.
	Skew time.Duration
}

// Store is a set of simulated devices and their true state. It implements
// devices.Driver and is safe for concurrent use.
type Store struct {
	// Hook, when set, is called before and after every call that has an effect on a device
	// (Stage, Start, Reboot). An error that it returns is returned by the call as it is.
	// Before: nothing has happened. After: it has happened and the caller never learns it.
	// It may block and may use the Store. Set it only while no call is under way.
	Hook func(Call) error

	opts Options

	mu       sync.Mutex // held for memory only, never while waiting
	machines map[string]*machine
	scripts  map[target]*scripted
	queue    queue
	log      []Entry
	fired    map[string]int
	hooks    int
}

var _ devices.Driver = (*Store)(nil)

// NewStore makes a store without devices.
func NewStore(opts Options) *Store {
	return &Store{
		opts:     opts,
		machines: map[string]*machine{},
		scripts:  map[target]*scripted{},
		fired:    map[string]int{},
	}
}

// Device is what a simulated device is made of. Only ID and Class are required;
// every other zero value is replaced by the default that is named.
type Device struct {
	ID           string
	Class        site.Class
	HostKey      string            // what it answers with; default: one drawn from the seed
	System       string            // default "Simulated Linux 1"
	Packages     map[string]string // installed packages: name -> version
	Broken       []string          // packages that are half-configured from the beginning
	Services     []string          // services that run as long as nothing stops them
	Failing      []string          // commands, words joined by a space, that exit with 1; "false" always does
	DiskSize     int64             // bytes, default 64 GiB
	DiskFree     int64             // bytes, default half of DiskSize
	ClockOffset  time.Duration     // what its clock is ahead of the box's
	NoRights     bool              // the login may not become root
	Latency      time.Duration     // there and back, of every call
	Bandwidth    int64             // of staging in bytes a second, default 100 MiB
	GateTakes    time.Duration     // default 1 s
	InstallTakes time.Duration     // default: what the patch estimates, else 1 min
	VerifyTakes  time.Duration     // of verify and prove; default: what the patch estimates, else 10 s
	RevertTakes  time.Duration     // default: what the patch estimates, else 1 min
	Power        *site.Power       // nil: it has no battery
	RebootTakes  time.Duration     // from power off to an answer; default: the estimate of the patch installed last, else 2 min
}

// Add puts a running device into the store and returns it as a store file would
// name it, enrolled with its host key. It panics when the id is in use: that is
// a mistake in the test.
func (s *Store) Add(d Device) site.Device {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.machines[d.ID]; ok {
		panic("fake: the device " + d.ID + " is added twice")
	}
	m := newMachine(s, d, len(s.machines))
	s.machines[d.ID] = m
	m.boot(s.now())
	return site.Device{ID: m.ID, Class: m.Class, Address: m.ID + ".fake:22", User: "patch", HostKey: m.HostKey}
}

// Call is one moment at which a test can let the box crash.
type Call struct {
	N        int // counts the calls of Hook over the life of the Store, from 1
	When     When
	Op       Op
	Device   string
	Work     devices.WorkID // start and reboot
	Kind     devices.Kind   // start
	Patch    string         // start
	Artifact string         // stage: the digest
}

// String returns the call for the name of a test, for example "before start n1-install".
func (c Call) String() string {
	subject := string(c.Work)
	if c.Op == OpStage {
		subject = c.Artifact
	}
	return fmt.Sprintf("%s %s %s on %s", c.When, c.Op, subject, c.Device)
}

// When says on which side of the effect a Call is.
type When string

// The two sides of an effect.
const (
	Before When = "before"
	After  When = "after"
)

// Op is a call that has an effect on a device.
type Op string

// The calls that have an effect.
const (
	OpStage  Op = "stage"
	OpStart  Op = "start"
	OpReboot Op = "reboot"
)

// around runs an effect between the two moments of the hook. The second one
// comes only after an effect that went well.
func (s *Store) around(c Call, effect func() error) error {
	c.When = Before
	if err := s.hook(c); err != nil {
		return err
	}
	if err := effect(); err != nil {
		return err
	}
	c.When = After
	return s.hook(c)
}

func (s *Store) hook(c Call) error {
	s.mu.Lock()
	s.hooks++
	c.N = s.hooks
	s.mu.Unlock()
	if s.Hook == nil {
		return nil
	}
	return s.Hook(c)
}

// now is the time without its monotonic part, so that times of two runs compare with ==.
func (s *Store) now() time.Time { return time.Now().Round(0) }

// must returns the device or panics: the id comes from the test itself.
func (s *Store) must(id string) *machine {
	m, ok := s.machines[id]
	if !ok {
		panic("fake: there is no device " + id)
	}
	return m
}

// sorted returns the devices in the order in which they were added.
func (s *Store) sorted() []*machine {
	list := make([]*machine, 0, len(s.machines))
	for _, m := range s.machines {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *machine) int { return a.index - b.index })
	return list
}

// source makes the generator of one device: what it draws depends on nothing but the seed and its id.
func source(seed uint64, id string) *rand.Rand {
	sum := digest(fmt.Sprintf("%d|%s", seed, id))
	return rand.New(rand.NewPCG(seed, beUint64(sum)))
}
