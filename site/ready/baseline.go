package ready

import (
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready/words"
)

// Baseline is what was known when the newest night opened, and what the night changed since.
type Baseline struct {
	Closed time.Time                   // zero while the night is open
	Until  time.Time                   // what breaks then or later is not the night's any more; zero = no end
	Checks map[string]site.CheckResult // as known then, by check id; one that is missing was not known
	Down   []string                    // devices that did not answer then
	Up     []string                    // devices that did
	Did    []site.Did                  // what was put on devices since, or tried, in order
}

// Compare compares every check of the store with its baseline. since is when each one that
// fails began to. The same values give the same answer. Its sentences are English, for the journal.
func (b *Baseline) Compare(store site.Store, now map[string]site.CheckResult, since map[string]time.Time) []site.Compared {
	all := make([]site.Compared, 0, len(store.Checks))
	for _, c := range store.Checks {
		v := site.Compared{Check: c.ID, Device: c.Device, Before: b.before(c.ID), After: outcomeOf(now, c.ID)}
		if v.After == site.Fail {
			v.Since = now[c.ID].At
			if t, known := since[c.ID]; known {
				v.Since = t
			}
			v.Broke, v.Text, v.Did = b.check(words.For(words.Default), store, c, v.Since)
		}
		all = append(all, v)
	}
	return all
}

func outcomeOf(results map[string]site.CheckResult, id string) site.CheckOutcome {
	if r, known := results[id]; known {
		return r.Outcome
	}
	return site.Unknown
}

func (b *Baseline) before(check string) site.CheckOutcome { return outcomeOf(b.Checks, check) }

// check says when a failing check broke.
func (b *Baseline) check(lang *words.Language, store site.Store, c site.Check, since time.Time) (site.Broke, string, []site.Did) {
	if b == nil || !b.Until.IsZero() && !since.Before(b.Until) {
		return "", "", nil
	}
	switch b.before(c.ID) {
	case site.Fail:
		return site.BeforeNight, lang.Say("broke_before"), nil
	case site.Pass, site.Warn:
		did := b.on(lookedAt(store, c))
		return site.Tonight, b.tonightWords(lang, subjectOf(c), did, since), did
	}
	return site.NotKnown, lang.Say("broke_not_known"), nil
}

// device says when a device that does not answer fell silent.
func (b *Baseline) device(lang *words.Language, id string, since time.Time) (site.Broke, string) {
	switch {
	case b == nil || !b.Until.IsZero() && !since.Before(b.Until):
		return "", ""
	case slices.Contains(b.Down, id):
		return site.BeforeNight, lang.Say("broke_before")
	case slices.Contains(b.Up, id):
		return site.Tonight, b.tonightWords(lang, id, b.on([]string{id}), since)
	}
	return site.NotKnown, lang.Say("broke_not_known")
}

// lookedAt are the devices that a check speaks of: its own, else all that have its capability.
func lookedAt(store site.Store, c site.Check) []string {
	if c.Device != "" {
		return []string{c.Device}
	}
	var ids []string
	for _, d := range store.Devices {
		if c.Capability != "" && slices.Contains(d.Capabilities, c.Capability) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// on is what was done to devices.
func (b *Baseline) on(ids []string) []site.Did {
	return slices.DeleteFunc(slices.Clone(b.Did), func(d site.Did) bool { return !slices.Contains(ids, d.Device) })
}
