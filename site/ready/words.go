package ready

import (
	"fmt"
	"strings"
	"time"

	"github.com/nightfill/nightfill/site"
)

// Word is the one big word of a verdict.
func Word(v site.Verdict) string {
	switch v {
	case site.Ready, site.ReadyNotes:
		return "READY"
	case site.NotReady:
		return "NOT READY"
	case site.Working:
		return "UPDATING"
	}
	return "DON'T KNOW"
}

// Line is the judgement in one line, for a sign, a phone or a text widget.
func (r Report) Line() string {
	word := Word(r.Verdict)
	switch {
	case r.Verdict == site.Ready || r.Verdict == site.ReadyNotes:
		return word
	case r.Verdict == site.NotReady && len(r.Fix) > 0:
		return word + ": " + r.Fix[0].What
	}
	return word + ": " + r.Text
}

// text is the sentence under the word.
func (j *judge) text(r Report) string {
	switch r.Verdict {
	case site.Ready:
		return "You can open. Everything was checked at " + j.clock(r.AsOf) + "."
	case site.ReadyNotes:
		return "You can open. " + things(len(r.Notes)) + " to know."
	case site.NotReady:
		if wait := j.in.Opens.Sub(j.in.Now); !j.in.Opens.IsZero() && wait > 0 && wait <= 12*time.Hour {
			return things(len(r.Fix)) + " to fix before you open at " + j.clock(j.in.Opens) + "."
		}
		return things(len(r.Fix)) + " to fix."
	case site.Working:
		return j.nightText()
	}
	return j.unknownText(r)
}

func (j *judge) nightText() string {
	n := j.in.Night
	if n.Closes.IsZero() || j.in.Now.Before(n.Closes) {
		s := fmt.Sprintf("Updating tonight. %d of %s done.", n.Settled, plural(n.Total, "device"))
		if n.Ends.After(j.in.Now) {
			s += " Finished by about " + j.clock(n.Ends) + "."
		}
		return s
	}
	switch free := j.usable(); len(free) {
	case 0:
		return "Updates are still running. Wait for this page to change."
	case 1:
		return "Updates are still running. " + free[0] + " is free to use now."
	default:
		return "Updates are still running. " + list(free) + " are free to use now."
	}
}

func (j *judge) unknownText(r Report) string {
	switch {
	case len(j.looks) == 0:
		return "Nothing is checked in this store yet. Tell head office."
	case !j.anyFresh() && r.AsOf.IsZero():
		return "Nothing was checked yet. The store box is checking now."
	case !j.anyFresh():
		return "Last check was " + j.clock(r.AsOf) + ". The store box is checking again."
	case j.unsure() == 0:
		return "Nothing that the store needs is checked. Tell head office."
	}
	return things(j.unsure()) + " could not be checked. The store box is checking again."
}

// clock writes a time as the shop reads it, with the day where it is not today.
func (j *judge) clock(t time.Time) string { return Clock(t.In(j.zone), j.in.Now.In(j.zone)) }

// Clock writes t as 15:04, with the day when it is not the day of now or, for a time
// in the coming night, not within 12 hours of it. Both are in the zone of the store.
func Clock(t, now time.Time) string {
	away := now.Sub(t)
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year(), away < 0 && away > -12*time.Hour:
		return t.Format("15:04")
	case away < 6*24*time.Hour && away > -6*24*time.Hour:
		return t.Format("15:04 on Monday")
	}
	return t.Format("15:04 on 2 January")
}

func things(n int) string { return plural(n, "thing") }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// list writes at most three names, and how many more there are.
func list(names []string) string {
	if n := len(names); n > 4 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", n-3)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// subjectOf is how a check's subject is called: its device, else the check itself.
func subjectOf(c site.Check) string { return first(c.Device, c.ID) }

// can says what a device with the capability does, in words that follow "1 of 2 devices".
func can(capability string) string {
	switch capability {
	case "sell":
		return "can sell"
	case "sell-mobile":
		return "can sell on the shop floor"
	case "cards", "card", "take-cards":
		return "can take cards"
	case "print", "receipts":
		return "can print"
	case "prices":
		return "have the right prices"
	}
	return "work for " + strings.NewReplacer("-", " ", "_", " ").Replace(capability)
}

func count(c Capability) string {
	return fmt.Sprintf("%d of %s %s.", c.Working, plural(c.Total, "device"), can(c.Name))
}

// soWhat says what a failure means for the day.
func (j *judge) soWhat(capability string, red bool) string {
	w := j.capability(capability)
	switch {
	case w.Name != "":
		return fmt.Sprintf("%s You need %d.", count(w.Capability), w.Floor)
	case red:
		return "The store needs this to open."
	}
	return "You can open without it."
}

const wait = "Wait 5 minutes. This page will change by itself."

func downWords(device string) Finding {
	return Finding{
		What:  device + " does not answer",
		Steps: []string{"Look if " + device + " is switched on.", "Switch it on if it is off.", wait},
		Else:  "Trade with what works.",
	}
}

// failWords are the words of the check itself, and sensible ones where it has none.
func failWords(c site.Check) Finding {
	f := kindWords(c)
	if c.What != "" {
		f.What = c.What
	}
	if len(c.Steps) > 0 {
		f.Steps = c.Steps
	}
	if c.Else != "" {
		f.Else = c.Else
	}
	return f
}

func kindWords(c site.Check) Finding {
	it := subjectOf(c)
	f := downWords(it)
	leave := []string{"Leave " + it + " switched on.", wait}
	switch c.Kind {
	case site.CheckTCP:
		if c.Device == "" {
			f.Steps = leave[1:]
		}
	case site.CheckHTTP:
		if c.Device == "" {
			f.Steps = leave[1:]
			break
		}
		f.What = "The shop program on " + it + " does not answer"
	case site.CheckService:
		f.What, f.Steps = "The shop program on "+it+" is not running", leave
	case site.CheckCommand:
		f.What, f.Steps = "A test of "+it+" did not pass", leave
	case site.CheckDisk:
		f.What, f.Steps = it+" is almost full", leave[:1]
	case site.CheckClock:
		f.What = it + " has the wrong time"
		f.Steps = []string{"Do not sell with " + it + ". Receipts would be wrong."}
	}
	return f
}

func warnWords(c site.Check) Finding {
	f := failWords(c)
	if c.What == "" {
		f.What = subjectOf(c) + " works but needs care today"
	}
	f.SoWhat, f.Else = "You can open.", ""
	return f
}

// workingLine is what a passed check shows, in "What is working".
func workingLine(c site.Check) string {
	it := subjectOf(c)
	switch c.Kind {
	case site.CheckHTTP:
		if c.Device != "" {
			return "The shop program on " + it + " answers"
		}
	case site.CheckService:
		return "The shop program on " + it + " is running"
	case site.CheckCommand:
		return "The test " + c.ID + " passed on " + it
	case site.CheckDisk:
		return it + " has enough room"
	case site.CheckClock:
		return it + " has the right time"
	}
	return it + " answers"
}

func floorWords(c Capability) Finding {
	return Finding{
		Code:   CodeFloor,
		What:   fmt.Sprintf("Only %d of %s %s", c.Working, plural(c.Total, "device"), can(c.Name)),
		SoWhat: fmt.Sprintf("You need %d.", c.Floor),
		Steps:  []string{"Switch on the devices that are off.", wait},
		Else:   "Trade with what works.",
	}
}

func uncheckedWords(w weighed) Finding {
	if w.checked {
		return Finding{
			Code: CodeUnchecked, What: fmt.Sprintf("%s You need %d", count(w.Capability), w.Floor),
			SoWhat: "The list of checks is too short.", Else: "Tell head office.",
		}
	}
	return Finding{
		Code: CodeUnchecked, What: "Nothing checks if devices " + can(w.Name),
		SoWhat: "The store box cannot tell.", Steps: []string{"Try it by hand."}, Else: "Tell head office.",
	}
}

func unseenWords(subject string) Finding {
	return Finding{
		Code: CodeNotSeen, What: subject + " could not be checked", SoWhat: "It may work all the same.",
		Steps: []string{"Try it by hand.", wait},
	}
}

func awayWords(device string) Finding {
	return Finding{
		What: device + " is starting again", SoWhat: "It is back in a few minutes.",
		Steps: []string{"Leave " + device + " switched on.", wait},
	}
}

func dirtyWords(device string) Finding {
	return Finding{
		Code: CodeDirty, What: "Support must look at " + device, SoWhat: "Last night's update of it went wrong.",
		Steps: []string{"Try " + device + " before you use it."}, Else: "Use another device.",
	}
}

func (j *judge) noteWords(n Note) (Finding, bool) {
	f := Finding{Device: n.Device, Since: n.Since}
	since := ""
	if !n.Since.IsZero() {
		since = " since " + j.clock(n.Since)
	}
	switch n.Kind {
	case LineDown:
		f.Code, f.What, f.SoWhat = codeLine, "The internet line is down"+since, "Nothing to do."
	case HeldBack:
		f.Code, f.What, f.SoWhat = codeHeld, "Updates are stopped by hand", "You can open."
		if n.Device != "" && n.Device != site.AllDevices {
			f.What = "Updates of " + n.Device + " are stopped by hand"
		}
		if !n.Until.IsZero() {
			f.What += " until " + j.clock(n.Until)
		}
	case TakenBack:
		f.Code, f.What, f.SoWhat = codeTaken, "An update of "+n.Device+" was taken back", "It works as it did before. Nothing to do."
	case NotFinished:
		f.Code, f.What, f.SoWhat = codeUnfinish, "An update of "+n.Device+" was not finished", "Head office knows. Nothing to do."
	case ClockUnsure:
		f.Code, f.What, f.SoWhat = codeClock, "The store box is not sure of the time", "It starts no updates until it is."
	case CatalogOld:
		f.Code, f.What, f.SoWhat = codeCatalog, "No news of updates from head office"+since, "You can open."
	default:
		return Finding{}, false
	}
	return f, true
}
