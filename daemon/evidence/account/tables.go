package account

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/sync/catalog"
	"github.com/nightfill/nightfill/ui/dossier"
)

// approvalKey names what was approved: a patch with the bytes of its manifest.
type approvalKey struct {
	patch, manifest string
	catalog         int64
}

// approve takes note of a patch that was due, with the signed manifest that approved it.
func (a *Account) approve(p planned) {
	k := approvalKey{patch: p.patch.ID, catalog: p.catalog}
	if g := a.c.Generations[p.catalog]; g != nil {
		k.manifest = g.Manifests[p.patch.ID]
	}
	same := func(o approvalKey) bool { return o.patch == k.patch && o.manifest == k.manifest }
	if i := slices.IndexFunc(a.due, same); i >= 0 {
		a.due[i].catalog = k.catalog // the newest catalog that says so
		return
	}
	a.due = append(a.due, k)
}

func approvalColumns() []string {
	return []string{
		"patch", "title", "owner", "change", "reason", "security_impact", "approved_by", "tested", "backout", "not_filled_in", "threshold_met",
		"owner_needs", "owner_keys", "fleet_needs", "fleet_keys", "ring", "stores", "not_before", "not_after", "severity", "cves", "vendor_released",
		"manifest_sha256", "artifacts", "catalog_version", "catalog_issued",
	}
}

// approvals writes one row for each patch that was due and is signed in a catalog of the pack.
func (a *Account) approvals() ([][]string, []dossier.Approval) {
	var rows [][]string
	var shown []dossier.Approval
	due := slices.Clone(a.due)
	slices.SortStableFunc(due, func(x, y approvalKey) int { return strings.Compare(x.patch, y.patch) })
	for _, k := range due {
		g := a.c.Generations[k.catalog]
		if g == nil {
			continue
		}
		for _, p := range g.Catalog.Patches {
			if p.Patch.ID == k.patch {
				row, line := a.approval(g, p, k)
				rows, shown = append(rows, row), append(shown, line)
			}
		}
	}
	return rows, shown
}

func (a *Account) approval(g *catalog.Proven, p site.Approved, k approvalKey) ([]string, dossier.Approval) {
	ap, owner, fleet := p.Patch.Approval, g.Signed[p.Patch.Owner], g.Signed[site.FleetRole]
	line := dossier.Approval{
		Patch: p.Patch.ID, Change: ap.Change, Reason: ap.Reason, Impact: ap.SecurityImpact, Tested: ap.Tested, Backout: ap.Backout,
		By: a.approvedBy(p.Patch, k.catalog), Lacks: lacks(ap), Met: met(owner) && met(fleet),
	}
	ring, stores := "", p.Patch.Stores
	if p.Release != nil {
		ring, stores = string(p.Release.Ring), append(slices.Clone(stores), p.Release.Stores...)
	}
	var artifacts []string
	for _, f := range p.Patch.Artifacts {
		artifacts = append(artifacts, f.Name+" "+f.SHA256)
	}
	optional := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return a.moment(*t)
	}
	return []string{
		p.Patch.ID, p.Patch.Title, p.Patch.Owner, ap.Change, ap.Reason, ap.SecurityImpact, line.By, ap.Tested, ap.Backout, line.Lacks, yesNo(line.Met),
		strconv.Itoa(owner.Threshold), strings.Join(owner.Keys, " "), strconv.Itoa(fleet.Threshold), strings.Join(fleet.Keys, " "),
		ring, strings.Join(stores, " "), optional(ap.NotBefore), optional(ap.NotAfter), string(p.Patch.Severity), strings.Join(p.Patch.CVEs, " "), p.Patch.VendorReleased.String(),
		k.manifest, strings.Join(artifacts, "; "), strconv.FormatInt(k.catalog, 10), a.moment(g.Catalog.Issued),
	}, line
}

// lacks names the fields of a documented change that are empty. That it was approved is what the signatures say.
func lacks(ap site.Approval) string {
	var empty []string
	for _, f := range []struct{ name, text string }{
		{"change", ap.Change}, {"reason", ap.Reason}, {"security_impact", ap.SecurityImpact}, {"tested", ap.Tested}, {"backout", ap.Backout},
	} {
		if f.text == "" {
			empty = append(empty, f.name)
		}
	}
	return strings.Join(empty, " ")
}

func met(s catalog.Signed) bool { return s.Threshold > 0 && len(s.Keys) >= s.Threshold }

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// approvedBy names the roles and keys that signed a patch and its release.
func (a *Account) approvedBy(p site.Patch, version int64) string {
	g := a.c.Generations[version]
	if g == nil || p.Owner == "" {
		return ""
	}
	var parts []string
	for _, role := range []string{p.Owner, site.FleetRole} {
		s := g.Signed[role]
		var short []string
		for _, k := range s.Keys {
			short = append(short, k[:min(12, len(k))])
		}
		parts = append(parts, fmt.Sprintf("%s: %s (%d of %d needed)", role, strings.Join(short, " "), len(s.Keys), s.Threshold))
	}
	return strings.Join(parts, "; ")
}

func exceptionColumns() []string {
	return []string{"patch", "scope", "owner", "reason", "risk", "controls", "expires", "in_force", "catalog_version"}
}

// exceptions writes every exception that a catalog of the pack makes for the store; in_force says
// whether the newest catalog has it and it had not ended.
func (a *Account) exceptions() ([][]string, []dossier.Exception) {
	versions := slices.Sorted(maps.Keys(a.c.Generations))
	rows := map[string][]string{}
	for i, version := range versions {
		for _, p := range a.c.Generations[version].Catalog.Patches {
			for _, e := range p.Exceptions {
				if len(e.Stores) > 0 && !slices.Contains(e.Stores, a.c.Store.ID) {
					continue
				}
				holds := i == len(versions)-1 && a.c.AsOf.Before(e.Expires)
				row := []string{e.Patch, e.Scope(), e.Owner, e.Reason, e.Risk, e.Controls, a.moment(e.Expires), yesNo(holds), strconv.FormatInt(version, 10)}
				rows[strings.Join(row[:7], "\x00")] = row
			}
		}
	}
	var list [][]string
	var shown []dossier.Exception
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		row := rows[key]
		list = append(list, row)
		shown = append(shown, dossier.Exception{Patch: row[0], Scope: row[1], Owner: row[2], Reason: row[3], Expires: row[6]})
	}
	return list, shown
}

func actionColumns() []string {
	return []string{"record_seq", "at", "actor", "kind", "device", "patch", "text", "why", "outcome", "record_hash"}
}

// action takes note of what a person did. The box's own work is in the nights.
func (a *Account) action(r run.Record) {
	e := r.Event
	actor, text := e.Actor, e.Text
	if actor == "" && e.Hold != nil {
		actor = e.Hold.Actor
	}
	if actor == "" {
		return
	}
	if e.Hold != nil {
		text = "until " + a.moment(e.Hold.Until) + ": " + e.Hold.Reason
	}
	a.actions = append(a.actions, []string{strconv.FormatUint(r.Seq, 10), a.moment(e.At), actor, string(e.Kind), e.Device, e.Patch, text, e.Why, string(e.Outcome), r.Hash})
}

// tape is what was recorded of a terminal.
type tape struct {
	id, device, actor, reason string
	begun                     time.Time
	lasted, sha256            string
	seq                       uint64
}

func tapeColumns() []string {
	return []string{"recording", "device", "actor", "reason", "begun_at", "lasted", "sha256", "record_seq"}
}

func (a *Account) tape(r run.Record) {
	e := r.Event
	switch e.Kind {
	case run.TerminalOpened:
		a.tapes = append(a.tapes, tape{id: e.Work, device: e.Device, actor: e.Actor, reason: e.Text, begun: e.At, seq: r.Seq})
	case run.TerminalClosed:
		i := slices.IndexFunc(a.tapes, func(t tape) bool { return t.id == e.Work })
		if i < 0 { // it was opened before the first record
			a.tapes = append(a.tapes, tape{id: e.Work, device: e.Device, actor: e.Actor})
			i = len(a.tapes) - 1
		}
		a.tapes[i].lasted, a.tapes[i].sha256, a.tapes[i].seq = e.Took.String(), e.Text, r.Seq
	}
}

func (a *Account) tapeRows() [][]string {
	var rows [][]string
	for _, t := range a.tapes {
		rows = append(rows, []string{t.id, t.device, t.actor, t.reason, a.moment(t.begun), t.lasted, t.sha256, strconv.FormatUint(t.seq, 10)})
	}
	return rows
}
