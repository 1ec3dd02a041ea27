package fake

import (
	"time"

	"github.com/nightfill/nightfill/site"
)

// Trouble is something that befalls a device by the clock, whatever is being done to it.
type Trouble struct {
	Kind  TroubleKind
	From  time.Time     // zero = from the beginning
	To    time.Time     // not included; zero = for ever
	Up    time.Duration // flapping: how long it answers, first
	Down  time.Duration // flapping: how long it does not, then
	Owner string        // lock_held: who holds the lock
	Patch string        // gate_closed: only this patch; "" = every patch
	Check string        // check_fails: the id of the check; "" = every check
	Delay time.Duration // slow: added to every call
	// Battery is the charge in percent of a device that is on_battery or undocked; 0 = as it was added.
	Battery int
}

// TroubleKind names a kind of Trouble.
type TroubleKind string

// The kinds of trouble.
const (
	NoAnswer     TroubleKind = "no_answer"     // the link is cut; work that runs goes on
	Flapping     TroubleKind = "flapping"      // the link comes and goes
	PowerOff     TroubleKind = "power_off"     // the power fails at From and is back at To; then the device starts
	OtherKey     TroubleKind = "other_key"     // another device answers at its address
	LoginRefused TroubleKind = "login_refused" // its key is right, the login is refused
	LockHeld     TroubleKind = "lock_held"     // Owner works on the device
	DiskFull     TroubleKind = "disk_full"     // no room is left
	GateClosed   TroubleKind = "gate_closed"   // business is not finished
	CheckFails   TroubleKind = "check_fails"   // a readiness check fails, whatever the device is like
	ClaimsLost   TroubleKind = "claims_lost"   // at From the device forgets every id that it claimed and is not working on
	OnBattery    TroubleKind = "on_battery"    // its charger has no power; a device without a battery does not notice
	Undocked     TroubleKind = "undocked"      // it is off its dock and so on its battery; a device without a battery does not notice
	Slow         TroubleKind = "slow"          // every call takes Delay longer
)

// Trouble adds a trouble to a device. A power cut or a loss of claims whose time
// is over happens at once.
func (s *Store) Trouble(device string, t Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.must(device)
	s.advance(s.now())
	s.befall(m, t)
}

func (s *Store) befall(m *machine, t Trouble) {
	now := s.now()
	if t.From.IsZero() {
		t.From = m.added
	}
	m.troubles = append(m.troubles, t)
	begin := latest(t.From, now)
	switch t.Kind {
	case PowerOff:
		s.at(begin, m, func(at time.Time) {
			s.fired[string(PowerOff)]++
			m.down(at, "power cut")
			if !t.To.IsZero() {
				m.later(latest(t.To, at), func(at time.Time) { m.comeUp(at, s.nextBoot(m)) })
			}
		})
	case ClaimsLost:
		s.at(begin, m, func(at time.Time) {
			s.fired[string(ClaimsLost)]++
			m.forget(at)
		})
	}
	s.advance(now)
}

// Cut cuts the link of a device now, until Heal.
func (s *Store) Cut(device string) {
	s.Trouble(device, Trouble{Kind: NoAnswer, From: s.now()})
}

// Heal ends every cut and flapping of the link of a device now.
func (s *Store) Heal(device string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, now := s.must(device), s.now()
	for i, t := range m.troubles {
		if (t.Kind == NoAnswer || t.Kind == Flapping) && t.on(now) {
			m.troubles[i].To = now
		}
	}
}

// PowerCycle cuts the power of a device now and restores it at once: the device
// starts and answers again after its usual time.
func (s *Store) PowerCycle(device string) {
	now := s.now()
	s.Trouble(device, Trouble{Kind: PowerOff, From: now, To: now})
}

// on reports whether the trouble holds at a moment.
func (t Trouble) on(now time.Time) bool {
	return !now.Before(t.From) && (t.To.IsZero() || now.Before(t.To))
}

// trouble returns the first trouble of a kind that holds now and that fits.
func (m *machine) trouble(kind TroubleKind, now time.Time, fits func(Trouble) bool) (Trouble, bool) {
	for _, t := range m.troubles {
		if t.Kind == kind && t.on(now) && (fits == nil || fits(t)) {
			m.store.fired[string(kind)]++
			return t, true
		}
	}
	return Trouble{}, false
}

// cutWithin returns the first moment from a to b, both included, at which a trouble cuts the link.
func (m *machine) cutWithin(a, b time.Time) (time.Time, bool) {
	var first time.Time
	for _, t := range m.troubles {
		at, ok := t.cutWithin(a, b)
		if ok && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first, !first.IsZero()
}

func (t Trouble) cutWithin(a, b time.Time) (time.Time, bool) {
	at := latest(a, t.From)
	switch t.Kind {
	case NoAnswer:
	case Flapping:
		period := t.Up + t.Down
		if period <= 0 {
			return at, false
		}
		if phase := at.Sub(t.From) % period; phase < t.Up {
			at = at.Add(t.Up - phase)
		}
	default:
		return at, false
	}
	return at, !at.After(b) && t.on(at)
}

// silent reports whether the device gives no answer at all now.
func (m *machine) silent(now time.Time) bool {
	if m.off {
		return true
	}
	for _, t := range m.troubles {
		if _, cut := t.cutWithin(now, now); cut {
			m.store.fired[string(t.Kind)]++
			return true
		}
	}
	return false
}

// lostSince returns when a connection that stood at a moment was lost, if it was.
func (m *machine) lostSince(from, now time.Time) (time.Time, bool) {
	at, cut := m.cutWithin(from, now)
	if m.downAt.After(from) && (!cut || m.downAt.Before(at)) {
		return m.downAt, true
	}
	return at, cut
}

// presents returns the host key with which somebody answers at the device's address.
func (m *machine) presents(now time.Time) string {
	if _, other := m.trouble(OtherKey, now, nil); !other {
		return m.HostKey
	}
	if m.stranger == "" {
		m.stranger = keyOf(m.store.opts.Seed, "stranger at "+m.ID)
	}
	return m.stranger
}

// enrolled reports whether the box may contact the device with credentials. Handhelds
// connect to the box, so that their entry needs no key.
func enrolled(d site.Device) bool { return d.HostKey != "" || d.Class == site.Handheld }

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
