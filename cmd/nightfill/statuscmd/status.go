// Package statuscmd holds the commands of `nightfill` that show how the store is at this moment: its status, its devices,
// its readiness checks, what of the night is in the store, and all that is known of one device.
package statuscmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
	"github.com/nightfill/nightfill/site/run"
)

// Status returns `status`.
func Status() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:   "status",
		Short: "Show the whole store: problems first, then numbers",
		Long: `Show the whole store: problems first, then numbers, then what to do next.

Exit code 0: the daemon answered. 3: it cannot tell whether the store is ready. 4: no daemon
answered. For an exit code that says whether the store is ready, use: nightfill check`,
		Example: "  nightfill status\n  nightfill status --json",
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		v, err := s.Client.Status(s.Ctx())
		if err != nil {
			return err
		}
		devices, err := s.Client.Devices(s.Ctx())
		if err != nil {
			return err
		}
		if err := s.Show(v, func(p *printout.Printer) { printStatus(p, v, devices) }); err != nil {
			return err
		}
		if v.Verdict == site.CannotTell {
			return session.NotAllGood("the box cannot tell whether the store is ready")
		}
		return nil
	})
}

func printStatus(p *printout.Printer, v view.Status, devices []view.Device) {
	for _, problem := range v.Problems {
		p.Line("%s %s", p.Paint(printout.Bad, "PROBLEM"), problem)
	}
	for _, a := range v.Alarms {
		p.Line("%s %s", p.Paint(printout.Bad, "ALARM"), alarmText(p, a))
	}
	if len(v.Problems)+len(v.Alarms) > 0 {
		p.Line("")
	}
	p.Line("Store %s (%s, %s): %s", v.Store, v.Org, v.Name, p.Paint(verdictTone(v.Verdict), ready.Word(v.Verdict)))
	if v.Text != "" {
		p.Line("%s", v.Text)
	}
	p.Line("")
	row := func(name, format string, args ...any) { p.Line("%-9s %s", name, fmt.Sprintf(format, args...)) }
	row("time", "%s %s", p.Moment(v.Now), p.Zone)
	row("window", "%s", windowText(p, v.Window))
	if !v.Window.Trading.IsZero() {
		row("trading", "opens %s", p.Moment(v.Window.Trading))
	}
	row("night", "%s", lastNight(p, v.Night))
	if h := v.HeldByHeadquarters; h != nil {
		row("held", "%s", heldAbove(p, *h))
	}
	for _, o := range v.HeldBack {
		if text := begins(v, o); text != "" {
			row("begins", "nothing %s", text)
		}
	}
	row("devices", "%d, %d answer, %d held", v.Devices.Total, v.Devices.Answers, v.Devices.Held)
	row("catalog", "%s", catalogText(p, v.Catalog))
	row("clock", "%s", trusted(v.Clock))
	row("journal", "%d records, %d not yet stored at headquarters", v.Journal.Last, v.Journal.Outbox)
	row("mqtt", "%s", mqtt(p, v.MQTT))
	if c := v.Console; c != nil {
		row("console", "%s, HTTPS until %s, SHA-256 %s", c.Address, c.Until.Format(time.DateOnly), c.Fingerprint)
	}
	row("software", "nightfilld %s, ring %s, zone data %s", v.Version, v.Ring, v.ZoneData)
	p.Next(afterStatus(v, devices)...)
}

// heldAbove writes why and since when headquarters holds the store.
func heldAbove(p *printout.Printer, h site.StoreHold) string {
	text := "by headquarters since " + p.Moment(h.At)
	if h.By != "" {
		text += ", asked for by " + h.By
	}
	return text + ": " + h.Reason + "; nothing is begun until people there lift it"
}

// begins writes why nothing is begun and what to do; a reason that is told as a problem, or on a line of its own, is
// only named.
func begins(v view.Status, o run.Obstacle) string {
	switch {
	case o.Code == site.CodeHeld && v.HeldByHeadquarters != nil:
		return ""
	case o.Code == site.CodeHeld, o.Code == site.CodeWaiting:
		return fmt.Sprintf("[%s]: %s; %s", o.Code, o.Text, o.Do)
	}
	return fmt.Sprintf("[%s]: %s", o.Code, o.Do)
}

// alarmText writes who was told of an alarm, and who is told next.
func alarmText(p *printout.Printer, a view.Alarm) string {
	text := fmt.Sprintf("%s since %s: %s", a.Code, p.Clock(a.Since), a.Text)
	for _, t := range a.Told {
		text += fmt.Sprintf("; %s told at %s", t.To, p.Clock(t.At))
		if t.Sent == site.SentFailed {
			text += " (its webhook did not take it)"
		}
	}
	switch {
	case a.Ack != nil:
		text += fmt.Sprintf("; taken on by %s: %s", a.Ack.Actor, a.Ack.Reason)
	case a.Next != "":
		text += fmt.Sprintf("; next %s at %s", a.Next, p.Clock(a.NextAt))
	}
	return text
}

func verdictTone(v site.Verdict) printout.Tone {
	switch v {
	case site.Ready, site.ReadyNotes:
		return printout.Good
	case site.NotReady:
		return printout.Bad
	}
	return printout.Busy
}

func windowText(p *printout.Printer, w view.Window) string {
	switch {
	case w.Opens.IsZero():
		return "none in sight"
	case w.Open && w.Reason != nil:
		return fmt.Sprintf("open until %s: %s", p.Moment(w.Closes), printout.Reason(w.Reason))
	case w.Open:
		return fmt.Sprintf("open until %s (night of %s)", p.Moment(w.Closes), w.Night)
	}
	next := fmt.Sprintf("closed; opens %s, closes %s", p.Moment(w.Opens), p.Moment(w.Closes))
	if w.Reason != nil {
		next += "; none tonight: " + printout.Reason(w.Reason)
	}
	return next
}

func lastNight(p *printout.Printer, n *view.Night) string {
	switch {
	case n == nil:
		return "none yet"
	case n.Open:
		return fmt.Sprintf("%s is under way, %d of %d settled: %s", n.Night, n.Settled, n.Total, printout.Counts(n.States))
	}
	return fmt.Sprintf("%s, closed %s: %s", n.Night, p.Moment(n.Closed), n.Summary)
}

func catalogText(p *printout.Printer, c view.CatalogStatus) string {
	text := "none"
	if c.Version > 0 {
		text = fmt.Sprintf("version %d of %s, %s", c.Version, p.Moment(c.Issued), printout.Count(c.Patches, "patch", "patches"))
	}
	if c.Reason != nil {
		text += ": " + printout.Reason(c.Reason)
	}
	return text
}

func trusted(c view.ClockStatus) string {
	if c.Trusted {
		return "trusted"
	}
	return "not trusted: " + printout.Reason(c.Reason)
}

func mqtt(p *printout.Printer, l view.Line) string {
	switch {
	case !l.Wanted:
		return "the store file names no broker"
	case l.Connected:
		return "connected since " + p.Moment(l.Since)
	case l.Since.IsZero():
		return "not connected"
	}
	return "not connected since " + p.Moment(l.Since)
}

// afterStatus suggests what to look at: what is not good, and then what comes.
func afterStatus(v view.Status, devices []view.Device) []string {
	var commands []string
	if v.Verdict == site.NotReady || v.Verdict == site.CannotTell {
		commands = append(commands, "nightfill check")
	}
	if v.Catalog.Version == 0 {
		commands = append(commands, "nightfill catalog refresh")
	}
	commands = append(commands, aboutDevices(devices)...)
	if v.Night != nil {
		commands = append(commands, "nightfill night")
	}
	return append(commands, "nightfill plan")
}

func aboutDevices(devices []view.Device) []string {
	var commands []string
	for _, d := range devices {
		switch {
		case len(commands) == printout.MaxAdvice:
		case d.State == site.NoAnswer:
			commands = append(commands, "nightfill diagnose "+d.Device)
		case d.Reason != nil && d.Reason.Code == site.CodeNotEnrolled:
			commands = append(commands, "nightfill enrol "+d.Device)
		case d.State == site.Failed, d.State == site.RollbackFailed, d.State == site.RolledBack:
			commands = append(commands, "nightfill why "+d.Device+" "+d.Patch)
		}
	}
	return commands
}

// Devices returns `devices`.
func Devices() *cobra.Command {
	return session.Action(&cobra.Command{
		Use:     "devices",
		Short:   "List the devices with what is known of each",
		Long:    "List the devices of the store file with what is known of each. Nothing is asked of them: for that, see nightfill diagnose.",
		Example: "  nightfill devices\n  nightfill devices --json | jq '.devices[] | select(.answers | not) | .device'",
	}, cobra.NoArgs, func(s *session.Session, _ []string) error {
		devices, err := s.Client.Devices(s.Ctx())
		if err != nil {
			return err
		}
		return s.Show(map[string]any{"devices": devices}, func(p *printout.Printer) { printDevices(p, devices) })
	})
}

func printDevices(p *printout.Printer, devices []view.Device) {
	silent := slices.DeleteFunc(slices.Clone(devices), func(d view.Device) bool { return d.State != site.NoAnswer })
	for _, d := range silent {
		p.Line("%s %s does not answer since %s", p.Paint(printout.Bad, "PROBLEM"), d.Device, p.Moment(d.Since))
	}
	if len(silent) > 0 {
		p.Line("")
	}
	var rows [][]printout.Cell
	for _, d := range devices {
		why := printout.Reason(d.Reason)
		if d.Held != nil && (d.Reason == nil || d.Reason.Code != site.CodeHeld) {
			why = strings.TrimPrefix(why+"; held until "+p.Moment(d.Held.Until)+" by "+d.Held.Actor, "; ")
		}
		if d.Hand != nil {
			why = strings.TrimPrefix(why+"; "+d.Hand.Doing()+" since "+p.Moment(d.Hand.Since)+": "+d.Hand.Why, "; ")
		}
		rows = append(rows, []printout.Cell{printout.Text("%s", d.Device), printout.Text("%s", d.Class), printout.State(d.State), printout.Text("%s", d.Patch), printout.Text("%s", p.Moment(d.Since)), printout.Text("%s", why)})
	}
	p.Table([]string{"DEVICE", "CLASS", "STATE", "PATCH", "SINCE", "WHY"}, rows)
	p.Next(aboutDevices(devices)...)
}
