// Package sheet puts a night with its evidence into the values that ui/gantt and ui/report draw and
// write. It is pure and keeps no words of its own beyond those of a bar's title.
package sheet

import (
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/plan"
	"github.com/nightfill/nightfill/site/run"
	"github.com/nightfill/nightfill/ui/gantt"
	"github.com/nightfill/nightfill/ui/report"
)

// Report makes the report of a night, as view.WithEvidence shows it, with a picture for its page.
func Report(n view.Night, zone *time.Location) report.Report {
	r := report.Report{
		Store: n.Store, Name: n.Name, Night: n.Night.String(), Zone: zone, Open: n.Open, Played: n.Rehearsal, Opens: n.Opens, Cutoff: n.Cutoff, Closes: n.Closes,
		Opened: n.Opened, Closed: n.Closed, AsOf: n.AsOf, Passes: n.Passes,
	}
	for _, c := range n.Checks {
		r.Checks = append(r.Checks, report.Check{
			Check: c.Check, Device: c.Device, Before: string(c.Before), AtClose: string(c.AtClose), Last: string(c.After), Tone: checkTone(c), Text: c.Text,
		})
	}
	for _, d := range n.Devices {
		code, text := reason(d.Reason)
		r.Devices = append(r.Devices, report.Device{
			Device: d.Device, Class: string(d.Class), State: string(d.State), Tone: tone(d.State, n.Open && d.Done < d.Total), Total: d.Total, Done: d.Done,
			Code: code, Reason: text, Since: d.Since, Before: d.Before,
		})
		r.Rows = append(r.Rows, rows(n, d)...)
	}
	chart := Chart(n, zone)
	chart.Bare = true
	r.Chart = gantt.SVG(chart)
	return r
}

// Picture draws a night as a file of its own.
func Picture(n view.Night, zone *time.Location) []byte {
	chart := Chart(n, zone)
	chart.Sub = Report(n, zone).Sentence()
	return gantt.SVG(chart)
}

// rows are the patches of a device: what was due, then what was left out, else the device alone.
func rows(n view.Night, d view.NightDevice) []report.Row {
	var list []report.Row
	for _, j := range n.Jobs {
		if j.Device != d.Device {
			continue
		}
		row := report.Row{Patch: j.Patch, Title: j.Title, Since: j.Since, Before: j.Before, After: j.After}
		for _, a := range j.Attempts {
			row.Took += took(a)
			if a.Step == run.Install {
				row.Attempts++
			}
			if a.Step == run.Verify && a.Outcome == run.OK && j.State == site.Done {
				row.Verified = a.Ended
			}
		}
		list = append(list, outcome(row, j.State, j.Reason, n.Open))
	}
	for _, l := range n.Left {
		if l.Device == d.Device && l.Patch != "" {
			list = append(list, outcome(report.Row{Patch: l.Patch, Title: title(n, l.Patch), Since: n.Opened}, l.State, l.Reason, false))
		}
	}
	if len(list) == 0 {
		list = append(list, outcome(report.Row{Since: d.Since}, d.State, d.Reason, false))
	}
	for i := range list {
		list[i].Device, list[i].Class = d.Device, string(d.Class)
	}
	return list
}

// title is the title of a patch, where it was due for another device.
func title(n view.Night, patch string) string {
	for _, j := range n.Jobs {
		if j.Patch == patch {
			return j.Title
		}
	}
	return ""
}

func outcome(row report.Row, state site.State, why *site.Reason, open bool) report.Row {
	row.State, row.Tone = string(state), tone(state, open)
	row.Code, row.Reason = reason(why)
	return row
}

func took(a view.Attempt) time.Duration {
	if a.Took > 0 || a.Ended.IsZero() {
		return a.Took.Std()
	}
	return a.Ended.Sub(a.Began)
}

func reason(r *site.Reason) (code, text string) {
	if r == nil {
		return "", ""
	}
	return string(r.Code), r.Text
}

// checkTone is how much attention a check wants: what the night broke wants the most.
func checkTone(c view.NightCheck) report.Tone {
	switch {
	case c.After == site.Pass:
		return report.Good
	case c.After == site.Fail && c.Broke == site.BeforeNight:
		return report.Back
	case c.After == site.Fail:
		return report.Bad
	case c.After == site.NotApplicable:
		return report.Quiet
	}
	return report.Note
}

// tone is how much attention a state wants. While the night is open, what failed is being taken back.
func tone(s site.State, open bool) report.Tone {
	switch s {
	case site.Done:
		return report.Good
	case site.Failed:
		if open {
			return report.Busy
		}
		return report.Bad
	case site.RolledBack:
		return report.Back
	case site.NoAnswer, site.RollbackFailed:
		return report.Bad
	case site.Fetching, site.Installing, site.Restarting, site.Verifying:
		return report.Busy
	case site.Held, site.Skipped, site.Waiting:
		return report.Note
	}
	return report.Quiet
}

// Chart makes the values of the picture of a night, but for the line below its title.
func Chart(n view.Night, zone *time.Location) gantt.Chart {
	title := report.Report{Night: n.Night.String(), Played: n.Rehearsal}.Title()
	c := gantt.Chart{
		Title: strings.TrimSpace(title + ", store " + n.Store + " " + n.Name), Zone: zone,
		Opens: n.Opens, Cutoff: n.Cutoff, Closes: n.Closes,
	}
	end := n.Closed
	if n.Open {
		c.Now, end = n.AsOf, n.AsOf
	}
	for _, d := range n.Devices {
		lane := gantt.Lane{Name: d.Device, Sign: sign(d.State, n.Open), Word: strings.ReplaceAll(string(d.State), "_", " ")}
		if d.Reason != nil {
			lane.Note = fmt.Sprintf("%s [%s]", d.Reason.Text, d.Reason.Code)
		}
		for _, j := range n.Jobs {
			if j.Device == d.Device {
				b := bars{job: j, open: n.Open, end: end, zone: zone}
				lane.Tasks = append(lane.Tasks, gantt.Task{Name: j.Patch, Sign: sign(j.State, n.Open), Bars: b.all()})
			}
		}
		if lane.Note == "" && d.Total == 0 {
			lane.Note = notDue(d.Device, n.Left)
		}
		c.Lanes = append(c.Lanes, lane)
	}
	return c
}

// notDue says why nothing was due for a device.
func notDue(device string, left plan.Report) string {
	for _, l := range left {
		if l.Device == device && l.Reason != nil {
			return fmt.Sprintf("%s: %s [%s]", l.Patch, l.Reason.Text, l.Reason.Code)
		}
	}
	return "nothing was due"
}

func sign(s site.State, open bool) gantt.Sign {
	switch s {
	case site.Done:
		return gantt.Done
	case site.RolledBack:
		return gantt.Back
	case site.Failed:
		if open {
			return gantt.Busy
		}
		return gantt.Broken
	case site.RollbackFailed:
		return gantt.Broken
	case site.NoAnswer:
		return gantt.Silent
	case site.Held:
		return gantt.Paused
	case site.Skipped:
		return gantt.Skipped
	case site.Fetching, site.Installing, site.Restarting, site.Verifying:
		return gantt.Busy
	case site.Queued, site.Staged, site.Waiting:
		return gantt.Queued
	}
	return gantt.None
}
