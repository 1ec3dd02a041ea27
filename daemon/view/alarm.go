package view

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
)

// riskFrom is when it begins to matter that the store is not proven ready yet: at the cut-off of the
// window that is open, or of the one after which the store opens next; zero when it does not.
func riskFrom(f Facts) time.Time {
	c := f.Store.Calendar
	if span, inside := c.Contains(f.Now); inside {
		return span.Close.Add(-c.Reserve)
	}
	n := f.State.Night
	if n == nil || f.Now.Before(n.Plan.Closes) {
		return time.Time{}
	}
	if opens, ok := c.NextOpening(n.Plan.Closes); ok && f.Now.Before(opens) {
		return n.Plan.Cutoff
	}
	return time.Time{}
}

// alarms are what a person must know of now, by code. What was told as red or at risk lasts until the
// store is proven to be able to open: that nothing is known does not end it.
func alarms(f Facts) map[string]site.Alarm {
	all := map[string]site.Alarm{}
	add := func(a site.Alarm) {
		if _, there := all[a.Code]; !there {
			all[a.Code] = a
		}
	}
	if f.Report.Verdict == site.NotReady {
		for _, finding := range f.Report.Fix {
			add(site.Alarm{Code: finding.Code, Cause: site.CauseNotReady, Device: finding.Device, Text: finding.What})
		}
	}
	for _, finding := range f.Report.Notes {
		if finding.Code == ready.CodeRisk {
			add(site.Alarm{Code: finding.Code, Cause: site.CauseAtRisk, Text: finding.What})
		}
	}
	for _, device := range slices.Sorted(maps.Keys(f.State.Dirty)) {
		add(site.Alarm{Code: "DIRTY-" + device, Cause: site.CauseRollbackFailed, Device: device, Text: text(f.State.Dirty[device])})
	}
	if f.State.Night.Open() {
		for j := range f.State.Night.Jobs() {
			if j.State == site.NoAnswer {
				add(site.Alarm{Code: "SILENT-" + j.Device, Cause: site.CauseNoAnswer, Device: j.Device, Text: text(j.Reason)})
			}
		}
	}
	for _, a := range f.State.Alarms {
		if a.Cause == site.CauseNotReady && lasts(f.Report.Verdict) || a.Cause == site.CauseAtRisk && f.Report.Verdict == site.CannotTell {
			add(a)
		}
	}
	return all
}

// lasts reports whether a red finding that is not told any more may still be there: the verdict
// does not rest on all checks.
func lasts(v site.Verdict) bool { return v == site.CannotTell || v == site.Working }

// Escalate returns what is to be written down about alarms now: those that begin, changed or are
// over, and the tiers that are to be told.
func Escalate(f Facts) []run.Event {
	var events []run.Event
	wanted, now := alarms(f), f.Now
	for _, code := range slices.Sorted(maps.Keys(f.State.Alarms)) {
		if _, still := wanted[code]; !still {
			events = append(events, run.Event{Kind: run.AlarmCleared, At: now, Alarm: &run.AlarmNote{Code: code}})
		}
	}
	for _, code := range slices.Sorted(maps.Keys(wanted)) {
		a, had := f.State.Alarms[code]
		if w := wanted[code]; !had || a.Cause != w.Cause || a.Text != w.Text {
			w.Since, w.Told, w.Ack = now, nil, nil
			a = w
			events = append(events, run.Event{Kind: run.AlarmRaised, At: now, Text: a.Text, Alarm: &run.AlarmNote{Code: code, Cause: a.Cause, Device: a.Device}})
		}
		for _, t := range a.Due(f.Store.Escalation, now) {
			events = append(events, run.Event{Kind: run.AlarmTold, At: now, Alarm: &run.AlarmNote{Code: code, To: t.To, After: t.After, Webhook: t.Webhook}})
		}
	}
	return events
}

// Alarm is something that people are told of, with who is told next.
type Alarm struct {
	site.Alarm
	Next   string    `json:"next,omitempty"` // the contact
	NextAt time.Time `json:"next_at,omitzero"`
}

func alarmsNow(f Facts) []Alarm {
	var all []Alarm
	for _, code := range slices.Sorted(maps.Keys(f.State.Alarms)) {
		v := Alarm{Alarm: f.State.Alarms[code]}
		if next, at, ok := v.Alarm.Next(f.Store.Escalation); ok {
			v.Next, v.NextAt = next.To, at
		}
		all = append(all, v)
	}
	return all
}

// Alerts are what needs a person, by code, as the retained topics show it.
func Alerts(f Facts) map[string]any {
	alerts := map[string]any{}
	for _, finding := range f.Report.Fix {
		alert := map[string]any{
			"schema": "alert/1", "code": finding.Code, "device": finding.Device, "text": finding.What, "since": finding.Since,
			"blocks_trading": finding.BlocksTrading, "rev": f.State.Seq,
		}
		if finding.Broke != "" {
			alert["broke"], alert["broke_text"] = finding.Broke, finding.BrokeText
		}
		alerts[finding.Code] = alert
	}
	for device, reason := range f.State.Dirty {
		alerts["DIRTY-"+device] = map[string]any{
			"schema": "alert/1", "code": "DIRTY-" + device, "device": device, "text": text(reason), "blocks_trading": false, "rev": f.State.Seq,
		}
	}
	if list := quarantined(f.State, time.Time{}); len(list) > 0 {
		alerts[alertQuarantine] = quarantineAlert(list, f.State.Seq)
	}
	for code, a := range f.State.Alarms {
		alert, ok := alerts[code].(map[string]any)
		if !ok {
			alert = AlertOf(f.Store, a)
			alert["blocks_trading"], alert["rev"] = a.Cause == site.CauseNotReady, f.State.Seq
		}
		maps.Copy(alert, escalation(f.Store, a))
		alerts[code] = alert
	}
	return alerts
}

// alertQuarantine is the code of the one alert about all patches in quarantine.
const alertQuarantine = "patch_quarantined"

func quarantineAlert(list []site.Quarantine, rev uint64) map[string]any {
	patches, texts, since := []string{}, []string{}, list[0].Since
	for _, q := range list {
		patches, texts = append(patches, q.Patch), append(texts, q.Patch+": "+text(q.Reason))
		if q.Since.Before(since) {
			since = q.Since
		}
	}
	return map[string]any{
		"schema": "alert/1", "code": alertQuarantine, "patches": patches, "quarantine": list, "text": strings.Join(texts, "; "), "since": since,
		"blocks_trading": false, "rev": rev,
	}
}

// AlertOf shows an alarm as it is posted to the webhook of a tier.
func AlertOf(store site.Store, a site.Alarm) map[string]any {
	alert := map[string]any{"schema": "alert/1", "org": store.Org, "store": store.ID, "code": a.Code, "device": a.Device, "text": a.Text, "since": a.Since}
	maps.Copy(alert, escalation(store, a))
	return alert
}

// escalation is who was told of an alarm, who is told next, and who has taken it on.
func escalation(store site.Store, a site.Alarm) map[string]any {
	v := map[string]any{"cause": a.Cause, "told": a.Told}
	if a.Told == nil {
		v["told"] = []site.Told{}
	}
	if next, at, ok := a.Next(store.Escalation); ok {
		v["next"] = map[string]any{"to": next.To, "at": at}
	}
	if a.Ack != nil {
		v["acked"] = a.Ack
	}
	return v
}
