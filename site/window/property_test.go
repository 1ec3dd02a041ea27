package window_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

// zones are those whose clocks do odd things: at midnight, by half an hour or two hours, twice
// around Ramadan, over the date line, in the last hour of a date, or never.
func zones(t *testing.T) []*time.Location {
	var all []*time.Location
	for _, name := range []string{
		"America/New_York", "Europe/Berlin", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "America/Phoenix",
		"America/Nuuk", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca", "Antarctica/Troll", "Asia/Kathmandu",
		"Pacific/Chatham", "America/Havana", "America/Sao_Paulo", "Pacific/Kwajalein", "Asia/Gaza", "UTC",
	} {
		zone, err := tzdata.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, zone)
	}
	return all
}

// drawn is a valid calendar and an instant, often near a change of the clocks.
func drawn(t *rapid.T, zones []*time.Location) (window.Calendar, time.Time) {
	c := window.Calendar{
		Zone:  rapid.SampledFrom(zones).Draw(t, "zone"),
		Start: window.Clock(rapid.IntRange(0, 24*60-1).Draw(t, "start")),
		End:   window.Clock(rapid.IntRange(0, 24*60).Draw(t, "end")),
		Days:  window.Weekdays(rapid.IntRange(0, 127).Draw(t, "days")),
	}
	if c.Start == c.End {
		c.End++
	}
	at := time.Unix(rapid.Int64Range(315532800, 2208988800).Draw(t, "unix"), 0).In(c.Zone) // 1980 to 2040
	if _, change := at.ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(t, "near a change") {
		at = change.Add(time.Duration(rapid.IntRange(-30*3600, 30*3600).Draw(t, "seconds")) * time.Second)
	}
	if rapid.Bool().Draw(t, "blackout") {
		from := window.DateOf(at).AddDays(rapid.IntRange(-3, 3).Draw(t, "from"))
		c.Blackouts = []window.Blackout{{From: from, To: from.AddDays(rapid.IntRange(0, 2).Draw(t, "days dark"))}}
	}
	return c, at
}

func TestContainsAgreesWithOn(t *testing.T) {
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		c, at := drawn(t, zones)
		var in []window.Span
		for n := -3; n <= 3; n++ {
			night := window.DateOf(at).AddDays(n)
			span, ok := c.On(night)
			if cause, _ := c.Why(night); ok != (cause == window.Opens) {
				t.Fatalf("On(%v) is %v, but Why says %s", night, ok, cause)
			}
			if ok && span.Contains(at) {
				in = append(in, span)
			}
		}
		if len(in) > 1 {
			t.Fatalf("%v lies in %d nights: %v", at, len(in), in)
		}
		span, ok := c.Contains(at)
		if ok != (len(in) == 1) || ok && span != in[0] {
			t.Fatalf("Contains(%v) = %v, %v, but the nights around it say %v", at, span, ok, in)
		}
		remaining := c.Remaining(at)
		if ok && remaining != span.Close.Sub(at) || !ok && remaining != 0 {
			t.Fatalf("Remaining(%v) = %v in %v, %v", at, remaining, span, ok)
		}
	})
}

func TestSpansFollowEachOther(t *testing.T) {
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		c, at := drawn(t, zones)
		for range 5 {
			span, ok := c.Next(at)
			if !ok {
				t.Fatalf("no window after %v in %v", at, c)
			}
			if !span.Open.After(at) {
				t.Fatalf("Next(%v) opens at %v", at, span.Open)
			}
			if skipped, ok := c.Next(span.Open.Add(-time.Second)); !ok || skipped != span {
				t.Fatalf("Next just before %v is %v", span, skipped)
			}
			if on, ok := c.On(span.Night); !ok || on != span {
				t.Fatalf("Next(%v) is %v, but that night is %v", at, span, on)
			}
			for moment, want := range map[time.Time]bool{span.Open: true, span.Close.Add(-1): true} {
				if got, ok := c.Contains(moment); ok != want || got != span {
					t.Fatalf("Contains(%v) = %v, %v, want %v", moment, got, ok, span)
				}
			}
			if after, ok := c.Next(span.Open); ok && (after.Open.Before(span.Close) || after.Night.Compare(span.Night) <= 0) {
				t.Fatalf("%v is followed by %v", span, after)
			}
			if cut := span.Cutoff(time.Hour); cut.Before(span.Open) || cut.After(span.Close) {
				t.Fatalf("the cut-off of %v is %v", span, cut)
			}
			at = span.Open
		}
	})
}

// TestSpanByWatchingTheClock finds the ends of a window in another way: by looking at the
// wall clock minute by minute until it shows the time, or a later one.
func TestSpanByWatchingTheClock(t *testing.T) {
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		c, at := drawn(t, zones)
		c.Days, c.Blackouts = 0, nil
		night := window.DateOf(at)
		last := night
		if c.End <= c.Start {
			last = night.AddDays(1)
		}
		opens, closes := watch(c.Zone, night, c.Start), watch(c.Zone, last, c.End)
		span, ok := c.On(night)
		if ok != opens.Before(closes) || ok && (!span.Open.Equal(opens) || !span.Close.Equal(closes)) {
			t.Fatalf("On(%v) = %v, %v; the clock says %v to %v", night, span, ok, opens, closes)
		}
	})
}

func watch(zone *time.Location, date window.Date, clock window.Clock) time.Time {
	shown := time.Date(date.Year, date.Month, date.Day, 0, int(clock), 0, 0, time.UTC)
	for at := shown.Add(-26 * time.Hour).In(zone); ; at = at.Add(time.Minute) {
		wall := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), 0, 0, time.UTC)
		if !wall.Before(shown) {
			return at
		}
	}
}

func TestNextOpening(t *testing.T) {
	zones := zones(t)
	rapid.Check(t, func(t *rapid.T) {
		c, at := drawn(t, zones)
		c.Opening = map[time.Weekday]window.Clock{}
		for day := range time.Saturday + 1 {
			if rapid.Bool().Draw(t, "open") {
				c.Opening[day] = window.Clock(rapid.IntRange(0, 24*60-1).Draw(t, "opens"))
			}
		}
		opens, ok := c.NextOpening(at)
		if ok != (len(c.Opening) > 0) {
			t.Fatalf("NextOpening(%v) = %v, %v with %v", at, opens, ok, c.Opening)
		}
		if !ok {
			return
		}
		if !opens.After(at) {
			t.Fatalf("NextOpening(%v) = %v", at, opens)
		}
		if again, ok := c.NextOpening(opens.Add(-1)); !ok || !again.Equal(opens) {
			t.Fatalf("NextOpening just before %v is %v", opens, again)
		}
	})
}
