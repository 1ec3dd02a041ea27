package board

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
)

// Board is everything that headquarters knows of its stores now. It is a value that one goroutine
// changes at a time and that nobody changes while it is read. It is kept small: what is asked of one
// store or one device only is read from the database.
type Board struct {
	Org     string
	Stores  map[string]*Store     // by id; those that are expected and those that were heard
	Patches map[string]site.Patch // by id, as the newest plan or the catalog of headquarters has them
}

// NewBoard returns a board of an organisation without stores.
func NewBoard(org string) *Board {
	return &Board{Org: org, Stores: map[string]*Store{}, Patches: map[string]site.Patch{}}
}

// Expected is a store that headquarters should hear from, as its list of stores says.
type Expected struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Region string `json:"region,omitempty"`
}

// Store is everything known of one store. The zero values of what was never told are empty.
type Store struct {
	ID       string
	Expected *Expected // nil: it is not in the list of stores

	Contact Contact
	Streams []Stream // in the order in which they were met; the last one is the store's present one

	Info        Info
	Ready       ReadyNow
	ReadyTold   time.Time // when headquarters received it
	Verdict     VerdictTold
	VerdictAt   time.Time // since when, by the store's clock
	Catalog     run.CatalogNote
	CatalogAt   time.Time
	Nights      map[string]Night // by date; the newest ones
	Opened      map[string]NightOpened
	Windows     []Window // in the order of their dates; the newest ones
	Closed      map[string]NightClosed
	Devices     map[string]*Device
	Alerts      map[string]Alert
	Holds       map[string]site.Hold       // by device, or site.AllDevices
	Quarantines map[string]site.Quarantine // by patch
	Cached      map[string]time.Time       // digest of an artifact -> since when it is in the store
	LeftOut     *LeftOut                   // the newest look left out the whole store; nil: it did not

	leftMark Mark // of the newest look
}

// Contact is what is known about the line to a store.
type Contact struct {
	State   string    // what the retained state says: online, init, disconnected, lost; "": never heard
	Birth   uint64    // bd of the newest birth
	At      time.Time // when headquarters received the state
	Heard   time.Time // when headquarters last received anything live
	Version string    // of the program
}

// Stream is one history of a store.
type Stream struct {
	ID      string
	No      int64  // position among the streams of the store, from 1
	Stored  uint64 // every event up to here is stored, or was given up
	Highest uint64 // the newest event that is stored
	Gaps    []Span // what is missing between the two
	Lost    []Span // what was given up: the store does not have it any more
	Repeats uint64 // events that came more than once
	Last    time.Time
}

// Span is a range of sequence numbers, both ends included.
type Span struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// Device is everything known of one device of a store.
type Device struct {
	ID       string
	Gone     bool // the store took it out of its file
	Now      DeviceNow
	Observed Observed
	Jobs     []*Job    // of the patches that were ever planned there, in the order of their ids as texts
	LeftOut  []LeftOut // what the newest look left out of it, without its id; an empty Patch is the whole device
}

// Store returns the store with this id, and makes one where there is none.
func (b *Board) Store(id string) *Store {
	s, ok := b.Stores[id]
	if !ok {
		s = &Store{
			ID: id, Nights: map[string]Night{}, Opened: map[string]NightOpened{}, Closed: map[string]NightClosed{}, Devices: map[string]*Device{},
			Alerts: map[string]Alert{}, Holds: map[string]site.Hold{}, Quarantines: map[string]site.Quarantine{}, Cached: map[string]time.Time{},
		}
		b.Stores[id] = s
	}
	return s
}

// Sorted returns the stores in the order of their ids.
func (b *Board) Sorted() []*Store {
	return slices.SortedFunc(maps.Values(b.Stores), func(x, y *Store) int { return CompareIDs(x.ID, y.ID) })
}

// Device returns the device with this id, and makes one where there is none.
func (s *Store) Device(id string) *Device {
	d, ok := s.Devices[id]
	if !ok {
		same(&id)
		d = &Device{ID: id}
		s.Devices[id] = d
	}
	return d
}

// Stream returns the present stream of the store; nil when it has none yet.
func (s *Store) Stream() *Stream {
	if len(s.Streams) == 0 {
		return nil
	}
	return &s.Streams[len(s.Streams)-1]
}

// Apply takes in a fact of a store that holds instead of what was known: the caller has compared the
// marks (Fact.Replaces). received is when headquarters received it. It reports whether the fact could
// be read; one that cannot changes nothing.
func (b *Board) Apply(store string, f Fact, received time.Time) bool {
	if f.Kind == KindPatch {
		return put(f, b.Patches, f.Patch)
	}
	return b.Store(store).apply(f, received)
}

func (s *Store) apply(f Fact, received time.Time) bool {
	switch f.Kind {
	case KindInfo:
		ok := set(f, &s.Info)
		s.Info.share()
		return ok
	case KindReady:
		s.ReadyTold = received
		return set(f, &s.Ready)
	case KindVerdict:
		s.VerdictAt = f.At
		return set(f, &s.Verdict)
	case KindCatalog:
		s.CatalogAt = f.At
		return set(f, &s.Catalog)
	case KindNight:
		defer keepNewest(s.Nights)
		return put(f, s.Nights, f.Name)
	case KindNightOpened:
		return s.opened(f)
	case KindNightClosed:
		defer keepNewest(s.Closed)
		return put(f, s.Closed, f.Name)
	case KindAlert:
		return put(f, s.Alerts, f.Name)
	case KindHold:
		return put(f, s.Holds, f.Name)
	case KindQuarantine:
		return put(f, s.Quarantines, f.Patch)
	case KindCached:
		same(&f.Name)
		s.Cached[f.Name] = f.At
		return true
	case KindLeftOut:
		return s.leaveOut(f)
	}
	return s.device(f)
}

// device is apply for the kinds that speak of a device.
func (s *Store) device(f Fact) bool {
	switch f.Kind {
	case KindDevice:
		d := s.Device(f.Name)
		d.Gone = f.Body == nil
		if !d.Gone && !set(f, &d.Now) {
			return false
		}
		d.Now.share()
		return true
	case KindObserved:
		o := &s.Device(f.Name).Observed
		ok := set(f, o)
		same(&o.System)
		return ok
	case KindPackages:
		return true // only in the database
	}
	return s.Device(f.Name).Job(f.Patch).apply(f)
}

// leaveOut spreads what a look left out over the devices.
func (s *Store) leaveOut(f Fact) bool {
	var all []LeftOut
	if !set(f, &all) {
		return false
	}
	s.LeftOut, s.leftMark = nil, f.Mark
	for _, d := range s.Devices {
		d.LeftOut = nil
	}
	byDevice := map[string][]LeftOut{}
	for _, l := range all {
		if l.Device == "" {
			s.LeftOut = &l
			continue
		}
		id := l.Device
		l.Device = ""
		l.share()
		byDevice[id] = append(byDevice[id], l)
	}
	var lists [][]LeftOut // devices that are alike are left out alike, and share one list
	for id, list := range byDevice {
		n := slices.IndexFunc(lists, func(other []LeftOut) bool { return slices.Equal(other, list) })
		if n < 0 {
			n, lists = len(lists), append(lists, list)
		}
		s.Device(id).LeftOut = lists[n]
	}
	return true
}

// set reads the body of a fact into the place where the board keeps it.
func set[T any](f Fact, place *T) bool {
	v, known := f.told.(T)
	if !known && f.Body != nil && json.Unmarshal(f.Body, &v) != nil {
		return false
	}
	*place = v
	return true
}

// put is set for a place in a map; without a body the place is emptied.
func put[T any](f Fact, places map[string]T, name string) bool {
	if f.Body == nil {
		delete(places, name)
		return true
	}
	var v T
	if json.Unmarshal(f.Body, &v) != nil {
		return false
	}
	places[name] = v
	return true
}

// CompareIDs orders ids as people do: numbers in them by their value.
func CompareIDs(a, b string) int {
	for a != "" && b != "" {
		na, ra := leadingNumber(a)
		nb, rb := leadingNumber(b)
		switch {
		case na != "" && nb != "":
			if c := compareNumbers(na, nb); c != 0 {
				return c
			}
			a, b = ra, rb
		case a[0] != b[0]:
			return int(a[0]) - int(b[0])
		default:
			a, b = a[1:], b[1:]
		}
	}
	return len(a) - len(b)
}

// leadingNumber splits the digits off the front of s.
func leadingNumber(s string) (number, rest string) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[:n], s[n:]
}

// compareNumbers compares digits by their value, and equal values by their length.
func compareNumbers(a, b string) int {
	x, y := trimZeros(a), trimZeros(b)
	switch {
	case len(x) != len(y):
		return len(x) - len(y)
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return len(a) - len(b)
}

func trimZeros(s string) string {
	for len(s) > 1 && s[0] == '0' {
		s = s[1:]
	}
	return s
}
