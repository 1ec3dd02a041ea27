package run

import (
	"time"

	"slices"

	"github.com/nightfill/nightfill/site"
)

// AlarmNote says which alarm an event is about, and which tier.
type AlarmNote struct {
	Code    string        `json:"code"`
	Cause   site.Cause    `json:"cause,omitempty"`  // alarm.raised
	Device  string        `json:"device,omitempty"` // alarm.raised
	To      string        `json:"to,omitempty"`     // alarm.told, alarm.sent
	After   site.Duration `json:"after,omitempty"`
	Webhook string        `json:"webhook,omitempty"`
}

// MayAck says why a person cannot take an alarm on. Nil means that he can: an AlarmAcked event stops
// the tiers that were not told yet.
func MayAck(s State, code string) *site.Reason {
	a, lasts := s.Alarms[code]
	switch {
	case !lasts:
		return site.Because(site.CodeNotApplicable, "there is no alarm "+code+" now; see: nightfill status")
	case a.Ack != nil:
		return site.Because(site.CodeNotApplicable, code+" was taken on by "+a.Ack.Actor+" already: "+a.Ack.Reason, "actor", a.Ack.Actor)
	}
	return nil
}

// alarm folds what happened to an alarm. One that is raised again has changed: nobody was told of that.
func (s *State) alarm(e Event) {
	if e.Alarm == nil {
		return
	}
	a, lasts := s.Alarms[e.Alarm.Code]
	switch {
	case e.Kind == AlarmRaised:
		a = site.Alarm{Code: e.Alarm.Code, Cause: e.Alarm.Cause, Device: e.Alarm.Device, Text: e.Text, Since: e.At}
	case e.Kind == AlarmCleared:
		drop(&s.Alarms, &s.own.alarms, e.Alarm.Code)
		return
	case !lasts:
		return
	case e.Kind == AlarmTold:
		a.Told = append(slices.Clone(a.Told), site.Told{To: e.Alarm.To, After: e.Alarm.After, At: e.At, Webhook: e.Alarm.Webhook})
	case e.Kind == AlarmSent:
		a.Told = slices.Clone(a.Told)
		for i := range a.Told {
			if a.Told[i].To == e.Alarm.To && a.Told[i].After == e.Alarm.After {
				a.Told[i].Sent = site.SentOK
				if e.Outcome != OK {
					a.Told[i].Sent = site.SentFailed
				}
			}
		}
	case e.Kind == AlarmAcked:
		a.Ack = &site.Ack{Actor: e.Actor, Reason: e.Text, At: e.At}
	}
	set(&s.Alarms, &s.own.alarms, a.Code, a)
}

// verdict takes over the store's word.
func (s *State) verdict(e Event) {
	trades, did := e.Verdict.Trades(), s.Verdict.Trades()
	switch {
	case !trades:
		s.TradesAt = time.Time{}
	case !did:
		s.TradesAt = e.At
	}
	s.Verdict, s.VerdictAt = e.Verdict, e.At
}
