// Package nights says how the nights of stores went: what was planned and what became of it, how much
// of the window was used, and which nights ran over it. It reads the last word of each store about each
// of its nights, and where that never came it counts the events of the night.
package nights

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/board"
	"github.com/nightfill/nightfill/site/window"
)

// Counts are what became of the patches that were planned. Each is counted once: they add up to Planned.
type Counts struct {
	Planned  int `json:"planned"`
	Done     int `json:"done"`
	Broke    int `json:"broke"`     // failed, or was taken back
	Left     int `json:"left"`      // skipped, held, or not due after all
	NoAnswer int `json:"no_answer"` // its device did not answer
	Open     int `json:"open"`      // it was not settled when the store last told, or its outcome was never counted
}

func (c *Counts) add(o Counts) {
	c.Planned, c.Done, c.Broke, c.Left, c.NoAnswer, c.Open = c.Planned+o.Planned, c.Done+o.Done, c.Broke+o.Broke, c.Left+o.Left, c.NoAnswer+o.NoAnswer, c.Open+o.Open
}

// Mark asks for nights of which something is to be said.
type Mark string

// The marks.
const (
	Over     Mark = "over"     // it ended after its window closed, or the window closed and it was never told to have ended
	Broken   Mark = "broken"   // a patch broke, or was taken back
	Unclosed Mark = "unclosed" // nobody told that it ended
	Idle     Mark = "idle"     // nothing was planned
)

// Marks are all marks, in the order in which pages show them.
func Marks() []Mark { return []Mark{Over, Broken, Unclosed, Idle} }

// Row is one night of one store.
type Row struct {
	Store  string    `json:"store"`
	Name   string    `json:"name"`
	Region string    `json:"region"`
	Date   string    `json:"date"`
	Opens  time.Time `json:"opens,omitzero"`
	Closes time.Time `json:"closes,omitzero"`
	Closed time.Time `json:"closed,omitzero"` // when nothing more was to be done
	Counts
	Used   site.Duration `json:"used"`   // of the window: from its opening until nothing more was to be done
	Window site.Duration `json:"window"` // how long it is
	Text   string        `json:"text"`
	now    time.Time
	opened board.Mark // of the event that opened it, where its count is to be made from the events
	cutoff time.Time
	states map[site.State]int
}

// Of reads what a store told last of a night; false: it cannot be read.
func Of(d board.Day, now time.Time) (Row, bool) {
	var n board.Night
	if d.Body == nil || json.Unmarshal(d.Body, &n) != nil {
		return Row{}, false
	}
	r := Row{Date: d.Date, Opens: n.Opens, Closes: n.Closes, Closed: n.Closed, Text: n.Summary, now: now, Counts: countsOf(n.Total, n.States)}
	if n.Closes.After(n.Opens) {
		r.Window = site.Duration(n.Closes.Sub(n.Opens))
	}
	if n.Closed.After(n.Opens) {
		r.Used = site.Duration(n.Closed.Sub(n.Opens))
	}
	return r, true
}

// countsOf sorts so many planned patches by their states. A store that told more than it planned is believed.
func countsOf(planned int, states map[site.State]int) Counts {
	c := Counts{
		Done: states[site.Done], Broke: states[site.Failed] + states[site.RolledBack] + states[site.RollbackFailed],
		Left: states[site.Skipped] + states[site.Held] + states[site.NotDue], NoAnswer: states[site.NoAnswer],
	}
	settled := c.Done + c.Broke + c.Left + c.NoAnswer
	c.Planned = max(planned, settled)
	c.Open = c.Planned - settled
	return c
}

// OfEvents is a night of which the store's own count never came, because it was cut off: what was planned,
// and when it ended. What became of the patches is in its events: until a Tally has counted it, everything is open.
// false: opened cannot be read. closed may be empty.
func OfEvents(opened, closed board.Day, now time.Time) (Row, bool) {
	var o board.NightOpened
	var c board.NightClosed
	if opened.Body == nil || json.Unmarshal(opened.Body, &o) != nil {
		return Row{}, false
	}
	if closed.Body != nil && json.Unmarshal(closed.Body, &c) != nil {
		return Row{}, false
	}
	r := Row{Date: opened.Date, Opens: o.Opens, Closes: o.Closes, Closed: c.At, Text: c.Text, now: now, Counts: countsOf(o.Planned, nil), opened: opened.Mark, cutoff: o.Cutoff}
	if o.Closes.After(o.Opens) {
		r.Window = site.Duration(o.Closes.Sub(o.Opens))
	}
	if c.At.After(o.Opens) {
		r.Used = site.Duration(c.At.Sub(o.Opens))
	}
	return r, true
}

// Night is the night as its store would have told it, had its count come. It is for rows that OfEvents made.
func (r Row) Night() board.Night {
	date, _ := window.ParseDate(r.Date) // what is kept by its date has one
	return board.Night{
		Night: date, Open: r.Closed.IsZero() && r.now.Before(r.Closes), Opens: r.Opens, Cutoff: r.cutoff, Closes: r.Closes, Opened: r.Opens, Closed: r.Closed,
		Summary: r.Text, Total: r.Planned, Settled: r.Planned - r.Open, States: r.states,
	}
}

// All are the nights of one store, by date: from its own counts where they came, else from its events.
func All(told, opened, closed []board.Day, now time.Time) []Row {
	rows, ended := map[string]Row{}, map[string]board.Day{}
	for _, d := range closed {
		ended[d.Date] = d
	}
	for _, d := range opened {
		if r, ok := OfEvents(d, ended[d.Date], now); ok {
			rows[d.Date] = r
		}
	}
	for _, d := range told {
		if r, ok := Of(d, now); ok {
			rows[d.Date] = r
		}
	}
	list := make([]Row, 0, len(rows))
	for _, date := range slices.Sorted(maps.Keys(rows)) {
		list = append(list, rows[date])
	}
	return list
}

// Has reports whether a night has a mark.
func (r Row) Has(m Mark) bool {
	switch m {
	case Over:
		return !r.Closes.IsZero() && r.Planned > 0 && (r.Closed.After(r.Closes) || r.Closed.IsZero() && r.now.After(r.Closes))
	case Broken:
		return r.Broke > 0
	case Unclosed:
		return r.Closed.IsZero()
	case Idle:
		return r.Planned == 0
	}
	return false
}

// Line is the nights of one date.
type Line struct {
	Date   string `json:"date"`
	Stores int    `json:"stores"` // that told of it
	Silent int    `json:"silent"` // stores of the inventory that did not: their windows may be on other days
	Counts
	Marks map[Mark]int `json:"marks"` // how many of the stores
	// Used and Window are of the stores in which something was planned and that told how it ended.
	Used   site.Duration `json:"used"`
	Window site.Duration `json:"window"`
}

// NewLine is the line of a date before anything is counted, with so many stores in the inventory.
func NewLine(date string, inventory int) Line {
	return Line{Date: date, Silent: inventory, Marks: map[Mark]int{}}
}

// Add counts the night of a store.
func (l *Line) Add(r Row) {
	l.Stores++
	l.Silent--
	l.Counts.add(r.Counts)
	for _, m := range Marks() {
		if r.Has(m) {
			l.Marks[m]++
		}
	}
	if r.Planned > 0 && r.Used > 0 && r.Window > 0 {
		l.Used, l.Window = l.Used+r.Used, l.Window+r.Window
	}
}

// Share is how much of the window was used, in whole per cent; false: that is not known.
func (l Line) Share() (percent int, known bool) {
	if l.Window == 0 {
		return 0, false
	}
	return int(l.Used * 100 / l.Window), true
}
