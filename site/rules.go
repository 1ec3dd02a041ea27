package site

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
}

// RulesSchema is the version of the form of Rules that this version reads and writes.
const RulesSchema = 1

// The fixed names of the signed catalog: both headquarters and stores use them.
const (
	FleetRole   = "fleet"            // the role that signs Rules
	FleetPaths  = "fleet/*"          // what it may sign
	RulesTarget = "fleet/rules.json" // the path of Rules below targets/
	IssuedField = "x-issued"         // signed field of the timestamp: when it was published, RFC 3339, UTC
)

// OwnerPaths is the pattern of the targets that the role of an owner may sign.
func OwnerPaths(owner string) string { return "patches/" + owner + "/*" }

// PatchTarget is the path of a patch's manifest below targets/.
func PatchTarget(owner, id string) string { return "patches/" + owner + "/" + id + ".json" }

// ArtifactPath is the path of an artifact's bytes below the catalog's address. Bytes are
// named by their digest alone: what may be installed is decided by the manifest that names it.
func ArtifactPath(sha256 string) string { return "targets/artifacts/" + sha256 }
