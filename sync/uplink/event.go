package uplink

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
)

const (
	// maxPayload is the largest payload that is sent: cloud brokers refuse more.
	maxPayload = 128 << 10
	// late is how old an event must be to be marked as history.
	late = 120 * time.Second
	// wireTime is RFC 3339 in UTC with milliseconds.
	wireTime = "2006-01-02T15:04:05.000Z"
)

// cloudEvent is a CloudEvents 1.0 event in structured JSON mode. Source, stream and
// seq together name an event for ever: a repeat carries the same ones.
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Subject     string    `json:"subject"`
	Time        string    `json:"time"`
	ContentType string    `json:"datacontenttype"`
	Stream      string    `json:"stream"`
	Seq         uint64    `json:"seq"`
	Prev        string    `json:"prevhash,omitempty"`   // of the record before it in the journal
	Hash        string    `json:"hash,omitempty"`       // of its own record: with data as it is here, unless it is truncated
	Historical  bool      `json:"historical,omitempty"` // sent more than 120 s after it happened
	Truncated   bool      `json:"truncated,omitempty"`  // large parts of data were left out
	Data        run.Event `json:"data"`
}

// encode turns a record into the payload of the evt topic. A record that would be
// too large loses its largest parts and is marked; it is never dropped.
func (u *Uplink) encode(r run.Record, now time.Time) []byte {
	e := r.Event
	c := cloudEvent{
		SpecVersion: "1.0",
		ID:          u.stream + "/" + strconv.FormatUint(r.Seq, 10),
		Source:      "/org/" + u.opt.Org + "/store/" + u.opt.Store,
		Type:        eventType(e),
		Subject:     firstOf(e.Device, e.Patch, u.opt.Store),
		Time:        e.At.UTC().Format(wireTime),
		ContentType: "application/json",
		Stream:      u.stream,
		Seq:         r.Seq,
		Prev:        r.Prev,
		Hash:        r.Hash,
		Historical:  now.Sub(e.At) > late,
		Data:        e,
	}
	payload, err := json.Marshal(c)
	for _, cut := range cuts() {
		if err == nil && len(payload) <= maxPayload {
			return payload
		}
		cut(&c.Data)
		c.Truncated = true
		payload, err = json.Marshal(c)
	}
	if err != nil {
		panic("internal error: the shortest form of an event cannot be written as JSON: " + err.Error())
	}
	return payload
}

// cuts are the ways to make an event smaller, the least loss first. A plan is never sent without its report: nobody
// shall take it for one that leaves nothing out.
func cuts() []func(*run.Event) {
	return []func(*run.Event){
		func(e *run.Event) { e.Report = bare(e.Report) },
		func(e *run.Event) { e.Plan = lean(e.Plan) },
		func(e *run.Event) { e.Plan, e.Report = nil, nil },
		func(e *run.Event) {
			if e.Observed != nil {
				short := *e.Observed
				short.Packages = nil
				e.Observed = &short
			}
		},
		func(e *run.Event) { e.Observed = nil },
		func(e *run.Event) { e.Output = tail(e.Output, 4<<10) },
		func(e *run.Event) {
			if e.Catalog != nil {
				short := *e.Catalog
				short.Patches = nil
				e.Catalog = &short
			}
		},
		func(e *run.Event) { e.Text, e.Reason, e.Check, e.Hold = tail(e.Text, 4<<10), nil, nil, nil },
		func(e *run.Event) {
			*e = run.Event{Kind: e.Kind, Device: tail(e.Device, 256), Patch: tail(e.Patch, 256), Step: e.Step, Outcome: e.Outcome, From: e.From, To: e.To}
		},
	}
}

// bare is a report whose reasons have their code and the version that was found, and nothing else.
func bare(r plan.Report) plan.Report {
	r = slices.Clone(r)
	for i, l := range r {
		if l.Reason == nil {
			continue
		}
		short := site.Reason{Code: l.Reason.Code}
		if found, known := l.Reason.Facts["installed"]; known {
			short.Facts = map[string]string{"installed": found}
		}
		r[i].Reason = &short
	}
	return r
}

// lean is a plan with what is done where and when, without the arithmetic behind it.
func lean(p *plan.Plan) *plan.Plan {
	if p == nil {
		return nil
	}
	short := *p
	short.Members, short.Groups, short.Lanes = []plan.Member{}, nil, slices.Clone(p.Lanes)
	for i, lane := range short.Lanes {
		jobs := slices.Clone(lane.Jobs)
		for k := range jobs {
			jobs[k].Estimate, jobs[k].Note = nil, ""
		}
		short.Lanes[i].Jobs = jobs
	}
	return &short
}

// tail returns the last n bytes of s at most, as valid text.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[len(s)-n:], "")
}

// eventType names the kind of an event for subscribers that filter by it.
func eventType(e run.Event) string {
	if e.Device != "" && e.To != "" {
		return "nightfill.device." + string(e.To) + ".v1"
	}
	return "nightfill." + string(e.Kind) + ".v1"
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
