package window_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/site/window/tzdata"
)

func TestParseClock(t *testing.T) {
	for text, want := range map[string]window.Clock{"00:00": 0, "06:30": 390, "23:59": 1439, "24:00": 1440} {
		c, err := window.ParseClock(text)
		if err != nil || c != want || c.String() != text {
			t.Errorf("ParseClock(%q) = %d, %v, want %d", text, c, err, want)
		}
	}
	const shape, ends = " is not a time of day: write it with two digits each, like 06:30 or 23:00", " is not a time of day: it goes from 00:00 to 24:00"
	for text, want := range map[string]string{
		"":       `""` + shape,
		"6:30":   `"6:30"` + shape,
		"0630":   `"0630"` + shape,
		"06.30":  `"06.30"` + shape,
		"06:3a":  `"06:3a"` + shape,
		"-1:30":  `"-1:30"` + shape,
		"06:30 ": `"06:30 "` + shape,
		"٠٦:٣":   `"٠٦:٣"` + shape,
		"24:01":  `"24:01"` + ends,
		"25:00":  `"25:00"` + ends,
		"12:60":  `"12:60"` + ends,
		"23:99":  `"23:99"` + ends,
	} {
		if c, err := window.ParseClock(text); err == nil || err.Error() != want || c != 0 {
			t.Errorf("ParseClock(%q) = %v, %v\nwant %s", text, c, err, want)
		}
	}
}

func TestParseWeekdays(t *testing.T) {
	for _, row := range []struct {
		items []string
		want  string
	}{
		{nil, ""},
		{[]string{"mon"}, "mon"},
		{[]string{"sun", "mon"}, "mon,sun"},
		{[]string{"mon-sat"}, "mon-sat"},
		{[]string{"fri-mon"}, "mon,fri-sun"},
		{[]string{"sat-sun"}, "sat,sun"},
		{[]string{"wed-wed"}, "wed"},
		{[]string{"sun-sat"}, "mon-sun"},
		{[]string{"tue", "tue", "mon-wed"}, "mon-wed"},
		{[]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, "mon-sun"},
	} {
		w, err := window.ParseWeekdays(row.items)
		if err != nil || w.String() != row.want {
			t.Errorf("ParseWeekdays(%q) = %v, %v, want %s", row.items, w, err, row.want)
		}
	}
	const want = " is not a day of the week: write mon, tue, wed, thu, fri, sat or sun, or a range like mon-sat"
	for _, item := range []string{"", "Mon", "monday", "mon-", "-sat", "mon-sat-sun", "mon,tue", "mon–sat", "m"} {
		if w, err := window.ParseWeekdays([]string{"tue", item}); err == nil || err.Error() != `"`+item+`"`+want || w != 0 {
			t.Errorf("ParseWeekdays(%q) = %v, %v", item, w, err)
		}
	}
}

func TestWeekdaysAsText(t *testing.T) {
	for w := range window.Weekdays(128) {
		text, err := w.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		back := window.Weekdays(77)
		if err := back.UnmarshalText(text); err != nil || back != w {
			t.Errorf("%08b is written %q and read %08b, %v", w, text, back, err)
		}
		for day := range time.Saturday + 1 {
			if w.Has(day) != (w>>day&1 == 1) {
				t.Errorf("%v.Has(%v) = %v", w, day, w.Has(day))
			}
		}
	}
	if _, err := window.Weekdays(128).MarshalText(); err == nil {
		t.Error("a set with an eighth day is written")
	}
	if window.Weekdays(255).Has(7) || window.Weekdays(255).Has(-1) {
		t.Error("an eighth day is in the set")
	}
	var w window.Weekdays
	if err := w.UnmarshalText([]byte("fri - sat")); err == nil {
		t.Errorf("spaces in a range are read as %v", w)
	}
}

func TestTextInJSON(t *testing.T) {
	type file struct {
		At   window.Clock
		Days window.Weekdays
		On   window.Date
	}
	const text = `{"At":"24:00","Days":"mon,wed","On":"2028-02-29"}`
	var f file
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(f); err != nil || string(got) != text {
		t.Errorf("%s is read and written as %s, %v", text, got, err)
	}
	for _, bad := range []string{`{"At":"7:00"}`, `{"Days":"day"}`, `{"On":"2026-02-30"}`} {
		if err := json.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
	for _, c := range []window.Clock{-1, 1441} {
		if got, err := c.MarshalText(); err == nil {
			t.Errorf("%d is written as %s", int(c), got)
		}
	}
}

func TestDate(t *testing.T) {
	leap := window.Date{Year: 2028, Month: time.February, Day: 29}
	if got := leap.AddDays(1).String() + " " + leap.AddDays(-29).String() + " " + leap.AddDays(366).String(); got != "2028-03-01 2028-01-31 2029-03-01" {
		t.Error(got)
	}
	if leap.Weekday() != time.Tuesday || leap.Compare(leap.AddDays(1)) != -1 || leap.AddDays(1).Compare(leap) != 1 || leap.Compare(leap) != 0 {
		t.Error("the leap day is not where it belongs")
	}
	var d window.Date
	if err := d.UnmarshalText(nil); err != nil || !d.IsZero() || d.String() != "" {
		t.Errorf("no text is %v, %v", d, err)
	}
	if _, err := window.ParseDate("2027-02-29"); err == nil || err.Error() != `"2027-02-29" is not a date: write it like 2026-11-22` {
		t.Error(err)
	}
}

func TestProblems(t *testing.T) {
	good := func() window.Calendar {
		return window.Calendar{
			Zone: time.UTC, Start: 23 * 60, End: 5 * 60, Days: 0b100, Reserve: 45 * time.Minute,
			Blackouts: []window.Blackout{{From: day(2026, 11, 25), To: day(2026, 11, 25)}},
			Opening:   map[time.Weekday]window.Clock{time.Monday: 0, time.Sunday: 1439},
		}
	}
	for _, row := range []struct {
		name  string
		spoil func(c *window.Calendar)
		want  string
	}{
		{"good", func(*window.Calendar) {}, ""},
		{"no zone", func(c *window.Calendar) { c.Zone = nil }, "zone: it is missing: name the store's time zone, for example America/Chicago"},
		{"local", func(c *window.Calendar) { c.Zone = time.Local }, "zone: it is the box's own: name the store's time zone, for example America/Chicago"},
		{"start below", func(c *window.Calendar) { c.Start = -1 }, "start: minute -1 of the day is not a time of day: it goes from 00:00 to 23:59"},
		{"start above", func(c *window.Calendar) { c.Start = 1441 }, "start: minute 1441 of the day is not a time of day: it goes from 00:00 to 23:59"},
		{"start at 24:00", func(c *window.Calendar) { c.Start = 1440 }, "start: 24:00 is on the next day: write 00:00 and the day on which it opens"},
		{"end below", func(c *window.Calendar) { c.End = -1 }, "end: minute -1 of the day is not a time of day: it goes from 00:00 to 24:00"},
		{"end above", func(c *window.Calendar) { c.End = 1441 }, "end: minute 1441 of the day is not a time of day: it goes from 00:00 to 24:00"},
		{"empty", func(c *window.Calendar) { c.End = c.Start }, "end: the window starts and ends at 23:00: make it later or earlier; a whole day is 00:00 to 24:00"},
		{"days", func(c *window.Calendar) { c.Days = 128 }, "days: 0x80 is not a set of days of the week"},
		{"negative reserve", func(c *window.Calendar) { c.Reserve = -5 * time.Minute }, "reserve: -5m is negative: it is 0 or more"},
		{"long reserve", func(c *window.Calendar) { c.Reserve = 6 * time.Hour }, "reserve: 6h leaves nothing of a window of 6h: make it shorter than the window"},
		{"longest reserve", func(c *window.Calendar) { c.Reserve = 6*time.Hour - 1 }, ""},
		{"blackout without from", func(c *window.Calendar) { c.Blackouts[0].From = window.Date{} }, "blackouts[0]: it has no first day: write from"},
		{"blackout without to", func(c *window.Calendar) { c.Blackouts[0].To = window.Date{} }, "blackouts[0]: it has no last day: write to"},
		{"blackout from no date", func(c *window.Calendar) { c.Blackouts[0].From = day(2026, 2, 30) }, "blackouts[0]: 2026-02-30 is not a day of the calendar"},
		{"blackout to no date", func(c *window.Calendar) { c.Blackouts[0].To = day(2026, 13, 1) }, "blackouts[0]: 2026-13-01 is not a day of the calendar"},
		{"blackout backwards", func(c *window.Calendar) {
			c.Blackouts = append(c.Blackouts, window.Blackout{From: day(2026, 12, 2), To: day(2026, 11, 25)})
		}, "blackouts[1]: it is from 2026-12-02 to 2026-11-25: the first day must not be after the last"},
		{"opening above", func(c *window.Calendar) { c.Opening[time.Saturday] = 1500 }, "opening[sat]: minute 1500 of the day is not a time of day: it goes from 00:00 to 23:59"},
		{"opening at 24:00", func(c *window.Calendar) { c.Opening[time.Saturday] = 1440 }, "opening[sat]: 24:00 is on the next day: write 00:00 for that day"},
		{"eighth day", func(c *window.Calendar) { c.Opening[7] = 60 }, "opening: it names a day that is no day of the week"},
		{"all at once", func(c *window.Calendar) { c.Zone, c.End, c.Reserve = nil, c.Start, -time.Hour },
			"zone: it is missing: name the store's time zone, for example America/Chicago\n" +
				"end: the window starts and ends at 23:00: make it later or earlier; a whole day is 00:00 to 24:00\n" +
				"reserve: -1h is negative: it is 0 or more"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := good()
			row.spoil(&c)
			got := ""
			if err := c.Validate(); err != nil {
				got = err.Error()
			}
			if got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			if row.want != "" {
				neverOpens(t, c)
			} else if _, ok := c.Next(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)); !ok {
				t.Error("a valid calendar never opens")
			}
		})
	}
}

func neverOpens(t *testing.T, c window.Calendar) {
	t.Helper()
	for at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC); at.Day() < 30; at = at.Add(10 * time.Minute) {
		if span, ok := c.Contains(at); ok || c.Remaining(at) != 0 {
			t.Fatalf("an invalid calendar contains %v in %v", at, span)
		}
	}
	at := day(2026, 11, 24)
	if span, ok := c.On(at); ok {
		t.Errorf("an invalid calendar opens: %v", span)
	}
	if cause, _ := c.Why(at); cause != window.Invalid {
		t.Errorf("cause %s, want %s", cause, window.Invalid)
	}
	if span, ok := c.Next(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)); ok {
		t.Errorf("an invalid calendar opens next: %v", span)
	}
	if opens, ok := c.NextOpening(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)); ok {
		t.Errorf("an invalid calendar has an opening: %v", opens)
	}
}

func TestZeroCalendarAndSpan(t *testing.T) {
	neverOpens(t, window.Calendar{})
	if (window.Span{}).Contains(time.Time{}) {
		t.Error("the zero window contains the zero time")
	}
}

func TestCutoff(t *testing.T) {
	open := time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)
	span := window.Span{Open: open, Close: open.Add(6 * time.Hour)}
	for reserve, want := range map[time.Duration]time.Duration{
		-time.Hour: 6 * time.Hour, 0: 6 * time.Hour, 45 * time.Minute: 5*time.Hour + 15*time.Minute, 6 * time.Hour: 0, 7 * time.Hour: 0,
	} {
		if got := span.Cutoff(reserve).Sub(open); got != want {
			t.Errorf("with %v in reserve the cut-off is %v after opening, want %v", reserve, got, want)
		}
	}
}

func day(y int, m time.Month, d int) window.Date { return window.Date{Year: y, Month: m, Day: d} }

func BenchmarkContains(b *testing.B) {
	zone, err := tzdata.Load("America/New_York")
	if err != nil {
		b.Fatal(err)
	}
	c := window.Calendar{Zone: zone, Start: 23 * 60, End: 5 * 60}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, zone) // outside: the dearest answer
	for b.Loop() {
		c.Contains(at)
	}
}
