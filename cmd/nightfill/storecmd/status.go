package storecmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready"
)

func statusCommand() *cobra.Command {
	return action(&cobra.Command{
		Use:   "status",
		Short: "Show the whole store: problems first, then numbers",
		Long: `Show the whole store: problems first, then numbers, then what to do next.

Exit code 0: the daemon answered. 3: it cannot tell whether the store is ready. 4: no daemon
answered. For an exit code that says whether the store is ready, use: nightfill check`,
		Example: "  nightfill status\n  nightfill status --json",
	}, cobra.NoArgs, func(s *session, _ []string) error {
		v, err := s.client.Status(s.ctx())
		if err != nil {
			return err
		}
		devices, err := s.client.Devices(s.ctx())
		if err != nil {
			return err
		}
		if err := s.show(v, func(p *printer) { p.status(v, devices) }); err != nil {
			return err
		}
		if v.Verdict == site.CannotTell {
			return notAllGood("the box cannot tell whether the store is ready")
		}
		return nil
	})
}

func (p *printer) status(v view.Status, devices []view.Device) {
	for _, problem := range v.Problems {
		p.line("%s %s", p.paint(bad, "PROBLEM"), problem)
	}
	for _, a := range v.Alarms {
		p.line("%s %s", p.paint(bad, "ALARM"), p.alarm(a))
	}
	if len(v.Problems)+len(v.Alarms) > 0 {
		p.line("")
	}
	p.line("Store %s (%s, %s): %s", v.Store, v.Org, v.Name, p.paint(verdictTone(v.Verdict), ready.Word(v.Verdict)))
	if v.Text != "" {
		p.line("%s", v.Text)
	}
	p.line("")
	row := func(name, format string, args ...any) { p.line("%-9s %s", name, fmt.Sprintf(format, args...)) }
	row("time", "%s %s", p.moment(v.Now), p.zone)
	row("window", "%s", p.window(v.Window))
	if !v.Window.Trading.IsZero() {
		row("trading", "opens %s", p.moment(v.Window.Trading))
	}
	row("night", "%s", p.lastNight(v.Night))
	if h := v.HeldByHeadquarters; h != nil {
		row("held", "%s", p.heldAbove(*h))
	}
	row("devices", "%d, %d answer, %d held", v.Devices.Total, v.Devices.Answers, v.Devices.Held)
	row("catalog", "%s", p.catalog(v.Catalog))
	row("clock", "%s", trusted(v.Clock))
	row("journal", "%d records, %d not yet stored at headquarters", v.Journal.Last, v.Journal.Outbox)
	row("mqtt", "%s", p.mqtt(v.MQTT))
	if c := v.Console; c != nil {
		row("console", "%s, HTTPS until %s, SHA-256 %s", c.Address, c.Until.Format(time.DateOnly), c.Fingerprint)
	}
	row("software", "nightfilld %s, ring %s, zone data %s", v.Version, v.Ring, v.ZoneData)
	p.next(afterStatus(v, devices)...)
}

// heldAbove writes why and since when headquarters holds the store.
func (p *printer) heldAbove(h site.StoreHold) string {
	text := "by headquarters since " + p.moment(h.At)
	if h.By != "" {
		text += ", asked for by " + h.By
	}
	return text + ": " + h.Reason + "; nothing is begun until people there lift it"
}

// alarm writes who was told of an alarm, and who is told next.
func (p *printer) alarm(a view.Alarm) string {
	text := fmt.Sprintf("%s since %s: %s", a.Code, p.clock(a.Since), a.Text)
	for _, t := range a.Told {
		text += fmt.Sprintf("; %s told at %s", t.To, p.clock(t.At))
		if t.Sent == site.SentFailed {
			text += " (its webhook did not take it)"
		}
	}
	switch {
	case a.Ack != nil:
		text += fmt.Sprintf("; taken on by %s: %s", a.Ack.Actor, a.Ack.Reason)
	case a.Next != "":
		text += fmt.Sprintf("; next %s at %s", a.Next, p.clock(a.NextAt))
	}
	return text
}

func verdictTone(v site.Verdict) tone {
	switch v {
	case site.Ready, site.ReadyNotes:
		return good
	case site.NotReady:
		return bad
	}
	return busy
}

func (p *printer) window(w view.Window) string {
	switch {
	case w.Opens.IsZero():
		return "none in sight"
	case w.Open:
		return fmt.Sprintf("open until %s (night of %s)", p.moment(w.Closes), w.Night)
	}
	next := fmt.Sprintf("closed; opens %s, closes %s", p.moment(w.Opens), p.moment(w.Closes))
	if w.Reason != nil {
		next += "; none tonight: " + reason(w.Reason)
	}
	return next
}

func (p *printer) lastNight(n *view.Night) string {
	switch {
	case n == nil:
		return "none yet"
	case n.Open:
		return fmt.Sprintf("%s is under way, %d of %d settled: %s", n.Night, n.Settled, n.Total, p.counts(n.States))
	}
	return fmt.Sprintf("%s, closed %s: %s", n.Night, p.moment(n.Closed), n.Summary)
}

// counts writes how many are in which state, the gravest first.
func (p *printer) counts(states map[site.State]int) string {
	order := []site.State{
		site.RollbackFailed, site.Failed, site.NoAnswer, site.RolledBack, site.Skipped, site.Held, site.Installing, site.Restarting,
		site.Verifying, site.Fetching, site.Waiting, site.Staged, site.Queued, site.Done, site.NotDue,
	}
	var parts []string
	for _, s := range order {
		if states[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", states[s], words(s)))
		}
	}
	if len(parts) == 0 {
		return "nothing was due"
	}
	return strings.Join(parts, ", ")
}

func (p *printer) catalog(c view.CatalogStatus) string {
	text := "none"
	if c.Version > 0 {
		text = fmt.Sprintf("version %d of %s, %s", c.Version, p.moment(c.Issued), count(c.Patches, "patch", "patches"))
	}
	if c.Reason != nil {
		text += ": " + reason(c.Reason)
	}
	return text
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func trusted(c view.ClockStatus) string {
	if c.Trusted {
		return "trusted"
	}
	return "not trusted: " + reason(c.Reason)
}

func (p *printer) mqtt(l view.Line) string {
	switch {
	case !l.Wanted:
		return "the store file names no broker"
	case l.Connected:
		return "connected since " + p.moment(l.Since)
	case l.Since.IsZero():
		return "not connected"
	}
	return "not connected since " + p.moment(l.Since)
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

// maxAdvice is how many devices are named in suggestions.
const maxAdvice = 5

func aboutDevices(devices []view.Device) []string {
	var commands []string
	for _, d := range devices {
		switch {
		case len(commands) == maxAdvice:
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

func devicesCommand() *cobra.Command {
	return action(&cobra.Command{
		Use:     "devices",
		Short:   "List the devices with what is known of each",
		Long:    "List the devices of the store file with what is known of each. Nothing is asked of them: for that, see nightfill diagnose.",
		Example: "  nightfill devices\n  nightfill devices --json | jq '.devices[] | select(.answers | not) | .device'",
	}, cobra.NoArgs, func(s *session, _ []string) error {
		devices, err := s.client.Devices(s.ctx())
		if err != nil {
			return err
		}
		return s.show(map[string]any{"devices": devices}, func(p *printer) { p.devices(devices) })
	})
}

func (p *printer) devices(devices []view.Device) {
	silent := slices.DeleteFunc(slices.Clone(devices), func(d view.Device) bool { return d.State != site.NoAnswer })
	for _, d := range silent {
		p.line("%s %s does not answer since %s", p.paint(bad, "PROBLEM"), d.Device, p.moment(d.Since))
	}
	if len(silent) > 0 {
		p.line("")
	}
	var rows [][]cell
	for _, d := range devices {
		why := reason(d.Reason)
		if d.Held != nil && (d.Reason == nil || d.Reason.Code != site.CodeHeld) {
			why = strings.TrimPrefix(why+"; held until "+p.moment(d.Held.Until)+" by "+d.Held.Actor, "; ")
		}
		if d.Hand != nil {
			why = strings.TrimPrefix(why+"; "+d.Hand.Doing()+" since "+p.moment(d.Hand.Since)+": "+d.Hand.Why, "; ")
		}
		rows = append(rows, []cell{text("%s", d.Device), text("%s", d.Class), state(d.State), text("%s", d.Patch), text("%s", p.moment(d.Since)), text("%s", why)})
	}
	p.table([]string{"DEVICE", "CLASS", "STATE", "PATCH", "SINCE", "WHY"}, rows)
	p.next(aboutDevices(devices)...)
}
