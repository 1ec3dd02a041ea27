// Package calendar reads when maintenance may happen in a store, and when the store opens, out of its file.
package calendar

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/nightfill/nightfill/daemon/config/strict"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

// Calendar reads the parts of one calendar. Each of its methods reads one key of the file; problems are recorded in the
// Reader, and what was refused stays as it was.
type Calendar struct {
	*strict.Reader
	Of *window.Calendar // is filled in

	endAt strict.Value // the window's end, once a good window was read
}

// Zone reads the time zone of the store.
func (c *Calendar) Zone(v strict.Value) {
	name, ok := c.Text(v)
	if !ok {
		return
	}
	zone, err := tzdata.Load(name)
	if err != nil {
		refuse(c.Reader, v, err)
		return
	}
	c.Of.Zone = zone
}

// Opening reads when the store opens on each day.
func (c *Calendar) Opening(v strict.Value) {
	entries, ok := c.Mapping(v)
	if !ok {
		return
	}
	hours, named := map[time.Weekday]window.Clock{}, map[time.Weekday]string{}
	for _, e := range entries {
		days, err := window.ParseWeekdays([]string{e.Name})
		if err != nil {
			at := e.Value
			at.At = at.KeyAt
			refuse(c.Reader, at, err)
			continue
		}
		for _, day := range days.Days() {
			if other := named[day]; other != "" {
				c.Fail(e.Value, fmt.Sprintf("%s is in %s already", strings.ToLower(day.String()), strict.Plain(other)), "name each day once")
				break
			}
			named[day] = e.Name
		}
		if !c.Present(e.Value) {
			continue
		}
		opens, closed := c.opens(e.Value)
		if closed {
			continue
		}
		for _, day := range days.Days() {
			hours[day] = opens
		}
	}
	c.Of.Opening = hours
}

// opens reads a time of opening; closed is also true for one that is refused.
func (c *Calendar) opens(v strict.Value) (opens window.Clock, closed bool) {
	s, ok := c.Text(v)
	if !ok || s == "closed" {
		return 0, true
	}
	opens, err := window.ParseClock(s)
	switch {
	case err != nil:
		c.Fail(v, strict.Quote(s)+" is not a time of day", `write it like "06:30", or closed`)
	case opens == 24*60:
		c.Fail(v, "24:00 is on the next day", "write 00:00 for that day")
	}
	return opens, err != nil
}

// Window reads when maintenance may happen. What it means as a whole is the calendar's own rule.
func (c *Calendar) Window(v strict.Value) {
	at := map[string]strict.Value{"": v}
	good := true
	clock := func(to *window.Clock) func(strict.Value) {
		return func(v strict.Value) {
			s, ok := c.Text(v)
			if ok {
				*to, ok = Clock(c.Reader, v, s)
			}
			good = good && ok
		}
	}
	note := func(name string, read func(strict.Value)) func(strict.Value) {
		return func(v strict.Value) { at[name] = v; read(v) }
	}
	c.Object(v,
		strict.Need("start", `"23:00"`, note("start", clock(&c.Of.Start))),
		strict.Need("end", `"05:00"`, note("end", clock(&c.Of.End))),
		strict.May("days", note("days", c.days)),
		strict.May("reserve", note("reserve", func(v strict.Value) { c.Of.Reserve, _ = c.Span(v, 0) })),
		strict.May("blackouts", note("blackouts", c.blackouts)))
	_, start := at["start"]
	_, end := at["end"]
	if !good || !start || !end {
		return
	}
	c.endAt = at["end"]
	for _, p := range c.Of.Problems() {
		place, known := at[p.Field]
		if p.Field == "reserve" && !known {
			place, known = at["end"], true // the default reserve, which the window is too short for
			p.Text = "the default reserve of " + strings.Replace(p.Text, ": make it", ": write a window.reserve that is", 1)
		}
		if known {
			wrong, instead := halves(p.Text)
			c.Fail(place, wrong, instead)
		}
	}
}

// Clock reads a time of day out of the text of v; false = it was refused.
func Clock(r *strict.Reader, v strict.Value, text string) (window.Clock, bool) {
	c, err := window.ParseClock(text)
	if err != nil {
		refuse(r, v, err)
	}
	return c, err == nil
}

// refuse records an error whose text says what is wrong and, after a colon or a semicolon, what to write.
func refuse(r *strict.Reader, v strict.Value, err error) {
	wrong, instead := halves(err.Error())
	r.Fail(v, wrong, instead)
}

func halves(text string) (wrong, instead string) {
	wrong, instead, found := strict.CutLast(text, "; did you mean ")
	if found {
		return wrong, "did you mean " + instead
	}
	wrong, instead, _ = strict.CutLast(text, ": ")
	return wrong, instead
}

func (c *Calendar) days(v strict.Value) {
	some := false
	c.Each(v, func(v strict.Value) {
		some = true
		s, ok := c.Text(v)
		if !ok {
			return
		}
		days, err := window.ParseWeekdays([]string{s})
		switch {
		case err != nil:
			refuse(c.Reader, v, err)
		case c.Of.Days&days != 0:
			c.Fail(v, fmt.Sprintf("%s is there already", (c.Of.Days&days)), "name each day once")
		default:
			c.Of.Days |= days
		}
	})
	if _, isList := v.Node.(*ast.SequenceNode); isList && !some {
		c.Fail(v, "names no day", "write days like [mon-fri], or remove the key for every day")
	}
}

func (c *Calendar) blackouts(v strict.Value) {
	c.Each(v, func(v strict.Value) {
		var b window.Blackout
		c.Object(v,
			strict.Need("from", "2026-11-25", func(v strict.Value) { b.From = Date(c.Reader, v) }),
			strict.Need("to", "2026-12-02", func(v strict.Value) { b.To = Date(c.Reader, v) }),
			strict.May("reason", c.Into(&b.Reason)))
		if b.From.IsZero() || b.To.IsZero() {
			return
		}
		if b.From.Compare(b.To) > 0 {
			c.Fail(v, fmt.Sprintf("begins on %v, after its end on %v", b.From, b.To), "write the earlier date in from")
			return
		}
		c.Of.Blackouts = append(c.Of.Blackouts, b)
	})
}

// Date reads a date; it is zero where it was refused.
func Date(r *strict.Reader, v strict.Value) window.Date {
	s, ok := r.Text(v)
	if !ok {
		return window.Date{}
	}
	d, err := window.ParseDate(s)
	if err != nil {
		refuse(r, v, err)
	}
	return d
}
