package site

import "time"

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
}

// Lifts reports whether a hold of a patch is over: people lifted it, or withdrew the patch for good.
func (r Rules) Lifts(patch string, h PatchHold) bool {
	if _, withdrawn := r.Withdrawn[patch]; withdrawn {
		return true
	}
	lifted, ok := r.Lifted[patch]
	return ok && !h.At.After(lifted)
}

// Holds is the target of the holds role, whose key may be online: the patches that are begun nowhere
// until people decide. It can only stop. A hold is ended by the fleet role alone (Rules.Lifts): a
// store that knows of one refuses a later list that leaves it out.
type Holds struct {
	Schema  int                  `json:"schema"` // HoldsSchema; a store refuses any other
	Patches map[string]PatchHold `json:"patches"`
}

// PatchHold stops one patch.
type PatchHold struct {
	Digest string    `json:"digest,omitempty"` // of the patch's bytes, as policy.Digest gives it; "" = whatever its bytes
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

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
