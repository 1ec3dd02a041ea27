package fake

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/devices"
)

// later plans something for the time until the device next loses its power.
func (m *machine) later(at time.Time, run func(at time.Time)) {
	cycle := m.cycle
	m.store.at(at, m, func(at time.Time) {
		if m.cycle == cycle {
			run(at)
		}
	})
}

// order takes an order to restart, unless its id was claimed before or work runs.
// The order itself is done at once: only another boot id tells that it was followed.
func (m *machine) order(id devices.WorkID, now time.Time) error {
	if _, claimed := m.jobs[id]; claimed {
		return nil
	}
	if t, held := m.trouble(LockHeld, now, nil); held {
		return m.busy(t.Owner)
	}
	if len(m.active) > 0 {
		return m.busy(m.active[0].work.Owner)
	}
	m.jobs[id] = &job{phase: devices.PhaseDone, began: now}
	m.note(now, RebootOrdered, "", id, "")
	if !m.leaving {
		m.leave(m.store.nextBoot(m), now)
	}
	return nil
}

// leave shuts the device down and starts it again the way boot says.
func (m *machine) leave(boot Boot, now time.Time) {
	if boot.Ignored {
		return
	}
	m.leaving = true
	m.later(now.Add(shutdown), func(at time.Time) {
		m.down(at, "restart")
		m.comeUp(at, boot)
	})
}

// reset is a restart without an order.
func (m *machine) reset(at time.Time, why string) {
	boot := m.store.nextBoot(m)
	m.down(at, why)
	m.comeUp(at, boot)
}

// down takes the device away. Work that runs is cut off and leaves what its script says.
func (m *machine) down(at time.Time, why string) {
	m.cycle++
	if m.off {
		return
	}
	for _, j := range m.active {
		m.end(j, devices.PhaseInterrupted, at)
	}
	m.off, m.leaving, m.downAt = true, false, at
	m.note(at, Down, "", "", why)
}

// comeUp plans the end of a start that begins now, if the device has power.
func (m *machine) comeUp(at time.Time, boot Boot) {
	if boot.Dead {
		return
	}
	takes := pick(boot.Takes, m.RebootTakes)
	if takes == 0 && m.armed != nil {
		takes = m.armed.Duration.Reboot.Std()
	}
	m.later(at.Add(pick(takes, 2*time.Minute)), func(at time.Time) {
		m.boot(at)
		m.afterBoot(boot, at)
	})
}

// boot makes the device answer under a new boot id.
func (m *machine) boot(at time.Time) {
	m.boots++
	m.cycle++
	m.off, m.pending, m.upSince = false, false, at
	m.bootID = uuid(fmt.Sprintf("%d|boot|%s|%d", m.store.opts.Seed, m.ID, m.boots))
	if m.boots > 0 {
		m.note(at, Up, "", "", m.bootID)
	}
}

// afterBoot lets happen what a start does to the software.
func (m *machine) afterBoot(boot Boot, at time.Time) {
	m.heal(causeBoot)
	if boot.Reverts && m.armed != nil {
		m.restore(*m.armed)
		m.note(at, SelfReverted, m.armed.ID, "", "")
	}
	m.armed = nil
	if boot.StopsServices {
		m.stopped[stop{"", causeBoot}] = true
		for _, name := range slices.Sorted(maps.Keys(m.services)) {
			m.stopped[stop{name, causeBoot}] = true
		}
		m.note(at, ServicesDown, "", "", "not started")
	}
	for _, id := range slices.Sorted(maps.Keys(m.dying)) {
		m.heal(id)
		m.die(m.dying[id], at)
	}
}

// die plans the end of the services of a patch.
func (m *machine) die(d dying, from time.Time) {
	m.dying[d.patch.ID] = d
	m.later(from.Add(d.after), func(at time.Time) {
		if _, still := m.dying[d.patch.ID]; still {
			m.halt(d.patch, d.patch.ID, at)
		}
	})
}
