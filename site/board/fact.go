package board

import (
	"bytes"
	"encoding/json"
	"time"
)

// Mark is a place in the history of a store.
type Mark struct {
	Stream int64  `json:"stream"` // the streams of a store are numbered from 1, in the order in which headquarters met them
	Seq    uint64 `json:"seq"`    // of the event; of a snapshot: the newest event that it holds
}

// After reports whether m is later in the history than o.
func (m Mark) After(o Mark) bool {
	if m.Stream != o.Stream {
		return m.Stream > o.Stream
	}
	return m.Seq > o.Seq
}

// Kind says which register of a store a fact is for. The list is closed; names are kept in the database.
type Kind string

// The kinds of fact. Name and Patch say which register it is among those of its kind; where
// nothing is said, there is one for each store.
const (
	KindInfo        Kind = "info"         // snapshot: Info
	KindReady       Kind = "ready"        // snapshot: the READY document
	KindNight       Kind = "night"        // snapshot: Night; Name is the night's date
	KindDevice      Kind = "device"       // snapshot: DeviceNow; Name is the device
	KindAlert       Kind = "alert"        // snapshot: Alert; Name is the code
	KindVerdict     Kind = "verdict"      // VerdictTold
	KindCatalog     Kind = "catalog"      // run.CatalogNote: the generation that the store goes by
	KindCached      Kind = "cached"       // an artifact is verified in the store; Name is its digest, Body is {}
	KindObserved    Kind = "observed"     // Observed; Name is the device
	KindPackages    Kind = "packages"     // name -> version; Name is the device
	KindHold        Kind = "hold"         // site.Hold; Name is the device or "all"; no body: released
	KindQuarantine  Kind = "quarantine"   // site.Quarantine; Patch; no body: released
	KindNightOpened Kind = "night_opened" // NightOpened; Name is the night's date
	KindNightClosed Kind = "night_closed" // NightClosed; Name is the night's date
	KindLeftOut     Kind = "left_out"     // []LeftOut: what the newest look left out of the night, whole
	KindJob         Kind = "job"          // JobTold; Name is the device, Patch the patch
	KindStarted     Kind = "started"      // Step: its installation was begun; Name, Patch
	KindInstalled   Kind = "installed"    // Step: the installer ended well; Name, Patch
	KindRestarted   Kind = "restarted"    // Step: the device restarted for it; Name, Patch
	KindVerified    Kind = "verified"     // Step: proven; Name, Patch
	KindFailed      Kind = "failed"       // Step: it broke; Name, Patch
	KindRolledBack  Kind = "rolled_back"  // Step: it was taken back, with proof; Name, Patch
	KindMorning     Kind = "morning"      // Morning: how the store opened to customers; Name is the date
	KindAfter       Kind = "after"        // After: its word within two hours after that; Name is the date
	// KindPatch is a patch as a plan held it: of the whole fleet, not of one store. Its mark is the
	// version of the catalog.
	KindPatch Kind = "patch" // site.Patch; Patch
)

// Fact is one thing that a store told: what one of its registers holds from Mark on.
type Fact struct {
	Kind  Kind
	Name  string
	Patch string
	Mark  Mark
	At    time.Time       // when it was so, by the store's clock; of a snapshot: when it came
	Body  json.RawMessage // JSON of the kind's type; nil: nothing holds any more

	told any // what Body says, where it was just written: it need not be read again
}

// Key names the register of a fact within its store.
type Key struct {
	Kind  Kind
	Name  string
	Patch string
}

// Key returns the register that the fact is for.
func (f Fact) Key() Key { return Key{f.Kind, f.Name, f.Patch} }

// Replaces reports whether f holds instead of old. Of two with the same mark, one that clears holds:
// a retained message is cleared without a mark of its own. Of two snapshots that say different things
// the one that came later holds: a store also learns what is no event, such as that its line is back.
func (f Fact) Replaces(old Fact) bool {
	switch {
	case f.Mark != old.Mark:
		return f.Mark.After(old.Mark)
	case f.Body == nil || old.Body == nil:
		return f.Body == nil && old.Body != nil
	}
	return f.Kind.Snapshot() && f.At.After(old.At) && !bytes.Equal(f.Body, old.Body)
}

// Snapshot reports whether facts of this kind are retained messages. Their At is when they came.
func (k Kind) Snapshot() bool {
	return k == KindInfo || k == KindReady || k == KindNight || k == KindDevice || k == KindAlert
}

// Remembered reports whether the board holds facts of this kind. The others are only in the
// database, because they are large and looked at one store at a time.
func (k Kind) Remembered() bool { return k != KindPackages && k != KindMorning && k != KindAfter }

// Daily reports whether facts of this kind are kept day by day, for as long as the events that tell them.
func (k Kind) Daily() bool {
	return k == KindMorning || k == KindAfter || k == KindNight || k == KindNightOpened || k == KindNightClosed
}

// FleetWide reports whether facts of this kind are about no store in particular.
func (k Kind) FleetWide() bool { return k == KindPatch }
