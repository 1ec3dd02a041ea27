package ready

import (
	"maps"
	"slices"
	"strings"

	"github.com/nightfill/nightfill/site"
)

// findRisk says, from the time on at which nothing new is begun, that the store may not be ready when
// it opens: a floor is not met by devices that are proven to work, or something required is not
// proven. A store of which it is certain has red findings instead.
func (j *judge) findRisk() {
	in := j.in
	if in.Risk.IsZero() || in.Now.Before(in.Risk) || !in.Now.Before(in.Opens) || in.Night == nil && len(j.fix) > 0 {
		return
	}
	missing := slices.IndexFunc(j.abled, func(w weighed) bool { return w.Working < w.Floor })
	if missing < 0 && !slices.ContainsFunc(j.looks, func(l look) bool { return l.required() && l.is != good && l.is != absent }) {
		return
	}
	f := j.say(CodeRisk, "at", j.clock(in.Opens))
	f.Code, f.Since, f.SoWhat = CodeRisk, in.Risk, j.lang.Say("store_needs")
	if missing >= 0 {
		f.SoWhat = j.soWhat(j.abled[missing].Name, false)
	}
	j.add(f, false)
	last := len(j.notes) - 1
	f = j.notes[last]
	j.notes = slices.Insert(j.notes[:last], 0, f)
}

// tellWho says in each finding of which an alarm tells who was told, who is told next, or who has taken it on.
func (j *judge) tellWho() {
	for _, findings := range [][]Finding{j.fix, j.notes} {
		for i := range findings {
			if a, ok := j.alarmOf(findings[i]); ok {
				findings[i].Told = j.told(a)
			}
		}
	}
}

// alarmOf finds the alarm that tells of a finding: by its code, or by its device.
func (j *judge) alarmOf(f Finding) (site.Alarm, bool) {
	if a, ok := j.in.Alarms[f.Code]; ok {
		return a, true
	}
	_, down := j.down[f.Device]
	for _, code := range slices.Sorted(maps.Keys(j.in.Alarms)) {
		a := j.in.Alarms[code]
		if a.Device == f.Device && (a.Cause == site.CauseRollbackFailed && f.Code == CodeDirty || a.Cause == site.CauseNoAnswer && down) {
			return a, true
		}
	}
	return site.Alarm{}, false
}

func (j *judge) told(a site.Alarm) []string {
	var lines []string
	for _, t := range a.Told {
		lines = append(lines, j.lang.Say("told", "who", j.reach(t.To), "at", j.clock(t.At)))
	}
	if a.Ack != nil {
		return append(lines, j.lang.Say("told_ack", "who", a.Ack.Actor, "at", j.clock(a.Ack.At)))
	}
	if next, at, ok := a.Next(j.in.Store.Escalation); ok && at.After(j.in.Now) {
		lines = append(lines, j.lang.Say("told_next", "who", j.reach(next.To), "at", j.clock(at)))
	}
	return lines
}

// reach is a contact with its number.
func (j *judge) reach(name string) string {
	for _, c := range j.in.Store.Contacts {
		if c.Name == name {
			return strings.TrimSpace(name + " " + c.Phone)
		}
	}
	return name
}
