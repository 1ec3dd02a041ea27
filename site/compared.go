package site

import "time"

// Broke says when a check that fails began to, seen from the newest night's work.
type Broke string

// When a check broke.
const (
	BeforeNight Broke = "before_night" // it failed before the night's work: the night is not to blame
	Tonight     Broke = "tonight"      // it worked before the night's work, and does not since
	NotKnown    Broke = "unknown"      // nobody knows whether it worked before
)

// Did is one patch that was put on one device in a night, or taken back.
type Did struct {
	Device string `json:"device"`
	Patch  string `json:"patch"`
}

// Compared is one check before a night's work and at a moment after it.
type Compared struct {
	Check  string       `json:"check"`
	Device string       `json:"device,omitempty"`
	Before CheckOutcome `json:"before"`
	After  CheckOutcome `json:"after"`
	Since  time.Time    `json:"since,omitzero"`  // since when it fails; of a check that does
	Broke  Broke        `json:"broke,omitempty"` // of a check that fails; empty when that is not the night's any more
	Text   string       `json:"text,omitempty"`  // the same as a sentence
	Did    []Did        `json:"did,omitempty"`   // with tonight: what was done to what it looks at
}
