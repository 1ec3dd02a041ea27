package site

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Rules is the target of the fleet role: where headquarters let patches go, and which
// it took back. An entry about a patch that the catalog does not hold means nothing,
// so the order in which owners sign and headquarters release does not matter.
type Rules struct {
	Schema    int                   `json:"schema"` // RulesSchema; a store refuses any other
	Releases  map[string]Release    `json:"releases"`
	Withdrawn map[string]Withdrawal `json:"withdrawn"`
	// Exceptions are in the order in which they were made. Absent when there are none: a store
	// of a version that knows no exceptions reads such rules, and refuses others rather than
	// put on what was excepted.
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Lifted ends holds of the holds role: of a patch, those that were set up to the time given.
	// Absent when there are none, for the same reason.
	Lifted map[string]time.Time `json:"lifted,omitempty"`
	// LiftedStores ends holds of stores, by id, that were set up to the time given. It stays for ever: a
	// store that has been offline since before the lift finds it there. Absent when there are none, for the same reason.
	LiftedStores map[string]time.Time `json:"lifted_stores,omitempty"`
}

// Lifts reports whether a hold of a patch is over: people lifted it, or withdrew the patch for good.
func (r Rules) Lifts(patch string, h PatchHold) bool {
	if _, withdrawn := r.Withdrawn[patch]; withdrawn {
		return true
	}
	lifted, ok := r.Lifted[patch]
	return ok && !h.At.After(lifted)
}

// LiftsStore reports whether a hold of a store is over: people lifted it.
func (r Rules) LiftsStore(store string, h StoreHold) bool {
	lifted, ok := r.LiftedStores[store]
	return ok && !h.At.After(lifted)
}

// Holds is the target of the holds role, whose key may be online: the patches that are begun nowhere
// until people decide, and the stores in which nothing is begun. It can only stop. A hold is ended by
// the fleet role alone (Rules.Lifts, Rules.LiftsStore): a store that knows of one refuses a later list
// that leaves it out.
type Holds struct {
	Schema  int                  `json:"schema"` // HoldsSchema; a store refuses any other
	Patches map[string]PatchHold `json:"patches"`
	// Stores are held whole, by id; at most MaxStoreHolds. The catalog knows no list of stores: an id that
	// no store has means nothing. Absent when there are none: a store of a version that knows no holds of
	// stores reads such a list, and refuses others rather than begin what was stopped.
	Stores map[string]StoreHold `json:"stores,omitempty"`
}

// PatchHold stops one patch.
type PatchHold struct {
	Digest string    `json:"digest,omitempty"` // of the patch's bytes, as policy.Digest gives it; "" = whatever its bytes
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// StoreHold stops a whole store: nothing is begun in it. What is under way finishes.
type StoreHold struct {
	Reason string    `json:"reason"` // at most MaxHoldReason bytes of one line
	At     time.Time `json:"at"`
	By     string    `json:"by,omitempty"` // who asked for it, as headquarters knows them; at most MaxHoldBy bytes of one line
}

// The bounds of holds of stores: headquarters sets none beyond them, and a store refuses them.
const (
	MaxStoreHolds = 5000
	MaxHoldReason = 500
	MaxHoldBy     = 200
)

// MaxTarget is how many bytes a target of the catalog may have, such as Rules or Holds.
const MaxTarget = 1 << 20

// Check says what keeps a store from taking a hold of the store with this id; nil when nothing does.
func (h StoreHold) Check(store string) error {
	switch {
	case !StoreID(store):
		return fmt.Errorf("%q is not the id of a store", store)
	case h.Reason == "" || len(h.Reason) > MaxHoldReason || !oneLine(h.Reason):
		return fmt.Errorf("the reason for the hold of store %s must be one line of 1 to %d bytes", store, MaxHoldReason)
	case len(h.By) > MaxHoldBy || !oneLine(h.By):
		return fmt.Errorf("who holds store %s must be one line of at most %d bytes", store, MaxHoldBy)
	case h.At.IsZero():
		return fmt.Errorf("the hold of store %s has no time", store)
	}
	return nil
}

// oneLine reports whether a text can be shown in one line as it is.
func oneLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// storeID is what an id of a store looks like.
var storeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// StoreID reports whether a text can be the id of a store.
func StoreID(id string) bool { return storeID.MatchString(id) }

// The versions of the forms of Rules and Holds that this version reads and writes.
const (
	RulesSchema = 1
	HoldsSchema = 1
)

// The fixed names of the signed catalog: both headquarters and stores use them.
const (
	FleetRole   = "fleet"            // the role that signs Rules
	FleetPaths  = "fleet/*"          // what it may sign
	RulesTarget = "fleet/rules.json" // the path of Rules below targets/
	HoldsRole   = "holds"            // the role that signs Holds; a catalog need not have it
	HoldsPaths  = "holds/*"          // what it may sign
	HoldsTarget = "holds/holds.json" // the path of Holds below targets/
	IssuedField = "x-issued"         // signed field of the timestamp: when it was published, RFC 3339, UTC
)

// OwnerPaths is the pattern of the targets that the role of an owner may sign.
func OwnerPaths(owner string) string { return "patches/" + owner + "/*" }

// RolePaths is the pattern of the targets that a role below targets may sign.
func RolePaths(role string) string {
	switch role {
	case FleetRole:
		return FleetPaths
	case HoldsRole:
		return HoldsPaths
	}
	return OwnerPaths(role)
}

// PatchTarget is the path of a patch's manifest below targets/.
func PatchTarget(owner, id string) string { return "patches/" + owner + "/" + id + ".json" }

// ArtifactPath is the path of an artifact's bytes below the catalog's address. Bytes are
// named by their digest alone: what may be installed is decided by the manifest that names it.
func ArtifactPath(sha256 string) string { return "targets/artifacts/" + sha256 }
