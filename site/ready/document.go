package ready

import (
	"time"

	"github.com/nightfill/nightfill/site"
)

// Document is the judgement as machines read it: /ready.json and the retained topic `ready`.
type Document struct {
	Schema       string        `json:"schema"` // "ready/1"
	Verdict      site.Verdict  `json:"verdict"`
	Ready        int           `json:"ready"` // 1: the store can open, with or without notes; 0: everything else
	Text         string        `json:"text"`
	Fix          []Finding     `json:"fix"`
	Notes        []Finding     `json:"notes"`
	Checks       Counts        `json:"checks"`
	Capabilities []Capability  `json:"capabilities"`
	Tonight      *Notice       `json:"tonight,omitempty"`
	DoNotTouch   []Untouchable `json:"do_not_touch,omitempty"`
	AsOf         time.Time     `json:"as_of,omitzero"`
	MaxAge       int           `json:"max_age_s"`      // seconds after AsOf until the document says nothing any more
	More         int           `json:"more,omitempty"` // how much Short left out of the three lists
	Rev          uint64        `json:"rev"`
}

// shortList is how much of each list is in a short document.
const shortList = 50

// Short is the document for whoever takes no large one: the same word, with the first of each list.
func (d Document) Short() any {
	all := len(d.Fix) + len(d.Notes) + len(d.DoNotTouch)
	d.Fix, d.Notes, d.DoNotTouch = head(d.Fix), head(d.Notes), head(d.DoNotTouch)
	d.More = all - len(d.Fix) - len(d.Notes) - len(d.DoNotTouch)
	return d
}

func head[T any](list []T) []T { return list[:min(len(list), shortList)] }

// Document returns the machine form of the judgement.
func (r Report) Document() Document {
	d := Document{
		Schema: "ready/1", Verdict: r.Verdict, Text: r.Line(), Fix: r.Fix, Notes: r.Notes, Checks: r.Checks,
		Capabilities: r.Capabilities, Tonight: r.Tonight, DoNotTouch: r.DoNotTouch, AsOf: r.AsOf.UTC(), MaxAge: int(r.MaxAge / time.Second), Rev: r.Rev,
	}
	if r.Verdict == site.Ready || r.Verdict == site.ReadyNotes {
		d.Ready = 1
	}
	if d.Fix == nil {
		d.Fix = []Finding{}
	}
	if d.Notes == nil {
		d.Notes = []Finding{}
	}
	if d.Capabilities == nil {
		d.Capabilities = []Capability{}
	}
	return d
}
