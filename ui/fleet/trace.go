package fleet

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Signatures are who signed a patch in a generation of the catalog, as headquarters verified it.
type Signatures struct {
	Catalog  int64        // the version of the generation
	Issued   time.Time    // signed by headquarters
	Manifest string       // the digest of what the owner signed
	Roles    []RoleSigned // of the owner and of the fleet
	Approval site.Approval
	Release  *site.Release
}

// RoleSigned is how a role signed.
type RoleSigned struct {
	Role      string
	Keys      []string // ids of the keys that signed
	Threshold int      // how many must
}

// TracePage is one patch on one device, from the change to the proof.
type TracePage struct {
	AsOf     string          `json:"as_of"`
	Store    overview.Store  `json:"store"`
	Device   string          `json:"device"`
	Patch    string          `json:"patch"`
	Title    string          `json:"title"`
	Standing comply.Standing `json:"standing"` // "": it is not asked for there
	Asset    string          `json:"asset_id"`
	Steps    []TraceStep     `json:"steps"`
	Missing  int             `json:"missing"` // what is not known, in all steps
	Events   []TraceEvent    `json:"events"`  // of this patch on this device, the oldest first
}

// TraceStep is one part of the way, with what is known of it and what is not.
type TraceStep struct {
	Name    string      `json:"name"`
	Facts   []TraceFact `json:"facts"`
	Missing []string    `json:"missing"` // what is not known, and why where that is known
}

// TraceFact is one thing that is known: a text or a moment.
type TraceFact struct {
	Name string    `json:"name"`
	Text string    `json:"text,omitempty"`
	At   time.Time `json:"at,omitzero"`
}

// TraceEvent is one event with the hash of its record in the journal of the store.
type TraceEvent struct {
	Event
	Attempt  int           `json:"attempt,omitempty"`
	ExitCode *int          `json:"exit_code,omitempty"`
	Took     site.Duration `json:"took,omitempty"`
	Hash     string        `json:"hash,omitempty"`
	Proof    bool          `json:"proof,omitempty"` // it is the one that proves the patch
}

// PageTitle implements page.Titled.
func (p TracePage) PageTitle() string { return p.Patch + " on " + p.Device + " of store " + p.Store.ID }

// say adds a fact; where it is empty, that it is not known.
func (s *TraceStep) say(name, text string) {
	if text == "" {
		s.Missing = append(s.Missing, name)
		return
	}
	s.Facts = append(s.Facts, TraceFact{Name: name, Text: text})
}

// at adds a moment; where it is zero, that it is not known.
func (s *TraceStep) at(name string, t time.Time) {
	if t.IsZero() {
		s.Missing = append(s.Missing, name)
		return
	}
	s.Facts = append(s.Facts, TraceFact{Name: name, At: t})
}

// traced is what the way of a patch is put together from.
type traced struct {
	patch  site.Patch
	times  comply.Times
	clocks comply.Clocks
	job    board.Job
	lab    []labProof
}

// labProof is a device of the lab on which a patch was proven.
type labProof struct {
	where string
	at    time.Time
}

// trace answers how one patch came to one device.
func (s *whole) trace(q *page.Query) (any, error) {
	id, device, patch := q.PathValue("id"), q.PathValue("device"), q.PathValue("patch")
	row, ok := q.Overview.Store(id)
	if !ok {
		return nil, page.Refuse(http.StatusNotFound, "no_store", "There is no store "+id+": it is not in the list of stores and was never heard.")
	}
	o, err := s.compliance.Judged(q.Context(), s.Now())
	if err != nil {
		return nil, err
	}
	p := TracePage{AsOf: page.RFC(o.Now), Store: row, Device: device, Patch: patch, Asset: id + "/" + device}
	var t traced
	known := false
	q.View(func(b *board.Board) { known = t.read(b, o, &p) })
	if !known {
		return nil, page.Refuse(http.StatusNotFound, "no_trace", "Nothing is known of "+patch+" on "+device+" of store "+id+".")
	}
	p.Title = t.patch.Title
	if p.Events, err = s.traceEvents(q, &t, &p); err != nil {
		return nil, err
	}
	signed, err := s.signatures(q, id, patch, t.job.Night.String())
	if err != nil {
		return nil, err
	}
	p.Steps = []TraceStep{t.change(signed), t.approval(signed), t.inLab(), t.onTheWay(), t.attempts(p.Events), t.verification(p.Events), t.reported()}
	for i := range p.Steps {
		step := &p.Steps[i]
		step.Facts, step.Missing = append([]TraceFact{}, step.Facts...), append([]string{}, step.Missing...)
		p.Missing += len(step.Missing)
	}
	return p, nil
}

// read takes from the board what is needed; false: the device or the patch is not known there.
func (t *traced) read(b *board.Board, o comply.Options, p *TracePage) bool {
	st := b.Stores[p.Store.ID]
	if st == nil || st.Devices[p.Device] == nil {
		return false
	}
	t.patch, t.times = b.Patches[p.Patch], o.Times[p.Patch]
	for _, a := range o.Catalog {
		if a.Patch.ID == p.Patch {
			t.patch = a.Patch
		}
	}
	j := st.Devices[p.Device].Find(p.Patch)
	if j != nil {
		t.job = *j
	}
	o.Stores = []string{p.Store.ID}
	v := comply.Look(b, o)
	for r := range v.Rows(comply.Filter{Patch: p.Patch}) {
		if r.Device.ID == p.Device {
			p.Standing, t.clocks = r.Standing, v.Clocks(r)
			return t.proven(b, p.Patch)
		}
	}
	t.clocks = comply.Clocks{
		Acquired: t.times.Acquired, Approved: t.times.Approved, Published: t.times.Published,
		Started: t.job.Started.Time(), Installed: t.job.Installed.Time(), Restarted: t.job.Restarted.Time(), Verified: t.job.Verified.Time(), Reported: t.job.Reported.Time(),
	}
	t.proven(b, p.Patch)
	return j != nil
}

// proven lists where in the lab the patch is proven.
func (t *traced) proven(b *board.Board, patch string) bool {
	for _, s := range b.Stores {
		if s.Info.Ring != site.RingLab {
			continue
		}
		for _, d := range s.Devices {
			if j := d.Find(patch); j != nil && j.State == site.Done && !j.Verified.IsZero() {
				t.lab = append(t.lab, labProof{s.ID + "/" + d.ID, j.Verified.Time()})
			}
		}
	}
	slices.SortFunc(t.lab, func(x, y labProof) int {
		if c := x.at.Compare(y.at); c != 0 {
			return c
		}
		return board.CompareIDs(x.where, y.where)
	})
	return true
}

// signatures are those of the generation by which the store went in a night; nil: they are not known.
func (s *whole) signatures(q *page.Query, store, patch, night string) (*Signatures, error) {
	if s.Signed == nil || s.History == nil {
		return nil, nil
	}
	var version int64
	opened, err := s.History.Events(q.Context(), board.Query{Store: store, Night: night, Kinds: []run.Kind{run.NightOpened}, Newest: true, Limit: 1})
	if err != nil {
		return nil, err
	}
	for _, e := range opened {
		if v := e.Event(); v.Plan != nil {
			version = v.Plan.Catalog
		}
	}
	return s.Signed(q.Context(), patch, version)
}

// traceLimit is how long the events of one patch on one device may take.
const traceLimit = 30 * time.Second

// traceEvents reads what the store told of the patch on the device.
func (s *whole) traceEvents(q *page.Query, t *traced, p *TracePage) ([]TraceEvent, error) {
	list := []TraceEvent{}
	if s.History == nil {
		return list, nil
	}
	ctx, cancel := context.WithTimeout(q.Context(), traceLimit)
	defer cancel()
	events, err := s.History.Events(ctx, board.Query{Store: p.Store.ID, Device: p.Device, Patch: p.Patch, Limit: page.Most})
	for _, e := range events {
		v := e.Event()
		list = append(list, TraceEvent{
			Event: lineOf(e), Attempt: v.Attempt, ExitCode: v.ExitCode, Took: v.Took, Hash: e.Hash,
			Proof: t.job.Proof != board.Mark{} && t.job.Proof == board.Mark{Stream: e.No, Seq: e.Seq},
		})
	}
	return list, err
}

func (t *traced) change(signed *Signatures) TraceStep {
	s := TraceStep{Name: "Change"}
	a := t.patch.Approval
	if signed != nil {
		a = signed.Approval
	}
	s.say("Change record", a.Change)
	s.say("Reason", a.Reason)
	s.say("Security impact", a.SecurityImpact)
	s.say("Tested", a.Tested)
	s.say("Back-out", a.Backout)
	s.say("Severity, ranked by headquarters", string(t.patch.Severity))
	if len(t.patch.CVEs) > 0 {
		s.say("CVEs", strings.Join(t.patch.CVEs, ", "))
	}
	released := ""
	if !t.patch.VendorReleased.IsZero() {
		released = t.patch.VendorReleased.String()
	}
	s.say("Released by its vendor", released)
	return s
}

func (t *traced) approval(signed *Signatures) TraceStep {
	s := TraceStep{Name: "Approval"}
	s.say("Owner", t.patch.Owner)
	s.at("Acquired by headquarters", t.clocks.Acquired)
	s.at("Approved: enough keys of the owner had signed", t.clocks.Approved)
	if signed == nil {
		s.Missing = append(s.Missing, "Signatures: headquarters does not keep the signed catalog that the store went by")
		return s
	}
	s.say("Signed catalog that the store went by", "version "+strconv.FormatInt(signed.Catalog, 10))
	s.at("Issued", signed.Issued)
	for _, r := range signed.Roles {
		text := strconv.Itoa(len(r.Keys)) + " of " + strconv.Itoa(r.Threshold) + " needed"
		if len(r.Keys) > 0 {
			text += ": keys " + strings.Join(r.Keys, ", ")
		}
		s.say("Signatures of "+r.Role, text)
	}
	s.say("Digest of what the owner signed", signed.Manifest)
	if r := signed.Release; r != nil {
		s.say("Released to ring", string(r.Ring))
	} else {
		s.Missing = append(s.Missing, "Release: that catalog releases it to no ring")
	}
	return s
}

func (t *traced) inLab() TraceStep {
	s := TraceStep{Name: "Proof in the lab"}
	before := 0
	for _, l := range t.lab {
		if !t.job.Started.IsZero() && l.at.Before(t.job.Started.Time()) {
			before++
		}
	}
	if len(t.lab) == 0 {
		s.Missing = append(s.Missing, "Proof: no device of ring lab has it proven")
		return s
	}
	s.say("Devices of the lab on which it is proven", strconv.Itoa(len(t.lab)))
	if !t.job.Started.IsZero() {
		s.say("Of them before it was begun here", strconv.Itoa(before))
	}
	s.at("First, on "+t.lab[0].where, t.lab[0].at)
	return s
}

func (t *traced) onTheWay() TraceStep {
	s := TraceStep{Name: "On the way to the store"}
	s.at("Published in a ring", t.clocks.Published)
	s.at("All its bytes in the store", t.clocks.Cached)
	s.at("First window in which it could be begun", t.clocks.Eligible)
	return s
}

func (t *traced) attempts(events []TraceEvent) TraceStep {
	s := TraceStep{Name: "Attempts"}
	s.at("Begun", t.clocks.Started)
	s.at("Installed", t.clocks.Installed)
	if t.patch.Reboot != site.RebootNever {
		s.at("Restarted", t.clocks.Restarted)
	}
	if !t.job.Failed.IsZero() {
		s.at(strings.TrimSuffix("Broke last: "+page.Plain(t.job.FailedCode), ": "), t.job.Failed.Time())
	}
	if !t.job.RolledBack.IsZero() {
		s.at("Taken back", t.job.RolledBack.Time())
	}
	if len(events) == 0 {
		s.Missing = append(s.Missing, "Events: none is stored; they are kept for 13 months")
	} else {
		s.say("Events", strconv.Itoa(len(events))+", below")
	}
	return s
}

func (t *traced) verification(events []TraceEvent) TraceStep {
	s := TraceStep{Name: "Verification on the device"}
	s.at("Proven", t.clocks.Verified)
	s.say("What is asked of the device", strings.Join(proofs(t.patch), "; "))
	i := slices.IndexFunc(events, func(e TraceEvent) bool { return e.Proof })
	if i < 0 {
		s.Missing = append(s.Missing, "The record that proves it")
		return s
	}
	e := events[i]
	s.say("Record", "event "+strconv.FormatUint(e.Seq, 10)+" of journal "+e.Stream)
	s.say("Hash of the record", e.Hash)
	return s
}

// proofs are what proves a patch, in words.
func proofs(p site.Patch) []string {
	var all []string
	if p.Applies.Package != "" {
		all = append(all, p.Applies.Package+" is not below "+p.Applies.Below)
	}
	for _, v := range p.Verify {
		switch {
		case v.Service != "":
			all = append(all, "service "+v.Service+" runs")
		case v.HTTP != "":
			all = append(all, v.HTTP+" answers")
		case v.TCP != "":
			all = append(all, v.TCP+" is open")
		case len(v.Command) > 0:
			all = append(all, "\""+strings.Join(v.Command, " ")+"\" ends with 0")
		}
	}
	return all
}

func (t *traced) reported() TraceStep {
	s := TraceStep{Name: "Reported"}
	s.at("Headquarters knew", t.clocks.Reported)
	return s
}
