package site

import (
	"time"

	"github.com/nightfill/nightfill/site/window"
)

// Patch is an approved change as the signed catalog carries it. The JSON form is the
// manifest that owners sign; see contract.md for the file that a person writes.
type Patch struct {
	ID             string      `json:"id"`
	Title          string      `json:"title"`
	Install        Install     `json:"install"`
	Classes        []Class     `json:"classes,omitempty"`
	Devices        []string    `json:"devices,omitempty"` // only these; empty = all of the classes
	Groups         []string    `json:"groups,omitempty"`
	Stores         []string    `json:"stores,omitempty"`
	Applies        Applies     `json:"applies"`
	Artifacts      []Artifact  `json:"artifacts,omitempty"`
	Severity       Severity    `json:"severity"`
	VendorReleased window.Date `json:"vendor_released"`
	CVEs           []string    `json:"cves,omitempty"`
	Reboot         Reboot      `json:"reboot"`
	Rollback       Rollback    `json:"rollback"`
	Duration       Durations   `json:"duration"`
	Gates          []Gate      `json:"gates,omitempty"`
	Verify         []Verify    `json:"verify,omitempty"`
	Requires       []string    `json:"requires,omitempty"`
	Supersedes     []string    `json:"supersedes,omitempty"`
	Owner          string      `json:"owner"`
	Approval       Approval    `json:"approval"`
}

// InstallKind is how a patch is put on a device.
type InstallKind string

// The installers that this version knows.
const (
	InstallDeb    InstallKind = "deb"    // dpkg; every artifact of the patch in one call
	InstallScript InstallKind = "script" // the first artifact is run as root with sh or its own #! line
	InstallFile   InstallKind = "file"   // the first artifact becomes the file at Path
)

// Install says how the artifacts are put on a device.
type Install struct {
	Kind  InstallKind `json:"kind"`
	Path  string      `json:"path,omitempty"`  // file: absolute path on the device
	Mode  string      `json:"mode,omitempty"`  // file: octal, default "0644"
	Owner string      `json:"owner,omitempty"` // file: user or user:group, default root:root
	Args  []string    `json:"args,omitempty"`  // script: its arguments
}

// Applies is the question asked of a device's observation: is the patch wanted there?
// An empty one means: unless this very patch was recorded as done on the device.
type Applies struct {
	Package string `json:"package,omitempty"`
	Below   string `json:"below,omitempty"` // dpkg version order; an absent package never applies
}

// Artifact is immutable bytes, named by their digest.
type Artifact struct {
	Name   string `json:"name"`   // file name on the device, without a directory
	SHA256 string `json:"sha256"` // lower-case hex
	Size   int64  `json:"size"`   // bytes
}

// Severity is headquarters' ranking of urgency.
type Severity string

// The severities.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// Order is 0 for the most urgent severity, growing with less urgent ones.
func (s Severity) Order() int {
	switch s {
	case Critical:
		return 0
	case High:
		return 1
	case Medium:
		return 2
	}
	return 3
}

// Reboot says whether a patch restarts the device.
type Reboot string

// The reboot behaviours. May: the device is restarted when it says that it needs it.
const (
	RebootNever  Reboot = "never"
	RebootMay    Reboot = "may"
	RebootAlways Reboot = "always"
)

// RollbackClass is how a patch is taken back.
type RollbackClass string

// The rollback classes that this version knows. Each is proven by reading back what was there before.
const (
	RollbackNone      RollbackClass = "none"
	RollbackDowngrade RollbackClass = "package-downgrade" // install the artifacts of the rollback with dpkg
	RollbackScript    RollbackClass = "script"            // run the first artifact of the rollback
)

// Rollback says how a patch is taken back.
type Rollback struct {
	Class     RollbackClass `json:"class"`
	Artifacts []Artifact    `json:"artifacts,omitempty"`
	Args      []string      `json:"args,omitempty"`
}

// Durations are the first estimates of how long the parts of a patch take on a device.
type Durations struct {
	Install  Duration `json:"install"`
	Reboot   Duration `json:"reboot"`
	Verify   Duration `json:"verify"`
	Rollback Duration `json:"rollback"`
	Soak     Duration `json:"soak,omitempty"` // verification must hold this long, on top of Verify
}

// Gate is a question asked on the device before a patch: exit code 0 opens it.
type Gate struct {
	Command []string `json:"command"`
	Wait    bool     `json:"wait,omitempty"` // true: ask again until the last safe start; false: closed means not tonight
}

// Verify is one proof that the device works after a change. Exactly one of its fields is set.
type Verify struct {
	Service string   `json:"service,omitempty"` // the service is running
	HTTP    string   `json:"http,omitempty"`    // asked on the device; any 2xx answer
	TCP     string   `json:"tcp,omitempty"`     // host:port, connected to on the device
	Command []string `json:"command,omitempty"` // exit code 0
}

// Approval is the signed statement why a patch may be installed, and when.
type Approval struct {
	Change         string     `json:"change,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	SecurityImpact string     `json:"security_impact,omitempty"`
	Tested         string     `json:"tested,omitempty"`
	Backout        string     `json:"backout,omitempty"`
	NotBefore      *time.Time `json:"not_before,omitempty"`
	NotAfter       *time.Time `json:"not_after,omitempty"`
}

// Release is where headquarters let a patch go.
type Release struct {
	Ring   Ring     `json:"ring"`
	Stores []string `json:"stores,omitempty"` // only these; empty = every store of the ring
}

// Withdrawal takes a patch back at headquarters: it starts nowhere any more.
type Withdrawal struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Approved is a patch together with what the signed catalog says about it now.
type Approved struct {
	Patch     Patch       `json:"patch"`
	Release   *Release    `json:"release,omitempty"`   // nil: signed but not released
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"` // nil: not withdrawn
	Held      *PatchHold  `json:"held,omitempty"`      // nil: headquarters did not stop it for now
	// Exceptions are those of the patch, ended ones too: they tell why it is due again.
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// Catalog is one complete, verified generation of the signed catalog.
type Catalog struct {
	Version int64      `json:"version"` // grows with every publish; 0 = the store has none
	Issued  time.Time  `json:"issued"`  // signed by headquarters
	Patches []Approved `json:"patches"`
	// HeldStores are the stores that headquarters stopped for now, by id; nil when there are none.
	HeldStores map[string]StoreHold `json:"held_stores,omitempty"`
	// Digest is of the signed timestamp, which leads by digests to every other byte of the generation.
	Digest string `json:"digest,omitempty"`
}
