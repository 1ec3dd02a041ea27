package sheet_test

import (
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/control/controltest"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/daemon/view/sheet"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/site/window"
	"github.com/nightfill/nightfill/ui/gantt"
	"github.com/nightfill/nightfill/ui/report"
)

func played(t *testing.T, make func() (*controltest.Box, error)) (view.Night, view.Facts) {
	t.Helper()
	box, err := make()
	if err != nil {
		t.Fatal(err)
	}
	n, err := box.NightAt(t.Context(), window.Date{})
	if err != nil {
		t.Fatal(err)
	}
	return *n, box.View(t.Context())
}

// TestEveryDeviceHasAnOutcome looks at the night over and in its middle.
func TestEveryDeviceHasAnOutcome(t *testing.T) {
	for name, make := range map[string]func() (*controltest.Box, error){"morning": controltest.New, "night": controltest.AtNight} {
		t.Run(name, func(t *testing.T) {
			n, facts := played(t, make)
			r := sheet.Report(n, facts.Store.Calendar.Zone)
			rows := map[string]int{}
			for _, row := range r.Rows {
				rows[row.Device]++
				if row.State == "" || row.State != "done" && row.Code == "" && !n.Open {
					t.Errorf("%s %s is %q without a reason", row.Device, row.Patch, row.State)
				}
			}
			if len(r.Devices) != len(facts.Store.Devices) {
				t.Errorf("%d devices of %d", len(r.Devices), len(facts.Store.Devices))
			}
			for i, d := range facts.Store.Devices {
				if r.Devices[i].Device != d.ID || rows[d.ID] == 0 {
					t.Errorf("%s has %d rows, and %s its place", d.ID, rows[d.ID], r.Devices[i].Device)
				}
			}
		})
	}
}

// TestBarsTellTheNight holds the bars of the played night to its records.
func TestBarsTellTheNight(t *testing.T) {
	n, facts := played(t, controltest.New)
	c := sheet.Chart(n, facts.Store.Calendar.Zone)
	for i, lane := range c.Lanes {
		end := n.Opened
		for _, task := range lane.Tasks {
			for _, bar := range task.Bars {
				if bar.From.Before(end) || bar.To.Before(bar.From) || bar.To.After(n.Closed) || bar.Title == "" {
					t.Errorf("%s: %q from %s to %s, the one before ended %s", lane.Name, bar.Title, bar.From, bar.To, end)
				}
				end = bar.To
			}
		}
		if n.Devices[i].Total > 0 != (end.After(n.Opened)) {
			t.Errorf("%s had %d patches due and was busy until %s", lane.Name, n.Devices[i].Total, end)
		}
	}
	app := c.Lanes[1].Tasks[0] // srv-2 waits for srv-1, and its proof fails
	var kinds []gantt.Kind
	for _, b := range app.Bars {
		kinds = append(kinds, b.Kind)
	}
	want := []gantt.Kind{gantt.Stage, gantt.Wait, gantt.Install, gantt.Verify, gantt.Rollback, gantt.Rollback}
	if len(kinds) != len(want) || app.Sign != gantt.Back {
		t.Fatalf("got %v %v", kinds, app.Sign)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Errorf("bar %d is %v, want %v", i, kinds[i], want[i])
		}
	}
	title := "srv-2 pos-app-4.2.1: verify: failed, took 48s\n23:04:00 to 23:05:00\n" +
		"verification ended with exit code 22: http http://127.0.0.1:8080/health: 503 Service Unavailable [verify_failed]"
	if b := app.Bars[3]; b.End != gantt.Badly || b.Title != title {
		t.Errorf("got %v %q", b.End, b.Title)
	}
}

// TestUnfinished draws what has no end yet, what never had one, and a silence.
func TestUnfinished(t *testing.T) {
	at := func(m int) time.Time { return time.Date(2026, 11, 21, 23, m, 0, 0, time.UTC) }
	job := view.Job{Device: "d", Patch: "p", State: site.NoAnswer, Since: at(20), Step: run.Install,
		Attempts: []view.Attempt{
			{Step: run.Gate, Attempt: 1, Began: at(1), Ended: at(2), Outcome: run.Bad, Reason: site.Because(site.CodeGateClosed, "end of day")},
			{Step: run.Install, Attempt: 2, Began: at(10)},
		}, Silent: []view.Silence{{From: at(20)}}}
	night := view.Night{Open: true, Opens: at(0), Opened: at(0), Cutoff: at(50), Closes: at(59), AsOf: at(30), Jobs: []view.Job{job},
		Devices: []view.NightDevice{{Device: "d", State: site.NoAnswer, Total: 1}}}
	type bar struct {
		kind     gantt.Kind
		end      gantt.End
		from, to int
		title    string
	}
	check := func(want []bar) {
		t.Helper()
		got := sheet.Chart(night, nil).Lanes[0].Tasks[0].Bars
		if len(got) != len(want) {
			t.Fatalf("got %+v", got)
		}
		for i, w := range want {
			if g := got[i]; g.Kind != w.kind || g.End != w.end || !g.From.Equal(at(w.from)) || !g.To.Equal(at(w.to)) || g.Title != w.title {
				t.Errorf("bar %d is %+v, want %+v", i, g, w)
			}
		}
	}
	check([]bar{
		{gantt.Silence, gantt.Well, 20, 30, "d p: no answer\n23:20:00 to 23:30:00"},
		{gantt.Wait, gantt.Well, 1, 2, "d p: gate: failed, took 1m0s\n23:01:00 to 23:02:00\nend of day [gate_closed]"},
		{gantt.Wait, gantt.Well, 2, 10, "d p: waits: end of day\n23:02:00 to 23:10:00"},
		{gantt.Install, gantt.Running, 10, 30, "d p: install (attempt 2): under way\n23:10:00 to 23:30:00"},
	})
	night.Open, night.Closed = false, at(40)
	night.Jobs[0].Step, night.Jobs[0].Since = "", at(40)
	check([]bar{
		{gantt.Silence, gantt.Well, 20, 40, "d p: no answer\n23:20:00 to 23:40:00"},
		{gantt.Wait, gantt.Well, 1, 2, "d p: gate: failed, took 1m0s\n23:01:00 to 23:02:00\nend of day [gate_closed]"},
		{gantt.Wait, gantt.Well, 2, 10, "d p: waits: end of day\n23:02:00 to 23:10:00"},
		{gantt.Install, gantt.Unclear, 10, 40, "d p: install (attempt 2): no outcome was heard of\n23:10:00 to 23:40:00"},
	})
}

// TestEveryStateHasALook: none is drawn or written as one in which nothing was due, but for those.
func TestEveryStateHasALook(t *testing.T) {
	states := []site.State{
		site.NotDue, site.Queued, site.Fetching, site.Staged, site.Waiting, site.Installing, site.Restarting, site.Verifying, site.Done,
		site.Failed, site.RolledBack, site.RollbackFailed, site.Held, site.Skipped, site.NoAnswer,
	}
	for _, s := range states {
		n := view.Night{Devices: []view.NightDevice{{Device: "d", State: s}}}
		sign := sheet.Chart(n, nil).Lanes[0].Sign
		if (sign == gantt.None) != (s == site.NotDue) {
			t.Errorf("%s is drawn as %v", s, sign)
		}
		needs := sheet.Report(n, nil).Devices[0].Tone >= report.Back
		if needs != (s == site.Failed || s == site.RolledBack || s == site.RollbackFailed || s == site.NoAnswer) {
			t.Errorf("%s needs a person: %v", s, needs)
		}
	}
}
