package storecmd

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nightfill/nightfill/daemon/control"
	"github.com/nightfill/nightfill/daemon/view"
	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/forecast"
)

func rehearseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rehearse [--fault FAULT]...",
		Short: "Play the next night before it comes: nothing is done to any device",
		Long: `Play the night that "nightfill plan" shows, in a moment: the rules are the real ones, the devices are only
drawn. Everything takes as long as the plan expects, and nothing goes wrong but the faults that you name. With
a seed, devices take as long and fail as often as others of their kind: each seed is another luck, and the same
seed gives the same night. Every device is looked at, as for a plan; nothing is done to it, and nothing is
written down.

A fault makes something go wrong on purpose. For DEVICE or PATCH, * is every one.

` + control.Misfortunes + `

Exit code 0: all is done and the store has its floors. 3: one of them is not so.`,
		Example: `  nightfill rehearse
  nightfill rehearse --seed 7 --fault "till-1 pos-app-4.2.1 breaks" --svg rehearsal.svg
  nightfill rehearse --fault "till-2 * silent 01:30" --fault "box power-cut 02:00 30m"`,
	}
	var ask control.RehearsalAsked
	f := cmd.Flags()
	f.StringVar(&ask.At, "at", "", "play the window that is open at this moment, or the next one after it")
	f.Uint64Var(&ask.Seed, "seed", view.NoLuck, "the luck of the night; 0 = all goes as planned, but for the faults")
	f.StringArrayVar(&ask.Faults, "fault", nil, `what goes wrong, for example "till-1 pos-app-4.2.1 breaks"; may be repeated`)
	all, format, picture := sheetFlags(cmd)
	return action(cmd, cobra.NoArgs, func(s *session, _ []string) error {
		if err := s.formatted(*format); err != nil {
			return usage(s.cmd, err)
		}
		v, err := s.client.Rehearse(s.ctx(), ask)
		if err != nil {
			return err
		}
		if err := s.sheet(v.Night, *format, *picture, v, func(p *printer) { p.rehearsal(v, *all) }); err != nil {
			return err
		}
		if !v.AllDone || !v.Opens {
			return notAllGood("in the rehearsal of the night of %s, %s", v.Night.Night, verdict(v))
		}
		return nil
	})
}

// verdict sums a rehearsal up.
func verdict(v view.Rehearsal) string {
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
		text = count(missed, "patch is", "patches are") + " not done"
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

func (p *printer) rehearsal(v view.Rehearsal, all bool) {
	p.line("%s", p.paint(heading, "REHEARSAL: nothing of this has happened."))
	luck := fmt.Sprintf("The luck is that of seed %d", v.Seed)
	if v.Seed == view.NoLuck {
		luck = "Everything takes its time as planned"
	}
	p.line("%s%s.", luck, faults(v.Faults))
	p.line("")
	var rows [][]cell
	for _, b := range gathered(v.Timeline) {
		rows = append(rows, p.beat(b))
	}
	p.table([]string{"TIME", "UNTIL", "DEVICE", "PATCH", "STEP", "OUTCOME", "WHY"}, rows)
	p.line("")
	p.night(v.Night, all)
	p.line("")
	for _, f := range v.Floors {
		missing := ""
		if len(f.Missing) > 0 {
			missing = ", without " + strings.Join(f.Missing, ", ")
		}
		p.line("%s: %s, %d needed%s", clean(f.Capability), count(f.Has, "device", "devices"), f.Needs, clean(missing))
	}
	word := good
	if !v.AllDone || !v.Opens {
		word = bad
	}
	p.line("In this rehearsal, %s.", p.paint(word, verdict(v)))
	p.next(fmt.Sprintf("nightfill rehearse --seed %d", v.Seed+1))
}

func faults(told []string) string {
	if len(told) == 0 {
		return ", no fault is made"
	}
	return ", faults are made: " + clean(strings.Join(told, "; "))
}

// repeated is a beat, and how often it came in vain before something else happened to its patch.
type repeated struct {
	view.Beat
	times int
}

// gathered makes one of the attempts that ended alike, one after another: a device that does not answer
// is asked every minute.
func gathered(timeline []view.Beat) []repeated {
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
func (p *printer) beat(b repeated) []cell {
	const clock = "15:04:05"
	until, step, outcome := "", string(b.Step), cell{text: words(b.Outcome)}
	if !b.Until.IsZero() {
		until = b.Until.In(p.zone).Format(clock)
	}
	switch {
	case b.times > 1:
		step += fmt.Sprintf(", %d times", b.times)
	case b.Attempt > 1:
		step += fmt.Sprintf(" (%d)", b.Attempt)
	}
	why := reason(b.Reason)
	switch {
	case b.Text != "":
		step, outcome, why = "", cell{}, b.Text
	case b.Step == "":
		outcome = state(b.State)
	case b.Outcome == "":
		outcome.text = "no answer"
	case b.State == site.Done || b.State == site.RolledBack || b.State == site.RollbackFailed:
		outcome = cell{outcome.text + ", " + words(b.State), toneOf(b.State)}
	}
	return []cell{
		text("%s", b.At.In(p.zone).Format(clock)), text("%s", until), text("%s", b.Device), text("%s", b.Patch),
		text("%s", step), outcome, text("%s", clean(why)),
	}
}

// chance writes what came of the nights that were played with a plan.
func (p *printer) chance(f control.Forecast) {
	c := f.Chance
	if c == nil {
		return
	}
	line := fmt.Sprintf("Chance: %s: all of it is done before %s", ofHundred(c.AllDone), p.clock(f.Cutoff))
	if c.Floors {
		line += fmt.Sprintf("; %s: the store opens with its floors", ofHundred(c.Opens))
	}
	p.line("%s (%s played)", line, count(c.Nights, "night", "nights"))
	p.line("The last of it ends by %s in half of the nights, by %s in 95 of 100.", p.clock(c.EndsP50), p.clock(c.EndsP95))
	var causes []string
	for _, cause := range c.Causes {
		causes = append(causes, fmt.Sprintf("%s on %s (%s)", cause.Patch, cause.Device, ofHundred(cause.Share)))
	}
	if len(causes) > 0 {
		p.line("Trouble most often begins with %s.", strings.Join(causes, ", "))
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
