package fake

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// Silence is how long a call waits for a device that gives no answer, unless its context ends sooner.
const Silence = 15 * time.Second

// errSilent is what a call finds that gets no answer, before the wait for one is over.
var errSilent = errors.New("no answer")

// errand is one call on its way to a device.
type errand struct {
	what   string // for errors, for example "start n1 on srv-1"
	device site.Device
	root   bool // the login must be able to become root
	// act is done under the store's lock when the device has accepted the login.
	act func(m *machine, now time.Time) error
}

// validID is what makes a work id safe as a file name on any device.
var validID = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,127}$`)

func checkID(id devices.WorkID) error {
	if !validID.MatchString(string(id)) {
		return fmt.Errorf("%q is not a work id: lower-case letters, digits, dot and hyphen only", id)
	}
	return nil
}

// run carries out an errand: half of the latency there, the act, half of it back.
func (s *Store) run(ctx context.Context, e errand) error {
	if err := refuse(e.device); err != nil {
		return fmt.Errorf("cannot %s: %w", e.what, err)
	}
	half, err := s.travel(ctx, e)
	if err != nil {
		return err
	}
	arrived, err := s.arrive(e)
	if err == nil {
		if err := wait(ctx, half); err != nil {
			return fmt.Errorf("cannot %s: its answer did not come: %w", e.what, err)
		}
		_, err = s.stillThere(e.device.ID, arrived)
	}
	return s.explain(ctx, e, err)
}

// refuse says why the box must not even contact a device.
func refuse(d site.Device) error {
	switch {
	case d.Class == site.Observe:
		return devices.Failure(site.CodeObserveOnly, "%s is only watched and never logged in to", d.ID)
	case !enrolled(d):
		return devices.Failure(site.CodeNotEnrolled, "%s has no pinned host key: enrol it first", d.ID)
	}
	return nil
}

// travel waits half of the latency and returns the other half.
func (s *Store) travel(ctx context.Context, e errand) (time.Duration, error) {
	s.mu.Lock()
	half := s.latency(e.device.ID) / 2
	s.mu.Unlock()
	if err := wait(ctx, half); err != nil {
		return 0, fmt.Errorf("cannot %s: %w", e.what, err)
	}
	return half, nil
}

func (s *Store) latency(id string) time.Duration {
	m, ok := s.machines[id]
	if !ok {
		return 0
	}
	slow, _ := m.trouble(Slow, s.now(), nil)
	return m.Latency + slow.Delay + m.skew()
}

// arrive does the act if the device answers, with the right key, and lets the box in.
func (s *Store) arrive(e errand) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.advance(now)
	m, ok := s.machines[e.device.ID]
	if !ok || m.silent(now) {
		return now, errSilent
	}
	m.connections++
	if e.device.HostKey != "" && m.presents(now) != e.device.HostKey {
		return now, devices.Failure(site.CodeIdentity, "%s answers with another host key than the pinned one: nothing was sent; compare the keys before you enrol it again", m.ID)
	}
	m.logins++
	if _, refused := m.trouble(LoginRefused, now, nil); refused {
		return now, devices.Failure(site.CodeAuth, "%s refuses the login %q: check the account and the box's key on it", m.ID, e.device.User)
	}
	if e.root && m.NoRights {
		return now, devices.Failure(site.CodeNoRights, "%s does not let %q become root", m.ID, e.device.User)
	}
	return now, e.act(m, now)
}

// stillThere returns now, or when and that a connection made at a moment was lost.
func (s *Store) stillThere(id string, since time.Time) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.advance(now)
	if at, lost := s.machines[id].lostSince(since, now); lost {
		return at, errSilent
	}
	return now, nil
}

// explain turns what an errand found into the error of the call. A silent device is waited for first.
func (s *Store) explain(ctx context.Context, e errand, err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, errSilent) {
		return fmt.Errorf("cannot %s: %w", e.what, err)
	}
	if err := wait(ctx, Silence); err != nil {
		return fmt.Errorf("cannot %s: it gives no answer: %w", e.what, err)
	}
	return fmt.Errorf("cannot %s: it gives no answer", e.what)
}

// wait lets time pass. When the context ends at the very same moment, the context wins.
func wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !deadline.After(time.Now().Add(d)) {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Probe implements devices.Driver.
func (s *Store) Probe(ctx context.Context, d site.Device) (site.Observation, error) {
	var seen site.Observation
	err := s.run(ctx, errand{what: "look at " + d.ID, device: d, act: func(m *machine, now time.Time) error {
		seen = m.observe(now)
		return nil
	}})
	if err != nil {
		return site.Observation{}, err
	}
	return seen, nil
}

// Start implements devices.Driver.
func (s *Store) Start(ctx context.Context, d site.Device, w devices.Work) error {
	call := Call{Op: OpStart, Device: d.ID, Work: w.ID, Kind: w.Kind, Patch: w.Patch.ID}
	e := errand{what: fmt.Sprintf("start %s on %s", w.ID, d.ID), device: d, root: true}
	e.act = func(m *machine, now time.Time) error { return m.claim(w, now) }
	if err := checkID(w.ID); err != nil {
		return fmt.Errorf("cannot %s: %w", e.what, err)
	}
	return s.around(call, func() error { return s.run(ctx, e) })
}

// Reboot implements devices.Driver. It is refused with CodeBusy while work runs on the device.
func (s *Store) Reboot(ctx context.Context, d site.Device, id devices.WorkID) error {
	e := errand{what: fmt.Sprintf("restart %s", d.ID), device: d, root: true}
	e.act = func(m *machine, now time.Time) error { return m.order(id, now) }
	if err := checkID(id); err != nil {
		return fmt.Errorf("cannot %s: %w", e.what, err)
	}
	return s.around(Call{Op: OpReboot, Device: d.ID, Work: id}, func() error { return s.run(ctx, e) })
}

// Status implements devices.Driver. It waits for the end of work that runs: up to
// devices.StatusWait and up to half of what the context leaves.
func (s *Store) Status(ctx context.Context, d site.Device, id devices.WorkID) (devices.Progress, error) {
	var p devices.Progress
	var left, skew time.Duration
	var asked time.Time
	e := errand{what: "ask " + d.ID + " about " + string(id), device: d}
	e.act = func(m *machine, now time.Time) error {
		p, left = m.progress(id, now)
		asked, skew = now, m.skew()
		return nil
	}
	if err := s.run(ctx, e); err != nil {
		return devices.Progress{}, err
	}
	if p.Phase != devices.PhaseRunning {
		return p, nil
	}
	if err := wait(ctx, patience(ctx, asked, left)+skew); err != nil {
		return devices.Progress{}, fmt.Errorf("cannot %s: %w", e.what, err)
	}
	if _, err := s.stillThere(d.ID, asked); err != nil {
		return devices.Progress{}, s.explain(ctx, e, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p, _ = s.machines[d.ID].progress(id, s.now())
	return p, nil
}

// patience is how long a Status waits for work that will run for so long yet (negative: not known).
func patience(ctx context.Context, asked time.Time, left time.Duration) time.Duration {
	limit := devices.StatusWait
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/2)
	}
	if left < 0 {
		return limit
	}
	return min(limit, max(0, time.Until(asked.Add(left))))
}
