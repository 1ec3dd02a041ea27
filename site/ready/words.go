package ready

import (
	"cmp"
	"strconv"
	"time"

	"github.com/nightfill/nightfill/site"
	"github.com/nightfill/nightfill/site/ready/words"
)

// Word is the one big word of a verdict, in English.
func Word(v site.Verdict) string { return words.For(words.Default).Word(v) }

// Line is the judgement in one line, for a sign, a phone or a text widget.
func (r Report) Line() string {
	word := words.For(r.Language).Word(r.Verdict)
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
		return j.lang.Say("open_all", "at", j.clock(r.AsOf))
	case site.ReadyNotes:
		return j.lang.Count("open_notes", len(r.Notes))
	case site.NotReady:
		if wait := j.in.Opens.Sub(j.in.Now); !j.in.Opens.IsZero() && wait > 0 && wait <= 12*time.Hour {
			return j.lang.Count("fix_before", len(r.Fix), "at", j.clock(j.in.Opens))
		}
		return j.lang.Count("fix", len(r.Fix))
	case site.Working:
		return j.nightText()
	}
	return j.unknownText(r)
}

func (j *judge) nightText() string {
	n := j.in.Night
	if n.Closes.IsZero() || j.in.Now.Before(n.Closes) {
		s := j.lang.Count("night", n.Total, "done", strconv.Itoa(n.Settled))
		if n.Ends.After(j.in.Now) {
			s += " " + j.lang.Say("night_ends", "at", j.clock(n.Ends))
		}
		return s
	}
	free := j.usable()
	if len(free) == 0 {
		return j.lang.Say("over_wait")
	}
	return j.lang.Count("over_free", len(free), "names", j.lang.List(free))
}

func (j *judge) unknownText(r Report) string {
	switch {
	case len(j.looks) == 0:
		return j.lang.Say("unknown_empty")
	case !j.anyFresh() && r.AsOf.IsZero():
		return j.lang.Say("unknown_yet")
	case !j.anyFresh():
		return j.lang.Say("unknown_old", "at", j.clock(r.AsOf))
	case j.unsure() == 0:
		return j.lang.Say("unknown_needed")
	}
	return j.lang.Count("unknown_some", j.unsure())
}

// clock writes a time as the shop reads it, with the day where it is not today.
func (j *judge) clock(t time.Time) string { return j.lang.Clock(t.In(j.zone), j.in.Now.In(j.zone)) }

// subjectOf is how a check's subject is called: its device, else the check itself.
func subjectOf(c site.Check) string { return first(c.Device, c.ID) }

// count says how many devices have a capability, as a sentence.
func (j *judge) count(c Capability) string {
	return j.lang.Count("count", c.Total, "works", strconv.Itoa(c.Working), "can", j.lang.Can(c.Name))
}

// soWhat says what a failure means for the day.
func (j *judge) soWhat(capability string, red bool) string {
	w := j.capability(capability)
	switch {
	case w.Name != "":
		return j.lang.Say("count_need", "count", j.count(w.Capability), "floor", strconv.Itoa(w.Floor))
	case red:
		return j.lang.Say("store_needs")
	}
	return j.lang.Say("open_without")
}

// say makes a finding from the words with this key; see words.Language.Finding.
func (j *judge) say(key string, pairs ...string) Finding {
	w := j.lang.Finding(key, pairs...)
	return Finding{What: w.What, SoWhat: w.SoWhat, Steps: w.Steps, Else: w.Else}
}

// keyOf is the key of the words about a kind of check.
func (j *judge) keyOf(c site.Check) string {
	if key := string(c.Kind) + ".store"; c.Device == "" && j.lang.Has(key) {
		return key
	}
	if j.lang.Has(string(c.Kind)) {
		return string(c.Kind)
	}
	return CodeDown
}

// failWords are the words of the check itself, and sensible ones where it has none.
func (j *judge) failWords(c site.Check) Finding {
	f := j.say(j.keyOf(c), "it", subjectOf(c), "check", c.ID)
	f.What, f.Else = cmp.Or(c.What, f.What), cmp.Or(c.Else, f.Else)
	if len(c.Steps) > 0 {
		f.Steps = c.Steps
	}
	return f
}

func (j *judge) warnWords(c site.Check) Finding {
	f, w := j.failWords(c), j.say("warn", "it", subjectOf(c))
	if key := j.keyOf(c) + ".warn"; j.lang.Has(key) {
		special := j.say(key, "it", subjectOf(c), "check", c.ID)
		w.What = special.What
		if len(c.Steps) == 0 {
			f.Steps = special.Steps
		}
	}
	f.What, f.SoWhat, f.Else = cmp.Or(c.What, w.What), w.SoWhat, ""
	return f
}

// workingLine is what a passed check shows, in "What is working".
func (j *judge) workingLine(c site.Check) string {
	pairs := []string{"it", subjectOf(c), "check", c.ID}
	return cmp.Or(j.lang.Finding(j.keyOf(c), pairs...).Works, j.lang.Finding(string(site.CheckTCP), pairs...).Works)
}

func (j *judge) floorWords(c Capability) Finding {
	key := CodeFloor
	if c.Total != 1 {
		key += ".many"
	}
	f := j.say(key, "works", strconv.Itoa(c.Working), "n", strconv.Itoa(c.Total), "can", j.lang.Can(c.Name), "floor", strconv.Itoa(c.Floor))
	f.Code = CodeFloor
	return f
}

func (j *judge) uncheckedWords(w weighed) Finding {
	key := CodeUnchecked
	if w.checked {
		key += ".few"
	}
	f := j.say(key, "count", j.count(w.Capability), "floor", strconv.Itoa(w.Floor), "can", j.lang.Can(w.Name))
	f.Code = CodeUnchecked
	return f
}

// about says a finding of the catalogue about a device or another subject.
func (j *judge) about(code, subject string) Finding {
	f := j.say(code, "it", subject)
	f.Code = code
	return f
}

func (j *judge) noteWords(n Note) (Finding, bool) {
	code := map[NoteKind]string{
		LineDown: codeLine, HeldBack: codeHeld, HeldAbove: codeHeld, TakenBack: codeTaken, NotFinished: codeUnfinish, ClockUnsure: codeClock, BoxFull: codeFull, CatalogOld: codeCatalog,
	}[n.Kind]
	if code == "" {
		return Finding{}, false
	}
	key, since, until := code, "", ""
	if n.Kind == HeldBack && n.Device != "" && n.Device != site.AllDevices {
		key += ".device"
	}
	if n.Kind == HeldAbove {
		key += ".headquarters"
	}
	if !n.Since.IsZero() {
		since = j.lang.Say("since", "at", j.clock(n.Since))
	}
	if !n.Until.IsZero() {
		until = j.lang.Say("until", "at", j.clock(n.Until))
	}
	f := j.say(key, "it", n.Device, "since", since, "until", until, "reason", n.Reason)
	f.Code, f.Device, f.Since = code, n.Device, n.Since
	return f, true
}
