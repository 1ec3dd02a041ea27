package nightcmd

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/cmd/nightfill/printout"
	"github.com/nightfill/nightfill/cmd/nightfill/session"
	"github.com/nightfill/nightfill/daemon/control/misfortune"
	"github.com/nightfill/nightfill/daemon/control/wire"
	"github.com/nightfill/nightfill/daemon/view/played"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
)

// Rehearse returns `rehearse`.
func Rehearse() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rehearse [--fault FAULT]...",
		Short: "Play the next night before it comes: nothing is done to any device",
		Long: `Play the night that "nightfill plan" shows, in a moment: the rules are the real ones, the devices are only
drawn. Everything takes as long as the plan expects, and nothing goes wrong but the faults that you name. With
a seed, devices take as long and fail as often as others of their kind: each seed is another luck, and the same
seed gives the same night. Every device is looked at, as for a plan; nothing is done to it, and nothing is
written down.

A fault makes something go wrong on purpose. For DEVICE or PATCH, * is every one.

` + misfortune.Help + `

Exit code 0: all is done and the store has its floors. 3: one of them is not so.`,
		Example: `  nightfill rehearse
  nightfill rehearse --seed 7 --fault "till-1 pos-app-4.2.1 breaks" --svg rehearsal.svg
  nightfill rehearse --fault "till-2 * silent 01:30" --fault "box power-cut 02:00 30m"`,
	}
	var ask wire.RehearsalAsked
	f := cmd.Flags()
	f.StringVar(&ask.At, "at", "", "play the window that is open at this moment, or the next one after it")
	f.Uint64Var(&ask.Seed, "seed", played.NoLuck, "the luck of the night; 0 = all goes as planned, but for the faults")
	f.StringArrayVar(&ask.Faults, "fault", nil, `what goes wrong, for example "till-1 pos-app-4.2.1 breaks"; may be repeated`)
	all, format, picture := sheetFlags(cmd)
	return session.Action(cmd, cobra.NoArgs, func(s *session.Session, _ []string) error {
		if err := formatted(s, *format); err != nil {
			return s.Usage(err)
		}
		v, err := s.Client.Rehearse(s.Ctx(), ask)
		if err != nil {
			return err
		}
		if err := showSheet(s, v.Night, *format, *picture, v, func(p *printout.Printer) { printRehearsal(p, v, *all) }); err != nil {
			return err
		}
		if !v.AllDone || !v.Opens {
			return session.NotAllGood("in the rehearsal of the night of %s, %s", v.Night.Night, verdict(v))
		}
		return nil
	})
}

// verdict sums a rehearsal up.
func verdict(v played.Rehearsal) string {
	missed := 0
	for _, j := range v.Night.Jobs {
		if j.State != site.Done {
			missed++
		}
	}
	text := "all is done"
	switch {
	case v.Night.Total == 0:
		text = "nothing is planned"
	case missed > 0:
		text = printout.Count(missed, "patch is", "patches are") + " not done"
	case !v.AllDone:
		text = "all is done, but not before the cut-off"
	}
	switch {
	case len(v.Floors) == 0:
		return text
	case v.Opens:
		return text + ", and the store opens with its floors"
	}
	return text + ", and the store does not open with its floors"
}

func printRehearsal(p *printout.Printer, v played.Rehearsal, all bool) {
	p.Line("%s", p.Paint(printout.Heading, "REHEARSAL: nothing of this has happened."))
	luck := fmt.Sprintf("The luck is that of seed %d", v.Seed)
	if v.Seed == played.NoLuck {
		luck = "Everything takes its time as planned"
	}
	p.Line("%s%s.", luck, faults(v.Faults))
	p.Line("")
	var rows [][]printout.Cell
	for _, b := range gathered(v.Timeline) {
		rows = append(rows, beat(p, b))
	}
	p.Table([]string{"TIME", "UNTIL", "DEVICE", "PATCH", "STEP", "OUTCOME", "WHY"}, rows)
	p.Line("")
	printNight(p, v.Night, all)
	p.Line("")
	for _, f := range v.Floors {
		missing := ""
		if len(f.Missing) > 0 {
			missing = ", without " + strings.Join(f.Missing, ", ")
		}
		p.Line("%s: %s, %d needed%s", printout.Clean(f.Capability), printout.Count(f.Has, "device", "devices"), f.Needs, printout.Clean(missing))
	}
	word := printout.Good
	if !v.AllDone || !v.Opens {
		word = printout.Bad
	}
	p.Line("In this rehearsal, %s.", p.Paint(word, verdict(v)))
	p.Next(fmt.Sprintf("nightfill rehearse --seed %d", v.Seed+1))
}

func faults(told []string) string {
	if len(told) == 0 {
		return ", no fault is made"
	}
	return ", faults are made: " + printout.Clean(strings.Join(told, "; "))
}

// repeated is a beat, and how often it came in vain before something else happened to its patch.
type repeated struct {
	played.Beat
	times int
}

// gathered makes one of the attempts that ended alike, one after another: a device that does not answer
// is asked every minute.
func gathered(timeline []played.Beat) []repeated {
	var list []repeated
	newest := map[[2]string]int{} // by device and patch, the place of its newest beat
	for _, b := range timeline {
		job := [2]string{b.Device, b.Patch}
		i, had := newest[job]
		if had && b.Step != "" && list[i].Step == b.Step && list[i].Outcome == b.Outcome && list[i].State == "" && b.State == "" && list[i].Text == "" && b.Text == "" {
			list[i].Until = b.Until
			list[i].times++
			continue
		}
		newest[job] = len(list)
		list = append(list, repeated{b, 1})
	}
	return list
}

// beat is a line of the timeline.
func beat(p *printout.Printer, b repeated) []printout.Cell {
	const clock = "15:04:05"
	until, step, outcome := "", string(b.Step), printout.Cell{Text: printout.Words(b.Outcome)}
	if !b.Until.IsZero() {
		until = b.Until.In(p.Zone).Format(clock)
	}
	switch {
	case b.times > 1:
		step += fmt.Sprintf(", %d times", b.times)
	case b.Attempt > 1:
		step += fmt.Sprintf(" (%d)", b.Attempt)
	}
	why := printout.Reason(b.Reason)
	switch {
	case b.Text != "":
		step, outcome, why = "", printout.Cell{}, b.Text
	case b.Step == "":
		outcome = printout.State(b.State)
	case b.Outcome == "":
		outcome.Text = "no answer"
	case b.State == site.Done || b.State == site.RolledBack || b.State == site.RollbackFailed:
		outcome = printout.Toned(printout.ToneOf(b.State), outcome.Text+", "+printout.Words(b.State))
	}
	return []printout.Cell{
		printout.Text("%s", b.At.In(p.Zone).Format(clock)), printout.Text("%s", until), printout.Text("%s", b.Device), printout.Text("%s", b.Patch),
		printout.Text("%s", step), outcome, printout.Text("%s", printout.Clean(why)),
	}
}

// printChance writes what came of the nights that were played with a plan.
func printChance(p *printout.Printer, f wire.Forecast) {
	c := f.Chance
	if c == nil {
		return
	}
	if len(f.HeldBack) > 0 {
		p.Line("Chance: %s, as nothing is begun [%s].", ofHundred(c.AllDone), f.HeldBack[0].Code)
		return
	}
	line := fmt.Sprintf("Chance: %s: all of it is done before %s", ofHundred(c.AllDone), p.Clock(f.Cutoff))
	if c.Floors {
		line += fmt.Sprintf("; %s: the store opens with its floors", ofHundred(c.Opens))
	}
	p.Line("%s (%s played)", line, printout.Count(c.Nights, "night", "nights"))
	p.Line("The last of it ends by %s in half of the nights, by %s in 95 of 100.", p.Clock(c.EndsP50), p.Clock(c.EndsP95))
	var causes []string
	for _, cause := range c.Causes {
		causes = append(causes, fmt.Sprintf("%s on %s (%s)", cause.Patch, cause.Device, ofHundred(cause.Share)))
	}
	if len(causes) > 0 {
		p.Line("Trouble most often begins with %s.", strings.Join(causes, ", "))
	}
}

// ofHundred writes a share. Only all is 100, and only none is 0.
func ofHundred(share float64) string {
	const exact = 1e-9 // shares are fractions of a few hundred
	hundredths := int(math.Floor(share*100 + exact))
	if share > 0 {
		hundredths = max(hundredths, 1)
	}
	return fmt.Sprintf("%d of 100", hundredths)
}

// doubts returns the chance of each job by device and patch, for those that are not certain.
func doubts(c *forecast.Chance) map[[2]string]string {
	told := map[[2]string]string{}
	if c == nil {
		return told
	}
	for _, j := range c.Jobs {
		if j.Done < 1 {
			told[[2]string{j.Device, j.Patch}] = ofHundred(j.Done)
		}
	}
	return told
}
