package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/dossier"
)

// Columns are the names of the columns of devices-patches.csv, in their order. New ones may come behind them.
func Columns() []string {
	return []string{
		"store", "device", "class", "model", "patch", "title", "severity", "cves", "vendor_released", "version_before", "version_after",
		"approval_change", "approved_by", "state", "reason_code", "started_at", "installed_at", "restarted_at", "verified_at", "proof",
		"attempts", "exception", "record_seq", "record_hash", "data_as_of", "night", "stream", "catalog_version", "reason",
	}
}

// line is one patch on one device over all nights: the newest word about it.
type line struct {
	patch         site.Patch
	catalog       int64
	night         string
	state         site.State
	reason        *site.Reason
	before, after string
	started       time.Time
	installed     time.Time
	restarted     time.Time
	verified      time.Time
	proof         string
	attempts      int
	seq           uint64 // of the record that decided the state
	hash          string
	due           bool // it was planned at least once
}

// count adds a night to the lines.
func (a *Account) count(v view.Night, records []run.Record) {
	for _, j := range v.Jobs {
		a.job(v, j, records)
	}
	for _, l := range v.Left {
		if l.Device != "" && l.Patch != "" {
			a.leftOut(v, l, records)
		}
	}
}

// line returns the line of a spot, which it makes when there is none.
func (a *Account) line(at spot) *line {
	l, ok := a.lines[at]
	if !ok {
		l = &line{}
		a.lines[at] = l
		a.order = append(a.order, at)
	}
	return l
}

// job takes over what a night did for one patch on one device.
func (a *Account) job(v view.Night, j view.Job, records []run.Record) {
	at := spot{j.Device, j.Patch}
	p := a.planned[at]
	attempts := a.line(at).attempts
	l := &line{
		patch: p.patch, catalog: p.catalog, night: v.Night.String(), state: j.State, reason: j.Reason,
		before: j.Before, after: j.After, attempts: attempts, due: true,
	}
	*a.lines[at] = *l
	l = a.lines[at]
	l.seq, l.hash = records[0].Seq, records[0].Hash
	for _, r := range records {
		if r.Event.Device == j.Device && r.Event.Patch == j.Patch {
			l.note(r)
		}
	}
	if l.state != site.Done {
		l.verified = time.Time{}
	}
	a.approve(p)
}

// note takes over one record of a job.
func (l *line) note(r run.Record) {
	e := r.Event
	if e.To != "" && e.To == l.state {
		l.seq, l.hash = r.Seq, r.Hash
	}
	switch {
	case e.Kind == run.StepStarted && e.Step == run.Install:
		l.attempts++
		l.started = e.At
	case e.Kind != run.StepEnded:
	case e.Step == run.Verify:
		l.proof = proof(l.patch, e)
		if e.Outcome == run.OK {
			l.verified = e.At
		}
	case e.Outcome != run.OK:
	case e.Step == run.Install:
		l.installed = e.At
	case e.Step == run.Reboot:
		l.restarted = e.At
	case e.Step == run.Prove:
		l.proof += "; taken back: " + flat(e.Output)
	}
}

// leftOut takes over that a patch was not planned for a device. What was done before stays told.
func (a *Account) leftOut(v view.Night, o plan.LeftOut, records []run.Record) {
	at := spot{o.Device, o.Patch}
	if _, planned := a.planned[at]; planned {
		return
	}
	l := a.line(at)
	if l.due && o.State == site.NotDue {
		return
	}
	first := records[0]
	for _, r := range records {
		if r.Event.Kind == run.NightExtended {
			first = r
		}
	}
	l.state, l.reason, l.night, l.seq, l.hash = o.State, o.Reason, v.Night.String(), first.Seq, first.Hash
	if l.due {
		return
	}
	if p := first.Event.Plan; p != nil {
		l.catalog = p.Catalog
	}
	l.patch.ID = o.Patch
	if g := a.c.Generations[l.catalog]; g != nil {
		for _, known := range g.Catalog.Patches {
			if known.Patch.ID == o.Patch {
				l.patch = known.Patch
			}
		}
	}
}

// proof says what a device was asked and what it answered.
func proof(p site.Patch, e run.Event) string {
	var asked []string
	if p.Applies.Package != "" {
		asked = append(asked, "package "+p.Applies.Package+" "+p.Applies.Below)
	}
	for _, v := range p.Verify {
		switch {
		case v.Service != "":
			asked = append(asked, "service "+v.Service)
		case v.HTTP != "":
			asked = append(asked, "http "+v.HTTP)
		case v.TCP != "":
			asked = append(asked, "tcp "+v.TCP)
		default:
			asked = append(asked, "command "+strings.Join(v.Command, " "))
		}
	}
	text := "asked: " + strings.Join(append(asked, "what the device has recorded of the patch"), ", ") + "; answer: " + flat(e.Output)
	if e.ExitCode != nil {
		text += fmt.Sprintf(" (exit code %d)", *e.ExitCode)
	}
	if e.Observed == nil {
		return text
	}
	if name := p.Applies.Package; name != "" {
		text += fmt.Sprintf("; read back: %s %s", name, e.Observed.Packages[name])
	}
	if digest := e.Observed.Recorded[p.ID]; digest != "" {
		text += "; recorded: " + digest
	}
	return text
}

// flat puts what a device printed on one line.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// rows writes every line, in the order of the store file and then of the first word about it.
func (a *Account) rows() ([][]string, []dossier.Line) {
	place := func(at spot) int {
		i := slices.IndexFunc(a.c.Store.Devices, func(d site.Device) bool { return d.ID == at.device })
		if i < 0 {
			return len(a.c.Store.Devices)
		}
		return i
	}
	order := slices.Clone(a.order)
	slices.SortStableFunc(order, func(x, y spot) int { return place(x) - place(y) })
	var rows [][]string
	var lines []dossier.Line
	for _, at := range order {
		l := a.lines[at]
		rows = append(rows, a.row(at, l))
		if l.due || l.state != site.NotDue {
			lines = append(lines, l.shown(at))
		}
	}
	return rows, lines
}

func (a *Account) row(at spot, l *line) []string {
	device, _ := a.c.Store.Device(at.device)
	released := ""
	if !l.patch.VendorReleased.IsZero() {
		released = l.patch.VendorReleased.String()
	}
	code, reason := "", ""
	if l.reason != nil {
		code, reason = string(l.reason.Code), l.reason.Text
	}
	return []string{
		a.c.Store.ID, at.device, string(device.Class), device.Model, at.patch, l.patch.Title, string(l.patch.Severity), strings.Join(l.patch.CVEs, " "), released,
		l.before, l.after, l.patch.Approval.Change, a.approvedBy(l.patch, l.catalog), string(l.state), code,
		a.moment(l.started), a.moment(l.installed), a.moment(l.restarted), a.moment(l.verified), l.proof,
		strconv.Itoa(l.attempts), a.excepted(at, l), strconv.FormatUint(l.seq, 10), l.hash, a.moment(a.c.AsOf),
		l.night, a.c.Front.Stream, number(l.catalog), reason,
	}
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func (l *line) shown(at spot) dossier.Line {
	v := dossier.Line{
		Device: at.device, Patch: at.patch, Title: l.patch.Title, Severity: string(l.patch.Severity), State: string(l.state),
		Before: l.before, After: l.after, Change: l.patch.Approval.Change, Proof: l.proof, Verified: l.verified, Seq: l.seq,
		Good: l.state == site.Done, Bad: slices.Contains([]site.State{site.Failed, site.RolledBack, site.RollbackFailed, site.NoAnswer}, l.state),
	}
	if l.reason != nil {
		v.Code = string(l.reason.Code)
	}
	return v
}

// excepted says which exception of the catalog of the night covers a patch on a device.
func (a *Account) excepted(at spot, l *line) string {
	g := a.c.Generations[l.catalog]
	if g == nil {
		return ""
	}
	device, _ := a.c.Store.Device(at.device)
	var found []string
	for _, p := range g.Catalog.Patches {
		for _, e := range p.Exceptions {
			if e.Patch == at.patch && e.Covers(a.c.Store.ID, at.device, device.Groups) {
				found = append(found, fmt.Sprintf("until %s by %s: %s", a.moment(e.Expires), e.Owner, e.Reason))
			}
		}
	}
	return strings.Join(found, "; ")
}
