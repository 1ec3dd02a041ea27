package fleet

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/board/overview"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/fleet/page"
)

// Event is one event of a store as a list shows it. Missing is how many events before it, in its
// stream, are not stored.
type Event struct {
	Stream   string    `json:"stream"`
	Seq      uint64    `json:"seq"`
	At       time.Time `json:"at"`
	Received time.Time `json:"received"`
	Kind     run.Kind  `json:"kind"`
	Device   string    `json:"device,omitempty"`
	Patch    string    `json:"patch,omitempty"`
	Text     string    `json:"text"`
	Problem  bool      `json:"problem,omitempty"`
	Missing  uint64    `json:"missing,omitempty"`
}

// lines reads the newest events, or those before the parameter before, and all of the moment of the last one. older
// is what to ask for next; zero: there are none.
func (s *whole) lines(q *page.Query, ask board.Query) (lines []Event, older time.Time, err error) {
	lines = []Event{}
	if s.History == nil {
		return lines, older, nil
	}
	if text := q.Values.Get("before"); text != "" {
		if ask.To, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return nil, older, page.Refuse(http.StatusBadRequest, "bad_before", "before must be a time such as 2026-11-22T05:00:00Z, not \""+text+"\".")
		}
	}
	events, shown, err := s.newest(q.Context(), ask)
	if err != nil {
		return nil, older, err
	}
	whole := ask.Device == "" && ask.Patch == "" && ask.Night == ""
	for i, e := range events {
		l := lineOf(e)
		if whole && i+1 < len(events) && events[i+1].Stream == e.Stream && e.Seq > events[i+1].Seq+1 {
			l.Missing = e.Seq - events[i+1].Seq - 1
		}
		lines = append(lines, l)
	}
	if len(lines) > shown {
		lines = lines[:shown]
		older = lines[shown-1].At
	}
	return lines, older, nil
}

// newest reads the newest events. So many are shown; there is one more where there are older ones.
func (s *whole) newest(ctx context.Context, ask board.Query) (events []board.Event, shown int, err error) {
	ask.Newest, ask.Limit = true, eventsShown+1
	events, err = s.History.Events(ctx, ask)
	if err != nil || len(events) <= eventsShown {
		return events, len(events), err
	}
	moment := func(e board.Event) time.Time { return e.Event().At.Truncate(time.Microsecond) } // as they are kept
	at := moment(events[eventsShown-1])
	if !moment(events[eventsShown]).Equal(at) {
		return events, eventsShown, nil
	}
	ask.From, ask.To, ask.Limit = at, at.Add(time.Microsecond), page.Most
	same, err := s.History.Events(ctx, ask)
	if err != nil {
		return nil, 0, err
	}
	events = append(slices.DeleteFunc(events[:eventsShown], func(e board.Event) bool { return moment(e).Equal(at) }), same...)
	ask.From, ask.To, ask.Limit = time.Time{}, at, 1
	older, err := s.History.Events(ctx, ask)
	return append(events, older...), len(events), err
}

func lineOf(e board.Event) Event {
	v := e.Event()
	return Event{
		Stream: e.Stream, Seq: e.Seq, At: v.At, Received: e.Received, Kind: v.Kind, Device: v.Device, Patch: v.Patch, Text: detail(v), Problem: problem(v),
	}
}

// problem reports whether somebody may want to see the event first.
func problem(e run.Event) bool {
	return slices.Contains([]site.State{site.Failed, site.RolledBack, site.RollbackFailed, site.NoAnswer}, e.To) || e.Verdict == site.NotReady ||
		e.Kind == run.PatchQuarantined || e.Kind == run.AlarmRaised || e.Outcome == run.Bad
}

// detail puts an event into one line.
func detail(e run.Event) string {
	var parts []string
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	add(string(e.Step))
	add(page.Plain(e.Outcome))
	if e.To != "" {
		add(page.Plain(e.From) + " \u2192 " + page.Plain(e.To))
	}
	add(page.Plain(e.Verdict))
	if e.Check != nil {
		add(e.Check.Check + " " + page.Plain(e.Check.Outcome) + " " + e.Check.Seen)
	}
	if e.Actor != "" {
		add("by " + e.Actor)
	}
	if e.Verdict != "" {
		add(overview.Sentence(e.Text)) // its word stands there already
	} else {
		add(e.Text)
	}
	if e.Reason != nil {
		add(e.Reason.Text)
	}
	return strings.Join(parts, " \u00b7 ")
}
