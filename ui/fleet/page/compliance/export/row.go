package export

import (
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
)

// Row is one patch on one device as an auditor gets it. Names and meaning never change; more
// may come at the end.
type Row struct {
	Store         string          `json:"store"`
	Device        string          `json:"device"`
	Asset         string          `json:"asset_id"` // store/device: it stays what it is for ever
	Patch         string          `json:"patch"`
	Before        string          `json:"version_before"`
	After         string          `json:"version_after"`
	ApprovedBy    string          `json:"approved_by"` // the owner whose keys signed, and the ticket
	ApprovedAt    time.Time       `json:"approved_at,omitzero"`
	InstalledAt   time.Time       `json:"installed_at,omitzero"`
	VerifiedAt    time.Time       `json:"verified_at,omitzero"`
	Proof         string          `json:"proof"` // verified, observed, or nothing
	Result        comply.Standing `json:"result"`
	Reason        string          `json:"reason"`
	EvidenceHash  string          `json:"evidence_hash"` // of the record in the journal of the store
	AsOf          time.Time       `json:"as_of"`
	Evidence      string          `json:"evidence"` // which record: number of the stream/sequence number
	Region        string          `json:"region"`
	Ring          site.Ring       `json:"ring"`
	Class         site.Class      `json:"class"`
	Model         string          `json:"model"`
	Severity      site.Severity   `json:"severity"`
	CVEs          string          `json:"cves"`
	Released      time.Time       `json:"vendor_released_at,omitzero"`
	Due           time.Time       `json:"due_at,omitzero"`
	Overdue       bool            `json:"overdue"`
	Published     time.Time       `json:"published_at,omitzero"`
	Cached        time.Time       `json:"cached_at,omitzero"`
	Eligible      time.Time       `json:"eligible_at,omitzero"`
	Started       time.Time       `json:"started_at,omitzero"`
	Restarted     time.Time       `json:"restarted_at,omitzero"`
	Reported      time.Time       `json:"reported_at,omitzero"`
	Looked        time.Time       `json:"looked_at,omitzero"` // what is told of the device is as of then
	ExceptedBy    string          `json:"excepted_by"`
	ExceptedUntil time.Time       `json:"excepted_until,omitzero"`
	Acquired      time.Time       `json:"acquired_at,omitzero"`
	Make          string          `json:"make"`
	Serial        string          `json:"serial"`
	Inventory     string          `json:"inventory_id"`
	Location      string          `json:"location"`
	DeviceOwner   string          `json:"device_owner"`
	Scope         site.Scope      `json:"pci_scope"`

	proof board.Mark
}

// Of is the row of a patch on a device at a moment. Its times are in UTC and whole seconds.
func Of(v *comply.View, r comply.Row, now time.Time) Row {
	c := v.Clocks(r)
	e := Row{
		Store: r.Store.ID, Device: r.Device.ID, Asset: r.Store.ID + "/" + r.Device.ID, Patch: r.Patch.ID, ApprovedBy: r.Patch.Owner, ApprovedAt: c.Approved,
		InstalledAt: c.Installed, VerifiedAt: c.Verified, Result: r.Standing, Reason: string(r.Code), AsOf: now, Ring: r.Store.Info.Ring, Class: r.Device.Now.Class,
		Model: r.Device.Now.Model, Severity: r.Patch.Severity, CVEs: strings.Join(r.Patch.CVEs, " "), Released: r.Released, Due: r.Due, Overdue: r.Overdue,
		Published: c.Published, Cached: c.Cached, Eligible: c.Eligible, Started: c.Started, Restarted: c.Restarted, Reported: c.Reported, Looked: r.Looked,
	}
	if r.Patch.Approval.Change != "" {
		e.ApprovedBy += " (" + r.Patch.Approval.Change + ")"
	}
	if x := r.Store.Expected; x != nil {
		e.Region = x.Region
	}
	e.versions(r)
	if r.Standing == comply.Installed || r.Standing == comply.InstalledPendingReboot {
		e.Proof = "observed"
		if r.Job != nil && !r.Job.Verified.IsZero() {
			e.Proof, e.proof = "verified", r.Job.Proof
			e.Evidence = strconv.FormatInt(e.proof.Stream, 10) + "/" + strconv.FormatUint(e.proof.Seq, 10)
		}
	}
	e.Acquired = c.Acquired
	if a := r.Device.Now.Asset; a != nil {
		e.Make, e.Serial, e.Inventory, e.Location, e.DeviceOwner, e.Scope = a.Make, a.Serial, a.ID, a.Location, a.Owner, a.Scope
	}
	if r.Exception != nil {
		e.ExceptedBy, e.ExceptedUntil = r.Exception.Owner, r.Exception.Expires
	}
	for _, t := range []*time.Time{
		&e.ApprovedAt, &e.InstalledAt, &e.VerifiedAt, &e.AsOf, &e.Published, &e.Cached, &e.Eligible, &e.Started, &e.Restarted, &e.Reported, &e.Looked, &e.ExceptedUntil, &e.Acquired,
	} {
		*t = t.UTC().Truncate(time.Second)
	}
	return e
}

// versions fills in what was on the device before, and is after, as far as the store told it.
func (e *Row) versions(r comply.Row) {
	now := r.Device.Now
	there := r.Standing == comply.Installed || r.Standing == comply.InstalledPendingReboot
	if now.Patch == r.Patch.ID && !there {
		e.Before = now.InstalledVersion
	}
	switch {
	case !there:
	case r.Version != "":
		e.After = r.Version
	case now.Patch == r.Patch.ID:
		e.After = now.InstalledVersion
	}
}

// column is one column of the CSV.
type column struct {
	name string
	of   func(*Row) string
}

// columns are the columns, by the names and in the order of the JSON form.
func columns() []column {
	at := func(get func(*Row) time.Time) func(*Row) string {
		return func(r *Row) string {
			if t := get(r); !t.IsZero() {
				return t.UTC().Format(time.RFC3339)
			}
			return ""
		}
	}
	return []column{
		{"store", func(r *Row) string { return r.Store }},
		{"device", func(r *Row) string { return r.Device }},
		{"asset_id", func(r *Row) string { return r.Asset }},
		{"patch", func(r *Row) string { return r.Patch }},
		{"version_before", func(r *Row) string { return r.Before }},
		{"version_after", func(r *Row) string { return r.After }},
		{"approved_by", func(r *Row) string { return r.ApprovedBy }},
		{"approved_at", at(func(r *Row) time.Time { return r.ApprovedAt })},
		{"installed_at", at(func(r *Row) time.Time { return r.InstalledAt })},
		{"verified_at", at(func(r *Row) time.Time { return r.VerifiedAt })},
		{"proof", func(r *Row) string { return r.Proof }},
		{"result", func(r *Row) string { return string(r.Result) }},
		{"reason", func(r *Row) string { return r.Reason }},
		{"evidence_hash", func(r *Row) string { return r.EvidenceHash }},
		{"as_of", at(func(r *Row) time.Time { return r.AsOf })},
		{"evidence", func(r *Row) string { return r.Evidence }},
		{"region", func(r *Row) string { return r.Region }},
		{"ring", func(r *Row) string { return string(r.Ring) }},
		{"class", func(r *Row) string { return string(r.Class) }},
		{"model", func(r *Row) string { return r.Model }},
		{"severity", func(r *Row) string { return string(r.Severity) }},
		{"cves", func(r *Row) string { return r.CVEs }},
		{"vendor_released_at", at(func(r *Row) time.Time { return r.Released })},
		{"due_at", at(func(r *Row) time.Time { return r.Due })},
		{"overdue", func(r *Row) string { return strconv.FormatBool(r.Overdue) }},
		{"published_at", at(func(r *Row) time.Time { return r.Published })},
		{"cached_at", at(func(r *Row) time.Time { return r.Cached })},
		{"eligible_at", at(func(r *Row) time.Time { return r.Eligible })},
		{"started_at", at(func(r *Row) time.Time { return r.Started })},
		{"restarted_at", at(func(r *Row) time.Time { return r.Restarted })},
		{"reported_at", at(func(r *Row) time.Time { return r.Reported })},
		{"looked_at", at(func(r *Row) time.Time { return r.Looked })},
		{"excepted_by", func(r *Row) string { return r.ExceptedBy }},
		{"excepted_until", at(func(r *Row) time.Time { return r.ExceptedUntil })},
		{"acquired_at", at(func(r *Row) time.Time { return r.Acquired })},
		{"make", func(r *Row) string { return r.Make }},
		{"serial", func(r *Row) string { return r.Serial }},
		{"inventory_id", func(r *Row) string { return r.Inventory }},
		{"location", func(r *Row) string { return r.Location }},
		{"device_owner", func(r *Row) string { return r.DeviceOwner }},
		{"pci_scope", func(r *Row) string { return string(r.Scope) }},
	}
}
