package hq

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/config/hqfile"
	"github.com/nightfill/nightfill/daemon/hq/escalate"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/breaker"
	"github.com/nightfill/nightfill/site/board/comply"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/board/register"
	"github.com/nightfill/nightfill/site/window/tzdata"
	"github.com/nightfill/nightfill/ui/fleet"
	"github.com/nightfill/nightfill/ui/fleet/page"
	"github.com/nightfill/nightfill/ui/handbook"
	"github.com/nightfill/nightfill/ui/signin"
)

// fleetPages are the pages and the API.
func (h *HQ) fleetPages() http.Handler {
	o := fleet.Options{
		Source: h.fleet, History: h.db, Register: h.db, Actor: actor, Origin: signin.Origin, Night: h.picture, Signed: h.signed, Shift: h.shift, Line: h.line, Comply: h.comply, Tiers: h.nextTiers, Zone: zone, Version: "nightfill-hq " + h.Version, Log: h.Log,
		Evidence: h.packs(), Handbook: handbook.Open(),
	}
	o.Hinter = hinter{h.fleet}
	if desk := h.desk(); desk != nil {
		o.Holds, o.Stopper = holds{desk, h}, stopper{h.watch(), h}
	}
	if !h.Config.Login.Off {
		o.Logout = "/logout"
	}
	return fleet.New(o)
}

// comply is what is approved, and by which policy compliance is judged.
func (h *HQ) comply() comply.Options {
	approved := h.Approved()
	o := comply.Options{Catalog: approved.Patches, Issued: approved.Issued, Policy: h.Config.Compliance}
	if desk := h.desk(); desk != nil {
		var err error
		if o.Times, err = desk.Times(); err != nil {
			h.Log.Debug("when patches were approved and published is not known", "err", err)
		}
	}
	return o
}

// more is what headquarters itself needs a person for.
func (h *HQ) more(ctx context.Context, now time.Time) ([]overview.Item, error) {
	exceptions, err := h.db.Notes(ctx, register.NoteKind)
	if err != nil {
		return nil, err
	}
	proposals, err := h.db.Notes(ctx, breaker.NoteKind)
	if err != nil {
		return nil, err
	}
	entries, err := register.Read(exceptions)
	if err != nil {
		h.Log.Error("an exception of the register is passed over", "err", err)
	}
	return append(overview.OfExceptions(entries, now), overview.OfDecisions(breaker.Read(proposals), h.Approved(), now)...), nil
}

// line is how headquarters itself hears.
func (h *HQ) line() page.Line {
	s := h.fleet.Status()
	return page.Line{
		Connected: s.Connected, Since: s.Since, Lag: s.Lag.Seconds(), Gaps: s.Gaps, Unread: int(s.Unreadable), Leader: s.Leader, PerSecond: s.Rate,
	}
}

// look is the overview of now, as the pages have it.
func (h *HQ) look(ctx context.Context, now time.Time) (*overview.Overview, error) {
	notes, err := h.db.Notes(ctx, overview.NoteKind)
	if err != nil {
		return nil, err
	}
	kept := map[string]overview.Attention{}
	for _, n := range notes {
		var a overview.Attention
		if json.Unmarshal(n.Body, &a) == nil {
			kept[n.ID] = a
		}
	}
	more, err := h.more(ctx, now)
	if err != nil {
		return nil, err
	}
	o := overview.Options{Now: now, Kept: kept, Zone: zone, Tiers: h.nextTiers, More: more}
	if s := h.fleet.Status(); !s.Connected {
		o.Heard = s.Since
	}
	var v *overview.Overview
	h.fleet.View(func(b *board.Board) { v = overview.Look(b, o) })
	return v, nil
}

// nextTiers are the times after which somebody is told of an item, as the tiers of the file say.
func (h *HQ) nextTiers(i overview.Item) []time.Duration {
	var all []time.Duration
	for _, t := range h.Config.Escalation {
		if (!t.Urgent || i.Urgency == overview.Now) && (len(t.For) == 0 || slices.Contains(t.For, string(i.Kind))) {
			all = append(all, t.After)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// zone finds a time zone; nil = UTC.
func zone(name string) *time.Location {
	z, err := tzdata.Load(name)
	if err != nil {
		return nil
	}
	return z
}

// newEscalator makes what tells people of what nobody took on.
func (h *HQ) newEscalator() *escalate.Escalator {
	return escalate.New(escalate.Options{
		Org: h.Config.Org, Address: h.Config.Address, Tiers: tiers(h.Config), Notes: h.db, Log: h.Log,
		Leader: func() bool { return h.fleet.Status().Leader },
		Items: func(ctx context.Context, now time.Time) ([]escalate.Item, error) {
			v, err := h.look(ctx, now)
			if err != nil {
				return nil, err
			}
			return items(v.Items), nil
		},
		Told: h.told,
	})
}

// items are those of the overview as they are told to people.
func items(all []overview.Item) []escalate.Item {
	list := make([]escalate.Item, 0, len(all))
	for _, i := range all {
		list = append(list, escalate.Item{
			ID: i.ID, Group: i.GroupID(), Kind: string(i.Kind), Urgent: i.Urgency == overview.Now, Store: i.Store, StoreName: i.StoreName, Device: i.Device,
			Patch: i.Patch, Cause: i.Cause, Text: i.Text, Since: i.Since, Taken: i.Acked != nil || i.Shelved != nil,
		})
	}
	return list
}

// tiers are those of the file, one for each way in which somebody is told.
func tiers(c hqfile.Headquarters) []escalate.Tier {
	var all []escalate.Tier
	for _, t := range c.Escalation {
		one := escalate.Tier{After: t.After, Urgent: t.Urgent, For: t.For, Repeat: t.Repeat}
		for _, name := range t.Webhooks {
			for _, w := range c.Webhooks {
				if w.Name == name {
					one.To, one.Sender = "webhook "+name, escalate.Webhook{URL: w.URL, SecretFile: w.SecretFile}
					all = append(all, one)
				}
			}
		}
		if m := c.SMTP; m != nil && len(t.Mail) > 0 {
			one.To = "mail " + strings.Join(t.Mail, ", ")
			one.Sender = escalate.Mail{
				Host: m.Host, Security: string(m.Security), CA: m.CA, From: m.From, To: t.Mail, Username: m.Username, PasswordFile: m.PasswordFile, Address: c.Address,
			}
			all = append(all, one)
		}
	}
	return all
}

// told writes down that somebody was told, or was not.
func (h *HQ) told(to string, m escalate.Message, why error) {
	d := board.Deed{At: time.Now(), Actor: "nightfill-hq", Origin: "program", Verb: "tell", Subject: to, Outcome: "ok", Text: m.Text}
	if why != nil {
		d.Outcome, d.Text = "failed", m.Text+" "+why.Error()
	}
	h.counters.message(why == nil)
	h.record(context.Background(), d)
}
