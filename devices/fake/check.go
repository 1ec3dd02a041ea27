package fake

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/policy"
)

// defaultSkew is how far a clock may be off when a check does not say.
const defaultSkew = 2 * time.Minute

// Check implements devices.Driver. A check that is a look from outside, such as tcp or http,
// passes when the device is reached and nothing on it is stopped.
func (s *Store) Check(ctx context.Context, d site.Device, c site.Check) (site.CheckOutcome, string, error) {
	if _, known := c.Kind.Effect(); known && !c.Kind.AsksDevice() {
		return s.look(ctx, d, c)
	}
	outcome, seen := site.Unknown, ""
	e := errand{what: fmt.Sprintf("check %s on %s", c.ID, d.ID), device: d}
	e.act = func(m *machine, now time.Time) error {
		outcome, seen = m.check(c, now)
		return nil
	}
	if err := s.run(ctx, e); err != nil {
		return site.Unknown, "", err
	}
	return outcome, seen, nil
}

// look tries an address of the device from the box. Silence is an answer: the check fails.
func (s *Store) look(ctx context.Context, d site.Device, c site.Check) (site.CheckOutcome, string, error) {
	e := errand{what: fmt.Sprintf("check %s on %s", c.ID, d.ID), device: d}
	half, err := s.travel(ctx, e)
	if err != nil {
		return site.Unknown, "", err
	}
	outcome, seen := s.answers(d.ID, c)
	if seen == "" {
		half, outcome, seen = Silence, site.Fail, "no answer"
	}
	if err := wait(ctx, half); err != nil {
		return site.Unknown, "", fmt.Errorf("cannot %s: %w", e.what, err)
	}
	return outcome, seen, nil
}

// answers returns what is found at an address; nothing seen means silence.
func (s *Store) answers(id string, c site.Check) (site.CheckOutcome, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.advance(now)
	m, ok := s.machines[id]
	if !ok || m.silent(now) {
		return site.Fail, ""
	}
	return m.check(c, now)
}

// check asks one question of a device that answers.
func (m *machine) check(c site.Check, now time.Time) (site.CheckOutcome, string) {
	if _, failing := m.trouble(CheckFails, now, func(t Trouble) bool { return t.Check == "" || t.Check == c.ID }); failing {
		return site.Fail, "fails as told"
	}
	switch c.Kind {
	case site.CheckService:
		return verdict(m.serves(c.Name), c.Name+" is running", c.Name+" is not running")
	case site.CheckCommand:
		command := strings.Join(c.Command, " ")
		return verdict(!m.fails(command), command+": exit code 0", command+": exit code 1")
	case site.CheckDisk:
		return m.checkDisk(c, now)
	case site.CheckClock:
		seen := fmt.Sprintf("clock is off by %s", m.ClockOffset)
		return verdict(m.ClockOffset.Abs() <= pick(c.MaxSkew.Std(), defaultSkew), seen, seen)
	}
	return m.checkMore(c, now)
}

// checkMore asks what the device tells of itself.
func (m *machine) checkMore(c site.Check, now time.Time) (site.CheckOutcome, string) {
	switch c.Kind {
	case site.CheckVersion:
		version, installed := m.packages[c.Package]
		low := c.AtLeast != "" && policy.CompareVersions(version, c.AtLeast) < 0
		high := c.AtMost != "" && policy.CompareVersions(version, c.AtMost) > 0
		return verdict(installed && !low && !high, c.Package+" is "+version, c.Package+" is "+pick(version, "not installed"))
	case site.CheckFileAge:
		return verdict(!m.fails(c.Path), c.Path+" is young enough", c.Path+" is not there")
	case site.CheckBattery:
		power := m.power(now)
		if power == nil {
			return site.Unknown, "the device has no battery"
		}
		seen := fmt.Sprintf("battery at %d%%", power.Battery)
		return verdict(power.Battery >= c.MinCharge, seen, seen)
	}
	if _, known := c.Kind.Effect(); known {
		return verdict(!m.hurt(), "answers", "connection refused")
	}
	return site.NotApplicable, fmt.Sprintf("%q is no kind of check", c.Kind)
}

func (m *machine) checkDisk(c site.Check, now time.Time) (site.CheckOutcome, string) {
	free := m.free(now)
	need, ok := room(c.MinFree, m.DiskSize)
	if !ok {
		return site.Unknown, fmt.Sprintf("%q is no amount of room", c.MinFree)
	}
	seen := fmt.Sprintf("%d of %d bytes free", free, m.DiskSize)
	return verdict(float64(free) >= need, seen, seen)
}

func verdict(good bool, seen, otherwise string) (site.CheckOutcome, string) {
	if good {
		return site.Pass, seen
	}
	return site.Fail, otherwise
}

// room reads an amount like "500MiB" or "5%" of size. An empty one is nothing.
func room(text string, size int64) (float64, bool) {
	if text == "" {
		return 0, true
	}
	units := []struct {
		suffix string
		bytes  float64
	}{{"%", float64(size) / 100}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			n, err := strconv.ParseFloat(number, 64)
			return n * u.bytes, err == nil && n >= 0
		}
	}
	return 0, false
}
