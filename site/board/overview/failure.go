package overview

import (
	"cmp"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// Failure is the failures with one signature, over all patches and stores.
type Failure struct {
	Signature string    `json:"signature"`
	Code      string    `json:"code"`
	Devices   int       `json:"devices"` // jobs: a device with two patches that broke alike counts twice
	Stores    int       `json:"stores"`
	Patches   []Count   `json:"patches"` // they add up to Devices
	Models    []Count   `json:"models"`  // they add up to Devices
	First     time.Time `json:"first,omitzero"`
	Last      time.Time `json:"last,omitzero"`

	stores, patches, models map[string]int
	firstOf                 map[string]time.Time // by patch
}

// fail counts a job that broke.
func (t *tally) fail(s *board.Store, d *board.Device, j *board.Job) {
	name := Signature(j)
	f, ok := t.failed[name]
	if !ok {
		f = &Failure{
			Signature: name, Code: string(cmp.Or(j.FailedCode, j.Code)),
			stores: map[string]int{}, patches: map[string]int{}, models: map[string]int{}, firstOf: map[string]time.Time{},
		}
		t.failed[name] = f
	}
	at := j.Failed.Time()
	if at.IsZero() {
		at = j.At.Time()
	}
	f.Devices++
	f.stores[s.ID]++
	f.patches[j.Patch]++
	f.models[ModelOf(d)]++
	f.First, f.Last = earlier(f.First, at), later(f.Last, at)
	f.firstOf[j.Patch] = earlier(f.firstOf[j.Patch], at)
}

// failures lists the signatures, the most frequent first.
func (t *tally) failures() []Failure {
	list := make([]Failure, 0, len(t.failed))
	for _, f := range t.failed {
		f.Stores, f.Patches, f.Models = len(f.stores), counts(f.patches), counts(f.models)
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b Failure) int {
		return cmp.Or(b.Devices-a.Devices, cmp.Compare(a.Signature, b.Signature))
	})
	return list
}

// counts lists what was counted, the most frequent first.
func counts(of map[string]int) []Count {
	list := make([]Count, 0, len(of))
	for id, n := range of {
		list = append(list, Count{id, id, n})
	}
	slices.SortFunc(list, func(a, b Count) int { return cmp.Or(b.Count-a.Count, board.CompareIDs(a.ID, b.ID)) })
	return list
}
