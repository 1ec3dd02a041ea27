package wire_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/window"
)

func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", "2026-11-22 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func job(patch, begins, ends string) plan.Job {
	return plan.Job{Patch: patch, Needs: site.Duration(30 * time.Minute), Begins: at(begins), Ends: at(ends)}
}

func TestForecastOf(t *testing.T) {
	p := plan.Plan{
		Night: window.Date{Year: 2026, Month: 11, Day: 21}, Opens: at("00:00"), Cutoff: at("04:15"), Closes: at("05:00"), Catalog: 7,
		Patches: []site.Patch{{ID: "a", Title: "The A", Reboot: site.RebootMay}, {ID: "b"}},
		Lanes: []plan.Lane{
			{Device: "srv-1", Jobs: []plan.Job{job("a", "00:00", "00:10"), job("b", "00:20", "00:30")}},
			{Device: "srv-2", Jobs: []plan.Job{job("a", "00:00", "00:40"), job("b", "00:10", "00:20")}},
		},
	}
	f := wire.ForecastOf(p, nil)
	var got []string
	for _, j := range f.Jobs {
		got = append(got, fmt.Sprint(j.Order, j.Device, j.Patch, " ", j.LastSafeStart.Format("15:04")))
	}
	if want := "1srv-1a 03:45, 2srv-2a 03:45, 3srv-2b 03:45, 4srv-1b 03:45"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	if f.Jobs[0].Title != "The A" || f.Jobs[0].Reboot != site.RebootMay {
		t.Errorf("the patch was not looked up: %+v", f.Jobs[0])
	}
	if !f.Ends.Equal(at("00:40")) || f.Spare.Std() != 215*time.Minute || f.Left == nil {
		t.Errorf("ends %v, spare %v, left %v", f.Ends, f.Spare, f.Left)
	}
	p.Lanes = nil
	if f := wire.ForecastOf(p, nil); f.Spare.Std() != 255*time.Minute || !f.Ends.IsZero() || f.Jobs == nil {
		t.Errorf("nothing planned: spare %v, ends %v, jobs %v", f.Spare, f.Ends, f.Jobs)
	}
}

func TestGrouped(t *testing.T) {
	left := func(device string, s site.State, code site.Code) plan.LeftOut {
		l := plan.LeftOut{Device: device, State: s}
		if code != "" {
			l.Reason = site.Because(code, "because")
		}
		return l
	}
	groups, notDue := wire.Grouped(plan.Report{
		left("a", site.Held, site.CodeHeld), left("b", site.NotDue, site.CodeOtherRing), left("c", site.Skipped, site.CodeNoTime),
		left("d", site.Skipped, site.CodeNoTime), left("e", site.Skipped, ""), left("f", site.NotDue, site.CodeHeld),
	})
	var got []string
	for _, g := range groups {
		line := string(g.Code) + ":"
		for _, l := range g.Items {
			line += " " + l.Device
		}
		got = append(got, line)
	}
	if want := "no_time: c d, held: a, : e"; strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	if len(notDue) != 2 {
		t.Errorf("%d are not due, want 2", len(notDue))
	}
}
