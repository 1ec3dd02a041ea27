package fake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/nightfill/nightfill/devices"
	"github.com/nightfill/nightfill/site"
)

// chunk is how much of an artifact is read between two looks at the link.
const chunk = 1 << 20

// Weightless is the content of any artifact, for simulated nights with gigabytes:
// Stage takes the time that the artifact's size needs, takes the digest for
// right and reads nothing.
type Weightless struct{}

// ReadAt refuses: there is nothing to read.
func (Weightless) ReadAt([]byte, int64) (int, error) {
	return 0, errors.New("cannot read a weightless artifact: it has a size and no bytes")
}

// Close does nothing.
func (Weightless) Close() error { return nil }

// transfer is what a device has of an artifact so far.
type transfer struct {
	have int64
	sum  hash.Hash // of the bytes so far
}

// Stage implements devices.Driver. Bytes that arrived before the link broke stay
// on the device, and the next Stage reads only the rest.
func (s *Store) Stage(ctx context.Context, d site.Device, a site.Artifact, bytes io.ReaderAt) error {
	return s.around(Call{Op: OpStage, Device: d.ID, Artifact: a.SHA256}, func() error { return s.stage(ctx, d, a, bytes) })
}

func (s *Store) stage(ctx context.Context, d site.Device, a site.Artifact, bytes io.ReaderAt) error {
	var t *transfer
	var began time.Time
	var takes time.Duration
	e := errand{what: fmt.Sprintf("stage %s on %s", a.Name, d.ID), device: d, root: true}
	e.act = func(m *machine, now time.Time) error {
		var err error
		if t, err = m.receive(a, now); t != nil {
			began, takes = now, m.sending(a.Size-t.have)
		}
		return err
	}
	if err := s.run(ctx, e); err != nil || t == nil {
		s.keep(d.ID, a, t)
		return err
	}
	err := s.send(ctx, d, a, bytes, t, began, takes)
	return s.explain(ctx, e, err)
}

// receive makes a device ready for the rest of an artifact; nil when it has all of it.
// Until keep the transfer belongs to the call, so that two calls never share one.
func (m *machine) receive(a site.Artifact, now time.Time) (*transfer, error) {
	if _, ok := m.staged[a.SHA256]; ok {
		return nil, nil
	}
	t := m.partial[a.SHA256]
	if t == nil {
		t = &transfer{sum: sha256.New()}
	}
	if need, free := a.Size-t.have, m.free(now); need > free {
		return nil, devices.Failure(site.CodeDiskFull, "%s has %d bytes free and %s needs %d", m.ID, free, a.Name, need)
	}
	delete(m.partial, a.SHA256)
	m.used -= t.have
	return t, nil
}

// sending is how long so many bytes are on their way.
func (m *machine) sending(n int64) time.Duration {
	return time.Duration(float64(n)/float64(m.Bandwidth)*float64(time.Second)) + m.skew()
}

// send lets the time of the transfer pass and then reads what got through in it.
func (s *Store) send(ctx context.Context, d site.Device, a site.Artifact, bytes io.ReaderAt, t *transfer, began time.Time, takes time.Duration) error {
	waited := s.waitForLink(ctx, d.ID, began, takes)
	until, lost := s.stillThere(d.ID, began)
	through := a.Size
	if waited != nil || lost != nil {
		through = t.have + min(a.Size-t.have, int64(float64(a.Size-t.have)*until.Sub(began).Seconds()/max(takes.Seconds(), 1e-9)))
	}
	err := s.read(d.ID, a, bytes, t, through, began)
	if err = errors.Join(lost, waited, err); err != nil {
		s.keep(d.ID, a, t)
		return first(lost, waited, err)
	}
	return s.complete(d.ID, a, t, bytes)
}

// first returns the first error that is one.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// waitForLink waits until a transfer is over, or until the link is known to break.
func (s *Store) waitForLink(ctx context.Context, id string, began time.Time, takes time.Duration) error {
	s.mu.Lock()
	end := began.Add(takes)
	if at, cut := s.machines[id].cutWithin(began, end); cut {
		end = at
	}
	s.mu.Unlock()
	return wait(ctx, time.Until(end))
}

// read takes bytes from the box up to an offset. It stops when the link breaks meanwhile.
func (s *Store) read(id string, a site.Artifact, bytes io.ReaderAt, t *transfer, to int64, began time.Time) error {
	if _, ok := bytes.(Weightless); ok {
		t.have = max(t.have, to)
		return nil
	}
	buffer := make([]byte, min(chunk, max(0, to-t.have)))
	for t.have < to {
		part := buffer[:min(int64(len(buffer)), to-t.have)]
		n, err := bytes.ReadAt(part, t.have)
		t.sum.Write(part[:n])
		t.have += int64(n)
		if n < len(part) {
			return fmt.Errorf("the box has only %d of its %d bytes: %w", t.have, a.Size, err)
		}
		if _, err := s.stillThere(id, began); err != nil {
			return err
		}
	}
	return nil
}

// keep leaves what arrived on the device.
func (s *Store) keep(id string, a site.Artifact, t *transfer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.machines[id]
	if !ok || t == nil {
		return
	}
	old := m.partial[a.SHA256]
	if old != nil && old.have >= t.have {
		return
	}
	if old != nil {
		m.used -= old.have
	}
	m.partial[a.SHA256] = t
	m.used += t.have
}

// complete compares the device's own digest. Bytes that are not the artifact are thrown away.
func (s *Store) complete(id string, a site.Artifact, t *transfer, bytes io.ReaderAt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, now := s.machines[id], s.now()
	got := hex.EncodeToString(t.sum.Sum(nil))
	if _, ok := bytes.(Weightless); ok {
		got = a.SHA256
	}
	if m.damage(a) {
		sum := digest(a.SHA256 + "damaged")
		got = hex.EncodeToString(sum[:])
	}
	if got != a.SHA256 {
		return devices.Failure(site.CodeStageFailed, "%s arrived with the digest %.12s instead of %.12s: what arrived was thrown away", a.Name, got, a.SHA256)
	}
	if _, ok := m.staged[a.SHA256]; !ok {
		m.staged[a.SHA256] = a.Size
		m.used += a.Size
		m.note(now, StagedBytes, "", "", a.SHA256)
	}
	return nil
}

// DamageStage makes the next n stagings of an artifact on a device end with
// another digest there; what was sent is thrown away. An empty digest means any artifact.
func (s *Store) DamageStage(device, sha256 string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.must(device).damaged[sha256] = n
}

// damage reports whether this staging is to fail, and counts it.
func (m *machine) damage(a site.Artifact) bool {
	for _, name := range []string{a.SHA256, ""} {
		if m.damaged[name] > 0 {
			m.damaged[name]--
			m.store.fired["stage damaged"]++
			return true
		}
	}
	return false
}
