package overview

import (
	"fmt"
	"time"

	"github.com/nightfill/nightfill/site/board"
)

// The states of the line to a store.
const (
	Live  = "live"  // heard within two beats
	Late  = "late"  // nothing heard for longer, and the broker has not said that it is gone
	Lost  = "lost"  // the broker says that it is gone, or it said goodbye
	Never = "never" // nothing was ever heard
)

// beat is how often a store says that it is there when nothing changes.
const beat = 10 * time.Minute

// Contact is how the line to a store stands, as of Heard.
type Contact struct {
	State string    `json:"state"`
	Heard time.Time `json:"heard,omitzero"`
	Text  string    `json:"text"`
}

func contacts() []string { return []string{Live, Late, Lost, Never} }

func contactWord(c string) string {
	return map[string]string{Live: "live", Late: "late", Lost: "lost", Never: "never heard"}[c]
}

// contactOf says how the line stands. Where headquarters itself cannot hear, silence since then means nothing.
func contactOf(s *board.Store, o Options, zone *time.Location, n night) Contact {
	c := Contact{Heard: s.Contact.Heard}
	if s.Contact.At.After(c.Heard) && s.Contact.State != "lost" {
		c.Heard = s.Contact.At
	}
	switch {
	case s.Contact.State == "" && c.Heard.IsZero():
		return Contact{State: Never, Text: "Nothing was ever heard of this store."}
	case s.Contact.State == "lost" || s.Contact.State == "disconnected":
		c.State = Lost
	case o.heard().Sub(c.Heard) > 2*beat:
		c.State = Late
	default:
		c.State, c.Text = Live, "In contact."
		return c
	}
	since := Clock(c.Heard, o.Now, zone)
	if s.Contact.State == "disconnected" {
		c.Text = "The store signed off at " + since + "."
	} else {
		c.Text = "No contact since " + since + "."
	}
	if n.stage == due || n.stage == open {
		at := deadline(s, n, zone)
		if o.Now.Before(at) {
			c.Text += fmt.Sprintf(" The store carries on alone; its report is due when the line is back. It needs someone from %s.", Clock(at, o.Now, zone))
		}
	}
	return c
}

// Clock writes a moment in a zone: the hour with the zone, and the day where it is not today.
func Clock(t, now time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "an unknown time"
	}
	l, n := t.In(zone), now.In(zone)
	if l.Year() == n.Year() && l.YearDay() == n.YearDay() {
		return l.Format("15:04 MST")
	}
	if d := n.Sub(l); d < 6*24*time.Hour && d > -6*24*time.Hour {
		return l.Format("Mon 15:04 MST")
	}
	return l.Format("2006-01-02 15:04 MST")
}
