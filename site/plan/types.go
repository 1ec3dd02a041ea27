// Package plan turns a store, what was seen of it and what is approved into an
// immutable Plan of one night, and a Report of everything that is left out and
// why. It decides order and time; it changes nothing.
package plan

import (
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/estimate"
	"github.com/nightfill/nightfill/site/window"
)

// Plan is what one night is to do. It is journalled when the window opens and is
// never changed afterwards.
type Plan struct {
	Night   window.Date  `json:"night"`
	Opens   time.Time    `json:"opens"`
	Closes  time.Time    `json:"closes"`
	Cutoff  time.Time    `json:"cutoff"` // Closes minus the reserve: what is started must have its rollback fit before it
	Catalog int64        `json:"catalog"`
	Groups  []site.Group `json:"groups,omitempty"`
	Members []Member     `json:"members"` // every patchable device of the store, for the groups' arithmetic
	Patches []site.Patch `json:"patches,omitempty"`
	Lanes   []Lane       `json:"lanes,omitempty"` // in the order in which devices are begun
	// Forgets is what was learned that would keep a patch from every night: it is let go when the night opens.
	Forgets []Forgotten `json:"forgets,omitempty"`
}

// Forgotten names the parts of a patch on a model of device of which the longest run is forgotten.
type Forgotten struct {
	Model string          `json:"model"`
	Patch string          `json:"patch"`
	Parts []estimate.Part `json:"parts"`
}

// Member is a device of the store, whether or not anything is planned for it.
type Member struct {
	Device string    `json:"device"`
	Model  string    `json:"model,omitempty"` // or its class: whose durations are learned together; empty in plans of earlier versions
	Groups []string  `json:"groups,omitempty"`
	Role   site.Role `json:"role,omitempty"`
	Down   bool      `json:"down,omitempty"` // did not answer when the plan was made; in a night, when it was last heard of
}

// Lane is what is planned for one device, one patch after another.
type Lane struct {
	Device string `json:"device"`
	Jobs   []Job  `json:"jobs"`
}

// Job is one patch on one device.
type Job struct {
	Patch  string        `json:"patch"`
	Bundle int           `json:"bundle,omitempty"` // jobs of a lane with the same number are proven together; 0 = by itself
	Needs  site.Duration `json:"needs"`            // install + reboot + verify + rollback
	Begins time.Time     `json:"begins"`           // expected
	Ends   time.Time     `json:"ends"`             // expected, when all goes well
	// Note is what a person should know of it: that it is due again since an exception ended.
	Note string `json:"note,omitempty"`
	// Estimate is what Needs is made of; nil where it is the patch file's numbers.
	Estimate *estimate.Estimate `json:"estimate,omitempty"`
}

// Expected is how long the patch of the job is expected to take, and where that comes from.
func (j Job) Expected(p site.Patch) estimate.Estimate {
	if j.Estimate != nil {
		return *j.Estimate
	}
	return estimate.Learned(nil).Of("", p)
}

// LeftOut is one patch that one device does not get tonight. An empty Patch
// means the whole device, an empty Device the whole store.
type LeftOut struct {
	Device string       `json:"device,omitempty"`
	Patch  string       `json:"patch,omitempty"`
	State  site.State   `json:"state"`
	Reason *site.Reason `json:"reason"`
}

// Report names everything that a Plan leaves out.
type Report []LeftOut

// Patch returns the planned patch with this id.
func (p *Plan) Patch(id string) (site.Patch, bool) {
	for _, patch := range p.Patches {
		if patch.ID == id {
			return patch, true
		}
	}
	return site.Patch{}, false
}
