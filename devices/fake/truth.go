package fake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/devices"
)

// Truth is what a device is really like, whatever it answers. It is a copy.
type Truth struct {
	Device        string
	Up            bool // it has power and has started; its link may be cut all the same
	BootID        string
	Boots         int // restarts since it was added, ordered or not
	Packages      map[string]string
	Broken        []string
	Applied       map[string]string // patches that are really on it: id -> digest of the artifacts
	Recorded      map[string]string // patches that it has recorded as done: id -> digest
	Services      map[string]bool   // whether each service runs
	RebootPending bool
	Staged        []string // digests of the artifacts that are on it in full, sorted
	Runs          []Ran    // every body that was begun, in order
	Overlap       int      // the most bodies that ever ran at once
	Connections   int      // calls that reached it
	Logins        int      // calls that offered a login
}

// Ran is one run of the body of a piece of work.
type Ran struct {
	Work     devices.WorkID
	Kind     devices.Kind
	Patch    string
	Owner    string
	Began    time.Time
	Ended    time.Time     // zero while it runs
	Phase    devices.Phase // running, or how it ended
	ExitCode int
}

// Healthy reports whether the device is up, nothing on it is broken and every service runs.
func (t Truth) Healthy() bool {
	if !t.Up || len(t.Broken) > 0 {
		return false
	}
	for _, runs := range t.Services {
		if !runs {
			return false
		}
	}
	return true
}

// Count returns how often a kind of work was begun for a patch.
func (t Truth) Count(kind devices.Kind, patch string) int {
	return t.count(func(r Ran) bool { return r.Kind == kind && r.Patch == patch })
}

// CountWork returns how often the body of this very work was begun: at most 1,
// unless the device was made to forget its claims.
func (t Truth) CountWork(id devices.WorkID) int {
	return t.count(func(r Ran) bool { return r.Work == id })
}

func (t Truth) count(fits func(Ran) bool) int {
	n := 0
	for _, r := range t.Runs {
		if fits(r) {
			n++
		}
	}
	return n
}

// Truth returns what a device is really like now. It panics on an id that was never added.
func (s *Store) Truth(device string) Truth {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.must(device)
	s.advance(s.now())
	t := Truth{
		Device: m.ID, Up: !m.off, BootID: m.bootID, Boots: m.boots,
		Packages: maps.Clone(m.packages), Broken: slices.Sorted(maps.Keys(m.broken)),
		Applied: maps.Clone(m.applied), Recorded: maps.Clone(m.recorded),
		Services: map[string]bool{}, RebootPending: m.pending,
		Staged: slices.Sorted(maps.Keys(m.staged)), Runs: slices.Clone(m.runs),
		Overlap: m.overlap, Connections: m.connections, Logins: m.logins,
	}
	for name := range m.services {
		t.Services[name] = m.serves(name)
	}
	return t
}

// Devices returns the ids of the devices in the order in which they were added.
func (s *Store) Devices() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, len(s.machines))
	for _, m := range s.sorted() {
		ids = append(ids, m.ID)
	}
	return ids
}

// Entry is one thing that really happened on a device.
type Entry struct {
	At     time.Time
	Device string
	What   What
	Patch  string
	Work   devices.WorkID
	Text   string
}

// String returns the entry as one line.
func (e Entry) String() string {
	parts := []string{e.At.UTC().Format("2006-01-02T15:04:05.000000000Z"), e.Device, string(e.What)}
	for _, part := range []string{e.Patch, string(e.Work), e.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, " ")
}

// What names what happened.
type What string

// What can happen on a device.
const (
	StagedBytes   What = "staged"         // an artifact is there in full: Text is its digest
	WorkBegan     What = "began"          // a body began: Text is its kind
	WorkEnded     What = "ended"          // it ended: Text is its kind, phase and exit code
	RebootOrdered What = "reboot-ordered" // the order to restart was taken
	Down          What = "down"           // the device lost its power or shut down: Text is why
	Up            What = "up"             // it answers again: Text is the boot id
	ServicesDown  What = "services-down"  // services went down
	SelfReverted  What = "self-reverted"  // a boot took the patch back
	ClaimsGone    What = "claims-gone"    // the device forgot the ids that it had claimed
)

// Log returns everything that happened up to now, in the order of time.
func (s *Store) Log() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.now())
	return slices.Clone(s.log)
}

// Fired is how often a scripted fault or a trouble made itself felt.
type Fired struct {
	Fault string
	Times int
}

// String returns, for example, "install hangs: 2".
func (f Fired) String() string { return fmt.Sprintf("%s: %d", f.Fault, f.Times) }

// Fired returns which faults made themselves felt, sorted by name: a campaign of
// nights asserts with it that every fault came up.
func (s *Store) Fired() []Fired {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(s.now())
	list := make([]Fired, 0, len(s.fired))
	for _, name := range slices.Sorted(maps.Keys(s.fired)) {
		list = append(list, Fired{name, s.fired[name]})
	}
	return list
}
