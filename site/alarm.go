package site

import (
	"slices"
	"time"
)

// Cause is why a person is told.
type Cause string

// The causes. Who wants to know of a store that is not ready also wants to know early that it may not be.
const (
	CauseNotReady       Cause = "not_ready"       // something keeps the store from trading
	CauseAtRisk         Cause = "at_risk"         // the store opens soon and is not proven ready: told with CauseNotReady
	CauseRollbackFailed Cause = "rollback_failed" // a device was left without proof
	CauseNoAnswer       Cause = "no_answer"       // a device fell silent in the middle of a night
)

// Escalation is one tier: who is told of an alarm that lasts.
type Escalation struct {
	After   Duration `json:"after"`             // how long after the alarm began
	To      string   `json:"to"`                // name of a contact
	For     []Cause  `json:"for,omitempty"`     // empty = every cause
	Webhook string   `json:"webhook,omitempty"` // where it is posted as well; "" = nowhere
}

// Wants reports whether the tier is told of alarms with this cause.
func (e Escalation) Wants(c Cause) bool {
	if c == CauseAtRisk {
		c = CauseNotReady
	}
	return len(e.For) == 0 || slices.Contains(e.For, c)
}

// Alarm is something that a person must know of, from its begin to its end.
type Alarm struct {
	Code   string    `json:"code"` // of the finding, for example POS-1; unique among those that last
	Cause  Cause     `json:"cause"`
	Device string    `json:"device,omitempty"`
	Text   string    `json:"text"`
	Since  time.Time `json:"since"`
	Told   []Told    `json:"told,omitempty"` // in order
	Ack    *Ack      `json:"ack,omitempty"`  // nil = nobody has taken it on
}

// Told is one tier that was told. Sent is how its webhook ended: "" = it has none, or it is not known yet.
type Told struct {
	To      string    `json:"to"`
	After   Duration  `json:"after"`
	At      time.Time `json:"at"`
	Webhook string    `json:"webhook,omitempty"`
	Sent    string    `json:"sent,omitempty"`
}

// The ends of a webhook.
const (
	SentOK     = "ok"
	SentFailed = "failed"
)

// Ack is who has taken an alarm on.
type Ack struct {
	Actor  string    `json:"actor"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// open are the tiers that are still to be told, in order of time: none when somebody has taken the alarm on.
func (a Alarm) open(tiers []Escalation) []Escalation {
	if a.Ack != nil {
		return nil
	}
	var open []Escalation
	for _, t := range tiers {
		told := slices.ContainsFunc(a.Told, func(b Told) bool { return b.To == t.To && b.After == t.After })
		if t.Wants(a.Cause) && !told {
			open = append(open, t)
		}
	}
	slices.SortStableFunc(open, func(x, y Escalation) int { return int(x.After - y.After) })
	return open
}

// Due returns the tiers that are to be told now.
func (a Alarm) Due(tiers []Escalation, now time.Time) []Escalation {
	return slices.DeleteFunc(a.open(tiers), func(t Escalation) bool { return now.Before(a.Since.Add(t.After.Std())) })
}

// Next returns the tier that is told next if nobody takes the alarm on, and when; false = none.
func (a Alarm) Next(tiers []Escalation) (Escalation, time.Time, bool) {
	open := a.open(tiers)
	if len(open) == 0 {
		return Escalation{}, time.Time{}, false
	}
	return open[0], a.Since.Add(open[0].After.Std()), true
}
