package run_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
)

// clocked is a box whose clock may be set to anything, and which opens every night that is due.
type clocked struct {
	s   run.State
	now time.Time
	in  window.Calendar
}

func newClocked(now time.Time) *clocked {
	return &clocked{now: now, in: window.Calendar{Zone: time.UTC, Start: 23 * 60, End: 5 * 60}}
}

func (c *clocked) add(e run.Event) {
	e.At = c.now
	c.s = run.Fold(c.s, run.Record{Seq: c.s.Seq + 1, Event: e})
}

// turn judges the clock as the box does, and opens and closes the night that is due.
func (c *clocked) turn() (opened window.Date, ok bool) {
	if unsure := c.s.TrustedAt.Sub(c.now) > run.Back; unsure != (c.s.Unsure != nil) {
		var why *site.Reason
		if unsure {
			why = site.Because(site.CodeClockUnsure, "it went back")
		}
		c.add(run.Event{Kind: run.ClockChanged, Reason: why})
	}
	span, due, _ := run.Due(c.s, c.in, c.now)
	if !due {
		return window.Date{}, false
	}
	c.add(run.Event{Kind: run.NightOpened, Night: span.Night, Plan: &plan.Plan{Night: span.Night, Opens: span.Open, Closes: span.Close, Cutoff: span.Close}})
	c.add(run.Event{Kind: run.NightClosed, Night: span.Night})
	return span.Night, true
}

func (c *clocked) confirm() bool {
	if run.MayConfirm(c.s, c.now) != nil {
		return false
	}
	c.add(run.Event{Kind: run.ClockConfirmed, Actor: "ann", Text: "compared with the phone"})
	return true
}

// A clock that ran ahead opened nights of the future, and its times bar every night until then. A person's word ends
// that: the nights before are opened, and those that were opened are not opened again when their date comes.
func TestConfirmedClock(t *testing.T) {
	real := time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)
	for _, ahead := range []int{1, 2, 10, 5 * 365} {
		c := newClocked(real.AddDate(0, 0, ahead))
		future, opened := c.turn()
		if !opened || future != window.DateOf(real).AddDays(ahead) {
			t.Fatalf("ahead by %d days it opened %v", ahead, future)
		}
		c.now = real
		if night, opened := c.turn(); opened || c.s.Unsure == nil {
			t.Fatalf("after the clock was set right it opened %v, unsure %v", night, c.s.Unsure)
		}
		if !c.confirm() {
			t.Fatal("the clock cannot be confirmed")
		}
		if c.confirm() {
			t.Error("it is confirmed twice")
		}
		if night, opened := c.turn(); !opened || night != window.DateOf(real) || c.s.Unsure != nil {
			t.Errorf("after the word of a person it opened %v %v, unsure %v", night, opened, c.s.Unsure)
		}
		for day := 1; day <= min(ahead, 20)+1; day++ {
			c.now = real.AddDate(0, 0, day)
			if night, opened := c.turn(); opened == (day == ahead) {
				t.Errorf("ahead by %d days, %d days later: opened %v %v", ahead, day, night, opened)
			}
		}
	}
}

// Whatever the clock shows, and whoever confirms it when, no night is opened twice; a state that went through a
// checkpoint decides the same.
func TestNoNightTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClocked(time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC))
		seen := map[window.Date]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "turns") {
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				c.now = c.now.Add(time.Duration(rapid.IntRange(-400, 400).Draw(t, "hours")) * time.Hour)
			case 1:
				c.confirm()
			case 2:
				text, err := json.Marshal(c.s)
				if err != nil {
					t.Fatal(err)
				}
				var back run.State
				if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back.Nights, c.s.Nights) || back.Confirmed != c.s.Confirmed {
					t.Fatalf("a checkpoint keeps %v of %v: %v", back.Nights, c.s.Nights, err)
				}
				c.s = back
			default:
				c.now = c.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "hours on")) * time.Hour)
			}
			if night, opened := c.turn(); opened {
				if seen[night] {
					t.Fatalf("%v is opened twice", night)
				}
				seen[night] = true
			}
		}
	})
}

// What a night of the future has begun is brought to its end, and nothing else of it is begun.
func TestConfirmStopsANightOfTheFuture(t *testing.T) {
	n := newNight(t, "device till-1 model=old\ndevice till-2 model=old\npatch app kind=script install=4m verify=1m revert=5m reboot=never\npatch more kind=script install=4m verify=1m revert=5m reboot=never")
	n.upTo(run.Install, nil)
	real := n.now.AddDate(-3, 0, 0)
	n.now = real
	n.add(run.Event{Kind: run.ClockConfirmed, Actor: "ann"})
	if reason := n.s.Barred(n.now); reason != nil {
		t.Errorf("barred: %v", reason)
	}
	for _, j := range run.Recover(n.s) {
		if j.Intent.At.After(real) || j.Intent.Deadline.After(real.Add(time.Hour)) || !j.Intent.Deadline.After(real) {
			t.Errorf("%s %s runs from %s until %s", j.Device, j.Intent.Step, j.Intent.At, j.Intent.Deadline)
		}
	}
	n.play(nil)
	done, left := 0, 0
	for j := range n.s.Night.Jobs() {
		switch {
		case j.State == site.Done:
			done++
		case j.State == site.Skipped && j.Reason.Code == site.CodeWindowOver && !j.Begun():
			left++
		default:
			t.Errorf("%s of %s is %s: %v", j.Patch, j.Device, j.State, j.Reason)
		}
	}
	if done == 0 || left == 0 || n.s.Night.Open() || n.now.After(real.Add(run.Grace+time.Hour)) {
		t.Errorf("%d done, %d left, open %v at %s", done, left, n.s.Night.Open(), n.now)
	}
}

// Without a time of the future there is nothing to confirm, and what else is wrong is said.
func TestMayConfirm(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		state run.State
		want  string
	}{
		{run.State{TrustedAt: now.Add(run.Back + time.Second)}, ""},
		{run.State{TrustedAt: now.Add(run.Back)}, "the clock of this box is not behind its journal: there is nothing to confirm"},
		{run.State{Unsure: site.Because(site.CodeClockUnsure, "nobody keeps it in step")},
			"the clock of this box is not behind its journal: there is nothing to confirm; it is not trusted because nobody keeps it in step"},
	} {
		got := ""
		if reason := run.MayConfirm(c.state, now); reason != nil {
			got = reason.Text
		}
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
