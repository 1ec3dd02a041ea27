package view

import (
	"reflect"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
)

// aMorning is how long after its close something may be of a night, in a store that never opens.
const aMorning = 12 * time.Hour

// BaselineOf is what was known before the newest night's work, and what the night did since; nil
// when there never was a night. What breaks when the store has opened is not the night's.
func BaselineOf(s run.State, store site.Store) *ready.Baseline {
	n := s.Night
	if n == nil {
		return nil
	}
	b := &ready.Baseline{Closed: n.Closed, Checks: n.Before.Checks, Down: n.Before.Down}
	if !n.Open() {
		b.Until = n.Closed.Add(aMorning)
		if opens, ok := store.Calendar.NextOpening(n.Closed); ok {
			b.Until = opens
		}
	}
	for _, m := range n.Plan.Members {
		if !slices.Contains(b.Down, m.Device) && !m.Down {
			b.Up = append(b.Up, m.Device)
		}
	}
	for j := range n.Jobs() {
		if j.Begun() {
			b.Did = append(b.Did, site.Did{Device: j.Device, Patch: j.Patch})
		}
	}
	return b
}

// Compare returns the event that compares the checks with those before the newest night, after a
// round of checks that began at looked: after the first round when the night is over, and until the
// store opens whenever the comparison has changed. Otherwise it is none.
func Compare(s run.State, store site.Store, looked time.Time) []run.Event {
	n, b := s.Night, BaselineOf(s, store)
	if n == nil || n.Open() || looked.Before(n.Closed) || n.AtClose != nil && !looked.Before(b.Until) {
		return nil
	}
	now := b.Compare(store, s.Checks, s.Failing)
	if len(now) == 0 || n.AtClose != nil && reflect.DeepEqual(now, n.Compared) {
		return nil
	}
	return []run.Event{{Kind: run.NightCompared, At: looked, Night: n.Plan.Night, Compared: now}}
}
